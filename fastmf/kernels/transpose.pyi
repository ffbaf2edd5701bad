from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Place = TypeVar("Place", np.int32, np.int64)
Word = TypeVar("Word", np.int32, np.int64)

def count_numbers(numbers: NDArray[np.int32], counts: NDArray[np.int64], num_threads: int) -> None:
    """How often each number occurs in each share; numbers (n,), counts (shares, groups) of zeros."""

def group(
    numbers: NDArray[np.int32],
    order: NDArray[Place],
    counts: NDArray[np.int64],
    starts: NDArray[np.int64],
    out: NDArray[Place],
    num_threads: int,
) -> None:
    """Group entries by number.

    `order` and `out` have one type, int32 or int64.
    Shapes: numbers and out (n,), order (n,) or (0,), counts (shares, groups) of zeros, starts (groups + 1,).
    """

def transpose(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    counts: NDArray[np.int64],
    starts: NDArray[np.int64],
    out_rows: NDArray[np.int32],
    out_order: NDArray[np.int64],
    num_threads: int,
) -> None:
    """Transpose compressed rows.

    Shapes: indptr (rows + 1,), indices, out_rows and out_order (n,), counts (shares, columns) of zeros,
    starts (columns + 1,).
    """

def take(words: NDArray[Word], order: NDArray[Place], out: NDArray[Word], num_threads: int) -> None:
    """``out[:] = words[order]``, in parallel; out and order (n,)."""
