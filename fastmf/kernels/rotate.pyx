"""Factors in another basis: Y V, in parallel over blocks of rows."""

from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t

from fastmf.kernels.simd.table cimport leaves

import numpy as np

from fastmf._memory import aligned

cdef enum:
    BLOCK = 256      # rows of one piece of work
    TILE_ROWS = 64   # at least the rows of a register tile


cdef inline void rotate_block(
    const floating* Y, const floating* V, floating* out, int64_t start, int64_t n, int64_t k, floating* work
) noexcept nogil:
    if floating is float:
        leaves().f32.multiply(Y + start * k, V, out + start * k, n, k, work)
    else:
        leaves().f64.multiply(Y + start * k, V, out + start * k, n, k, work)


def rotate(
    const floating[:, ::1] Y,   # IN  n x k
    const floating[:, ::1] V,   # IN  k x k
    floating[:, ::1] out,       # OUT n x k, may be Y
    int num_threads,
):
    """out = Y V; the same bits for any number of threads."""
    cdef int64_t n = Y.shape[0], k = Y.shape[1], size, b
    if n == 0 or k == 0:
        return
    if floating is float:
        size = leaves().f32.padded(k)
    else:
        size = leaves().f64.padded(k)
    dtype = np.asarray(V).dtype
    padded = aligned((k, size), dtype)
    padded[:, :k] = V
    cdef floating[:, ::1] basis = padded
    cdef floating[:, ::1] work = aligned((num_threads, TILE_ROWS * size), dtype)
    for b in prange(
        (n + BLOCK - 1) // BLOCK, nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1
    ):
        rotate_block(
            &Y[0, 0], &basis[0, 0], &out[0, 0], b * BLOCK, min(BLOCK, n - b * BLOCK), k, &work[threadid(), 0]
        )
