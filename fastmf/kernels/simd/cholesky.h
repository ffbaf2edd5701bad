/* Cholesky factorisation A = U'U of a small matrix held by its upper triangle, row-major, and the solution of U'U x = b.
 *
 * Left-looking by blocks of TILE_ROWS rows: a tile of U is its tile of A less the products of all rows above it (an update
 * that stays in registers), then solved against the diagonal block while it is still there. So every tile is read and
 * written once, whatever the size. Sizes are multiples of FN_PAD.
 */

/* The share of its diagonal element that must be left of a pivot: what is less is mostly rounding, and such systems go
 * from float32 to float64. After that nothing comes. */
#undef LEAST_PIVOT
#define LEAST_PIVOT (FM_BITS == 32 ? 2048 * REAL_EPSILON : 0)

/* Factor a TILE_ROWS x TILE_ROWS block u: multiplier[i][q] gets u_iq / d_i, with the pivots d, and inverse[i] gets
 * 1 / sqrt(d_i). So only a division lies between one pivot and the next; the roots are taken later, all at once. Returns 1
 * if too little is left of a pivot. */
FM_INLINE int FN(cholesky_block)(real u[TILE_ROWS][TILE_ROWS], const real *diagonal, real multiplier[TILE_ROWS][TILE_ROWS],
                                 real *inverse)
{
    int bad = 0;
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++) {
        const real reciprocal = 1 / u[i][i];
#pragma GCC unroll 16
        for (int q = i + 1; q < TILE_ROWS; q++) {
            multiplier[i][q] = u[i][q] * reciprocal;
#pragma GCC unroll 16
            for (int j = q; j < TILE_ROWS; j++)
                u[q][j] -= multiplier[i][q] * u[i][j];
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++) {
        bad |= !(u[i][i] > LEAST_PIVOT * diagonal[i]);
        inverse[i] = 1 / REAL_SQRT(u[i][i]);
    }
    return bad;
}

/* a = u'^-1 a for the rows of a tile: forward substitution on all columns at once. */
FM_INLINE void FN(tile_solve)(vec a[TILE_ROWS][TILE_VECTORS], int vectors, real multiplier[TILE_ROWS][TILE_ROWS],
                              const real *inverse)
{
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
#pragma GCC unroll 16
        for (int q = i + 1; q < TILE_ROWS; q++)
#pragma GCC unroll 4
            for (int v = 0; v < vectors; v++)
                a[q][v] -= splat(multiplier[i][q]) * a[i][v];
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            a[i][v] *= splat(inverse[i]);
}

/* The diagonal block at r, whose products with the rows above are already subtracted. */
FM_INLINE int FN(cholesky_diagonal)(const real *A, int64_t size, int64_t r, const real *diagonal,
                                    real multiplier[TILE_ROWS][TILE_ROWS], real *inverse)
{
    real u[TILE_ROWS][TILE_ROWS];
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
#pragma GCC unroll 16
        for (int j = i; j < TILE_ROWS; j++)
            u[i][j] = A[(r + i) * size + r + j];
    return FN(cholesky_block)(u, diagonal, multiplier, inverse);
}

/* Rows r.. of U in the columns of one tile; the first tile of a row block holds the diagonal block, and factors it. */
FM_INLINE int FN(cholesky_tile)(int vectors, real *A, int64_t size, int64_t r, int64_t c, int first,
                                real multiplier[TILE_ROWS][TILE_ROWS], real *inverse)
{
    vec a[TILE_ROWS][TILE_VECTORS];
    int bad = 0;
    FN(tile_load)(a, vectors, A + r * size + c, size);
    FN(tile_products)(a, vectors, A + r, A + c, size, r, 1);
    if (first) {
        real diagonal[TILE_ROWS];
        for (int i = 0; i < TILE_ROWS; i++)
            diagonal[i] = A[(r + i) * (size + 1)];
        FN(tile_store)(a, vectors, A + r * size + c, size);
        bad = FN(cholesky_diagonal)(A, size, r, diagonal, multiplier, inverse);
    }
    FN(tile_solve)(a, vectors, multiplier, inverse);
    FN(tile_store)(a, vectors, A + r * size + c, size);
    return bad;
}

/* The diagonal block alone, in a tile of its own. */
FM_INLINE int FN(cholesky_half_tile)(real *A, int64_t size, int64_t r, real multiplier[TILE_ROWS][TILE_ROWS],
                                     real *inverse)
{
    FN(rows) a[TILE_ROWS];
    real diagonal[TILE_ROWS];
    for (int i = 0; i < TILE_ROWS; i++)
        diagonal[i] = A[(r + i) * (size + 1)];
    FN(half_tile_load)(a, A + r * size + r, size);
    FN(half_tile_products)(a, A + r, A + r, size, r, 1);
    FN(half_tile_store)(a, A + r * size + r, size);
    const int bad = FN(cholesky_diagonal)(A, size, r, diagonal, multiplier, inverse);
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
#pragma GCC unroll 16
        for (int q = i + 1; q < TILE_ROWS; q++)
            a[q] -= multiplier[i][q] * a[i];
#pragma GCC unroll 16
    for (int i = 0; i < TILE_ROWS; i++)
        a[i] *= inverse[i];
    FN(half_tile_store)(a, A + r * size + r, size);
    return bad;
}

/* A = U'U in place; inverse[size] gets 1 / u_ii. Returns 0, or 1 when A is not positive definite beyond rounding. */
static int FN(cholesky)(real *A, int64_t size, real *inverse)
{
    real multiplier[TILE_ROWS][TILE_ROWS];
    for (int64_t r = 0; r < size; r += TILE_ROWS) {
        int64_t c = r - r % LANES;
        int first = 1;
        if (half_tile_at(r)) {
            if (FN(cholesky_half_tile)(A, size, r, multiplier, inverse + r))
                return 1;
            c = r + TILE_ROWS;
            first = 0;
        }
        for (; c < size; first = 0) {
            const int64_t vectors = (size - c) / LANES;
            int bad;
            if (vectors >= TILE_VECTORS) {
                bad = FN(cholesky_tile)(TILE_VECTORS, A, size, r, c, first, multiplier, inverse + r);
                c += TILE_VECTORS * LANES;
            } else if (vectors == 2) { /* only where TILE_VECTORS is 3 */
                bad = FN(cholesky_tile)(2, A, size, r, c, first, multiplier, inverse + r);
                c += 2 * LANES;
            } else {
                bad = FN(cholesky_tile)(1, A, size, r, c, first, multiplier, inverse + r);
                c += LANES;
            }
            if (bad)
                return 1;
        }
    }
    return 0;
}

/* U'y = b in place. */
static void FN(forward_substitution)(const real *U, int64_t size, const real *inverse, real *b)
{
    for (int64_t r = 0; r < size; r += TILE_ROWS) {
        FN(rows) s[4] = {{0}};
        const real *at = U + r;
        int64_t p = 0;
        for (; p + 4 <= r; p += 4, at += 4 * size)
#pragma GCC unroll 4
            for (int q = 0; q < 4; q++)
                s[q] += *(const FN(rows) *)(at + q * size) * b[p + q];
        real t[TILE_ROWS]; /* r is a multiple of TILE_ROWS, hence of 4 */
        s[0] = *(const FN(rows) *)(b + r) - ((s[0] + s[1]) + (s[2] + s[3]));
        memcpy(t, &s[0], sizeof t);
#pragma GCC unroll 16
        for (int i = 0; i < TILE_ROWS; i++) {
            t[i] *= inverse[r + i];
#pragma GCC unroll 16
            for (int q = i + 1; q < TILE_ROWS; q++)
                t[q] -= U[(r + i) * size + r + q] * t[i];
        }
        memcpy(b + r, t, sizeof t);
    }
}

/* U x = y; x must come in as zeros, since the first vector of a row may hold columns that are not solved yet. */
static void FN(backward_substitution)(const real *U, int64_t size, const real *inverse, const real *y, real *x)
{
    for (int64_t r = size - TILE_ROWS; r >= 0; r -= TILE_ROWS) {
        vec s[TILE_ROWS] = {{0}};
        for (int64_t c = r + TILE_ROWS - (r + TILE_ROWS) % LANES; c < size; c += LANES) {
            const vec xc = load(x + c);
#pragma GCC unroll 16
            for (int i = 0; i < TILE_ROWS; i++)
                s[i] += load(U + (r + i) * size + c) * xc;
        }
        real t[TILE_ROWS];
#pragma GCC unroll 16
        for (int i = 0; i < TILE_ROWS; i++)
            t[i] = y[r + i] - hsum(s[i]);
#pragma GCC unroll 16
        for (int i = TILE_ROWS - 1; i >= 0; i--) {
            t[i] *= inverse[r + i];
#pragma GCC unroll 16
            for (int q = i - 1; q >= 0; q--)
                t[q] -= U[(r + q) * size + r + i] * t[i];
        }
        memcpy(x + r, t, sizeof t);
    }
}
