"""The one layout of stored ratings: canonical compressed rows, made, checked and turned around.

Canonical: int64 `indptr`, int32 `indices` that rise strictly within each row, finite float32 or float64 `data`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmf import _threads
from fastmf.kernels import transpose as kernel

MOST = int(np.iinfo(np.int32).max)  # rows, columns: their numbers are int32
INT64_MOST = int(np.iinfo(np.int64).max)
CHUNK = 1 << 22
SMALL = 1 << 16  # entries that are not worth a second thread
POLICIES = ("error", "last", "first", "sum", "mean", "max")


class Csr(NamedTuple):
    """Canonical compressed rows: row `u` holds the entries from ``indptr[u]`` to ``indptr[u + 1]``."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    data: NDArray[Any]
    timestamps: NDArray[Any] | None


class DuplicateEntriesError(ValueError):
    """Entries share their row and column; carries one such pair of numbers and how many entries are too many."""

    def __init__(self, row: int, column: int, surplus: int) -> None:
        super().__init__(row, column, surplus)
        self.row, self.column, self.surplus = row, column, surplus


def counts(numbers: NDArray[np.int32], n: int, num_threads: int | None = None) -> NDArray[np.int64]:
    """How often each of 0, ..., n - 1 occurs."""
    counted, threads = _shares(len(numbers), n, num_threads)
    kernel.count_numbers(np.ascontiguousarray(numbers, np.int32), counted, threads)
    total: NDArray[np.int64] = counted.sum(axis=0)
    return total


def starts(row_counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """`indptr` of rows that hold so many entries each."""
    indptr = np.zeros(len(row_counts) + 1, np.int64)
    np.cumsum(row_counts, out=indptr[1:])
    return indptr


def row_numbers(indptr: NDArray[np.int64]) -> NDArray[np.int32]:
    """The row of each entry."""
    return np.repeat(np.arange(len(indptr) - 1, dtype=np.int32), np.diff(indptr))


def _shares(entries: int, groups: int, num_threads: int | None) -> tuple[NDArray[np.int64], int]:
    """Work space for a counting sort, and threads: no more shares than keep the counts smaller than the entries."""
    threads = min(_threads.effective(num_threads).count, max(1, entries // max(groups, SMALL)))
    return np.zeros((threads, groups), np.int64), threads


def grouped(
    numbers: NDArray[np.int32], groups: int, order: NDArray[Any] | None = None, num_threads: int | None = None
) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Where each number's entries start, and the order that groups entries by number.

    The order is int32 where that holds the positions of all entries, else int64. Within a number entries
    keep the order they have in `order`, or the order given if there is none.
    """
    counted, threads = _shares(len(numbers), groups, num_threads)
    indptr = np.empty(groups + 1, np.int64)
    out = np.empty(len(numbers), np.int32 if len(numbers) <= MOST else np.int64)
    kernel.group(numbers, np.empty(0, out.dtype) if order is None else order, counted, indptr, out, threads)
    return indptr, out


def transposed(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], n_columns: int, num_threads: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Compressed columns of compressed rows: `indptr`, row numbers, and the position each entry came from."""
    counted, threads = _shares(len(indices), n_columns, num_threads)
    out_indptr = np.empty(n_columns + 1, np.int64)
    rows, order = np.empty(len(indices), np.int32), np.empty(len(indices), np.int64)
    kernel.transpose(indptr, indices, counted, out_indptr, rows, order, threads)
    return out_indptr, rows, order


def picked(array: NDArray[Any], order: NDArray[Any], num_threads: int | None = None) -> NDArray[Any]:
    """``array[order]`` for a vector and positions in it, in parallel."""
    words = np.dtype(f"i{array.itemsize}")
    out = np.empty(len(order), array.dtype)
    threads = min(_threads.effective(num_threads).count, 1 + len(order) // SMALL)
    kernel.take(np.ascontiguousarray(array).view(words), order, out.view(words), threads)
    return out


def is_sorted(rows: NDArray[np.int32], columns: NDArray[np.int32]) -> bool:
    """Whether entries come by row, and by column within a row."""
    for start in range(0, len(rows), CHUNK):
        row, column = rows[start : start + CHUNK + 1], columns[start : start + CHUNK + 1]
        if not np.all((row[:-1] < row[1:]) | ((row[:-1] == row[1:]) & (column[:-1] <= column[1:]))):
            return False
    return True


def assemble(entries: list[Any], shape: tuple[int, int], *, owned: bool = False) -> Csr:
    """Arrays that hold entries by row, by column within a row, and in the order given within a pair.

    `entries` are row numbers in int32, column numbers in int32, values, and timestamps or None; all numbers are in
    range. The list is emptied, so that each array goes when it has been used. The result has new arrays, unless
    `owned` says that those given may be part of it. Two passes of a stable counting sort do it, by column and then by
    row; entries that are in order already skip both.
    """
    rows, columns, data, timestamps = entries
    entries.clear()
    if is_sorted(rows, columns):
        if not owned:
            columns, data, timestamps = (
                None if array is None else array.copy() for array in (columns, data, timestamps)
            )
        return Csr(starts(counts(rows, shape[0])), columns, data, timestamps)
    indptr, order = grouped(rows, shape[0], grouped(columns, shape[1])[1])
    del rows
    columns = picked(columns, order)
    data = picked(data, order)
    return Csr(indptr, columns, data, None if timestamps is None else picked(timestamps, order))


def without_duplicates(csr: Csr, policy: str) -> Csr:
    """Canonical rows of what `assemble` gave: the entries of a pair are merged by the policy, in place.

    `last` and `first` go by time where there are timestamps and by the order given where there are none or they are
    equal. A sum, mean or maximum has the latest of its timestamps. Sums are taken in float64.
    """
    indptr, indices, data, timestamps = csr
    repeats = np.zeros(len(indices) + 1, bool)  # the same row and column as the entry before; and one past the end
    np.equal(indices[1:], indices[:-1], out=repeats[1:-1])
    repeats[indptr] = False
    if not repeats.any():
        return csr
    surplus = np.flatnonzero(repeats)
    if policy == "error":
        at = int(surplus[0])
        raise DuplicateEntriesError(int(np.searchsorted(indptr, at, side="right")) - 1, int(indices[at]), len(surplus))
    kept = ~repeats[:-1]
    entries = np.flatnonzero(repeats[:-1] | repeats[1:])  # those of pairs that have several
    heads = np.flatnonzero(kept[entries])  # where in `entries` each pair begins
    sizes = np.diff(np.append(heads, len(entries)))
    in_time = entries
    if timestamps is not None:
        pair = np.repeat(np.arange(len(heads)), sizes)
        in_time = entries[np.lexsort((entries, timestamps[entries], pair))]
    chosen = in_time[heads] if policy == "first" else in_time[heads + sizes - 1]
    if policy in ("first", "last"):
        merged = data[chosen]
    elif policy == "max":
        merged = np.maximum.reduceat(data[entries], heads)
    else:
        sums = np.add.reduceat(data[entries], heads, dtype=np.float64)
        with np.errstate(over="ignore"):
            merged = (sums / sizes if policy == "mean" else sums).astype(data.dtype)
    data[entries[heads]] = merged
    if timestamps is not None:
        timestamps[entries[heads]] = timestamps[chosen]
        timestamps = timestamps[kept]
    return Csr(indptr - np.searchsorted(surplus, indptr), indices[kept], data[kept], timestamps)


def check_structure(
    indptr: NDArray[Any], indices: NDArray[Any], n_rows: int, n_columns: int, entries: int, what: str
) -> None:
    """That compressed rows (or columns) are safe to read: starts that rise from 0, numbers in range; O(entries)."""
    for name, array in (("indptr", indptr), ("indices", indices)):
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise TypeError(f"{what} must have a one-dimensional {name} of integers, got {array.dtype}, {array.ndim}-d")
    if len(indptr) != n_rows + 1:
        raise ValueError(f"{what} must have an indptr of length {n_rows + 1}, got {len(indptr)}")
    if indptr[0] != 0 or np.any(indptr[1:] < indptr[:-1]):
        raise ValueError(f"{what} must have an indptr that starts at 0 and never falls")
    if indptr[-1] > entries or indptr[-1] > len(indices):
        raise ValueError(
            f"{what} must hold the {indptr[-1]} entries that indptr ends with, got {min(entries, len(indices))}"
        )
    check_numbers(indices[: int(indptr[-1])], n_columns, what)


def check_numbers(numbers: NDArray[Any], n: int, what: str) -> None:
    """That every number is in [0, n)."""
    if len(numbers) and (numbers.min() < 0 or numbers.max() >= n):
        bad = (numbers < 0) | (numbers >= n)
        at = int(np.argmax(bad))
        raise ValueError(f"{what} must have indices in [0, {n}), got {numbers[at]} at entry {at}")


def rises_in_rows(indptr: NDArray[np.int64], indices: NDArray[Any]) -> bool:
    """Whether the indices rise strictly within each row."""
    if len(indices) < 2:
        return True
    rises = indices[1:] > indices[:-1]
    row_starts = indptr[:-1]
    rises[row_starts[(row_starts > 0) & (row_starts < len(indices))] - 1] = True
    return bool(rises.all())


def positions_of(indptr: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the entries of some compressed rows are, and where each of these rows begins among them."""
    starts, counts = indptr[rows], indptr[rows + 1] - indptr[rows]
    taken = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return taken, np.arange(taken[-1]) + np.repeat(starts - taken[:-1], counts)


def taken(csr: Csr, positions: NDArray[np.int64], indptr: NDArray[np.int64]) -> Csr:
    """The entries at `positions`, with the row starts they have there."""
    times = None if csr.timestamps is None else csr.timestamps[positions]
    return Csr(indptr, csr.indices[positions], csr.data[positions], times)
