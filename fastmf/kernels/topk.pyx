"""Exact retrieval: blocks of queries against the whole catalogue, in parallel; the arithmetic of a block is in
simd/topk.h (the best items), simd/ranks.h (the ranks of given items), simd/pairs.h (the pairs they lose),
simd/panel.h (the scores, the same in all) and simd/coarse.h (short integers that bound them).

In top_k a task is a block of queries against a part of the items. Many queries are cut into blocks alone; for a few the
items are cut too, and the sorted lists of the parts are merged. Neither changes a bit of the result.
"""

from cython cimport floating
from cython.parallel cimport prange, threadid
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t
from libc.math cimport INFINITY

from fastmf.kernels.simd.table cimport (
    FM_COARSE_FACTORS, FM_STRIP, coarse_leaves, fm_catalogue, fm_coarse_pairs, fm_coarse_strip, fm_lists, fm_search,
    leaves,
)

import numpy as np


# A block's queries and hits stay in L2 beside the panel of items, and its packing of panels pays for many queries.
cdef int64_t BLOCK_QUERIES = 768
QUERIES_OF_A_BLOCK = BLOCK_QUERIES  # for who cuts long work into pieces of whole blocks
cdef int64_t BLOCK_BYTES = 512 << 10
cdef int64_t BLOCK_BYTES_LIMIT = 32 << 20  # for very large k
cdef int64_t PART_ITEMS = 32  # parts begin at whole panels of every instruction set
cdef int64_t PART_VALUES = 1 << 20  # a part smaller than so many multiply-adds is not worth a thread


cdef int64_t block_queries(int64_t factors, int64_t k, int64_t itemsize) noexcept:
    """Queries a block may hold."""
    cdef int64_t bytes_each = (factors + 4 * k) * itemsize + 1
    cdef int64_t queries = min(BLOCK_QUERIES, max(12, BLOCK_BYTES // bytes_each))
    return max(1, min(queries, BLOCK_BYTES_LIMIT // bytes_each))


cdef int64_t ceiling(int64_t a, int64_t b) noexcept nogil:
    return (a + b - 1) // b


cdef fm_lists lists(const int64_t[::1] indptr, const int32_t[::1] indices) noexcept:
    """Rows of item numbers for the leaves; none at all where both arrays are None or no row has an entry."""
    cdef fm_lists rows
    rows.indptr = NULL
    rows.indices = NULL
    if indptr is not None and indices.shape[0]:
        rows.indptr = &indptr[0]
        rows.indices = &indices[0]
    return rows


cdef fm_search whole_catalogue(
    const floating[:, ::1] queries, const floating[:, ::1] items, const floating[::1] bias,
    const int64_t[::1] seen_indptr, const int32_t[::1] seen_indices, int64_t k,
):
    """A search by inner product through all items; there is at least one query and one item."""
    cdef fm_search search
    cdef int64_t factors = items.shape[1]
    search.queries = &queries[0, 0] if factors else NULL
    search.items.rows = &items[0, 0] if factors else NULL
    search.items.bias = &bias[0] if bias is not None else NULL
    search.items.subset = NULL
    search.items.norm = NULL
    search.items.count = items.shape[0]
    search.items.factors = factors
    search.items.cosine = 0
    search.seen = lists(seen_indptr, seen_indices)
    search.excluded = lists(None, None)
    search.k = k
    search.position = NULL
    search.coarse = NULL
    search.strips = NULL
    return search


cdef int search_task(
    const fm_search* search, int64_t first, int64_t count, int64_t begin, int64_t end, void* work,
    int32_t* ids, floating* scores
) noexcept nogil:
    if floating is float:
        return leaves().f32.top_k_block(search, first, count, begin, end, work, ids, scores)
    else:
        return leaves().f64.top_k_block(search, first, count, begin, end, work, ids, scores)


cdef void merge_row(
    const int32_t* part_ids, const floating* part_scores, int64_t parts, int64_t stride, int64_t k, int64_t* head,
    int32_t* ids, floating* scores
) noexcept nogil:
    """The best k of `parts` sorted rows; an earlier part has the smaller items, so that it wins a tie."""
    cdef int64_t j, p, best
    for p in range(parts):
        head[p] = p * stride
    for j in range(k):
        best = 0
        for p in range(1, parts):
            if part_scores[head[p]] > part_scores[head[best]]:
                best = p
        ids[j] = part_ids[head[best]]
        scores[j] = part_scores[head[best]]
        head[best] += 1


def top_k(
    const floating[:, ::1] queries,        # IN  queries x factors, finite
    const floating[:, ::1] items,          # IN  items x factors
    const floating[::1] bias,              # IN  one an item, or None
    bint cosine,                           # IN  scale queries and items to length 1
    const int32_t[::1] subset,             # IN  the items to search, ascending, or None for all
    const floating[::1] norms,             # IN  lengths of their rows, and `subset` may have any order; or None
    const int64_t[::1] seen_indptr,        # IN  queries + 1, or None
    const int32_t[::1] seen_indices,       # IN  items a query must not get, ascending in a row, or None
    const int64_t[::1] excluded_indptr,    # IN  likewise
    const int32_t[::1] excluded_indices,
    int32_t[:, ::1] ids,                   # OUT queries x k
    floating[:, ::1] scores,               # OUT queries x k
    int num_threads,
):
    """Fill `ids` and `scores`; returns the number of tasks that met a score that is not finite."""
    cdef int64_t n = queries.shape[0], k = ids.shape[1], factors = items.shape[1]
    cdef int64_t count = items.shape[0] if subset is None else subset.shape[0]
    cdef int64_t blocks, parts, rows, width, q, t, tasks
    cdef int bad = 0
    cdef fm_search search
    cdef uint8_t[:, ::1] work
    cdef int32_t[:, :, ::1] part_ids
    cdef floating[:, :, ::1] part_scores
    cdef int64_t[::1] head
    if n == 0 or k == 0:
        return 0
    if count == 0:
        ids[:, :] = -1
        scores[:, :] = -INFINITY
        return 0
    search = whole_catalogue(queries, items, bias, seen_indptr, seen_indices, k)
    search.items.subset = &subset[0] if subset is not None else NULL
    search.items.norm = &norms[0] if norms is not None else NULL
    search.items.count = count
    search.items.cosine = cosine
    search.excluded = lists(excluded_indptr, excluded_indices)

    # Whole rounds of equal blocks for the threads; when there are too few, the items are cut as well.
    blocks = ceiling(n, block_queries(factors, min(k, count), sizeof(floating)))
    if blocks >= 2 * num_threads:
        blocks = ceiling(blocks, num_threads) * num_threads
    rows = ceiling(n, blocks)
    blocks = ceiling(n, rows)
    parts = 1
    if norms is None and num_threads > 1 and blocks < 2 * num_threads:  # parts are merged by their order
        parts = max(1, min(ceiling(2 * num_threads, blocks), count * (factors + 1) // PART_VALUES))
    width = ceiling(ceiling(count, parts), PART_ITEMS) * PART_ITEMS
    parts = ceiling(count, width)
    tasks = blocks * parts
    num_threads = min(num_threads, tasks)

    if floating is float:
        work = np.empty((num_threads, leaves().f32.top_k_workspace(&search, rows)), np.uint8)
    else:
        work = np.empty((num_threads, leaves().f64.top_k_workspace(&search, rows)), np.uint8)
    if parts == 1:
        for t in prange(tasks, nogil=True, schedule="dynamic", num_threads=num_threads, use_threads_if=num_threads > 1):
            bad += search_task(
                &search, t * rows, min(rows, n - t * rows), 0, count, &work[threadid(), 0],
                &ids[t * rows, 0], &scores[t * rows, 0],
            )
        return bad
    part_ids = np.empty((parts, n, k), np.int32)
    part_scores = np.empty((parts, n, k), np.asarray(scores).dtype)
    head = np.empty(parts, np.int64)
    for t in prange(tasks, nogil=True, schedule="dynamic", num_threads=num_threads, use_threads_if=num_threads > 1):
        bad += search_task(
            &search, t // parts * rows, min(rows, n - t // parts * rows),
            t % parts * width, min(count, (t % parts + 1) * width), &work[threadid(), 0],
            &part_ids[t % parts, t // parts * rows, 0], &part_scores[t % parts, t // parts * rows, 0],
        )
    with nogil:
        for q in range(n):
            merge_row(
                &part_ids[0, q, 0], &part_scores[0, q, 0], parts, n * k, k, &head[0], &ids[q, 0], &scores[q, 0]
            )
    return bad


cdef int64_t even_rows(int64_t n, int64_t factors, int64_t k, int64_t itemsize, int64_t num_threads) noexcept:
    """Queries a task, such that each thread gets as many tasks as the others."""
    cdef int64_t blocks = ceiling(n, block_queries(factors, k, itemsize))
    return ceiling(n, ceiling(blocks, num_threads) * num_threads)


cdef void rank_task(
    const fm_search* search, const fm_lists* targets, int64_t first, int64_t count, void* work,
    floating* scores, int64_t* higher, int64_t* equal
) noexcept nogil:
    if floating is float:
        leaves().f32.ranks_block(search, targets, first, count, work, scores, higher, equal)
    else:
        leaves().f64.ranks_block(search, targets, first, count, work, scores, higher, equal)


def rank_of(
    const floating[:, ::1] queries,        # IN  queries x factors, finite
    const floating[:, ::1] items,          # IN  items x factors, finite
    const floating[::1] bias,              # IN  one an item, or None
    const int64_t[::1] seen_indptr,        # IN  queries + 1, or None
    const int32_t[::1] seen_indices,       # IN  items that do not count for a query, ascending in a row, or None
    const int64_t[::1] target_indptr,      # IN  queries + 1
    const int32_t[::1] target_indices,     # IN  items whose ranks are asked for, in any order
    floating[::1] scores,                  # OUT one a target
    int64_t[::1] higher,                   # OUT one a target: items with a higher score
    int64_t[::1] equal,                    # OUT one a target: items with the same score and a smaller number
    int num_threads,
):
    """Fill `scores`, `higher` and `equal`."""
    cdef int64_t n = queries.shape[0], rows, t
    cdef fm_search search
    cdef fm_lists targets = lists(target_indptr, target_indices)
    cdef uint8_t[:, ::1] work
    if n == 0 or items.shape[0] == 0 or targets.indptr == NULL:
        return
    search = whole_catalogue(queries, items, bias, seen_indptr, seen_indices, 0)
    rows = even_rows(n, items.shape[1], 0, sizeof(floating), num_threads)
    num_threads = min(num_threads, ceiling(n, rows))
    work = ranks_workspace(&search, rows, num_threads, &scores[0])
    for t in prange(
        ceiling(n, rows), nogil=True, schedule="dynamic", num_threads=num_threads, use_threads_if=num_threads > 1
    ):
        rank_task(
            &search, &targets, t * rows, min(rows, n - t * rows), &work[threadid(), 0], &scores[0], &higher[0],
            &equal[0],
        )


cdef uint8_t[:, ::1] ranks_workspace(const fm_search* search, int64_t rows, int num_threads, floating* _):
    if floating is float:
        return np.empty((num_threads, leaves().f32.ranks_workspace(search, rows)), np.uint8)
    else:
        return np.empty((num_threads, leaves().f64.ranks_workspace(search, rows)), np.uint8)


def coarse_shape(int64_t n_items, int64_t factors, bint biased):
    """The shape of what `coarse_items` fills, strips and integers of a strip; None where it is of no use: on
    other processors than those with AVX512-VNNI, and for a great many factors."""
    cdef fm_catalogue items
    if not coarse_leaves() or factors > FM_COARSE_FACTORS:
        return None
    items.factors = factors
    items.bias = <const void*>&factors if biased else NULL
    return ceiling(n_items, FM_STRIP), FM_STRIP * 2 * fm_coarse_pairs(&items)


cdef void coarse_task(
    const fm_catalogue* items, int64_t first, double weight, int16_t* to, fm_coarse_strip* strip, floating* _
) noexcept nogil:
    if floating is float:
        leaves().f32.coarse_strip(items, first, weight, to, strip)
    else:
        leaves().f64.coarse_strip(items, first, weight, to, strip)


def coarse_items(
    const floating[:, ::1] items,  # IN  items x factors, finite
    const floating[::1] bias,      # IN  one an item, or None
    const int32_t[::1] order,      # IN  all items in the order to meet them
    double weight,                 # IN  what biases are divided by, above 0
    int16_t[:, ::1] coarse,        # OUT of the shape that coarse_shape gives
    double[:, ::1] strips,         # OUT strips x 4: see fm_coarse_strip
    int num_threads,
):
    """Fill `coarse` and `strips` with the items as short integers, which `lost_pairs` compares at twice the speed."""
    cdef int64_t s
    cdef fm_search search
    if items.shape[0] == 0 or coarse.shape[1] == 0:
        return
    search = whole_catalogue[floating](items, items, bias, None, None, 0)
    search.items.subset = &order[0]
    for s in prange(coarse.shape[0], nogil=True, num_threads=num_threads, use_threads_if=num_threads > 1):
        coarse_task(
            &search.items, s * FM_STRIP, weight, &coarse[s, 0], <fm_coarse_strip*>&strips[s, 0], <floating*>NULL
        )


cdef int pairs_task(
    const fm_search* search, const fm_lists* targets, int64_t first, int64_t count, void* work,
    int32_t* ids, floating* scores, floating* target_scores, int64_t* lost
) noexcept nogil:
    if floating is float:
        return leaves().f32.pairs_block(search, targets, first, count, work, ids, scores, target_scores, lost)
    else:
        return leaves().f64.pairs_block(search, targets, first, count, work, ids, scores, target_scores, lost)


def lost_pairs(
    const floating[:, ::1] queries,        # IN  queries x factors, finite
    const floating[:, ::1] items,          # IN  items x factors, finite
    const floating[::1] bias,              # IN  one an item, or None
    const int32_t[::1] order,              # IN  all items in the order to meet them, or None for their own
    const floating[::1] norms,             # IN  lengths of their rows in this order, or None
    const int32_t[::1] position,           # IN  of each item in this order, or None
    const int16_t[:, ::1] coarse,          # IN  what coarse_items made of these items in this order, or None
    const double[:, ::1] strips,           # IN  likewise
    const int64_t[::1] seen_indptr,        # IN  queries + 1, or None
    const int32_t[::1] seen_indices,       # IN  items that do not count for a query, ascending in a row, or None
    const int64_t[::1] target_indptr,      # IN  queries + 1
    const int32_t[::1] target_indices,     # IN  items to compare with the others, in any order
    int32_t[:, ::1] ids,                   # OUT queries x k, k may be 0
    floating[:, ::1] scores,               # OUT queries x k
    floating[::1] target_scores,           # OUT one a target, ascending in a row
    int64_t[::1] lost,                     # OUT one a query: sum of [s_i > s_t] + [s_i >= s_t] over items and targets
    int num_threads,
):
    """Fill `lost`: twice the pairs in which an item beats a target of the query, and once those level; `ids` and
    `scores` as top_k does; returns the number of tasks that met a score in these that is not finite."""
    cdef int64_t n = queries.shape[0], k = ids.shape[1], seen = 0, rows, t
    cdef int bad = 0
    cdef fm_search search
    cdef fm_lists targets
    cdef int32_t* first_id = &ids[0, 0] if n and k else NULL
    cdef floating* first_score = &scores[0, 0] if n and k else NULL
    cdef floating* first_target = &target_scores[0] if target_scores.shape[0] else NULL
    cdef uint8_t[:, ::1] work
    lost[:] = 0
    if n == 0 or items.shape[0] == 0:
        ids[:, :] = -1
        scores[:, :] = -INFINITY
        return 0
    search = whole_catalogue(queries, items, bias, seen_indptr, seen_indices, k)
    search.items.subset = &order[0] if order is not None else NULL
    search.items.norm = &norms[0] if norms is not None else NULL
    search.position = &position[0] if position is not None else NULL
    if coarse is not None and coarse.shape[1]:
        search.coarse = &coarse[0, 0]
        search.strips = <const fm_coarse_strip*>&strips[0, 0]
    targets.indptr = &target_indptr[0]
    targets.indices = &target_indices[0] if target_indices.shape[0] else NULL
    rows = even_rows(n, items.shape[1], min(k, items.shape[0]), sizeof(floating), num_threads)
    num_threads = min(num_threads, ceiling(n, rows))
    if seen_indptr is not None:
        for t in range(ceiling(n, rows)):
            seen = max(seen, seen_indptr[min(n, (t + 1) * rows)] - seen_indptr[t * rows])
    if floating is float:
        work = np.empty((num_threads, leaves().f32.pairs_workspace(&search, rows, seen)), np.uint8)
    else:
        work = np.empty((num_threads, leaves().f64.pairs_workspace(&search, rows, seen)), np.uint8)
    for t in prange(
        ceiling(n, rows), nogil=True, schedule="dynamic", num_threads=num_threads, use_threads_if=num_threads > 1
    ):
        bad += pairs_task(
            &search, &targets, t * rows, min(rows, n - t * rows), &work[threadid(), 0], first_id,
            first_score, first_target, &lost[0]
        )
    return bad
