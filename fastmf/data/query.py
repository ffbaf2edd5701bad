"""The door for databases: the rows of a query, in Arrow batches where the driver has them, else by fetchmany."""

from __future__ import annotations

import decimal
import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks, _optional
from fastmf.data import frames
from fastmf.data.gathering import Gathering
from fastmf.data.intake import Columns, located, wanted_columns
from fastmf.data.missing import Missing

ROWS = 1 << 14  # fetched at a time


def read(
    connection: Any,
    sql: Any,
    parameters: Any,
    user: Any,
    item: Any,
    value: Any,
    timestamp: Any,
    missing: Any,
    dtype: np.dtype[Any],
) -> Columns:
    """The work of `Ratings.from_query`."""
    if not isinstance(sql, str):
        raise TypeError(f"sql must be text, got {_checks.shown(sql)}")
    wanted = wanted_columns(user, item, value, timestamp)
    arrow = bool(_optional.version("pyarrow") and _optional.version("narwhals"))
    if arrow and hasattr(connection, "sql") and hasattr(connection, "from_arrow"):  # DuckDB, whose relations stream
        return frames.gathered(frames.opened(_relation(connection, sql, parameters)), wanted, missing, dtype)
    own = hasattr(connection, "fetchmany")
    if not own and not hasattr(connection, "cursor"):
        raise TypeError(f"connection must be a DB-API connection or cursor, got {_checks.shown(connection)}")
    cursor = connection if own else connection.cursor()
    try:
        cursor.execute(sql, *([] if parameters is None else [parameters]))
        if cursor.description is None:
            raise ValueError(f"sql must be a query that gives rows, got {_checks.shown(sql)}")
        if arrow and hasattr(cursor, "fetch_record_batch"):  # ADBC
            return frames.gathered(frames.streamed(cursor.fetch_record_batch()), wanted, missing, dtype)
        return _rows(_fetched(cursor), [column[0] for column in cursor.description], wanted, missing, dtype)
    finally:
        if not own:
            cursor.close()


def _relation(connection: Any, sql: str, parameters: Any) -> Any:
    relation = connection.sql(sql) if parameters is None else connection.sql(sql, params=parameters)
    if relation is None:
        raise ValueError(f"sql must be a query that gives rows, got {_checks.shown(sql)}")
    return relation


def _fetched(cursor: Any) -> Iterator[list[Any]]:
    while rows := cursor.fetchmany(ROWS):
        yield rows


def _rows(
    pieces: Iterator[list[Any]], names: list[str], wanted: dict[str, Any], policy: Any, dtype: np.dtype[Any]
) -> Columns:
    """Entries of rows of Python objects."""
    at = located(names, wanted)
    labels = {role: f"column {names[number]!r} ({role})" for role, number in at.items()}
    missing, gathered = Missing(labels, policy), Gathering(labels, dtype)
    for rows in pieces:
        # some drivers give dictionaries when asked to
        columns = list(zip(*(row.values() if isinstance(row, Mapping) else row for row in rows), strict=True))
        given: dict[str, Sequence[Any]] = {role: columns[number] for role, number in at.items()}
        lacks = {
            role: np.fromiter((cell is None or cell != cell for cell in column), bool, len(rows))
            for role, column in given.items()
        }
        kept = missing.present(lacks)
        if kept is not None:
            given = {role: list(compress(column, kept)) for role, column in given.items()}
        places = missing.places()
        values = _numbers(given["value"], labels["value"], places) if "value" in given else None
        times = np.fromiter(given["timestamp"], object, len(places)) if "timestamp" in given else None
        gathered.users.add(given["user"])
        gathered.items.add(given["item"])
        gathered.add_numbers(values, times, places)
    return gathered.result(missing.left_out())


def _numbers(cells: Sequence[Any], label: str, places: Sequence[int]) -> NDArray[Any]:
    """Numbers among Python objects."""
    if set(map(type, cells)) - {int, float, bool}:
        bad = [n for n, cell in enumerate(cells) if not isinstance(cell, (int, float, decimal.Decimal, np.number))]
        if bad:
            raise TypeError(
                f"{label} must hold numbers, and {len(bad)} of the entries from {places[0]} to {places[-1]} are none, "
                f"the first at position {places[bad[0]]}"
            )
    return np.fromiter(map(_float, cells), np.float64, len(cells))


def _float(cell: Any) -> float:
    """As `float`, which makes infinities of decimal numbers too large for it, but not of integers."""
    try:
        return float(cell)
    except OverflowError:
        return math.inf if cell > 0 else -math.inf
