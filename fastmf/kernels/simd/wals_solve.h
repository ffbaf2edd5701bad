/* One row by one of the methods, and the workspace any of them may need. */

static int64_t FN(wals_workspace)(int64_t k, int64_t block_size, int64_t longest_row)
{
    const int64_t solution = FN(padded)(k), exact = FN(exact_workspace)(k), block = FN(padded)(block_size);
    if (block == 0) /* no row takes the subspace method */
        return solution + exact;
    const int64_t subspace = block * block + 2 * FN(batch_rows)(block) * block + 3 * block + longest_row;
    return solution + (exact > subspace ? exact : subspace);
}

/* The dual form needs n <= k and every d_j > 0, and gives way to the primal one otherwise. */
FM_INLINE int FN(dual_applies)(const fm_wals_side *side, const fm_wals_row *row)
{
    int applies = row->n <= side->k;
    for (int64_t j = 0; applies && j < (row->weight_step || side->unobserved_step ? row->n : 1); j++)
        applies = FN(excess)(side, row, j) > 0;
    return applies;
}

FM_INLINE int FN(wals_solution)(const fm_wals_side *side, const fm_wals_row *row, int method, real *work, real *x)
{
    if (row->n == 0) {
        memset(x, 0, side->k * sizeof(real));
        return 0;
    }
    switch (method) {
    case FM_DUAL:
        if (FN(dual_applies)(side, row))
            return FN(wals_dual)(side, row, work, x); /* fall through */
    case FM_PRIMAL:
        return FN(wals_primal)(side, row, work, x);
    case FM_CG:
        return FN(wals_cg)(side, row, work, x);
    case FM_NONNEGATIVE:
        return FN(wals_nonnegative)(side, row, work, x);
    case FM_ITERATED:
        return FN(wals_iterated)(side, row, work, x);
    default:
        return FN(wals_subspace)(side, row, work, x);
    }
}

/* The row x, and where `relaxed` is not NULL a point beyond it as seen from there: relaxed += omega (x - relaxed), with
 * 1 <= omega < 2, successive over-relaxation (Young 1954). What the row minimises falls by that too, as x is its least on
 * the line; after a sweep over blocks x is not, and omega is 1. `relaxed` may be x itself, which then is lost. Where
 * `observed` is not NULL it gets what the row adds to the objective with x. */
static int FN(wals_solve)(const fm_wals_side *side, const fm_wals_row *row, int method, void *work, void *x, void *relaxed,
                          fm_observed *observed)
{
    const int64_t k = side->k;
    real *solution = work, *scratch = solution + FN(padded)(k), *r = relaxed;
    int outcome;
    if (r) {
        const real omega = method == FM_SUBSPACE ? 1 : side->relaxation;
        memcpy(solution, r, k * sizeof(real));
        outcome = FN(wals_solution)(side, row, method, scratch, solution);
        if (outcome == FM_INDEFINITE)
            return outcome;
        if (x != relaxed)
            memcpy(x, solution, k * sizeof(real));
        for (int64_t c = 0; c < k; c++)
            r[c] = (1 - omega) * r[c] + omega * solution[c];
    } else {
        outcome = FN(wals_solution)(side, row, method, scratch, x);
        if (outcome == FM_INDEFINITE)
            return outcome;
    }
    if (observed) /* while the factors of the entries are in the cache */
        FN(observed_row)(side, row, 0, x, (double *)(void *)scratch, 0, NULL, observed);
    return outcome;
}
