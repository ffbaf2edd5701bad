"""The weighted Gramian Y' diag(c) Y in float64, from blocks of rows that do not depend on the number of threads."""

from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t

from fastmf.kernels.simd.table cimport leaves

import numpy as np

cdef enum:
    STRIPES = 16  # partial sums in float64, added up in this order whatever the threads
    BLOCK = 128   # rows whose products are summed in the arrays' own precision


cdef void add_stripe(
    const floating* Y, const floating* weights, int64_t k, int64_t size, int64_t start, int64_t stop,
    floating* work, double* total,
) noexcept nogil:
    # total += Y' diag(c) Y over rows start..stop
    cdef floating* left = work
    cdef floating* right = left + BLOCK * size
    cdef floating* product = right + BLOCK * size
    cdef int64_t block, b, row, c, r, n
    cdef floating weight
    for b in range((stop - start + BLOCK - 1) // BLOCK):
        block = start + b * BLOCK
        n = min(BLOCK, stop - block)
        for row in range(n):
            weight = weights[block + row] if weights != NULL else 1
            for c in range(k):
                right[row * size + c] = Y[(block + row) * k + c]
                left[row * size + c] = weight * Y[(block + row) * k + c]
        for c in range(size * size):
            product[c] = 0
        if floating is float:
            leaves().f32.rank_update(left, right, size, n, product, product, size)
        else:
            leaves().f64.rank_update(left, right, size, n, product, product, size)
        for r in range(k):
            for c in range(r, k):
                total[r * k + c] += product[r * size + c]


def gramian(
    const floating[:, ::1] Y,      # IN  n x k
    const floating[::1] weights,   # IN  c, one a row; empty: all 1
    int num_threads,
):
    """Y' diag(c) Y, k x k, symmetric, in float64; the same bits for any number of threads."""
    cdef int64_t n = Y.shape[0], k = Y.shape[1], s, size
    cdef const floating* c = &weights[0] if weights.shape[0] else NULL
    if n == 0 or k == 0:
        return np.zeros((k, k))
    if floating is float:
        size = leaves().f32.padded(k)
    else:
        size = leaves().f64.padded(k)
    dtype = np.asarray(Y).dtype
    cdef floating[:, ::1] work = np.zeros((num_threads, 2 * BLOCK * size + size * size), dtype)
    cdef int64_t stripes = min(STRIPES, (n + BLOCK - 1) // BLOCK)
    partial = np.zeros((stripes, k, k))
    cdef double[:, :, ::1] totals = partial
    for s in prange(stripes, nogil=True, schedule="dynamic", num_threads=num_threads, use_threads_if=num_threads > 1):
        add_stripe(
            &Y[0, 0], c, k, size, s * n // stripes, (s + 1) * n // stripes, &work[threadid(), 0], &totals[s, 0, 0]
        )
    upper = partial.sum(axis=0)
    return upper + np.triu(upper, 1).T
