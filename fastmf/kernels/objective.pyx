"""The observed part of the objective, row by row, in float64 and the same for any number of threads:
sum_j w_j e_j^2 and sum_j w_j e_j with e_j = a_j - yhat_j, and the sum_j c_j yhat_j^2 to take off the unobserved part,
which is summed over all pairs by Gramians."""

from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, int64_t

from fastmf.kernels.simd.table cimport fm_prefetch, leaves

import numpy as np

from fastmf._memory import aligned

cdef enum:
    AHEAD = 8  # entries whose factors are asked for before they are read


cdef inline void widen(const floating* x, int64_t k, double* wide) noexcept nogil:
    cdef int64_t c
    for c in range(k):
        wide[c] = x[c]


cdef inline void add_row(
    const int32_t* index, const floating* weights, const floating* targets, int64_t weight_step, int64_t target_step,
    int64_t n, int64_t left, const double* x, const floating* Y, int64_t k, double offset, const floating* item_bias,
    const floating* unobserved, int64_t unobserved_step, double* observed, double* residual, double* predicted,
) noexcept nogil:
    cdef int64_t j
    cdef double score, error
    observed[0] = residual[0] = predicted[0] = 0
    for j in range(n):
        if j + AHEAD < left:  # also beyond this row: the next one follows
            fm_prefetch(Y + index[j + AHEAD] * k, k * sizeof(floating))
        if floating is float:
            score = leaves().f32.dot_wide(x, Y + index[j] * k, k)
        else:
            score = leaves().f64.dot_wide(x, Y + index[j] * k, k)
        score += offset + item_bias[index[j]]
        error = targets[j * target_step] - score
        observed[0] += weights[j * weight_step] * error * error
        residual[0] += weights[j * weight_step] * error
        predicted[0] += unobserved[index[j] * unobserved_step] * score * score


def observed_loss(
    const int64_t[::1] indptr,        # IN  n + 1
    const int32_t[::1] indices,       # IN  rows of Y, in range
    const floating[::1] weights,      # IN  w, one an entry, or a single one for all
    const floating[::1] targets,      # IN  a, likewise
    const floating[:, ::1] X,         # IN  n x k
    const floating[:, ::1] Y,         # IN  m x k
    const floating[::1] user_bias,    # IN  n
    const floating[::1] item_bias,    # IN  m
    double mean,                      # IN
    const floating[::1] unobserved,   # IN  c, one a row of Y, or a single one for all
    double[::1] observed,             # OUT n
    double[::1] residual,             # OUT n
    double[::1] predicted,            # OUT n
    int num_threads,
):
    cdef int64_t u, k = X.shape[1]
    cdef int64_t weight_step = weights.shape[0] > 1, target_step = targets.shape[0] > 1
    cdef int64_t unobserved_step = unobserved.shape[0] > 1
    if indices.shape[0] == 0:
        observed[:] = 0
        residual[:] = 0
        predicted[:] = 0
        return
    cdef const floating* y = &Y[0, 0] if k else NULL
    cdef double[:, ::1] wide = aligned((num_threads, max(k, 1)), np.float64)
    for u in prange(
        X.shape[0], nogil=True, schedule="dynamic", chunksize=64, num_threads=num_threads,
        use_threads_if=num_threads > 1,
    ):
        widen(&X[u, 0], k, &wide[threadid(), 0])
        add_row(
            &indices[0] + indptr[u], &weights[0] + indptr[u] * weight_step, &targets[0] + indptr[u] * target_step,
            weight_step, target_step, indptr[u + 1] - indptr[u],
            indices.shape[0] - indptr[u], &wide[threadid(), 0], y, k, mean + user_bias[u], &item_bias[0],
            &unobserved[0], unobserved_step, &observed[u], &residual[u], &predicted[u],
        )


def squared_norms(
    const floating[:, ::1] X,   # IN  n x k
    double[::1] out,            # OUT n, |x_u|^2
    int num_threads,
):
    """The squared length of each row, in float64."""
    cdef int64_t u, k = X.shape[1]
    if k == 0:
        out[:] = 0
        return
    cdef double[:, ::1] wide = aligned((num_threads, k), np.float64)
    for u in prange(
        X.shape[0], nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1
    ):
        widen(&X[u, 0], k, &wide[threadid(), 0])
        if floating is float:
            out[u] = leaves().f32.dot_wide(&wide[threadid(), 0], &X[u, 0], k)
        else:
            out[u] = leaves().f64.dot_wide(&wide[threadid(), 0], &X[u, 0], k)
