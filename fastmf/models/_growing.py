"""New entries among those a model was fitted to: their users and items get numbers, and the rows grow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data import IdMap, Ratings
from fastmf.data.csr import Csr, positions_of
from fastmf.models._intake import as_ratings, transposed
from fastmf.models._names import with_new_ids
from fastmf.models._state import State

Floats = NDArray[Any]
INFO_FILLERS: dict[str, Any] = {"f": np.nan, "c": np.nan, "M": "NaT", "m": "NaT", "O": ""}  # for others 0 or no text


@dataclass(frozen=True, kw_only=True)
class Grown:
    """All entries, stored and new, and the numbers of the users and items that have new ones, ascending."""

    ratings: Ratings
    weights: Floats | None
    users: NDArray[np.int64]
    items: NDArray[np.int64]


def grown(state: State, interactions: Any, weights: Any) -> Grown:
    """The stored entries of a fitted model with `interactions` among them.

    An entry that is there already gets its new value (and weight). Ids that the model does not know come after those
    it knows, in the order in which the interactions have them.
    """
    new = as_ratings(interactions, "interactions")
    values = state.training_values()
    if (weights is None) != (state.seen_weights is None):
        had, want = ("no weights", "none") if weights is not None else ("weights", "some")
        raise ValueError(f"weights must go with those of the fit: the model was fitted with {had}, so give {want}")
    if weights is not None:
        weights = _checks.finite_vector("weights", weights, new.nnz, 0.0)
    _check_shape(new, state)
    user_numbers, user_ids, n_users = _placed("users", new.users, new.n_users, state.user_ids, state.shape[0])
    item_numbers, item_ids, n_items = _placed("items", new.items, new.n_items, state.item_ids, state.shape[1])
    users, items = user_numbers[new.row_numbers()], item_numbers[new.indices]
    rows, all_weights = _merged(state, values, users, items, new.data, weights, (n_users, n_items))
    info = {
        name: _extended(column, new.item_info.get(name), item_numbers, n_items)
        for name, column in state.item_info.items()
    }
    return Grown(
        ratings=Ratings._made(rows, (n_users, n_items), user_ids, item_ids, info),
        weights=all_weights,
        users=np.unique(users),
        items=np.unique(items),
    )


def _check_shape(new: Ratings, state: State) -> None:
    """That rows and columns without ids can be told: a smaller shape than the fitted one is likely a mistake."""
    for axis, (given, known) in enumerate(((new.users, state.user_ids), (new.items, state.item_ids))):
        what, n, fitted = ("users", "items")[axis], new.shape[axis], state.shape[axis]
        if known is None and given is not None:
            raise ValueError(
                f"interactions must have no ids of {what}: the model was fitted without, to row and column numbers"
            )
        if given is None and (n < fitted if known is None else n != fitted):
            wanted = "at least" if known is None else "ids, or exactly"
            raise ValueError(
                f"interactions must have {wanted} the {fitted} {what} of the model, got shape {new.shape}"
                + transposed(new, state.shape)
            )


def _placed(
    what: str, given: IdMap | None, n: int, known: IdMap | None, fitted: int
) -> tuple[NDArray[np.int64], IdMap | None, int]:
    """The numbers that rows or columns of the interactions have in the grown model, its ids, and how many there are."""
    if known is None or given is None:
        return np.arange(n), known, max(n, fitted)
    numbers, ids = with_new_ids(known, given)
    return numbers, ids, len(ids)


def _merged(
    state: State,
    values: Floats,
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    new_values: Floats,
    new_weights: Floats | None,
    shape: tuple[int, int],
) -> tuple[Csr, Floats | None]:
    """Compressed rows of stored and new entries; only the rows of these users are looked into."""
    order = np.lexsort((items, users))
    users, items = users[order], items[order]
    indptr = np.concatenate([state.seen_indptr, np.full(shape[0] - state.shape[0], state.seen_indptr[-1])])
    rows = np.unique(users)
    begins, positions = positions_of(indptr, rows)
    row = np.searchsorted(rows, users)
    stored = np.repeat(np.arange(len(rows)), np.diff(begins)) * shape[1] + state.seen_indices[positions]
    keys = row * shape[1] + items
    at = np.searchsorted(stored, keys)
    again = np.append(stored, -1)[at] == keys
    place = indptr[users] + at - begins[row]  # of the entry itself, or of the one it goes before

    def put(old: Floats, new: Floats) -> Floats:
        taken = old.astype(np.result_type(old, new))
        taken[place[again]] = new[order][again]
        return np.insert(taken, place[~again], new[order][~again])

    added = np.bincount(users[~again], minlength=shape[0])
    csr = Csr(
        indptr + np.concatenate([[0], np.cumsum(added)]),
        np.insert(state.seen_indices, place[~again], items[~again].astype(np.int32)),
        put(values, new_values),
        None,
    )
    if new_weights is None or state.seen_weights is None:
        return csr, None
    return csr, put(state.seen_weights, _checks.in_range_of(state.seen_weights.dtype, "weights", new_weights))


def _extended(column: NDArray[Any], given: NDArray[Any] | None, numbers: NDArray[np.int64], n: int) -> NDArray[Any]:
    """A fact about each item, also for new ones: as the interactions have it, or nothing that could be mistaken."""
    fitted, kind = len(column), column.dtype.kind
    if n == fitted:
        return column
    added = np.zeros((n - fitted, *column.shape[1:]), column.dtype)
    if kind in INFO_FILLERS:
        added[...] = INFO_FILLERS[kind]
    if given is not None and given.dtype.kind == kind:
        fresh = numbers >= fitted
        added = added.astype(np.result_type(added, given))
        added[numbers[fresh] - fitted] = given[fresh]
    return np.concatenate([column, added])
