"""implicit.utils: random states, compressed rows, and the transformation for nearest-neighbour indexes."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data import csr


class ParameterWarning(Warning):
    """An argument was taken, but had to be converted first."""


def check_random_state(random_state: Any) -> np.random.Generator:
    """A NumPy Generator from what users pass as `random_state`.

    Parameters
    ----------
    random_state : None, int, RandomState, Generator or anything that numpy.random.default_rng takes
        A RandomState gives one draw as the seed.

    Returns
    -------
    numpy.random.Generator
        The same stream as implicit's for the same seed.

    Examples
    --------
    >>> from fastmf.compat.implicit.utils import check_random_state
    >>> check_random_state(7).integers(100) == check_random_state(7).integers(100)
    np.True_
    """
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(2**31, dtype=np.int64))
    return np.random.default_rng(random_state)


def check_csr(user_items: Any) -> Any:
    """`user_items` in compressed rows.

    Parameters
    ----------
    user_items : SciPy sparse matrix or array
        Of any format.

    Returns
    -------
    csr_matrix or csr_array
        `user_items` itself if it is one of these.

    Warns
    -----
    ParameterWarning
        It had to be converted.

    Raises
    ------
    TypeError
        It is not a SciPy sparse matrix or array.
    ValueError
        Its arrays of numbers do not fit together.
    """
    if not sp.issparse(user_items):
        raise TypeError(f"user_items must be a SciPy sparse matrix or array, got {_checks.shown(user_items)}")
    check_structure("user_items", user_items)
    if user_items.format == "csr":
        return user_items
    started = time.perf_counter()
    converted = user_items.tocsr()
    warnings.warn(
        f"a matrix in compressed rows (CSR) is expected, got {type(user_items).__name__}: converting it took "
        f"{time.perf_counter() - started:.3g} seconds",
        ParameterWarning,
        stacklevel=3,
    )
    return converted


def check_structure(name: str, matrix: Any) -> None:
    """Refuse compressed rows or columns whose arrays do not fit together: SciPy reads beyond them without a look.

    Parameters
    ----------
    name : str
        Of the argument, for the error.
    matrix : SciPy sparse matrix or array
        Of any format; formats other than CSR and CSC are not looked at.

    Raises
    ------
    ValueError
        `indptr` falls or goes beyond the entries, or a number is out of range.
    """
    if matrix.format in ("csr", "csc"):
        major, minor = matrix.shape if matrix.format == "csr" else matrix.shape[::-1]
        csr.check_structure(matrix.indptr, matrix.indices, major, minor, len(matrix.data), name)


def nonzeros(m: Any, row: int) -> Iterator[tuple[Any, Any]]:
    """Column and value of each stored entry of a row.

    Parameters
    ----------
    m : csr_matrix or csr_array
    row : int

    Yields
    ------
    (column, value)
    """
    begin, end = m.indptr[row], m.indptr[row + 1]
    yield from zip(m.indices[begin:end], m.data[begin:end], strict=True)


def check_blas_config() -> None:
    """Nothing to check and to warn of: no kernel of fastmf calls BLAS beside its own threads."""


def augment_inner_product_matrix(factors: NDArray[Any]) -> tuple[Any, NDArray[Any]]:
    """Append a column to factors that gives all rows the same length, so that a search by cosine finds the best
    inner products.

    Parameters
    ----------
    factors : array of shape (n, k)

    Returns
    -------
    largest : float
        The length that all rows have afterwards: that of the longest row of `factors`.
    augmented : array of shape (n, k + 1)

    References
    ----------
    Bachrach et al. 2014, "Speeding up the Xbox recommender system using a Euclidean transformation for inner-product
    spaces".

    Examples
    --------
    >>> import numpy as np
    >>> from fastmf.compat.implicit.utils import augment_inner_product_matrix
    >>> augment_inner_product_matrix(np.array([[3.0, 0.0], [0.0, 5.0]]))
    (np.float64(5.0), array([[3., 0., 4.],
           [0., 5., 0.]]))
    """
    norms = np.linalg.norm(factors, axis=1)
    largest = norms.max()
    missing = np.sqrt(np.maximum(largest**2 - norms**2, 0))
    return largest, np.column_stack([factors, missing])
