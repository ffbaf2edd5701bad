/* C = A B for a block of rows of A: n x k times k x size, with B's columns padded to FN_PAD. A row block of TILE_ROWS rows
 * stays in registers over k, as in the rank update, but its left factor is read along rows. */
static void FN(multiply)(const real *A, const real *B, real *C, int64_t n, int64_t k, int64_t size, int64_t columns)
{
    for (int64_t r = 0; r < n; r += TILE_ROWS) {
        const real *row[TILE_ROWS];
        for (int i = 0; i < TILE_ROWS; i++) /* beyond the last row: the last row again, not stored */
            row[i] = A + (r + i < n ? r + i : n - 1) * k;
        for (int64_t c = 0; c < columns; c += LANES) {
            vec a[TILE_ROWS] = {{0}};
            for (int64_t p = 0; p < k; p++) {
                const vec b = load(B + p * size + c);
#pragma GCC unroll 16
                for (int i = 0; i < TILE_ROWS; i++)
                    a[i] += splat(row[i][p]) * b;
            }
            const size_t width = (columns - c < LANES ? columns - c : LANES) * sizeof(real);
            for (int i = 0; i < TILE_ROWS && r + i < n; i++)
                memcpy(C + (r + i) * columns + c, &a[i], width);
        }
    }
}
