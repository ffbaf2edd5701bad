"""Items in the plane of two factors, with their titles: what an embedding means, as far as two axes show it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf.models._base import FactorModel
from fastmf.models._names import numbers_of
from fastmf.plots import _labels
from fastmf.plots._axes import GREY, axes, checked_model, plain

LONGEST = 32  # letters of a title


def embedding_map(
    model: FactorModel,
    items: ArrayLike | None = None,
    *,
    n: int = 40,
    dimensions: tuple[int, int] | str = "principal",
    titles: ArrayLike | None = None,
    ax: Any = None,
) -> Any:
    """Items as points in a plane, named by their titles, so that like stands beside like.

    Parameters
    ----------
    model : FactorModel
        A fitted model with at least two factors.
    items : array_like, optional
        Ids (or column numbers) of the items to show; by default the `n` with the most entries.
    n : int, default 40
        How many to show where `items` is not given.
    dimensions : "principal" or (int, int), default "principal"
        The axes: the two directions in which the factors of the items shown vary most, by their singular value
        decomposition; or two factors by number, counted from 0. Single factors of WALS and SGD mean little, as any
        rotation of all of them predicts the same; of two factors, or of nonnegative ones, they may.
    titles : array_like of text, optional
        A title for each item shown, in their order; by default "title" of the model's `item_info`, else the ids.
    ax : matplotlib Axes, optional
        Where to draw; by default a new figure of 10 x 8 inches.

    Returns
    -------
    Axes
        Where it was drawn. A title that would cover another is left out, its point stays.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    NotFittedError, UnknownIdError, TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import fastmf
    >>> import fastmf.plots
    >>> model = fastmf.WALS(factors=16, iterations=5, random_state=0).fit(fastmf.movielens())
    >>> ax = fastmf.plots.embedding_map(model, [1, 260, 1196, 2571], titles=["Toy Story", "IV", "V", "The Matrix"])
    >>> ax.collections[0].get_offsets().shape
    (4, 2)
    """
    model = checked_model(model)
    numbers = _chosen(model, items, _checks.integer("n", n, 1))
    points, names = _plane(model.item_factors, numbers, dimensions)
    shown = _titles(model, numbers, titles)
    if ax is None:
        ax = axes(None)
        ax.figure.set_size_inches(10, 8)
    ax = axes(ax)
    plain(ax)
    ax.scatter(points[:, 0], points[:, 1], s=14, linewidth=0)
    ax.margins(0.12, 0.06)
    for line, limits in ((ax.axvline, ax.get_xlim()), (ax.axhline, ax.get_ylim())):
        if limits[0] < 0 < limits[1]:
            line(0, color=GREY, linewidth=0.8, zorder=0.6)  # over the grid, under the points
    ax.set_xlabel(names[0])
    ax.set_ylabel(names[1])
    _labels.place(ax, points, shown)
    return ax


def _chosen(model: FactorModel, items: ArrayLike | None, n: int) -> NDArray[np.int64]:
    """Column numbers, the most popular first."""
    state = model._fitted
    popularity = np.bincount(state.seen_indices, minlength=len(state.item_factors))
    if items is None:
        numbers = np.argsort(-popularity, kind="stable")[:n]
        return numbers[popularity[numbers] > 0]
    given = numbers_of("items", items, state.item_ids, state.shape[1])[0]
    if len(given) == 0:
        raise ValueError("items must have at least one item, got none")
    return given


def _plane(
    factors: NDArray[Any], numbers: NDArray[np.int64], dimensions: Any
) -> tuple[NDArray[np.float64], tuple[str, str]]:
    """Two coordinates of each item, and what to call them."""
    rows, k = factors[numbers].astype(np.float64), factors.shape[1]
    if k < 2:
        raise ValueError(f"model must have at least two factors to draw a map, got {k}")
    if isinstance(dimensions, str):
        _checks.choice("dimensions", dimensions, ("principal",))
        centred = rows - rows.mean(axis=0)
        _, lengths, directions = np.linalg.svd(centred, full_matrices=False)
        directions = np.vstack([directions, np.zeros((2, k))])[:2]  # a single item has one direction
        largest = np.argmax(np.abs(directions), axis=1)
        signs = np.where(directions[np.arange(2), largest] < 0, -1.0, 1.0)  # or the picture may come out mirrored
        shares = np.append(lengths**2, [0, 0])[:2] / max(float((lengths**2).sum()), np.finfo(float).tiny)
        return centred @ (directions * signs[:, None]).T, (
            f"first principal axis ({shares[0]:.0%} of the variance)",
            f"second principal axis ({shares[1]:.0%})",
        )
    if not isinstance(dimensions, (tuple, list)) or len(dimensions) != 2:
        raise TypeError(f'dimensions must be "principal" or two numbers of factors, got {_checks.shown(dimensions)}')
    pair = [_checks.integer(f"dimensions[{at}]", value, 0, k - 1) for at, value in enumerate(dimensions)]
    return rows[:, pair], (f"factor {pair[0]}", f"factor {pair[1]}")


def _titles(model: FactorModel, numbers: NDArray[np.int64], titles: ArrayLike | None) -> list[str]:
    if titles is not None:
        texts = [str(title) for title in _checks.vector("titles", titles, len(numbers)).tolist()]
    elif "title" in model.item_info:
        texts = [str(title) for title in model.item_info["title"][numbers].tolist()]
    else:
        texts = [str(id) for id in (numbers if model.item_ids is None else model.item_ids.take(numbers)).tolist()]
    return [text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…" for text in texts]
