/* What the entries of one row add to the objective, in float64: with s_j = x.y_j + offset + bias_j and e_j = a_j - s_j
 *
 *     loss = sum_j w_j e_j^2        residual = sum_j w_j e_j        predicted = sum_j c_j s_j^2
 *
 * `wide` has room for x in float64, and bias may be NULL. `ahead` entries from the row's first on are known: more than its own where
 * other rows follow, whose factors are then asked for, and 0 where all are in the cache.
 */
static void FN(observed_row)(const fm_wals_side *side, const fm_wals_row *row, int64_t ahead, const void *x,
                             double *wide, double offset, const void *bias, fm_observed *to)
{
    const real *const unobserved = side->unobserved, *const biases = bias;
    for (int64_t c = 0; c < side->k; c++)
        wide[c] = ((const real *)x)[c];
    FN(quad) loss = {0}, residual = {0}, predicted = {0};
    for (int64_t first = 0; first < row->n; first += 4) {
        const real *y[4];
        int64_t j[4], item[4];
        FN(quad) inside;
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++) { /* beyond the row: its last entry, without weight */
            j[q] = first + q < row->n ? first + q : row->n - 1;
            inside[q] = first + q < row->n;
            item[q] = row->index[j[q]];
            y[q] = FN(other_row)(side, row, j[q]);
            if (j[q] + PREFETCH_ROWS < ahead)
                FN(prefetch)(side, row->index[j[q] + PREFETCH_ROWS]);
        }
#define FM_OF_FOUR(value) ((FN(quad)){value(0), value(1), value(2), value(3)})
#define FM_TARGET(q) FN(target)(row, j[q])
#define FM_WEIGHT(q) FN(weight)(row, j[q])
#define FM_UNOBSERVED(q) unobserved[item[q] * side->unobserved_step]
#define FM_BIAS_OF(q) biases[item[q]]
        FN(quad) s = FN(dots_wide)(wide, y, side->k) + offset;
        if (biases)
            s += FM_OF_FOUR(FM_BIAS_OF);
        const FN(quad) e = FM_OF_FOUR(FM_TARGET) - s, we = inside * FM_OF_FOUR(FM_WEIGHT) * e;
        loss += we * e;
        residual += we;
        predicted += inside * FM_OF_FOUR(FM_UNOBSERVED) * s * s;
    }
    to->loss = (loss[0] + loss[1]) + (loss[2] + loss[3]);
    to->residual = (residual[0] + residual[1]) + (residual[2] + residual[3]);
    to->predicted = (predicted[0] + predicted[1]) + (predicted[2] + predicted[3]);
}
