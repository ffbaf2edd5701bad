"""Twin of fastmf.kernels.grid."""

from reference.random_bits import mix

HALF = 65536


def count_records(indptr, indices, bands, item_place, counts, num_threads):
    counts[:] = 0
    for band, users in enumerate(bands.tolist()):
        for user in users:
            if user >= 0:
                for p in range(indptr[user], indptr[user + 1]):
                    counts[band, int(item_place[indices[p]]) // HALF] += 1


def fill_records(
    indptr, indices, values, weights, bands, item_place, starts, seed, filled, place, value, weight, num_threads
):
    n_blocks = filled.shape[1]
    for band, users in enumerate(bands.tolist()):
        cells = [[] for _ in range(n_blocks)]
        for row, user in enumerate(users):
            if user >= 0:
                for p in range(indptr[user], indptr[user + 1]):
                    block, item_row = divmod(int(item_place[indices[p]]), HALF)
                    cells[block].append((row + HALF * item_row, values[p], weights[p] if len(weights) else None))
        for block, records in enumerate(cells):
            start = int(starts[band * n_blocks + block])
            for last in range(len(records) - 1, 0, -1):
                bits = mix((seed + start + last) % 2**64)
                other = ((bits >> 32) * (last + 1)) >> 32
                records[last], records[other] = records[other], records[last]
            for offset, (where, number, heaviness) in enumerate(records):
                place[start + offset], value[start + offset] = where, number
                if len(weights):
                    weight[start + offset] = heaviness
