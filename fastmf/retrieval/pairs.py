"""Pairs of items in which a given one scores less: what the area under the ROC curve counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks, _threads
from fastmf.kernels import topk
from fastmf.retrieval.arguments import check_finite, factors_of, pieces_of, rows_of, seen_and_targets, too_large
from fastmf.retrieval.longest import LongestFirst, checked_order


def lost_pairs(
    queries: ArrayLike,
    items: ArrayLike,
    targets: tuple[ArrayLike, ArrayLike],
    *,
    item_bias: ArrayLike | None = None,
    seen: tuple[ArrayLike, ArrayLike] | None = None,
    order: LongestFirst | None = None,
    num_threads: int | None = None,
) -> NDArray[np.int64]:
    """For each query, how often another item scores higher than a target of the query, a tie counting half; times two.

    Parameters
    ----------
    queries : array of shape (n, factors)
    items : array of shape (n_items, factors)
        As in `top_k`.
    targets : (indptr, indices)
        As in `rank_of`, but each item at most once in a row.
    item_bias : array of shape (n_items,), optional
    seen : (indptr, indices), optional
        As in `top_k`: these do not count, not even as a target's tie with itself.
    order : LongestFirst, optional
        As in `top_k`. All items are met, and the sooner done with, the lower their scores.
    num_threads : int, optional
        By default as many as the process may use. The result is the same for any number.

    Returns
    -------
    lost : int64 array of shape (n,)
        Over the targets t of a query and all items i not in `seen`: the number of pairs with s_i > s_t, plus that with
        s_i >= s_t. A target that is not in `seen` so counts 1 for itself.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `top_k`.

    Examples
    --------
    >>> from fastmf.retrieval import lost_pairs
    >>> lost_pairs([[1.0]], [[2.0], [5.0], [2.0], [1.0]], targets=([0, 1], [2]))  # beaten by 5, level with 2 and itself
    array([4])
    """
    return _met(queries, items, 0, targets, item_bias, seen, order, num_threads)[2]


def top_k_and_lost_pairs(
    queries: ArrayLike,
    items: ArrayLike,
    k: int,
    targets: tuple[ArrayLike, ArrayLike],
    *,
    item_bias: ArrayLike | None = None,
    seen: tuple[ArrayLike, ArrayLike] | None = None,
    order: LongestFirst | None = None,
    num_threads: int | None = None,
) -> tuple[NDArray[np.int32], NDArray[Any], NDArray[np.int64]]:
    """The best k items of each query and the pairs its targets lose, by scores that are made once for both.

    Parameters
    ----------
    queries, items, targets, item_bias, seen, order, num_threads
        As in `lost_pairs`.
    k : int
        Length of each list, at least 1.

    Returns
    -------
    ids, scores : arrays of shape (n, k)
        As from `top_k`.
    lost : int64 array of shape (n,)
        As from `lost_pairs`.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `top_k`.

    Examples
    --------
    >>> from fastmf.retrieval import top_k_and_lost_pairs
    >>> top_k_and_lost_pairs([[1.0]], [[2.0], [5.0], [2.0], [1.0]], k=2, targets=([0, 1], [2]))
    (array([[1, 0]], dtype=int32), array([[5., 2.]]), array([4]))
    """
    return _met(queries, items, _checks.integer("k", k, minimum=1), targets, item_bias, seen, order, num_threads)


def _met(
    queries: ArrayLike,
    items: ArrayLike,
    k: int,
    targets: tuple[ArrayLike, ArrayLike],
    item_bias: ArrayLike | None,
    seen: tuple[ArrayLike, ArrayLike] | None,
    order: LongestFirst | None,
    num_threads: int | None,
) -> tuple[NDArray[np.int32], NDArray[Any], NDArray[np.int64]]:
    """Lists, which are empty for k = 0, and pairs, of queries that meet all items."""
    Q, Y, bias = factors_of(queries, items, item_bias)
    seen_lists, (indptr, indices) = seen_and_targets(seen, targets, len(Q), len(Y))
    threads = _threads.effective(num_threads).count
    check_finite("items", Y)
    order = checked_order(order, items, item_bias, Y)
    subset, norms = (None, None) if order is None else order.within(None)
    ids = np.empty((len(Q), k), np.int32)
    scores = np.empty((len(Q), k), Q.dtype)
    target_scores = np.empty(len(indices), Q.dtype)
    lost = np.empty(len(Q), np.int64)
    for piece in pieces_of(len(Q), len(Y) * (Y.shape[1] + 1), threads):
        check_finite("queries", Q[piece])
        not_finite = topk.lost_pairs(
            Q[piece],
            Y,
            bias,
            subset,
            norms,
            *rows_of("seen", seen_lists, piece, len(Y)),
            indptr[piece.start : piece.stop + 1],
            indices,
            ids[piece],
            scores[piece],
            target_scores,
            lost[piece],
            threads,
        )
        if not_finite:
            raise too_large(Q.dtype)
    return ids, scores, lost
