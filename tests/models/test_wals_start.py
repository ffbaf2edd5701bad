"""The item factors that fits of WALS start from."""

import numpy as np
import pytest
import scipy.sparse as sp

from fastmf import WALS, synthetic
from fastmf.models import _wals_start as start
from fastmf.models._intake import to_fit
from fastmf.models._wals_terms import terms

K = 5


def problem(matrix, weights=None, **params):
    model = WALS(factors=K, **params)
    return terms(to_fit(model, matrix), weights, model._checked_together())


def dense(side, n):
    """The targets of a side, 0 where there is no entry."""
    targets = np.broadcast_to(side.targets, side.indices.shape)
    return sp.csr_array((targets, side.indices, side.indptr), (len(side.counts), n)).toarray().astype(float)


def signed_rows(seed, rows, columns):
    bits, sizes = start.signed_rows(seed, rows, columns)
    ones = np.unpackbits(bits.astype("<u8").view(np.uint8), axis=1, bitorder="little")[:, :columns]
    return (2.0 * ones - 1) * sizes[:, None]


def expected(A, seed):
    """The formulas of `propagated_items`, written out over whole matrices."""
    users, items = abs(A).sum(1), abs(A).sum(0)
    inverse = [np.divide(1, np.sqrt(sums), out=np.zeros(len(sums)), where=sums > 0) for sums in (users, items)]
    B = inverse[0][:, None] * A * inverse[1]
    S = signed_rows(seed, A.shape[1], K)
    Y = B.T @ (B @ (B.T @ (B @ S)))
    leading = np.sqrt(items / max(items.sum(), 1))
    along = np.outer(leading, leading @ Y)
    rest = np.sqrt(max((Y**2).sum() - (along**2).sum(), 0))
    size = np.sqrt((along**2).sum())
    if size > rest:
        Y -= along * (1 - rest / size)
    Y *= items[:, None] ** 0.25
    return Y * 0.6 / np.sqrt((Y**2).sum(1).mean() or 1) + S * 0.1 / np.sqrt(K)


def found(given, seed, dtype, threads=1):
    X, Y = (np.zeros((len(side.counts), K + 3), dtype) for side in (given.users, given.items))
    X[:] = 7  # is only room
    start.propagated_items(X, Y, given, K, seed, num_threads=threads)
    assert not X.any()
    assert not Y[:, K:].any()
    return Y[:, :K]


def sparse(n=40, m=30):
    rng = np.random.default_rng(1)
    matrix = sp.random_array((n, m), density=0.05, rng=rng, data_sampler=lambda size: rng.integers(1, 6, size))
    return sp.csr_array(matrix).astype(np.float32)


def one_entry():
    return sp.csr_array(([1.0], ([1], [2])), (3, 4), dtype=np.float32)


MATRICES = {
    "sparse": sparse(),
    "dense": sp.csr_array(np.random.default_rng(2).integers(0, 3, (25, 20)).astype(np.float32)),
    "disliked too": sp.csr_array((sparse().data - 2.5, sparse().indices, sparse().indptr), (40, 30)),
    "one entry": one_entry(),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", MATRICES)
def test_propagated_items_are_what_their_formula_says(name, dtype):
    given = problem(MATRICES[name], alpha=2.0, dtype=np.dtype(dtype).name)
    want = expected(dense(given.users, len(given.items.counts)), 3)
    for threads in (1, 2):
        got = found(given, 3, dtype, threads)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-4 if dtype == np.float32 else 1e-11)
    assert got.any()


def test_dense_data_has_its_popularity_taken_out_and_sparse_data_keeps_it():
    shares = {}
    for name in ("sparse", "dense"):
        given = problem(MATRICES[name], dtype="float64")
        items = dense(given.users, len(given.items.counts)).sum(0)
        noise = signed_rows(0, len(items), K) * 0.1 / np.sqrt(K)
        Y = (found(given, 0, np.float64) - noise) / np.where(items, items, 1)[:, None] ** 0.25
        leading = np.sqrt(items / items.sum())
        shares[name] = ((leading @ Y) ** 2).sum() / (Y**2).sum()
    assert shares["sparse"] < 0.4
    assert shares["dense"] == pytest.approx(0.5)


def test_targets_of_any_sign_are_propagated():
    rng, matrix = np.random.default_rng(4), sparse()
    matrix.data = rng.normal(size=matrix.nnz).astype(np.float32)
    given = problem(matrix, np.ones(matrix.nnz), dtype="float64")
    np.testing.assert_allclose(found(given, 1, np.float64), expected(dense(given.users, 30), 1), rtol=0, atol=1e-11)


def test_dislikes_alone_give_zeros():
    matrix = -1 * one_entry()
    start_of = found(problem(matrix), 0, np.float32)
    np.testing.assert_allclose(start_of, expected(np.zeros(matrix.shape), 0), rtol=1e-6)
    model = WALS(factors=K, random_state=0).fit(matrix)
    assert not model.user_factors.any()
    assert not model.item_factors.any()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (2, 2), (9, 9)])
def test_a_fit_to_likes_of_everything_by_everybody_is_not_nothing(shape, seed):
    model = WALS(factors=1, random_state=seed, iterations=30).fit(sp.csr_array(np.ones(shape, np.float32)))
    np.testing.assert_allclose(model.user_factors @ model.item_factors.T, 1, atol=0.05)


def test_the_blocks_of_rows_do_not_show(monkeypatch):
    given = problem(MATRICES["dense"], dtype="float64")
    whole = found(given, 0, np.float64)
    monkeypatch.setattr(start, "BLOCK_VALUES", 56)
    np.testing.assert_allclose(found(given, 0, np.float64), whole, rtol=0, atol=1e-11)


def test_a_fit_begins_where_random_items_get_in_two_iterations(monkeypatch):
    matrix = synthetic("ml-100k")
    params = {"factors": 16, "alpha": 1.0, "track_objective": True, "random_state": 0, "solver": "cholesky"}

    def objectives(iterations):
        return [record["objective"] for record in WALS(**params, iterations=iterations).fit(matrix).history]

    propagated = objectives(4)
    monkeypatch.setattr(
        "fastmf.models._wals_fit.propagated_items",
        lambda X, Y, terms, k, seed, *, num_threads: start.random_items(Y, k, seed, nonnegative=False),
    )
    drawn = objectives(8)
    assert propagated[0] < drawn[1]
    assert propagated[3] < drawn[7]


@pytest.mark.parametrize("params", [{"unobserved_weight": 0.0}, {"nonnegative": True}])
def test_ratings_alone_and_factors_above_zero_start_from_draws(params, monkeypatch):
    monkeypatch.setattr("fastmf.models._wals_fit.propagated_items", None)
    WALS(factors=3, iterations=1, random_state=0, **params).fit(sparse())


def test_signed_rows_are_signs_of_a_size_a_row():
    rows = signed_rows(3, 50, 130)
    sizes = abs(rows[:, 0])
    np.testing.assert_array_equal(abs(rows), np.broadcast_to(sizes[:, None], rows.shape))
    assert len(set(sizes)) == 50
    assert 0.5 <= sizes.min() < 0.6 < 1.4 < sizes.max() < 1.5
    assert abs((rows > 0).mean() - 0.5) < 0.03
    np.testing.assert_array_equal(signed_rows(3, 20, 130), rows[:20])
