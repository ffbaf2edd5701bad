"""How a fit went, pass by pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastmf.models import WALS, BiasedMF, SVDpp
from fastmf.plots._axes import GREY, SOFT, axes, column, history_of, plain

PARTS = ("observed", "unobserved", "regularization")  # of the objective, from the bottom up
ERRORS = ("validation", "rmse", "mae")  # the lower the better
HITS = ("precision", "recall", "recall_min", "ndcg", "map", "mrr", "hit_rate", "auc")  # the higher
NO_FIGURES = ("seconds", "learning_rate", "total", "objective", "train_loss", *PARTS)


def training_curve(model: Any, *, ax: Any = None) -> Any:
    """What a fit measured after each pass: the objective split into its parts, or training loss and validation.

    WALS with `track_objective` (or `tolerance`): its observed, unobserved and regularization part, stacked, so that the
    upper edge is the objective. BiasedMF and SVDpp: the training loss (for the squared loss its root, to be compared
    with the other), and with `validation` that of held-out ratings. The training loss of an epoch is that met on the
    way, before each step, so at first it lies above what it would be after the epoch. Of all: what a callback such as
    `EarlyStopping` has written into the history. The best pass by a figure is marked.

    Parameters
    ----------
    model : FactorModel or list of dict
        A fitted model, or a `history`, whose training loss is drawn as it is, since it does not say of what kind. A
        line has gaps where a pass did not measure its figure.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    Axes
        Where it was drawn; figures in other units than the objective or the training loss have a second y axis.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError, ValueError
        If an argument is not as above, or the history holds nothing but seconds.

    Examples
    --------
    >>> import fastmf
    >>> import fastmf.plots
    >>> model = fastmf.WALS(factors=8, iterations=5, track_objective=True, random_state=0).fit(fastmf.movielens())
    >>> fastmf.plots.training_curve(model).get_xlabel()
    'iteration'
    """
    records = history_of("model", model)
    passes = np.arange(1, len(records) + 1)
    measured = list(dict.fromkeys(name for record in records for name in record))
    has_objective = all(part in measured for part in PARTS)
    figures = [name for name in measured if name not in NO_FIGURES]
    if not has_objective and not figures and "train_loss" not in measured:
        raise ValueError("model must have measured something but seconds: fit WALS with track_objective=True")
    ax = axes(ax)
    plain(ax)
    here = figures  # those on the first y axis
    if has_objective:
        _objective(ax, passes, records)
        here = []
    elif "train_loss" in measured:
        _training_loss(ax, passes, column(records, "train_loss"), model)
        here = [name for name in figures if name in ("validation", ax.get_ylabel().lower())]  # in the same units
    else:
        ax.set_ylabel(", ".join(figures))
    there = [name for name in figures if name not in here]
    second = ax.twinx() if there else ax
    for number, name in enumerate(figures):
        _figure(ax if name in here else second, passes, column(records, name), name, f"C{number + 1}")
    if there:
        second.set_ylabel(", ".join(there))
        second.legend(loc="upper center", frameon=False)
    ax.set_xlabel("iteration" if has_objective or isinstance(model, WALS) else "epoch")
    if has_objective:  # areas reach the frame, marks must not be cut by it
        ax.set_xlim(1, max(len(records), 2))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend(frameon=False)
    return ax


def _objective(ax: Any, passes: Any, records: list[dict[str, float]]) -> None:
    parts = [column(records, part) for part in PARTS]
    ax.stackplot(passes, *parts, labels=PARTS, colors=["C0", "C1", "C2"], alpha=0.55)
    ax.plot(passes, np.sum(parts, axis=0), color="0.2", linewidth=1.5, label="objective")
    ax.set_ylabel("objective J")
    ax.set_ylim(bottom=0)


def _training_loss(ax: Any, passes: Any, loss: Any, model: Any) -> None:
    squared = isinstance(model, SVDpp) or (isinstance(model, BiasedMF) and model.loss == "squared")
    ax.plot(passes, np.sqrt(loss) if squared else loss, "o-", markersize=3, label="training")
    ax.set_ylabel("RMSE" if squared else "loss")


def _figure(ax: Any, passes: Any, values: Any, name: str, color: str) -> None:
    (line,) = ax.plot(passes, values, "o-", markersize=3, color=color, label=name)
    metric = name.partition("@")[0]
    if metric in ERRORS + HITS and not np.isnan(values).all():
        best = int(np.nanargmin(values) if metric in ERRORS else np.nanargmax(values))
        ax.plot(passes[best], values[best], "o", markersize=9, fillstyle="none", color=line.get_color())
        ax.annotate(
            f"{values[best]:.4f}",
            (passes[best], values[best]),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
            color=line.get_color(),
        )
        ax.axhline(values[best], color=GREY, linewidth=0.8, linestyle=":", alpha=4 * SOFT)
