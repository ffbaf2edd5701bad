"""Items and users folded in: each is the solution of its own least-squares problem, to rounding."""

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import nnls
from small_wals import FAST, implicit, near

import fastmf
from fastmf import WALS, IdMap, Ratings, UnknownIdError
from fastmf.models import _half_step, _state


def least_squares(model, matrix, weights=None):
    """For each column of the matrix, factors and bias that minimise its terms of J, given the users."""
    p = model._checked_together()
    r = matrix.toarray().astype(float)
    stored = np.zeros(r.shape, bool)
    stored[matrix.nonzero()] = True
    strength = p["alpha"] * abs(r)
    w0 = np.broadcast_to(p["unobserved_weight"], r.shape[1]).astype(float)
    if weights is not None:
        w, a = np.zeros(r.shape), r
        w[matrix.nonzero()] = weights
    elif not w0.any():
        w, a = stored.astype(float), r
    else:
        w = {"linear": strength, "one_plus": 1 + strength, "log": np.log(1 + strength)}[p["confidence"]]
        a = (r >= 0).astype(float)
    W = np.where(stored, w, w0)
    a = np.where(stored, a, 0)
    Z = model.user_factors.astype(float)
    if p["biased"]:
        Z = np.hstack([Z, np.ones((len(Z), 1))])
        a = np.where(stored, a - model.mean - model.user_bias[:, None], 0)
    lam = np.broadcast_to(p["regularization"], 2)[1]
    found = []
    for i in range(r.shape[1]):
        ridge = lam * (stored[:, i].sum() + w0[i] * len(Z)) ** p["regularization_exponent"]
        A = np.vstack([np.sqrt(W[:, [i]]) * Z, np.sqrt(ridge) * np.eye(Z.shape[1])])
        b = np.concatenate([np.sqrt(W[:, i]) * a[:, i], np.zeros(Z.shape[1])])
        found.append(nnls(A, b)[0] if p["nonnegative"] else np.linalg.lstsq(A, b)[0])
    found = np.array(found)
    return (found[:, :-1], found[:, -1]) if p["biased"] else (found, np.zeros(len(found)))


def check(model, got, expected, slack=1.0):
    for mine, its in zip(got, expected, strict=True):
        scale = 1 + abs(expected[0]).max()
        assert mine.dtype == model.user_factors.dtype
        assert mine.shape == its.shape
        assert abs(mine - its).max() <= 10 * slack * near(model, scale)


@pytest.mark.parametrize("weighted", [False, True])
def test_folded_in_items_are_their_least_squares_solutions(corner, weighted):
    matrix = implicit(signed=True)
    draw = np.random.default_rng(1).uniform
    model = WALS(**corner).fit(matrix, weights=draw(0.5, 3, matrix.nnz) if weighted else None)
    before = model.item_factors.copy(), model.user_factors.copy()
    columns = implicit(seed=9, signed=True)
    weights = draw(0.5, 3, columns.nnz) if weighted else None
    if corner.get("regularization") == 0:  # and the empty item has no single solution
        columns, weights = sp.csr_array(np.ones(matrix.shape)), None
    slack = 100 if model.nonnegative else 1
    expected = least_squares(model, columns, weights)
    check(model, model.fold_in_items(columns, weights=weights, with_bias=True), expected, slack)
    check(model, [model.fold_in_items(columns, weights=weights)], expected[:1], slack)
    np.testing.assert_array_equal(model.item_factors, before[0])
    np.testing.assert_array_equal(model.user_factors, before[1])


def test_threads_do_not_change_folded_in_items():
    matrix = implicit(300, 80)
    model = WALS(factors=9, iterations=2, random_state=0).fit(matrix)
    assert len({model.fold_in_items(matrix, num_threads=threads).tobytes() for threads in (1, 2, 4)}) == 1


def test_folding_in_items_is_folding_in_users_with_the_sides_swapped():
    matrix = implicit()
    model = WALS(**FAST, factors=5, regularization=(0.3, 0.02), dtype="float64").fit(matrix)
    other = WALS(**FAST, factors=5, regularization=(0.02, 0.3), dtype="float64").fit(sp.csr_array(matrix.T))
    other._state = fastmf.models._state.State.of(
        Ratings.from_sparse(matrix.T), model.item_factors, model.user_factors, keep_values=True
    )
    np.testing.assert_array_equal(model.fold_in_items(matrix), other.fold_in_users(sp.csr_array(matrix.T)))


def test_few_and_no_columns():
    matrix = implicit()
    model = WALS(**FAST, factors=5, dtype="float64").fit(matrix)
    expected = model.fold_in_items(matrix)
    np.testing.assert_allclose(model.fold_in_items(matrix[:, [7, 3]]), expected[[7, 3]], rtol=1e-12)
    assert model.fold_in_items(sp.csr_array((40, 0))).shape == (0, 5)
    assert not model.fold_in_items(sp.csr_array((40, 2))).any()
    assert not expected[2].any()


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_of_items_to_fold_in_are_matched_by_user_id(weighted):
    """The new columns know fewer users, in another order."""
    pairs = np.divmod(np.flatnonzero(implicit().toarray()), 25)
    model = WALS(**FAST, factors=5, dtype="float64").fit(Ratings.from_arrays(*pairs, implicit().data))
    users, values = np.array([30, 7, 12, 3]), np.array([1.0, 4.0, 2.0, 5.0])
    weights = np.array([0.5, 1.0, 2.0, 4.0]) if weighted else None
    by_number = np.zeros((len(model.user_ids), 1))
    by_number[model.user_ids.numbers(users), 0] = values
    in_order = np.argsort(users)
    expected = model.fold_in_items(sp.csr_array(by_number), weights=None if weights is None else weights[in_order])
    columns = Ratings([0, 1, 2, 3, 4, 4], [0] * 4, values, shape=(5, 1), users=IdMap([*users.tolist(), 99]))
    np.testing.assert_allclose(model.fold_in_items(columns, weights=weights), expected, rtol=1e-12)
    with pytest.raises(UnknownIdError, match="columns has entries for users the model does not know, such as 99"):
        model.fold_in_items(Ratings.from_arrays([7, 99], [0, 0]))


def test_items_with_unobserved_weights_of_their_own():
    matrix, own = implicit(), np.linspace(0.1, 0.5, 25)
    model = WALS(**FAST, factors=5, dtype="float64", unobserved_weight=own).fit(matrix)
    few = matrix[:, [7, 3]]
    expected = model.fold_in_items(matrix)[[7, 3]]
    np.testing.assert_allclose(model.fold_in_items(few, unobserved_weight=own[[7, 3]]), expected, rtol=1e-12)
    one = model.fold_in_items(few, unobserved_weight=0.2)
    np.testing.assert_allclose(one, model.fold_in_items(few, unobserved_weight=[0.2, 0.2]), rtol=1e-12)
    assert abs(one - expected).max() > 1e-3
    with pytest.raises(ValueError, match="unobserved_weight must be given for these 2 columns"):
        model.fold_in_items(few)
    ids = IdMap([f"i{i}" for i in range(25)])
    named = WALS(**FAST, factors=5, dtype="float64", unobserved_weight=own)
    full = Ratings.from_sparse(matrix)
    named.fit(Ratings(full.indptr, full.indices, full.data, shape=full.shape, items=ids))
    part = Ratings.from_sparse(few)
    by_id = Ratings(part.indptr, part.indices, part.data, shape=part.shape, items=IdMap(["i7", "i3"]))
    np.testing.assert_allclose(named.fold_in_items(by_id), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("columns", "keywords", "error", "says"),
    [
        (implicit()[:9], {}, ValueError, "columns must have 40 rows, one for each of the model's users, got shape"),
        (sp.csr_array(implicit().T), {}, ValueError, r"columns must have 40 rows.*\(this looks transposed\)"),
        (implicit().toarray(), {}, TypeError, "columns must be fastmf.Ratings or a SciPy sparse matrix"),
        (implicit(), {"weights": [1.0]}, ValueError, "weights must be a one-dimensional array of length"),
        (implicit(), {"weights": -np.ones(implicit().nnz)}, ValueError, "weights must hold finite numbers >= 0"),
        (implicit(), {"unobserved_weight": -1.0}, ValueError, "unobserved_weight must be a finite number >= 0"),
        (implicit(), {"unobserved_weight": [1.0]}, ValueError, "unobserved_weight must be .* of length 25"),
        (implicit(), {"with_bias": 1}, TypeError, "with_bias must be True or False"),
    ],
)
def test_columns_that_do_not_fit_are_refused(columns, keywords, error, says):
    model = WALS(**FAST, factors=3, iterations=1).fit(implicit())
    with pytest.raises(error, match=says):
        model.fold_in_items(columns, **keywords)


def test_an_explicit_model_takes_no_unobserved_weight():
    model = WALS(**FAST, factors=3, iterations=1, unobserved_weight=0).fit(implicit())
    with pytest.raises(ValueError, match="unobserved_weight is for a model whose own is not 0"):
        model.fold_in_items(implicit(), unobserved_weight=0.1)


def test_biases_of_folded_in_users_are_the_fitted_ones():
    model = WALS(**FAST, factors=3, biased=True, unobserved_weight=0, dtype="float64").fit(implicit())
    factors, bias = model.fold_in_users(implicit(), with_bias=True)
    np.testing.assert_allclose(bias, model.user_bias, atol=1e-9)
    np.testing.assert_allclose(factors, model.user_factors, atol=1e-9)
    assert abs(bias).max() > 0.01


def test_the_gramian_of_a_fit_is_made_once(monkeypatch):
    model = WALS(**FAST, factors=6).fit(implicit())
    first = model.fold_in_users(implicit())
    monkeypatch.setattr(_state, "gramian", None)
    monkeypatch.setattr(_half_step, "gramian", None)
    np.testing.assert_array_equal(model.fold_in_users(implicit()), first)
    monkeypatch.undo()
    np.testing.assert_array_equal(WALS(**FAST, factors=6).fit(implicit()).fold_in_users(implicit()), first)
    model.fit(implicit() * 2)
    assert not np.array_equal(model.fold_in_users(implicit()), first)
