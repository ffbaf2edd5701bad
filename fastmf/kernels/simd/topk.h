/* The k best items of each query of a block, exactly: score descending, then item ascending.
 *
 * A block of packed queries stays in L2; each panel of items is packed once and meets all tiles of the block. Every query
 * keeps its best k so far and their least score as a threshold; a tile's scores leave the registers only when one of
 * them passes. Only those are looked up in the query's sorted row of seen items, whose cursor moves forward with the
 * items. Items come in ascending order, so that an equal score never displaces an earlier one and > is all that is needed.
 *
 * Where the norms of the items are given, they may come in any order, best the long ones first. By Cauchy and Schwarz no
 * score exceeds c + |x| |y|, so that a tile is skipped whose every query has a threshold above this bound, and a panel is
 * not even packed when all its tiles are. An equal score may then come after one with a larger number, and so must pass:
 * the threshold is the number just below the least score. Rows of seen items are then looked up by binary search, for those
 * few items whose bit is set in the query's sieve.
 *
 * For k up to SORTED_UP_TO the best are a sorted list, and a score that passes is inserted. For larger k they are the
 * front of a buffer of twice the size, which is cut back to the best k by partial selection whenever it is full.
 */

#define SORTED_UP_TO 32
#define SIEVE_WORDS 16 /* of 64 bits, two cache lines: a bit for each item number modulo their number of bits */

typedef struct {
    real score;
    int32_t item;
} FN(hit);
#define hit FN(hit)

/* A block of queries at work. The threshold is NaN, which everything passes, until k hits are held. */
typedef struct {
    const fm_search *search;
    int64_t first, count; /* queries */
    int64_t k, capacity;  /* hits a query keeps, and has room for */
    real *panel, *queries, *threshold;
    real *length; /* of each query; 0 in the padding */
    hit *hits;
    int64_t *held, *seen, *excluded; /* hits held; cursors into the sorted rows */
    uint64_t *sieve;                 /* where items come in any order: bits of those in the rows */
    int bad;                         /* a score was NaN */
} FN(block);
#define block FN(block)

FM_INLINE int FN(before)(hit a, hit b) { return (a.score > b.score) | ((a.score == b.score) & (a.item < b.item)); }
FM_INLINE void FN(swap)(hit *a, hit *b)
{
    const hit t = *a;
    *a = *b;
    *b = t;
}

/* Reorder a[0..n): those before a pivot, the pivot, the rest; returns the pivot's place. n >= 3 */
static int64_t FN(partition)(hit *a, int64_t n)
{
    hit *middle = a + n / 2, *last = a + n - 1;
    if (FN(before)(*middle, *a))
        FN(swap)(middle, a);
    if (FN(before)(*last, *a))
        FN(swap)(last, a);
    if (FN(before)(*middle, *last)) /* the median of three ends up last, as the pivot */
        FN(swap)(middle, last);
    const hit pivot = *last;
    int64_t place = 0;
    for (int64_t i = 0; i < n - 1; i++) { /* no branch to mispredict */
        const hit h = a[i];
        a[i] = a[place];
        a[place] = h;
        place += FN(before)(h, pivot);
    }
    FN(swap)(a + place, last);
    return place;
}

static void FN(insertion_sort)(hit *a, int64_t n)
{
    for (int64_t i = 1; i < n; i++) {
        const hit h = a[i];
        int64_t j = i;
        for (; j > 0 && FN(before)(h, a[j - 1]); j--)
            a[j] = a[j - 1];
        a[j] = h;
    }
}

static void FN(sort)(hit *a, int64_t n)
{
    while (n > 16) { /* the smaller side by recursion: depth log2(n) */
        const int64_t place = FN(partition)(a, n), rest = n - place - 1;
        if (place < rest) {
            FN(sort)(a, place);
            a += place + 1;
            n = rest;
        } else {
            FN(sort)(a + place + 1, rest);
            n = place;
        }
    }
    FN(insertion_sort)(a, n);
}

/* Bring the best k to the front, the least of them to a[k - 1]; 0 < k <= n. */
static void FN(select)(hit *a, int64_t n, int64_t k)
{
    while (n > 16) {
        const int64_t place = FN(partition)(a, n);
        if (place == k - 1)
            return;
        if (place >= k) {
            n = place;
        } else {
            a += place + 1;
            n -= place + 1;
            k -= place + 1;
        }
    }
    FN(insertion_sort)(a, n);
}

FM_INLINE void FN(raise_threshold)(block *b, int64_t q, real least)
{
    const real below = FM_BITS == 32 ? (real)__builtin_nextafterf((float)least, -__builtin_inff())
                                     : (real)__builtin_nextafter(least, -__builtin_inf());
    b->threshold[q] = b->search->items.norm ? below : least;
}

/* Keep the best k of more hits. */
FM_INLINE void FN(cut)(block *b, int64_t q)
{
    hit *held = b->hits + q * b->capacity;
    FN(select)(held, b->held[q], b->k);
    b->held[q] = b->k;
    FN(raise_threshold)(b, q, held[b->k - 1].score);
}

FM_INLINE void FN(offer)(block *b, int64_t q, hit h)
{
    const int64_t k = b->k;
    hit *held = b->hits + q * b->capacity;
    int64_t n = b->held[q];
    if (b->capacity > k) {
        held[n] = h;
        b->held[q] = n + 1;
        if (n + 1 == b->capacity)
            FN(cut)(b, q);
    } else {
        if (n == k && !FN(before)(h, held[--n]))
            return;
        for (; n > 0 && FN(before)(h, held[n - 1]); n--)
            held[n] = held[n - 1];
        held[n] = h;
        b->held[q] += b->held[q] < k;
        if (b->held[q] == k)
            FN(raise_threshold)(b, q, held[k - 1].score);
    }
}

FM_INLINE void FN(set_bits)(uint64_t *sieve, const fm_lists *lists, int64_t row)
{
    if (lists->indptr)
        for (int64_t e = lists->indptr[row]; e < lists->indptr[row + 1]; e++)
            sieve[lists->indices[e] / 64 % SIEVE_WORDS] |= (uint64_t)1 << lists->indices[e] % 64;
}

/* May the query not get the item? */
FM_INLINE int FN(forbidden)(block *b, int64_t q, int32_t item)
{
    const fm_search *s = b->search;
    const int64_t row = b->first + q;
    if (!s->items.norm)
        return fm_listed(&s->seen, row, b->seen + q, item) || fm_listed(&s->excluded, row, b->excluded + q, item);
    return b->sieve[q * SIEVE_WORDS + item / 64 % SIEVE_WORDS] >> item % 64 & 1
           && (fm_listed_anywhere(&s->seen, row, item) || fm_listed_anywhere(&s->excluded, row, item));
}

/* Take up the scores of one query that pass its threshold. Out of line: the tile's loop keeps the registers. */
static __attribute__((noinline)) void FN(admit)(block *b, int64_t q, const real *scores, uint32_t bits, int64_t first)
{
    const fm_search *s = b->search;
    for (; bits; bits &= bits - 1) {
        const int lane = __builtin_ctz(bits);
        const hit h = {scores[lane], (int32_t)fm_item(&s->items, first + lane)};
        if (h.score != h.score)
            b->bad = 1;
        else if (!FN(forbidden)(b, q, h.item))
            FN(offer)(b, q, h);
    }
}

/* Take up those of a panel's `valid` scores of one query that pass its threshold. */
FM_INLINE void FN(admit_above)(block *b, int64_t q, const real *scores, uint32_t valid, int64_t first)
{
    uint32_t bits = 0;
#pragma GCC unroll 4
    for (int v = 0; v < PANEL_VECTORS; v++)
        bits |= FN(above)(load(scores + v * LANES), splat(b->threshold[q])) << v * LANES;
    if (bits & valid)
        FN(admit)(b, q, scores, bits & valid, first);
}

/* The bits of a panel's items when so many are left. */
FM_INLINE uint32_t FN(valid)(int64_t left) { return left < PANEL ? (1u << left) - 1 : ~0u >> (32 - PANEL); }

FM_INLINE void FN(search_tile)(block *b, int rows, int64_t q, int64_t first, uint32_t valid)
{
    const int64_t n = b->search->items.factors;
    vec s[PANEL_ROWS][PANEL_VECTORS];
    uint32_t any = 0;
    FN(score_tile)(rows, b->queries + q * n, b->panel, n, s);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; v++)
            any |= FN(above)(s[i][v], splat(b->threshold[q + i]));
    if (!any)
        return;
    real scores[PANEL_ROWS * PANEL];
    FN(store_tile)(rows, s, scores, PANEL);
    for (int i = 0; i < rows; i++)
        FN(admit_above)(b, q + i, scores + i * PANEL, valid, first);
}

/* A length that is not below the true one: of n values, squares under the least normal number may have vanished. */
FM_INLINE real FN(length_bound)(real length, int64_t n) { return length + REAL_SQRT((n + 1) * REAL_LEAST); }

/* Is there a query of the tile that an item of the panel may still reach: |x| norm + bias not below its threshold? */
FM_INLINE int FN(reachable)(const block *b, int rows, int64_t q, real norm, real bias)
{
    int some = 0;
    for (int i = 0; i < rows; i++)
        some |= !(b->length[q + i] * norm + bias < b->threshold[q + i]);
    return some;
}

/* What bounds the scores of `count` items first, first + 1, ...; beyond rounding, which grows with the terms of a sum. */
static void FN(strip_bound)(const fm_catalogue *items, int64_t first, int64_t count, real *norm, real *bias)
{
    const real *norms = items->norm, *biases = items->bias, slack = (2 * items->factors + 16) * REAL_EPSILON;
    real longest = 0, highest = biases ? -(real)__builtin_inf() : 0;
    for (int64_t i = first; i < first + count && i < items->count; i++) {
        longest = norms[i] > longest ? norms[i] : longest;
        if (biases) {
            const real c = biases[fm_item(items, i)], above = c + slack * (c < 0 ? -c : c);
            highest = above > highest ? above : highest;
        }
    }
    *norm = FN(length_bound)(longest * (1 + slack), items->factors);
    *bias = highest;
}

static void FN(search_panel)(block *b, int64_t first, uint32_t valid)
{
    const fm_catalogue *items = &b->search->items;
    real norm = 0, bias = 0;
    int packed = 0, rows;
    if (items->norm)
        FN(strip_bound)(items, first, PANEL, &norm, &bias);
    for (int64_t q = 0; q < b->count; q += rows) {
        rows = tile_rows(b->count - q);
        if (items->norm && !FN(reachable)(b, rows, q, norm, bias))
            continue;
        if (!packed)
            FN(pack_panel)(items, first, b->panel);
        packed = 1;
        if (rows == PANEL_ROWS)
            FN(search_tile)(b, PANEL_ROWS, q, first, valid);
        else if (rows == 4)
            FN(search_tile)(b, 4, q, first, valid);
        else
            FN(search_tile)(b, 1, q, first, valid);
    }
}

/* Lay the block's arrays out from `at`, each on its own cache lines; returns the bytes from 0 to their end. */
static int64_t FN(lay_out)(block *b, const fm_search *s, int64_t queries, uintptr_t at)
{
    const int64_t n = s->items.factors, padded = queries + PANEL_ROWS, start = at;
    b->k = s->k < s->items.count ? s->k : s->items.count;
    b->capacity = b->k <= SORTED_UP_TO ? b->k : 2 * b->k;
    FM_TAKE(b->panel, (1 + n) * PANEL, at);
    FM_TAKE(b->queries, padded * n, at);
    FM_TAKE(b->threshold, padded, at);
    FM_TAKE(b->length, padded, at);
    FM_TAKE(b->hits, queries * b->capacity, at);
    FM_TAKE(b->held, queries, at);
    FM_TAKE(b->seen, queries, at);
    FM_TAKE(b->excluded, queries, at);
    FM_TAKE(b->sieve, s->items.norm ? queries * SIEVE_WORDS : 0, at);
    return at - start + 64;
}

static int64_t FN(top_k_workspace)(const fm_search *s, int64_t queries)
{
    block b;
    return FN(lay_out)(&b, s, queries, 0);
}

/* Pack the queries of a block that is laid out, and hold nothing yet. */
static void FN(begin)(block *b)
{
    const fm_search *s = b->search;
    const int64_t n = s->items.factors, first = b->first, count = b->count;
    FN(pack_queries)(s, first, count, b->queries);
    for (int64_t q = 0; q < count + PANEL_ROWS; q++) {
        const real *x = (const real *)s->queries + (first + q) * n;
        b->threshold[q] = q < count ? (real)__builtin_nan("") : (real)__builtin_inf(); /* none passes in the padding */
        b->length[q] = q < count && s->items.norm ? FN(length_bound)(REAL_SQRT(FN(dot)(x, x, n)), n) : 0;
    }
    for (int64_t q = 0; q < count; q++) {
        b->held[q] = 0;
        b->seen[q] = s->seen.indptr ? s->seen.indptr[first + q] : 0;
        b->excluded[q] = s->excluded.indptr ? s->excluded.indptr[first + q] : 0;
    }
    if (s->items.norm) {
        memset(b->sieve, 0, count * SIEVE_WORDS * sizeof *b->sieve);
        for (int64_t q = 0; q < count; q++) {
            FN(set_bits)(b->sieve + q * SIEVE_WORDS, &s->seen, first + q);
            FN(set_bits)(b->sieve + q * SIEVE_WORDS, &s->excluded, first + q);
        }
    }
}

/* Write the list of a query as k numbers and scores, filled up with -1 and minus infinity. */
static void FN(finish)(block *b, int64_t q, int32_t *ids, real *scores)
{
    const int64_t k = b->search->k;
    hit *best = b->hits + q * b->capacity;
    const int64_t held = b->held[q] < b->k ? b->held[q] : b->k;
    if (b->capacity > b->k) {
        FN(select)(best, b->held[q], held);
        FN(sort)(best, held);
    }
    for (int64_t j = 0; j < held; j++) {
        ids[j] = best[j].item;
        scores[j] = best[j].score;
        b->bad |= !(scores[j] - scores[j] == 0);
    }
    for (int64_t j = held; j < k; j++) {
        ids[j] = -1;
        scores[j] = -(real)__builtin_inf();
    }
}

/* The lists of queries first, first + 1, ... from items begin to end - 1 of the catalogue, as rows of k numbers and scores.
 * Returns 1 when a score was not finite. */
static int FN(top_k_block)(const fm_search *s, int64_t first, int64_t count, int64_t begin, int64_t end, void *work,
                           int32_t *ids, real *scores)
{
    block b = {.search = s, .first = first, .count = count};
    FN(lay_out)(&b, s, count, (uintptr_t)work);
    FN(begin)(&b);
    for (int64_t i = begin; i < end; i += PANEL)
        FN(search_panel)(&b, i, FN(valid)(end - i));
    for (int64_t q = 0; q < count; q++)
        FN(finish)(&b, q, ids + q * s->k, scores + q * s->k);
    return b.bad;
}
