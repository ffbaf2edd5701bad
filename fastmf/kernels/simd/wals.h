/* One row of weighted alternating least squares (Hu, Koren & Volinsky 2008; Rendle et al. 2021). For a user u with the
 * entries j = 1..n, item rows y_j, weights w_j and targets a_j, x minimises
 *
 *     sum_j w_j (a_j - x.y_j)^2 + s sum_{other items i} c_i (x.y_i)^2 + ridge |x|^2
 *
 * and so solves, with G = Y' diag(c) Y over all items and d_j = w_j - s c_j,
 *
 *     (s G + ridge I + sum_j d_j y_j y_j') x = sum_j w_j a_j y_j.
 *
 * k is the number of factors, size is k padded to FN_PAD, G is size x size with zeros in the padding.
 */

#define PREFETCH_ROWS 8 /* within a row that was not announced, entries are asked for this many before they are read */
/* Gathered rows of a batch: half of a small L1 cache, where that is not too few, since the matrix, in L2, is read and
 * written once a batch. More of those that are used where they lie. */
#define BATCH_BYTES 16384
#define LEAST_BATCH_ROWS 48
#define BATCH_ROWS 64
#define ALIKE_ROWS 96
#define GATHER_VECTORS 4

FM_INLINE const real *FN(other_row)(const fm_wals_side *side, const fm_wals_row *row, int64_t j)
{
    return (const real *)side->Y + (int64_t)row->index[j] * side->k;
}

FM_INLINE real FN(weight)(const fm_wals_row *row, int64_t j) { return ((const real *)row->weight)[j * row->weight_step]; }

FM_INLINE real FN(target)(const fm_wals_row *row, int64_t j) { return ((const real *)row->target)[j * row->target_step]; }

/* d_j */
FM_INLINE real FN(excess)(const fm_wals_side *side, const fm_wals_row *row, int64_t j)
{
    const real c = ((const real *)side->unobserved)[row->index[j] * side->unobserved_step];
    return FN(weight)(row, j) - (real)row->unobserved * c;
}

FM_INLINE int64_t FN(batch_rows)(int64_t size)
{
    const int64_t n = BATCH_BYTES / (size * (int64_t)sizeof(real));
    return n < LEAST_BATCH_ROWS ? LEAST_BATCH_ROWS : n > BATCH_ROWS ? BATCH_ROWS : n;
}

/* reals of workspace of a primal or dual row: A, batch and signed batch, or S and W; and five vectors */
static int64_t FN(exact_workspace)(int64_t k)
{
    const int64_t size = FN(padded)(k), batch = FN(batch_rows)(size) * size;
    return size * size + (2 * batch > size * size ? 2 * batch : size * size) + 5 * size;
}

FM_INLINE void FN(prefetch)(const fm_wals_side *side, int32_t index)
{
    fm_prefetch((const real *)side->Y + index * side->k, side->k * sizeof(real));
}

FM_INLINE void FN(prefetch_row)(const fm_wals_side *side, const fm_wals_row *row, int64_t j)
{
    if (j + PREFETCH_ROWS < row->n)
        FN(prefetch)(side, row->index[j + PREFETCH_ROWS]);
}

/* A rank update that asks, a few between tiles, for the factors of the `count` entries that are gathered next: their way
 * from memory is then hidden behind the arithmetic. */
static void FN(update_and_prefetch)(const real *left, const real *right, int64_t stride, int64_t n, const real *from,
                                    real *to, int64_t size, const fm_wals_side *side, const int32_t *next, int64_t count)
{
    int64_t asked = 0;
    for (int64_t r = 0; r < size; r += TILE_ROWS) {
        for (const int64_t until = count * (r + TILE_ROWS) / size; asked < until; asked++)
            FN(prefetch)(side, next[asked]);
        FN(rank_update_rows)(left, right, stride, n, from, to, size, r);
    }
}

/* Entries of a row on their way into its system: those from `first` on, what they are scaled by, and their share of b. */
typedef struct {
    int64_t first, rows;
    real scale[BATCH_ROWS], share[BATCH_ROWS];
    int negative; /* some d_j < 0 */
} FN(batch);

/* scale_j = sqrt |d_j|; the share is the caller's. */
FM_INLINE void FN(take_batch)(const fm_wals_side *side, const fm_wals_row *row, int64_t first, int64_t rows, FN(batch) *to)
{
    to->first = first;
    to->rows = rows;
    to->negative = 0;
    for (int64_t j = 0; j < rows; j++) {
        const real d = FN(excess)(side, row, first + j);
        to->negative |= d < 0;
        to->scale[j] = REAL_SQRT(REAL_ABS(d));
    }
}

/* z_j = scale_j y_j and b += sum_j share_j y_j in `vectors` vectors of columns from c on; the sum stays in registers, and
 * apart from b, which keeps the rounding error of long rows small. */
FM_INLINE void FN(gather_columns)(const fm_wals_side *side, const fm_wals_row *row, const FN(batch) *batch, int vectors,
                                  int64_t c, real *Z, int64_t size, real *b)
{
    vec sum[GATHER_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        sum[v] = splat(0);
    for (int64_t j = 0; j < batch->rows; j++) {
        const real *y = FN(other_row)(side, row, batch->first + j) + c;
        real *z = Z + j * size;
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++) {
            const vec a = load(y + v * LANES);
            store(z + v * LANES, splat(batch->scale[j]) * a);
            sum[v] += splat(batch->share[j]) * a;
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        store(b + v * LANES, load(b + v * LANES) + sum[v]);
}

/* The same for the columns of a block of `width` from `start` on; the padding of z is zero. */
FM_INLINE void FN(gather)(const fm_wals_side *side, const fm_wals_row *row, const FN(batch) *batch, int64_t start,
                          int64_t width, real *Z, int64_t size, real *b)
{
    int64_t c = 0;
    for (; c + GATHER_VECTORS * LANES <= width; c += GATHER_VECTORS * LANES)
        FN(gather_columns)(side, row, batch, GATHER_VECTORS, start + c, Z + c, size, b + c);
    for (; c + LANES <= width; c += LANES)
        FN(gather_columns)(side, row, batch, 1, start + c, Z + c, size, b + c);
    for (; c < width; c++) {
        real sum = 0;
        for (int64_t j = 0; j < batch->rows; j++) {
            const real y = FN(other_row)(side, row, batch->first + j)[start + c];
            Z[j * size + c] = batch->scale[j] * y;
            sum += batch->share[j] * y;
        }
        b[c] += sum;
    }
    for (; c < size; c++)
        for (int64_t j = 0; j < batch->rows; j++)
            Z[j * size + c] = 0;
}

/* S = Z with the rows of entries whose d_j is negative negated */
static void FN(signed_copy)(const fm_wals_side *side, const fm_wals_row *row, const FN(batch) *batch, const real *Z,
                            real *S, int64_t size)
{
    for (int64_t j = 0; j < batch->rows; j++) {
        const real sign = FN(excess)(side, row, batch->first + j) < 0 ? -1 : 1;
        for (int64_t c = 0; c < size; c += LANES)
            store(S + j * size + c, splat(sign) * load(Z + j * size + c));
    }
}

/* b += share sum_j y_j in `vectors` vectors of columns from c on */
FM_INLINE void FN(sum_columns)(const real *const *y, int64_t n, real share, int vectors, int64_t c, real *b)
{
    vec sum[GATHER_VECTORS];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        sum[v] = splat(0);
    for (int64_t j = 0; j < n; j++)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; v++)
            sum[v] += load(y[j] + c + v * LANES);
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++)
        store(b + c + v * LANES, load(b + c + v * LANES) + splat(share) * sum[v]);
}

/* What n entries that all have one weight and one target add to A and b: their rows are used where they lie. `count`
 * rows of the entries that are taken next are asked for on the way. */
static void FN(add_alike)(const fm_wals_side *side, const fm_wals_row *row, int64_t first, int64_t n, const real *from,
                          real *A, real *b, const int32_t *next, int64_t count)
{
    const int64_t k = side->k;
    const real *y[ALIKE_ROWS];
    for (int64_t j = 0; j < n; j++) {
        if (first == 0)
            FN(prefetch_row)(side, row, j);
        y[j] = FN(other_row)(side, row, first + j);
    }
    const real d = FN(excess)(side, row, 0), share = FN(weight)(row, 0) * FN(target)(row, 0);
    int64_t c = 0, asked = 0;
    for (; c + GATHER_VECTORS * LANES <= k; c += GATHER_VECTORS * LANES)
        FN(sum_columns)(y, n, share, GATHER_VECTORS, c, b);
    for (; c < k; c += LANES)
        FN(sum_columns)(y, n, share, 1, c, b);
    for (int64_t r = 0; r < k; r += TILE_ROWS) {
        for (const int64_t until = count * (r + TILE_ROWS) / k; asked < until; asked++)
            FN(prefetch)(side, next[asked]);
        FN(rows_update_rows)(y, n, d, from, A, k, r);
    }
}

/* x from U'U x = b in `A`; scratch holds 2 size. Returns 1 when A is not positive definite. */
FM_INLINE int FN(solve_system)(real *A, int64_t size, real *b, real *scratch)
{
    real *inverse = scratch, *x = scratch + size;
    if (FN(cholesky)(A, size, inverse))
        return 1;
    FN(forward_substitution)(A, size, inverse, b);
    memset(x, 0, size * sizeof(real));
    FN(backward_substitution)(A, size, inverse, b, x);
    memcpy(b, x, size * sizeof(real));
    return 0;
}

/* The k x k system of a row, A x = b, with A = s G + ridge I + sum_j z_j z_j' and z_j = sqrt(d_j) y_j, in batches that
 * stay in L1; entries that are all alike need no z_j, if their rows have no remainder. Where d_j < 0 the left factor of
 * the product carries the sign. Returns b, which has 4 size after it. */
static real *FN(wals_system)(const fm_wals_side *side, const fm_wals_row *row, real *work)
{
    const int64_t k = side->k, size = FN(padded)(k);
    const int alike = k == size && !(row->weight_step || row->target_step || side->unobserved_step);
    const int64_t batch = alike ? ALIKE_ROWS : FN(batch_rows)(size);
    real *A = work, *Z = A + size * size, *S = Z + batch * size, *b = work + FN(exact_workspace)(k) - 5 * size;
    const real *from = side->gram, ridge = row->ridge;
    memset(b, 0, size * sizeof(real));
    if (row->unobserved != 1) {
        for (int64_t c = 0; c < size * size; c += LANES)
            store(A + c, splat(row->unobserved) * load(from + c));
        from = A;
    }
    for (int64_t start = 0; start < row->n; start += batch) {
        const int64_t stop = start + batch < row->n ? start + batch : row->n, left = row->n - stop;
        const int32_t *next = left ? row->index + stop : row->next;
        const int64_t following = left ? left : row->next_n, count = following < batch ? following : batch;
        if (alike) {
            FN(add_alike)(side, row, start, stop - start, from, A, b, next, count);
            from = A;
            continue;
        }
        FN(batch) entries;
        FN(take_batch)(side, row, start, stop - start, &entries);
        for (int64_t j = start; j < stop; j++) {
            entries.share[j - start] = FN(weight)(row, j) * FN(target)(row, j);
            if (start == 0)
                FN(prefetch_row)(side, row, j);
        }
        FN(gather)(side, row, &entries, 0, k, Z, size, b);
        if (entries.negative)
            FN(signed_copy)(side, row, &entries, Z, S, size);
        FN(update_and_prefetch)(entries.negative ? S : Z, Z, size, stop - start, from, A, size, side, next, count);
        from = A;
    }
    for (int64_t c = 0; c < k; c++)
        A[c * size + c] += ridge;
    for (int64_t c = k; c < size; c++)
        A[c * size + c] = 1;
    return b;
}

static int FN(wals_primal)(const fm_wals_side *side, const fm_wals_row *row, real *work, real *x)
{
    const int64_t size = FN(padded)(side->k);
    real *b = FN(wals_system)(side, row, work);
    if (FN(solve_system)(work, size, b, b + size))
        return 1;
    memcpy(x, b, side->k * sizeof(real));
    return 0;
}

/* The n x n system, for d_j > 0 and Y in the eigenbasis of G = diag(L): with K = (s L + ridge)^-1 and
 * W = K^1/2 Y' D^1/2 (k x n), the Woodbury identity gives
 *
 *     x = K^1/2 W (I + W'W)^-1 D^-1/2 b.
 *
 * W is gathered LANES rows at a time and transposed in registers. */
static int FN(wals_dual)(const fm_wals_side *side, const fm_wals_row *row, real *work, real *x)
{
    const int64_t k = side->k, n = row->n, size = FN(padded)(n);
    real *S = work, *W = S + FN(padded)(k) * FN(padded)(k), *b = work + FN(exact_workspace)(k) - 5 * FN(padded)(k);
    real *scale = b + FN(padded)(k), *scratch = scale + FN(padded)(k); /* n <= k */
    const real *eigenvalues = side->eigenvalues, ridge = row->ridge, share = row->unobserved;
    for (int64_t c = 0; c < k; c++)
        scale[c] = 1 / REAL_SQRT(share * eigenvalues[c] + ridge);
    for (int64_t j = 0; j < size; j += LANES) {
        const real *y[LANES];
        real root[LANES];
        for (int q = 0; q < LANES; q++) {
            const int64_t e = j + q < n ? j + q : n - 1; /* beyond the row: its last entry, times zero */
            if (j + q < n)
                FN(prefetch_row)(side, row, e);
            root[q] = j + q < n ? REAL_SQRT(FN(excess)(side, row, e)) : 0;
            y[q] = FN(other_row)(side, row, e);
            b[j + q] = j + q < n ? FN(weight)(row, e) * FN(target)(row, e) / root[q] : 0;
        }
        const vec roots = load(root);
        int64_t c = 0;
        for (; c + LANES <= k; c += LANES) {
            vec a[LANES];
#pragma GCC unroll 16
            for (int q = 0; q < LANES; q++)
                a[q] = load(y[q] + c);
            FN(transpose)(a);
#pragma GCC unroll 16
            for (int q = 0; q < LANES; q++)
                store(W + (c + q) * size + j, a[q] * roots * splat(scale[c + q]));
        }
        for (; c < k; c++)
            for (int q = 0; q < LANES; q++)
                W[c * size + j + q] = y[q][c] * root[q] * scale[c];
    }
    memset(S, 0, size * size * sizeof(real));
    for (int64_t j = 0; j < size; j++)
        S[j * size + j] = 1;
    FN(update_and_prefetch)(W, W, size, k, S, S, size, side, row->next, row->next_n < n ? row->next_n : n);
    if (FN(solve_system)(S, size, b, scratch))
        return 1;
    for (int64_t c = 0; c < k; c++)
        x[c] = scale[c] * FN(dot)(W + c * size, b, size);
    return 0;
}
