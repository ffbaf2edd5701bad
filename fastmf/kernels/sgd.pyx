"""Epochs of stochastic gradient descent over the grid of cells; the arithmetic of a cell is simd/sgd.h.

Blocked (Gemulla et al. 2011, "Large-scale matrix factorization with distributed stochastic gradient descent"): in
stratum s user block b meets item block (b + s) mod B, so that no two cells of a stratum share a row; the result does
not depend on the number of threads. Hogwild (Recht et al. 2011): each thread owns a share of the user blocks and walks
all item blocks, each from a start of its own; threads may meet in an item's row, without locks.
"""

from cython cimport floating
from cython.parallel cimport prange
from libc.stdint cimport int64_t, uint32_t

from fastmf.kernels.simd.table cimport fm_sgd_cell, fm_sgd_rule, leaves

SQUARED, ABSOLUTE, LOGISTIC = range(3)  # losses, as in simd/table.h


cdef struct Epoch:
    # pointers are of the floating type of the call
    void* P
    void* Q
    void* user_heads
    void* item_heads
    const uint32_t* place
    const void* values
    const void* weights
    const int64_t* starts
    const int64_t* subs
    double* lost
    int64_t weight_step
    int64_t width
    int64_t blocks
    int64_t sub_blocks
    int64_t sub_rows
    int64_t item_rows


cdef inline void run_cells(
    const fm_sgd_rule* rule, const Epoch* e, int64_t user_block, int64_t item_block, floating* typed
) noexcept nogil:
    # the cells of one user block with one item block, sub-block by sub-block
    cdef int64_t s, band, cell, first
    cdef fm_sgd_cell c
    for s in range(e.sub_blocks):
        band = user_block * e.sub_blocks + e.subs[s]
        cell = band * e.blocks + item_block
        first = e.starts[cell]
        c.P = <floating*>e.P + band * e.sub_rows * e.width
        c.user_heads = <floating*>e.user_heads + band * e.sub_rows * 4
        c.Q = <floating*>e.Q + item_block * e.item_rows * e.width
        c.item_heads = <floating*>e.item_heads + item_block * e.item_rows * 4
        c.place = e.place + first
        c.value = <const floating*>e.values + first
        c.weight = <const floating*>e.weights + first * e.weight_step
        c.weight_step = e.weight_step
        c.n = e.starts[cell + 1] - first
        if floating is float:
            e.lost[cell] = leaves().f32.sgd_cell(rule, &c)
        else:
            e.lost[cell] = leaves().f64.sgd_cell(rule, &c)


cdef inline void run_share(
    const fm_sgd_rule* rule, const Epoch* e, int64_t first, int64_t last, const int64_t* order, int64_t thread,
    int64_t threads, floating* typed,
) noexcept nogil:
    # steps first..last of one of the threads of Hogwild
    cdef int64_t step, block
    for step in range(first, last):
        for block in range(thread * e.blocks // threads, (thread + 1) * e.blocks // threads):
            run_cells(rule, e, block, order[(step + thread * e.blocks // threads) % e.blocks], typed)


def run_epoch(
    floating[:, ::1] P,               # IN OUT user factors by position, rows of `width`
    floating[:, ::1] Q,               # IN OUT item factors by position
    floating[:, ::1] user_heads,      # IN OUT accumulator, that of the bias, |x|^2, bias
    floating[:, ::1] item_heads,      # IN OUT likewise
    const uint32_t[::1] place,        # IN  records, cell by cell
    const floating[::1] values,       # IN
    const floating[::1] weights,      # IN  one a record, or a single one for all
    const int64_t[::1] starts,        # IN  first record of each cell, and the end
    const int64_t[::1] order,         # IN  the strata (blocked) or item blocks (Hogwild) in the order of this epoch
    const int64_t[::1] subs,          # IN  the sub-blocks in the order of this epoch
    int64_t first,                    # IN  of `order`: from here
    int64_t last,                     # IN  to here
    int64_t factors,                  # IN
    double mean,                      # IN
    double rate,                      # IN
    double bias_rate,                 # IN
    double user_penalty,              # IN
    double item_penalty,              # IN
    double bias_penalty,              # IN
    int loss,                         # IN  SQUARED, ABSOLUTE or LOGISTIC
    bint adagrad,                     # IN
    bint nonnegative,                 # IN
    bint hogwild,                     # IN
    double[::1] lost,                 # OUT one a cell: weighted losses before each step
    int num_threads,
):
    """Part of an epoch: the strata or steps `first` to `last`."""
    cdef fm_sgd_rule rule
    cdef Epoch e
    cdef int64_t b, s, blocks = order.shape[0]
    cdef floating* typed = NULL
    if place.shape[0] == 0:
        return
    rule.rate, rule.bias_rate, rule.mean, rule.factors, rule.width = rate, bias_rate, mean, factors, P.shape[1]
    rule.user_penalty, rule.item_penalty, rule.bias_penalty = user_penalty, item_penalty, bias_penalty
    rule.loss, rule.adagrad, rule.nonnegative = loss, adagrad, nonnegative
    e.P, e.Q, e.user_heads, e.item_heads = &P[0, 0], &Q[0, 0], &user_heads[0, 0], &item_heads[0, 0]
    e.place, e.values, e.weights, e.starts, e.subs = &place[0], &values[0], &weights[0], &starts[0], &subs[0]
    e.lost, e.weight_step, e.width = &lost[0], weights.shape[0] > 1, P.shape[1]
    e.blocks, e.sub_blocks = blocks, subs.shape[0]
    e.sub_rows = P.shape[0] // (blocks * subs.shape[0])
    e.item_rows = Q.shape[0] // blocks
    if hogwild:
        for b in prange(
            num_threads, nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1
        ):
            run_share(&rule, &e, first, last, &order[0], b, num_threads, typed)
        return
    for s in range(first, last):
        for b in prange(
            blocks, nogil=True, schedule="dynamic", num_threads=num_threads, use_threads_if=num_threads > 1
        ):
            run_cells(&rule, &e, b, (b + order[s]) % blocks, typed)
