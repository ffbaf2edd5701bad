/* Scores of a tile of queries against a panel of items: the inner loop of retrieval.
 *
 *     s[q][i] = c_i + sum_j x_qj y_ij              one multiply-add after another, j ascending, from c_i
 *
 * A panel holds PANEL items, one a lane: its first row is their biases c, row 1 + j their factor j. It is transposed out
 * of the item rows just before use and stays in L1, so that the catalogue is never copied. A score is one lane summed in
 * one order whatever the shape of the tile: a query alone or in a batch, in any block of items, gets the same bits.
 *
 * PANEL_ROWS x PANEL_VECTORS accumulators fill the registers: 24 of 32, or 12 of 16, beside two for the panel and one for
 * the broadcast query. That is 14 loads for 24 multiply-adds, or 8 for 12: under what two load ports carry.
 */

#if FM_REGISTERS == 32
#define PANEL_ROWS 12
#else
#define PANEL_ROWS 6
#endif
#define PANEL_VECTORS 2
#define PANEL (PANEL_VECTORS * LANES)

/* The height of the next tile when so many queries are left: the last one is padded. */
#define tile_rows(left) ((left) > 4 ? PANEL_ROWS : (left) > 1 ? 4 : 1)

#ifndef FM_PANEL_H
#define FM_PANEL_H
FM_INLINE int64_t fm_item(const fm_catalogue *items, int64_t position)
{
    return items->subset ? items->subset[position] : position;
}

/* Is the item in the sorted row? The cursor ends at the first entry that is not below it. */
FM_INLINE int fm_listed(const fm_lists *lists, int64_t row, int64_t *cursor, int32_t item)
{
    if (!lists->indptr)
        return 0;
    const int64_t end = lists->indptr[row + 1];
    int64_t at = *cursor;
    while (at < end && lists->indices[at] < item)
        at++;
    *cursor = at;
    return at < end && lists->indices[at] == item;
}

/* The same for items in any order: the entries that may be the item are halved without a branch to mispredict. */
FM_INLINE int fm_listed_anywhere(const fm_lists *lists, int64_t row, int32_t item)
{
    if (!lists->indptr)
        return 0;
    const int32_t *at = lists->indices + lists->indptr[row];
    int64_t left = lists->indptr[row + 1] - lists->indptr[row];
    for (int64_t half; left > 1; left -= half) {
        half = left / 2;
        at += half & -(int64_t)(at[half - 1] < item);
    }
    return left == 1 && *at == item;
}

/* Give `pointer` room for `length` elements at the address `at`, on cache lines of its own, and move `at` past it. */
#define FM_TAKE(pointer, length, at) \
    (at) = ((at) + 63) / 64 * 64; \
    (pointer) = (void *)(at); \
    (at) += (length) * sizeof *(pointer)
#endif

/* Bit j of above(a, b) is set unless a[j] <= b[j]; a NaN on either side sets it. With intrinsics, since vector extensions
 * have no way from a comparison to a bit mask. */
#undef FM_INTRINSIC
#if FM_BITS == 32
#define FM_INTRINSIC(head, tail) head##ps##tail
#else
#define FM_INTRINSIC(head, tail) head##pd##tail
#endif
FM_INLINE uint32_t FN(above)(vec a, vec b)
{
#if defined(__AVX512F__)
    return FM_INTRINSIC(_mm512_cmp_, _mask)(a, b, _CMP_NLE_UQ);
#elif defined(__AVX__)
    return FM_INTRINSIC(_mm256_movemask_, )(FM_INTRINSIC(_mm256_cmp_, )(a, b, _CMP_NLE_UQ));
#elif defined(__SSE2__)
    return FM_INTRINSIC(_mm_movemask_, )(FM_INTRINSIC(_mm_cmpnle_, )(a, b));
#else
    uint32_t bits = 0;
    for (int j = 0; j < LANES; j++)
        bits |= (uint32_t)!(a[j] <= b[j]) << j;
    return bits;
#endif
}

/* A power of two near 1 / largest, so that squares of scaled values neither overflow nor vanish; any will do for 0. */
FM_INLINE real FN(power_near_inverse)(real largest)
{
    int exponent = 0;
    const int limit = FM_BITS == 32 ? 126 : 1022;
    (void)(FM_BITS == 32 ? __builtin_frexpf((float)largest, &exponent) : __builtin_frexp(largest, &exponent));
    exponent = exponent > limit ? limit : exponent < -limit ? -limit : exponent;
    return (real)__builtin_ldexp(1.0, -exponent);
}

/* Scale each column of the n x width array to length 1; a column of zeros stays. */
FM_INLINE void FN(unit_columns)(real *a, int width, int64_t n)
{
    real scale[PANEL > 16 ? PANEL : 16], sum[PANEL > 16 ? PANEL : 16];
    for (int i = 0; i < width; i++)
        scale[i] = sum[i] = 0;
    for (int64_t j = 0; j < n; j++)
        for (int i = 0; i < width; i++) {
            const real size = a[j * width + i] < 0 ? -a[j * width + i] : a[j * width + i];
            scale[i] = size > scale[i] ? size : scale[i];
        }
    for (int i = 0; i < width; i++)
        scale[i] = FN(power_near_inverse)(scale[i]);
    for (int64_t j = 0; j < n; j++)
        for (int i = 0; i < width; i++) {
            a[j * width + i] *= scale[i];
            sum[i] += a[j * width + i] * a[j * width + i];
        }
    for (int i = 0; i < width; i++)
        scale[i] = sum[i] > 0 ? 1 / REAL_SQRT(sum[i]) : 0;
    for (int64_t j = 0; j < n; j++)
        for (int i = 0; i < width; i++)
            a[j * width + i] *= scale[i];
}

/* Have the row of an item, if there is one, on its way to L2. */
FM_INLINE void FN(prefetch_item)(const fm_catalogue *items, int64_t position)
{
    if (position < items->count) {
        const char *row = (const char *)((const real *)items->rows + fm_item(items, position) * items->factors);
        for (int64_t at = 0; at < items->factors * (int64_t)sizeof(real); at += 64)
            __builtin_prefetch(row + at, 0, 2);
    }
}

/* Factors j, j + 1, ... of LANES rows, a vector each; returns how many there are. */
FM_INLINE int64_t FN(columns)(const real *const *row, int64_t n, int64_t j, vec a[LANES])
{
    const int64_t count = n - j < LANES ? n - j : LANES;
    if (count == LANES) {
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++)
            a[i] = load(row[i] + j);
    } else {
        for (int i = 0; i < LANES; i++) {
            a[i] = splat(0);
            memcpy(&a[i], row[i] + j, count * sizeof(real));
        }
    }
    FN(transpose)(a);
    return count;
}

/* The panel of items first, first + 1, ... of the catalogue; beyond its end the last item is repeated. */
static void FN(pack_panel)(const fm_catalogue *items, int64_t first, real *panel)
{
    const int64_t n = items->factors;
    const real *bias = items->bias, *row[PANEL];
    for (int i = 0; i < PANEL; i++) {
        const int64_t item = fm_item(items, first + i < items->count ? first + i : items->count - 1);
        row[i] = (const real *)items->rows + item * n;
        panel[i] = bias ? bias[item] : 0;
    }
    panel += PANEL;
    for (int64_t j = 0; j < n; j += LANES)
        for (int v = 0; v < PANEL_VECTORS; v++) {
            vec a[LANES];
            real *to = panel + j * PANEL + v * LANES;
            const int64_t count = FN(columns)(row + v * LANES, n, j, a);
            if (count == LANES) {
#pragma GCC unroll 16
                for (int i = 0; i < LANES; i++)
                    store(to + i * PANEL, a[i]);
            } else {
                for (int i = 0; i < count; i++)
                    store(to + i * PANEL, a[i]);
            }
        }
    if (items->cosine)
        FN(unit_columns)(panel, PANEL, n);
}

/* Tiles of queries first to first + count - 1, one factor of all the queries of a tile lying together. */
static void FN(pack_queries)(const fm_search *s, int64_t first, int64_t count, real *to)
{
    const int64_t n = s->items.factors;
    const real *from = (const real *)s->queries + first * n;
    for (int rows; count > 0; count -= rows, from += rows * n, to += rows * n) {
        rows = tile_rows(count);
        for (int64_t j = 0; j < n; j++)
            for (int q = 0; q < rows; q++)
                to[j * rows + q] = q < count ? from[q * n + j] : 0;
        if (s->items.cosine)
            FN(unit_columns)(to, rows, n);
    }
}

FM_INLINE void FN(score_tile)(int rows, const real *queries, const real *panel, int64_t n, vec s[][PANEL_VECTORS])
{
#pragma GCC unroll 16
    for (int q = 0; q < rows; q++)
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; v++)
            s[q][v] = load(panel + v * LANES);
    for (int64_t j = 0; j < n; j++) {
        vec y[PANEL_VECTORS];
        panel += PANEL;
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; v++)
            y[v] = load(panel + v * LANES);
#pragma GCC unroll 16
        for (int q = 0; q < rows; q++) {
            const vec x = splat(queries[q]);
#pragma GCC unroll 4
            for (int v = 0; v < PANEL_VECTORS; v++)
                s[q][v] += x * y[v];
        }
        queries += rows;
    }
}

/* Scores of a tile as rows, `stride` apart. */
FM_INLINE void FN(store_tile)(int rows, vec s[][PANEL_VECTORS], real *scores, int64_t stride)
{
#pragma GCC unroll 16
    for (int q = 0; q < rows; q++)
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; v++)
            store(scores + q * stride + v * LANES, s[q][v]);
}

/* Scores by inner product of some items for one query: the bits that a tile gives, without a panel. */
static void FN(score_items)(const fm_search *s, int64_t query, const int32_t *items, int64_t count, real *scores)
{
    const int64_t n = s->items.factors;
    const real *x = (const real *)s->queries + query * n, *bias = s->items.bias;
    for (int64_t first = 0; first < count; first += LANES) {
        const int64_t some = count - first < LANES ? count - first : LANES;
        const real *row[LANES];
        real start[LANES];
        for (int i = 0; i < LANES; i++) {
            const int64_t item = items[first + (i < some ? i : 0)];
            row[i] = (const real *)s->items.rows + item * n;
            start[i] = bias ? bias[item] : 0;
        }
        vec sum = load(start);
        for (int64_t j = 0; j < n; j += LANES) {
            vec a[LANES];
            const int64_t columns = FN(columns)(row, n, j, a);
            if (columns == LANES) {
#pragma GCC unroll 16
                for (int i = 0; i < LANES; i++)
                    sum += splat(x[j + i]) * a[i];
            } else {
                for (int i = 0; i < columns; i++)
                    sum += splat(x[j + i]) * a[i];
            }
        }
        memcpy(scores + first, &sum, some * sizeof(real));
    }
}
