/* The ranks of given items among all items a query may get, for metrics over the whole catalogue (AUC, top-k hits).
 *
 *     higher = #{i allowed: s_i > t}      equal = #{i allowed: s_i = t, i < target}      t the score of the target
 *
 * so that higher + equal is the target's place in the list that top_k would give, counted from 0. The scores, those of
 * the targets included, are the bits that top_k sees. A block of queries meets panel after panel of items; the scores of a
 * tile go to L1 and are compared with every target of their query.
 */

static int64_t FN(ranks_lay_out)(const fm_search *s, int64_t queries, uintptr_t at, real **panel, real **packed,
                                 int64_t **seen)
{
    const uintptr_t start = at;
    FM_TAKE(*panel, (1 + s->items.factors) * PANEL, at);
    FM_TAKE(*packed, (queries + PANEL_ROWS) * s->items.factors, at);
    FM_TAKE(*seen, queries, at);
    return at - start + 64;
}

static int64_t FN(ranks_workspace)(const fm_search *s, int64_t queries)
{
    real *panel, *packed;
    int64_t *seen;
    return FN(ranks_lay_out)(s, queries, 0, &panel, &packed, &seen);
}

/* Count one query's scores of items first, first + 1, ... against each of its targets. */
FM_INLINE void FN(count_above)(const real *scores, int64_t first, const int32_t *targets, const real *t, int64_t n,
                               int64_t *higher, int64_t *equal)
{
    for (int64_t j = 0; j < n; j++) {
        uint32_t above = 0, below = 0;
        for (int v = 0; v < PANEL_VECTORS; v++)
            above |= FN(above)(load(scores + v * LANES), splat(t[j])) << v * LANES;
        higher[j] += __builtin_popcount(above);
        if (first >= targets[j])
            continue;
        for (int v = 0; v < PANEL_VECTORS; v++)
            below |= FN(above)(splat(t[j]), load(scores + v * LANES)) << v * LANES;
        const int64_t smaller = targets[j] - first; /* items of the panel with a smaller number than the target */
        equal[j] += __builtin_popcount(~(above | below) & (smaller < PANEL ? (1u << smaller) - 1 : ~0u >> (32 - PANEL)));
    }
}

/* Of a row of `width` scores those from place `count` on become minus infinity. */
FM_INLINE void FN(hide_from)(real *scores, int64_t count, int64_t width)
{
    for (; count < width; count++)
        scores[count] = -(real)__builtin_inf();
}

/* Scores that no target may meet, of seen items and beyond the last one, become minus infinity. */
FM_INLINE void FN(hide)(const fm_search *s, int64_t query, int64_t first, int64_t *seen, real *scores)
{
    if (s->seen.indptr) {
        const int64_t end = s->seen.indptr[query + 1];
        for (; *seen < end && s->seen.indices[*seen] < first + PANEL; ++*seen)
            if (s->seen.indices[*seen] >= first)
                scores[s->seen.indices[*seen] - first] = -(real)__builtin_inf();
    }
    FN(hide_from)(scores, s->items.count - first, PANEL);
}

FM_INLINE void FN(ranks_tile)(const fm_search *s, const fm_lists *targets, int rows, int64_t query, int64_t left,
                              int64_t first, const real *packed, const real *panel, int64_t *seen, const real *t,
                              int64_t *higher, int64_t *equal)
{
    vec tile[PANEL_ROWS][PANEL_VECTORS];
    real scores[PANEL_ROWS * PANEL];
    FN(score_tile)(rows, packed, panel, s->items.factors, tile);
    FN(store_tile)(rows, tile, scores, PANEL);
    for (int64_t q = 0; q < (left < rows ? left : rows); q++) {
        real *mine = scores + q * PANEL;
        const int64_t start = targets->indptr[query + q], n = targets->indptr[query + q + 1] - start;
        FN(hide)(s, query + q, first, seen + q, mine);
        FN(count_above)(mine, first, targets->indices + start, t + start, n, higher + start, equal + start);
    }
}

/* Fill higher, equal and t for the targets of queries first, first + 1, ...; they are aligned with targets->indices. */
static void FN(ranks_block)(const fm_search *s, const fm_lists *targets, int64_t first, int64_t count, void *work, real *t,
                            int64_t *higher, int64_t *equal)
{
    const int64_t n = s->items.factors;
    real *panel, *packed;
    int64_t *seen;
    FN(ranks_lay_out)(s, count, (uintptr_t)work, &panel, &packed, &seen);
    FN(pack_queries)(s, first, count, packed);
    for (int64_t q = 0; q < count; q++) {
        const int64_t start = targets->indptr[first + q], end = targets->indptr[first + q + 1];
        FN(score_items)(s, first + q, targets->indices + start, end - start, t + start);
        seen[q] = s->seen.indptr ? s->seen.indptr[first + q] : 0;
        for (int64_t j = start; j < end; j++)
            higher[j] = equal[j] = 0;
    }
    for (int64_t i = 0; i < s->items.count; i += PANEL) {
        int64_t q = 0;
        FN(pack_panel)(&s->items, i, panel);
#define RANKS_TILE(rows) \
    FN(ranks_tile)(s, targets, rows, first + q, count - q, i, packed + q * n, panel, seen + q, t, higher, equal)
        for (; tile_rows(count - q) == PANEL_ROWS; q += PANEL_ROWS)
            RANKS_TILE(PANEL_ROWS);
        if (tile_rows(count - q) == 4)
            RANKS_TILE(4);
        else if (count > q)
            RANKS_TILE(1);
#undef RANKS_TILE
    }
}
