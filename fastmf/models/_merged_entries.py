"""The entries a model has seen and new ones in one matrix, where a new one replaces the same entry seen before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf.data import Ratings
from fastmf.data.csr import positions_of
from fastmf.models._state import State

Floats = NDArray[Any]
Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class MergedEntries:
    """Compressed rows of all entries: `indptr` and `indices`."""

    indptr: Numbers
    indices: NDArray[np.int32]
    _place: Numbers  # of each new entry among those seen: its own, or that of the entry it goes before
    _again: NDArray[np.bool_]  # whether it was seen before

    @classmethod
    def of(cls, state: State, new: Ratings) -> MergedEntries:
        """The entries of a fitted state and others in its numbering, where users and items may have come after its own.

        Only the rows that have new entries are looked into.
        """
        (n_users, n_items), seen = new.shape, state.seen_indptr
        indptr = np.concatenate([seen, np.full(n_users - state.shape[0], seen[-1])])
        rows = np.flatnonzero(new.user_counts)
        begins, positions = positions_of(indptr, rows)
        row_of_seen = np.repeat(np.arange(len(rows)), np.diff(begins))
        row_of_new = np.repeat(np.arange(len(rows)), new.user_counts[rows])
        stored = row_of_seen * n_items + state.seen_indices[positions]  # both rise
        keys = row_of_new * n_items + new.indices
        at = np.searchsorted(stored, keys)
        again = np.append(stored, -1)[at] == keys
        users = new.row_numbers()
        place = indptr[users] + at - begins[row_of_new]
        added = np.bincount(users[~again], minlength=n_users)
        return cls(
            indptr + np.concatenate([[0], np.cumsum(added)]),
            np.insert(state.seen_indices, place[~again], new.indices[~again]),
            place,
            again,
        )

    def numbers(self, seen: Floats, new: Floats) -> Floats:
        """A number for each entry, such as its value, of one for each entry seen and one for each new entry."""
        replaced = seen.astype(np.result_type(seen, new))
        replaced[self._place[self._again]] = new[self._again]
        return np.insert(replaced, self._place[~self._again], new[~self._again])
