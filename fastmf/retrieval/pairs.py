"""Pairs of items in which a given one scores less: what the area under the ROC curve counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks, _threads
from fastmf.kernels import topk
from fastmf.retrieval.arguments import check_finite, factors_of, pieces_of, rows_of, seen_and_targets, too_large
from fastmf.retrieval.longest import LongestFirst, checked_order, longest_first, middling_length

# From so many queries on it pays to put the items in order and bring them into integers first.
MANY_QUERIES = 512


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
        As in `top_k`; for many queries it is made where none is given.
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
    if bias is not None and not bias.any():
        bias = None
    seen_lists, (indptr, indices) = seen_and_targets(seen, targets, len(Q), len(Y))
    threads = _threads.effective(num_threads).count
    check_finite("items", Y)
    if order is None and len(Q) >= MANY_QUERIES:
        order = longest_first(Y, bias, queries=Q, num_threads=threads)
    else:
        order = checked_order(order, items, item_bias, Y)
    arranged = _arranged(order, Q, Y, bias, threads)
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
            *arranged,
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


def _arranged(
    order: LongestFirst | None, Q: NDArray[Any], Y: NDArray[Any], bias: NDArray[Any] | None, threads: int
) -> tuple[Any, Any, Any, Any, Any]:
    """For the kernel, from `order` to `strips`: for many queries with integers, if the processor has a use for them."""
    if order is None:
        return None, None, None, None, None
    sequence, norms = order.within(None)
    position = np.empty_like(sequence)
    position[sequence] = np.arange(len(Y))
    shape = topk.coarse_shape(len(Y), Y.shape[1], bias is not None)
    if len(Q) < MANY_QUERIES or shape is None:
        return sequence, norms, position, None, None
    coarse, strips = np.empty(shape, np.int16), np.empty((shape[0], 4))
    topk.coarse_items(Y, bias, sequence, _weight_of_bias(Q, Y, bias), coarse, strips, threads)
    return sequence, norms, position, coarse, strips


def _weight_of_bias(Q: NDArray[Any], Y: NDArray[Any], bias: NDArray[Any] | None) -> float:
    """The factor a of queries where items have their bias c as a factor c / a: the one with the least |x, a| |y, c / a|
    for middling lengths, a^2 = |x| |c| / |y|."""
    if bias is None:
        return 1.0
    with np.errstate(all="ignore"):  # what is not finite is seen to elsewhere
        x, y, c = (middling_length(each) for each in (Q, Y, bias[:, None]))
        weight = float(np.sqrt(np.float64(x) * c / y))
    return weight if 0 < weight < np.inf else 1.0
