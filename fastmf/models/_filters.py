"""What a list may not hold, or only may: as users give it, and as retrieval takes it."""

from __future__ import annotations

from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data import Ratings
from fastmf.data.csr import positions_of
from fastmf.models._intake import with_columns
from fastmf.models._names import numbers_of
from fastmf.models._state import State

Lists = tuple[NDArray[np.int64], NDArray[np.int32]]


class Filters(NamedTuple):
    """The filters of some users, by number: vectors for all of them, and compressed rows with a row a user."""

    seen: Lists | None = None
    exclude: NDArray[np.int64] | None = None
    exclude_rows: Lists | None = None
    candidates: NDArray[np.int64] | None = None
    candidate_rows: Lists | None = None

    @classmethod
    def of(
        cls, state: State, users: NDArray[np.int64] | None, exclude_seen: Any, exclude: Any, candidates: Any
    ) -> Filters:
        """The filters that users (None: all of them) asked for."""
        asked = len(state.user_factors) if users is None else len(users)
        ids = None if state.user_ids is None else state.user_ids.ids
        ids = ids if ids is None or users is None else ids[users]
        if _is_by_user(exclude_seen):
            seen: Lists | None = _rows("exclude_seen", exclude_seen, asked, ids, state)
        elif isinstance(exclude_seen, (bool, np.bool_)):
            seen = seen_of(state, users) if exclude_seen else None
        else:
            raise TypeError(
                f"exclude_seen must be True, False, or rows of items, one a user, got {_checks.shown(exclude_seen)}"
            )
        for_all: dict[str, Any] = {}
        by_user: dict[str, Any] = {}
        for name, value in (("exclude", exclude), ("candidates", candidates)):
            rows = _is_by_user(value)
            by_user[name] = _rows(name, value, asked, ids, state) if rows else None
            for_all[name] = None if rows or value is None else _numbers(name, value, state)
        return cls(seen, for_all["exclude"], by_user["exclude"], for_all["candidates"], by_user["candidates"])

    def part(self, start: int, stop: int) -> Filters:
        """The filters of the users from `start` to `stop` among these."""
        rows = [
            None if lists is None else (lists[0][start : stop + 1], lists[1])
            for lists in (self.seen, self.exclude_rows, self.candidate_rows)
        ]
        return self._replace(seen=rows[0], exclude_rows=rows[1], candidate_rows=rows[2])


def seen_of(state: State, users: NDArray[np.int64] | None) -> Lists:
    """The training rows of some users, or of all, in compressed rows with a row for each of them."""
    if users is None:
        return state.seen_indptr, state.seen_indices
    indptr, positions = positions_of(state.seen_indptr, users)
    return indptr, state.seen_indices[positions]


def _is_by_user(value: Any) -> bool:
    """Whether a filter has a row for each user: a matrix, or a list in which there are lists or arrays."""
    if isinstance(value, Ratings) or scipy.sparse.issparse(value):
        return True
    if isinstance(value, np.ndarray):
        return value.ndim == 2 or (value.ndim == 1 and value.dtype == object and _is_by_user(value.tolist()))
    return isinstance(value, (list, tuple)) and any(_is_list(row) for row in value)


def _is_list(row: Any) -> bool:
    """Whether this is several items; a tuple may be the id of one."""
    return isinstance(row, (list, set, frozenset, range)) or (isinstance(row, np.ndarray) and row.ndim > 0)


def _numbers(name: str, items: Any, state: State) -> NDArray[np.int64]:
    return numbers_of(name, items, state.item_ids, state.shape[1])[0]


def _rows(name: str, value: Any, asked: int, users: NDArray[Any] | None, state: State) -> Lists:
    """Compressed rows of item numbers, one row for each of the users asked for."""
    if isinstance(value, Ratings) or scipy.sparse.issparse(value):
        ratings, _ = with_columns(value, state.shape[1], state.item_ids, name, "items")
        _check_length(name, ratings.n_users, asked)
        given = getattr(value, "users", None)
        if given is not None and users is not None and not np.array_equal(given.ids, users):
            raise ValueError(f"{name} must have the users asked for, in the same order, got {given!r}")
        return ratings.indptr, ratings.indices
    rows = list(value)
    _check_length(name, len(rows), asked)
    for row in rows:
        if not _is_list(row):
            raise TypeError(f"{name} must have a list of items for each user, got {_checks.shown(row)} among them")
    lengths = np.array([len(row) for row in rows], np.int64)
    filled = [row for row in rows if len(row)]
    if filled and all(isinstance(row, np.ndarray) for row in filled):
        items: Any = np.concatenate(filled)
    else:
        items = list(chain.from_iterable(row.tolist() if isinstance(row, np.ndarray) else row for row in filled))
    keys = np.repeat(np.arange(asked), lengths) * state.shape[1] + _numbers(name, items, state)
    keys.sort()
    keys = keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]  # without repeats
    row, item = np.divmod(keys, max(1, state.shape[1]))
    return np.searchsorted(row, np.arange(asked + 1)), item.astype(np.int32)


def _check_length(name: str, got: int, asked: int) -> None:
    if got != asked:
        raise ValueError(f"{name} must have a row for each of the {asked} users asked for, got {got} rows")
