from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)

PRIMAL: int
DUAL: int
CG: int
SUBSPACE: int
NONNEGATIVE: int
ITERATED: int
SOLVED: int
INDEFINITE: int
FACTORISED: int

def padded(factors: int, dtype_of: NDArray[Any]) -> int: ...
def workspace(
    factors: int,
    block_size: int,
    longest_row: int,
    num_threads: int,
    dtype_of: NDArray[F],
) -> NDArray[F]: ...
def solve_rows(
    indptr: NDArray[np.int64],  # n + 1
    indices: NDArray[np.int32],
    weights: NDArray[F],  # one an entry, or one for all
    targets: NDArray[F],  # likewise
    Y: NDArray[F],  # m x k
    unobserved: NDArray[F],  # m, or one for all
    gram: NDArray[F],  # padded(k) x padded(k)
    eigenvalues: NDArray[F],  # k, or empty
    ridge: NDArray[np.float64],  # n
    row_unobserved: NDArray[np.float64],  # n, or one for all
    rows: NDArray[np.int64],
    methods: NDArray[np.uint8],  # one for each of `rows`
    cg_steps: int,
    block_size: int,
    X: NDArray[F],  # n x k, read and written
    relaxed: NDArray[F],  # likewise, or no rows; may be X
    relaxation: float,
    observed: NDArray[np.float64],  # n x 3, written for `rows`, or no rows
    outcomes: NDArray[np.uint8],  # one for each of `rows`, written
    work: NDArray[F],  # from `workspace`
    num_threads: int,
) -> None: ...
