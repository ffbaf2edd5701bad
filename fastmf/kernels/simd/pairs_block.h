/* A block of queries that meets all items, for their lists and the pairs that their targets lose. */

static int64_t FN(pairs_lay_out)(pairs *p, const fm_search *s, int64_t queries, int64_t seen, uintptr_t at,
                                 hit **reach)
{
    const uintptr_t start = at;
    const int64_t n = s->items.factors, coarse = s->coarse ? queries + COARSE_PAD : 0;
    at += FN(lay_out)(&p->b, s, queries, at);
    FM_TAKE(*reach, queries, at);
    FM_TAKE(p->row, queries, at);
    FM_TAKE(p->copy, queries * n, at);
    FM_TAKE(p->least, queries, at);
    FM_TAKE(p->panels, (1 + n) * (s->coarse ? FM_STRIP : STRIP), at);
    FM_TAKE(p->hidden_start, s->items.count / FM_STRIP + 3, at);
    FM_TAKE(p->hidden, seen, at);
    FM_TAKE(p->coarse.values, coarse * 2 * fm_coarse_pairs(&s->items), at);
    FM_TAKE(p->coarse.inverse, coarse, at);
    FM_TAKE(p->coarse.length, coarse, at);
    FM_TAKE(p->coarse.error, coarse, at);
    FM_TAKE(p->waiting, coarse, at);
    return at - start + 64;
}

static int64_t FN(pairs_workspace)(const fm_search *s, int64_t queries, int64_t seen)
{
    pairs p;
    hit *reach;
    return FN(pairs_lay_out)(&p, s, queries, seen, 0, &reach);
}

/* Score the targets of the block's queries, sort them, and put the queries in order: first those whose least target has the
 * largest score for their length, as fewer items reach it. */
static void FN(order_queries)(pairs *p, const fm_search *s, int64_t first, hit *reach)
{
    const int64_t n = s->items.factors;
    for (int64_t q = 0; q < p->b.count; q++) {
        const int64_t start = p->targets->indptr[first + q], count = p->targets->indptr[first + q + 1] - start;
        const real *x = (const real *)s->queries + (first + q) * n;
        const real length = REAL_SQRT(FN(dot)(x, x, n));
        real *t = p->t + start;
        FN(score_items)(s, first + q, p->targets->indices + start, count, t);
        FN(sort_scores)(t, count);
        reach[q].item = (int32_t)q;
        reach[q].score = count == 0 ? (real)__builtin_inf() : length > 0 ? t[0] / length : 0;
    }
    FN(sort)(reach, p->b.count);
    for (int64_t q = 0; q < p->b.count; q++) {
        const int64_t row = first + reach[q].item, start = p->targets->indptr[row];
        p->row[q] = row;
        p->least[q] = p->targets->indptr[row + 1] > start ? p->t[start] : __builtin_inf();
        if (n > 0) /* or there may be no array at all */
            memcpy(p->copy + q * n, (const real *)s->queries + row * n, n * sizeof(real));
    }
}

/* top_k_block over all items, which fills lost as well, for the queries first, first + 1, ...; k may be 0. t has room for
 * the scores of the targets and is left sorted. */
static int FN(pairs_block)(const fm_search *s, const fm_lists *targets, int64_t first, int64_t count, void *work,
                           int32_t *ids, real *scores, real *t, int64_t *lost)
{
    fm_search mine = *s;
    pairs p = {.b = {.search = &mine, .count = count}, .targets = targets, .t = t, .lost = lost};
    const int64_t seen = s->seen.indptr ? s->seen.indptr[first + count] - s->seen.indptr[first] : 0;
    hit *reach;
    FN(pairs_lay_out)(&p, s, count, seen, (uintptr_t)work, &reach);
    FN(order_queries)(&p, s, first, reach);
    mine.queries = p.copy;
    mine.seen.indptr = NULL; /* what is seen is hidden before a list could ask */
    FN(begin)(&p.b);
    FN(list_hidden)(&p, &s->seen);
    for (int64_t q = 0; q < count; q++) {
        lost[p.row[q]] = 0;
        if (p.b.k == 0)
            p.b.threshold[q] = (real)__builtin_inf(); /* nothing enters */
    }
    for (const int64_t exact = FN(exact_items)(&p); p.met < exact && p.met < s->items.count; p.met += STRIP)
        FN(meet)(&p, p.met);
    if (p.met < s->items.count)
        FN(meet_rest)(&p);
    for (int64_t q = 0; q < count; q++)
        FN(finish)(&p.b, q, ids + p.row[q] * s->k, scores + p.row[q] * s->k);
    return p.b.bad;
}

#undef pairs
#undef hit
#undef block
