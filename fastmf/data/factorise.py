"""Ids as arrays: which array keeps them, which are distinct, and the number of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks

INT64 = np.iinfo(np.int64)
WIDEST_TEXT = 128  # a `U` array gives every id the width of the longest, so longer text is kept as objects
CHUNK = 1 << 18  # ids handled at a time, which bounds the temporary arrays


def as_id_array(name: str, values: Any) -> NDArray[Any]:
    """Ids as a one-dimensional array: int64 if all are 64-bit integers, else of a kind whose `tolist` gives the ids."""
    if hasattr(values, "__array__"):
        array = _checks.vector(name, values)
        if array.dtype.kind in "bMmV":
            raise TypeError(f"{name} must hold integers, text or hashable objects, got {_checks.shown(array)}")
        if array.dtype.kind == "O":
            for start in range(0, len(array), CHUNK):
                without_booleans(name, array[start : start + CHUNK].tolist())
        if array.dtype.kind == "i" or (array.dtype.kind == "u" and (array.size == 0 or array.max() <= INT64.max)):
            return array.astype(np.int64, copy=False)
        return array
    if isinstance(values, (str, bytes, Mapping, Set)):
        raise TypeError(f"{name} must be a sequence or a one-dimensional array of ids, got {_checks.shown(values)}")
    try:
        listed = list(values)
    except TypeError:
        raise TypeError(
            f"{name} must be a sequence or a one-dimensional array of ids, got {_checks.shown(values)}"
        ) from None
    # Never np.asarray on a list: it would make text of the number in [1, "a"], and a matrix of a list of pairs.
    if all(issubclass(kind, (int, np.integer)) for kind in without_booleans(name, listed)):
        try:
            return np.array(listed, np.int64)
        except OverflowError:
            pass
    return np.fromiter(listed, object, len(listed))


def without_booleans(name: str, ids: Sequence[Any]) -> set[type]:
    """The types of ids, none of them boolean: True is 1 to Python, so that a mask would pass for the ids 0 and 1."""
    kinds = set(map(type, ids))
    if kinds & {bool, np.bool_}:
        first = next(id for id in ids if isinstance(id, (bool, np.bool_)))
        raise TypeError(f"{name} must hold integers, text or hashable objects that are no booleans, got {first}")
    return kinds


def compact(ids: list[Any]) -> NDArray[Any]:
    """Ids as the narrowest array that keeps each of them as it is: int64, `U` or objects."""
    if all(_checks.is_integer(id) and INT64.min <= id <= INT64.max for id in ids):
        return np.array(ids, np.int64)
    # A `U` array cannot tell "a" from "a\0", and takes the longest id's width for all.
    if all(isinstance(id, str) and len(id) <= WIDEST_TEXT and not id.endswith("\0") for id in ids):
        return np.array(ids, np.str_)
    return np.fromiter(ids, object, len(ids))


def is_plain_integer(text: str) -> bool:
    """Whether `text` is how Python writes some 64-bit integer: no sign but a minus, no leading zero, no space."""
    digits = text.removeprefix("-")
    return (
        digits.isascii()
        and digits.isdigit()
        and len(digits) < 20
        and str(int(text)) == text
        and INT64.min <= int(text) <= INT64.max
    )


def factorise(name: str, values: Any) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Distinct ids, integers and text ascending and others as they first appear, and the number of each value."""
    array = as_id_array(name, values)
    if array.dtype.kind == "i":
        return factorise_integers(array)
    ids, numbers = first_seen(name, array)
    if ids.dtype.kind == "i" or all(isinstance(id, str) for id in ids.tolist()):
        return ascending(ids, numbers)
    return ids, numbers


def ascending(ids: NDArray[Any], numbers: NDArray[np.int32]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Distinct ids in ascending order, and the numbers that go with it."""
    order = np.argsort(ids, kind="stable")
    rank = np.empty(len(ids), np.int32)
    rank[order] = np.arange(len(ids), dtype=np.int32)
    return ids[order], rank[numbers]


def first_seen(name: str, array: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int32]]:
    """Distinct ids in the order in which they appear first, and the number of each element."""
    numbered: defaultdict[Hashable, int] = defaultdict()
    numbered.default_factory = numbered.__len__  # a new id gets the next number, all of it in C
    numbers = each(name, array, np.int32, lambda ids: map(numbered.__getitem__, ids))
    ids = list(numbered)
    for id in ids:
        if is_missing(id):
            at = int(np.argmax(numbers == numbered[id]))
            raise ValueError(f"{name} must not hold missing values, got {id!r} at position {at}")
    return compact(ids), numbers


def factorise_integers(array: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Distinct integers in ascending order, and the number of each element."""
    numbers = np.empty(len(array), np.int32)
    if len(array) == 0:
        return array.copy(), numbers
    low, high = int(array.min()), int(array.max())
    pieces = [slice(start, start + CHUNK) for start in range(0, len(array), CHUNK)]
    if high - low <= len(array) + CHUNK:  # no sort: mark the integers that occur
        occurs = np.zeros(high - low + 1, bool)
        for piece in pieces:
            occurs[array[piece] - low] = True
        ids = np.flatnonzero(occurs) + low
        table = number_table(ids, low, high)
        for piece in pieces:
            numbers[piece] = table[array[piece] - low]
    else:
        ids = np.unique(array)
        for piece in pieces:
            numbers[piece] = np.searchsorted(ids, array[piece])
    return ids, numbers


def number_table(ids: NDArray[np.int64], low: int, high: int) -> NDArray[np.int32]:
    """The number of each integer from `low` to `high`, -1 for those that are no id."""
    table = np.full(high - low + 1, -1, np.int32)
    table[ids - low] = np.arange(len(ids), dtype=np.int32)
    return table


def each(name: str, array: NDArray[Any], dtype: Any, function: Callable[[list[Any]], Iterable[int]]) -> NDArray[Any]:
    """function(ids) over the array, a piece at a time: the objects of one piece are all that live at once."""
    out = np.empty(len(array), dtype)
    for start in range(0, len(array), CHUNK):
        ids = array[start : start + CHUNK].tolist()
        try:
            out[start : start + len(ids)] = np.fromiter(function(ids), dtype, len(ids))
        except TypeError as error:
            raise TypeError(f"{name} must hold hashable ids: {error}") from None
    return out


def is_missing(id: Any) -> bool:
    """Whether something stands for nothing: None, NaN, NaT, pandas.NA."""
    try:
        return id is None or bool(id != id)
    except (TypeError, ValueError, ArithmeticError):  # as pandas.NA and a signalling NaN do
        return True
