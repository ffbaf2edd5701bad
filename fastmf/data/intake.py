"""The door: what people bring (arrays, SciPy matrices) checked once, in time linear in the entries."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data import csr
from fastmf.data.csr import Csr
from fastmf.data.ids import IdMap, factorise

FORMATS = ("csr", "csc", "coo", "bsr", "dia", "dok", "lil")


def values_column(name: str, values: Any, length: int | None, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Finite numbers in the data type asked for, which they must fit; not always a copy."""
    array = _checks.vector(name, _unmasked(name, values), length)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must hold real numbers, got {_checks.shown(array)}")
    with np.errstate(over="ignore"):
        cast = np.ascontiguousarray(array, dtype)
    # A sum is not finite if a term is not, and needs no array of flags; it may overflow, so that is only a first look.
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = not np.isfinite(cast.sum(dtype=np.float64))
    if suspicious and not np.isfinite(cast).all():
        at = int(np.argmin(np.isfinite(cast)))
        raise ValueError(f"{name} must hold finite numbers that fit {dtype}, got {array[at]} at position {at}")
    return cast


def timestamps_column(name: str, values: Any, length: int) -> NDArray[Any]:
    """int64 or finite float64 times; dates become seconds since 1970, in float64."""
    array = _checks.vector(name, _unmasked(name, values), length)
    if array.dtype.kind == "M":
        if np.isnat(array).any():
            raise ValueError(f"{name} must hold no NaT, got one at position {int(np.argmax(np.isnat(array)))}")
        return (array - np.datetime64(0, "s")) / np.timedelta64(1, "s")
    if array.dtype.kind == "f":
        return values_column(name, array, length, np.dtype(np.float64))
    if array.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, real numbers or datetime64, got {_checks.shown(array)}")
    if array.dtype.kind == "u" and len(array) and array.max() > csr.INT64_MOST:
        raise ValueError(f"{name} must fit int64, got {array.max()}")
    return array.astype(np.int64, copy=False)


def from_arrays(
    users: Any, items: Any, values: Any, timestamps: Any, duplicates: str, dtype: Any
) -> tuple[Csr, IdMap, IdMap]:
    """The work of `Ratings.from_arrays`."""
    _checks.choice("duplicates", duplicates, csr.POLICIES)
    dtype = _checks.float_dtype("dtype", dtype)
    user_ids, rows = factorise("users", users)
    item_ids, columns = factorise("items", items)
    if len(rows) != len(columns):
        raise ValueError(f"users and items must have one length, got {len(rows)} and {len(columns)}")
    data = np.ones(len(rows), dtype) if values is None else values_column("values", values, len(rows), dtype)
    times = None if timestamps is None else timestamps_column("timestamps", timestamps, len(rows))
    try:
        rating_csr = csr.assemble(rows, columns, data, times, (len(user_ids), len(item_ids)), duplicates)
    except csr.DuplicateEntriesError as error:
        user, item = user_ids.ids[error.row], item_ids.ids[error.column]
        raise ValueError(_duplicates_text(f"user {user!r} and item {item!r}", error.surplus)) from None
    return _still_finite(rating_csr, duplicates), user_ids, item_ids


def from_sparse(matrix: Any, duplicates: str, dtype: Any) -> tuple[Csr, tuple[int, int]]:
    """The work of `Ratings.from_sparse`."""
    _checks.choice("duplicates", duplicates, csr.POLICIES)
    if not sp.issparse(matrix) or matrix.format not in FORMATS:
        raise TypeError(f"matrix must be a SciPy sparse matrix or array, got {_checks.shown(matrix)}")
    if matrix.ndim != 2:
        raise ValueError(f"matrix must be two-dimensional, got {_checks.shown(matrix)}")
    n_rows, n_columns = matrix.shape
    if max(n_rows, n_columns) > csr.MOST:
        raise ValueError(f"matrix must have at most {csr.MOST} rows and columns, got {_checks.shown(matrix)}")
    if matrix.dtype.kind not in "biuf":
        raise TypeError(f"matrix must hold real numbers, got {_checks.shown(matrix)}")
    if dtype is None:
        dtype = np.float64 if matrix.dtype == np.float64 else np.float32
    dtype = _checks.float_dtype("dtype", dtype)
    try:
        rating_csr = _rows_of(matrix, duplicates, dtype)
    except csr.DuplicateEntriesError as error:
        raise ValueError(_duplicates_text(f"row {error.row} and column {error.column}", error.surplus)) from None
    return _still_finite(rating_csr, duplicates), (n_rows, n_columns)


def _rows_of(matrix: Any, duplicates: str, dtype: np.dtype[Any]) -> Csr:
    n_rows, n_columns = matrix.shape
    if matrix.format in ("bsr", "dia"):  # they fill up blocks and diagonals with zeros, which are no ratings
        if matrix.format == "bsr":
            block_rows, block_columns = matrix.blocksize
            csr.check_structure(
                matrix.indptr,
                matrix.indices,
                n_rows // block_rows,
                n_columns // block_columns,
                len(matrix.data),
                "matrix",
            )
        matrix = matrix.tocoo(copy=True)
        matrix.eliminate_zeros()
    elif matrix.format == "lil":
        matrix = _coo_of_lists(matrix)
    elif matrix.format == "dok":
        matrix = matrix.tocoo()
    if matrix.format == "coo":
        rows, columns, data = matrix.row, matrix.col, matrix.data
        csr.check_numbers(rows, n_rows, "matrix")
        csr.check_numbers(columns, n_columns, "matrix")
    else:
        major, minor = (n_rows, n_columns) if matrix.format == "csr" else (n_columns, n_rows)
        csr.check_structure(matrix.indptr, matrix.indices, major, minor, len(matrix.data), "matrix")
        indptr = matrix.indptr.astype(np.int64)
        indices, data = matrix.indices[: indptr[-1]], matrix.data[: indptr[-1]]
        if matrix.format == "csr" and csr.rises_in_rows(indptr, indices):
            values = values_column("matrix.data", data, None, dtype)
            if np.may_share_memory(values, data):
                values = values.copy()
            return Csr(indptr, indices.astype(np.int32), values, None)
        rows, columns = csr.row_numbers(indptr), indices
        if matrix.format == "csc":
            rows, columns = columns, rows
    if not len(rows) == len(columns) == len(data):
        raise ValueError(
            f"matrix must have as many rows and columns as data, got {len(rows)}, {len(columns)}, {len(data)}"
        )
    return csr.assemble(
        rows.astype(np.int32, copy=False),
        columns.astype(np.int32, copy=False),
        values_column("matrix.data", data, None, dtype),
        None,
        matrix.shape,
        duplicates,
    )


def _coo_of_lists(matrix: Any) -> Any:
    """A lil matrix as coo; its lists are flattened here, since SciPy trusts their lengths."""
    lengths = [len(row) for row in matrix.rows]
    if lengths != [len(row) for row in matrix.data]:
        raise ValueError("matrix must have as many data as column numbers in each row")
    columns = np.array([column for row in matrix.rows for column in row], np.int64)
    data = np.array([value for row in matrix.data for value in row], matrix.dtype)
    csr.check_numbers(columns, matrix.shape[1], "matrix")
    return sp.coo_array((data, (np.repeat(np.arange(matrix.shape[0]), lengths), columns)), shape=matrix.shape)


def _still_finite(rating_csr: Csr, duplicates: str) -> Csr:
    if not np.isfinite(rating_csr.data).all():
        raise ValueError(
            f"values must have a finite {duplicates} in {rating_csr.data.dtype} where entries are duplicated"
        )
    return rating_csr


def _duplicates_text(pair: str, surplus: int) -> str:
    return (
        f"duplicates: {pair} come together more than once, one of {surplus} surplus entries; "
        f"choose duplicates='last', 'first', 'sum', 'mean' or 'max'"
    )


def _unmasked(name: str, values: Any) -> Any:
    if np.ma.isMaskedArray(values) and np.ma.getmaskarray(values).any():
        raise ValueError(f"{name} must not be masked anywhere, got {_checks.shown(values)}")
    return values


def from_canonical(indptr: Any, indices: Any, data: Any, shape: Any, timestamps: Any) -> Csr:
    """The checks of the constructor of `Ratings`; the result is a copy."""
    if not isinstance(shape, (tuple, list)) or len(shape) != 2:
        raise TypeError(f"shape must be a pair (users, items), got {_checks.shown(shape)}")
    n_rows = _checks.integer("shape[0]", shape[0], 0, csr.MOST)
    n_columns = _checks.integer("shape[1]", shape[1], 0, csr.MOST)
    indptr, indices = np.asarray(indptr), np.asarray(indices)
    wanted = np.float64 if getattr(data, "dtype", None) == np.float64 else np.float32
    values = values_column("data", data, len(indices), np.dtype(wanted)).copy()
    csr.check_structure(indptr, indices, n_rows, n_columns, len(values), "ratings")
    if indptr[-1] != len(indices):
        raise ValueError(f"indptr must end with the number of entries {len(indices)}, got {indptr[-1]}")
    if not csr.rises_in_rows(indptr, indices):
        raise ValueError("indices must rise strictly within each row")
    times = None if timestamps is None else timestamps_column("timestamps", timestamps, len(values)).copy()
    return Csr(indptr.astype(np.int64), indices.astype(np.int32), values, times)
