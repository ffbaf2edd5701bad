/* The pairs of a target and another item that the target loses, for the area under the ROC curve:
 *
 *     lost = sum over targets t and allowed items i of [s_i > s_t] + [s_i >= s_t]
 *
 * twice a lost pair and once a tie; a target that is allowed ties with itself. The scores are the bits that top_k sees.
 * A query's targets are sorted by score, so that an item is looked up among them, and the tail of the catalogue, where
 * scores are low, costs little beyond its scores. All items are counted, and those that are not allowed taken off again.
 */

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

/* What a panel of scores adds, one target after another. */
static int64_t FN(count_lost)(const real *scores, const real *t, int64_t n)
{
    int64_t lost = 0;
    for (int64_t j = 0; j < n; j++) {
        uint32_t above = 0, below = 0;
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; v++) {
            above |= FN(above)(load(scores + v * LANES), splat(t[j])) << v * LANES;
            below |= FN(above)(splat(t[j]), load(scores + v * LANES)) << v * LANES;
        }
        const uint32_t reached = ~below & ~0u >> (32 - PANEL);
        if (!reached)
            break;
        lost += __builtin_popcount(above) + __builtin_popcount(reached);
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

/* How many of the targets in a table are not above each score, by binary search of all at once, summed up; -1 where one
 * is level with a score. The table is in one register, or in `two`, with infinity in its last place. */
FM_INLINE int64_t FN(search_table)(const real *scores, const real *t, int64_t count, const int two)
{
    const uint32_t there = (1u << count) - 1;
    const vec infinity = splat((real)__builtin_inf());
    const vec low = FM_INTRINSIC(_mm512_mask_loadu_, )(infinity, there & ((1u << LANES) - 1), t);
    const vec high = FM_INTRINSIC(_mm512_mask_loadu_, )(infinity, two ? there >> LANES : 0, t + LANES);
    __m512i places = FM_PLACES(set1)(0);
    uint32_t level = 0;
#pragma GCC unroll 4
    for (int v = 0; v < PANEL_VECTORS; v++) {
        const vec s = load(scores + v * LANES);
        __m512i place = FM_PLACES(set1)(0);
#pragma GCC unroll 8
        for (int step = two ? LANES : LANES / 2; step > 0; step /= 2) {
            const __m512i at = FM_PLACES(add)(place, FM_PLACES(set1)(step - 1));
            const uint32_t passed = FM_INTRINSIC(_mm512_cmp_, _mask)(FN(in_table)(low, high, at, two), s, _CMP_LE_OQ);
            place = FM_PLACES(mask_add)(place, passed, place, FM_PLACES(set1)(step));
        }
        const __m512i last = FM_PLACES(add)(place, FM_PLACES(set1)(-1)); /* before the first comes infinity */
        level |= FM_INTRINSIC(_mm512_cmp_, _mask)(FN(in_table)(low, high, last, two), s, _CMP_EQ_OQ);
        places = FM_PLACES(add)(places, place);
    }
    return level ? -1 : FM_PLACES(reduce_add)(places);
}

/* What a panel of scores adds, table after table; where targets are level with a score, one by one. */
FM_INLINE int64_t FN(search_lost)(const real *scores, const real *t, int64_t n)
{
    const int64_t most = 2 * LANES - 1;
    int64_t lost = 0;
    for (; n > 0; t += most, n -= most) {
        const int64_t count = n < most ? n : most;
        const int64_t found = count < LANES ? FN(search_table)(scores, t, count, 0)
                                            : FN(search_table)(scores, t, count, 1);
        lost += found < 0 ? FN(count_lost)(scores, t, count) : 2 * found;
        if (!found)
            break;
    }
    return lost;
}
#else
FM_INLINE int64_t FN(search_lost)(const real *scores, const real *t, int64_t n) { return FN(count_lost)(scores, t, n); }
#endif

/* What the listed items of a query add. */
static int64_t FN(lost_to)(const fm_search *s, const fm_lists *lists, int64_t query, const real *t, int64_t n, real *panel)
{
    real scores[PANEL];
    int64_t lost = 0;
    if (!lists->indptr || n == 0)
        return 0;
    for (int64_t e = lists->indptr[query], end = lists->indptr[query + 1]; e < end; e += PANEL) {
        const int64_t count = end - e < PANEL ? end - e : PANEL;
        FN(score_targets)(s, query, lists->indices + e, count, panel, scores);
        FN(hide_from)(scores, count);
        lost += FN(search_lost)(scores, t, n);
    }
    return lost;
}

FM_INLINE void FN(pairs_tile)(const fm_search *s, const fm_lists *targets, int rows, int64_t query, int64_t left,
                              int64_t first, const real *packed, const real *panel, const real *t, int64_t *lost)
{
    vec tile[PANEL_ROWS][PANEL_VECTORS];
    real scores[PANEL_ROWS * PANEL];
    FN(score_tile)(rows, packed, panel, s->items.factors, tile);
    FN(store_tile)(rows, tile, scores);
    for (int64_t q = 0; q < (left < rows ? left : rows); q++) {
        const int64_t start = targets->indptr[query + q];
        FN(hide_from)(scores + q * PANEL, s->items.count - first);
        lost[q] += FN(search_lost)(scores + q * PANEL, t + start, targets->indptr[query + q + 1] - start);
    }
}

/* Fill lost for the queries first, first + 1, ...; t has room for the scores of the targets and is left sorted. */
static void FN(pairs_block)(const fm_search *s, const fm_lists *targets, int64_t first, int64_t count, void *work, real *t,
                            int64_t *lost)
{
    const int64_t n = s->items.factors;
    real *panel, *packed;
    int64_t *seen;
    FN(ranks_lay_out)(s, count, (uintptr_t)work, &panel, &packed, &seen);
    FN(pack_queries)(s, first, count, packed);
    for (int64_t q = 0; q < count; q++) {
        const int64_t start = targets->indptr[first + q], end = targets->indptr[first + q + 1];
        FN(score_targets)(s, first + q, targets->indices + start, end - start, panel, t + start);
        FN(sort_scores)(t + start, end - start);
        lost[q] = -FN(lost_to)(s, &s->seen, first + q, t + start, end - start, panel);
    }
    for (int64_t i = 0; i < s->items.count; i += PANEL) {
        int64_t q = 0;
        FN(pack_panel)(&s->items, i, panel);
#define PAIRS_TILE(rows) \
    FN(pairs_tile)(s, targets, rows, first + q, count - q, i, packed + q * n, panel, t, lost + q)
        for (; tile_rows(count - q) == PANEL_ROWS; q += PANEL_ROWS)
            PAIRS_TILE(PANEL_ROWS);
        if (tile_rows(count - q) == 4)
            PAIRS_TILE(4);
        else if (count > q)
            PAIRS_TILE(1);
#undef PAIRS_TILE
    }
}
