from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Floating = TypeVar("Floating", np.float32, np.float64)

ROWS: tuple[str, ...]

def ranking(
    ranked: NDArray[np.int32],  # users x length
    indptr: NDArray[np.int64],  # users + 1
    indices: NDArray[np.int32],
    cutoffs: NDArray[np.int64],
    discount: NDArray[np.float64],  # length
    ideal: NDArray[np.float64],  # length + 1
    out: NDArray[np.float64],  # users x metrics x cut-offs, written
    num_threads: int,
) -> None: ...
def means(
    ranked: NDArray[np.int32],  # users x length
    values: NDArray[np.float64],  # items
    cutoffs: NDArray[np.int64],
    out: NDArray[np.float64],  # users x cut-offs, written
    num_threads: int,
) -> None: ...
def diversity(
    ranked: NDArray[np.int32],  # users x length
    units: NDArray[Floating],  # items x dimensions
    squares: NDArray[np.float64],  # items
    cutoffs: NDArray[np.int64],
    workspace: NDArray[np.float64],  # threads x at least dimensions, written
    out: NDArray[np.float64],  # users x cut-offs, written
    num_threads: int,
) -> None: ...
def common(
    indptr: NDArray[np.int64],  # rows + 1
    indices: NDArray[np.int32],
    indptr_2: NDArray[np.int64],  # rows + 1
    indices_2: NDArray[np.int32],
    out: NDArray[np.uint8],  # entries of the first matrix, written
    num_threads: int,
) -> None: ...
