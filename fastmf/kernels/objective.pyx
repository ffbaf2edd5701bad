"""The observed part of the objective, row by row, in float64 and the same for any number of threads; the sums are
simd/observed.h. The last of them is to be taken off the unobserved part, which is summed over all pairs by Gramians."""

from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, int64_t

from fastmf.kernels.simd.table cimport fm_observed, fm_wals_row, fm_wals_side, leaves, set_entries

import numpy as np

from fastmf._memory import aligned


cdef inline void observed_row(
    const fm_wals_side* side, const int64_t* indptr, const int32_t* indices, int64_t nnz, const floating* weights,
    const floating* targets, int64_t weight_step, int64_t target_step, int64_t u, const floating* x, double* wide,
    double offset, const floating* bias, double* sums,
) noexcept nogil:
    cdef fm_wals_row row
    set_entries(&row, indptr, indices, weights, targets, weight_step, target_step, u)
    if floating is float:
        leaves().f32.observed_row(side, &row, nnz - indptr[u], x, wide, offset, bias, <fm_observed*>sums)
    else:
        leaves().f64.observed_row(side, &row, nnz - indptr[u], x, wide, offset, bias, <fm_observed*>sums)


def observed_loss(
    const int64_t[::1] indptr,        # IN  n + 1
    const int32_t[::1] indices,       # IN  rows of Y, in range
    const floating[::1] weights,      # IN  w, one an entry, or a single one for all
    const floating[::1] targets,      # IN  a, likewise
    const floating[:, ::1] X,         # IN  n x k
    const floating[:, ::1] Y,         # IN  m x k
    const floating[::1] user_bias,    # IN  n, or empty
    const floating[::1] item_bias,    # IN  m, or empty
    double mean,                      # IN
    const floating[::1] unobserved,   # IN  c, one a row of Y, or a single one for all
    double[:, ::1] sums,              # OUT n x 3
    int num_threads,
):
    cdef int64_t u, k = X.shape[1]
    cdef fm_wals_side side
    if indices.shape[0] == 0:
        sums[:, :] = 0
        return
    cdef const floating* x = &X[0, 0] if k else NULL
    side.Y = &Y[0, 0] if k else NULL
    side.k = k
    side.unobserved = &unobserved[0]
    side.unobserved_step = unobserved.shape[0] > 1
    cdef const floating* bias = &item_bias[0] if item_bias.shape[0] else NULL
    cdef double[:, ::1] wide = aligned((num_threads, max(k, 1)), np.float64)
    for u in prange(
        X.shape[0], nogil=True, schedule="dynamic", chunksize=64, num_threads=num_threads,
        use_threads_if=num_threads > 1,
    ):
        observed_row(
            &side, &indptr[0], &indices[0], indices.shape[0], &weights[0], &targets[0], weights.shape[0] > 1,
            targets.shape[0] > 1, u, x + u * k, &wide[threadid(), 0],
            mean + (user_bias[u] if user_bias.shape[0] else 0), bias, &sums[u, 0],
        )


cdef inline void widen(const floating* x, const double* scale, int64_t k, double* wide) noexcept nogil:
    cdef int64_t c
    for c in range(k):
        wide[c] = x[c] * scale[c] if scale != NULL else x[c]


def squared_norms(
    const floating[:, ::1] X,   # IN  n x k
    double[::1] out,            # OUT n
    int num_threads,
    const double[::1] scale=None,  # IN  s, k; or ones
):
    """The squared length of each row, sum_c s_c x_uc^2, in float64."""
    cdef int64_t u, k = X.shape[1]
    if k == 0:
        out[:] = 0
        return
    cdef double[:, ::1] wide = aligned((num_threads, k), np.float64)
    cdef const double* s = &scale[0] if scale is not None else NULL
    for u in prange(
        X.shape[0], nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1
    ):
        widen(&X[u, 0], s, k, &wide[threadid(), 0])
        if floating is float:
            out[u] = leaves().f32.dot_wide(&wide[threadid(), 0], &X[u, 0], k)
        else:
            out[u] = leaves().f64.dot_wide(&wide[threadid(), 0], &X[u, 0], k)
