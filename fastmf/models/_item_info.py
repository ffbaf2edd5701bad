"""`item_info` of a model that takes up new ratings: what it knows of its items, and what they say of others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks

Columns = Mapping[str, NDArray[Any]]
Piece = tuple[NDArray[np.int64], NDArray[Any]]  # numbers of items, and a fact about each

NOTHING: dict[str, Any] = {"f": np.nan, "c": np.nan, "M": "NaT", "m": "NaT"}  # for others no text
LARGEST_EXACT = 2**53  # float64 has all integers to here


def extended(known: Columns, given: Columns, numbers: NDArray[np.int64], n: int) -> dict[str, NDArray[Any]]:
    """The columns of the model and of new ratings, for n items, whose numbers in the new ratings are `numbers`.

    A column that the model has keeps what it says of the items the model knows. What neither says is nothing that could
    be mistaken for a fact: NaN, for which whole numbers and booleans become floats; NaT; or no text.
    """
    pieces: dict[str, list[Piece]] = {title: [(np.arange(len(column)), column)] for title, column in known.items()}
    for title, column in given.items():
        if title not in known:
            pieces[title] = [(numbers, column)]
            continue
        _check_alike(title, column, known[title])
        fresh = numbers >= len(known[title])
        if fresh.any():
            pieces[title].append((numbers[fresh], column[fresh]))
    return {title: _column(of_title, n) for title, of_title in pieces.items()}


def _check_alike(title: str, given: NDArray[Any], known: NDArray[Any]) -> None:
    """That facts from two sources can stand in one column."""
    if _sort(given) != _sort(known) or given.shape[1:] != known.shape[1:]:
        raise TypeError(
            f"ratings must have item_info[{title!r}] of the kind the model has, {_checks.shown(known)}, got "
            f"{_checks.shown(given)}"
        )


def _sort(column: NDArray[Any]) -> str:
    """Kinds of NumPy that go together: numbers; text, also as objects; each other kind alone."""
    kind = column.dtype.kind
    return next((sort for sort in ("biufc", "UTO") if kind in sort), kind)


def _column(pieces: Sequence[Piece], n: int) -> NDArray[Any]:
    """One column of n facts that come in pieces."""
    parts = [part for _, part in pieces]
    dtype = np.result_type(*parts)
    lacks = sum(map(len, parts)) < n
    if lacks and dtype.kind in "biu":
        dtype = np.dtype(np.float64)
    if (lacks and dtype.kind == "V") or (dtype.kind == "f" and any(map(_has_large_integers, parts))):
        dtype = np.dtype(object)
    column = np.empty((n, *parts[0].shape[1:]), dtype)
    if lacks:
        column[...] = NOTHING.get(dtype.kind, "")
    for numbers, part in pieces:
        column[numbers] = part
    return column


def _has_large_integers(column: NDArray[Any]) -> bool:
    """Whether floats would round them."""
    return column.dtype.kind in "iu" and column.size > 0 and max(int(column.max()), -int(column.min())) > LARGEST_EXACT
