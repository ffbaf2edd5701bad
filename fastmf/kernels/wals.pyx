"""Half-steps of weighted alternating least squares: every row of one side solved exactly, in parallel over rows.

Row u minimises  sum_j w_j (a_j - x.y_j)^2 + w0 sum_{unobserved} (x.y)^2 + ridge_u |x|^2  (Hu, Koren & Volinsky 2008,
equation 4, with the weights of Rendle et al. 2021); the arithmetic of a row is simd/wals.h.
"""

from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, int64_t, uint8_t

from fastmf.kernels.simd.table cimport fm_wals_row, fm_wals_side, leaves

import numpy as np


cdef inline int solve_row(
    const fm_wals_side* side,
    const int64_t* indptr,
    const int32_t* indices,
    const floating* weights,
    const floating* targets,
    int64_t weight_step,
    int64_t target_step,
    const double* ridge,
    int64_t dual_up_to,
    int64_t u,
    floating* work,
    floating* x,
) noexcept nogil:
    cdef fm_wals_row row
    cdef int64_t start = indptr[u]
    row.index = indices + start
    row.weight = weights + start * weight_step
    row.target = targets + start * target_step
    row.weight_step = weight_step
    row.target_step = target_step
    row.n = indptr[u + 1] - start
    row.ridge = ridge[u]
    if floating is float:
        return leaves().f32.wals_solve(side, &row, row.n <= dual_up_to, work, x)
    else:
        return leaves().f64.wals_solve(side, &row, row.n <= dual_up_to, work, x)


def padded(int64_t factors, floating[:] dtype_of):
    """`factors` rounded up to whole tiles: the side of the square matrices, in the dtype of the array given."""
    if floating is float:
        return leaves().f32.padded(factors)
    else:
        return leaves().f64.padded(factors)


def workspace(int64_t factors, int num_threads, floating[:] dtype_of):
    """Scratch for `solve_rows`: one row a thread, whole cache lines long."""
    cdef int64_t n
    if floating is float:
        n = leaves().f32.wals_workspace(factors)
    else:
        n = leaves().f64.wals_workspace(factors)
    return np.empty((num_threads, (n + 15) // 16 * 16), np.asarray(dtype_of).dtype)


def solve_rows(
    const int64_t[::1] indptr,        # IN  n + 1
    const int32_t[::1] indices,       # IN  rows of Y, in range
    const floating[::1] weights,      # IN  one an entry, or a single one for all
    const floating[::1] targets,      # IN  likewise
    const floating[:, ::1] Y,         # IN  factors of the other side
    const floating[:, ::1] gram,      # IN  w0 Y'Y, padded
    const floating[::1] eigenvalues,  # IN  of w0 Y'Y where Y is in its eigenbasis, else empty
    const double[::1] ridge,          # IN  one a row
    double unobserved_weight,         # IN  w0
    int64_t dual_up_to,               # IN  rows with up to so many entries take the dual form
    const int64_t[::1] rows,          # IN  the rows to solve, in this order
    floating[:, ::1] X,               # OUT only those rows are written
    uint8_t[::1] failed,              # OUT one a row of `rows`: its matrix is not positive definite
    floating[:, ::1] work,            # scratch from `workspace`
    int num_threads,
):
    cdef fm_wals_side side
    cdef int64_t r, n = rows.shape[0]
    cdef int64_t weight_step = weights.shape[0] > 1, target_step = targets.shape[0] > 1
    cdef const int32_t* index = &indices[0] if indices.shape[0] else NULL
    cdef const floating* y = &Y[0, 0] if Y.shape[0] else NULL
    if n == 0 or X.shape[1] == 0:
        return
    side.Y = y
    side.k = X.shape[1]
    side.gram = &gram[0, 0]
    side.eigenvalues = &eigenvalues[0] if eigenvalues.shape[0] else NULL
    side.unobserved_weight = unobserved_weight
    if not eigenvalues.shape[0]:
        dual_up_to = 0
    for r in prange(n, nogil=True, schedule="dynamic", num_threads=num_threads, use_threads_if=num_threads > 1):
        failed[r] = solve_row(
            &side, &indptr[0], index, &weights[0], &targets[0], weight_step, target_step, &ridge[0], dual_up_to,
            rows[r], &work[threadid(), 0], &X[rows[r], 0],
        )
