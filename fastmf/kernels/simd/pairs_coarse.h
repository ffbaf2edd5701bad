/* The pairs that targets lose by coarse scores: see coarse.h. Where these do not tell whether an item is above a target,
 * or enters a list, it waits with others until as many as fill a vector are scored exactly. */

#define DOUBTS 48 /* of a query in a strip, from which on all its scores are made exactly */

#if FM_COARSE
/* What waits for a query's exact scores is done with. */
static __attribute__((noinline)) void FN(settle)(pairs *p, int64_t q)
{
    block *b = &p->b;
    FN(waiting) *w = p->waiting + q;
    const real *t = p->t + p->targets->indptr[p->row[q]];
    real scores[LANES];
    FN(score_items)(b->search, q, w->item, w->count, scores);
    for (int64_t e = 0; e < w->count; e++)
        if (w->target[e] != FOR_THE_LIST)
            p->lost[p->row[q]] += 2 * (scores[e] > t[w->target[e]]) + (scores[e] == t[w->target[e]]);
        else if (!(scores[e] <= b->threshold[q]))
            FN(offer)(b, q, (hit){scores[e], w->item[e]});
    w->count = 0;
}

/* One query against a strip of FM_STRIP items by exact scores, as far as they are not met. */
static __attribute__((noinline)) void FN(meet_alone)(pairs *p, int64_t q, int64_t first)
{
    const fm_search *s = p->b.search;
    const int64_t n = s->items.factors;
    for (int64_t i = first < p->met ? p->met - first : 0; i < FM_STRIP && first + i < s->items.count; i += STRIP) {
        real *panels = p->panels + i * (1 + n);
        fm_hidden hidden = FN(hidden_in)(p, first);
        if (p->packed != first)
            FN(pack_strip)(&s->items, first + i, panels);
        FN(pairs_tile)(p, 1, p->copy + q * n, q, first + i, panels, &hidden);
    }
    p->packed = first;
}

/* The same by coarse scores w. */
static void FN(meet_coarsely)(pairs *p, int64_t q, int64_t first, double unit, double margin, const int16_t *scores)
{
    block *b = &p->b;
    const fm_search *s = b->search;
    const int64_t start = p->targets->indptr[p->row[q]], n = p->targets->indptr[p->row[q] + 1] - start;
    const real *t = p->t + start;
    int32_t place[DOUBTS], target[DOUBTS];
    int64_t sure = 0;
    int doubts = 0;
    __m512i w[COARSE_VECTORS], largest;
    uint32_t near[COARSE_VECTORS];
    w[0] = largest = _mm512_loadu_si512(scores);
#pragma GCC unroll 16
    for (int v = 1; v < COARSE_VECTORS; v++) {
        w[v] = _mm512_loadu_si512(scores + v * COARSE_LANES);
        largest = _mm512_max_epi16(largest, w[v]);
    }
    for (int64_t j = 0; j <= n; j++) { /* the targets, and what enters the list */
        const real score = j < n ? t[j] : b->threshold[q];
        const __m512i low = FN(coarse_splat)(__builtin_ceil(score * unit - margin - 1));
        if (!_mm512_cmpge_epi16_mask(largest, low)) {
            j = j < n ? n - 1 : n; /* nothing is above a higher target */
            continue;
        }
        const __m512i high = j < n ? FN(coarse_splat)(__builtin_floor(score * unit + margin))
                                   : _mm512_set1_epi16(INT16_MAX);
        uint32_t any = 0;
#pragma GCC unroll 16
        for (int v = 0; v < COARSE_VECTORS; v++) {
            const uint32_t above = _mm512_cmpgt_epi16_mask(w[v], high);
            near[v] = _mm512_cmpge_epi16_mask(w[v], low) & ~above;
            any |= near[v];
            sure += __builtin_popcount(above);
        }
        if (!any)
            continue;
        for (int v = 0; v < COARSE_VECTORS; v++)
            for (; near[v] && doubts < DOUBTS; near[v] &= near[v] - 1, doubts++) {
                place[doubts] = v * COARSE_LANES + __builtin_ctz(near[v]);
                target[doubts] = j < n ? (int32_t)j : FOR_THE_LIST;
            }
    }
    if (doubts == DOUBTS) {
        FN(settle)(p, q);
        FN(meet_alone)(p, q, first);
        return;
    }
    p->lost[p->row[q]] += 2 * sure;
    for (int d = 0; d < doubts; d++) {
        FN(waiting) *waiting = p->waiting + q;
        if (waiting->count == LANES)
            FN(settle)(p, q);
        FN(prefetch_item)(&s->items, first + place[d]);
        waiting->item[waiting->count] = (int32_t)fm_item(&s->items, first + place[d]);
        waiting->target[waiting->count++] = target[d];
    }
}

/* The scores of a tile of queries with the strip of items first, first + 1, ... that count. */
FM_INLINE void FN(coarse_scores)(pairs *p, int64_t q, int64_t first, fm_hidden *hidden, int16_t *scores)
{
    const fm_search *s = p->b.search;
    const int64_t size = 2 * fm_coarse_pairs(&s->items), start = first < p->met ? p->met - first : 0;
    for (int64_t v = start; v < FM_STRIP; v += COARSE_LANES)
        FN(coarse_tile)(p->coarse.values + q * size, s->coarse + (first + v) * size, size / 2, scores + v);
    for (int64_t r = 0, place; r < COARSE_ROWS; r++) {
        FN(coarse_hide)(scores + r * FM_STRIP, 0, start);
        FN(coarse_hide)(scores + r * FM_STRIP, s->items.count - first, FM_STRIP);
        while (fm_next_hidden(hidden, q + r, &place))
            scores[r * FM_STRIP + place] = INT16_MIN;
    }
}

/* All queries against the FM_STRIP items from `first` on by coarse scores. */
static void FN(meet_all_coarsely)(pairs *p, int64_t first)
{
    const fm_coarse_strip *strip = p->b.search->strips + first / FM_STRIP;
    fm_hidden hidden = FN(hidden_in)(p, first);
    for (int64_t q = 0; q < p->b.count; q += COARSE_ROWS) {
        const int64_t rows = p->b.count - q < COARSE_ROWS ? p->b.count - q : COARSE_ROWS;
        int16_t scores[COARSE_ROWS * FM_STRIP] __attribute__((aligned(64)));
        double need[COARSE_PAD], largest[COARSE_PAD];
        fm_coarse_tile tile;
        for (int64_t r = 0; r < COARSE_PAD; r++)
            need[r] = r < rows ? FN(need)(p, q + r) : __builtin_inf();
        if (!FN(coarse_reach)(&p->coarse, q, strip, need))
            continue;
        FN(coarse_scores)(p, q, first, &hidden, scores);
        for (int64_t r = 0; r < COARSE_PAD; r++)
            largest[r] = r < rows ? FN(coarse_largest)(scores + r * FM_STRIP) : INT16_MIN;
        for (uint32_t bits = FN(coarse_compare)(&p->coarse, q, strip, need, largest, &tile) & ((1u << rows) - 1); bits;
             bits &= bits - 1) {
            const int r = __builtin_ctz(bits);
            FN(meet_coarsely)(p, q + r, first, tile.unit[r], tile.margin[r], scores + r * FM_STRIP);
        }
    }
}

/* How many items are to be met by exact scores: whole strips, after which lists are full, nearly always. */
static int64_t FN(exact_items)(pairs *p)
{
    const fm_search *s = p->b.search;
    double longest_query = 0, longest_item = 0;
    if (!s->coarse)
        return s->items.count;
    FN(coarse_queries)(s, p->b.count, &p->coarse);
    for (int64_t q = 0; q < p->b.count; q++)
        longest_query = p->coarse.length[q] > longest_query ? p->coarse.length[q] : longest_query;
    for (int64_t i = 0; i < s->items.count; i += FM_STRIP) {
        const double length = s->strips[i / FM_STRIP].length;
        longest_item = length > longest_item ? length : longest_item;
    }
    if (!(longest_query * longest_item <= COARSE_LIMIT))
        return s->items.count;
    return (4 * p->b.k + STRIP - 1) / STRIP * STRIP;
}

/* All queries against the items that are not met yet. */
static void FN(meet_rest)(pairs *p)
{
    const fm_search *s = p->b.search;
    p->packed = -1;
    for (int64_t q = 0; q < p->b.count; q++) {
        p->waiting[q].count = 0;
        if (p->b.held[q] > p->b.k)
            FN(cut)(&p->b, q);
    }
    for (int64_t i = p->met / FM_STRIP * FM_STRIP; i < s->items.count; i += FM_STRIP) {
        if (s->strips[i / FM_STRIP].length > 0) {
            FN(meet_all_coarsely)(p, i);
            continue;
        }
        for (int64_t at = i < p->met ? p->met : i; at < i + FM_STRIP && at < s->items.count; at += STRIP)
            FN(meet)(p, at); /* zeros, or as good as that: nothing would be sure */
        p->packed = -1;
    }
    for (int64_t q = 0; q < p->b.count; q++)
        FN(settle)(p, q);
}
#else
static int64_t FN(exact_items)(pairs *p) { return p->b.search->items.count; }
static void FN(meet_rest)(pairs *p) { (void)p; }
#endif
