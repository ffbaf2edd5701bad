from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)

def gramian(
    Y: NDArray[F],  # n x k
    weights: NDArray[F],  # n, or empty: all 1
    num_threads: int,
    wide: bool = False,  # multiply in float64 whatever the dtype
) -> NDArray[np.float64]: ...
