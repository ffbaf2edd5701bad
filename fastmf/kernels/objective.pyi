from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)

def observed_loss(
    indptr: NDArray[np.int64],  # n + 1
    indices: NDArray[np.int32],
    weights: NDArray[F],  # one an entry, or one for all
    targets: NDArray[F],  # likewise
    X: NDArray[F],  # n x k
    Y: NDArray[F],  # m x k
    user_bias: NDArray[F],  # n, or empty
    item_bias: NDArray[F],  # m, or empty
    mean: float,
    unobserved: NDArray[F],  # one a row of Y, or one for all
    sums: NDArray[np.float64],  # n x 3, written: w e^2, w e and c yhat^2
    num_threads: int,
) -> None: ...
def squared_norms(
    X: NDArray[F],  # n x k
    out: NDArray[np.float64],  # n, written
    num_threads: int,
    scale: NDArray[np.float64] | None = None,  # k; or ones
) -> None: ...
