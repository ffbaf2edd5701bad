"""The door for matrices: SciPy's sparse formats and compressed rows, checked before C code reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data import csr
from fastmf.data.csr import Csr
from fastmf.data.intake import one_each, timestamps_column, values_column


def from_sparse(matrix: Any, duplicates: str, dtype: Any) -> tuple[Csr, tuple[int, int]]:
    """The work of `Ratings.from_sparse`."""
    _checks.choice("duplicates", duplicates, csr.POLICIES)
    if not sp.issparse(matrix):
        raise TypeError(f"matrix must be a SciPy sparse matrix or array, got {_checks.shown(matrix)}")
    if matrix.ndim != 2:
        raise ValueError(f"matrix must be two-dimensional, got {_checks.shown(matrix)}")
    shape = int(matrix.shape[0]), int(matrix.shape[1])
    if max(shape) > csr.MOST:
        raise ValueError(f"matrix must have at most {csr.MOST} rows and columns, got {_checks.shown(matrix)}")
    if matrix.dtype.kind not in "biuf":
        raise TypeError(f"matrix must hold real numbers, got {_checks.shown(matrix)}")
    if dtype is None:
        dtype = np.float64 if matrix.dtype == np.float64 else np.float32
    dtype = _checks.float_dtype("dtype", dtype)
    if matrix.format == "csr":
        rows = _canonical_rows(matrix, shape, dtype)
        if rows is not None:
            return rows, shape
    numbers, columns, given = _entries(matrix, shape)
    values = values_column("matrix.data", given, len(numbers), dtype)
    return one_each(csr.assemble([numbers, columns, values, None], shape), duplicates), shape


def from_canonical(indptr: Any, indices: Any, data: Any, shape: Any, timestamps: Any) -> Csr:
    """The checks of the constructor of `Ratings`; the result is a copy."""
    if not isinstance(shape, (tuple, list)) or len(shape) != 2:
        raise TypeError(f"shape must be a pair (users, items), got {_checks.shown(shape)}")
    n_rows = _checks.integer("shape[0]", shape[0], 0, csr.MOST)
    n_columns = _checks.integer("shape[1]", shape[1], 0, csr.MOST)
    indptr, indices = np.asarray(indptr), _checks.vector("indices", indices)
    wanted = np.float64 if getattr(data, "dtype", None) == np.float64 else np.float32
    values = values_column("data", data, len(indices), np.dtype(wanted))
    csr.check_structure(indptr, indices, n_rows, n_columns, len(values), "ratings")
    if indptr[-1] != len(indices):
        raise ValueError(f"indptr must end with the number of entries {len(indices)}, got {indptr[-1]}")
    if not csr.rises_in_rows(indptr, indices):
        raise ValueError("indices must rise strictly within each row")
    times = None if timestamps is None else timestamps_column("timestamps", timestamps, len(values))
    return Csr(indptr.astype(np.int64), indices.astype(np.int32), _own(values, data), _own(times, timestamps))


def _canonical_rows(matrix: Any, shape: tuple[int, int], dtype: np.dtype[Any]) -> Csr | None:
    """A copy of compressed rows if they are canonical."""
    indptr, indices, given = _compressed(matrix, *shape)
    if not csr.rises_in_rows(indptr, indices):
        return None
    values = values_column("matrix.data", given, None, dtype)
    return Csr(indptr, indices.astype(np.int32), _own(values, given), None)


def _entries(matrix: Any, shape: tuple[int, int]) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[Any]]:
    """Row number, column number and value of each stored entry, in the order stored."""
    rows: NDArray[Any]
    columns: NDArray[Any]
    if matrix.format == "csr":
        indptr, columns, given = _compressed(matrix, *shape)
        rows = csr.row_numbers(indptr)
    elif matrix.format == "csc":
        indptr, rows, given = _compressed(matrix, *reversed(shape))
        columns = csr.row_numbers(indptr)
    elif matrix.format == "lil":
        rows, columns, given = _flattened(matrix)
    else:
        if matrix.format == "bsr":
            across, down = shape[1] // matrix.blocksize[1], shape[0] // matrix.blocksize[0]
            csr.check_structure(matrix.indptr, matrix.indices, down, across, len(matrix.data), "matrix")
        filled_up = matrix.format in ("bsr", "dia")  # with zeros, which are no ratings
        matrix = matrix.tocoo(copy=filled_up)
        if filled_up:
            matrix.eliminate_zeros()
        rows, columns, given = matrix.row, matrix.col, matrix.data
    if not len(rows) == len(columns) == len(given):
        raise ValueError(f"matrix must have a row and a column a value, got {len(rows)}, {len(columns)}, {len(given)}")
    csr.check_numbers(rows, shape[0], "matrix")
    csr.check_numbers(columns, shape[1], "matrix")
    return rows.astype(np.int32, copy=False), columns.astype(np.int32, copy=False), given


def _compressed(matrix: Any, n_major: int, n_minor: int) -> tuple[NDArray[np.int64], NDArray[Any], NDArray[Any]]:
    """Checked `indptr`, `indices` and `data` of a csr or csc matrix, without what may lie behind the last entry."""
    csr.check_structure(matrix.indptr, matrix.indices, n_major, n_minor, len(matrix.data), "matrix")
    indptr = matrix.indptr.astype(np.int64)
    return indptr, matrix.indices[: indptr[-1]], matrix.data[: indptr[-1]]


def _flattened(matrix: Any) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[Any]]:
    """Entries of a lil matrix; not by SciPy, which trusts the lengths of its lists."""
    lengths = [len(row) for row in matrix.rows]
    if lengths != [len(row) for row in matrix.data]:
        raise ValueError("matrix must have one value a column number in each of its lists")
    columns = np.array([column for row in matrix.rows for column in row], np.int64)
    given = np.array([value for row in matrix.data for value in row], matrix.dtype)
    return np.repeat(np.arange(len(lengths)), lengths), columns, given


def _own(checked: Any, given: Any) -> Any:
    """`checked`, or a copy of it if it may be memory that somebody else can change."""
    shared = hasattr(given, "__array__") and np.may_share_memory(checked, np.asarray(given))
    return checked.copy() if shared else checked
