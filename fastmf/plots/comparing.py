"""Models side by side: a metric at every cut-off, and over the time of a fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastmf import _checks
from fastmf.models import FactorModel
from fastmf.plots._axes import SOFT, axes, column, history_of, named, plain


def metric_against_k(reports: Any, metric: str = "ndcg", *, level: float = 0.95, ax: Any = None) -> Any:
    """A metric of ranked lists at every cut-off, one line a model, in a band of its confidence interval.

    The bands say how far each mean would vary with other users. Models judged on the same users vary together, so that
    of two whose bands overlap one may still be better beyond doubt: `Report.compare` tells.

    Parameters
    ----------
    reports : dict of Report, or Report
        Results of `evaluate` by the names to show.
    metric : str, default "ndcg"
        A metric with a cut-off, without it: "recall", "coverage". What is not a mean over users has no band.
    level : float, default 0.95
        Of the bootstrap intervals, between 0 and 1 exclusive.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Where it was drawn.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If an argument is not as above, or a report lacks the metric.

    Examples
    --------
    >>> import fastmf
    >>> import fastmf.plots
    >>> train, test = fastmf.split_random(fastmf.movielens(), random_state=0)
    >>> report = fastmf.evaluate(fastmf.MostPopular().fit(train), test, k=(1, 5, 10, 20))
    >>> fastmf.plots.metric_against_k({"popular": report}, "recall").get_ylabel()
    'recall@k'
    """
    level = _checks.fraction("level", level)
    given = {str(reports.model): reports} if hasattr(reports, "per_user") else named("reports", reports)
    for name, report in given.items():
        if not hasattr(report, "per_user") or not hasattr(report, "confidence_interval"):
            raise TypeError(f"reports must hold a Report for {name!r}, got {_checks.shown(report)}")
        if f"{metric}@{report.cutoffs[0]}" not in report:
            has = sorted({figure.partition("@")[0] for figure in report if "@" in figure})
            raise ValueError(f"metric must be one of the report of {name!r}, {', '.join(has)}, got {metric!r}")
    ax = axes(ax)
    plain(ax)
    for name, report in given.items():
        figures = [f"{metric}@{k}" for k in report.cutoffs]
        (line,) = ax.plot(report.cutoffs, [report[figure] for figure in figures], "o-", markersize=4, label=name)
        try:
            bands = [report.confidence_interval(figure, level, random_state=0) for figure in figures]
        except KeyError:  # one figure for all users
            continue
        ax.fill_between(report.cutoffs, *np.transpose(bands), color=line.get_color(), alpha=SOFT, linewidth=0)
    cutoffs = sorted({k for report in given.values() for k in report.cutoffs})
    if len(cutoffs) <= 12:
        ax.set_xticks(cutoffs)
    ax.set_xlabel("k")
    ax.set_ylabel(f"{metric}@k")
    ax.set_ylim(bottom=0)
    ax.legend(frameon=False)
    return ax


def metric_against_seconds(runs: Any, metric: str = "validation", *, ax: Any = None) -> Any:
    """What each of several fits had reached after how many seconds.

    Parameters
    ----------
    runs : dict
        By the names to show: a fitted model or its `history`, of which `metric` is drawn over the sum of the seconds of
        the passes; or a pair (seconds, values) measured elsewhere, another library for one.
    metric : str, default "validation"
        What is drawn of the histories: "validation", "objective", "train_loss". It names the y axis.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Where it was drawn.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If an argument is not as above, or a history lacks the metric.

    Examples
    --------
    >>> import fastmf
    >>> import fastmf.plots
    >>> train, test = fastmf.split_random(fastmf.movielens(), random_state=0)
    >>> models = {k: fastmf.BiasedMF(factors=k, epochs=5, random_state=0) for k in (8, 64)}
    >>> models = {f"{k} factors": model.fit(train, validation=test) for k, model in models.items()}
    >>> ax = fastmf.plots.metric_against_seconds(models)
    >>> [len(line.get_xdata()) for line in ax.lines]
    [5, 5]
    """
    curves = {name: _curve(name, run, metric) for name, run in named("runs", runs).items()}
    ax = axes(ax)
    plain(ax)
    for name, (seconds, values) in curves.items():
        ax.plot(seconds, values, "o-", markersize=4, label=name)
    ax.set_xlabel("seconds")
    ax.set_ylabel(metric)
    ax.set_xlim(left=0)
    ax.legend(frameon=False)
    return ax


def _curve(name: str, run: Any, metric: str) -> tuple[Any, Any]:
    if isinstance(run, tuple):
        if len(run) != 2:
            raise ValueError(f"runs[{name!r}] must be a pair (seconds, values), got {len(run)} of them")
        values = _checks.finite_vector(f"runs[{name!r}][1]", run[1])
        return _checks.finite_vector(f"runs[{name!r}][0]", run[0], len(values), 0.0), values
    if isinstance(run, Mapping):
        raise TypeError(f"runs[{name!r}] must be a model, a history or a pair (seconds, values), got a dict")
    records = history_of(f"runs[{name!r}]", run)
    values = column(records, metric)
    if np.isnan(values).all():
        what = type(run).__name__ if isinstance(run, FactorModel) else "history"
        raise ValueError(f"metric must be in the history of {name!r} ({what}), {', '.join(records[0])}, got {metric!r}")
    return np.cumsum([record["seconds"] for record in records]), values
