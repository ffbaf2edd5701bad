"""The one layout of stored ratings: canonical compressed rows, made, checked and turned around.

Canonical: int64 `indptr`, int32 `indices` that rise strictly within each row, finite float32 or float64 `data`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

MOST = int(np.iinfo(np.int32).max)  # rows, columns: their numbers are int32
INT64_MOST = int(np.iinfo(np.int64).max)
CHUNK = 1 << 22
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


def counts(numbers: NDArray[Any], n: int) -> NDArray[np.int64]:
    """How often each of 0, ..., n - 1 occurs; in pieces, since bincount widens its argument to 64 bits."""
    total = np.zeros(n, np.int64)
    for start in range(0, len(numbers), CHUNK):
        total += np.bincount(numbers[start : start + CHUNK], minlength=n)
    return total


def starts(row_counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """`indptr` of rows that hold so many entries each."""
    indptr = np.zeros(len(row_counts) + 1, np.int64)
    np.cumsum(row_counts, out=indptr[1:])
    return indptr


def row_numbers(indptr: NDArray[np.int64]) -> NDArray[np.int32]:
    """The row of each entry."""
    return np.repeat(np.arange(len(indptr) - 1, dtype=np.int32), np.diff(indptr))


def grouped(numbers: NDArray[np.int32], n: int) -> NDArray[np.int64]:
    """The order that groups entries by their number and keeps the given order within a number: a counting sort.

    SciPy's transpose of a single row is that sort, in C.
    """
    row = sp.csr_array((np.arange(len(numbers)), numbers, np.array([0, len(numbers)])), shape=(1, n))
    return np.asarray(row.tocsc().data)


def is_sorted(rows: NDArray[np.int32], columns: NDArray[np.int32]) -> bool:
    """Whether entries come by row, and by column within a row."""
    for start in range(0, len(rows), CHUNK):
        row, column = rows[start : start + CHUNK + 1], columns[start : start + CHUNK + 1]
        if not np.all((row[:-1] < row[1:]) | ((row[:-1] == row[1:]) & (column[:-1] <= column[1:]))):
            return False
    return True


def assemble(
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    data: NDArray[Any],
    timestamps: NDArray[Any] | None,
    shape: tuple[int, int],
    duplicates: str,
) -> Csr:
    """Canonical rows of entries in any order; all numbers are in range and `data` is finite and of its final dtype.

    Two passes of a stable counting sort, by column and then by row; entries already in order skip both. The arrays of
    the result are new.
    """
    indptr = starts(counts(rows, shape[0]))
    if is_sorted(rows, columns):
        csr = Csr(indptr, columns.copy(), data.copy(), None if timestamps is None else timestamps.copy())
    else:
        order = grouped(columns, shape[1])
        order = order[grouped(rows[order], shape[0])]
        csr = Csr(indptr, columns[order], data[order], None if timestamps is None else timestamps[order])
    return without_duplicates(csr, duplicates)


def without_duplicates(csr: Csr, policy: str) -> Csr:
    """Rows whose indices rise strictly, from rows whose indices do not fall; equal ones are merged by the policy.

    `last` and `first` go by time where there are timestamps and by the order given where there are none or they are
    equal. A sum, mean or maximum has the latest of its timestamps. Sums are taken in float64.
    """
    indptr, indices, data, timestamps = csr
    repeats = np.zeros(len(indices), bool)  # the same row and column as the entry before
    np.equal(indices[1:], indices[:-1], out=repeats[1:])
    row_starts = indptr[:-1]
    repeats[row_starts[row_starts < len(indices)]] = False
    if not repeats.any():
        return csr
    if policy == "error":
        at = int(np.argmax(repeats))
        row = int(np.searchsorted(indptr, at, side="right")) - 1
        raise DuplicateEntriesError(row, int(indices[at]), int(np.count_nonzero(repeats)))
    first = np.flatnonzero(~repeats)  # the first entry of each group
    kept_indptr = np.searchsorted(first, indptr)
    earliest, latest = _ends_in_time(repeats, first, timestamps)
    chosen = earliest if policy == "first" else latest
    if policy in ("first", "last"):
        merged = data[chosen]
    elif policy == "max":
        merged = np.maximum.reduceat(data, first)
    else:
        sums = np.add.reduceat(data, first, dtype=np.float64)
        if policy == "mean":
            sums /= np.diff(np.append(first, len(indices)))
        with np.errstate(over="ignore"):
            merged = sums.astype(data.dtype)
    return Csr(kept_indptr, indices[first], merged, None if timestamps is None else timestamps[chosen])


def _ends_in_time(
    repeats: NDArray[np.bool_], first: NDArray[np.int64], timestamps: NDArray[Any] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The earliest and the latest entry of each group; without times or of equal ones, the first and last given."""
    size = np.diff(np.append(first, len(repeats)))
    if timestamps is None:
        return first, first + size - 1
    earliest, latest = first.copy(), first.copy()
    several = np.flatnonzero(size > 1)
    group = np.repeat(several, size[several])
    entry = np.flatnonzero(np.repeat(size > 1, size))
    entry = entry[np.lexsort((entry, timestamps[entry], group))]
    ends = np.cumsum(size[several])
    earliest[several] = entry[ends - size[several]]
    latest[several] = entry[ends - 1]
    return earliest, latest


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


def taken(csr: Csr, positions: NDArray[np.int64], indptr: NDArray[np.int64]) -> Csr:
    """The entries at `positions`, with the row starts they have there."""
    times = None if csr.timestamps is None else csr.timestamps[positions]
    return Csr(indptr, csr.indices[positions], csr.data[positions], times)
