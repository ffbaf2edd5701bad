"""Exact retrieval over arrays of factors: the best k items of each query, and the ranks of given items."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks, _threads
from fastmf.kernels import topk
from fastmf.retrieval.arguments import (
    check_finite,
    factors_of,
    lists_of,
    pieces_of,
    rows_of,
    seen_and_targets,
    subset_of,
    too_large,
)
from fastmf.retrieval.longest import LongestFirst, checked_order, longest_first

SORTED_FROM = 2048  # queries for which sorting the items pays
FEW = 8  # fewer candidates than this part of all items are not worth it for few queries


def top_k(
    queries: ArrayLike,
    items: ArrayLike,
    k: int,
    *,
    item_bias: ArrayLike | None = None,
    metric: str = "dot",
    seen: tuple[ArrayLike, ArrayLike] | None = None,
    exclude: ArrayLike | None = None,
    exclude_rows: tuple[ArrayLike, ArrayLike] | None = None,
    candidates: ArrayLike | None = None,
    order: LongestFirst | None = None,
    num_threads: int | None = None,
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """The k items with the highest scores for each query, exactly.

    The order is score descending, then item number ascending. The result does not depend on the number of threads,
    nor on which queries are asked together: a query alone gets the same bits as in a batch. No array of
    queries x items is made; beyond its results a call needs a few megabytes a thread.

    Parameters
    ----------
    queries : array of shape (n, factors)
        One row a query: user factors, or item factors to find similar items. Finite. May have 0 factors.
    items : array of shape (n_items, factors)
        One row an item. Finite. Arrays that are not float32 or float64 are converted; unless both are float32, both
        are converted to float64.
    k : int
        Items a query, at least 1. It may exceed the number of items.
    item_bias : array of shape (n_items,), optional
        Added to the scores of an item. Only for `metric="dot"`.
    metric : {"dot", "cosine"}, default "dot"
        The score: ``item_bias[i] + queries[q] @ items[i]``, or that of both rows scaled to length 1; a row of zeros
        has the cosine 0 with every other.
    seen : (indptr, indices), optional
        As in a CSR matrix with a row a query: items the query must not get. `indptr` has n + 1 integers, `indices` is
        strictly ascending in each row.
    exclude : array of int, optional
        Items no query may get.
    exclude_rows : (indptr, indices), optional
        Further items each query must not get, in the form of `seen`.
    candidates : array of int, optional
        The only items to choose from. By default all.
    order : LongestFirst, optional
        What `longest_first` gave for these very arrays, which have not changed since: with it few queries, too, leave
        out items that cannot reach a list. The result is the same.
    num_threads : int, optional
        By default as many as the process may use.

    Returns
    -------
    ids : int32 array of shape (n, k)
        Item numbers. Where fewer than k items remain, the row ends in -1.
    scores : array of shape (n, k), float32 or float64
        Their scores; minus infinity beside -1.

    Raises
    ------
    TypeError, ValueError, IndexError
        An argument is of the wrong kind, shape, order or range, or holds NaN or infinity; or a score exceeds the range
        of the dtype.

    Notes
    -----
    A tile of queries x items is multiplied in registers and compared with each query's k-th score so far; only scores
    that pass leave the registers, and only they are looked up in `seen`. The work is ``n * n_items * factors``
    multiply-adds at most: for many queries, or with `order`, the longest items come first, and a tile is left out when,
    by Cauchy and Schwarz, none of its items can reach a list. A long call can be interrupted.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmf.retrieval import top_k
    >>> users = np.array([[1.0, 0.0], [0.5, 0.5]])
    >>> items = np.array([[3.0, 0.0], [0.0, 3.0], [2.0, 2.0]])
    >>> ids, scores = top_k(users, items, k=2, seen=([0, 1, 1], [0]))
    >>> ids
    array([[2, 1],
           [2, 0]], dtype=int32)
    >>> scores
    array([[2. , 0. ],
           [2. , 1.5]])
    """
    Q, Y, bias = factors_of(queries, items, item_bias)
    k = _checks.integer("k", k, minimum=1)
    cosine = _checks.choice("metric", metric, ("dot", "cosine")) == "cosine"
    if cosine and bias is not None:
        raise ValueError("item_bias must be None for the metric 'cosine', got an array")
    seen_lists = lists_of("seen", seen, len(Q), len(Y))
    excluded_lists = lists_of("exclude_rows", exclude_rows, len(Q), len(Y))
    subset, norms = subset_of(exclude, candidates, len(Y)), None
    threads = _threads.effective(num_threads).count
    order = checked_order(order, items, item_bias, Y)
    many = len(Q) >= SORTED_FROM
    if cosine or not (many or subset is None or len(subset) >= len(Y) // FEW):
        order = None
    elif many and order is None:
        order = longest_first(Y, bias, queries=Q, num_threads=threads)
    if order is not None:
        subset, norms = order.within(subset)

    ids = np.empty((len(Q), k), np.int32)
    scores = np.empty((len(Q), k), Q.dtype)
    work = (len(Y) if subset is None else len(subset)) * (Y.shape[1] + 1)
    for piece in pieces_of(len(Q), work, threads):
        check_finite("queries", Q[piece])
        not_finite = topk.top_k(
            Q[piece],
            Y,
            bias,
            cosine,
            subset,
            norms,
            *rows_of("seen", seen_lists, piece, len(Y)),
            *rows_of("exclude_rows", excluded_lists, piece, len(Y)),
            ids[piece],
            scores[piece],
            threads,
        )
        if not_finite:
            check_finite("items", Y)
            raise too_large(Q.dtype)
    return ids, scores


def rank_of(
    queries: ArrayLike,
    items: ArrayLike,
    targets: tuple[ArrayLike, ArrayLike],
    *,
    item_bias: ArrayLike | None = None,
    seen: tuple[ArrayLike, ArrayLike] | None = None,
    num_threads: int | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For given items of each query, how many of all the items it may get come before them.

    ``higher + equal`` is the place of the item in the list that `top_k` with a sufficient k would give, counted from 0;
    for an item that is itself in `seen`, the place it would take.

    Parameters
    ----------
    queries : array of shape (n, factors)
    items : array of shape (n_items, factors)
        As in `top_k`.
    targets : (indptr, indices)
        The items asked about, as in a CSR matrix with a row a query, in any order within a row.
    item_bias : array of shape (n_items,), optional
    seen : (indptr, indices), optional
        As in `top_k`: these do not count.
    num_threads : int, optional
        By default as many as the process may use.

    Returns
    -------
    higher : int64 array, aligned with the indices of `targets`
        Items not in `seen` with a higher score.
    equal : int64 array, aligned with the indices of `targets`
        Items not in `seen` with the same score and a smaller number.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `top_k`.

    Examples
    --------
    >>> from fastmf.retrieval import rank_of
    >>> higher, equal = rank_of([[1.0]], [[2.0], [5.0], [2.0], [1.0]], targets=([0, 2], [2, 3]))
    >>> higher, equal
    (array([1, 3]), array([1, 0]))
    """
    Q, Y, bias = factors_of(queries, items, item_bias)
    seen_lists, (indptr, indices) = seen_and_targets(seen, targets, len(Q), len(Y))
    threads = _threads.effective(num_threads).count
    check_finite("items", Y)
    scores = np.empty(len(indices), Q.dtype)
    higher = np.empty(len(indices), np.int64)
    equal = np.empty(len(indices), np.int64)
    work = len(Y) * (Y.shape[1] + 1) + 4 * len(Y) * (len(indices) // max(1, len(Q)))
    for piece in pieces_of(len(Q), work, threads):
        check_finite("queries", Q[piece])
        topk.rank_of(
            Q[piece],
            Y,
            bias,
            *rows_of("seen", seen_lists, piece, len(Y)),
            indptr[piece.start : piece.stop + 1],
            indices,
            scores,
            higher,
            equal,
            threads,
        )
    return higher, equal
