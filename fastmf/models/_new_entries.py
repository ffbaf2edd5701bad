"""What `partial_fit` is given: new ratings under the numbers of a fitted model, known users and items first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf._errors import UnknownIdError
from fastmf.data import IdMap, Ratings
from fastmf.data.csr import Csr, assemble
from fastmf.models._intake import as_ratings, transposed
from fastmf.models._item_info import Columns, extended
from fastmf.models._state import State

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Side:
    """Users or items: how many there are, their ids, and the number of each row or column of some ratings."""

    size: int
    ids: IdMap | None
    numbers: Numbers


@dataclass(frozen=True)
class NewEntries:
    """A fitted state, and new entries alone in a matrix of the users and items of both."""

    state: State
    ratings: Ratings  # its item_info is also that of both
    order: Numbers  # of the entries: `ratings.data` are `given.data[order]`

    @classmethod
    def of(cls, state: State, data: Any) -> NewEntries:
        """The ratings that `partial_fit` was given.

        Ids decide where model and ratings have them; numbers do where neither has. Without ids of a side, ratings for a
        model without must have at least its rows or columns, as fewer are likely a mistake; for a model with ids,
        exactly these.
        """
        given = as_ratings(data)
        users, items = _side(0, given, state), _side(1, given, state)
        info = extended(state.item_info, given.item_info, items.numbers, items.size)
        return cls(state, *_renumbered(given, users, items, info))

    def aligned(self, data: Any, name: str) -> Ratings:
        """Ratings in this numbering, if they have ids and these are all known; else as they are."""
        given = as_ratings(data, name)
        users = _known_side(name, self.ratings.users, given.users, given.n_users)
        items = _known_side(name, self.ratings.items, given.items, given.n_items)
        return _renumbered(given, users, items, {})[0]

    @property
    def before(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which users and items had an entry before these."""
        return self.state.known(self.ratings.shape)


def _side(axis: int, given: Ratings, state: State) -> Side:
    """The rows (axis 0) or columns (axis 1) of new ratings for a fitted model."""
    what, n, fitted = ("users", "items")[axis], given.shape[axis], state.shape[axis]
    ids, known = (given.users, given.items)[axis], (state.user_ids, state.item_ids)[axis]
    if known is not None and ids is not None:
        numbers, together = with_new_ids(known, ids)
        return Side(len(together), together, numbers)
    if ids is not None:
        raise ValueError(f"ratings must have no ids of {what}, as those of the fit had none, got {ids!r}")
    if n < fitted or (known is not None and n > fitted):
        wanted = f"{'at least' if known is None else 'exactly'} the {fitted} {what} of the model"
        hint = transposed(given, state.shape)
        raise ValueError(f"ratings without ids of {what} must have {wanted}, got shape {given.shape}{hint}")
    return Side(n, known, np.arange(n))


def _known_side(name: str, known: IdMap | None, ids: IdMap | None, n: int) -> Side:
    """The n rows or columns of ratings that hold no new ids."""
    if known is None or ids is None:
        return Side(n, ids, np.arange(n))
    try:
        return Side(len(known), known, known.numbers(ids.ids))
    except UnknownIdError as error:
        raise UnknownIdError(f"{name}: {error}") from None


def with_new_ids(known: IdMap, given: IdMap) -> tuple[Numbers, IdMap]:
    """The number of each given id, where those not known come after the known ones in the order given; and all ids."""
    numbers = known.numbers(given.ids, unknown="skip")
    fresh = numbers < 0
    if not fresh.any():
        return numbers, known
    numbers[fresh] = len(known) + np.arange(fresh.sum())
    old, new = known.ids, given.ids[fresh]
    plain = old.dtype.kind == new.dtype.kind and old.dtype.kind in "iU"  # else NumPy would turn numbers into text
    return numbers, IdMap(np.concatenate([old, new]) if plain else [*old.tolist(), *new.tolist()])


def _renumbered(given: Ratings, users: Side, items: Side, info: Columns) -> tuple[Ratings, Numbers]:
    """The same entries under other numbers, and where in `given` each one was."""
    shape = users.size, items.size
    rows = users.numbers[given.row_numbers()].astype(np.int32)
    columns = items.numbers[given.indices].astype(np.int32)
    indptr, indices, order, _ = assemble([rows, columns, np.arange(given.nnz), None], shape)
    return Ratings._made(Csr(indptr, indices, given.data[order], None), shape, users.ids, items.ids, info), order
