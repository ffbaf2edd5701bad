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
 * where x.y is at hand and the heads of the rows keep |x|^2 and |y|^2, which a step takes along:
 *
 *     |p x + q y|^2 = p^2 |x|^2 + 2 p q x.y + q^2 |y|^2
 *
 * Only what stops at 0 is not so simple, and its lengths are summed each time.
 *
 * Records of a cell are shuffled, which keeps the steps on one row apart: in sequence, with the user's row in registers,
 * each would wait for the sum of the one before.
 */

/* The numbers of the two rows and the two biases of a record, side by side: roots and divisions are slow. */
typedef real FN(four) __attribute__((vector_size(4 * sizeof(real)), aligned(sizeof(real)), may_alias));
#if FM_BITS == 32
typedef int32_t FN(four_bits) __attribute__((vector_size(4 * sizeof(real))));
#else
typedef int64_t FN(four_bits) __attribute__((vector_size(4 * sizeof(real))));
#endif

#undef FOUR
#ifdef FM_SHUFFLE
#define FOUR(a, b, ...) FM_SHUFFLE(a, b, __VA_ARGS__)
#else
#define FM_LANE(a, b, l) ((l) < 4 ? (a)[(l) % 4] : (b)[(l) % 4])
#define FOUR(a, b, i, j, k, l) ((FN(four)){FM_LANE(a, b, i), FM_LANE(a, b, j), FM_LANE(a, b, k), FM_LANE(a, b, l)})
#endif
#define load_four(p) (*(const FN(four) *)(p))
#define store_four(p, v) (*(FN(four) *)(p) = (v))

#define RECORDS_AHEAD 8 /* rows are asked for so many records before they are used */

FM_INLINE void FN(ask)(const real *row, const int64_t width)
{
    for (int64_t c = 0; c < width; c += 64 / (int64_t)sizeof(real))
        __builtin_prefetch(row + c, 1);
}

/* max(s, 0): rounding can leave a square below zero */
FM_INLINE real FN(positive)(real s) { return s > 0 ? s : 0; }
FM_INLINE FN(four) FN(positives)(FN(four) s) { return (FN(four))((FN(four_bits))(s > 0) & (FN(four_bits))s); }

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
    const real mean = rule->mean, rate = rule->rate, bias_rate = rule->bias_rate, lam_b = rule->bias_penalty;
    const FN(four) rates = {rate, bias_rate, rate, bias_rate};
    const FN(four) penalties = {rule->user_penalty, lam_b, rule->item_penalty, lam_b};
    const FN(four) share = {(real)1 / rule->factors, 1, (real)1 / rule->factors, 1}, ones = {1, 1, 1, 1};
    double total = 0;
    for (int64_t r = 0; r < cell->n; r++) {
        const int64_t ahead = r + RECORDS_AHEAD < cell->n ? r + RECORDS_AHEAD : r;
        FN(ask)(P + (place[ahead] & 0xffff) * width, width);
        FN(ask)(Q + (place[ahead] >> 16) * width, width);
        const int64_t u = place[r] & 0xffff, i = place[r] >> 16;
        real *const x = P + u * width, *const y = Q + i * width;
        vec xy[2] = {{0}}, xx[2] = {{0}}, yy[2] = {{0}};
#pragma GCC unroll 8
        for (int64_t c = 0; c < width; c += LANES) {
            const vec a = load(x + c), b = load(y + c);
            xy[c / LANES % 2] += a * b;
            if (adagrad && nonnegative) {
                xx[c / LANES % 2] += a * a;
                yy[c / LANES % 2] += b * b;
            }
        }
        /* All fours are of x_u, b_u, y_i and c_i in this order. */
        const FN(four) user = load_four(user_heads + u * FM_HEAD), item = load_four(item_heads + i * FM_HEAD);
        FN(four) sum = FOUR(user, item, 0, 1, 4, 5);
        const FN(four) kept = FOUR(user, item, 2, 3, 6, 7); /* |x|^2, b_u, |y|^2, c_i */
        const FN(four) here = nonnegative ? (FN(four)){hsum(xx[0] + xx[1]), kept[1], hsum(yy[0] + yy[1]), kept[3]} : kept;
        const real dot = hsum(xy[0] + xy[1]), w = weights[r * cell->weight_step];
        real loss;
        const real g = w * FN(descent)(loss_kind, values[r], mean + here[1] + here[3] + dot, &loss);
        const FN(four) both = FOUR(dot - (FN(four)){0}, here, 0, 5, 2, 7);           /* x.y, b_u, x.y, c_i */
        const FN(four) own = FOUR(here, here * here, 0, 5, 2, 7);                    /* |x|^2, b_u^2, |y|^2, c_i^2 */
        const FN(four) other = FOUR(FOUR(here, here, 2, 1, 0, 3), ones, 0, 5, 2, 7); /* |y|^2, 1, |x|^2, 1 */
        FN(four) step = rates;
        if (adagrad) {
            const FN(four) square = other * (g * g) - penalties * (2 * g * both - penalties * own);
            step /= (FN(four)){REAL_SQRT(sum[0]), REAL_SQRT(sum[1]), REAL_SQRT(sum[2]), REAL_SQRT(sum[3])};
            sum += share * FN(positives)(square);
        }
        const FN(four) keep = 1 - step * penalties, push = step * g;
        const FN(four) biases = keep * both + push; /* in their lanes */
        const vec keep_x = splat(keep[0]), push_x = splat(push[0]), keep_y = splat(keep[2]), push_y = splat(push[2]);
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
        if (adagrad) {
            const FN(four) squares = keep * (keep * own + 2 * push * both) + push * push * other;
            const FN(four) then = FOUR(nonnegative ? kept : FN(positives)(squares), biases, 0, 5, 2, 7);
            store_four(user_heads + u * FM_HEAD, FOUR(sum, then, 0, 1, 4, 5));
            store_four(item_heads + i * FM_HEAD, FOUR(sum, then, 2, 3, 6, 7));
        } else {
            user_heads[u * FM_HEAD + FM_BIAS] = biases[1];
            item_heads[i * FM_HEAD + FM_BIAS] = biases[3];
        }
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
