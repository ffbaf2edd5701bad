/* The pairs of a target and another item that the target loses, for the area under the ROC curve:
 *
 *     lost = sum over targets t and allowed items i of [s_i > s_t] + [s_i >= s_t]
 *
 * twice a lost pair and once a tie; a target that is allowed ties with itself. The scores are the bits that top_k sees.
 * A query's targets are sorted by score, and those up to the largest score of a strip of several panels are compared with
 * it. The items that do not count for a query are sorted by strip beforehand, and their scores hidden. The same scores
 * serve the lists of the best items, which are kept as in top_k.
 *
 * Where long items come first, late strips leave few targets to look at, and a tile is skipped where by Cauchy and Schwarz
 * no score reaches the least target of any of its queries, nor their lists: queries of similar reach form a tile.
 */

#ifndef FM_PAIRS_H
#define FM_PAIRS_H
/* Entries of a strip, query x FM_STRIP + place, sorted by query. */
typedef struct {
    const uint32_t *next, *end;
} fm_hidden;

/* Go on to the next place that is hidden from the query, and past those of earlier queries. */
FM_INLINE int fm_next_hidden(fm_hidden *hidden, int64_t query, int64_t *place)
{
    while (hidden->next < hidden->end && *hidden->next < query * FM_STRIP)
        hidden->next++;
    if (hidden->next == hidden->end || *hidden->next >= (query + 1) * FM_STRIP)
        return 0;
    *place = *hidden->next++ % FM_STRIP;
    return 1;
}

/* Where in the catalogue is an item? */
FM_INLINE int64_t fm_place(const fm_search *s, int32_t item) { return s->position ? s->position[item] : item; }
#endif

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

/* What is left to be compared exactly for a query: items with one of its targets, or with its list. */
#define FOR_THE_LIST -1
typedef struct {
    int64_t count;
    int32_t item[LANES], target[LANES];
} FN(waiting);

/* A block at work. Its queries are copied in an order that brings together those that the same items can reach: query q
 * of the block is number row[q] of the search. */
typedef struct {
    block b;
    const fm_lists *targets;
    int64_t *row;
    real *copy;
    real *t;               /* scores of the targets, ascending in a row */
    double *least;         /* of each query; infinite where there are none */
    int64_t *lost;         /* one a query of the search */
    int64_t met;           /* items, by all queries */
    real *panels;          /* packed items */
    int64_t *hidden_start; /* of each FM_STRIP items: where their entries begin in `hidden` */
    uint32_t *hidden;      /* items that do not count, query x FM_STRIP + place in the strip, by strip and query */
    fm_coarse_queries coarse;
    FN(waiting) *waiting;
    int64_t packed; /* the first item of the FM_STRIP in `panels`, while scores are coarse */
} FN(pairs);
#define pairs FN(pairs)

/* Sort the items that do not count for the block's queries by strip. */
static void FN(list_hidden)(pairs *p, const fm_lists *lists)
{
    const fm_search *s = p->b.search;
    const int64_t strips = (s->items.count + FM_STRIP - 1) / FM_STRIP;
    int64_t *start = p->hidden_start;
    memset(start, 0, (strips + 2) * sizeof *start);
    if (!lists->indptr)
        return;
    for (int64_t q = 0; q < p->b.count; q++)
        for (int64_t e = lists->indptr[p->row[q]]; e < lists->indptr[p->row[q] + 1]; e++)
            start[fm_place(s, lists->indices[e]) / FM_STRIP + 2]++; /* a count, two strips on */
    for (int64_t i = 2; i < strips + 2; i++)
        start[i] += start[i - 1]; /* where a strip begins, one strip on */
    for (int64_t q = 0; q < p->b.count; q++)
        for (int64_t e = lists->indptr[p->row[q]]; e < lists->indptr[p->row[q] + 1]; e++) {
            const int64_t place = fm_place(s, lists->indices[e]);
            p->hidden[start[place / FM_STRIP + 1]++] = (uint32_t)(q * FM_STRIP + place % FM_STRIP);
        }
}

/* What does not count of the strip in which an item is. */
FM_INLINE fm_hidden FN(hidden_in)(const pairs *p, int64_t item)
{
    const int64_t *start = p->hidden_start + item / FM_STRIP;
    return (fm_hidden){p->hidden + start[0], p->hidden + start[1]};
}

/* The score from which on an item matters to a query: that of its least target, or what enters its list. */
FM_INLINE double FN(need)(const pairs *p, int64_t q)
{
    return p->least[q] < p->b.threshold[q] ? p->least[q] : p->b.threshold[q]; /* or NaN, for a list that is not full */
}

/* A tile of queries against a strip of panels: scores, the pairs they make the targets lose, and what enters the lists. */
FM_INLINE void FN(pairs_tile)(pairs *p, int rows, const real *queries, int64_t q, int64_t first, const real *panels,
                              fm_hidden *hidden)
{
    block *b = &p->b;
    const int64_t n = b->search->items.factors, left = b->search->items.count - first;
    vec tile[PANEL_ROWS][PANEL_VECTORS];
    real scores[PANEL_ROWS][STRIP];
    for (int v = 0; v < STRIP_PANELS; v++) {
        FN(score_tile)(rows, queries, panels + v * (1 + n) * PANEL, n, tile);
        FN(store_tile)(rows, tile, scores[0] + v * PANEL, STRIP);
    }
    for (int64_t i = q; i < q + rows && i < b->count; i++) {
        const int64_t start = p->targets->indptr[p->row[i]], end = p->targets->indptr[p->row[i] + 1];
        real *mine = scores[i - q];
        uint32_t valid[STRIP_PANELS];
        FN(hide_from)(mine, left, STRIP);
        for (int v = 0; v < STRIP_PANELS; v++)
            valid[v] = left > v * PANEL ? FN(valid)(left - v * PANEL) : 0;
        for (int64_t place; fm_next_hidden(hidden, i, &place);) {
            place -= first % FM_STRIP;
            if (0 <= place && place < STRIP) {
                mine[place] = -(real)__builtin_inf();
                valid[place / PANEL] &= ~(1u << place % PANEL);
            }
        }
        const real largest = FN(largest)(mine);
        p->lost[p->row[i]] += FN(count_lost)(mine, largest, p->t + start, end - start);
        if (b->k > 0 && !(largest <= b->threshold[i]))
            for (int v = 0; v < STRIP_PANELS; v++)
                FN(admit_above)(b, i, mine + v * PANEL, valid[v], first + v * PANEL);
    }
}

static void FN(pack_strip)(const fm_catalogue *items, int64_t first, real *panels)
{
    for (int v = 0; v < STRIP_PANELS; v++)
        FN(pack_panel)(items, first + v * PANEL, panels + v * (1 + items->factors) * PANEL);
}

/* Can the strip's items, as far as lengths and biases tell, matter to a query of the tile? */
FM_INLINE int FN(strip_matters)(const pairs *p, int rows, int64_t q, real norm, real bias)
{
    int some = 0;
    for (int64_t i = q; i < q + rows && i < p->b.count; i++)
        some |= !(p->b.length[i] * norm + bias < FN(need)(p, i));
    return some;
}

/* All queries against the strip of items first, first + 1, ... */
static void FN(meet)(pairs *p, int64_t first)
{
    const fm_search *s = p->b.search;
    const int64_t n = s->items.factors, count = p->b.count;
    const int64_t each = STRIP * PANEL_ROWS / count + 1; /* items of the next strip to fetch while a tile is at work */
    int64_t next = first + STRIP;
    fm_hidden hidden = FN(hidden_in)(p, first);
    real norm = 0, bias = 0;
    int rows;
    if (s->items.norm)
        FN(strip_bound)(&s->items, first, STRIP, &norm, &bias);
    FN(pack_strip)(&s->items, first, p->panels);
    for (int64_t q = 0; q < count; q += rows) {
        const real *queries = p->b.queries + q * n;
        rows = tile_rows(count - q);
        for (const int64_t end = next + each; next < end && next < first + 2 * STRIP; next++)
            FN(prefetch_item)(&s->items, next);
        if (s->items.norm && !FN(strip_matters)(p, rows, q, norm, bias))
            continue;
        if (rows == PANEL_ROWS)
            FN(pairs_tile)(p, PANEL_ROWS, queries, q, first, p->panels, &hidden);
        else if (rows == 4)
            FN(pairs_tile)(p, 4, queries, q, first, p->panels, &hidden);
        else
            FN(pairs_tile)(p, 1, queries, q, first, p->panels, &hidden);
    }
}
