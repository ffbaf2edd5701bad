"""Predictions for given pairs: yhat_ui = mu + b_u + c_i + x_u . y_i, in parallel over pairs."""

from cython cimport floating
from cython.parallel cimport prange
from libc.stdint cimport int64_t

from fastmf.kernels.simd.table cimport leaves


cdef inline floating pair_score(
    const floating* x, const floating* y, floating offset, int64_t factors
) noexcept nogil:
    if floating is float:
        return offset + leaves().f32.dot(x, y, factors)
    else:
        return offset + leaves().f64.dot(x, y, factors)


def pair_scores(
    const floating[:, ::1] X,        # IN  users x factors
    const floating[:, ::1] Y,        # IN  items x factors
    const floating[::1] user_bias,   # IN  users
    const floating[::1] item_bias,   # IN  items
    floating mean,                   # IN
    const int64_t[::1] users,        # IN  pairs, in range
    const int64_t[::1] items,        # IN  pairs, in range
    floating[::1] out,               # OUT pairs
    int num_threads,
):
    cdef int64_t p, n = users.shape[0], factors = X.shape[1]
    cdef const floating* x = &X[0, 0] if X.shape[0] and factors else NULL
    cdef const floating* y = &Y[0, 0] if Y.shape[0] and factors else NULL
    for p in prange(n, nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1):
        out[p] = pair_score(
            x + users[p] * factors, y + items[p] * factors, mean + user_bias[users[p]] + item_bias[items[p]], factors
        )
