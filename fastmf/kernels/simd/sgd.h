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
 *     |g y - lam x|^2 = g^2 |y|^2 - lam (g x.y + t)          with t = g x.y - lam |x|^2
 *
 * where x.y is at hand and the heads of the rows keep |x|^2 and |y|^2, which a step takes along:
 *
 *     |x + s (g y - lam x)|^2 = |x|^2 + s (2 t + s |g y - lam x|^2)
 *
 * Only what stops at 0 is not so simple, and its lengths are summed each time.
 *
 * Records of a cell are shuffled, which keeps the steps on one row apart: in sequence, with the user's row in registers,
 * each would wait for the sum of the one before. And a step is planned before the one before it is taken, so that its
 * sums and roots are under way while that one writes its rows; on 64 and 128 factors this saves a seventh to a quarter of
 * the time. Four records with their numbers side by side were slower but for AdaGrad on 32 factors.
 */

/* Fours hold the numbers of the two rows and the two biases of a record: roots and divisions are slow. */
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
FM_INLINE FN(four) FN(positives)(FN(four) s)
{
#if FM_BITS == 32 && defined(__SSE2__) /* compilers do not see this in what follows */
    return (FN(four))_mm_max_ps((__m128)s, _mm_setzero_ps());
#elif FM_BITS == 64 && defined(__AVX__)
    return (FN(four))_mm256_max_pd((__m256d)s, _mm256_setzero_pd());
#else
    return (FN(four))((FN(four_bits))(s > 0) & (FN(four_bits))s);
#endif
}

FM_INLINE vec FN(clipped)(vec v) { return (vec)((FN(lanes))(v > 0) & (FN(lanes))v); } /* max(v, 0) */

/* -1/2 w dloss/dz; adds w loss to `total` */
FM_INLINE real FN(descent)(int kind, real target, real z, real w, double *total)
{
    const real e = target - z;
    if (kind == FM_SQUARED) {
        *total += w * e * e;
        return w * e;
    }
    if (kind == FM_ABSOLUTE) {
        *total += w * (e < 0 ? -e : e);
        return w * (e < 0 ? (real)-0.5 : e > 0 ? (real)0.5 : 0);
    }
    const real margin = target * z; /* log(1 + exp(-margin)), for targets of -1 and 1 */
    const real far = REAL_EXP(margin < 0 ? margin : -margin);
    *total += w * (REAL_LOG1P(far) - (margin < 0 ? margin : 0));
    return w * (real)0.5 * target * (margin < 0 ? 1 : far) / (1 + far);
}

/* What a step makes of its rows: x = keep_x x + push_x y and y = keep_y y + push_y x, both from the old x and y. */
typedef struct {
    real *x, *y, keep_x, push_x, keep_y, push_y;
} FN(sgd_step);

/* The step of record r. Its heads are moved at once; its weighted loss is added to `total`. */
FM_INLINE FN(sgd_step) FN(sgd_plan)(const fm_sgd_rule *rule, const fm_sgd_cell *cell, int64_t r, const int64_t width,
                                    const int loss_kind, const int adagrad, const int nonnegative, double *total)
{
    const int64_t u = cell->place[r] & 0xffff, i = cell->place[r] >> 16;
    const real target = ((const real *)cell->value)[r], w = ((const real *)cell->weight)[r * cell->weight_step];
    const real rate = rule->rate, bias_rate = rule->bias_rate;
    const real lam_u = rule->user_penalty, lam_i = rule->item_penalty, lam_b = rule->bias_penalty;
    real *const x = (real *)cell->P + u * width, *const user = (real *)cell->user_heads + u * FM_HEAD;
    real *const y = (real *)cell->Q + i * width, *const item = (real *)cell->item_heads + i * FM_HEAD;
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
    const real dot = hsum(xy[0] + xy[1]), z = (real)rule->mean + user[FM_BIAS] + item[FM_BIAS] + dot;
    const real g = FN(descent)(loss_kind, target, z, w, total);
    if (!adagrad) {
        user[FM_BIAS] += bias_rate * (g - lam_b * user[FM_BIAS]);
        item[FM_BIAS] += bias_rate * (g - lam_b * item[FM_BIAS]);
        return (FN(sgd_step)){x, y, 1 - rate * lam_u, rate * g, 1 - rate * lam_i, rate * g};
    }
    /* All fours are of x_u, b_u, y_i and c_i in this order. */
    const FN(four) rates = {rate, bias_rate, rate, bias_rate}, lam = {lam_u, lam_b, lam_i, lam_b}, ones = {1, 1, 1, 1};
    const FN(four) share = {(real)1 / rule->factors, 1, (real)1 / rule->factors, 1}, slope = g - (FN(four)){0};
    const FN(four) heads[2] = {load_four(user), load_four(item)};
    const FN(four) sum = FOUR(heads[0], heads[1], 0, 1, 4, 5), kept = FOUR(heads[0], heads[1], 2, 3, 6, 7);
    const FN(four) here = nonnegative ? (FN(four)){hsum(xx[0] + xx[1]), kept[1], hsum(yy[0] + yy[1]), kept[3]} : kept;
    const FN(four) both = FOUR(dot - (FN(four)){0}, here, 0, 5, 2, 7);           /* x.y, b_u, x.y, c_i */
    const FN(four) own = FOUR(here, here * here, 0, 5, 2, 7);                    /* |x|^2, b_u^2, |y|^2, c_i^2 */
    const FN(four) other = FOUR(FOUR(here, here, 2, 1, 0, 3), ones, 0, 5, 2, 7); /* |y|^2, 1, |x|^2, 1 */
    const FN(four) step = rates / (FN(four)){REAL_SQRT(sum[0]), REAL_SQRT(sum[1]), REAL_SQRT(sum[2]), REAL_SQRT(sum[3])};
    const FN(four) push = step * slope, keep = 1 - step * lam, t = slope * both - lam * own;
    const FN(four) square = slope * slope * other - lam * (slope * both + t), after = own + step * (2 * t + step * square);
    const FN(four) biases = both + step * (slope - lam * both); /* in their lanes */
    const FN(four) summed = sum + share * FN(positives)(square);
    const FN(four) then = FOUR(nonnegative ? kept : FN(positives)(after), biases, 0, 5, 2, 7);
    store_four(user, FOUR(summed, then, 0, 1, 4, 5));
    store_four(item, FOUR(summed, then, 2, 3, 6, 7));
    return (FN(sgd_step)){x, y, keep[0], push[0], keep[2], push[2]};
}

FM_INLINE void FN(sgd_take)(FN(sgd_step) step, const int64_t width, const int nonnegative)
{
    const vec keep_x = splat(step.keep_x), push_x = splat(step.push_x);
    const vec keep_y = splat(step.keep_y), push_y = splat(step.push_y);
#pragma GCC unroll 8
    for (int64_t c = 0; c < width; c += LANES) {
        vec a = load(step.x + c), b = load(step.y + c);
        in_register(a);
        in_register(b);
        vec to_x = keep_x * a + push_x * b, to_y = keep_y * b + push_y * a;
        if (nonnegative) {
            to_x = FN(clipped)(to_x);
            to_y = FN(clipped)(to_y);
        }
        store(step.x + c, to_x);
        store(step.y + c, to_y);
    }
}

FM_INLINE double FN(sgd_walk)(const fm_sgd_rule *its_rule, const fm_sgd_cell *its_cell, const int64_t width,
                              const int loss_kind, const int adagrad, const int nonnegative)
{
    const fm_sgd_rule rule = *its_rule; /* copies, which no store to a row can change */
    const fm_sgd_cell cell = *its_cell;
    double total = 0;
    if (cell.n == 0)
        return total;
    FN(sgd_step) planned = FN(sgd_plan)(&rule, &cell, 0, width, loss_kind, adagrad, nonnegative, &total);
    for (int64_t r = 1; r < cell.n; r++) {
        const uint32_t ahead = cell.place[r + RECORDS_AHEAD < cell.n ? r + RECORDS_AHEAD : r];
        FN(ask)((real *)cell.P + (ahead & 0xffff) * width, width);
        FN(ask)((real *)cell.Q + (ahead >> 16) * width, width);
        const uint32_t differ = cell.place[r] ^ cell.place[r - 1];
        const FN(sgd_step) step = planned;
        if (differ & 0xffff && differ >> 16) {
            planned = FN(sgd_plan)(&rule, &cell, r, width, loss_kind, adagrad, nonnegative, &total);
            FN(sgd_take)(step, width, nonnegative);
        } else { /* they share a row */
            FN(sgd_take)(step, width, nonnegative);
            planned = FN(sgd_plan)(&rule, &cell, r, width, loss_kind, adagrad, nonnegative, &total);
        }
    }
    FN(sgd_take)(planned, width, nonnegative);
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
