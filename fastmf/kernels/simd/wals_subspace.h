/* Blocks of factors in turn, each solved exactly given the others, from the x that comes in: one sweep of iALS++
 * (Rendle et al. 2021, "iALS++: speeding up matrix factorization with subspace optimization", algorithm 2). In the
 * eigenbasis of G = diag(L) blocks touch each other only through the entries of the row. For a block B of columns and
 * residuals e_j = w_j a_j - d_j (y_j . x), the step solves
 *
 *     (diag(s L_B + ridge) + sum_j d_j y_jB y_jB') step = sum_j e_j y_jB - (s L_B + ridge) x_B.
 */
static int FN(wals_subspace)(const fm_wals_side *side, const fm_wals_row *row, real *work, real *x)
{
    const int64_t k = side->k, n = row->n, full = FN(padded)(side->block_size), batch = FN(batch_rows)(full);
    const real *eigenvalues = side->eigenvalues, ridge = row->ridge, share = row->unobserved;
    real *A = work, *Z = A + full * full, *S = Z + batch * full, *b = S + batch * full, *scratch = b + full;
    real *residual = scratch + 2 * full; /* n of them: the caller made room */
    for (int64_t j = 0; j < n; j++) {
        FN(prefetch_row)(side, row, j);
        residual[j] = FN(weight)(row, j) * FN(target)(row, j) -
                      FN(excess)(side, row, j) * FN(dot)(FN(other_row)(side, row, j), x, k);
    }
    for (int64_t start = 0; start < k; start += side->block_size) {
        const int64_t width = k - start < side->block_size ? k - start : side->block_size, size = FN(padded)(width);
        memset(A, 0, size * size * sizeof(real));
        memset(b, 0, size * sizeof(real));
        for (int64_t c = 0; c < size; c++)
            A[c * size + c] = c < width ? share * eigenvalues[start + c] + ridge : 1;
        for (int64_t first = 0; first < n; first += batch) {
            const int64_t rows = n - first < batch ? n - first : batch;
            FN(batch) entries;
            FN(take_batch)(side, row, first, rows, &entries);
            memcpy(entries.share, residual + first, rows * sizeof(real));
            FN(gather)(side, row, &entries, start, width, Z, size, b);
            if (entries.negative)
                FN(signed_copy)(side, row, &entries, Z, S, size);
            FN(rank_update)(entries.negative ? S : Z, Z, size, rows, A, A, size);
        }
        for (int64_t c = 0; c < width; c++)
            b[c] -= (share * eigenvalues[start + c] + ridge) * x[start + c];
        if (FN(solve_system)(A, size, b, scratch))
            return 1;
        for (int64_t c = 0; c < width; c++)
            x[start + c] += b[c];
        if (start + width < k)
            for (int64_t j = 0; j < n; j++)
                residual[j] -= FN(excess)(side, row, j) * FN(dot)(FN(other_row)(side, row, j) + start, b, width);
    }
    return 0;
}
