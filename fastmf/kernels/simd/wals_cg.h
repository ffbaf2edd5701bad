/* A few steps of preconditioned conjugate gradient on the k x k system of a row, from the x that comes in, without ever
 * forming its matrix (Takács, Pilászy & Tikk 2011 for the unpreconditioned form):
 *
 *     A p = (s L + ridge) p + sum_j d_j y_j (y_j . p)      with Y in the eigenbasis of G = diag(L).
 *
 * The preconditioner is the diagonal (s L + ridge)^-1, which is A^-1 but for the entries of the row; without unobserved
 * weight (L = 0) it is the diagonal of A.
 */

#define CG_ROWS 4 /* entries taken together: p is loaded once for all of them */
#define AHEAD_BYTES 65536 /* of the next row's factors asked for while this one is solved: they stay in the L2 cache */

/* s_q = p . y_q for CG_ROWS rows */
FM_INLINE void FN(dot_rows)(const real *const *y, const real *p, int64_t k, real *s)
{
    vec a[CG_ROWS] = {{0}};
    int64_t c = 0;
    for (; c + LANES <= k; c += LANES) {
        const vec v = load(p + c);
#pragma GCC unroll 4
        for (int q = 0; q < CG_ROWS; q++)
            a[q] += v * load(y[q] + c);
    }
#pragma GCC unroll 4
    for (int q = 0; q < CG_ROWS; q++)
        s[q] = hsum(a[q]);
    for (; c < k; c++)
        for (int q = 0; q < CG_ROWS; q++)
            s[q] += p[c] * y[q][c];
}

/* out += sum_q s_q y_q */
FM_INLINE void FN(add_rows)(const real *const *y, const real *s, int64_t k, real *out)
{
    int64_t c = 0;
    for (; c + LANES <= k; c += LANES) {
        vec v = load(out + c);
#pragma GCC unroll 4
        for (int q = 0; q < CG_ROWS; q++)
            v += splat(s[q]) * load(y[q] + c);
        store(out + c, v);
    }
    for (; c < k; c++)
        for (int q = 0; q < CG_ROWS; q++)
            out[c] += s[q] * y[q][c];
}

/* out += sum_j (wa_j - d_j y_j . p) y_j, with wa_j = w_j a_j for the residual and 0 for a product by -A; p is NULL for 0;
 * squares += sum_j d_j y_j^2 where it is asked for. `ahead` factors of the next row are asked for on the way. */
FM_INLINE void FN(cg_pass)(const fm_wals_side *side, const fm_wals_row *row, int residual, const real *p, real *out,
                           real *squares, int64_t ahead)
{
    const int64_t k = side->k;
    for (int64_t j = 0; j < row->n; j += CG_ROWS) {
        const real *y[CG_ROWS];
        real s[CG_ROWS] = {0}, d[CG_ROWS], wa[CG_ROWS];
#pragma GCC unroll 4
        for (int q = 0; q < CG_ROWS; q++) { /* beyond the row: its last entry, times zero */
            const int64_t e = j + q < row->n ? j + q : row->n - 1;
            d[q] = j + q < row->n ? FN(excess)(side, row, e) : 0;
            wa[q] = j + q < row->n ? FN(weight)(row, e) * FN(target)(row, e) : 0;
            y[q] = FN(other_row)(side, row, e);
            if (residual)
                FN(prefetch_row)(side, row, e);
            if (j + q < ahead)
                FN(prefetch)(side, row->next[j + q]);
        }
        if (p)
            FN(dot_rows)(y, p, k, s);
#pragma GCC unroll 4
        for (int q = 0; q < CG_ROWS; q++)
            s[q] = (residual ? wa[q] : 0) - d[q] * s[q];
        FN(add_rows)(y, s, k, out);
        if (squares)
            for (int q = 0; q < CG_ROWS; q++)
                for (int64_t c = 0; c < k; c++)
                    squares[c] += d[q] * y[q][c] * y[q][c];
    }
}

static int FN(wals_cg)(const fm_wals_side *side, const fm_wals_row *row, real *work, real *x)
{
    const int64_t k = side->k, stride = FN(padded)(k);
    const real *eigenvalues = side->eigenvalues, ridge = row->ridge, share = row->unobserved;
    real *r = work, *p = r + stride, *Ap = p + stride, *inverse = Ap + stride, *diagonal = inverse + stride;
    const int64_t most = AHEAD_BYTES / (k * (int64_t)sizeof(real)), ahead = row->next_n < most ? row->next_n : most;
    fm_prefetch(row->next, ahead * sizeof(int32_t));
    const int explicit = eigenvalues[k - 1] == 0; /* ascending: all are zero */
    memset(r, 0, k * sizeof(real));
    memset(inverse, 0, k * sizeof(real));
    int from_zero = 1;
    for (int64_t c = 0; c < k; c++)
        from_zero &= x[c] == 0;
    FN(cg_pass)(side, row, 1, from_zero ? NULL : x, r, explicit ? inverse : NULL, 0);
#pragma GCC ivdep /* the vectors are apart, or meet element by element */
    for (int64_t c = 0; c < k; c++) {
        diagonal[c] = share * eigenvalues[c] + ridge;
        inverse[c] = 1 / (inverse[c] + diagonal[c]);
        r[c] -= diagonal[c] * x[c];
        p[c] = inverse[c] * r[c];
    }
    real rz = FN(dot)(r, p, k);
    if (!(rz - rz == 0)) /* infinite or not a number */
        return 1;
    const real enough = rz * REAL_EPSILON * REAL_EPSILON;
    for (int step = 0; step < side->cg_steps && rz > enough; step++) {
        memset(Ap, 0, k * sizeof(real));
        FN(cg_pass)(side, row, 0, p, Ap, NULL, step == side->cg_steps - 1 ? ahead : 0);
#pragma GCC ivdep
        for (int64_t c = 0; c < k; c++)
            Ap[c] = diagonal[c] * p[c] - Ap[c];
        const real curvature = FN(dot)(p, Ap, k);
        if (!(curvature > 0))
            return 1;
        const real length = rz / curvature;
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
    return 0;
}
