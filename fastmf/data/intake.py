"""The door for columns: what people bring as arrays is checked once, in time linear in the entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data import csr, moments
from fastmf.data.csr import Csr
from fastmf.data.factorise import factorise
from fastmf.data.ids import IdMap, restored


class Columns(NamedTuple):
    """Entries in any order: ids of users and items, the numbers of each entry's, its value and time if there are.

    `left_out` counts by reason the entries that a door has read and not let in.
    """

    users: IdMap
    rows: NDArray[np.int32]
    items: IdMap
    columns: NDArray[np.int32]
    values: Any
    timestamps: Any
    left_out: dict[str, int] = {}  # noqa: RUF012


class Made(NamedTuple):
    """What a door gives: canonical rows, ids, and what was done to the entries on the way in (`Ratings.intake`)."""

    rows: Csr
    users: IdMap
    items: IdMap
    intake: dict[str, int]


def values_column(
    name: str, values: Any, length: int | None, dtype: np.dtype[Any], places: Sequence[int] | None = None
) -> NDArray[Any]:
    """Finite numbers in the data type asked for, which they must fit; not always a copy.

    An error gives the position of what is wrong, that of ``values[n]`` being ``places[n]``, or n without `places`.
    """
    array = _checks.vector(name, values, length)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got {_checks.shown(array)}")
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(array, dtype)
    # A sum is not finite if a term is not, and needs no array of flags; it may overflow, so that is only a first look.
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = not np.isfinite(cast.sum(dtype=np.float64))
    if suspicious and not np.isfinite(cast).all():
        at = int(np.argmin(np.isfinite(cast)))
        place = at if places is None else places[at]
        raise ValueError(f"{name} must hold finite numbers that fit {dtype}, got {array[at]} at position {place}")
    return cast


def timestamps_column(
    name: str, values: Any, length: int, places: Sequence[int] | None = None, first: Any = None
) -> NDArray[Any]:
    """int64 or finite float64 times; dates become seconds since 1970 UTC.

    `places` as in `values_column`. Objects must be of the sort of `first`, if given: numbers or dates.
    """
    array = _checks.vector(name, values, length)
    places = range(length) if places is None else places
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            at = int(np.argmax(np.isnat(array)))
            raise ValueError(f"{name} must have no missing times, got NaT at position {places[at]}")
        return moments.seconds_of(array)
    if array.dtype.kind == "O":
        array = moments.times_of(name, array.tolist(), places, first)
    if array.dtype.kind == "f":
        return values_column(name, array, length, np.dtype(np.float64), places)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, real numbers or dates, got {_checks.shown(array)}")
    if array.dtype.kind == "u" and len(array) and array.max() > csr.INT64_MOST:
        raise ValueError(f"{name} must fit int64, got {array.max()}")
    return array.astype(np.int64, copy=False)


def check_options(duplicates: Any, dtype: Any) -> np.dtype[Any]:
    """Options that are wrong whatever the data, looked at before any of it."""
    _checks.choice("duplicates", duplicates, csr.POLICIES)
    return _checks.float_dtype("dtype", dtype)


def wanted_columns(user: Any, item: Any, value: Any, timestamp: Any) -> dict[str, Any]:
    """The columns asked for by their roles: names, or numbers from 0; those that are None are not there."""
    wanted = {"user": user, "item": item, "value": value, "timestamp": timestamp}
    wanted = {role: column for role, column in wanted.items() if column is not None or role in ("user", "item")}
    for role, column in wanted.items():
        if not isinstance(column, str):
            _checks.integer(role, column, 0)
    return wanted


def located(names: list[str], wanted: dict[str, Any]) -> dict[str, int]:
    """Where in a table the columns asked for are, which must be different ones."""
    at = {}
    for role, column in wanted.items():
        if isinstance(column, str):
            if names.count(column) != 1:
                raise ValueError(f"{role} must be a column, one of {', '.join(map(repr, names))}, got {column!r}")
            at[role] = names.index(column)
        elif column >= len(names):
            raise ValueError(f"{role} must be a column, a number below {len(names)} or a name, got {column}")
        else:
            at[role] = int(column)
    different_columns(at, wanted)
    return at


def different_columns(at: dict[str, int], wanted: dict[str, Any]) -> None:
    """That each role has a column of its own."""
    if len(set(at.values())) < len(at):
        raise ValueError(f"{', '.join(wanted)} must be different columns, got {list(wanted.values())}")


def from_arrays(users: Any, items: Any, values: Any, timestamps: Any, duplicates: str, dtype: Any) -> Made:
    """The work of `Ratings.from_arrays`."""
    check_options(duplicates, dtype)
    user_ids, rows = factorise("users", users)
    item_ids, columns = factorise("items", items)
    given = Columns(restored(user_ids), rows, restored(item_ids), columns, values, timestamps)
    return from_columns(given, duplicates, dtype)


def from_columns(given: Columns, duplicates: str, dtype: Any, *, owned: bool = False) -> Made:
    """Canonical rows of columns whose ids have their numbers already; they may be made of columns that are `owned`.

    Those are given without a name that would hold them: each is then freed as soon as it has been used.
    """
    dtype = check_options(duplicates, dtype)
    users, rows, items, columns, values, timestamps, left_out = given
    length = len(rows)
    if length != len(columns):
        raise ValueError(f"users and items must have one length, got {length} and {len(columns)}")
    data = np.ones(length, dtype) if values is None else values_column("values", values, length, dtype)
    times = None if timestamps is None else timestamps_column("timestamps", timestamps, length)
    consumed = [rows, columns, data, times]
    del given, rows, columns, values, data, timestamps, times  # `assemble` lets go of each as soon as it can
    entries = csr.assemble(consumed, (len(users), len(items)), owned=owned)
    made = one_each(entries, duplicates, users, items)
    counted = {"read": length + sum(left_out.values()), **left_out, "duplicates": length - len(made.data)}
    return Made(made, users, items, counted)


def one_each(entries: Csr, duplicates: str, users: IdMap | None = None, items: IdMap | None = None) -> Csr:
    """`csr.without_duplicates`, with errors that name a pair as its owner knows it."""
    try:
        rows = csr.without_duplicates(entries, duplicates)
    except csr.DuplicateEntriesError as error:
        row = f"row {error.row}" if users is None else f"user {_checks.shown(users.ids[error.row])}"
        column = f"column {error.column}" if items is None else f"item {_checks.shown(items.ids[error.column])}"
        raise ValueError(
            f"duplicates must be 'last', 'first', 'sum', 'mean' or 'max' where a pair has several entries: "
            f"{row} and {column} have, and {error.surplus} entries of {len(entries.data)} repeat a pair"
        ) from None
    if rows is not entries and not np.isfinite(rows.data).all():
        raise ValueError(f"values must have a {duplicates} that fits {rows.data.dtype} where entries are duplicated")
    return rows
