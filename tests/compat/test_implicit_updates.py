"""The stand-in's work on single rows: recalculate, store, explain."""

import numpy as np
import plain_implicit as plain
import pytest
import scipy.sparse as sp

from fastmf import NotFittedError
from fastmf.compat.implicit import _sweeps
from fastmf.compat.implicit.als import AlternatingLeastSquares
from fastmf.compat.implicit.recommender_base import ModelFitError
from fastmf.compat.implicit.utils import ParameterWarning
from fastmf.kernels import gramian


def fitted(matrix, **params):
    made = AlternatingLeastSquares(
        **({"factors": 5, "regularization": 0.3, "iterations": 3, "random_state": 7, "num_threads": 1} | params)
    )
    made.fit(matrix, show_progress=False)
    return made


def exact(rows, others, regularization=0.3, alpha=1.0):
    return plain.solved(*plain.weights_and_targets(rows, alpha), others.astype(np.float64), regularization)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("alpha", "regularization"), [(1.0, 0.3), (2.5, 0.3), (2.5, 0.0)])
def test_recalculated_rows_are_the_exact_ones(dtype, alpha, regularization):
    matrix = plain.likes(signed=True)
    made = fitted(matrix, dtype=dtype, alpha=alpha, regularization=regularization, factors=25)
    tolerance = {"atol": 1e-3 if dtype == np.float32 else 1e-8}
    rows = made.recalculate_user(np.arange(30), matrix)
    assert rows.dtype == dtype
    expected = exact(matrix, made.item_factors, regularization, alpha)
    if regularization:
        np.testing.assert_allclose(rows, expected, **tolerance)
    np.testing.assert_allclose(rows @ made.item_factors.T, expected @ made.item_factors.T, **tolerance)
    assert not rows[3].any()
    turned = matrix.T.tocsr()
    columns = made.recalculate_item(np.arange(20), turned)
    expected = exact(turned, made.user_factors, regularization, alpha)
    np.testing.assert_allclose(columns @ made.user_factors.T, expected @ made.user_factors.T, **tolerance)


def test_a_row_alone_gives_what_it_gives_among_others():
    matrix = plain.likes()
    made = fitted(matrix)
    many = made.recalculate_user([4, 999, 6], matrix[4:7])
    assert many.shape == (3, 5)
    alone = made.recalculate_user(6, matrix[6])
    assert alone.shape == (5,)
    np.testing.assert_allclose(alone, many[2], atol=1e-6)
    turned = matrix.T.tocsr()
    np.testing.assert_allclose(made.recalculate_item(2, turned[2]), made.recalculate_item([2], turned[2])[0])


def test_the_gramian_is_made_once_for_many_calls(monkeypatch):
    matrix, calls, made_of = plain.likes(), [], gramian.gramian
    made = fitted(matrix)

    def counted(*arguments):
        calls.append(1)
        return made_of(*arguments)

    monkeypatch.setattr("fastmf.compat.implicit._solvers.gramian", counted)
    monkeypatch.setattr("fastmf.models._half_step.gramian", counted)
    for row in range(5):
        made.recalculate_user(row, matrix[row])
    assert len(calls) == 1


def test_rows_that_float32_cannot_solve_are_solved_in_float64(monkeypatch):
    """Two equal columns of large factors beside a tiny regularisation."""
    made = AlternatingLeastSquares(factors=2, regularization=1e-6, num_threads=1)
    made.user_factors = np.ones((3, 2), np.float32)
    made.item_factors = np.tile(np.array([[3000.0], [1000.0], [2000.0]], np.float32), (1, 2))
    row = sp.csr_matrix(np.array([[0, 0, 5.0]]))
    again, solved = [], _sweeps.solved
    monkeypatch.setattr(_sweeps, "solved", lambda *arguments: again.append(1) or solved(*arguments))
    found = made.recalculate_user(0, row)
    assert again
    np.testing.assert_allclose(found, exact(row, made.item_factors, 1e-6)[0], rtol=1e-2)
    assert found.sum() == pytest.approx(exact(row, made.item_factors, 1e-6)[0].sum(), rel=1e-5)


def test_recommend_and_similar_items_use_the_recalculated_rows():
    matrix = plain.likes()
    made = fitted(matrix)
    rows = made.recalculate_user([0, 1], matrix[[8, 9]])
    ids, scores = made.recommend([100, 101], matrix[[8, 9]], N=4, recalculate_user=True)
    np.testing.assert_allclose(scores, np.take_along_axis(rows @ made.item_factors.T, ids, axis=1), atol=1e-6)
    assert not set(ids[0]) & set(matrix[8].indices)
    turned = matrix.T.tocsr()
    ids, scores = made.similar_items(100, N=3, recalculate_item=True, item_users=turned[5])
    query = made.recalculate_item(5, turned[5])
    cosines = made.item_factors @ query / made.item_norms / np.linalg.norm(query)
    np.testing.assert_allclose(scores, np.sort(cosines)[::-1][:3], atol=1e-6)
    assert ids[0] == 5
    assert made.similar_items([100, 101], N=3, recalculate_item=True, item_users=turned[[5, 6]])[0].shape == (2, 3)


def test_partial_fits_store_rows_and_make_room_for_new_ones():
    matrix = plain.likes()
    made = fitted(matrix)
    users, items, taken = made.user_factors, made.item_factors, made.user_factors.copy()
    assert made.user_norms is not None
    assert made.XtX is not None
    assert made.partial_fit_users([2, 33], matrix[[8, 9]]) is None
    np.testing.assert_array_equal(users, taken)
    assert made.user_factors.shape == (34, 5)
    np.testing.assert_array_equal(made.user_factors[[2, 33]], made.recalculate_user([2, 33], matrix[[8, 9]]))
    assert not made.user_factors[30:33].any()
    np.testing.assert_array_equal(np.delete(made.user_factors[:30], 2, 0), np.delete(users, 2, 0))
    np.testing.assert_allclose(made.XtX, made.user_factors.T @ made.user_factors, rtol=1e-5)
    assert len(made.user_norms) == 34
    turned = matrix.T.tocsr()
    made.partial_fit_items(np.array([21]), turned[5])
    assert made.item_factors.shape == (22, 5)
    np.testing.assert_array_equal(made.item_factors[:20], items)
    np.testing.assert_array_equal(made.item_factors[21], made.recalculate_item(0, turned[5]))
    assert len(made.item_norms) == 22
    assert 21 in made.recommend(8, matrix[8], N=20)[0]
    made.partial_fit_users([], matrix[[]])
    assert made.user_factors.shape == (34, 5)


def test_bad_rows_are_refused_and_nothing_is_stored():
    matrix = plain.likes()
    made = fitted(matrix)
    before, turned = made.user_factors, matrix.T.tocsr()
    wide = sp.csr_matrix((np.ones(1), ([0], [20])), shape=(1, 30))
    broken = matrix[0].copy()
    broken.data[0] = np.nan
    for call, error, words in (
        (lambda: made.recalculate_user([0, 1], matrix), ValueError, "user_items must contain 1 row for every number"),
        (lambda: made.recalculate_item(0, turned), ValueError, "item_users must contain 1 row for every number"),
        (lambda: made.partial_fit_users([0], matrix), ValueError, "1 row"),
        (lambda: made.partial_fit_items([0], turned), ValueError, "1 row"),
        (lambda: made.partial_fit_users([-1], matrix[0]), IndexError, "userids must hold numbers of users"),
        (lambda: made.partial_fit_items([-1], turned[0]), IndexError, "itemids must hold numbers of items"),
        (lambda: made.partial_fit_users([0], wide), IndexError, r"user_items must hold numbers of items in \[0, 20\)"),
        (lambda: made.recalculate_user(0, broken), ModelFitError, "user_items must hold finite numbers"),
        (lambda: made.recalculate_user(0, np.ones((1, 20))), TypeError, "sparse"),
    ):
        with pytest.raises(error, match=words):
            call()
    assert made.user_factors is before
    with pytest.warns(ParameterWarning):
        made.recalculate_user(0, matrix[0].tocoo())
    with pytest.raises(NotFittedError):
        AlternatingLeastSquares().recalculate_user(0, matrix[0])


# -- explain --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("regularization", [0.3, 0.0])
def test_an_explanation_takes_the_score_apart(regularization):
    matrix = plain.likes(signed=True)
    user = 12
    assert (matrix[user].data < 0).any()
    made = fitted(matrix, alpha=2.0, regularization=regularization, factors=25)
    ids, scores = made.recommend(user, matrix[user], N=1, recalculate_user=True)
    total, top, user_weights = made.explain(user, matrix, ids[0])
    assert total == pytest.approx(scores[0], abs=1e-5)
    assert sum(score for _, score in top) == pytest.approx(total)
    assert [score for _, score in top] == sorted((score for _, score in top), reverse=True)
    assert {item for item, _ in top} == set(matrix[user].indices[matrix[user].data > 0])
    again = made.explain(user, matrix, ids[0], user_weights=user_weights, N=2)
    assert again[0] == total
    assert again[1] == top[:2]
    assert again[2] is user_weights
    alone = made.explain(user, matrix[user], ids[0])
    assert alone[:2] == (total, top)


def test_the_share_of_an_item_is_what_its_weight_brings():
    """Hu, Koren & Volinsky 2008, section 5: y_i' W y_j c_j, with W the inverse of the user's matrix."""
    matrix = plain.likes()
    made = fitted(matrix, dtype=np.float64)
    weights, _ = plain.weights_and_targets(matrix)
    Y = made.item_factors
    inverse = np.linalg.inv((Y.T * weights[8]) @ Y + 0.3 * np.eye(5))
    _, top, _ = made.explain(8, matrix, 2)
    for item, share in top:
        assert share == pytest.approx(Y[2] @ inverse @ Y[item] * matrix[8, item])


def test_explanations_are_of_known_users_and_items():
    matrix = plain.likes()
    made = fitted(matrix)
    for call in (
        lambda: made.explain(30, matrix, 0),
        lambda: made.explain(-1, matrix, 0),
        lambda: made.explain(0, matrix, 20),
        lambda: made.explain(0, matrix, -1),
    ):
        with pytest.raises(IndexError, match="must hold numbers of"):
            call()
    assert made.explain(3, matrix, 0)[:2] == (0.0, [])
