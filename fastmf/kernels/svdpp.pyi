from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)

def user_vectors(
    P: NDArray[F],  # users x width
    Y: NDArray[F],  # items x width
    indptr: NDArray[np.int64],  # users + 1
    indices: NDArray[np.int32],  # entries
    X: NDArray[F],  # users x width, written
    num_threads: int,
) -> None: ...
def run_epoch(
    P: NDArray[F],  # users x width, read and written
    Q: NDArray[F],  # items x width, read and written
    Y: NDArray[F],  # items x width, read and written
    user_heads: NDArray[F],  # users x 4, read and written
    item_heads: NDArray[F],  # items x 4, read and written
    indptr: NDArray[np.int64],  # users + 1
    indices: NDArray[np.int32],  # entries, sorted within a user
    values: NDArray[F],  # entries
    weights: NDArray[F],  # entries, or one for all
    order: NDArray[np.int64],  # users
    first: int,
    last: int,
    shares: NDArray[np.int64],  # bounds of ranges of items
    factors: int,
    mean: float,
    rate: float,
    implicit_rate: float,
    user_penalty: float,
    item_penalty: float,
    implicit_penalty: float,
    bias_penalty: float,
    adagrad: bool,
    X: NDArray[F],  # batch x width, scratch
    pulls: NDArray[F],  # batch x width, scratch
    lost: NDArray[np.float64],  # users, written
    num_threads: int,
) -> None: ...
