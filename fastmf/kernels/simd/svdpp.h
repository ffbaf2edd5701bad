/* SVD++ (Koren 2008, "Factorization meets the neighborhood"): a user's vector is p_u and a share of a second row y_j of
 * each item j that the user has, N(u), rated high or low. With half the negative gradient of
 *
 *     w (a - z)^2 + lam_u |p_u|^2 + lam_i |q_i|^2 + lam_y |y_j|^2 + lam_b (b_u^2 + c_i^2)
 *
 *     x_u = p_u + |N(u)|^-1/2 sum_j y_j         z = mu + b_u + c_i + x_u.q_i         g = w (a - z)
 *     p_u += s_u (g q_i - lam_u p_u)            b_u += s_b (g - lam_b b_u)             user half
 *     q_i += s_i (g x_u - lam_i q_i)            c_i += s_c (g - lam_b c_i)             item half, with a new g
 *     y_j += s_y (|N(u)|^-1/2 sum_i g_i q_i - lam_y y_j)
 *
 * The sum over j is made once a user and the y_j move once a user, with the g_i of the user half, so that an epoch costs
 * O(entries x k) and not O(entries x entries of a user x k). The user half writes to nothing but its user, the item
 * half to nothing but its items: users share their half, and ranges of items theirs, among threads. Steps are those of
 * sgd.h, and a row's accumulators too; that of y is in the fourth place of an item's head.
 */

/* x = p + scale sum_j y_j */
FM_INLINE void FN(svdpp_sum)(const fm_svdpp *model, const fm_svdpp_user *user, const int64_t width)
{
    const real *const Y = model->Y, *const p = user->p, scale = user->scale;
    real *const x = user->x;
    for (int64_t c = 0; c < width; c += LANES)
        store(x + c, (vec){0});
    for (int64_t r = 0; r < user->n; r++) {
        const real *const y = Y + user->item[r] * width;
        __builtin_prefetch(Y + user->item[r + RECORDS_AHEAD < user->n ? r + RECORDS_AHEAD : r] * width);
#pragma GCC unroll 8
        for (int64_t c = 0; c < width; c += LANES)
            store(x + c, load(x + c) + load(y + c));
    }
    for (int64_t c = 0; c < width; c += LANES)
        store(x + c, load(p + c) + splat(scale) * load(x + c));
}

FM_INLINE double FN(svdpp_user_walk)(const fm_svdpp *model, const fm_svdpp_user *user, const int64_t width,
                                     const int adagrad)
{
    const real *const Q = model->Q, *const heads = model->item_heads, *const values = user->value;
    const real *const weights = user->weight;
    real *const p = user->p, *const head = user->head, *const x = user->x, *const pull = user->pull;
    const real mean = model->mean, rate = model->rate, lam = model->user_penalty, lam_b = model->bias_penalty;
    const real per_factor = (real)1 / model->factors;
    real G = head[FM_ACCUMULATED], G_b = head[FM_BIAS_ACCUMULATED], bias = head[FM_BIAS];
    double total = 0;
    FN(svdpp_sum)(model, user, width);
    for (int64_t c = 0; c < width; c += LANES)
        store(pull + c, (vec){0});
    for (int64_t r = 0; r < user->n; r++) {
        FN(ask)(Q + user->item[r + RECORDS_AHEAD < user->n ? r + RECORDS_AHEAD : r] * width, width);
        const int64_t item = user->item[r];
        const real *const q = Q + item * width;
        vec xq[2] = {{0}}, pq[2] = {{0}}, pp[2] = {{0}}, qq[2] = {{0}};
#pragma GCC unroll 8
        for (int64_t c = 0; c < width; c += LANES) {
            const vec b = load(q + c);
            xq[c / LANES % 2] += load(x + c) * b;
            if (adagrad) {
                const vec a = load(p + c);
                pq[c / LANES % 2] += a * b;
                pp[c / LANES % 2] += a * a;
                qq[c / LANES % 2] += b * b;
            }
        }
        const real w = weights[r * user->weight_step];
        const real e = values[r] - (mean + bias + heads[item * FM_HEAD + FM_BIAS] + hsum(xq[0] + xq[1]));
        const real g = w * e, b_gradient = g - lam_b * bias;
        real s = rate, s_b = rate;
        if (adagrad) {
            const real p2 = hsum(pp[0] + pp[1]), q2 = hsum(qq[0] + qq[1]), dot = hsum(pq[0] + pq[1]);
            s /= REAL_SQRT(G);
            s_b /= REAL_SQRT(G_b);
            G += per_factor * FN(positive)(g * g * q2 - 2 * g * lam * dot + lam * lam * p2);
            G_b += b_gradient * b_gradient;
        }
        bias += s_b * b_gradient;
        const vec push = splat(s * g), shrink = splat(s * lam), gain = splat(g);
#pragma GCC unroll 8
        for (int64_t c = 0; c < width; c += LANES) {
            const vec a = load(p + c), b = load(q + c), step = push * b - shrink * a;
            store(p + c, a + step);
            store(x + c, load(x + c) + step);
            store(pull + c, load(pull + c) + gain * b);
        }
        total += (double)w * e * e;
    }
    for (int64_t c = 0; c < width; c += LANES)
        store(pull + c, splat((real)user->scale) * load(pull + c));
    head[FM_ACCUMULATED] = G;
    head[FM_BIAS_ACCUMULATED] = G_b;
    head[FM_BIAS] = bias;
    return total;
}

FM_INLINE void FN(svdpp_items_walk)(const fm_svdpp *model, const fm_svdpp_user *user, const int64_t width,
                                    const int adagrad)
{
    real *const Q = model->Q, *const Y = model->Y, *const heads = model->item_heads;
    const real *const values = user->value, *const weights = user->weight, *const x = user->x, *const pull = user->pull;
    const real rate = model->rate, lam_i = model->item_penalty, lam_y = model->implicit_penalty;
    const real lam_b = model->bias_penalty, per_factor = (real)1 / model->factors;
    const real known = (real)model->mean + ((const real *)user->head)[FM_BIAS];
    real x2 = 0, pull2 = 0;
    if (adagrad) {
        vec xx = {0}, tt = {0};
        for (int64_t c = 0; c < width; c += LANES) {
            xx += load(x + c) * load(x + c);
            tt += load(pull + c) * load(pull + c);
        }
        x2 = hsum(xx);
        pull2 = hsum(tt);
    }
    for (int64_t r = 0; r < user->n; r++) {
        const int64_t ahead = user->item[r + RECORDS_AHEAD < user->n ? r + RECORDS_AHEAD : r] * width;
        FN(ask)(Q + ahead, width);
        FN(ask)(Y + ahead, width);
        const int64_t item = user->item[r];
        real *const q = Q + item * width, *const y = Y + item * width, *const head = heads + item * FM_HEAD;
        vec xq[2] = {{0}}, qq[2] = {{0}}, ty[2] = {{0}}, yy[2] = {{0}};
#pragma GCC unroll 8
        for (int64_t c = 0; c < width; c += LANES) {
            const vec b = load(q + c);
            xq[c / LANES % 2] += load(x + c) * b;
            if (adagrad) {
                const vec d = load(y + c);
                qq[c / LANES % 2] += b * b;
                ty[c / LANES % 2] += load(pull + c) * d;
                yy[c / LANES % 2] += d * d;
            }
        }
        const real dot = hsum(xq[0] + xq[1]), bias = head[FM_BIAS];
        const real g = weights[r * user->weight_step] * (values[r] - (known + bias + dot));
        const real b_gradient = g - lam_b * bias;
        real s = rate, s_b = rate, s_y = model->implicit_rate;
        if (adagrad) {
            const real q2 = hsum(qq[0] + qq[1]), y2 = hsum(yy[0] + yy[1]), along = hsum(ty[0] + ty[1]);
            s /= REAL_SQRT(head[FM_ACCUMULATED]);
            s_b /= REAL_SQRT(head[FM_BIAS_ACCUMULATED]);
            s_y /= REAL_SQRT(head[FM_IMPLICIT_ACCUMULATED]);
            head[FM_ACCUMULATED] += per_factor * FN(positive)(g * g * x2 - 2 * g * lam_i * dot + lam_i * lam_i * q2);
            head[FM_BIAS_ACCUMULATED] += b_gradient * b_gradient;
            head[FM_IMPLICIT_ACCUMULATED] += per_factor * FN(positive)(pull2 - 2 * lam_y * along + lam_y * lam_y * y2);
        }
        head[FM_BIAS] = bias + s_b * b_gradient;
        const vec keep_q = splat(1 - s * lam_i), push_q = splat(s * g), keep_y = splat(1 - s_y * lam_y), push_y = splat(s_y);
#pragma GCC unroll 8
        for (int64_t c = 0; c < width; c += LANES) {
            store(q + c, keep_q * load(q + c) + push_q * load(x + c));
            store(y + c, keep_y * load(y + c) + push_y * load(pull + c));
        }
    }
}

/* Widths that are worth code of their own. */
#define SVDPP_WIDTHS(walk, adagrad)                                                                                    \
    switch (model->width) {                                                                                            \
    case 16: return walk(model, user, 16, adagrad);                                                                    \
    case 32: return walk(model, user, 32, adagrad);                                                                    \
    case 64: return walk(model, user, 64, adagrad);                                                                    \
    case 128: return walk(model, user, 128, adagrad);                                                                  \
    default: return walk(model, user, model->width, adagrad);                                                          \
    }

static void FN(svdpp_vector)(const fm_svdpp *model, const fm_svdpp_user *user)
{
    FN(svdpp_sum)(model, user, model->width);
}

static double FN(svdpp_user)(const fm_svdpp *model, const fm_svdpp_user *user)
{
    if (model->adagrad)
        SVDPP_WIDTHS(FN(svdpp_user_walk), 1)
    else
        SVDPP_WIDTHS(FN(svdpp_user_walk), 0)
}

static void FN(svdpp_items)(const fm_svdpp *model, const fm_svdpp_user *user)
{
    if (model->adagrad)
        SVDPP_WIDTHS(FN(svdpp_items_walk), 1)
    else
        SVDPP_WIDTHS(FN(svdpp_items_walk), 0)
}

#undef SVDPP_WIDTHS
