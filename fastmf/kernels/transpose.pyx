"""Counts of numbers, grouping of entries by one, and the transpose of compressed rows, stable and in parallel.

Entries are cut into as many contiguous shares as `counts` has rows. Every share counts its numbers; the counts, summed
over numbers and then shares, say where each share writes its entries of each number. Every share writes to places of
its own, so the result does not depend on how many shares there are.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t

ctypedef fused place_t:  # positions of entries: 32 bits where they are enough, for half the memory
    int32_t
    int64_t

ctypedef fused word_t:  # what entries hold, whatever it means
    int32_t
    int64_t


cdef void count(
    const int32_t* numbers, const place_t* order, int64_t begin, int64_t end, int64_t* counts
) noexcept nogil:
    cdef int64_t p
    for p in range(begin, end):
        counts[numbers[p if order == NULL else order[p]]] += 1


cdef void place(int64_t[:, ::1] counts, int64_t[::1] starts) noexcept nogil:
    """Counts become the place of each share's first entry of each number."""
    cdef int64_t number, share, here, total = 0
    for number in range(counts.shape[1]):
        starts[number] = total
        for share in range(counts.shape[0]):
            here = counts[share, number]
            counts[share, number] = total
            total += here
    starts[counts.shape[1]] = total


cdef void scatter(
    const int32_t* numbers, const place_t* order, int64_t begin, int64_t end, int64_t* places, place_t* out
) noexcept nogil:
    cdef int64_t p, entry
    cdef int32_t number
    for p in range(begin, end):
        entry = p if order == NULL else order[p]
        number = numbers[entry]
        out[places[number]] = <place_t>entry
        places[number] += 1


cdef void scatter_rows(
    const int64_t* indptr, const int32_t* indices, int64_t begin, int64_t end,
    int64_t* places, int32_t* out_rows, int64_t* out_order,
) noexcept nogil:
    cdef int64_t row, p, to
    cdef int32_t number
    for row in range(begin, end):
        for p in range(indptr[row], indptr[row + 1]):
            number = indices[p]
            to = places[number]
            places[number] = to + 1
            out_rows[to] = <int32_t>row
            out_order[to] = p


cdef int64_t first_row(const int64_t* indptr, int64_t rows, int64_t share, int64_t shares) noexcept nogil:
    """The first row of a share, such that shares hold about as many entries; the last share ends with the last row."""
    cdef int64_t low = 0, high = rows, middle
    if share == shares:
        return rows
    while low < high:
        middle = low + (high - low) // 2
        if indptr[middle] * shares < indptr[rows] * share:
            low = middle + 1
        else:
            high = middle
    return low


def count_numbers(
    const int32_t[::1] numbers,  # IN  in [0, counts.shape[1])
    int64_t[:, ::1] counts,      # OUT shares x groups, zeros: how often each number occurs in each share
    int num_threads,
):
    cdef int64_t shares = counts.shape[0], n = numbers.shape[0], share
    if n == 0:
        return
    for share in prange(shares, nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1):
        count(
            &numbers[0], <const int64_t*>NULL, n * share // shares, n * (share + 1) // shares, &counts[share, 0]
        )


def group(
    const int32_t[::1] numbers,  # IN  entries, in [0, groups)
    const place_t[::1] order,    # IN  entries in the order to start from, or empty: 0, 1, 2, ...
    int64_t[:, ::1] counts,      # WORK shares x groups, zeros
    int64_t[::1] starts,         # OUT groups + 1
    place_t[::1] out,            # OUT entries by number, and in the order to start from within a number
    int num_threads,
):
    cdef int64_t shares = counts.shape[0], n = numbers.shape[0], share
    cdef const int32_t* number = &numbers[0] if n else NULL
    cdef const place_t* before = &order[0] if order.shape[0] else NULL
    if n == 0 or counts.shape[1] == 0:
        starts[:] = 0
        return
    for share in prange(shares, nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1):
        count(number, before, n * share // shares, n * (share + 1) // shares, &counts[share, 0])
    place(counts, starts)
    for share in prange(shares, nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1):
        scatter(number, before, n * share // shares, n * (share + 1) // shares, &counts[share, 0], &out[0])


def transpose(
    const int64_t[::1] indptr,   # IN  rows + 1
    const int32_t[::1] indices,  # IN  entries, column numbers
    int64_t[:, ::1] counts,      # WORK shares x columns, zeros
    int64_t[::1] starts,         # OUT columns + 1
    int32_t[::1] out_rows,       # OUT entries by column: the row of each
    int64_t[::1] out_order,      # OUT entries by column: the position each came from
    int num_threads,
):
    cdef int64_t shares = counts.shape[0], rows = indptr.shape[0] - 1, share, begin, end
    if indices.shape[0] == 0 or counts.shape[1] == 0:
        starts[:] = 0
        return
    for share in prange(shares, nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1):
        begin = first_row(&indptr[0], rows, share, shares)
        end = first_row(&indptr[0], rows, share + 1, shares)
        count(&indices[0], <const int64_t*>NULL, indptr[begin], indptr[end], &counts[share, 0])
    place(counts, starts)
    for share in prange(shares, nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1):
        begin = first_row(&indptr[0], rows, share, shares)
        end = first_row(&indptr[0], rows, share + 1, shares)
        scatter_rows(&indptr[0], &indices[0], begin, end, &counts[share, 0], &out_rows[0], &out_order[0])


def take(
    const word_t[::1] words,   # IN
    const place_t[::1] order,  # IN  positions in `words`
    word_t[::1] out,           # OUT words[order]
    int num_threads,
):
    cdef int64_t p
    for p in prange(
        order.shape[0], nogil=True, schedule="static", num_threads=num_threads, use_threads_if=num_threads > 1
    ):
        out[p] = words[order[p]]
