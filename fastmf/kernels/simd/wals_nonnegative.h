/* The k x k system of a row under x >= 0, by cyclic coordinate descent on 1/2 x'A x - b'x from the x that comes in: each
 * step sets x_c = max(0, x_c + g_c / A_cc) with the gradient g = b - A x kept up to date (Franc, Hlavac & Navara 2005).
 * The objective never rises. Sweeps end when none of them moves x by more than rounding, or after MAX_SWEEPS. */

#define MAX_SWEEPS 200

static int FN(wals_nonnegative)(const fm_wals_side *side, const fm_wals_row *row, real *work, real *x)
{
    const int64_t k = side->k, size = FN(padded)(k);
    real *A = work, *g = FN(wals_system)(side, row, work);
    for (int64_t r = 0; r < k; r++) /* both triangles, so that a column is a row */
        for (int64_t c = r + 1; c < k; c++)
            A[c * size + r] = A[r * size + c];
    for (int64_t c = 0; c < k; c++) {
        if (!(A[c * size + c] > 0))
            return 1;
        if (x[c] != 0)
            for (int64_t q = 0; q < k; q++)
                g[q] -= x[c] * A[c * size + q];
    }
    for (int sweep = 0, moving = 1; moving && sweep < MAX_SWEEPS; sweep++) {
        real largest = 0, longest = 0;
        for (int64_t c = 0; c < k; c++) {
            const real to = x[c] + g[c] / A[c * size + c], next = to > 0 ? to : 0, step = next - x[c];
            if (step != 0) {
                const real distance = step < 0 ? -step : step;
                x[c] = next;
                for (int64_t q = 0; q < k; q++)
                    g[q] -= step * A[c * size + q];
                largest = distance > largest ? distance : largest;
            }
            longest = x[c] > longest ? x[c] : longest;
        }
        moving = largest > 4 * REAL_EPSILON * longest;
    }
    return 0;
}
