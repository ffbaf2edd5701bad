/* The parts of the eigendecomposition of a symmetric n x n matrix, A = V diag(values) V', in float64.
 *
 * Householder reflections take A to a tridiagonal T, rotations take T to the diagonal (QL with implicit shifts; Golub &
 * Van Loan 2013, sections 8.3.1 and 8.3.5), and row r of V is e_r' times all reflections and rotations in turn. Rows of V
 * do not need each other: FM_EIGEN_ROWS of them, held column by column, go through everything at once, one a lane.
 */

#define EIGEN_VECTORS (FM_EIGEN_ROWS / LANES)
/* An element this far below the largest element, which is near 1, is rounding. */
#define NOTHING (REAL_EPSILON / 4)

/* T and the reflections I - scale[j] v_j v_j', from A in rows of `size` (whole vectors, zeros from column n on), which is
 * overwritten. v_j is row j of `reflectors`, zero up to column j; `diagonal` and `off` (its neighbours, and a zero) get T.
 * One pass over what is left of A does the update A -= v w' + w v' of one reflection and the product A v of the next:
 * the row that the next v comes from is updated first. `work` holds 2 size. */
static void FN(tridiagonalise)(real *A, int64_t n, int64_t size, real *reflectors, real *scale, real *diagonal, real *off,
                               real *work)
{
    real *w = work, *product = work + size;
    const real *last = w; /* the v of the reflection before; its w is zero for the first */
    memset(w, 0, 2 * size * sizeof(real));
    for (int64_t j = 0; j < n; j++) {
        real *row = A + j * size, *v = reflectors + j * size;
        const int64_t begin = j - j % LANES;
        for (int64_t c = begin; c < size; c += LANES)
            store(row + c, load(row + c) - splat(last[j]) * load(w + c) - splat(w[j]) * load(last + c));
        diagonal[j] = row[j];
        memset(v, 0, size * sizeof(real));
        scale[j] = off[j] = 0;
        if (j + 1 == n)
            break;
        memcpy(v + j + 1, row + j + 1, (n - j - 1) * sizeof(real));
        const real below = FN(dot)(v + j + 2, v + j + 2, n - j - 2), head = v[j + 1];
        off[j] = head;
        if (below > NOTHING * NOTHING) {
            const real length = REAL_SQRT(head * head + below);
            off[j] = head > 0 ? -length : length;
            v[j + 1] = head - off[j];
            scale[j] = 2 / (v[j + 1] * v[j + 1] + below);
        }
        for (int64_t i = j + 1; i < n; i++) {
            real *at = A + i * size;
            const vec a = splat(last[i]), b = splat(w[i]);
            vec s = {0};
            for (int64_t c = begin; c < size; c += LANES) {
                const vec x = load(at + c) - a * load(w + c) - b * load(last + c);
                store(at + c, x);
                s += x * load(v + c);
            }
            product[i] = scale[j] * hsum(s);
        }
        memset(product, 0, (j + 1) * sizeof(real));
        const real share = scale[j] / 2 * FN(dot)(v, product, n);
        for (int64_t c = begin; c < size; c += LANES)
            store(w + c, load(product + c) - splat(share) * load(v + c));
        w[j] = 0; /* rows and columns up to j are done; what stands before is zero in v too */
        last = v;
    }
}

/* QL on T: the rotations that make the neighbours `off` vanish, in the order they are to be applied. Rotation i turns
 * columns i and i + 1; a sweep goes from column first - 1 down to column last, with a cosine and a sine each. Goes on from
 * eigenvalue *at until all are found (*at == n) or `turns` has no room for one sweep more; returns the number of sweeps.
 * Gives up, with *at == -1, when an eigenvalue takes more than 60 sweeps. */
static int64_t FN(ql_sweeps)(real *d, real *off, int64_t n, int64_t *at, fm_sweep *sweeps, real *turns, int64_t capacity)
{
    int64_t count = 0, used = 0;
    int tries = 0;
    for (int64_t l = *at; l < n; tries = 0, *at = ++l)
        for (;;) {
            int64_t m = l;
            while (m + 1 < n && REAL_ABS(off[m]) > REAL_EPSILON * (REAL_ABS(d[m]) + REAL_ABS(d[m + 1])) + NOTHING)
                m++;
            if (m == l)
                break;
            if (used + m - l > capacity)
                return count;
            if (++tries > 60) {
                *at = -1;
                return count;
            }
            const real half = (d[l + 1] - d[l]) / (2 * off[l]), root = REAL_SQRT(half * half + 1);
            real g = d[m] - d[l] + off[l] / (half + (half < 0 ? -root : root)), p = 0;
            real cosine = 1, sine = 1;
            int64_t i = m - 1;
            for (; i >= l; i--) {
                const real f = sine * off[i], b = cosine * off[i], r = REAL_SQRT(f * f + g * g);
                off[i + 1] = r;
                if (r == 0) { /* T falls apart here: what is done so far stands */
                    d[i + 1] -= p;
                    break;
                }
                const real inverse = 1 / r;
                sine = f * inverse;
                cosine = g * inverse;
                g = d[i + 1] - p;
                const real t = (d[i] - g) * sine + 2 * cosine * b;
                p = sine * t;
                d[i + 1] = g + p;
                g = cosine * t - b;
                turns[2 * (used + m - 1 - i)] = cosine;
                turns[2 * (used + m - 1 - i) + 1] = sine;
            }
            if (i < l) {
                d[l] -= p;
                off[l] = g;
            }
            off[m] = 0;
            sweeps[count++] = (fm_sweep){m, i + 1};
            used += m - 1 - i;
        }
    return count;
}

/* Rows of V before any rotation: `rows` holds e_r, ... column by column, and gets e_r' H_0 H_1 ... of n reflections. */
static void FN(reflect_rows)(real *rows, int64_t n, int64_t size, const real *reflectors, const real *scale)
{
    for (int64_t j = 0; j + 1 < n; j++) {
        const real *v = reflectors + j * size;
        vec s[EIGEN_VECTORS] = {{0}};
        for (int64_t c = j + 1; c < n; c++)
#pragma GCC unroll 16
            for (int q = 0; q < EIGEN_VECTORS; q++)
                s[q] += splat(v[c]) * load(rows + c * FM_EIGEN_ROWS + q * LANES);
#pragma GCC unroll 16
        for (int q = 0; q < EIGEN_VECTORS; q++)
            s[q] *= splat(scale[j]);
        for (int64_t c = j + 1; c < n; c++)
#pragma GCC unroll 16
            for (int q = 0; q < EIGEN_VECTORS; q++) {
                real *at = rows + c * FM_EIGEN_ROWS + q * LANES;
                store(at, load(at) - splat(v[c]) * s[q]);
            }
    }
}

/* The rotations of some sweeps on `rows`; the column that the next rotation turns too stays in registers. */
static void FN(rotate_rows)(real *rows, const fm_sweep *sweeps, int64_t count, const real *turns)
{
    for (; count > 0; count--, sweeps++) {
        real *at = rows + sweeps->first * FM_EIGEN_ROWS;
        vec right[EIGEN_VECTORS];
#pragma GCC unroll 16
        for (int q = 0; q < EIGEN_VECTORS; q++)
            right[q] = load(at + q * LANES);
        for (int64_t i = sweeps->first - 1; i >= sweeps->last; i--, turns += 2) {
            const vec cosine = splat(turns[0]), sine = splat(turns[1]);
            at -= FM_EIGEN_ROWS;
#pragma GCC unroll 16
            for (int q = 0; q < EIGEN_VECTORS; q++) {
                const vec left = load(at + q * LANES);
                store(at + FM_EIGEN_ROWS + q * LANES, sine * left + cosine * right[q]);
                right[q] = cosine * left - sine * right[q];
            }
        }
#pragma GCC unroll 16
        for (int q = 0; q < EIGEN_VECTORS; q++)
            store(at + q * LANES, right[q]);
    }
}
