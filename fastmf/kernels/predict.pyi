from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)

def pair_scores(
    X: NDArray[F],  # users x factors
    Y: NDArray[F],  # items x factors
    user_bias: NDArray[F],  # users
    item_bias: NDArray[F],  # items
    mean: float,
    users: NDArray[np.int64],  # pairs
    items: NDArray[np.int64],  # pairs
    out: NDArray[F],  # pairs, written
    num_threads: int,
) -> None: ...
