"""Products of a sparse matrix that is scaled on both sides with the factors of one of them, and rows to start from."""

from cython cimport floating
from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint64_t

from fastmf.kernels.simd.table cimport fm_wals_row, fm_wals_side, leaves, set_entries


cdef inline void propagate_row(
    const fm_wals_side* side, const int64_t* indptr, const int32_t* indices, int64_t nnz, const floating* values,
    int64_t value_step, int64_t u, double p, const floating* q, floating* z,
) noexcept nogil:
    cdef fm_wals_row row
    set_entries(&row, indptr, indices, values, values, value_step, value_step, u)
    if floating is float:
        leaves().f32.propagate_row(side, &row, nnz - indptr[u], p, q, z)
    else:
        leaves().f64.propagate_row(side, &row, nnz - indptr[u], p, q, z)


cdef inline void signed_row(const uint64_t* bits, int64_t k, double size, double times, floating* y) noexcept nogil:
    if floating is float:
        leaves().f32.signed_row(bits, k, size, times, y)
    else:
        leaves().f64.signed_row(bits, k, size, times, y)


def add_signed_rows(
    const uint64_t[:, ::1] bits,     # IN  n x k / 64, rounded up; of a word the lowest first
    const double[::1] sizes,         # IN  n, s
    double times,                    # IN  t
    int64_t factors,                 # IN  the columns from there on stay
    floating[:, ::1] Y,              # IN, OUT  n x at least `factors`
    int num_threads,
):
    """y_ic = t y_ic + s_i where bit c of row i is 1, and - s_i where it is 0."""
    cdef int64_t i
    if factors == 0:
        return
    for i in prange(
        Y.shape[0], nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1
    ):
        signed_row(&bits[i, 0], factors, sizes[i], times, &Y[i, 0])


def propagate(
    const int64_t[::1] indptr,       # IN  n + 1
    const int32_t[::1] indices,      # IN  rows of Y, in range
    const floating[::1] values,      # IN  a, one an entry, or a single one for all
    const double[::1] row_scale,     # IN  p, n
    const floating[::1] scale,       # IN  q, one a row of Y
    const floating[:, ::1] Y,        # IN  m x k
    floating[:, ::1] Z,              # OUT n x k
    int num_threads,
):
    """Z = diag(p) A diag(q) Y; the same bits for any number of threads."""
    cdef int64_t u, k = Y.shape[1]
    cdef fm_wals_side side
    if k == 0 or indices.shape[0] == 0:
        Z[:, :] = 0
        return
    side.Y = &Y[0, 0]
    side.k = k
    for u in prange(
        Z.shape[0], nogil=True, schedule="dynamic", chunksize=64, num_threads=num_threads,
        use_threads_if=num_threads > 1,
    ):
        propagate_row(
            &side, &indptr[0], &indices[0], indices.shape[0], &values[0], values.shape[0] > 1, u, row_scale[u],
            &scale[0], &Z[u, 0],
        )
