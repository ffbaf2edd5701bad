"""Checks at the door: each returns the cleaned value or raises an error that names the argument,
what it must be and what it got."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def shown(value: object) -> str:
    """A short text for an error message: the value if it is small, else its type and shape."""
    if isinstance(value, np.generic):
        value = value.item()
    elif hasattr(value, "shape"):
        return f"{type(value).__name__} of shape {value.shape} and dtype {getattr(value, 'dtype', '?')}"
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:57]}..."


def is_integer(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))


def is_real(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.bool_))


def integer(name: str, value: Any, minimum: int | None = None, maximum: int | None = None) -> int:
    """An integer within its bounds, which are inclusive."""
    if not is_integer(value) or (minimum is not None and value < minimum) or (maximum is not None and value > maximum):
        raise _kind_of_error(is_integer(value))(
            f"{name} must be an integer{_range(minimum, maximum)}, got {shown(value)}"
        )
    return int(value)


def real(
    name: str, value: Any, minimum: float | None = None, maximum: float | None = None, *, above: float | None = None
) -> float:
    """A finite number within its bounds: `minimum` and `maximum` inclusive, `above` exclusive."""
    if (
        not is_real(value)
        or not _is_finite(value)
        or (minimum is not None and value < minimum)
        or (maximum is not None and value > maximum)
        or (above is not None and value <= above)
    ):
        limits = _range(minimum, maximum) if above is None else f" > {above}"
        raise _kind_of_error(is_real(value))(f"{name} must be a finite number{limits}, got {shown(value)}")
    return float(value)


def pair(name: str, value: Any) -> tuple[float, float]:
    """A number >= 0 for both sides, or a pair (users, items) of them."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{name} must be a number or a pair (users, items), got {shown(value)}")
        return real(f"{name}[0]", value[0], 0.0), real(f"{name}[1]", value[1], 0.0)
    number = real(name, value, 0.0)
    return number, number


def fraction(name: str, value: Any) -> float:
    """A share of a whole: a number between 0 and 1, both excluded."""
    if not is_real(value) or not 0 < value < 1:
        raise _kind_of_error(is_real(value))(f"{name} must be a fraction between 0 and 1, got {shown(value)}")
    return float(value)


def choice(name: str, value: Any, options: tuple[str, ...]) -> str:
    """One of a few words."""
    if not isinstance(value, str) or value not in options:
        wanted = ", ".join(map(repr, options))
        raise _kind_of_error(isinstance(value, str))(f"{name} must be one of {wanted}, got {shown(value)}")
    return str(value)


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def path(name: str, value: Any) -> Path:
    """The path of a file, from text or an os.PathLike."""
    if not isinstance(value, (str, os.PathLike)) or isinstance(os.fspath(value), bytes):
        raise TypeError(f"{name} must be a str or os.PathLike, got {shown(value)}")
    return Path(value)


def float_dtype(name: str, value: Any) -> np.dtype[Any]:
    """float32 or float64, in any of NumPy's spellings."""
    dtype: np.dtype[Any]
    try:
        dtype = np.dtype(value)
    except (TypeError, ValueError):
        dtype = np.dtype(object)
    if dtype not in (np.dtype(np.float32), np.dtype(np.float64)) or value is None:  # NumPy reads None as float64
        raise ValueError(f"{name} must be float32 or float64, got {shown(value)}")
    return dtype


def vector(name: str, value: Any, length: int | None = None) -> NDArray[Any]:
    """A one-dimensional array, of a given length if `length` is set."""
    array = _array(name, value, "a one-dimensional array")
    if array.ndim != 1 or (length is not None and len(array) != length):
        wanted = "" if length is None else f" of length {length}"
        raise ValueError(f"{name} must be a one-dimensional array{wanted}, got {shown(value)}")
    return array


def finite_vector(name: str, value: Any, length: int | None = None, minimum: float | None = None) -> NDArray[Any]:
    """A one-dimensional array of finite numbers of at least `minimum`, as float32 if it is float32, else float64."""
    array = vector(name, value, length)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, got {shown(array)}")
    array = np.ascontiguousarray(array, np.float32 if array.dtype == np.float32 else np.float64)
    bad = ~np.isfinite(array) if minimum is None else ~(np.isfinite(array) & (array >= minimum))
    if bad.any():
        at = int(np.argmax(bad))
        limits = "" if minimum is None else f" >= {minimum}"
        raise ValueError(f"{name} must hold finite numbers{limits}, got {array[at]} at position {at}")
    return array


def in_range_of(dtype: np.dtype[Any], name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Finite numbers in a float dtype, in which all of them must stay finite; the array itself if it has that dtype."""
    with np.errstate(over="ignore"):
        cast = array.astype(dtype, copy=False)
    if cast is not array and not np.isfinite(cast).all():
        at = int(np.argmin(np.isfinite(cast)))
        raise ValueError(f"{name} must hold finite numbers that fit {dtype}, got {array[at]} at position {at}")
    return cast


def matrix(name: str, value: Any) -> NDArray[Any]:
    """A two-dimensional C-contiguous array of numbers, as float32 if it is float32, else float64."""
    array = _array(name, value, "a two-dimensional array")
    if array.ndim != 2:
        raise ValueError(f"{name} must be a two-dimensional array, got {shown(value)}")
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold numbers, got {shown(array)}")
    return np.ascontiguousarray(array, np.float32 if array.dtype == np.float32 else np.float64)


def positions(name: str, value: Any, size: int, what: str) -> NDArray[np.int64]:
    """Row or column numbers in [0, size), as an int64 vector; a negative number never counts from the end."""
    array = vector(name, value)
    if array.size == 0:
        return np.empty(0, np.int64)
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, the numbers of {what}, got {shown(array)}")
    bad = (array < 0) | (array >= size)
    if bad.any():
        at = int(np.argmax(bad))
        raise IndexError(f"{name} must hold numbers of {what} in [0, {size}), got {array[at]} at position {at}")
    return array.astype(np.int64, copy=False)


def _array(name: str, value: Any, what: str) -> NDArray[Any]:
    if np.ma.is_masked(value):
        raise ValueError(f"{name} must not have masked elements, got {shown(value)}")
    try:
        return np.asarray(value)
    except ValueError:  # rows of different lengths
        raise ValueError(f"{name} must be {what}, got {shown(value)}") from None


def _range(minimum: float | None, maximum: float | None) -> str:
    if minimum is not None and maximum is not None:
        return f" in [{minimum}, {maximum}]"
    if minimum is not None:
        return f" >= {minimum}"
    return "" if maximum is None else f" <= {maximum}"


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond float64
        return False


def _kind_of_error(type_is_right: bool) -> type[Exception]:
    return ValueError if type_is_right else TypeError
