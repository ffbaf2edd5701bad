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
#if FM_BITS == 32
typedef float FN(half) __attribute__((vector_size(FM_VECTOR_BYTES / 2), aligned(sizeof(float)), may_alias));
typedef double FN(doubles) __attribute__((vector_size(FM_VECTOR_BYTES), aligned(sizeof(double)), may_alias));

static double FN(dot_wide)(const double *x, const real *y, int64_t n)
{
    enum { WIDE_LANES = FM_VECTOR_BYTES / sizeof(double) };
    FN(doubles) a[4] = {{0}};
    int64_t j = 0;
    for (; j + 4 * WIDE_LANES <= n; j += 4 * WIDE_LANES)
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++)
            a[q] += *(const FN(doubles) *)(x + j + q * WIDE_LANES) *
                    __builtin_convertvector(*(const FN(half) *)(y + j + q * WIDE_LANES), FN(doubles));
    a[0] += a[1] + (a[2] + a[3]);
#pragma GCC unroll 4
    for (int width = WIDE_LANES / 2; width > 0; width /= 2)
        for (int q = 0; q < width; q++)
            a[0][q] += a[0][q + width];
    double s = a[0][0];
    for (; j < n; j++)
        s += x[j] * y[j];
    return s;
}
#else
static double FN(dot_wide)(const double *x, const real *y, int64_t n) { return FN(dot)(x, y, n); }
#endif
