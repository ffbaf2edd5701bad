"""From ids to row and column numbers, and back: what every question to a model begins and ends with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf._errors import UnknownIdError
from fastmf.data import IdMap
from fastmf.models._state import State


def numbers_of(name: str, ids: Any, known: IdMap | None, size: int) -> tuple[NDArray[np.int64], bool]:
    """Row or column numbers of ids, and whether `ids` was a scalar; a list or a tuple always holds several ids."""
    scalar = not isinstance(ids, (list, tuple)) and np.ndim(ids) == 0
    values = [ids[()] if isinstance(ids, np.ndarray) else ids] if scalar else ids
    if known is None:
        return _checks.positions(name, values, size, name), scalar
    try:
        return known.numbers(values), scalar
    except (TypeError, ValueError, UnknownIdError) as error:
        raise type(error)(f"{name}: {error}") from None


def pairs_of(users: Any, items: Any, state: State) -> tuple[tuple[NDArray[np.int64], NDArray[np.int64]], bool]:
    """Row and column numbers of pairs, and whether both were scalars; a scalar goes with every element of the other."""
    u, u_scalar = numbers_of("users", users, state.user_ids, state.shape[0])
    i, i_scalar = numbers_of("items", items, state.item_ids, state.shape[1])
    if len(u) != len(i) and not (u_scalar or i_scalar):
        raise ValueError(f"users and items must have one length, got {len(u)} and {len(i)}")
    u, i = np.broadcast_arrays(u, i)
    return (np.ascontiguousarray(u), np.ascontiguousarray(i)), u_scalar and i_scalar


def named(
    numbers: NDArray[np.int32], scores: NDArray[Any], ids: IdMap | None, scalar: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Numbers turned into ids where there are ids, and one row instead of a matrix where a scalar was asked."""
    known = numbers if ids is None else ids.take(numbers.ravel()).reshape(numbers.shape)
    return (known[0], scores[0]) if scalar else (known, scores)
