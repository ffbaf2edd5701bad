"""The eigendecomposition of a symmetric matrix, in float64.

LAPACK has it too, but a BLAS with threads of its own leaves them spinning when it returns, on the processors that the
next half-step needs.
"""

from cython.parallel cimport prange
from libc.stdint cimport int64_t

from fastmf.kernels.simd.table cimport FM_EIGEN_ROWS, fm_sweep, leaves

import numpy as np

from fastmf._memory import aligned

cdef enum:
    LARGE = 96  # rows and columns from which on a team of threads is worth its start, as measured on two processors


def eigenbasis(
    const double[:, ::1] A,   # IN  k x k, symmetric
    int num_threads,
):
    """Eigenvalues, ascending, and the matrix V whose columns are the eigenvectors: A = V diag(values) V'.

    The same bits for any number of threads. Raises ArithmeticError for a matrix with NaN or infinity.
    """
    cdef int64_t k = A.shape[0], size = leaves().f64.padded(k), blocks = (k + FM_EIGEN_ROWS - 1) // FM_EIGEN_ROWS
    cdef int64_t room = k * k + k, at = 0, count, b
    cdef int team = num_threads if k >= LARGE else 1
    if k == 0:
        return np.empty(0), np.empty((0, 0))
    largest = float(np.abs(A).max())
    if not largest < np.inf:
        raise ArithmeticError(f"a matrix with an element {largest} has no eigenbasis")
    exponent = int(np.frexp(largest)[1])  # a power of two that brings the largest element near 1: squares are normal
    copy, rows = aligned((k, size), np.float64), aligned((blocks, k, FM_EIGEN_ROWS), np.float64)
    np.ldexp(A, -exponent, out=copy[:, :k])
    for r in range(k):
        rows[r // FM_EIGEN_ROWS, r, r % FM_EIGEN_ROWS] = 1.0
    values = np.empty(k)
    cdef double[:, ::1] left = copy, reflectors = aligned((k, size), np.float64)
    cdef double[:, :, ::1] vectors = rows
    cdef double[::1] diagonal = values, off = np.empty(k), scale = np.empty(k), turns = np.empty(2 * room)
    cdef double[::1] work = aligned((2 * size,), np.float64)
    cdef int64_t[:, ::1] sweeps = np.empty((room, 2), np.int64)
    cdef fm_sweep* sweep = <fm_sweep*>&sweeps[0, 0]
    with nogil:
        leaves().tridiagonalise(
            &left[0, 0], k, size, &reflectors[0, 0], &scale[0], &diagonal[0], &off[0], &work[0]
        )
    for b in prange(blocks, nogil=True, schedule="static", num_threads=team, use_threads_if=team > 1):
        leaves().reflect_rows(&vectors[b, 0, 0], k, size, &reflectors[0, 0], &scale[0])
    while at < k:
        with nogil:
            count = leaves().ql_sweeps(&diagonal[0], &off[0], k, &at, sweep, &turns[0], room)
        if at < 0:
            raise ArithmeticError("the eigenvalues do not converge")
        for b in prange(blocks, nogil=True, schedule="static", num_threads=team, use_threads_if=team > 1):
            leaves().rotate_rows(&vectors[b, 0, 0], sweep, count, &turns[0])
    order = np.argsort(values, kind="stable")
    basis = rows.transpose(0, 2, 1).reshape(-1, k)[:k]
    return np.ldexp(values[order], exponent), np.ascontiguousarray(basis[:, order])
