"""WALS: what it learns, whatever the order, the threads and the shape, and what it makes of new users."""

import numpy as np
import pytest
import scipy.sparse as sp
from small_wals import FAST, check_fold_in, dense_objective, implicit, near, products, same_factors

import fastmf
from fastmf import WALS, Ratings, UnknownIdError, _random
from fastmf.models import _wals_start


@pytest.mark.parametrize("w0", [0.0, 0.2])
def test_permuted_users_and_items_give_the_permuted_model(w0, monkeypatch):
    matrix, rng = implicit(60, 40), np.random.default_rng(2)
    users, items = rng.permutation(60), rng.permutation(40)
    params = FAST | {"factors": 5, "iterations": 5, "unobserved_weight": w0, "dtype": "float64"}
    expected = products(WALS(**params).fit(matrix))
    normal, signed_rows = _random.normal, _wals_start.signed_rows
    monkeypatch.setattr(_random, "normal", lambda *key: normal(*key).reshape(40, -1)[items].ravel())
    monkeypatch.setattr(_wals_start, "signed_rows", lambda *key: tuple(rows[items] for rows in signed_rows(*key)))
    got = products(WALS(**params).fit(sp.csr_array(matrix.toarray()[users][:, items])))
    np.testing.assert_allclose(got, expected[users][:, items], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("w0", [0.0, 0.2])
def test_the_bits_do_not_depend_on_threads(w0, dtype):
    matrix = implicit(400, 150)
    params = {"factors": 20, "iterations": 3, "unobserved_weight": w0, "dtype": dtype, "random_state": 3}
    models = [WALS(**params, num_threads=threads, track_objective=True).fit(matrix) for threads in (1, 2, 4)]
    assert same_factors(models[0], models[1])
    assert same_factors(models[0], models[2])
    assert len({model.history[-1]["objective"] for model in models}) == 1
    folded = [models[0].fold_in_users(matrix, num_threads=threads).tobytes() for threads in (1, 2, 4)]
    assert len(set(folded)) == 1


@pytest.mark.parametrize("w0", [0.0, 0.2])
def test_both_forms_give_the_same_model(w0):
    matrix = implicit(100, 60)
    params = FAST | {"factors": 12, "iterations": 5, "unobserved_weight": w0, "solver": "cholesky", "dtype": "float64"}
    primal, dual = (products(WALS(**params, form=form).fit(matrix)) for form in ("primal", "dual"))
    np.testing.assert_allclose(dual, primal, rtol=1e-7, atol=1e-9)


def test_iterated_rows_give_the_same_model():
    matrix = implicit(100, 60)
    params = FAST | {"factors": 12, "iterations": 5, "solver": "cholesky"}
    primal, iterated = (WALS(**params, form=form).fit(matrix) for form in ("primal", "iterated"))
    assert not same_factors(primal, iterated)
    np.testing.assert_allclose(products(iterated), products(primal), rtol=1e-4, atol=1e-5)
    objectives = [model.objective(matrix).total for model in (iterated, primal)]
    assert objectives[0] == pytest.approx(objectives[1], rel=1e-6)


def test_one_unobserved_weight_an_item_is_one_for_all_where_they_are_equal():
    matrix, params = implicit(), FAST | {"factors": 5, "dtype": "float64"}
    one = products(WALS(**params, unobserved_weight=0.2).fit(matrix))
    each = WALS(**params, unobserved_weight=np.full(25, 0.2)).fit(matrix)
    np.testing.assert_allclose(products(each), one, rtol=1e-7, atol=1e-9)


def test_an_item_without_unobserved_weight_needs_no_regularization():
    """Its system is made of its entries alone, whatever rounds its factors up to whole vectors."""
    matrix, w0 = implicit(60, 40, density=0.6), np.full(40, 0.1)
    w0[:5] = 0
    model = WALS(**FAST, factors=5, unobserved_weight=w0, regularization=0, track_objective=True).fit(matrix)
    J = [record["objective"] for record in model.history]
    assert sorted(J, reverse=True) == J
    assert J[-1] == pytest.approx(sum(dense_objective(model, matrix)), rel=near(model))


def test_zero_weights_are_entries_left_out():
    """Where regularisation does not count entries and unobserved pairs have no weight."""
    matrix = implicit(60, 40)
    params = FAST | {"factors": 4, "unobserved_weight": 0, "regularization_exponent": 0.0, "dtype": "float64"}
    kept = np.random.default_rng(0).random(matrix.nnz) < 0.7
    some = Ratings.from_sparse(matrix).select(kept)
    expected = products(WALS(**params).fit(some))
    got = products(WALS(**params).fit(matrix, weights=kept.astype(float)))
    busy = some.user_counts > 0  # a user all of whose entries weigh nothing starts from another point
    np.testing.assert_allclose(got[busy], expected[busy], rtol=1e-6, atol=1e-9)


def test_explicit_ratings_of_low_rank_are_recovered():
    """A third of the entries is held out, and predicted."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(80, 3)) @ rng.normal(size=(3, 60))
    known = rng.random(truth.shape) < 0.67
    params = FAST | {"factors": 3, "iterations": 60, "unobserved_weight": 0, "regularization": 1e-6, "dtype": "float64"}
    model = WALS(**params).fit(sp.csr_array(np.where(known, truth, 0)))
    assert abs(products(model) - truth)[~known].max() < 1e-2
    assert model.predicts_ratings
    assert not WALS().predicts_ratings
    assert not WALS(unobserved_weight=[0.0, 0.1]).predicts_ratings


def test_biases_and_mean_are_recovered():
    rng = np.random.default_rng(0)
    truth = 3 + rng.normal(size=(60, 1)) + rng.normal(size=40) + np.outer(rng.normal(size=60), rng.normal(size=40))
    known = rng.random(truth.shape) < 0.67
    params = {"factors": 1, "iterations": 100, "unobserved_weight": 0, "regularization": 1e-6, "dtype": "float64"}
    model = WALS(**FAST | params, biased=True).fit(sp.csr_array(np.where(known, truth, 0)))
    users, items = np.nonzero(~known)
    assert abs(model.predict(users, items) - truth[~known]).max() < 1e-2
    assert model.user_bias.shape == (60,)
    assert model.item_bias.std() > 0.5


def test_negative_values_are_dislikes():
    liked = implicit()
    disliked = liked.copy()
    disliked.data[0] *= -1  # user 0, item 0
    params = FAST | {"factors": 6, "alpha": 5.0, "iterations": 40}
    unknown = liked.copy()
    unknown.data[0] = 0
    unknown.eliminate_zeros()
    scores = [WALS(**params).fit(matrix).predict(0, 0) for matrix in (liked, unknown, disliked)]
    assert scores[0] > scores[1] > scores[2]
    assert abs(scores[2]) < 0.1 < scores[1]


def test_weights_draw_predictions_to_their_entries():
    matrix, weights = implicit(), np.ones(implicit().nnz)
    weights[0] = 1e4
    model = WALS(**FAST, factors=2, unobserved_weight=0).fit(matrix, weights=weights)
    assert model.predict(0, 0) == pytest.approx(matrix.data[0], rel=0.01)
    without = WALS(**FAST, factors=2, unobserved_weight=0).fit(matrix)
    assert without.predict(0, 0) != pytest.approx(matrix.data[0], rel=0.01)


@pytest.mark.parametrize("value", [1.0, -1.0, 0.0])
def test_equal_values_are_no_special_case(value):
    """All values alike take one weight for all entries; each written out as weights gives the same model."""
    matrix = implicit()
    matrix.data[:] = value
    model = WALS(**FAST, factors=4, dtype="float64").fit(matrix)
    targets = matrix.copy()
    targets.data[:] = value >= 0
    explicit = WALS(**FAST, factors=4, dtype="float64").fit(targets, weights=np.full(matrix.nnz, abs(value)))
    np.testing.assert_allclose(products(model), products(explicit), rtol=1e-9, atol=1e-12)


SHAPES = {
    "one-entry": sp.csr_array([[2.0]]),
    "one-user": sp.csr_array([[2.0, 0, 1, 3]]),
    "one-item": sp.csr_array([[2.0], [0], [1]]),
    "more-factors-than-items": implicit(9, 4),
    "empty-user-and-item": implicit(),
    "wide": implicit(3, 60),
    "tall": implicit(60, 3),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("w0", [0.0, 0.1])
@pytest.mark.parametrize("matrix", SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_is_fitted(matrix, w0, dtype):
    model = WALS(**FAST, factors=9, unobserved_weight=w0, dtype=dtype, track_objective=True).fit(matrix)
    assert model.user_factors.shape == (matrix.shape[0], 9)
    assert model.item_factors.shape == (matrix.shape[1], 9)
    assert model.user_factors.dtype == model.item_factors.dtype == dtype
    assert np.isfinite(model.user_factors).all()
    assert np.isfinite(model.item_factors).all()
    J = dense_objective(model, matrix)
    assert model.objective(matrix) == pytest.approx(J, rel=near(model), abs=near(model, sum(J)))
    assert not model.user_factors[np.diff(matrix.indptr) == 0].any()
    assert not model.item_factors[np.bincount(matrix.indices, minlength=matrix.shape[1]) == 0].any()
    check_fold_in(model, matrix)


@pytest.mark.parametrize("weighted", [False, True])
def test_folding_in_the_training_rows_gives_the_user_factors(corner, weighted):
    matrix = implicit(signed=True)
    weights = np.random.default_rng(1).uniform(0.5, 3, matrix.nnz) if weighted else None
    model = WALS(**corner).fit(matrix, weights=weights)
    X, Y = model.user_factors.copy(), model.item_factors.copy()
    slack = 100 if model.nonnegative else 1  # whose rows converge slowly, here from zeros and there from the last sweep
    check_fold_in(model, matrix, weights=weights, slack=slack)
    if not weighted:
        check_fold_in(model, matrix[5:9], X[5:9], slack=slack)
    assert np.array_equal(X, model.user_factors)
    assert np.array_equal(Y, model.item_factors)
    assert model.fold_in_users(sp.csr_array((0, matrix.shape[1]))).shape == (0, 6)
    assert not model.fold_in_users(sp.csr_array((2, matrix.shape[1]))).any()


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_to_fold_in_are_matched_by_item_id(weighted):
    """The new rows know fewer items, in another order."""
    train = Ratings.from_arrays(*np.divmod(np.flatnonzero(implicit().toarray()), 25), implicit().data)
    model = WALS(**FAST, factors=5, dtype="float64", regularization_exponent=0.0).fit(train)
    items, values = np.array([24, 7, 12, 3]), np.array([1.0, 4.0, 2.0, 5.0])
    weights = np.array([0.5, 1.0, 2.0, 4.0]) if weighted else None
    by_number = np.zeros((1, train.n_items))
    by_number[0, model.item_ids.numbers(items)] = values
    in_order = np.argsort(items)  # ids ascend with numbers in `train`, and not in `rows`
    expected = model.fold_in_users(sp.csr_array(by_number), weights=None if weights is None else weights[in_order])
    rows = Ratings(
        [0, 4], [0, 1, 2, 3], values, shape=(1, 5), items=fastmf.IdMap([*items.tolist(), 99])
    )  # an unknown item that nobody has is no matter
    check_fold_in(model, rows, expected, weights=weights)
    with pytest.raises(UnknownIdError, match="rows has entries for items the model does not know, such as 99"):
        model.fold_in_users(Ratings.from_arrays([0, 0], [7, 99]))


def test_fold_in_after_a_change_of_parameters_and_from_a_mapped_file(tmp_path):
    matrix = implicit()
    model = WALS(**FAST, factors=5).fit(matrix)
    model.save(tmp_path / "model")
    check_fold_in(fastmf.load(tmp_path / "model", mmap=True), matrix, model.user_factors)
    model.set_params(dtype="float64")
    check_fold_in(model, matrix)
    expected = dense_objective(model, matrix)
    assert model.objective(matrix) == pytest.approx(expected, rel=near(model), abs=near(model, sum(expected)))
