/* Rank-n update of the upper triangle of a row-major matrix by register tiles:
 *
 *     A[r][c] += sum_p L[p][r] R[p][c],   c >= r         (L = R for a Gramian; L = -R subtracts)
 *
 * A tile is TILE_ROWS rows by up to TILE_VECTORS vectors of A; it stays in registers over all n rows of L and R, so that
 * the loop does one multiply-add per loaded or broadcast operand pair and writes nothing. Every dimension is a
 * multiple of the tile's rows and of the vector, which the callers get by padding.
 */

#if FM_REGISTERS == 32
#define TILE_ROWS 8
#define TILE_VECTORS 3
#else
#define TILE_ROWS 4
#define TILE_VECTORS 2
#endif

/* Sizes are padded to this: whole vectors and whole tile rows. */
#define FN_PAD ((int64_t)(LANES > TILE_ROWS ? LANES : TILE_ROWS))

static int64_t FN(padded)(int64_t n) { return (n + FN_PAD - 1) / FN_PAD * FN_PAD; }

/* What one row of L and R adds to a tile, or takes off; `negate` is a constant where it is called. */
FM_INLINE void FN(tile_product)(vec a[TILE_ROWS][TILE_VECTORS], int vectors, const real *left, const real *right,
                                const int negate)
{
    vec b[TILE_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        b[v] = load(right + v * LANES);
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++) {
        const vec s = splat(left[i]);
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            if (negate)
                a[i][v] -= s * b[v];
            else
                a[i][v] += s * b[v];
    }
}

/* a += L'R, or a -= L'R */
FM_INLINE void FN(tile_products)(vec a[TILE_ROWS][TILE_VECTORS], int vectors, const real *left, const real *right,
                                 int64_t stride, int64_t n, const int negate)
{
    for (int64_t p = 0; p < n; p++, left += stride, right += stride)
        FN(tile_product)(a, vectors, left, right, negate);
}

FM_INLINE void FN(tile_load)(vec a[TILE_ROWS][TILE_VECTORS], int vectors, const real *from, int64_t stride)
{
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            a[i][v] = load(from + i * stride + v * LANES);
}

FM_INLINE void FN(tile_store)(vec a[TILE_ROWS][TILE_VECTORS], int vectors, real *to, int64_t stride)
{
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            store(to + i * stride + v * LANES, a[i][v]);
}

FM_INLINE void FN(tile_update)(int vectors, const real *left, const real *right, int64_t stride, int64_t n,
                               const real *from, real *to, int64_t size)
{
    vec a[TILE_ROWS][TILE_VECTORS];
    FN(tile_load)(a, vectors, from, size);
    FN(tile_products)(a, vectors, left, right, stride, n, 0);
    FN(tile_store)(a, vectors, to, size);
}

typedef real FN(rows) __attribute__((vector_size(TILE_ROWS * sizeof(real)), aligned(sizeof(real)), may_alias));

/* A square tile on the diagonal that is half a vector wide: it does no work left of the diagonal. */
FM_INLINE void FN(half_tile_products)(FN(rows) a[TILE_ROWS], const real *left, const real *right, int64_t stride, int64_t n,
                                      const int negate)
{
    for (int64_t p = 0; p < n; p++, left += stride, right += stride) {
        const FN(rows) b = *(const FN(rows) *)right;
#pragma GCC unroll 16
        for (int i = 0; i < TILE_ROWS; i++)
            if (negate)
                a[i] -= left[i] * b;
            else
                a[i] += left[i] * b;
    }
}

FM_INLINE void FN(half_tile_load)(FN(rows) a[TILE_ROWS], const real *from, int64_t stride)
{
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
        a[i] = *(const FN(rows) *)(from + i * stride);
}

FM_INLINE void FN(half_tile_store)(FN(rows) a[TILE_ROWS], real *to, int64_t stride)
{
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
        *(FN(rows) *)(to + i * stride) = a[i];
}

FM_INLINE void FN(half_tile_update)(const real *left, const real *right, int64_t stride, int64_t n, const real *from,
                                    real *to, int64_t size)
{
    FN(rows) a[TILE_ROWS];
    FN(half_tile_load)(a, from, size);
    FN(half_tile_products)(a, left, right, stride, n, 0);
    FN(half_tile_store)(a, to, size);
}

/* Is the block of rows at r in the right half of a vector of columns, where such a tile pays? */
#define half_tile_at(r) (2 * TILE_ROWS == LANES && (r) % LANES != 0)

/* Rows r to r + TILE_ROWS of to = from + L'R, from the diagonal on; left of it stands what has no meaning. */
FM_INLINE void FN(rank_update_rows)(const real *left, const real *right, int64_t stride, int64_t n, const real *from,
                                    real *to, int64_t size, int64_t r)
{
    int64_t c = r - r % LANES;
    if (half_tile_at(r)) {
        FN(half_tile_update)(left + r, right + r, stride, n, from + r * size + r, to + r * size + r, size);
        c = r + TILE_ROWS;
    }
    for (; c + TILE_VECTORS * LANES <= size; c += TILE_VECTORS * LANES)
        FN(tile_update)(TILE_VECTORS, left + r, right + c, stride, n, from + r * size + c, to + r * size + c, size);
#if TILE_VECTORS > 2
    for (; c + 2 * LANES <= size; c += 2 * LANES)
        FN(tile_update)(2, left + r, right + c, stride, n, from + r * size + c, to + r * size + c, size);
#endif
    for (; c < size; c += LANES)
        FN(tile_update)(1, left + r, right + c, stride, n, from + r * size + c, to + r * size + c, size);
}

/* to = from + L'R on and above the diagonal; from and to are size x size and may be the same. */
static void FN(rank_update)(const real *left, const real *right, int64_t stride, int64_t n, const real *from, real *to,
                            int64_t size)
{
    for (int64_t r = 0; r < size; r += TILE_ROWS)
        FN(rank_update_rows)(left, right, stride, n, from, to, size, r);
}

/* The same for rows that lie anywhere and have one weight, without a copy:  to = from + d sum_p y_p y_p'. */
FM_INLINE void FN(tile_of_rows)(int vectors, const real *const *y, int64_t n, real d, int64_t r, int64_t c,
                                const real *from, real *to, int64_t size)
{
    vec a[TILE_ROWS][TILE_VECTORS];
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            a[i][v] = splat(0);
    for (int64_t p = 0; p < n; p++) { /* one base for both, or addresses push the tile out of the registers */
        const real *left = y[p] + r;
        FN(tile_product)(a, vectors, left, left + (c - r), 0);
    }
    from += r * size + c;
    to += r * size + c;
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            store(to + i * size + v * LANES, load(from + i * size + v * LANES) + splat(d) * a[i][v]);
}

FM_INLINE void FN(half_tile_of_rows)(const real *const *y, int64_t n, real d, int64_t r, const real *from, real *to,
                                     int64_t size)
{
    FN(rows) a[TILE_ROWS] = {{0}};
    for (int64_t p = 0; p < n; p++)
        FN(half_tile_products)(a, y[p] + r, y[p] + r, 0, 1, 0);
    from += r * (size + 1);
    to += r * (size + 1);
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
        *(FN(rows) *)(to + i * size) = *(const FN(rows) *)(from + i * size) + d * a[i];
}

FM_INLINE void FN(rows_update_rows)(const real *const *y, int64_t n, real d, const real *from, real *to, int64_t size,
                                    int64_t r)
{
    int64_t c = r - r % LANES;
    if (half_tile_at(r)) {
        FN(half_tile_of_rows)(y, n, d, r, from, to, size);
        c = r + TILE_ROWS;
    }
    for (; c + TILE_VECTORS * LANES <= size; c += TILE_VECTORS * LANES)
        FN(tile_of_rows)(TILE_VECTORS, y, n, d, r, c, from, to, size);
#if TILE_VECTORS > 2
    for (; c + 2 * LANES <= size; c += 2 * LANES)
        FN(tile_of_rows)(2, y, n, d, r, c, from, to, size);
#endif
    for (; c < size; c += LANES)
        FN(tile_of_rows)(1, y, n, d, r, c, from, to, size);
}
