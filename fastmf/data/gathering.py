"""Columns that come in pieces: ids are numbered as they come, so that no piece is kept in its own form.

What is kept of an entry is two int32 numbers, its value in the type asked for and its time, 12 or 20 bytes.
"""

from __future__ import annotations

import datetime
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data.factorise import CHUNK, INT64, ascending, compact, number_table
from fastmf.data.ids import IdMap, restored
from fastmf.data.intake import Columns, timestamps_column, values_column

FIRST = 1 << 16  # elements for which there is room at first
EXACT = 2**53  # from here on a floating-point number may stand for several integers
REFUSED = (bool, np.bool_, datetime.date, datetime.time, datetime.timedelta)  # a datetime is a date too
SPARE = 1 << 22  # integers that a table may hold without being an id, besides half as many as there are entries


class Growing:
    """An array that grows at its end. Room not used yet costs no memory, as nothing has been written to it.

    Many small arrays, joined at the end, would leave behind memory that the process cannot give back.
    """

    def __init__(self, dtype: Any, room: int = 0) -> None:
        self._array = np.empty(max(room, FIRST), dtype)
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def add(self, piece: NDArray[Any]) -> None:
        """Append a copy of a piece; the array becomes float64 when a piece is."""
        length = self._length + len(piece)
        kind = np.float64 if piece.dtype.kind == "f" and self._array.dtype.kind == "i" else self._array.dtype
        if length > len(self._array) or kind != self._array.dtype:
            grown = np.empty(max(2 * len(self._array), length), kind)
            grown[: self._length] = self._array[: self._length]
            self._array = grown
        self._array[self._length : length] = piece
        self._length = length

    def result(self) -> NDArray[Any]:
        """The array in its length; nothing can be added any more."""
        array, self._array = self._array, np.empty(0, self._array.dtype)
        array.resize(self._length, refcheck=False)
        return array


def renumbered(numbers: NDArray[np.int32], rank: NDArray[np.int32]) -> NDArray[np.int32]:
    """``rank[numbers]``, written over `numbers`."""
    for start in range(0, len(numbers), CHUNK):
        numbers[start : start + CHUNK] = rank[numbers[start : start + CHUNK]]
    return numbers


class Integers:
    """Distinct integers in the order in which they come, and the number of each: a table while it is small."""

    def __init__(self) -> None:
        self.ids = np.empty(0, np.int64)
        self.entries = 0
        self._low = 0
        self._table: NDArray[np.int32] | None = np.empty(0, np.int32)
        self._sorted, self._numbers = self.ids, np.empty(0, np.int32)  # once a table would be too large

    def __len__(self) -> int:
        return len(self.ids)

    def numbers(self, array: NDArray[np.int64]) -> NDArray[np.int32]:
        """The number of each element; integers not seen before get the next ones, the least first."""
        self.entries += len(array)
        if len(array) == 0:
            return np.empty(0, np.int32)
        if self._table is not None:
            self._reach(int(array.min()), int(array.max()))
        if self._table is None:
            return self._search(array)
        at = array - self._low
        numbers = self._table[at]
        new = numbers < 0
        if new.any():
            fresh = np.unique(array[new])
            self._table[fresh - self._low] = self._appended(fresh)
            numbers = self._table[at]
        return numbers

    def _reach(self, low: int, high: int) -> None:
        """Make the table reach from `low` to `high`, or give it up."""
        assert self._table is not None
        if len(self._table):
            low, high = min(low, self._low), max(high, self._low + len(self._table) - 1)
            if high - low < len(self._table):
                return
        if high - low < self.entries // 2 + SPARE:
            room = (high - low) // 4  # so that ids that rise do not make a new table for every piece
            low, high = max(low - room // 4, INT64.min), min(high + room, INT64.max)
            self._low, self._table = low, number_table(self.ids, low, high)
        else:
            self._table = None
            self._sorted, self._numbers = self.ids.copy(), np.arange(len(self.ids), dtype=np.int32)
            order = np.argsort(self._sorted)
            self._sorted, self._numbers = self._sorted[order], self._numbers[order]

    def _search(self, array: NDArray[np.int64]) -> NDArray[np.int32]:
        distinct, inverse = np.unique(array, return_inverse=True)
        at = np.searchsorted(self._sorted, distinct)
        known = np.zeros(len(distinct), bool)
        inside = at < len(self._sorted)
        known[inside] = self._sorted[at[inside]] == distinct[inside]
        fresh = distinct[~known]
        numbers = np.empty(len(distinct), np.int32)
        numbers[known] = self._numbers[at[known]]
        numbers[~known] = self._appended(fresh)
        self._sorted = np.insert(self._sorted, at[~known], fresh)
        self._numbers = np.insert(self._numbers, at[~known], numbers[~known])
        return numbers[inverse]

    def _appended(self, fresh: NDArray[np.int64]) -> NDArray[np.int32]:
        first = len(self.ids)
        self.ids = np.concatenate([self.ids, fresh])
        return np.arange(first, len(self.ids), dtype=np.int32)


class Ids:
    """A column of ids of one type that comes in pieces; `label` names it in errors."""

    def __init__(self, label: str, room: int = 0) -> None:
        self.label = label
        self.all = Growing(np.int32, room)
        self._integers = Integers()
        self._waiting: list[NDArray[np.int64]] = []  # small pieces, as each would take time for all ids there are
        self._n_waiting = 0  # ids in them
        self._numbered: defaultdict[Hashable, int] | None = None  # from the first piece that is not of integers

    def __len__(self) -> int:
        return len(self.all) + self._n_waiting

    def add_integers(self, array: NDArray[np.int64]) -> None:
        """A piece of 64-bit integers, which must not change any more."""
        if self._numbered is not None:
            self.add(array.tolist())
            return
        self._waiting.append(array)
        self._n_waiting += len(array)
        if self._n_waiting >= CHUNK:
            self._number()

    def _number(self) -> None:
        """Number the pieces that wait."""
        waiting, self._waiting, self._n_waiting = self._waiting, [], 0
        array = waiting[0] if len(waiting) == 1 else np.concatenate([np.empty(0, np.int64), *waiting])
        for start in range(0, len(array), CHUNK):
            self.all.add(self._integers.numbers(array[start : start + CHUNK]))

    def add(self, ids: Sequence[Hashable]) -> None:
        """A piece of any ids."""
        if self._numbered is None:
            if all(type(id) is int and INT64.min <= id <= INT64.max for id in ids):
                self.add_integers(np.array(ids, np.int64))
                return
            self._number()
            known = self._integers.ids.tolist()
            self._numbered = defaultdict(None, zip(known, range(len(known)), strict=True))
            self._numbered.default_factory = self._numbered.__len__
        try:
            numbers = np.fromiter(map(self._numbered.__getitem__, ids), np.int32, len(ids))
        except TypeError as error:
            raise TypeError(f"{self.label} must hold hashable ids: {error}") from None
        self.all.add(numbers)

    def result(self) -> tuple[IdMap, NDArray[np.int32]]:
        """The ids, integers and text ascending and others as they first appear, and the number of each entry."""
        self._number()
        ids = self._integers.ids if self._numbered is None else compact(self._of_one_type(list(self._numbered)))
        if ids.dtype.kind == "i" or all(isinstance(id, str) for id in ids.tolist()):
            ids, rank = ascending(ids, np.arange(len(ids), dtype=np.int32))
            return restored(ids), renumbered(self.all.result(), rank)
        return restored(ids), self.all.result()

    def _of_one_type(self, ids: list[Any]) -> list[Any]:
        kinds = Counter(map(type, ids))
        if all(kind in (int, float) or issubclass(kind, (np.integer, np.floating)) for kind in kinds):
            for number in (float(id) for id in ids if isinstance(id, (float, np.floating))):
                if not (number.is_integer() and abs(number) < EXACT):
                    why = ", which may stand for several integers" if number.is_integer() else ""
                    raise TypeError(f"{self.label} must hold integers, text or other ids, got the number {number}{why}")
            return [int(id) for id in ids]
        for kind in kinds:
            if issubclass(kind, REFUSED):
                raise TypeError(
                    f"{self.label} must hold integers, text or other ids, got {kind.__name__}, such as "
                    f"{_example(ids, kind)}"
                )
        if len(kinds) > 1:
            found = (f"{n} of {kind.__name__}, such as {_example(ids, kind)}" for kind, n in kinds.items())
            raise TypeError(f"{self.label} must hold ids of one type, got {'; '.join(found)}")
        return ids


class Gathering:
    """Entries that come in pieces; `labels` names the columns by their roles in errors, and says which there are.

    There may be more or fewer of them than there is `room` for, but then it takes longer.
    """

    def __init__(self, labels: dict[str, str], dtype: np.dtype[Any], room: int = 0) -> None:
        self.labels, self.dtype = labels, dtype
        self.users, self.items = Ids(labels["user"], room), Ids(labels["item"], room)
        self.values, self.times = Growing(dtype, room), Growing(np.int64, room)
        self.length = 0
        self._first_time: Any = None  # as it came: later ones must be of its sort

    def add_numbers(self, values: Any, times: Any, places: Sequence[int] | None = None) -> None:
        """The values and times of a piece whose ids have been added; they are copied.

        `places` has the position of each entry in what it was read from, for errors: by default that among all entries.
        """
        before, self.length = self.length, len(self.users)
        length = self.length - before
        places = range(before, self.length) if places is None else places
        if "value" in self.labels:
            self.values.add(values_column(self.labels["value"], values, length, self.dtype, places))
        if "timestamp" in self.labels:
            self.times.add(timestamps_column(self.labels["timestamp"], times, length, places, self._first_time))
            if length and self._first_time is None:
                self._first_time = times[0]

    def result(self, left_out: dict[str, int] | None = None) -> Columns:
        """All of it, once; `left_out` says what was left out of it."""
        (users, rows), (items, columns) = self.users.result(), self.items.result()
        values = self.values.result() if "value" in self.labels else None
        times = self.times.result() if "timestamp" in self.labels else None
        return Columns(users, rows, items, columns, values, times, left_out or {})


def _example(ids: list[Any], kind: type) -> str:
    return _checks.shown(next(id for id in ids if type(id) is kind))
