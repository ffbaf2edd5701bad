/* What the entries of one row add to the objective, in float64: with s_j = x.y_j + offset + bias_j and e_j = a_j - s_j
 *
 *     loss = sum_j w_j e_j^2        residual = sum_j w_j e_j        predicted = sum_j c_j s_j^2
 *
 * `wide` has room for x in float64, and bias may be NULL. `ahead` entries from the row's first on are known: more than its own where
 * other rows follow, whose factors are then asked for, and 0 where all are in the cache.
 */
typedef double FN(quad) __attribute__((vector_size(32), may_alias));

static void FN(observed_row)(const fm_wals_side *side, const fm_wals_row *row, int64_t ahead, const void *x,
                             double *wide, double offset, const void *bias, fm_observed *to)
{
    for (int64_t c = 0; c < side->k; c++)
        wide[c] = ((const real *)x)[c];
    FN(quad) loss = {0}, residual = {0}, predicted = {0};
    for (int64_t first = 0; first < row->n; first += 4) {
        const real *y[4];
        FN(quad) s, a, w, c, beside = {0}; /* beyond the row: its last entry, without weight */
        for (int q = 0; q < 4; q++) {
            const int64_t inside = first + q < row->n, j = inside ? first + q : row->n - 1, item = row->index[j];
            y[q] = FN(other_row)(side, row, j);
            if (j + PREFETCH_ROWS < ahead)
                FN(prefetch)(side, row->index[j + PREFETCH_ROWS]);
            a[q] = FN(target)(row, j);
            w[q] = inside ? FN(weight)(row, j) : 0;
            c[q] = inside ? ((const real *)side->unobserved)[item * side->unobserved_step] : 0;
            if (bias)
                beside[q] = ((const real *)bias)[item];
        }
        FN(dots_wide)(wide, y, side->k, (double *)&s);
        s += offset + beside;
        const FN(quad) e = a - s, we = w * e;
        loss += we * e;
        residual += we;
        predicted += c * s * s;
    }
    to->loss = (loss[0] + loss[1]) + (loss[2] + loss[3]);
    to->residual = (residual[0] + residual[1]) + (residual[2] + residual[3]);
    to->predicted = (predicted[0] + predicted[1]) + (predicted[2] + predicted[3]);
}
