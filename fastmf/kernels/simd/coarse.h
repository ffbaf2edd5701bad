/* Scores in short integers: half the work of exact ones, and how far they may be from these is known.
 *
 *     x = d a + e        y = g b + f                              a and b integers of 16 bits
 *     |x y - d g (a b)| <= |e| |y| + (|x| + |e|) |f|              by Cauchy and Schwarz
 *
 * |a| and |b| are about COARSE_LENGTH at most, so that no sum of their products leaves 32 bits, of which the upper 16 are
 * kept. In that unit the error of a score comes to a few steps of some ten thousand: a comparison is nearly always settled,
 * and numbers that are nearer to each other than that are compared by their exact scores. A bias is one more factor of the
 * item, times a constant one of the queries.
 *
 * Items come in strips of one step g. A strip is laid out as panels of COARSE_LANES items: of each pair of factors, the
 * items of even place and then those of odd place, as the instruction wants them.
 */

#define COARSE_LANES 32 /* words of a vector */
#define COARSE_VECTORS (FM_STRIP / COARSE_LANES)
#define COARSE_ROWS 12 /* queries of a tile, 2 accumulators each */

#ifndef FM_COARSE_H
#define FM_COARSE_H
#define COARSE_LENGTH 46000.0     /* rounding may lengthen it by half the root of FM_COARSE_FACTORS */
#define COARSE_LEAST_STEP 1e-18   /* a shorter step would not make the products of steps numbers one can divide by */
#define COARSE_LIMIT 1e30         /* of |x| |y|: exact scores are far from overflow */

/* Queries as integers, in tiles of COARSE_ROWS, and what bounds the errors of their scores. The arrays are COARSE_PAD
 * longer than the queries are many; there, and in what fills up the last tile, are zeros. */
#define COARSE_PAD 16
typedef struct {
    int16_t *values;
    double *inverse, *length, *error; /* 1 / (65536 d), |x|, |e| */
} fm_coarse_queries;

/* What a tile of queries makes of a strip: an exact score s has |s unit - w - 1/2| < margin + 1/2, w the coarse one. */
typedef struct {
    double unit[COARSE_PAD], margin[COARSE_PAD];
} fm_coarse_tile;
#endif

/* A row with one more factor at its end: numbers j, j + 1, ... of it, in float64; beyond the end there are zeros. */
FM_INLINE FN(doubles) FN(coarse_load)(const real *row, int64_t n, double last, int64_t j)
{
    if (j + WIDE_LANES <= n)
        return FN(load_wide)(row + j);
    double some[WIDE_LANES] = {0};
    for (int64_t i = j; i < n; i++)
        some[i - j] = row[i];
    if (j <= n)
        some[n - j] = last;
    return *(FN(doubles) *)some;
}

/* The square of the row's length, and its largest size. */
FM_INLINE double FN(coarse_square)(const real *row, int64_t n, double last, double *largest)
{
    FN(doubles) squares = {0}, most = {0};
    for (int64_t j = 0; j <= n; j += WIDE_LANES) {
        const FN(doubles) x = FN(coarse_load)(row, n, last, j), square = x * x;
        squares += square;
        const __typeof__(square > most) larger = square > most;
        most = (FN(doubles))((larger & (__typeof__(larger))square) | (~larger & (__typeof__(larger))most));
    }
    *largest = 0;
    for (int i = 0; i < WIDE_LANES; i++)
        *largest = most[i] > *largest ? most[i] : *largest;
    *largest = __builtin_sqrt(*largest) * (1 + 1e-9);
    return sum_wide(squares);
}

/* A length that is not below the true one, of which squares under the least normal number may have vanished. */
FM_INLINE double FN(coarse_length)(double square) { return __builtin_sqrt(square) * (1 + 1e-9) + 1e-150; }

FM_INLINE double FN(coarse_step)(double length, double largest)
{
    const double by_length = length / COARSE_LENGTH, by_size = largest / INT16_MAX;
    const double step = by_length > by_size ? by_length : by_size;
    return step > COARSE_LEAST_STEP ? step : COARSE_LEAST_STEP;
}

/* Write a row as integers: pairs of them, `stride` apart. Returns the square of what is left. */
static double FN(coarse_row)(const real *row, int64_t n, double last, double step, int64_t pairs, int16_t *to,
                             int64_t stride)
{
    const double whole = 6755399441055744.0; /* 3 x 2^51: what is added to it is rounded to an integer */
    const double inverse = 1 / step;
    FN(doubles) left = {0};
    for (int64_t p = 0; p < pairs; p += WIDE_LANES / 2) {
        const FN(doubles) x = FN(coarse_load)(row, n, last, 2 * p), rounded = x * inverse + whole - whole;
        const FN(doubles) rest = x - step * rounded;
        left += rest * rest;
        for (int i = 0; i < WIDE_LANES / 2 && p + i < pairs; i++) {
            to[(p + i) * stride] = (int16_t)rounded[2 * i];
            to[(p + i) * stride + 1] = (int16_t)rounded[2 * i + 1];
        }
    }
    return sum_wide(left);
}

/* Items first, first + 1, ... of the catalogue as a strip of integers; beyond its end there are zeros. Queries have
 * `weight` where items have their bias divided by it. */
static void FN(coarse_strip)(const fm_catalogue *items, int64_t first, double weight, int16_t *to, fm_coarse_strip *strip)
{
    const int64_t n = items->factors, pairs = fm_coarse_pairs(items), left = items->count - first;
    const int64_t count = left < FM_STRIP ? left : FM_STRIP;
    const real *bias = items->bias;
    double longest = 0, largest = 0, error = 0;
    memset(to, 0, pairs * 2 * FM_STRIP * sizeof *to);
    for (int pass = 0; pass < 2; pass++) {
        const double step = FN(coarse_step)(__builtin_sqrt(longest), largest);
        for (int64_t i = 0; i < count; i++) {
            const int64_t item = fm_item(items, first + i);
            const real *row = (const real *)items->rows + item * n;
            const double last = bias ? bias[item] / weight : 0;
            if (pass == 0) {
                double size;
                const double square = FN(coarse_square)(row, n, last, &size);
                longest = square > longest ? square : longest;
                largest = size > largest ? size : largest;
            } else {
                int16_t *place = to + (i / COARSE_LANES * pairs * 2 + i % 2) * COARSE_LANES + i % COARSE_LANES / 2 * 2;
                const double rest = FN(coarse_row)(row, n, last, step, pairs, place, 2 * COARSE_LANES);
                error = rest > error ? rest : error;
            }
        }
        strip->inverse = 1 / step;
    }
    strip->weight = weight;
    strip->length = longest > 0 ? FN(coarse_length)(longest) : 0;
    /* and the rounding of the exact scores, whose terms are no larger in sum than |x| |y| */
    strip->error = __builtin_sqrt(error) * (1 + 1e-9) + (n + 2) * (double)REAL_EPSILON * strip->length;
}

#if defined(__AVX512BW__) && defined(__AVX512VL__)
#define FM_COARSE 1

/* The first `count` queries of a search as integers. */
static void FN(coarse_queries)(const fm_search *s, int64_t count, fm_coarse_queries *to)
{
    const int64_t n = s->items.factors, pairs = fm_coarse_pairs(&s->items);
    const double last = s->items.bias ? s->strips[0].weight : 0;
    memset(to->values, 0, (count + COARSE_ROWS) * pairs * 2 * sizeof *to->values);
    for (int64_t q = 0; q < count; q++) {
        const real *row = (const real *)s->queries + q * n;
        double largest;
        const double length = FN(coarse_length)(FN(coarse_square)(row, n, last, &largest));
        const double step = FN(coarse_step)(length, largest);
        int16_t *place = to->values + (q / COARSE_ROWS * pairs * COARSE_ROWS + q % COARSE_ROWS) * 2;
        const double rest = FN(coarse_row)(row, n, last, step, pairs, place, 2 * COARSE_ROWS);
        to->inverse[q] = 1 / (65536 * step);
        to->length[q] = length;
        to->error[q] = __builtin_sqrt(rest) * (1 + 1e-9);
    }
    for (int64_t q = count; q < count + COARSE_PAD; q++)
        to->inverse[q] = to->length[q] = to->error[q] = 0;
}

/* The upper halves of a b for a tile of queries and a panel. */
static void FN(coarse_tile)(const int16_t *queries, const int16_t *panel, int64_t pairs, int16_t *scores)
{
    __m512i even[COARSE_ROWS], odd[COARSE_ROWS];
#pragma GCC unroll 12
    for (int q = 0; q < COARSE_ROWS; q++)
        even[q] = odd[q] = _mm512_setzero_si512();
    for (int64_t p = 0; p < pairs; p++) {
        const __m512i y[2] = {_mm512_loadu_si512(panel), _mm512_loadu_si512(panel + COARSE_LANES)};
#pragma GCC unroll 12
        for (int q = 0; q < COARSE_ROWS; q++) {
            int32_t pair;
            memcpy(&pair, queries + 2 * q, sizeof pair);
            __m512i x = _mm512_set1_epi32(pair);
            in_register(x);
            __asm__("vpdpwssd %2, %1, %0" : "+v"(even[q]) : "v"(x), "v"(y[0]));
            __asm__("vpdpwssd %2, %1, %0" : "+v"(odd[q]) : "v"(x), "v"(y[1]));
        }
        queries += 2 * COARSE_ROWS;
        panel += 2 * COARSE_LANES;
    }
#pragma GCC unroll 12
    for (int q = 0; q < COARSE_ROWS; q++)
        _mm512_storeu_si512(scores + q * FM_STRIP,
                            _mm512_mask_mov_epi16(_mm512_srli_epi32(even[q], 16), 0xAAAAAAAA, odd[q]));
}

/* Which of COARSE_PAD queries, a bit each, may the strip give a score that is not below `need`? */
FM_INLINE uint32_t FN(coarse_reach)(const fm_coarse_queries *x, int64_t q, const fm_coarse_strip *strip,
                                    const double *need)
{
    uint32_t bits = 0;
    for (int h = 0; h < COARSE_PAD; h += 8) {
        const __m512d bound = _mm512_loadu_pd(x->length + q + h) * _mm512_set1_pd(strip->length + strip->error);
        bits |= (uint32_t)_mm512_cmp_pd_mask(bound, _mm512_loadu_pd(need + h), _CMP_NLT_UQ) << h;
    }
    return bits;
}

/* Fill in what the tile makes of the strip. Returns the queries whose largest coarse score does not say that all their
 * scores are below `need`. */
FM_INLINE uint32_t FN(coarse_compare)(const fm_coarse_queries *x, int64_t q, const fm_coarse_strip *strip,
                                      const double *need, const double *largest, fm_coarse_tile *tile)
{
    uint32_t bits = 0;
    for (int h = 0; h < COARSE_PAD; h += 8) {
        const __m512d error = _mm512_loadu_pd(x->error + q + h), length = _mm512_loadu_pd(x->length + q + h) + error;
        const __m512d unit = _mm512_loadu_pd(x->inverse + q + h) * _mm512_set1_pd(strip->inverse);
        const __m512d margin = (error * _mm512_set1_pd(strip->length) + length * _mm512_set1_pd(strip->error)) * unit
                               + _mm512_set1_pd(1e-3);
        const __m512d low = _mm512_loadu_pd(need + h) * unit - margin - _mm512_set1_pd(1);
        _mm512_storeu_pd(tile->unit + h, unit);
        _mm512_storeu_pd(tile->margin + h, margin);
        bits |= (uint32_t)_mm512_cmp_pd_mask(_mm512_loadu_pd(largest + h), low, _CMP_NLT_UQ) << h;
    }
    return bits;
}

/* Scores of a row at places from `start` to `end` - 1 become less than any. */
FM_INLINE void FN(coarse_hide)(int16_t *scores, int64_t start, int64_t end)
{
    for (; start < end; start++)
        scores[start] = INT16_MIN;
}

/* The largest of a row of scores. */
FM_INLINE int FN(coarse_largest)(const int16_t *scores)
{
    __m512i most = _mm512_loadu_si512(scores);
#pragma GCC unroll 16
    for (int v = 1; v < COARSE_VECTORS; v++)
        most = _mm512_max_epi16(most, _mm512_loadu_si512(scores + v * COARSE_LANES));
    const __m256i half = _mm256_max_epi16(_mm512_castsi512_si256(most), _mm512_extracti64x4_epi64(most, 1));
    const __m128i quarter = _mm_max_epi16(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    /* the instruction finds the least unsigned word */
    const __m128i least = _mm_minpos_epu16(_mm_sub_epi16(_mm_set1_epi16(INT16_MAX), quarter));
    return INT16_MAX - _mm_extract_epi16(least, 0);
}

/* A whole number in all lanes. INT16_MIN is no score: what is below all of them, or no number, is taken for the next. */
FM_INLINE __m512i FN(coarse_splat)(double whole)
{
    const __m128d above = _mm_max_sd(_mm_set_sd(whole), _mm_set_sd(-INT16_MAX));
    return _mm512_set1_epi16((int16_t)_mm_cvttsd_si32(_mm_min_sd(above, _mm_set_sd(INT16_MAX))));
}
#else
#define FM_COARSE 0
#endif
