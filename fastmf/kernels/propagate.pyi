from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)

def add_signed_rows(
    bits: NDArray[np.uint64],  # n x k / 64, rounded up; of a word the lowest first
    sizes: NDArray[np.float64],  # n
    times: float,
    factors: int,  # k
    Y: NDArray[F],  # n x at least k, rewritten
    num_threads: int,
) -> None: ...
def propagate(
    indptr: NDArray[np.int64],  # n + 1
    indices: NDArray[np.int32],
    values: NDArray[F],  # one an entry, or one for all
    row_scale: NDArray[np.float64],  # n
    scale: NDArray[F],  # one a row of Y
    Y: NDArray[F],  # m x k
    Z: NDArray[F],  # n x k, written
    num_threads: int,
) -> None: ...
