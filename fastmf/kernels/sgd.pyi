from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)

SQUARED: int
ABSOLUTE: int
LOGISTIC: int

def run_epoch(
    P: NDArray[F],  # user rows x width, read and written
    Q: NDArray[F],  # item rows x width, read and written
    user_heads: NDArray[F],  # user rows x 4, read and written
    item_heads: NDArray[F],  # item rows x 4, read and written
    place: NDArray[np.uint32],  # records
    values: NDArray[F],  # records
    weights: NDArray[F],  # records, or one for all
    starts: NDArray[np.int64],  # cells + 1
    order: NDArray[np.int64],  # blocks
    subs: NDArray[np.int64],  # sub-blocks
    first: int,
    last: int,
    factors: int,
    mean: float,
    rate: float,
    bias_rate: float,
    user_penalty: float,
    item_penalty: float,
    bias_penalty: float,
    loss: int,
    adagrad: bool,
    nonnegative: bool,
    hogwild: bool,
    lost: NDArray[np.float64],  # cells, written
    num_threads: int,
) -> None: ...
