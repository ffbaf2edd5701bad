"""How often items are shown, by how well known they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.models._base import FactorModel
from fastmf.models._filters import seen_of
from fastmf.plots._axes import axes, checked_model, plain

USERS_AT_ONCE = 4096
BINS = 12  # of popularity


def popularity_bias(model: FactorModel, k: int = 10, *, ax: Any = None) -> Any:
    """Each item's exposure, the lists of k it is in, against its popularity, its entries in the training data.

    Every user with entries gets a list that leaves out what was seen. The dashed line is where exposure would be in
    proportion to popularity; the line with marks is the mean over items of about the same popularity. Items that are in
    no list lie on the axis. Both scales are logarithmic, that of exposure below 1 linear.

    Parameters
    ----------
    model : FactorModel
        A fitted model.
    k : int, default 10
        Length of the lists.
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
    NotFittedError, TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import fastmf
    >>> import fastmf.plots
    >>> model = fastmf.WALS(factors=16, iterations=5, random_state=0).fit(fastmf.movielens())
    >>> ax = fastmf.plots.popularity_bias(model)
    >>> int(ax.collections[0].get_offsets()[:, 1].sum())  # 671 users, 10 places each
    6710
    """
    model = checked_model(model)
    exposure = exposures(model, _checks.integer("k", k, 1))
    popularity = np.bincount(model._fitted.seen_indices, minlength=len(exposure))
    known = popularity > 0
    x, y = popularity[known], exposure[known]
    ax = axes(ax)
    plain(ax)
    ax.scatter(x, y, s=10, alpha=0.3, linewidth=0, label="an item")
    along = np.geomspace(x.min(), x.max(), 200)  # a curve where the scale changes
    ax.plot(along, along * (y.sum() / x.sum()), "--", color="0.3", linewidth=1.2, label="in proportion to popularity")
    centres, means = binned(x, y)
    ax.plot(centres, means, "o-", color="C1", markersize=5, label="mean of items as popular")
    ax.set_xscale("log")
    ax.set_yscale("symlog", linthresh=1, linscale=0.5)
    ax.set_ylim(-0.08, 1.6 * max(int(y.max()), 1))
    ax.set_xlabel("popularity: entries in the training data")
    ax.set_ylabel(f"exposure: lists of {k} that show the item")
    ax.set_title(
        f"{np.mean(y > 0):.0%} of the items are shown,\n{_of_half(y):.1%} of the items have half of all places",
        fontsize="medium",
    )
    ax.legend(frameon=False, loc="upper left")
    return ax


def exposures(model: FactorModel, k: int) -> NDArray[np.int64]:
    """How many users' lists of k each item is in."""
    state = model._fitted
    users = np.flatnonzero(np.diff(state.seen_indptr))
    shown = np.zeros(len(state.item_factors), np.int64)
    for first in range(0, len(users), USERS_AT_ONCE):
        numbers = users[first : first + USERS_AT_ONCE]
        top = model._top(numbers, min(k, len(shown)), seen=seen_of(state, numbers))[0]
        shown += np.bincount(top[top >= 0], minlength=len(shown))
    return shown


def binned(x: NDArray[np.int64], y: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means of x and y in bins of about equal width in log x; empty bins are left out."""
    edges = np.unique(np.rint(np.geomspace(x.min(), x.max() + 1, BINS + 1)).astype(np.int64))
    bin_of = np.searchsorted(edges, x, side="right")
    counts = np.bincount(bin_of)
    filled = counts > 0
    sums = [np.bincount(bin_of, weights=values) for values in (x, y)]
    return sums[0][filled] / counts[filled], sums[1][filled] / counts[filled]


def _of_half(exposure: NDArray[np.int64]) -> float:
    """The least share of the items that has half of all places."""
    most = np.cumsum(np.sort(exposure)[::-1])
    return float(np.searchsorted(most, most[-1] / 2) + 1) / len(exposure)
