"""Times that come as Python objects: numbers, or dates and moments of Python, NumPy and pandas."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data.factorise import INT64, is_missing

_NUMBERS = (int, float, decimal.Decimal, np.integer, np.floating)
_NO_NUMBERS = (bool, np.timedelta64)  # though they are integers to Python and NumPy
_DATES = (datetime.date, np.datetime64)  # a datetime is a date, and pandas.Timestamp a datetime
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def seconds_of(moments: NDArray[Any]) -> NDArray[np.float64]:
    """datetime64 as seconds since 1970."""
    seconds: NDArray[np.float64] = (moments - np.datetime64(0, "s")) / np.timedelta64(1, "s")
    return seconds


def times_of(name: str, cells: list[Any], places: Sequence[int], first: Any = None) -> NDArray[Any]:
    """Numbers as int64 if all of them are integers, else float64; dates as seconds since 1970 UTC, in float64.

    All must be of one sort, that of `first` where other cells came before these. An error gives the place of what is
    wrong, that of ``cells[n]`` being ``places[n]``.
    """
    if first is None and cells:
        first = cells[0]
    types = set(map(type, cells))
    if types <= {int, float} and not isinstance(first, _DATES):
        try:
            return np.array(cells, np.int64 if types <= {int} else np.float64)
        except OverflowError:
            pass
    kinds: Any
    kinds, number = (_DATES, _seconds) if isinstance(first, _DATES) else (_NUMBERS, float)
    times = np.empty(len(cells), np.float64)
    for n, cell in enumerate(cells):
        if is_missing(cell):
            raise ValueError(f"{name} must have no missing times, got {cell!r} at position {places[n]}")
        if not isinstance(cell, kinds) or isinstance(cell, _NO_NUMBERS):
            sort = "numbers or dates" if cell is first else "all numbers or all dates"
            raise TypeError(f"{name} must hold {sort}, got {_checks.shown(cell)} at position {places[n]}")
        try:
            times[n] = number(cell)
        except OverflowError:
            raise ValueError(f"{name} must fit float64, got {_checks.shown(cell)} at position {places[n]}") from None
    if all(_checks.is_integer(cell) and INT64.min <= cell <= INT64.max for cell in cells):
        return np.array(cells, np.int64)
    return times


def _seconds(moment: Any) -> float:
    """Seconds since 1970 UTC; a moment without a time zone is one in UTC, a date its midnight."""
    if isinstance(moment, np.datetime64):
        return float(seconds_of(np.array([moment]))[0])
    if isinstance(moment, datetime.datetime):
        return (moment.replace(tzinfo=datetime.UTC) if moment.utcoffset() is None else moment).timestamp()
    return float((moment - EPOCH.date()).days * 86400)
