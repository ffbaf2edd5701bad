from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)

def rotate(
    Y: NDArray[F],  # n x k
    V: NDArray[F],  # k x k
    out: NDArray[F],  # n x k, written; may be Y
    num_threads: int,
) -> None: ...
