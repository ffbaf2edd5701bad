"""Half-steps of weighted alternating least squares: every row of one side solved exactly, in parallel over rows.

Row u minimises  sum_j w_j (a_j - x.y_j)^2 + w0 sum_{unobserved} (x.y)^2 + ridge_u |x|^2  (Hu, Koren & Volinsky 2008,
equation 4, with the weights of Rendle et al. 2021); the arithmetic of a row is simd/wals.h.
"""

from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, int64_t, uint8_t

from fastmf.kernels.simd.table cimport fm_observed, fm_wals_row, fm_wals_side, leaves, set_entries

import numpy as np

from fastmf._memory import aligned


cdef enum:
    CHUNK = 8  # rows a thread takes at a time, so that it knows its next one; fewer where there are few

PRIMAL, DUAL, CG, SUBSPACE, NONNEGATIVE, ITERATED = range(6)  # how a row is solved, as in simd/table.h
SOLVED, INDEFINITE, FACTORISED = range(3)  # and what came of it


cdef inline int solve_row(
    const fm_wals_side* side,
    const int64_t* indptr,
    const int32_t* indices,
    const floating* weights,
    const floating* targets,
    int64_t weight_step,
    int64_t target_step,
    const double* ridge,
    const double* unobserved,
    int64_t unobserved_step,
    int method,
    int64_t u,
    int64_t following,
    floating* work,
    floating* x,
    floating* relaxed,
    double* sums,
) noexcept nogil:
    cdef fm_wals_row row
    set_entries(&row, indptr, indices, weights, targets, weight_step, target_step, u)
    row.next = indices + indptr[following]
    row.next_n = indptr[following + 1] - indptr[following]
    row.ridge = ridge[u]
    row.unobserved = unobserved[u * unobserved_step]
    if floating is float:
        return leaves().f32.wals_solve(side, &row, method, work, x, relaxed, <fm_observed*>sums)
    else:
        return leaves().f64.wals_solve(side, &row, method, work, x, relaxed, <fm_observed*>sums)


def padded(int64_t factors, const floating[:] dtype_of):
    """`factors` rounded up to whole tiles: the side of the square matrices, in the dtype of the array given."""
    if floating is float:
        return leaves().f32.padded(factors)
    else:
        return leaves().f64.padded(factors)


def workspace(int64_t factors, int64_t block_size, int64_t longest_row, int num_threads, const floating[:] dtype_of):
    """Scratch for `solve_rows`, one row a thread, whole cache lines long; `block_size` and `longest_row` may be 0 where
    no row takes the subspace method."""
    cdef int64_t n
    if floating is float:
        n = leaves().f32.wals_workspace(factors, block_size, longest_row)
    else:
        n = leaves().f64.wals_workspace(factors, block_size, longest_row)
    return aligned((num_threads, (n + 15) // 16 * 16), np.asarray(dtype_of).dtype)


def solve_rows(
    const int64_t[::1] indptr,           # IN  n + 1
    const int32_t[::1] indices,          # IN  rows of Y, in range
    const floating[::1] weights,         # IN  w, one an entry, or a single one for all
    const floating[::1] targets,         # IN  a, likewise
    const floating[:, ::1] Y,            # IN  factors of the other side
    const floating[::1] unobserved,      # IN  c, one a row of Y, or a single one for all
    const floating[:, ::1] gram,         # IN  Y' diag(c) Y, padded
    const floating[::1] eigenvalues,     # IN  of the Gramian, ascending, where Y is in its eigenbasis, else empty
    const double[::1] ridge,             # IN  one a row
    const double[::1] row_unobserved,    # IN  s, one a row, or a single one for all
    const int64_t[::1] rows,             # IN  the rows to solve, in this order
    const uint8_t[::1] methods,          # IN  how to solve each of `rows`
    int64_t cg_steps,                    # IN
    int64_t block_size,                  # IN  of the subspace method
    floating[:, ::1] X,                  # IN  where the last four start; OUT, only `rows` are written
    floating[:, ::1] relaxed,            # IN  where they start if not empty; OUT, over-relaxed; may be X, then lost
    double relaxation,                   # IN  omega, in [1, 2)
    double[:, ::1] observed,             # OUT of `rows`, if not empty: what simd/observed.h sums, with X; no biases
    uint8_t[::1] outcomes,               # OUT one for each of `rows`: SOLVED, INDEFINITE or FACTORISED
    floating[:, ::1] work,               # scratch from `workspace`
    int num_threads,
):
    cdef fm_wals_side side
    cdef int64_t r, n = rows.shape[0]
    cdef int64_t weight_step = weights.shape[0] > 1, target_step = targets.shape[0] > 1
    cdef int64_t row_step = row_unobserved.shape[0] > 1
    cdef const int32_t* index = &indices[0] if indices.shape[0] else NULL
    if n == 0 or X.shape[1] == 0:
        return
    cdef const floating* weight = &weights[0] if weights.shape[0] else NULL
    cdef const floating* target = &targets[0] if targets.shape[0] else NULL
    cdef const floating* other_factors = &Y[0, 0] if Y.shape[0] else NULL
    cdef const floating* spectrum = &eigenvalues[0] if eigenvalues.shape[0] else NULL
    side.Y = other_factors
    side.k = X.shape[1]
    side.unobserved = &unobserved[0]
    side.unobserved_step = unobserved.shape[0] > 1
    side.gram = &gram[0, 0]
    side.eigenvalues = spectrum
    side.cg_steps = cg_steps
    side.block_size = block_size
    side.relaxation = relaxation
    cdef floating* ahead = &relaxed[0, 0] if relaxed.shape[0] else NULL
    cdef double* sums = &observed[0, 0] if observed.shape[0] else NULL
    cdef int64_t chunk = max(1, min(CHUNK, n // (CHUNK * num_threads)))
    for r in prange(
        n, nogil=True, schedule="dynamic", chunksize=chunk, num_threads=num_threads, use_threads_if=num_threads > 1
    ):
        outcomes[r] = solve_row(
            &side, &indptr[0], index, weight, target, weight_step, target_step, &ridge[0],
            &row_unobserved[0], row_step, methods[r], rows[r],
            rows[min(r + 1, n - 1)], &work[threadid(), 0], &X[rows[r], 0],
            ahead + rows[r] * X.shape[1] if ahead != NULL else NULL,
            sums + rows[r] * 3 if sums != NULL else NULL,
        )
