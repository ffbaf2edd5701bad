"""New ratings for a fitted model: its users and items and the new ones under one numbering, known ones first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from fastmf._errors import UnknownIdError
from fastmf.data import IdMap, Ratings
from fastmf.data.csr import assemble
from fastmf.models._intake import as_ratings, transposed
from fastmf.models._names import with_new_ids
from fastmf.models._state import State

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """Users or items: how many there are now, their ids, and the number of each row or column of the new ratings."""

    size: int
    ids: IdMap | None
    numbers: Numbers


@dataclass(frozen=True)
class Growth:
    """A fitted state and new ratings in the numbering of both."""

    state: State
    ratings: Ratings
    order: Numbers  # of the entries: `ratings.data` are `given.data[order]`

    @classmethod
    def of(cls, state: State, data: Any) -> Growth:
        """Ids decide where both sides have them; numbers do where neither has."""
        given = as_ratings(data)
        hint = transposed(given, state.shape)
        users = _side("users", state.shape[0], state.user_ids, given.n_users, given.users, hint)
        items = _side("items", state.shape[1], state.item_ids, given.n_items, given.items, hint)
        info = _info(state, given, items)
        ratings, order = _placed(given, users, items, info)
        return cls(state, ratings, order)

    def aligned(self, data: Any, name: str) -> Any:
        """Ratings in this numbering, if they have ids and these are all known; else as they are."""
        given = as_ratings(data, name)
        sides = []
        for ids, new, size in (
            (self.ratings.users, given.users, given.n_users),
            (self.ratings.items, given.items, given.n_items),
        ):
            try:
                numbers = np.arange(size) if ids is None or new is None else ids.numbers(new.ids)
            except UnknownIdError as error:
                raise UnknownIdError(f"{name}: {error}") from None
            sides.append(Side(size if new is None or ids is None else len(ids), ids, numbers))
        return _placed(given, sides[0], sides[1], {})[0]

    @property
    def known(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Users and items that have learned from some entry before."""
        n_users, n_items = self.ratings.shape
        users = np.zeros(n_users, bool)
        users[: self.state.shape[0]] = np.diff(self.state.seen_indptr) > 0
        return users, np.bincount(self.state.seen_indices, minlength=n_items) > 0

    def grown(self, found: State) -> State:
        """What was found for the new ratings, with all that has been seen and the whole history."""
        shape = self.ratings.shape
        ends = np.full(shape[0] - self.state.shape[0], self.state.seen_indptr[-1])
        indptr = np.concatenate([self.state.seen_indptr, ends])
        before, now = (
            scipy.sparse.csr_array((np.ones(len(indices), np.int8), indices, starts), shape=shape)
            for indices, starts in ((self.state.seen_indices, indptr), (self.ratings.indices, self.ratings.indptr))
        )
        seen = before + now  # sorted, as both are
        return replace(
            found,
            seen_indptr=seen.indptr.astype(np.int64),
            seen_indices=seen.indices.astype(np.int32),
            history=self.state.history,
        )


def _side(what: str, n: int, ids: IdMap | None, n_given: int, given: IdMap | None, hint: str) -> Side:
    if ids is not None and given is not None:
        numbers, together = with_new_ids(ids, given)
        return Side(len(together), together, numbers)
    if ids is None and given is not None:
        raise ValueError(f"ratings must have no ids of {what}, as the ratings of the fit had none, got {given!r}")
    if n_given < n or (ids is not None and n_given > n):
        number = f"the {n}" if ids is not None else f"at least the {n}"
        raise ValueError(f"ratings without ids must have {number} {what} of the model, got {n_given}{hint}")
    return Side(n_given, ids, np.arange(n_given))


def _placed(given: Ratings, users: Side, items: Side, info: Mapping[str, NDArray[Any]]) -> tuple[Ratings, Numbers]:
    """The same entries under other numbers, and where in `given` each one was."""
    shape = users.size, items.size
    rows = users.numbers[given.row_numbers()].astype(np.int32)
    columns = items.numbers[given.indices].astype(np.int32)
    indptr, indices, order, _ = assemble([rows, columns, np.arange(given.nnz), None], shape)
    data = given.data[order]
    return Ratings(indptr, indices, data, shape=shape, users=users.ids, items=items.ids, item_info=info), order


def _info(state: State, given: Ratings, items: Side) -> dict[str, NDArray[Any]]:
    """What is known of each item: nothing (empty text, NaN) where neither the model nor the ratings say it."""
    n = state.shape[1]
    if items.size == n:
        return dict(state.item_info)
    is_new = items.numbers >= n
    columns = {}
    for name in (*state.item_info, *(name for name in given.item_info if name not in state.item_info)):
        old, new = state.item_info.get(name), given.item_info.get(name)
        old = _nothing(new, n) if old is None else old
        new = _nothing(old, items.size - n) if new is None else new[is_new]
        columns[name] = np.concatenate([old, new])
    return columns


def _nothing(like: NDArray[Any] | None, n: int) -> NDArray[Any]:
    assert like is not None
    if like.dtype.kind in "UO":
        return np.full(n, "" if like.dtype.kind == "U" else None, like.dtype)
    return np.full(n, "NaT", like.dtype) if like.dtype.kind in "mM" else np.full(n, np.nan)
