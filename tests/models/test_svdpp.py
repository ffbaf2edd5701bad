import numpy as np
import pytest
import scipy.sparse as sp

import fastmf
from fastmf.kernels import svdpp
from fastmf.models import _sgd_pieces, _svdpp_fit
from fastmf.models._svdpp_fit import BATCH, equal_shares

FITTED = ("user_factors", "item_factors", "user_bias", "item_bias", "implicit_factors")


@pytest.fixture(scope="module")
def parts():
    ratings = fastmf.synthetic(300, 200, 9000, rank=3, noise=0.2, random_state=1)
    return fastmf.split_random(ratings, test=0.1, random_state=0)


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in FITTED)


@pytest.mark.parametrize(("optimizer", "rate"), [("sgd", 0.03), ("adagrad", 0.1)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_beats_the_mean_by_far(parts, optimizer, rate, dtype):
    train, test = parts
    model = fastmf.SVDpp(factors=8, optimizer=optimizer, learning_rate=rate, dtype=dtype, random_state=0).fit(train)
    assert {getattr(model, name).dtype for name in FITTED} == {np.dtype(dtype)}
    assert fastmf.rmse(model, test) < 0.75 * np.std(test.data)


def taste_in_what_is_rated(seed=0):
    """Users of two kinds, who tend to rate other items, and like others; few ratings tell the kinds apart."""
    rng = np.random.default_rng(seed)
    n_users, n_items = 400, 120
    kind = rng.choice([-1.0, 1.0], n_users)
    side = np.repeat([-1.0, 1.0], n_items // 2)
    liked = rng.choice([-1.0, 1.0], n_items)
    shares = np.where(kind[:, None] * side > 0, 0.15, 0.03)
    mask = rng.random((n_users, n_items)) < shares
    dense = 3 + kind[:, None] * liked + rng.normal(0, 0.5, (n_users, n_items))
    return fastmf.split_random(sp.csr_array(np.where(mask, dense, 0)), test=0.2, random_state=0)


def test_it_learns_from_which_items_are_rated():
    train, test = taste_in_what_is_rated()
    common = {"factors": 4, "epochs": 30, "random_state": 0}
    biased, with_implicit = (fastmf.rmse(kind(**common).fit(train), test) for kind in (fastmf.BiasedMF, fastmf.SVDpp))
    assert with_implicit < 0.9 * biased


@pytest.mark.parametrize("options", [{}, {"optimizer": "sgd", "learning_rate": 0.02}, {"factors": 19}])
def test_results_are_bit_identical_for_any_number_of_threads(parts, options, monkeypatch):
    monkeypatch.setattr(_svdpp_fit, "WORK_A_THREAD", 1)  # threads for the smallest batches too
    one, two, four = (fastmf.SVDpp(epochs=4, random_state=3, num_threads=n, **options).fit(parts[0]) for n in (1, 2, 4))
    assert same(one, two)
    assert same(one, four)


def test_seeds_matter_and_repeat(parts):
    fits = [fastmf.SVDpp(epochs=2, random_state=seed).fit(parts[0]) for seed in (0, 0, 1)]
    assert same(fits[0], fits[1])
    assert not same(fits[0], fits[2])


def test_objective_is_the_dense_one(parts):
    train, _ = parts
    model = fastmf.SVDpp(
        factors=5, epochs=3, regularization=(0.03, 0.05), implicit_regularization=0.04, bias_regularization=0.02,
        dtype="float64", random_state=0,
    ).fit(train)  # fmt: skip
    stored = train.to_scipy().toarray()
    mask = stored != 0
    n_u, n_i = mask.sum(axis=1), mask.sum(axis=0)
    own = model.user_factors - mask @ model.implicit_factors / n_u[:, None] ** 0.5
    yhat = model.user_factors @ model.item_factors.T + model.user_bias[:, None] + model.item_bias + model.mean
    J = model.objective(train)
    assert J.observed == pytest.approx(((stored - yhat)[mask] ** 2).sum())
    assert J.unobserved == 0
    penalty = 0.03 * n_u @ (own**2).sum(axis=1) + 0.05 * n_i @ (model.item_factors**2).sum(axis=1)
    penalty += 0.04 * n_i @ (model.implicit_factors**2).sum(axis=1)
    assert J.regularization == pytest.approx(penalty + 0.02 * (n_u @ model.user_bias**2 + n_i @ model.item_bias**2))


def test_ever_smaller_steps_end_where_the_gradient_of_the_objective_is_zero(parts):
    train, _ = parts
    lam = {"regularization": (0.1, 0.2), "implicit_regularization": 0.15, "bias_regularization": 0.3}
    model = fastmf.SVDpp(
        factors=3, optimizer="sgd", epochs=1000, learning_rate=0.06, decay=0.006, dtype="float64", random_state=0, **lam
    ).fit(train)
    stored = train.to_scipy().toarray()
    mask = stored != 0
    n_u, n_i = mask.sum(axis=1), mask.sum(axis=0)
    X, Q, Y = model.user_factors, model.item_factors, model.implicit_factors
    errors = np.where(mask, stored - (X @ Q.T + model.user_bias[:, None] + model.item_bias + model.mean), 0)
    scale = 1 / n_u[:, None] ** 0.5
    assert np.linalg.norm(Y) > 0.1
    for pull, shrink in (
        (errors @ Q, 0.1 * n_u[:, None] * (X - scale * (mask @ Y))),
        (errors.T @ X, 0.2 * n_i[:, None] * Q),
        (mask.T @ (scale * (errors @ Q)), 0.15 * n_i[:, None] * Y),
        (errors.sum(axis=1), 0.3 * n_u * model.user_bias),
        (errors.sum(axis=0), 0.3 * n_i * model.item_bias),
    ):
        assert np.linalg.norm(pull - shrink) < 0.03 * np.linalg.norm(shrink)


def test_weights_of_zero_count_as_items_without_a_known_rating(parts):
    train, _ = parts
    kept = np.random.default_rng(0).random(train.nnz) < 0.5
    weights = kept.astype(float)
    spoilt = sp.csr_array((np.where(kept, train.data, 1000), train.indices, train.indptr), shape=train.shape)
    calm, wild = (fastmf.SVDpp(factors=4, random_state=0).fit(data, weights=weights) for data in (train, spoilt))
    assert same(calm, wild)
    assert not same(calm, fastmf.SVDpp(factors=4, random_state=0).fit(train.select(kept).to_scipy()))


def test_validation_early_stopping_and_the_best_epoch(parts):
    train, test = parts
    options = {"optimizer": "sgd", "learning_rate": 0.05, "schedule": "constant", "regularization": 0.001}
    model = fastmf.SVDpp(epochs=200, patience=3, random_state=0, **options).fit(train, validation=test)
    scores = [record["validation"] for record in model.history]
    assert len(scores) < 200
    assert int(np.argmin(scores)) == len(scores) - 4
    assert fastmf.rmse(model, test) == pytest.approx(min(scores), rel=1e-5)
    assert same(model, fastmf.SVDpp(epochs=len(scores) - 3, random_state=0, **options).fit(train))


def test_each_epoch_takes_the_users_in_another_order(parts, monkeypatch):
    orders, real = [], svdpp.run_epoch

    def noted(*arguments):
        orders.append(arguments[9])
        real(*arguments)

    monkeypatch.setattr(svdpp, "run_epoch", noted)
    fastmf.SVDpp(epochs=2, random_state=0).fit(parts[0])
    for order in orders:
        np.testing.assert_array_equal(np.sort(order), np.arange(parts[0].n_users))
    assert not np.array_equal(orders[0], orders[-1])


def test_schedules_and_range(parts):
    train, _ = parts
    model = fastmf.SVDpp(epochs=3, schedule="exponential", decay=0.5, learning_rate=0.04, rating_range=(3, 3.5))
    predictions = model.fit(train).predict(train.row_numbers(), train.indices)
    assert [record["learning_rate"] for record in model.history] == pytest.approx([0.04, 0.02, 0.01])
    assert predictions.min() == 3
    assert predictions.max() == 3.5


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_divergence_names_the_epoch_and_leaves_the_model(parts, optimizer):
    model = fastmf.SVDpp(epochs=2, random_state=0).fit(parts[0])
    before = model.user_factors.copy()
    model.set_params(learning_rate=1e6, optimizer=optimizer, epochs=50)
    with pytest.raises(fastmf.FitDivergedError, match=r"epoch \d+: lower learning_rate"):
        model.fit(parts[0])
    np.testing.assert_array_equal(model.user_factors, before)


def test_users_and_items_without_ratings_get_zeros():
    ratings = sp.csr_array(([5.0, 1.0, 3.0], ([0, 0, 2], [0, 1, 1])), shape=(4, 5))
    model = fastmf.SVDpp(factors=3, random_state=0).fit(ratings)
    assert not model.user_factors[[1, 3]].any()
    assert not model.item_factors[2:].any()
    assert not model.implicit_factors[2:].any()
    assert model.implicit_factors[:2].any()
    assert model.predict(3, 4) == pytest.approx(3.0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 3), (BATCH["adagrad"] + 1, 2)])
def test_tiny_matrices(shape):
    model = fastmf.SVDpp(factors=70, random_state=0)
    model.fit(sp.csr_array(np.arange(1.0, np.prod(shape) + 1).reshape(shape) % 5 + 1))
    assert np.isfinite(model.predict(0, 0))


def test_an_interruption_within_an_epoch_goes_back_to_the_last_whole_one(parts, monkeypatch):
    train, _ = parts
    monkeypatch.setattr(_sgd_pieces, "PIECE_SECONDS", 1e-9)  # every batch a piece
    calls, real = [], svdpp.run_epoch

    def counted(*arguments):
        calls.append(None)
        if len(calls) == 2 * -(-train.n_users // BATCH["adagrad"]) + 2:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(svdpp, "run_epoch", counted)
    model = fastmf.SVDpp(epochs=5, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(train)
    monkeypatch.setattr(svdpp, "run_epoch", real)
    monkeypatch.setattr(_sgd_pieces, "PIECE_SECONDS", 10)
    assert same(model, fastmf.SVDpp(epochs=2, random_state=0).fit(train))


def test_implicit_factors_are_kept_in_the_file(parts, tmp_path):
    model = fastmf.SVDpp(epochs=2, random_state=0).fit(parts[0])
    model.save(tmp_path / "model")
    assert same(fastmf.load(tmp_path / "model"), model)


def test_a_bad_parameter_of_its_own(parts):
    with pytest.raises(ValueError, match="implicit_regularization must be a finite number >= 0"):
        fastmf.SVDpp(implicit_regularization=-1).fit(parts[0])


def test_shares_are_even_and_cover_all_items():
    counts = np.sort(np.random.default_rng(0).zipf(1.8, 1000) % 500)
    shares = equal_shares(counts, 4)
    assert shares[0] == 0
    assert shares[-1] == 1000
    assert np.add.reduceat(counts, shares[:-1]).max() < 1.5 * counts.sum() / 4
    np.testing.assert_array_equal(equal_shares(np.array([7]), 3), [0, 0, 0, 1])
