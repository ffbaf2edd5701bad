"""The grid of SGD: ratings as compact records, cut into cells of few users by few items, shuffled within each cell.

Users are dealt into blocks of equal activity and items into blocks of equal popularity. A cell is one sub-block of a
user block by one item block; its record is a place, user row + 65536 x item row within the cell, and a value. Cells lie
in the order (user block, sub-block, item block). The result depends on the data and the seed, never on the number of
threads.
"""

from cython cimport floating
from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cdef enum:
    HALF = 65536


cdef inline uint64_t mix(uint64_t z) noexcept nogil:
    # the finaliser of SplitMix64, as in _random.py
    z = (z ^ (z >> 30)) * <uint64_t>0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * <uint64_t>0x94D049BB133111EB
    return z ^ (z >> 31)


cdef inline void count_band(
    const int64_t* indptr, const int32_t* indices, const int32_t* users, int64_t n, const uint32_t* item_place,
    int64_t* counts,
) noexcept nogil:
    # counts[item block] += records of a sub-block's users
    cdef int64_t row, p
    for row in range(n):
        if users[row] >= 0:
            for p in range(indptr[users[row]], indptr[users[row] + 1]):
                counts[item_place[indices[p]] // HALF] += 1


cdef inline void fill_band(
    const int64_t* indptr, const int32_t* indices, const floating* values, const floating* weights,
    const int32_t* users, int64_t n, const uint32_t* item_place, int64_t item_blocks, const int64_t* starts,
    int64_t* filled, uint64_t seed, uint32_t* place, floating* value, floating* weight,
) noexcept nogil:
    cdef int64_t row, p, at, block, other
    cdef uint32_t item, swapped_place
    cdef floating swapped
    for block in range(item_blocks):
        filled[block] = starts[block]
    for row in range(n):
        if users[row] < 0:
            continue
        for p in range(indptr[users[row]], indptr[users[row] + 1]):
            item = item_place[indices[p]]
            at = filled[item // HALF]
            filled[item // HALF] = at + 1
            place[at] = <uint32_t>row + HALF * (item % HALF)
            value[at] = values[p]
            if weight != NULL:
                weight[at] = weights[p]
    for block in range(item_blocks):  # Fisher & Yates, from the end of each cell
        for at in range(starts[block + 1] - 1, starts[block], -1):
            other = starts[block] + <int64_t>(
                ((mix(seed + <uint64_t>at) >> 32) * <uint64_t>(at - starts[block] + 1)) >> 32
            )
            swapped_place = place[at]
            place[at] = place[other]
            place[other] = swapped_place
            swapped = value[at]
            value[at] = value[other]
            value[other] = swapped
            if weight != NULL:
                swapped = weight[at]
                weight[at] = weight[other]
                weight[other] = swapped


def count_records(
    const int64_t[::1] indptr,        # IN  users + 1
    const int32_t[::1] indices,       # IN  items
    const int32_t[:, ::1] bands,      # IN  the users of each sub-block, -1 where there is none
    const uint32_t[::1] item_place,   # IN  one an item: row in its block + 65536 x block
    int64_t[:, ::1] counts,           # OUT sub-blocks x item blocks
    int num_threads,
):
    """The number of records of each cell."""
    cdef int64_t band
    counts[:, :] = 0
    if indices.shape[0] == 0:
        return
    for band in prange(
        bands.shape[0], nogil=True, schedule="dynamic", num_threads=num_threads, use_threads_if=num_threads > 1
    ):
        count_band(&indptr[0], &indices[0], &bands[band, 0], bands.shape[1], &item_place[0], &counts[band, 0])


def fill_records(
    const int64_t[::1] indptr,        # IN  users + 1
    const int32_t[::1] indices,       # IN  items
    const floating[::1] values,       # IN  one an entry
    const floating[::1] weights,      # IN  one an entry, or empty
    const int32_t[:, ::1] bands,      # IN  as for count_records
    const uint32_t[::1] item_place,   # IN  as for count_records
    const int64_t[::1] starts,        # IN  first record of each cell, and the end
    uint64_t seed,                    # IN
    int64_t[:, ::1] filled,           # scratch, sub-blocks x item blocks
    uint32_t[::1] place,              # OUT one a record
    floating[::1] value,              # OUT one a record
    floating[::1] weight,             # OUT one a record, or empty
    int num_threads,
):
    """Write the records of each cell and shuffle them."""
    cdef int64_t band, item_blocks = filled.shape[1]
    cdef const floating* given = &weights[0] if weights.shape[0] else NULL
    cdef floating* taken = &weight[0] if weight.shape[0] else NULL
    if indices.shape[0] == 0:
        return
    for band in prange(
        bands.shape[0], nogil=True, schedule="dynamic", num_threads=num_threads, use_threads_if=num_threads > 1
    ):
        fill_band(
            &indptr[0], &indices[0], &values[0], given, &bands[band, 0], bands.shape[1], &item_place[0], item_blocks,
            &starts[band * item_blocks], &filled[band, 0], seed, &place[0], &value[0], taken,
        )
