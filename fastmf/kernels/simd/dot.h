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

/* The same in float64 whatever the type of the rows: for sums in which nearly everything cancels. */
#if FM_BITS == 32
typedef float FN(half) __attribute__((vector_size(FM_VECTOR_BYTES / 2), aligned(sizeof(float)), may_alias));
typedef double FN(doubles) __attribute__((vector_size(FM_VECTOR_BYTES)));
#define WIDE(p) __builtin_convertvector(*(const FN(half) *)(p), FN(doubles))

static double FN(dot_wide)(const real *x, const real *y, int64_t n)
{
    enum { WIDE_LANES = FM_VECTOR_BYTES / sizeof(double) };
    FN(doubles) a[4] = {{0}};
    int64_t j = 0;
    for (; j + 4 * WIDE_LANES <= n; j += 4 * WIDE_LANES)
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++)
            a[q] += WIDE(x + j + q * WIDE_LANES) * WIDE(y + j + q * WIDE_LANES);
    a[0] += a[1] + (a[2] + a[3]);
    double s = 0;
    for (int q = 0; q < WIDE_LANES; q++)
        s += a[0][q];
    for (; j < n; j++)
        s += (double)x[j] * y[j];
    return s;
}
#undef WIDE
#else
static double FN(dot_wide)(const real *x, const real *y, int64_t n) { return FN(dot)(x, y, n); }
#endif
