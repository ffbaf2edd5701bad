/* Stochastic gradient descent over the records of one cell, in their order; each is a step on one user row and one item
 * row, with half the negative gradient of  w loss(a, z) + lam_u |x_u|^2 + lam_i |y_i|^2 + lam_b (b_u^2 + c_i^2):
 *
 *     z = mu + b_u + c_i + x_u.y_i          g = -1/2 w dloss/dz           (squared loss: g = w (a - z))
 *     x_u += s_u (g y_i - lam_u x_u)        y_i += s_i (g x_u - lam_i y_i)        both from the old x_u and y_i
 *     b_u += s_b (g - lam_b b_u)            c_i += s_c (g - lam_b c_i)
 *
 * A step s is the rule's rate, or rate / sqrt(G) with one accumulator G a row, which sums the mean square of the row's
 * gradients (Chin et al. 2015, "A learning-rate schedule for stochastic gradient methods to matrix factorization"):
 *
 *     |g y - lam x|^2 = g^2 |y|^2 - 2 g lam x.y + lam^2 |x|^2
 *
 * whose three products come from the one pass that reads the rows. Records of a cell are shuffled, which keeps the steps on
 * one row apart: in sequence, with the user's row in registers, each would wait for the sum of the one before.
 */

typedef real FN(four) __attribute__((vector_size(4 * sizeof(real)))); /* roots and divisions are slow: one for all */

#define RECORDS_AHEAD 8 /* rows are asked for so many records before they are used */

FM_INLINE void FN(ask)(const real *row, const int64_t width)
{
    for (int64_t c = 0; c < width; c += 64 / (int64_t)sizeof(real))
        __builtin_prefetch(row + c, 1);
}

FM_INLINE real FN(positive)(real s) { return s > 0 ? s : 0; } /* rounding can leave a norm below zero */

FM_INLINE vec FN(clipped)(vec v) { return (vec)((FN(lanes))(v > 0) & (FN(lanes))v); } /* max(v, 0) */

/* -1/2 dloss/dz, and the loss */
FM_INLINE real FN(descent)(int kind, real target, real z, real *loss)
{
    const real e = target - z;
    if (kind == FM_SQUARED) {
        *loss = e * e;
        return e;
    }
    if (kind == FM_ABSOLUTE) {
        *loss = e < 0 ? -e : e;
        return e < 0 ? (real)-0.5 : e > 0 ? (real)0.5 : 0;
    }
    const real margin = target * z; /* log(1 + exp(-margin)), for targets of -1 and 1 */
    const real far = REAL_EXP(margin < 0 ? margin : -margin);
    *loss = REAL_LOG1P(far) - (margin < 0 ? margin : 0);
    return (real)0.5 * target * (margin < 0 ? 1 : far) / (1 + far);
}

FM_INLINE double FN(sgd_walk)(const fm_sgd_rule *rule, const fm_sgd_cell *cell, const int64_t width, const int loss_kind,
                              const int adagrad, const int nonnegative)
{
    real *const P = cell->P, *const Q = cell->Q, *const user_heads = cell->user_heads, *const item_heads = cell->item_heads;
    const uint32_t *const place = cell->place;
    const real *const values = cell->value, *const weights = cell->weight;
    const real mean = rule->mean, rate = rule->rate, bias_rate = rule->bias_rate, per_factor = (real)1 / rule->factors;
    const real lam_u = rule->user_penalty, lam_i = rule->item_penalty, lam_b = rule->bias_penalty;
    double total = 0;
    for (int64_t r = 0; r < cell->n; r++) {
        const int64_t ahead = r + RECORDS_AHEAD < cell->n ? r + RECORDS_AHEAD : r;
        FN(ask)(P + (place[ahead] & 0xffff) * width, width);
        FN(ask)(Q + (place[ahead] >> 16) * width, width);
        real *const x = P + (place[r] & 0xffff) * width, *const y = Q + (place[r] >> 16) * width;
        real *const user = user_heads + (place[r] & 0xffff) * FM_HEAD, *const item = item_heads + (place[r] >> 16) * FM_HEAD;
        vec xy[2] = {{0}}, xx[2] = {{0}}, yy[2] = {{0}};
#pragma GCC unroll 8
        for (int64_t c = 0; c < width; c += LANES) {
            const vec a = load(x + c), b = load(y + c);
            xy[c / LANES % 2] += a * b;
            if (adagrad) {
                xx[c / LANES % 2] += a * a;
                yy[c / LANES % 2] += b * b;
            }
        }
        const real dot = hsum(xy[0] + xy[1]), b_u = user[FM_BIAS], b_i = item[FM_BIAS];
        const real w = weights[r * cell->weight_step];
        real loss;
        const real g = w * FN(descent)(loss_kind, values[r], mean + b_u + b_i + dot, &loss);
        FN(four) step = {rate, rate, bias_rate, bias_rate}; /* of x_u, y_i, b_u, c_i */
        if (adagrad) {
            const real x2 = hsum(xx[0] + xx[1]), y2 = hsum(yy[0] + yy[1]);
            const real bu_gradient = g - lam_b * b_u, bi_gradient = g - lam_b * b_i;
            step /= (FN(four)){REAL_SQRT(user[FM_ACCUMULATED]), REAL_SQRT(item[FM_ACCUMULATED]),
                               REAL_SQRT(user[FM_BIAS_ACCUMULATED]), REAL_SQRT(item[FM_BIAS_ACCUMULATED])};
            user[FM_ACCUMULATED] += per_factor * FN(positive)(g * g * y2 - 2 * g * lam_u * dot + lam_u * lam_u * x2);
            item[FM_ACCUMULATED] += per_factor * FN(positive)(g * g * x2 - 2 * g * lam_i * dot + lam_i * lam_i * y2);
            user[FM_BIAS_ACCUMULATED] += bu_gradient * bu_gradient;
            item[FM_BIAS_ACCUMULATED] += bi_gradient * bi_gradient;
        }
        const vec keep_x = splat(1 - step[0] * lam_u), push_x = splat(step[0] * g);
        const vec keep_y = splat(1 - step[1] * lam_i), push_y = splat(step[1] * g);
#pragma GCC unroll 8
        for (int64_t c = 0; c < width; c += LANES) {
            const vec a = load(x + c), b = load(y + c);
            vec to_x = keep_x * a + push_x * b, to_y = keep_y * b + push_y * a;
            if (nonnegative) {
                to_x = FN(clipped)(to_x);
                to_y = FN(clipped)(to_y);
            }
            store(x + c, to_x);
            store(y + c, to_y);
        }
        user[FM_BIAS] = b_u + step[2] * (g - lam_b * b_u);
        item[FM_BIAS] = b_i + step[3] * (g - lam_b * b_i);
        total += w * loss;
    }
    return total;
}

/* Widths that are worth code of their own; the rest takes the loop with a width known at run time. */
FM_INLINE double FN(sgd_width)(const fm_sgd_rule *rule, const fm_sgd_cell *cell, const int loss_kind, const int adagrad,
                               const int nonnegative)
{
    switch (rule->width) {
    case 16:
        return FN(sgd_walk)(rule, cell, 16, loss_kind, adagrad, nonnegative);
    case 32:
        return FN(sgd_walk)(rule, cell, 32, loss_kind, adagrad, nonnegative);
    case 64:
        return FN(sgd_walk)(rule, cell, 64, loss_kind, adagrad, nonnegative);
    case 128:
        return FN(sgd_walk)(rule, cell, 128, loss_kind, adagrad, nonnegative);
    default:
        return FN(sgd_walk)(rule, cell, rule->width, loss_kind, adagrad, nonnegative);
    }
}

static double FN(sgd_cell)(const fm_sgd_rule *rule, const fm_sgd_cell *cell)
{
    if (rule->loss == FM_SQUARED && !rule->nonnegative)
        return rule->adagrad ? FN(sgd_width)(rule, cell, FM_SQUARED, 1, 0) : FN(sgd_width)(rule, cell, FM_SQUARED, 0, 0);
    return FN(sgd_walk)(rule, cell, rule->width, rule->loss, rule->adagrad, rule->nonnegative);
}
