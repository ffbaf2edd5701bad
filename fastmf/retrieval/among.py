"""Exact retrieval among candidates that each query has of its own: only their scores are computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks, _threads
from fastmf.kernels.predict import pair_scores
from fastmf.retrieval.arguments import Lists, check_finite, factors_of, lists_of, rows_of

PIECE_PAIRS = 1 << 20  # pairs of a query and a candidate at once: some 40 bytes each
SMALL = 1 << 18  # multiply-adds that are not worth a second thread


def top_k_among(
    queries: ArrayLike,
    items: ArrayLike,
    candidates: tuple[ArrayLike, ArrayLike],
    k: int,
    *,
    item_bias: ArrayLike | None = None,
    seen: tuple[ArrayLike, ArrayLike] | None = None,
    exclude: ArrayLike | None = None,
    exclude_rows: tuple[ArrayLike, ArrayLike] | None = None,
    num_threads: int | None = None,
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """The k candidates with the highest scores for each query, exactly.

    As `top_k` by inner product, but each query has candidates of its own. The work is that of the candidates: one
    inner product each, and a sort of them. Scores may differ from those of `top_k` in the last digits, since their
    terms are summed in another order; they are the same in any batch and for any number of threads.

    Parameters
    ----------
    queries : array of shape (n, factors)
    items : array of shape (n_items, factors)
        As in `top_k`.
    candidates : (indptr, indices)
        As in a CSR matrix with a row a query: the only items the query may get. `indptr` has n + 1 integers,
        `indices` is strictly ascending in each row.
    k : int
        Items a query, at least 1.
    item_bias, seen, exclude, exclude_rows, num_threads
        As in `top_k`.

    Returns
    -------
    ids : int32 array of shape (n, k)
        Item numbers, score descending, then number ascending. Where fewer than k candidates remain, the row ends in -1.
    scores : array of shape (n, k), float32 or float64
        Their scores; minus infinity beside -1.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `top_k`.

    Examples
    --------
    >>> from fastmf.retrieval import top_k_among
    >>> ids, scores = top_k_among([[1.0], [2.0]], [[3.0], [1.0], [5.0]], ([0, 2, 3], [0, 1, 2]), k=2)
    >>> ids
    array([[ 0,  1],
           [ 2, -1]], dtype=int32)
    """
    Q, Y, bias = factors_of(queries, items, item_bias)
    k = _checks.integer("k", k, minimum=1)
    wanted = lists_of("candidates", candidates, len(Q), len(Y))
    if wanted is None:
        raise TypeError("candidates must be a pair of arrays (indptr, indices), got None")
    hidden = {
        name: lists_of(name, value, len(Q), len(Y)) for name, value in (("seen", seen), ("exclude_rows", exclude_rows))
    }
    allowed = np.ones(len(Y), bool)
    if exclude is not None:
        allowed[_checks.positions("exclude", exclude, len(Y), "items")] = False
    threads = _threads.effective(num_threads).count
    item_bias = np.zeros(len(Y), Q.dtype) if bias is None else bias

    ids = np.full((len(Q), k), -1, np.int32)
    scores = np.full((len(Q), k), -np.inf, Q.dtype)
    for piece in _pieces(wanted[0]):
        check_finite("queries", Q[piece])
        row, item = _pairs("candidates", wanted, piece, len(Y))
        kept = allowed[item]
        for name, lists in hidden.items():
            kept &= ~_listed(row, item, _pairs(name, lists, piece, len(Y)), len(Y))
        row, item = row[kept], item[kept]
        found = np.empty(len(row), Q.dtype)
        no_bias = np.zeros(piece.stop - piece.start, Q.dtype)
        team = threads if len(row) * (Y.shape[1] + 1) > SMALL else 1
        pair_scores(Q[piece], Y, no_bias, item_bias, 0.0, row, item, found, team)
        if not np.isfinite(found).all():
            check_finite("items", Y)
            raise ValueError(f"queries and items must have scores within the range of {Q.dtype}, got larger ones")
        starts = np.searchsorted(row, np.arange(piece.stop - piece.start + 1))
        _best(starts, item, found, ids[piece], scores[piece])
    return ids, scores


def _best(
    starts: NDArray[np.int64],
    item: NDArray[np.int64],
    found: NDArray[Any],
    ids: NDArray[np.int32],
    scores: NDArray[Any],
) -> None:
    """Write the best of each row to the front of `ids` and `scores`; row q is from starts[q] to starts[q + 1].

    Rows of about one length are sorted together, side by side in a matrix, which is far quicker than one sort of all.
    """
    lengths = np.diff(starts)
    powers = np.ceil(np.log2(np.maximum(lengths, 1))).astype(np.int64)
    for power in np.flatnonzero(np.bincount(powers[lengths > 0])):
        rows = np.flatnonzero(powers == power)
        column = np.arange(lengths[rows].max())
        entry = starts[rows, None] + column
        there = column < lengths[rows, None]
        entry[~there] = 0
        order = np.argsort(-np.where(there, found[entry], -np.inf), axis=1, kind="stable")[:, : ids.shape[1]]
        chosen, there = np.take_along_axis(entry, order, 1), np.take_along_axis(there, order, 1)
        ids[rows, : order.shape[1]] = np.where(there, item[chosen], -1)
        scores[rows, : order.shape[1]] = np.where(there, found[chosen], -np.inf)


def _pieces(indptr: NDArray[np.int64]) -> Iterator[slice]:
    """Slices of the rows that hold about PIECE_PAIRS entries each, and at least one row."""
    n, start = len(indptr) - 1, 0
    while start < n:
        stop = int(np.searchsorted(indptr, indptr[start] + PIECE_PAIRS, side="right")) - 1
        stop = min(n, max(start + 1, stop))
        yield slice(start, stop)
        start = stop


def _pairs(name: str, lists: Lists | None, piece: slice, n_items: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row within the piece and item of each entry of its rows, which are checked."""
    indptr, indices = rows_of(name, lists, piece, n_items)
    if indptr is None or indices is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    row = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return row, indices[indptr[0] : indptr[-1]].astype(np.int64)


def _listed(
    row: NDArray[np.int64], item: NDArray[np.int64], listed: tuple[NDArray[np.int64], NDArray[np.int64]], n_items: int
) -> NDArray[np.bool_]:
    """Which pairs are among the listed ones; both come by row and by item within it."""
    keys, among = row * n_items + item, listed[0] * n_items + listed[1]
    if len(among) == 0:
        return np.zeros(len(keys), bool)
    found: NDArray[np.bool_] = among[np.minimum(np.searchsorted(among, keys), len(among) - 1)] == keys
    return found
