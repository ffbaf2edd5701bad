"""Test data in a model's own numbering: ids are translated, what the model does not know is counted and left out."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from fastmf.data import IdMap, Ratings, csr
from fastmf.models._base import FactorModel
from fastmf.models._intake import as_ratings

Rows = tuple[NDArray[np.int64], NDArray[np.int32]]  # indptr and indices of a CSR


def in_numbers_of(model: FactorModel, name: str, data: Any) -> tuple[Ratings, list[str]]:
    """`data` with the model's rows and columns, and a note on the entries that are lost by it.

    Ids are translated where both the data and the model have them; what has none must be numbered like the model and
    have its size.
    """
    given = as_ratings(data, name)
    shape = model._fitted.shape
    users, items = _translation(given.users, model.user_ids), _translation(given.items, model.item_ids)
    for translation, size, wanted in ((users, given.n_users, shape[0]), (items, given.n_items, shape[1])):
        if translation is None and size != wanted:
            hint = f"; it looks transposed, pass {name}.T" if given.shape == shape[::-1] else ""
            raise ValueError(
                f"{name} must have the shape of the model, {shape}, or ids the model knows, got {given.shape}{hint}"
            )
    if users is None and items is None:
        return given, []
    return _translated(given, users, items, shape, name, model)


def gathered(indptr: NDArray[np.int64], indices: NDArray[np.int32], rows: NDArray[np.int64]) -> Rows:
    """Some rows of a CSR, ascending, as a CSR of their own."""
    starts = csr.starts(indptr[rows + 1] - indptr[rows])
    if len(rows) == 0:
        return starts, indices[:0]
    between = slice(rows[0], rows[-1] + 1)
    wanted = np.zeros(between.stop - between.start, bool)
    wanted[rows - rows[0]] = True
    entries = indices[indptr[between.start] : indptr[between.stop]]
    return starts, entries if wanted.all() else entries[np.repeat(wanted, np.diff(indptr)[between])]


def _translation(ids: IdMap | None, known: IdMap | None) -> NDArray[np.int64] | None:
    """The model's number of each of the data's, -1 for what it does not know; None where numbers stay as they are."""
    if ids is None or known is None or ids is known or ids == known:
        return None
    return known.numbers(ids.ids, unknown="skip")


def _translated(
    given: Ratings,
    users: NDArray[np.int64] | None,
    items: NDArray[np.int64] | None,
    shape: tuple[int, int],
    name: str,
    model: FactorModel,
) -> tuple[Ratings, list[str]]:
    rows = given.row_numbers() if users is None else users[given.row_numbers()]
    columns = given.indices if items is None else items[given.indices]
    unknown_user, unknown_item = rows < 0, columns < 0
    lost = unknown_user | unknown_item
    if given.nnz and lost.all():
        hint = ""
        known = model.item_ids
        if given.users is not None and known is not None and (known.numbers(given.users.ids, "skip") >= 0).any():
            hint = "; its rows hold ids of the model's items: it looks transposed"
        raise ValueError(f"{name} must have users and items the model knows, got none in {given.nnz} entries{hint}")
    kept = ~lost
    notes = []
    if lost.any():
        n_users = len(np.unique(given.row_numbers()[unknown_user]))
        n_items = len(np.unique(given.indices[unknown_item]))
        notes.append(
            f"left out: {int(lost.sum()):,} of {given.nnz:,} {name} entries, for {n_users:,} users and "
            f"{n_items:,} items the model does not know"
        )
    entries = (given.data[kept], (rows[kept], columns[kept]))
    return Ratings.from_sparse(scipy.sparse.coo_array(entries, shape=shape)), notes
