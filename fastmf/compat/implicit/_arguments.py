"""What implicit's methods are given, checked and in the kernels' types."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks, _threads
from fastmf.compat.implicit.recommender_base import ModelFitError
from fastmf.compat.implicit.utils import check_csr, check_structure
from fastmf.data import Ratings

Rows = tuple[NDArray[Any], NDArray[Any]]


def threads_of(num_threads: Any) -> int:
    """Threads to use for implicit's `num_threads`, where 0 means all there are."""
    wanted = _checks.integer("num_threads", num_threads, 0, _threads.MOST)
    return _threads.effective(wanted or None).count


def is_scalar(value: Any) -> bool:
    """Whether one number is asked for, not a list of them."""
    return not isinstance(value, (list, tuple)) and np.ndim(value) == 0


def numbers(name: str, value: Any, size: int, what: str) -> NDArray[np.int64]:
    """Row numbers in [0, size) from one number or several."""
    several = [value[()] if isinstance(value, np.ndarray) else value] if is_scalar(value) else value
    return _checks.positions(name, several, size, what)


def interactions(name: str, matrix: Any, alpha: Any = 1.0) -> Ratings:
    """A sparse matrix times alpha, in float32 as implicit takes it; entries of one pair are added."""
    matrix, alpha = check_csr(matrix), _checks.real("alpha", alpha, above=0.0)
    if matrix.dtype.kind == "f" and not np.isfinite(matrix.data).all():
        bad = matrix.data[~np.isfinite(matrix.data)][0]
        raise ModelFitError(f"{name} must hold finite numbers, got {bad}")
    try:
        if alpha != 1:
            with np.errstate(over="ignore"):
                scaled = matrix.data.astype(np.float32) * np.float32(alpha)
            matrix = sp.csr_array((scaled, matrix.indices, matrix.indptr), shape=matrix.shape)
        return Ratings.from_sparse(matrix, duplicates="sum", dtype="float32")
    except (TypeError, ValueError) as error:
        times = "" if alpha == 1 else f" times alpha ({alpha:g})"
        raise type(error)(f"{name}{times}: {error}") from None


def one_row_each(name: str, matrix: Any, ids_name: str, ids: Any) -> Any:
    """Compressed rows, one for each of `ids`."""
    if not sp.issparse(matrix) or matrix.format != "csr":
        raise ValueError(f"{name} must be a csr_matrix or csr_array, got {_checks.shown(matrix)}")
    check_structure(name, matrix)
    wanted = 1 if is_scalar(ids) else len(ids)
    if matrix.shape[0] != wanted:
        raise ValueError(
            f"{name} must contain 1 row for every number in {ids_name}, as {name}[{ids_name}] has them: {wanted}, "
            f"got {matrix.shape[0]}"
        )
    return matrix


def columns_within(name: str, matrix: Any, size: int, what: str) -> None:
    """That no entry is in a column beyond the model's; fewer columns than the model has are fine."""
    if matrix.shape[1] > size and len(matrix.indices) and matrix.indices.max() >= size:
        turned = " (rows are users, columns items; this may be transposed)" if what == "items" else ""
        raise IndexError(f"{name} must hold numbers of {what} in [0, {size}), got {matrix.indices.max()}{turned}")


def rows_of(matrix: Any) -> Rows:
    """The stored entries of compressed rows, ascending and each once: (indptr, indices)."""
    if not matrix.has_canonical_format:
        matrix = matrix.copy()
        matrix.sum_duplicates()
    return matrix.indptr, matrix.indices


def only_one(name: str, only: ArrayLike | None, other: str, without: ArrayLike | None) -> None:
    """That an item (or user) is not both asked for and ruled out."""
    if only is not None and without is not None and np.size(without):
        raise ValueError(f"{name} and {other} cannot be set together")
