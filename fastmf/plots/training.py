"""How a fit went, pass by pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastmf.models import BiasedMF, SVDpp
from fastmf.plots._axes import GREY, SOFT, axes, column, history_of, plain

PARTS = ("observed", "unobserved", "regularization")  # of the objective, from the bottom up
NO_FIGURES = ("seconds", "learning_rate", "total", "objective", "train_loss", *PARTS)


def training_curve(model: Any, *, ax: Any = None) -> Any:
    """What a fit measured after each pass: the objective split into its parts, or training loss and validation.

    WALS with `track_objective` (or `tolerance`): its observed, unobserved and regularization part, stacked, so that the
    upper edge is the objective. BiasedMF and SVDpp: the training loss (for the squared loss its root, to be compared
    with the other), and with `validation` that of held-out ratings, whose best pass is marked. The training loss of an
    epoch is that met on the way, before each step, so at first it lies above what it would be after the epoch.

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
        Where it was drawn; where there are both an objective and further figures, these have a second y axis.

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
    if has_objective:
        _objective(ax, passes, records)
        where = ax.twinx() if figures else ax
    else:
        where = ax
        if "train_loss" in measured:
            _training_loss(ax, passes, column(records, "train_loss"), model)
    for number, name in enumerate(figures):
        _figure(where, passes, column(records, name), name, f"C{number + 1}")
    if figures and where is not ax:
        where.set_ylabel(", ".join(figures))
        where.legend(loc="upper center", frameon=False)
    ax.set_xlabel("iteration" if has_objective else "epoch")
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
    if name == "validation":  # an error, the lower the better
        best = int(np.nanargmin(values))
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
