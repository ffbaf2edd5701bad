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
