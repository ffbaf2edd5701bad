"""What retrieval is given, checked and in the kernels' types, and how long work is cut into pieces."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf.kernels import topk

Lists = tuple[NDArray[np.int64], NDArray[np.int32]]

# Multiply-adds of a thread between two chances for Ctrl-C: about 50 ms with AVX-512, 100 ms with AVX2, 400 ms without.
PIECE_WORK = 5e9


def factors_of(
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


def check_finite(name: str, array: NDArray[Any]) -> None:
    finite = np.isfinite(array)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        raise ValueError(f"{name} must be finite, got {array[row, column]} in row {row}, column {column}")


def too_large(dtype: np.dtype[Any]) -> ValueError:
    """What to raise for scores of finite numbers that are not finite."""
    return ValueError(f"queries and items must have scores within the range of {dtype}, got larger ones")


def lists_of(name: str, value: Any, n: int, n_items: int) -> Lists | None:
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


def seen_and_targets(seen: Any, targets: Any, n: int, n_items: int) -> tuple[Lists | None, Lists]:
    """Both as kernels take them; of the targets each number checked."""
    seen_lists, target_lists = lists_of("seen", seen, n, n_items), lists_of("targets", targets, n, n_items)
    if target_lists is None:
        raise TypeError("targets must be a pair of arrays (indptr, indices), got None")
    if len(target_lists[1]) and (target_lists[1].min() < 0 or target_lists[1].max() >= n_items):
        raise _out_of_range("targets", target_lists[1], n_items)
    return seen_lists, target_lists


def rows_of(
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


def subset_of(exclude: ArrayLike | None, candidates: ArrayLike | None, n_items: int) -> NDArray[np.int32] | None:
    """The items to search, ascending, or None for all."""
    if exclude is None and candidates is None:
        return None
    allowed = np.full(n_items, candidates is None)
    if candidates is not None:
        allowed[_checks.positions("candidates", candidates, n_items, "items")] = True
    if exclude is not None:
        allowed[_checks.positions("exclude", exclude, n_items, "items")] = False
    return np.flatnonzero(allowed).astype(np.int32)


def pieces_of(n: int, work: float, threads: int) -> Iterator[slice]:
    """Slices of the queries, whole rounds of blocks, of about PIECE_WORK a thread; a query has `work` multiply-adds."""
    unit = topk.QUERIES_OF_A_BLOCK * threads
    step = max(1, round(PIECE_WORK * threads / max(1.0, work) / unit)) * unit
    for start in range(0, n, step):
        yield slice(start, min(n, start + step))
