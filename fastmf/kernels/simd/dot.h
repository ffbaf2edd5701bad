/* The inner product of two rows. Four accumulators hide the latency of the multiply-add. */

static real FN(dot)(const real *x, const real *y, int64_t n)
{
    vec a[4] = {{0}};
    int64_t j = 0;
    for (; j + 4 * LANES <= n; j += 4 * LANES)
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++)
            a[q] += load(x + j + q * LANES) * load(y + j + q * LANES);
    for (; j + LANES <= n; j += LANES)
        a[0] += load(x + j) * load(y + j);
    real s = hsum((a[0] + a[1]) + (a[2] + a[3]));
    for (; j < n; j++)
        s += x[j] * y[j];
    return s;
}

/* The same in float64 whatever the type of the second row: for sums in which nearly everything cancels. The first one
 * comes converted, as it meets many. */
static double FN(dot_wide)(const double *x, const real *y, int64_t n)
{
    FN(doubles) a[4] = {{0}};
    int64_t j = 0;
    for (; j + 4 * WIDE_LANES <= n; j += 4 * WIDE_LANES)
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++)
            a[q] += FN(load_wide)(y + j + q * WIDE_LANES) * *(const FN(doubles) *)(x + j + q * WIDE_LANES);
    double s = sum_wide((a[0] + a[1]) + (a[2] + a[3]));
    for (; j < n; j++)
        s += x[j] * y[j];
    return s;
}

/* Four such products with one x, side by side. */
FM_INLINE FN(quad) FN(dots_wide)(const double *x, const real *const y[4], int64_t n)
{
    FN(doubles) a[4] = {{0}};
    int64_t j = 0;
    for (; j + WIDE_LANES <= n; j += WIDE_LANES) {
        const FN(doubles) xj = *(const FN(doubles) *)(x + j);
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++)
            a[q] += FN(load_wide)(y[q] + j) * xj;
    }
    FN(quad) s = FN(sum_four_wide)(a);
    for (; j < n; j++)
        s += x[j] * (FN(quad)){y[0][j], y[1][j], y[2][j], y[3][j]};
    return s;
}

/* x += y, in float64. */
static void FN(add_wide)(double *x, const real *y, int64_t n)
{
    int64_t j = 0;
    for (; j + WIDE_LANES <= n; j += WIDE_LANES)
        *(FN(doubles) *)(x + j) += FN(load_wide)(y + j);
    for (; j < n; j++)
        x[j] += y[j];
}
