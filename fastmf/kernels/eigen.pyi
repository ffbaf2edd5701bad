import numpy as np
from numpy.typing import NDArray

def eigenbasis(
    A: NDArray[np.float64],  # k x k, symmetric
    num_threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
