/* The pairs of a target and another item that the target loses, for the area under the ROC curve:
 *
 *     lost = sum over targets t and allowed items i of [s_i > s_t] + [s_i >= s_t]
 *
 * twice a lost pair and once a tie; a target that is allowed ties with itself. The scores are the bits that top_k sees.
 * A query's targets are sorted by score, and items are looked up among them, those of a strip of several panels side by
 * side: where long items come first, the largest score of a late strip leaves few targets to look at. All items are
 * counted, and those that are not allowed taken off again. The same scores serve the lists of the best items, which are
 * kept as in top_k.
 */

#define STRIP_PANELS 4
#define STRIP (STRIP_PANELS * PANEL)
#define STRIP_VECTORS (STRIP_PANELS * PANEL_VECTORS)

/* Sort n scores ascending: a heap, in place and never slow. */
static void FN(sort_scores)(real *t, int64_t n)
{
    for (int64_t start = n / 2, end = n; end > 1;) {
        real last;
        if (start > 0) { /* still building the heap */
            last = t[--start];
        } else { /* the largest to the end */
            last = t[--end];
            t[end] = t[0];
        }
        int64_t at = start;
        for (int64_t child; (child = 2 * at + 1) < end; at = child) {
            child += child + 1 < end && t[child] < t[child + 1];
            if (t[child] <= last)
                break;
            t[at] = t[child];
        }
        t[at] = last;
    }
}

FM_INLINE vec FN(larger)(vec a, vec b)
{
#if defined(__AVX512F__)
    return FM_INTRINSIC(_mm512_max_, )(a, b);
#elif defined(__AVX__)
    return FM_INTRINSIC(_mm256_max_, )(a, b);
#elif defined(__SSE2__)
    return FM_INTRINSIC(_mm_max_, )(a, b);
#else
    for (int j = 0; j < LANES; j++)
        a[j] = a[j] > b[j] ? a[j] : b[j];
    return a;
#endif
}

/* The largest score of a strip. */
FM_INLINE real FN(largest)(const real *scores)
{
    vec m = load(scores);
#pragma GCC unroll 8
    for (int v = 1; v < STRIP_VECTORS; v++)
        m = FN(larger)(m, load(scores + v * LANES));
#if defined(__AVX512F__)
    return FM_INTRINSIC(_mm512_reduce_max_, )(m);
#else
    real largest = m[0];
    for (int j = 1; j < LANES; j++)
        largest = m[j] > largest ? m[j] : largest;
    return largest;
#endif
}

/* What a strip of scores adds, one target after another, up to the largest score. */
static int64_t FN(count_lost)(const real *scores, real largest, const real *t, int64_t n)
{
    int64_t lost = 0;
    for (int64_t j = 0; j < n && t[j] <= largest; j++) {
        FN(lanes) minus = {0};
#pragma GCC unroll 8
        for (int v = 0; v < STRIP_VECTORS; v++) {
            const vec s = load(scores + v * LANES);
            minus += (FN(lanes))(s > splat(t[j])) + (FN(lanes))(s >= splat(t[j]));
        }
        for (int v = 0; v < LANES; v++)
            lost -= minus[v];
    }
    return lost;
}

#if defined(__AVX512F__)
#undef FM_PLACES
#if FM_BITS == 32
#define FM_PLACES(name) _mm512_##name##_epi32
#else
#define FM_PLACES(name) _mm512_##name##_epi64
#endif
FM_INLINE vec FN(in_table)(vec low, vec high, __m512i at, const int two)
{
    return two ? (vec)FM_INTRINSIC(_mm512_permutex2var_, )(low, at, high)
               : (vec)FM_INTRINSIC(_mm512_permutexvar_, )(at, low);
}

/* How many of at most 2 LANES - 1 targets are not above the largest score. */
FM_INLINE int64_t FN(reached)(const real *t, int64_t count, real largest)
{
    const uint32_t there = (1u << count) - 1;
    const vec nan = splat((real)__builtin_nan(""));
    const vec low = FM_INTRINSIC(_mm512_mask_loadu_, )(nan, there & ((1u << LANES) - 1), t);
    const vec high = FM_INTRINSIC(_mm512_mask_loadu_, )(nan, there >> LANES, t + LANES);
    return __builtin_popcount(FM_INTRINSIC(_mm512_cmp_, _mask)(low, splat(largest), _CMP_LE_OQ))
           + __builtin_popcount(FM_INTRINSIC(_mm512_cmp_, _mask)(high, splat(largest), _CMP_LE_OQ));
}

/* What a strip adds to a table of `count` different targets, by binary search of all its scores at once: a score adds
 * twice the number of targets that are not above it, less one if the last of these is level with it. The table holds
 * 2^steps - 1 targets, in one register or two, filled up with NaN, which no score reaches. */
FM_INLINE int64_t FN(search_table)(const real *scores, const real *t, int64_t count, const int steps)
{
    const int two = 1 << steps > LANES;
    const uint32_t there = (1u << count) - 1;
    const vec nan = splat((real)__builtin_nan(""));
    const vec low = FM_INTRINSIC(_mm512_mask_loadu_, )(nan, there & ((1u << LANES) - 1), t);
    const vec high = FM_INTRINSIC(_mm512_mask_loadu_, )(nan, two ? there >> LANES : 0, t + LANES);
    __m512i place[STRIP_VECTORS], twice = FM_PLACES(set1)(0);
#pragma GCC unroll 8
    for (int v = 0; v < STRIP_VECTORS; v++)
        place[v] = FM_PLACES(set1)(0);
#pragma GCC unroll 8
    for (int step = 1 << (steps - 1); step > 0; step /= 2)
#pragma GCC unroll 8
        for (int v = 0; v < STRIP_VECTORS; v++) {
            const vec middle = FN(in_table)(low, high, FM_PLACES(add)(place[v], FM_PLACES(set1)(step - 1)), two);
            const uint32_t passed = FM_INTRINSIC(_mm512_cmp_, _mask)(middle, load(scores + v * LANES), _CMP_LE_OQ);
            place[v] = FM_PLACES(mask_add)(place[v], passed, place[v], FM_PLACES(set1)(step));
        }
#pragma GCC unroll 8
    for (int v = 0; v < STRIP_VECTORS; v++) {
        const vec last = FN(in_table)(low, high, FM_PLACES(add)(place[v], FM_PLACES(set1)(-1)), two); /* or NaN */
        const uint32_t level = FM_INTRINSIC(_mm512_cmp_, _mask)(last, load(scores + v * LANES), _CMP_EQ_OQ);
        twice = FM_PLACES(add)(twice, FM_PLACES(add)(place[v], place[v]));
        twice = FM_PLACES(mask_sub)(twice, level, twice, FM_PLACES(set1)(1));
    }
    return FM_PLACES(reduce_add)(twice);
}

/* What a strip adds to different targets, table after table, up to the largest score. */
FM_INLINE int64_t FN(search_lost)(const real *scores, real largest, const real *t, int64_t n)
{
    const int64_t most = 2 * LANES - 1;
    const int all = FM_BITS == 32 ? 5 : 4; /* steps in `most` */
    int64_t lost = 0, reached = most;
    for (; n > 0 && reached == most; t += most, n -= most) {
        reached = FN(reached)(t, n < most ? n : most, largest);
        lost += reached == 0      ? 0
                : reached < 4     ? FN(search_table)(scores, t, reached, 2)
                : reached < 8     ? FN(search_table)(scores, t, reached, 3)
                : reached < LANES ? FN(search_table)(scores, t, reached, all - 1)
                                  : FN(search_table)(scores, t, reached, all);
    }
    return lost;
}
#else
FM_INLINE int64_t FN(search_lost)(const real *scores, real largest, const real *t, int64_t n)
{
    return FN(count_lost)(scores, largest, t, n);
}
#endif

/* What a strip adds to the sorted targets of a query; `alike` says that some of them have one score. */
FM_INLINE int64_t FN(lost_in_strip)(const real *scores, real largest, const real *t, int64_t n, int alike)
{
    return alike ? FN(count_lost)(scores, largest, t, n) : FN(search_lost)(scores, largest, t, n);
}

/* What the listed items of a query add. */
static int64_t FN(lost_to)(const fm_search *s, const fm_lists *lists, int64_t query, const real *t, int64_t n, int alike,
                           real *panel)
{
    real scores[STRIP];
    int64_t lost = 0;
    if (!lists->indptr || n == 0)
        return 0;
    for (int64_t e = lists->indptr[query], end = lists->indptr[query + 1]; e < end; e += STRIP) {
        const int64_t count = end - e < STRIP ? end - e : STRIP;
        FN(score_targets)(s, query, lists->indices + e, count, panel, scores);
        FN(hide_from)(scores, count, STRIP);
        lost += FN(lost_in_strip)(scores, FN(largest)(scores), t, n, alike);
    }
    return lost;
}

/* A tile of queries against a strip: scores, the pairs they make the targets lose, and what enters the lists. */
FM_INLINE void FN(pairs_tile)(block *b, const fm_lists *targets, int rows, int64_t q, int64_t first, const real *panels,
                              const real *t, const uint8_t *alike, int64_t *lost)
{
    const int64_t n = b->search->items.factors, left = b->search->items.count - first;
    vec tile[PANEL_ROWS][PANEL_VECTORS];
    real scores[PANEL_ROWS][STRIP];
    for (int p = 0; p < STRIP_PANELS; p++) {
        FN(score_tile)(rows, b->queries + q * n, panels + p * (1 + n) * PANEL, n, tile);
        FN(store_tile)(rows, tile, scores[0] + p * PANEL, STRIP);
    }
    for (int i = 0; i < (b->count - q < rows ? b->count - q : rows); i++) {
        const int64_t *row = targets->indptr + b->first + q + i;
        FN(hide_from)(scores[i], left, STRIP);
        const real largest = FN(largest)(scores[i]);
        lost[q + i] += FN(lost_in_strip)(scores[i], largest, t + row[0], row[1] - row[0], alike[q + i]);
        if (b->k > 0 && !(largest <= b->threshold[q + i]))
            for (int p = 0; p < STRIP_PANELS && p * PANEL < left; p++)
                FN(admit_above)(b, q + i, scores[i] + p * PANEL, FN(valid)(left - p * PANEL), first + p * PANEL);
    }
}

static int64_t FN(pairs_lay_out)(block *b, const fm_search *s, int64_t queries, uintptr_t at, real **panels, uint8_t **alike)
{
    const uintptr_t start = at;
    at += FN(lay_out)(b, s, queries, at);
    FM_TAKE(*panels, (1 + s->items.factors) * STRIP, at);
    FM_TAKE(*alike, queries, at);
    return at - start + 64;
}

static int64_t FN(pairs_workspace)(const fm_search *s, int64_t queries)
{
    block b;
    real *panels;
    uint8_t *alike;
    return FN(pairs_lay_out)(&b, s, queries, 0, &panels, &alike);
}

/* top_k_block over all items, which fills lost as well, for the queries first, first + 1, ...; k may be 0. t has room for
 * the scores of the targets and is left sorted. */
static int FN(pairs_block)(const fm_search *s, const fm_lists *targets, int64_t first, int64_t count, void *work,
                           int32_t *ids, real *scores, real *t, int64_t *lost)
{
    const int64_t n = s->items.factors;
    block b = {.search = s, .first = first, .count = count};
    real *panels;
    uint8_t *alike;
    const int64_t each = STRIP * PANEL_ROWS / count + 1; /* items of the next strip to fetch while a tile is at work */
    FN(pairs_lay_out)(&b, s, count, (uintptr_t)work, &panels, &alike);
    FN(begin)(&b);
    for (int64_t q = 0; q < count; q++) {
        const int64_t start = targets->indptr[first + q], end = targets->indptr[first + q + 1];
        FN(score_targets)(s, first + q, targets->indices + start, end - start, panels, t + start);
        FN(sort_scores)(t + start, end - start);
        alike[q] = 0;
        for (int64_t j = start + 1; j < end; j++)
            alike[q] |= t[j] == t[j - 1];
        lost[q] = -FN(lost_to)(s, &s->seen, first + q, t + start, end - start, alike[q], panels);
    }
    for (int64_t i = 0; i < s->items.count; i += STRIP) {
        int rows;
        for (int p = 0; p < STRIP_PANELS; p++)
            FN(pack_panel)(&s->items, i + p * PANEL, panels + p * (1 + n) * PANEL);
        int64_t next = i + STRIP;
        for (int64_t q = 0; q < count; q += rows) {
            rows = tile_rows(count - q);
            for (const int64_t end = next + each; next < end && next < i + 2 * STRIP; next++)
                FN(prefetch_item)(&s->items, next);
            if (rows == PANEL_ROWS)
                FN(pairs_tile)(&b, targets, PANEL_ROWS, q, i, panels, t, alike, lost);
            else if (rows == 4)
                FN(pairs_tile)(&b, targets, 4, q, i, panels, t, alike, lost);
            else
                FN(pairs_tile)(&b, targets, 1, q, i, panels, t, alike, lost);
        }
    }
    return FN(finish)(&b, ids, scores);
}

#undef hit
#undef block
