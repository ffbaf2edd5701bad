import numpy as np
from numpy.typing import NDArray

def count_lines(text: NDArray[np.uint8]) -> int:
    """Line feeds in the text (bytes,)."""

def read_lines(
    text: NDArray[np.uint8],
    separator: int,
    roles: NDArray[np.uint8],
    users: NDArray[np.int64],
    items: NDArray[np.int64],
    values: NDArray[np.float64],
    times: NDArray[np.int64],
) -> int:
    """Read plain lines of text (bytes,) ending in a line feed, with roles (width,); the outputs hold a place a line."""
