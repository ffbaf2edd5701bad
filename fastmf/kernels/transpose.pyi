import numpy as np
from numpy.typing import NDArray

def group(
    numbers: NDArray[np.int32],
    order: NDArray[np.int64],
    counts: NDArray[np.int64],
    starts: NDArray[np.int64],
    out: NDArray[np.int64],
    num_threads: int,
) -> None:
    """Group entries by number: numbers (n,); order (n,) or (0,); counts (shares, groups) zeros; starts (groups + 1,); out (n,)."""

def transpose(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    counts: NDArray[np.int64],
    starts: NDArray[np.int64],
    out_rows: NDArray[np.int32],
    out_order: NDArray[np.int64],
    num_threads: int,
) -> None:
    """Transpose compressed rows: indptr (rows + 1,); indices, out_rows, out_order (n,); counts (shares, columns) zeros; starts (columns + 1,)."""
