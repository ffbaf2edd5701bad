"""Quality of ranked lists: every metric at every cut-off from one walk down each user's list, in parallel over users.

Let r = 1, 2, ... be a position of the list, h_r the hits (relevant items) among its first r, and n the user's relevant
items.

    precision@k = h_k / k            recall@k = h_k / n              recall_min@k = h_k / min(k, n)
    ndcg@k = sum_{r <= k, hit at r} 1 / log2(r + 1)  /  sum_{r <= min(k, n)} 1 / log2(r + 1)
    map@k  = sum_{r <= k, hit at r} h_r / r  /  min(k, n)
    mrr@k  = 1 / (position of the first hit), 0 beyond k             hit_rate@k = 1 if h_k > 0, else 0

Binary relevance throughout: Jarvelin & Kekalainen (2002) for nDCG; Manning, Raghavan & Schutze (2008), chapter 8, for
the rest.
"""

from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.stdint cimport int32_t, int64_t, uint8_t

from fastmf.kernels.simd.table cimport leaves

ROWS = ("precision", "recall", "recall_min", "ndcg", "map", "mrr", "hit_rate")  # second axis of `out`, in this order


cdef inline bint is_among(int32_t item, const int32_t* row, int64_t n) noexcept nogil:
    """Whether a sorted row holds `item`."""
    cdef int64_t low = 0, high = n, middle
    while low < high:
        middle = (low + high) // 2
        if row[middle] < item:
            low = middle + 1
        else:
            high = middle
    return low < n and row[low] == item


cdef void list_hits(
    const int32_t* ranked, int64_t length, const int32_t* relevant, int64_t n, const int64_t* cutoffs,
    int64_t n_cutoffs, const double* discount, const double* ideal, double* out,
) noexcept nogil:
    """One user's metrics; `out` is metrics x cut-offs."""
    cdef int64_t r = 0, c, k, best, hits = 0, first = 0
    cdef double gain = 0.0, precisions = 0.0
    for c in range(n_cutoffs):
        k = cutoffs[c]
        while r < k and r < length:
            if is_among(ranked[r], relevant, n):
                hits += 1
                gain += discount[r]
                precisions += <double>hits / <double>(r + 1)
                if first == 0:
                    first = r + 1
            r += 1
        best = k if k < n else n
        out[c] = <double>hits / <double>k
        out[n_cutoffs + c] = <double>hits / <double>n
        out[2 * n_cutoffs + c] = <double>hits / <double>best
        out[3 * n_cutoffs + c] = gain / ideal[best]
        out[4 * n_cutoffs + c] = precisions / <double>best
        out[5 * n_cutoffs + c] = 1.0 / <double>first if first else 0.0
        out[6 * n_cutoffs + c] = 1.0 if hits else 0.0


def ranking(
    const int32_t[:, ::1] ranked,    # IN  users x length, item numbers best first, padded with -1
    const int64_t[::1] indptr,       # IN  users + 1: where each user's relevant items begin, from indptr[0]
    const int32_t[::1] indices,      # IN  relevant items, sorted within a user, never negative
    const int64_t[::1] cutoffs,      # IN  ascending, at least 1; a list has nothing beyond its length
    const double[::1] discount,      # IN  length: 1 / log2(r + 1) for r = 1, 2, ...
    const double[::1] ideal,         # IN  0 and the running sum of `discount`; min(k, n) <= length for every user
    double[:, :, ::1] out,           # OUT users x metrics (ROWS) x cut-offs; zeros for a user without relevant items
    int num_threads,
):
    cdef int64_t u, n_users = ranked.shape[0], length = ranked.shape[1], n_cutoffs = cutoffs.shape[0]
    cdef const int32_t* items = &indices[0] if indices.shape[0] else NULL
    if n_cutoffs == 0 or length == 0:
        out[:, :, :] = 0.0
        return
    for u in prange(n_users, nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1):
        if indptr[u] < indptr[u + 1]:
            list_hits(&ranked[u, 0], length, items + indptr[u], indptr[u + 1] - indptr[u], &cutoffs[0], n_cutoffs,
                      &discount[0], &ideal[0], &out[u, 0, 0])
        else:
            out[u, :, :] = 0.0


cdef void list_mean(
    const int32_t* ranked, int64_t length, const double* values, const int64_t* cutoffs, int64_t n_cutoffs, double* out
) noexcept nogil:
    cdef int64_t r = 0, c, filled = 0
    cdef double total = 0.0
    for c in range(n_cutoffs):
        while r < cutoffs[c] and r < length:
            if ranked[r] >= 0:
                filled += 1
                total += values[ranked[r]]
            r += 1
        out[c] = total / <double>filled if filled else 0.0


def means(
    const int32_t[:, ::1] ranked,    # IN  users x length, padded with -1
    const double[::1] values,        # IN  one number an item
    const int64_t[::1] cutoffs,      # IN  ascending, at least 1
    double[:, ::1] out,              # OUT users x cut-offs: mean value of the list's items; 0 for an empty list
    int num_threads,
):
    """Mean of a number the items carry over each list: novelty, when that number is an item's self-information."""
    cdef int64_t u, n_users = ranked.shape[0], length = ranked.shape[1], n_cutoffs = cutoffs.shape[0]
    cdef const double* value = &values[0] if values.shape[0] else NULL
    if n_cutoffs == 0 or length == 0:
        out[:, :] = 0.0
        return
    for u in prange(n_users, nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1):
        list_mean(&ranked[u, 0], length, value, &cutoffs[0], n_cutoffs, &out[u, 0])


cdef inline void add_to(double* total, const floating* v, int64_t dims) noexcept nogil:
    if floating is float:
        leaves().f32.add_wide(total, v, dims)
    else:
        leaves().f64.add_wide(total, v, dims)


cdef void list_diversity(
    const int32_t* ranked, int64_t length, const floating* units, const double* squares, int64_t dims,
    const int64_t* cutoffs, int64_t n_cutoffs, double* total, double* out,
) noexcept nogil:
    """sum_{a < b} v_a . v_b = (|sum_a v_a|^2 - sum_a |v_a|^2) / 2: linear in the length of the list, not quadratic."""
    cdef int64_t r = 0, c, j, filled = 0
    cdef double own = 0.0, norm
    for j in range(dims):
        total[j] = 0.0
    for c in range(n_cutoffs):
        while r < cutoffs[c] and r < length:
            if ranked[r] >= 0:
                filled += 1
                add_to(total, units + ranked[r] * dims, dims)
                own += squares[ranked[r]]
            r += 1
        norm = leaves().f64.dot(total, total, dims)
        out[c] = 1.0 - (norm - own) / (<double>filled * <double>(filled - 1)) if filled > 1 else 0.0


def diversity(
    const int32_t[:, ::1] ranked,    # IN  users x length, padded with -1
    const floating[:, ::1] units,    # IN  items x dimensions, rows of length 1 (or 0)
    const double[::1] squares,       # IN  squared length of each row, as rounding left it
    const int64_t[::1] cutoffs,      # IN  ascending, at least 1
    double[:, ::1] workspace,        # --  threads x at least dimensions
    double[:, ::1] out,              # OUT users x cut-offs: 1 - mean cosine over pairs; 0 for fewer than two items
    int num_threads,
):
    """Intra-list diversity: one minus the mean cosine of the items of a list, over its pairs (Ziegler et al. 2005)."""
    cdef int64_t u, n_users = ranked.shape[0], length = ranked.shape[1], n_cutoffs = cutoffs.shape[0]
    cdef int64_t dims = units.shape[1]
    cdef const floating* rows = &units[0, 0] if units.shape[0] and dims else NULL
    cdef const double* own = &squares[0] if squares.shape[0] else NULL
    if n_cutoffs == 0 or length == 0:
        out[:, :] = 0.0
        return
    for u in prange(n_users, nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1):
        list_diversity(
            &ranked[u, 0], length, rows, own, dims, &cutoffs[0], n_cutoffs, &workspace[threadid(), 0], &out[u, 0]
        )


def common(
    const int64_t[::1] indptr,       # IN  rows + 1
    const int32_t[::1] indices,      # IN  columns of one matrix
    const int64_t[::1] indptr_2,     # IN  rows + 1
    const int32_t[::1] indices_2,    # IN  columns of another, sorted within a row
    uint8_t[::1] out,                # OUT entries of the first: 1 if the second has it too, else 0
    int num_threads,
):
    """Which entries of one matrix are entries of another: test entries that were seen in training."""
    cdef int64_t u, p, n_rows = indptr.shape[0] - 1
    cdef const int32_t* items = &indices_2[0] if indices_2.shape[0] else NULL
    for u in prange(n_rows, nogil=True, schedule="guided", num_threads=num_threads, use_threads_if=num_threads > 1):
        for p in range(indptr[u], indptr[u + 1]):
            out[p] = is_among(indices[p], items + indptr_2[u], indptr_2[u + 1] - indptr_2[u])
