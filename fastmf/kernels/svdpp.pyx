"""Epochs of SVD++ by stochastic gradient descent, user by user; the arithmetic of a user is simd/svdpp.h.

Users come in batches. First each user of a batch goes through their own entries while the items stand still (user
half), then each item through its entries in the batch, user after user, while the users stand still (item half). No two
threads write to one row, and the order of the steps on a row is that of the users, so that the result does not depend
on the number of threads.
"""

from cython cimport floating
from cython.parallel cimport prange
from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t

from fastmf.kernels.simd.table cimport fm_svdpp, fm_svdpp_user, leaves


cdef struct Users:
    # pointers are of the floating type of the call
    void* P
    void* heads
    void* X
    void* pulls
    const int64_t* indptr
    const int32_t* indices
    const void* values
    const void* weights
    int64_t weight_step


cdef inline int64_t first_from(const int32_t* indices, int64_t begin, int64_t end, int64_t item) noexcept nogil:
    # the first entry of a sorted row whose item is not below `item`
    cdef int64_t middle
    while begin < end:
        middle = (begin + end) // 2
        if indices[middle] < item:
            begin = middle + 1
        else:
            end = middle
    return begin


cdef inline fm_svdpp_user user_of(
    const fm_svdpp* model, const Users* all, int64_t user, int64_t slot, int64_t begin, int64_t end, floating* typed
) noexcept nogil:
    cdef fm_svdpp_user u
    u.item = all.indices + begin
    u.value = <const floating*>all.values + begin
    u.weight = <const floating*>all.weights + begin * all.weight_step
    u.weight_step = all.weight_step
    u.n = end - begin
    u.scale = 1 / sqrt(<double>(all.indptr[user + 1] - all.indptr[user]))
    u.p = <floating*>all.P + user * model.width
    u.head = <floating*>all.heads + user * 4
    u.x = <floating*>all.X + slot * model.width
    u.pull = <floating*>all.pulls + slot * model.width
    return u


cdef inline void user_half(
    const fm_svdpp* model, const Users* all, int64_t user, int64_t slot, double* lost, floating* typed
) noexcept nogil:
    cdef fm_svdpp_user u
    if all.indptr[user] == all.indptr[user + 1]:
        return
    u = user_of(model, all, user, slot, all.indptr[user], all.indptr[user + 1], typed)
    if floating is float:
        lost[0] = leaves().f32.svdpp_user(model, &u)
    else:
        lost[0] = leaves().f64.svdpp_user(model, &u)


cdef inline void item_half(
    const fm_svdpp* model, const Users* all, const int64_t* users, int64_t n, int64_t first_item, int64_t last_item,
    floating* typed,
) noexcept nogil:
    cdef fm_svdpp_user u
    cdef int64_t slot, begin, end
    for slot in range(n):
        begin, end = all.indptr[users[slot]], all.indptr[users[slot] + 1]
        begin = first_from(all.indices, begin, end, first_item)
        end = first_from(all.indices, begin, end, last_item)
        if begin == end:
            continue
        u = user_of(model, all, users[slot], slot, begin, end, typed)
        if floating is float:
            leaves().f32.svdpp_items(model, &u)
        else:
            leaves().f64.svdpp_items(model, &u)


cdef inline void vector(
    const fm_svdpp* model, const int32_t* indices, int64_t begin, int64_t end, const floating* p, floating* x
) noexcept nogil:
    cdef fm_svdpp_user u
    if begin == end:
        return
    u.item, u.n, u.scale, u.p, u.x = indices + begin, end - begin, 1 / sqrt(<double>(end - begin)), <void*>p, x
    if floating is float:
        leaves().f32.svdpp_vector(model, &u)
    else:
        leaves().f64.svdpp_vector(model, &u)


def user_vectors(
    const floating[:, ::1] P,         # IN  user factors, rows of `width`
    const floating[:, ::1] Y,         # IN  what an item adds
    const int64_t[::1] indptr,        # IN  users + 1
    const int32_t[::1] indices,       # IN  items
    floating[:, ::1] X,               # OUT one row a user; of a user without items it stays as it was
    int num_threads,
):
    """x_u = p_u + |N(u)|^-1/2 sum_j y_j, j in N(u)."""
    cdef fm_svdpp model
    cdef int64_t user
    if indices.shape[0] == 0:
        return
    model.width, model.Y = P.shape[1], <void*>&Y[0, 0]
    for user in prange(
        P.shape[0], nogil=True, schedule="guided", num_threads=num_threads, use_threads_if=num_threads > 1
    ):
        vector(&model, &indices[0], indptr[user], indptr[user + 1], &P[user, 0], &X[user, 0])


def run_epoch(
    floating[:, ::1] P,               # IN OUT user factors, rows of `width`
    floating[:, ::1] Q,               # IN OUT item factors
    floating[:, ::1] Y,               # IN OUT what an item adds to the vectors of those who have it
    floating[:, ::1] user_heads,      # IN OUT accumulator, that of the bias, nothing, bias
    floating[:, ::1] item_heads,      # IN OUT likewise, and that of y third
    const int64_t[::1] indptr,        # IN  users + 1
    const int32_t[::1] indices,       # IN  items, sorted within a user
    const floating[::1] values,       # IN  one an entry
    const floating[::1] weights,      # IN  one an entry, or a single one for all
    const int64_t[::1] order,         # IN  the users in the order of this epoch
    int64_t first,                    # IN  of `order`: from here
    int64_t last,                     # IN  to here
    const int64_t[::1] shares,        # IN  bounds of ranges of items, from 0 to all: any give the same result
    int64_t factors,                  # IN
    double mean,                      # IN
    double rate,                      # IN  of p, q and biases
    double implicit_rate,             # IN  of y
    double user_penalty,              # IN
    double item_penalty,              # IN
    double implicit_penalty,          # IN
    double bias_penalty,              # IN
    bint adagrad,                     # IN
    floating[:, ::1] X,               # scratch, batch x width: a batch is so many users
    floating[:, ::1] pulls,           # scratch, batch x width
    double[::1] lost,                 # OUT one a user: weighted squared errors before each step
    int num_threads,
):
    """Part of an epoch: the users `order[first]` to `order[last - 1]`."""
    cdef fm_svdpp model
    cdef Users all
    cdef int64_t start, n, slot, share, batch = X.shape[0], n_shares = shares.shape[0] - 1
    cdef floating* typed = NULL
    if indices.shape[0] == 0 or first >= last:
        return
    model.rate, model.implicit_rate, model.mean = rate, implicit_rate, mean
    model.factors, model.width, model.adagrad = factors, P.shape[1], adagrad
    model.user_penalty, model.item_penalty = user_penalty, item_penalty
    model.implicit_penalty, model.bias_penalty = implicit_penalty, bias_penalty
    model.Q, model.Y, model.item_heads = &Q[0, 0], &Y[0, 0], &item_heads[0, 0]
    all.P, all.heads, all.X, all.pulls = &P[0, 0], &user_heads[0, 0], &X[0, 0], &pulls[0, 0]
    all.indptr, all.indices, all.values, all.weights = &indptr[0], &indices[0], &values[0], &weights[0]
    all.weight_step = weights.shape[0] > 1
    start = first
    while start < last:
        n = min(batch, last - start)
        for slot in prange(
            n, nogil=True, schedule="dynamic", num_threads=num_threads, use_threads_if=num_threads > 1
        ):
            user_half(&model, &all, order[start + slot], slot, &lost[order[start + slot]], typed)
        for share in prange(
            n_shares, nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1
        ):
            item_half(&model, &all, &order[start], n, shares[share], shares[share + 1], typed)
        start = start + n
