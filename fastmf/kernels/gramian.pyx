"""The weighted Gramian Y' diag(c) Y in float64, from blocks of rows that do not depend on the number of threads."""

from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.stdint cimport int64_t

from fastmf.kernels.simd.table cimport leaves

import numpy as np

from fastmf._memory import aligned

cdef enum:
    STRIPES = 16  # partial sums in float64, added up in this order whatever the threads
    BLOCK = 128   # rows whose products are summed in the arrays' own precision


ctypedef fused working:
    float
    double


cdef void add_stripe(
    const floating* Y, const floating* weights, int64_t k, int64_t size, int64_t start, int64_t stop,
    working* work, double* total,
) noexcept nogil:
    # total += Y' diag(c) Y over rows start..stop
    cdef working* left = work
    cdef working* right = left + BLOCK * size
    cdef working* product = right + BLOCK * size
    cdef bint as_it_is = weights == NULL and k == size and sizeof(working) == sizeof(floating)  # needs no copy
    cdef int64_t block, b, row, c, r, n
    cdef working weight
    for b in range((stop - start + BLOCK - 1) // BLOCK):
        block = start + b * BLOCK
        n = min(BLOCK, stop - block)
        if as_it_is:
            left = right = <working*> (Y + block * k)
        else:
            for row in range(n):
                weight = weights[block + row] if weights != NULL else 1
                for c in range(k):
                    right[row * size + c] = Y[(block + row) * k + c]
                    left[row * size + c] = weight * right[row * size + c]
        for c in range(size * size):
            product[c] = 0
        if working is float:
            leaves().f32.rank_update(left, right, size, n, product, product, size)
        else:
            leaves().f64.rank_update(left, right, size, n, product, product, size)
        for r in range(k):
            for c in range(r, k):
                total[r * k + c] += product[r * size + c]


cdef object gramian_in(
    const floating[:, ::1] Y, const floating[::1] weights, int64_t size, working one, int num_threads
):
    # with blocks of rows multiplied in the type of `one`
    cdef int64_t n = Y.shape[0], k = Y.shape[1], s, stripes = min(STRIPES, (n + BLOCK - 1) // BLOCK)
    cdef const floating* c = &weights[0] if weights.shape[0] else NULL
    dtype = np.float32 if working is float else np.float64
    cdef working[:, ::1] work = aligned((num_threads, 2 * BLOCK * size + size * size), dtype)
    partial = np.zeros((stripes, k, k))
    cdef double[:, :, ::1] totals = partial
    for s in prange(stripes, nogil=True, schedule="dynamic", num_threads=num_threads, use_threads_if=num_threads > 1):
        add_stripe(
            &Y[0, 0], c, k, size, s * n // stripes, (s + 1) * n // stripes, &work[threadid(), 0], &totals[s, 0, 0]
        )
    return partial.sum(axis=0)


def gramian(
    const floating[:, ::1] Y,      # IN  n x k
    const floating[::1] weights,   # IN  c, one a row; empty: all 1
    int num_threads,
    bint wide=False,               # multiply in float64 whatever the dtype, for sums in which nearly everything cancels
):
    """Y' diag(c) Y, k x k, symmetric, in float64; the same bits for any number of threads."""
    cdef int64_t n = Y.shape[0], k = Y.shape[1]
    if n == 0 or k == 0:
        return np.zeros((k, k))
    if floating is float and not wide:
        upper = gramian_in(Y, weights, leaves().f32.padded(k), <float>1, num_threads)
    else:
        upper = gramian_in(Y, weights, leaves().f64.padded(k), <double>1, num_threads)
    return upper + np.triu(upper, 1).T
