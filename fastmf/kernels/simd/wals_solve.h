/* One row by one of the methods, and the workspace any of them may need. */

static int64_t FN(wals_workspace)(int64_t k, int64_t block_size, int64_t longest_row)
{
    const int64_t exact = FN(exact_workspace)(k), block = FN(padded)(block_size);
    if (block == 0) /* no row takes the subspace method */
        return exact;
    const int64_t subspace = block * block + 2 * FN(batch_rows)(block) * block + 4 * block + longest_row;
    return exact > subspace ? exact : subspace;
}

/* The dual form needs n <= k and every d_j > 0, and gives way to the primal one otherwise. */
FM_INLINE int FN(dual_applies)(const fm_wals_side *side, const fm_wals_row *row)
{
    int applies = row->n <= side->k;
    for (int64_t j = 0; applies && j < (row->weight_step || side->unobserved_step ? row->n : 1); j++)
        applies = FN(excess)(side, row, j) > 0;
    return applies;
}

static int FN(wals_solve)(const fm_wals_side *side, const fm_wals_row *row, int method, void *work, void *x)
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
    default:
        return FN(wals_subspace)(side, row, work, x);
    }
}
