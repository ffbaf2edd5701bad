/* The pairs of a target and another item that the target loses, for the area under the ROC curve:
 *
 *     lost = sum over targets t and allowed items i of [s_i > s_t] + [s_i >= s_t]
 *
 * twice a lost pair and once a tie; a target that is allowed ties with itself. The scores are the bits that top_k sees.
 * A query's targets are sorted by score, so that the few items of a panel meet only those targets that they reach: the
 * tail of the catalogue, where scores are low, costs little beyond its scores.
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

FM_INLINE int64_t FN(count_lost)(const real *scores, const real *t, int64_t n)
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

FM_INLINE void FN(pairs_tile)(const fm_search *s, const fm_lists *targets, int rows, int64_t query, int64_t left,
                              int64_t first, const real *packed, const real *panel, int64_t *seen, const real *t,
                              int64_t *lost)
{
    vec tile[PANEL_ROWS][PANEL_VECTORS];
    real scores[PANEL_ROWS * PANEL];
    FN(score_tile)(rows, packed, panel, s->items.factors, tile);
    FN(store_tile)(rows, tile, scores);
    for (int64_t q = 0; q < (left < rows ? left : rows); q++) {
        FN(hide)(s, query + q, first, seen + q, scores + q * PANEL);
        const int64_t start = targets->indptr[query + q];
        lost[q] += FN(count_lost)(scores + q * PANEL, t + start, targets->indptr[query + q + 1] - start);
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
        seen[q] = s->seen.indptr ? s->seen.indptr[first + q] : 0;
        lost[q] = 0;
    }
    for (int64_t i = 0; i < s->items.count; i += PANEL) {
        int64_t q = 0;
        FN(pack_panel)(&s->items, i, panel);
#define PAIRS_TILE(rows) \
    FN(pairs_tile)(s, targets, rows, first + q, count - q, i, packed + q * n, panel, seen + q, t, lost + q)
        for (; tile_rows(count - q) == PANEL_ROWS; q += PANEL_ROWS)
            PAIRS_TILE(PANEL_ROWS);
        if (tile_rows(count - q) == 4)
            PAIRS_TILE(4);
        else if (count > q)
            PAIRS_TILE(1);
#undef PAIRS_TILE
    }
}
