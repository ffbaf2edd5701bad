from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)

def count_records(
    indptr: NDArray[np.int64],  # users + 1
    indices: NDArray[np.int32],
    bands: NDArray[np.int32],  # sub-blocks x users of each, -1: none
    item_place: NDArray[np.uint32],  # items
    counts: NDArray[np.int64],  # sub-blocks x item blocks, written
    num_threads: int,
) -> None: ...
def fill_records(
    indptr: NDArray[np.int64],  # users + 1
    indices: NDArray[np.int32],
    values: NDArray[F],  # entries
    weights: NDArray[F],  # entries, or empty
    bands: NDArray[np.int32],  # sub-blocks x users of each
    item_place: NDArray[np.uint32],  # items
    starts: NDArray[np.int64],  # cells + 1
    seed: int,
    filled: NDArray[np.int64],  # sub-blocks x item blocks, scratch
    place: NDArray[np.uint32],  # entries, written
    value: NDArray[F],  # entries, written
    weight: NDArray[F],  # entries, or empty, written
    num_threads: int,
) -> None: ...
