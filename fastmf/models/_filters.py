"""What a list may not hold, or only may: as users give it, and as retrieval takes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf.models._names import numbers_of
from fastmf.models._state import State

Lists = tuple[NDArray[np.int64], NDArray[np.int32]]


def item_numbers(name: str, items: ArrayLike | None, state: State) -> NDArray[np.int64] | None:
    """Column numbers of a vector of ids, None for None."""
    return None if items is None else numbers_of(name, items, state.item_ids, state.shape[1])[0]


def seen_of(state: State, users: NDArray[np.int64]) -> Lists:
    """The training rows of some users as a CSR of their own."""
    starts, counts = state.seen_indptr[users], np.diff(state.seen_indptr)[users]
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    within = np.arange(indptr[-1]) - np.repeat(indptr[:-1], counts)
    return indptr, state.seen_indices[np.repeat(starts, counts) + within]
