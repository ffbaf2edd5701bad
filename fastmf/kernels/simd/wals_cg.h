/* A few steps of preconditioned conjugate gradient on the k x k system of a row, from the x that comes in, without ever
 * forming its matrix (Takács, Pilászy & Tikk 2011 for the unpreconditioned form):
 *
 *     A p = (s L + ridge) p + sum_j d_j y_j (y_j . p)      with Y in the eigenbasis of G = diag(L).
 *
 * The preconditioner is the diagonal (s L + ridge)^-1, which is A^-1 but for the entries of the row; without unobserved
 * weight (L = 0) it is the diagonal of A.
 */

/* Times the rounding error of one operation: the bound on the relative error of an iterated row, in lengths of A^1/2. Of
 * factorised rows of MovieLens' shape nine tenths come in truth within 5 to 9, and the worst to 10 to 28; of these, 7
 * and 9. */
#define EXACT 12
#undef ITERATED_STEPS
#define ITERATED_STEPS FM_BITS /* at most; most rows take a third of them */
#define AHEAD_BYTES 65536 /* of the next row's factors asked for while this one is solved: they stay in the L2 cache */

/* Four entries of a row on their way through a pass, which loads p and out once for all of them. */
typedef struct {
    const real *y[4];
    FN(four) share; /* what of each goes to `out` */
} FN(cg_entries);

/* The entries from j on: their share is wa_j - d_j y_j . p, with 0 for wa_j in a product by A and for y_j . p where p is
 * NULL; `along` grows by wa_j y_j . p. Beyond the row it is its last entry, with a share of 0. */
FM_INLINE FN(cg_entries) FN(cg_dots)(const fm_wals_side *side, const fm_wals_row *row, int64_t j, const int uniform,
                                     const int residual, const real *p, FN(four) *along)
{
    const int64_t k = side->k;
    FN(cg_entries) to;
    int64_t e[4];
    FN(four) inside;
#pragma GCC unroll 4
    for (int q = 0; q < 4; q++) {
        e[q] = j + q < row->n ? j + q : row->n - 1;
        inside[q] = j + q < row->n;
        to.y[q] = FN(other_row)(side, row, e[q]);
        if (residual)
            FN(prefetch_row)(side, row, e[q]);
    }
    FN(four) d, wa = {0}; /* each in one piece: numbers stored one by one could not be read as four at once */
    if (uniform) {
        d = FN(excess)(side, row, 0) - (FN(four)){0};
        if (residual)
            wa = FN(weight)(row, 0) * FN(target)(row, 0) - (FN(four)){0};
    } else {
        d = (FN(four)){FN(excess)(side, row, e[0]), FN(excess)(side, row, e[1]), FN(excess)(side, row, e[2]),
                       FN(excess)(side, row, e[3])};
        if (residual)
            wa = (FN(four)){FN(weight)(row, e[0]) * FN(target)(row, e[0]), FN(weight)(row, e[1]) * FN(target)(row, e[1]),
                            FN(weight)(row, e[2]) * FN(target)(row, e[2]), FN(weight)(row, e[3]) * FN(target)(row, e[3])};
    }
    d *= inside;
    wa *= inside;
    to.share = wa;
    if (!p)
        return to;
    vec sum[4] = {{0}};
    int64_t c = 0;
    for (; c + LANES <= k; c += LANES) {
        const vec v = load(p + c);
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++)
            sum[q] += v * load(to.y[q] + c);
    }
    FN(four) dot = FN(sum_four)(sum);
    for (; c < k; c++)
        for (int q = 0; q < 4; q++)
            dot[q] += p[c] * to.y[q][c];
    to.share -= d * dot;
    *along += wa * dot;
    return to;
}

/* out += sum_q s_q y_q */
FM_INLINE void FN(add_rows)(const real *const y[4], FN(four) s, int64_t k, real *out)
{
    const vec times[4] = {splat(s[0]), splat(s[1]), splat(s[2]), splat(s[3])};
    int64_t c = 0;
    for (; c + LANES <= k; c += LANES) {
        vec v = load(out + c);
#pragma GCC unroll 4
        for (int q = 0; q < 4; q++)
            v += times[q] * load(y[q] + c);
        store(out + c, v);
    }
    for (; c < k; c++)
        for (int q = 0; q < 4; q++)
            out[c] += s[q] * y[q][c];
}

/* out += sum_j (wa_j - d_j y_j . p) y_j, with wa_j = w_j a_j for the residual and 0 for a product by -A; p is NULL for 0;
 * squares += sum_j d_j y_j^2 where it is asked for. Returns sum_j wa_j y_j . p. `ahead` factors of the next row are asked
 * for on the way. The inner products of four entries are made before the four in front of them are added, whose own have
 * then long been there. */
FM_INLINE real FN(cg_walk)(const fm_wals_side *side, const fm_wals_row *row, const int uniform, const int residual,
                           const real *p, real *out, real *squares, int64_t ahead)
{
    const int64_t k = side->k;
    FN(four) along = {0};
    FN(cg_entries) next = FN(cg_dots)(side, row, 0, uniform, residual, p, &along);
    for (int64_t j = 0; j < row->n; j += 4) {
        const FN(cg_entries) entries = next;
        if (j + 4 < row->n)
            next = FN(cg_dots)(side, row, j + 4, uniform, residual, p, &along);
        for (int q = 0; q < 4 && j + q < ahead; q++)
            FN(prefetch)(side, row->next[j + q]);
        FN(add_rows)(entries.y, entries.share, k, out);
        if (squares)
            for (int64_t e = j; e < j + 4 && e < row->n; e++) {
                const real *y = FN(other_row)(side, row, e), d = FN(excess)(side, row, e);
                for (int64_t c = 0; c < k; c++)
                    squares[c] += d * y[c] * y[c];
            }
    }
    return (along[0] + along[1]) + (along[2] + along[3]);
}

static real FN(cg_pass)(const fm_wals_side *side, const fm_wals_row *row, int residual, const real *p, real *out,
                        real *squares, int64_t ahead)
{
    if (row->weight_step || row->target_step || side->unobserved_step)
        return FN(cg_walk)(side, row, 0, residual, p, out, squares, ahead);
    return FN(cg_walk)(side, row, 1, residual, p, out, squares, ahead);
}

/* What to stop at: after so many steps, or, where `exact`, once the row is as near its solution as rounding lets it come.
 * With d_j >= 0 no direction is steeper in M = s L + ridge than in A, so that for the residual r of x
 *
 *     (x - x*)' A (x - x*) = r' A^-1 r <= r' M^-1 r,
 *
 * which is at hand, and x' A x = b'x at the end. From the row x_0 that came in, where b'x_0 = sum_j wa_j y_j . x_0, a step
 * of length l makes b'x grow by l (r_0 + A x_0)'p = l (r'z + x_0'A p). Returns 1 where the steps did not suffice, or where
 * A is not positive. */
FM_INLINE int FN(conjugate_gradient)(const fm_wals_side *side, const fm_wals_row *row, const int64_t steps, const int exact,
                                     real *work, real *x)
{
    const int64_t k = side->k, stride = FN(padded)(k);
    const real *eigenvalues = side->eigenvalues, ridge = row->ridge, share = row->unobserved;
    real *r = work, *p = r + stride, *Ap = p + stride, *inverse = Ap + stride, *diagonal = inverse + stride;
    real *start = diagonal + stride;
    const int64_t most = AHEAD_BYTES / (k * (int64_t)sizeof(real)), ahead = row->next_n < most ? row->next_n : most;
    const int64_t asking = exact ? 1 : steps - 1; /* the step that asks for the next row */
    fm_prefetch(row->next, ahead * sizeof(int32_t));
    const int explicit = eigenvalues[k - 1] == 0; /* ascending: all are zero */
    memset(r, 0, k * sizeof(real));
    memset(inverse, 0, k * sizeof(real));
    int from_zero = 1;
    for (int64_t c = 0; c < k; c++)
        from_zero &= x[c] == 0;
    real bx = FN(cg_pass)(side, row, 1, from_zero ? NULL : x, r, explicit && !exact ? inverse : NULL, 0);
#pragma GCC ivdep /* the vectors are apart, or meet element by element */
    for (int64_t c = 0; c < k; c++) {
        diagonal[c] = share * eigenvalues[c] + ridge;
        inverse[c] = 1 / (inverse[c] + diagonal[c]);
        r[c] -= diagonal[c] * x[c];
        p[c] = inverse[c] * r[c];
    }
    if (exact && !(bx + FN(dot)(r, x, k) >= 0)) { /* 0 is nearer the solution, and the rounding of x would stay */
        memset(x, 0, k * sizeof(real));
        memset(r, 0, k * sizeof(real));
        bx = FN(cg_pass)(side, row, 1, NULL, r, NULL, 0);
        for (int64_t c = 0; c < k; c++)
            p[c] = inverse[c] * r[c];
    }
    if (exact)
        memcpy(start, x, k * sizeof(real));
    real rz = FN(dot)(r, p, k);
    if (!(rz - rz == 0)) /* infinite or not a number */
        return 1;
    const real least = REAL_EPSILON * REAL_EPSILON;
    real enough = exact ? EXACT * EXACT * least * bx : rz * least;
    for (int step = 0; step < steps && rz > enough; step++) {
        memset(Ap, 0, k * sizeof(real));
        FN(cg_pass)(side, row, 0, p, Ap, NULL, step == asking ? ahead : 0);
#pragma GCC ivdep
        for (int64_t c = 0; c < k; c++)
            Ap[c] = diagonal[c] * p[c] - Ap[c];
        const real curvature = FN(dot)(p, Ap, k);
        if (!(curvature > 0))
            return 1;
        const real length = rz / curvature;
        if (exact) {
            bx += length * (rz + FN(dot)(Ap, start, k));
            enough = EXACT * EXACT * least * bx;
        }
        real *z = Ap; /* no longer needed once r is updated */
#pragma GCC ivdep
        for (int64_t c = 0; c < k; c++) {
            x[c] += length * p[c];
            r[c] -= length * Ap[c];
            z[c] = inverse[c] * r[c];
        }
        const real next = FN(dot)(r, z, k), turn = next / rz;
#pragma GCC ivdep
        for (int64_t c = 0; c < k; c++)
            p[c] = z[c] + turn * p[c];
        rz = next;
    }
    return exact && !(rz <= enough);
}

static int FN(wals_cg)(const fm_wals_side *side, const fm_wals_row *row, real *work, real *x)
{
    return FN(conjugate_gradient)(side, row, side->cg_steps, 0, work, x);
}

/* The solution itself, by as many steps as it takes. Rows that take too many, or have some d_j < 0, are solved by their
 * matrix; FM_FACTORISED says so. */
static int FN(wals_iterated)(const fm_wals_side *side, const fm_wals_row *row, real *work, real *x)
{
    int applies = 1;
    for (int64_t j = 0; j < (row->weight_step || side->unobserved_step ? row->n : 1); j++)
        applies &= FN(excess)(side, row, j) >= 0;
    if (applies && !FN(conjugate_gradient)(side, row, ITERATED_STEPS, 1, work, x))
        return FM_SOLVED;
    return FN(wals_primal)(side, row, work, x) ? FM_INDEFINITE : FM_FACTORISED;
}
