"""Exact retrieval over arrays of factors: the best k items of each query, and the ranks of given items."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks, _threads
from fastmf.kernels import topk

Lists = tuple[NDArray[np.int64], NDArray[np.int32]]

# Multiply-adds of a thread between two chances for Ctrl-C: about 50 ms with AVX-512, 100 ms with AVX2, 400 ms without.
_PIECE_WORK = 5e9
_PIECE_QUERIES = 384  # a block of the kernel: pieces are whole rounds of blocks for the threads


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
    multiply-adds. A long call can be interrupted.

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
    Q, Y, bias = _factors(queries, items, item_bias)
    k = _checks.integer("k", k, minimum=1)
    cosine = _checks.choice("metric", metric, ("dot", "cosine")) == "cosine"
    if cosine and bias is not None:
        raise ValueError("item_bias must be None for the metric 'cosine', got an array")
    seen_lists = _lists("seen", seen, len(Q), len(Y))
    excluded_lists = _lists("exclude_rows", exclude_rows, len(Q), len(Y))
    subset = _subset(exclude, candidates, len(Y))
    threads = _threads.effective(num_threads).count

    ids = np.empty((len(Q), k), np.int32)
    scores = np.empty((len(Q), k), Q.dtype)
    work = (len(Y) if subset is None else len(subset)) * (Y.shape[1] + 1)
    for piece in _pieces(len(Q), work, threads):
        _check_finite("queries", Q[piece])
        not_finite = topk.top_k(
            Q[piece],
            Y,
            bias,
            cosine,
            subset,
            *_rows("seen", seen_lists, piece, len(Y)),
            *_rows("exclude_rows", excluded_lists, piece, len(Y)),
            ids[piece],
            scores[piece],
            threads,
        )
        if not_finite:
            _check_finite("items", Y)
            raise ValueError(f"queries and items must have scores within the range of {Q.dtype}, got larger ones")
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
    Q, Y, bias = _factors(queries, items, item_bias)
    seen_lists, (indptr, indices) = _seen_and_targets(seen, targets, len(Q), len(Y))
    threads = _threads.effective(num_threads).count
    _check_finite("items", Y)
    scores = np.empty(len(indices), Q.dtype)
    higher = np.empty(len(indices), np.int64)
    equal = np.empty(len(indices), np.int64)
    work = len(Y) * (Y.shape[1] + 1) + 4 * len(Y) * (len(indices) // max(1, len(Q)))
    for piece in _pieces(len(Q), work, threads):
        _check_finite("queries", Q[piece])
        topk.rank_of(
            Q[piece],
            Y,
            bias,
            *_rows("seen", seen_lists, piece, len(Y)),
            indptr[piece.start : piece.stop + 1],
            indices,
            scores,
            higher,
            equal,
            threads,
        )
    return higher, equal


def _factors(
    queries: ArrayLike, items: ArrayLike, item_bias: ArrayLike | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """Queries, items and biases in one dtype, C-contiguous."""
    Q, Y = _checks.matrix("queries", queries), _checks.matrix("items", items)
    if Q.shape[1] != Y.shape[1]:
        raise ValueError(f"queries and items must have the same number of columns, got {Q.shape[1]} and {Y.shape[1]}")
    if len(Y) > np.iinfo(np.int32).max:
        raise ValueError(f"items must have fewer than 2**31 rows, got {len(Y)}")
    dtype = np.result_type(Q, Y)
    bias = None
    if item_bias is not None:
        with np.errstate(over="ignore"):  # what leaves the range of float32 shows in the scores
            bias = _checks.finite_vector("item_bias", item_bias, len(Y)).astype(dtype, copy=False)
    return Q.astype(dtype, copy=False), Y.astype(dtype, copy=False), bias


def _check_finite(name: str, array: NDArray[Any]) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(f"{name} must be finite, got {array[row, column]} in row {row}, column {column}")


def _lists(name: str, value: Any, n: int, n_items: int) -> Lists | None:
    """(indptr, indices) in the kernels' types; the row pointers checked."""
    if value is None:
        return None
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name} must be a pair of arrays (indptr, indices), got {_checks.shown(value)}")
    indptr = _checks.vector(f"{name} indptr", value[0], n + 1)
    indices = _checks.vector(f"{name} indices", value[1])
    if indptr.dtype.kind not in "iu" or (indices.dtype.kind not in "iu" and len(indices)):
        raise TypeError(f"{name} must hold integers, got arrays of {indptr.dtype} and {indices.dtype}")
    indptr = np.ascontiguousarray(indptr, np.int64)
    if indptr[0] < 0 or indptr[-1] > len(indices) or (indptr[1:] < indptr[:-1]).any():
        raise ValueError(
            f"{name} indptr must ascend within [0, {len(indices)}], the number of indices, "
            f"got {indptr[0]} to {indptr[-1]}, {'ascending' if (indptr[1:] >= indptr[:-1]).all() else 'not ascending'}"
        )
    if indices.dtype != np.int32 and len(indices) and (indices.min() < 0 or indices.max() >= n_items):
        raise _out_of_range(name, indices, n_items)  # before they are narrowed to int32
    return indptr, np.ascontiguousarray(indices, np.int32)


def _seen_and_targets(seen: Any, targets: Any, n: int, n_items: int) -> tuple[Lists | None, Lists]:
    """Both as kernels take them; of the targets each number checked."""
    seen_lists, target_lists = _lists("seen", seen, n, n_items), _lists("targets", targets, n, n_items)
    if target_lists is None:
        raise TypeError("targets must be a pair of arrays (indptr, indices), got None")
    if len(target_lists[1]) and (target_lists[1].min() < 0 or target_lists[1].max() >= n_items):
        raise _out_of_range("targets", target_lists[1], n_items)
    return seen_lists, target_lists


def _rows(
    name: str, lists: Lists | None, piece: slice, n_items: int
) -> tuple[NDArray[np.int64] | None, NDArray[np.int32] | None]:
    """The rows of a piece for the kernel, checked: numbers in range, strictly ascending in each row."""
    if lists is None:
        return None, None
    indptr, indices = lists[0][piece.start : piece.stop + 1], lists[1]
    start, stop = indptr[0], indptr[-1]
    numbers = indices[start:stop]
    if len(numbers):
        if numbers.min() < 0 or numbers.max() >= n_items:
            raise _out_of_range(name, numbers, n_items)
        falls = numbers[1:] <= numbers[:-1]
        falls[indptr[1:-1][(indptr[1:-1] > start) & (indptr[1:-1] < stop)] - start - 1] = False  # from row to row
        if falls.any():
            at = int(start + np.argmax(falls))
            pair = f"{indices[at]} before {indices[at + 1]} at index {at}"
            raise ValueError(f"{name} must be strictly ascending in each row, got {pair}")
    return indptr, indices


def _out_of_range(name: str, numbers: NDArray[Any], n_items: int) -> IndexError:
    return IndexError(f"{name} must hold item numbers in [0, {n_items}), got {numbers.min()} to {numbers.max()}")


def _subset(exclude: ArrayLike | None, candidates: ArrayLike | None, n_items: int) -> NDArray[np.int32] | None:
    """The items to search, ascending, or None for all."""
    if exclude is None and candidates is None:
        return None
    allowed = np.full(n_items, candidates is None)
    if candidates is not None:
        allowed[_checks.positions("candidates", candidates, n_items, "items")] = True
    if exclude is not None:
        allowed[_checks.positions("exclude", exclude, n_items, "items")] = False
    return np.flatnonzero(allowed).astype(np.int32)


def _pieces(n: int, work: float, threads: int) -> Iterator[slice]:
    """Slices of the queries of about _PIECE_WORK a thread, given the multiply-adds of one query."""
    unit = _PIECE_QUERIES * threads
    step = max(1, round(_PIECE_WORK * threads / max(1.0, work) / unit)) * unit
    for start in range(0, n, step):
        yield slice(start, min(n, start + step))
