"""Arrays that begin with a cache line: rows of whole vectors then never straddle two, which NumPy does not promise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

LINE = 64  # bytes


def aligned(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Zeros."""
    dtype, size = np.dtype(dtype), math.prod(shape)
    buffer = np.zeros(size + LINE // dtype.itemsize, dtype)
    skip = -buffer.ctypes.data % LINE // dtype.itemsize
    return buffer[skip : skip + size].reshape(shape)


def aligned_copy(matrix: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """The same numbers."""
    copy = aligned(matrix.shape, dtype)
    copy[...] = matrix
    return copy
