/* Rows times a square matrix: C = A B with A of n x k and B of k x padded(k). TILE_ROWS rows of the product stay in
 * registers over k, as in the rank update, but the left factor is read along rows. A block of rows of C is written when
 * it is whole, so C may be A; `work` holds TILE_ROWS * padded(k). */
static void FN(multiply)(const real *A, const real *B, real *C, int64_t n, int64_t k, real *work)
{
    const int64_t size = FN(padded)(k);
    for (int64_t r = 0; r < n; r += TILE_ROWS) {
        const real *row[TILE_ROWS];
        for (int i = 0; i < TILE_ROWS; i++) /* beyond the last row: the last row again, not kept */
            row[i] = A + (r + i < n ? r + i : n - 1) * k;
        for (int64_t c = 0; c < size; c += LANES) {
            vec a[TILE_ROWS] = {{0}};
            for (int64_t p = 0; p < k; p++) {
                const vec b = load(B + p * size + c);
#pragma GCC unroll 16
                for (int i = 0; i < TILE_ROWS; i++)
                    a[i] += splat(row[i][p]) * b;
            }
#pragma GCC unroll 16
            for (int i = 0; i < TILE_ROWS; i++)
                store(work + i * size + c, a[i]);
        }
        for (int i = 0; i < TILE_ROWS && r + i < n; i++)
            memcpy(C + (r + i) * k, work + i * size, k * sizeof(real));
    }
}
