/* y = times y + size (1 or -1, ...), by the bits of the row, the lowest of each word first. */
static void FN(signed_row)(const uint64_t *bits, int64_t k, double size, double times, void *y)
{
    const real plus = (real)size, scale = (real)times;
    for (int64_t first = 0; first < k; first += 32) {
        const uint32_t word = (uint32_t)(bits[first / 64] >> first % 64);
        const int count = k - first < 32 ? (int)(k - first) : 32;
        real *to = (real *)y + first;
        for (int c = 0; c < count; c++)
            to[c] = scale * to[c] + (word >> c & 1 ? plus : -plus);
    }
}

/* One row of a product with a sparse matrix that is scaled on both sides:  z = p sum_j a_j q_j y_j.
 * `ahead` entries from the row's first on are known, the factors of those beyond it too are asked for. */
static void FN(propagate_row)(const fm_wals_side *side, const fm_wals_row *row, int64_t ahead, double p, const void *q,
                              void *z)
{
    const int64_t k = side->k;
    memset(z, 0, k * sizeof(real));
    for (int64_t first = 0; first < row->n; first += 4) {
        const real *y[4];
        FN(four) s;
#pragma GCC unroll 4
        for (int r = 0; r < 4; r++) { /* beyond the row: its last entry, times zero */
            const int inside = first + r < row->n;
            const int64_t j = inside ? first + r : row->n - 1;
            y[r] = FN(other_row)(side, row, j);
            s[r] = inside ? (real)p * FN(target)(row, j) * ((const real *)q)[row->index[j]] : 0;
            if (j + PREFETCH_ROWS < ahead)
                FN(prefetch)(side, row->index[j + PREFETCH_ROWS]);
        }
        FN(add_rows)(y, s, k, z);
    }
}
