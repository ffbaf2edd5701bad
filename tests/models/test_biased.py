import numpy as np
import pytest
import scipy.sparse as sp

import fastmf
from fastmf.kernels import sgd
from fastmf.models import _sgd_fit, _sgd_pieces
from fastmf.models._sgd_grid import block_count, dealt

FITTED = ("user_factors", "item_factors", "user_bias", "item_bias")


@pytest.fixture(scope="module")
def parts():
    ratings = fastmf.synthetic(300, 200, 9000, rank=3, noise=0.2, random_state=1)
    return fastmf.split_random(ratings, test=0.1, random_state=0)


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in FITTED)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
@pytest.mark.parametrize("parallel", ["blocked", "hogwild"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_beats_the_mean_by_far(parts, optimizer, parallel, dtype):
    train, test = parts
    rate = {"sgd": 0.02, "adagrad": 0.1}[optimizer]
    model = fastmf.BiasedMF(
        factors=8, optimizer=optimizer, learning_rate=rate, parallel=parallel, dtype=dtype, random_state=0
    )
    model.fit(train)
    assert model.user_factors.dtype == dtype
    assert fastmf.rmse(model, test) < 0.75 * np.std(test.data)


@pytest.mark.parametrize(
    "options", [{}, {"optimizer": "sgd", "learning_rate": 0.02}, {"schedule": "bold_driver"}, {"factors": 19}]
)
def test_blocked_is_bit_identical_for_any_number_of_threads(parts, options, monkeypatch):
    monkeypatch.setattr(_sgd_fit, "RECORDS_A_THREAD", 1)  # threads for the smallest cells too
    one, two, four = (
        fastmf.BiasedMF(epochs=4, random_state=3, num_threads=n, **options).fit(parts[0]) for n in (1, 2, 4)
    )
    assert same(one, two)
    assert same(one, four)


def test_seeds_matter_and_repeat(parts):
    fits = [fastmf.BiasedMF(epochs=2, random_state=seed).fit(parts[0]) for seed in (0, 0, 1)]
    assert same(fits[0], fits[1])
    assert not same(fits[0], fits[2])


def test_objective_is_the_dense_one(parts):
    train, _ = parts
    model = fastmf.BiasedMF(
        factors=5, epochs=3, regularization=(0.03, 0.05), bias_regularization=0.02, dtype="float64", random_state=0
    ).fit(train)
    stored = train.to_scipy().toarray()
    mask = stored != 0
    yhat = model.user_factors @ model.item_factors.T + model.user_bias[:, None] + model.item_bias + model.mean
    n_u, n_i = mask.sum(axis=1), mask.sum(axis=0)
    J = model.objective(train)
    assert J.observed == pytest.approx(((stored - yhat)[mask] ** 2).sum())
    assert J.unobserved == 0
    penalty = 0.03 * n_u @ (model.user_factors**2).sum(axis=1) + 0.05 * n_i @ (model.item_factors**2).sum(axis=1)
    assert J.regularization == pytest.approx(penalty + 0.02 * (n_u @ model.user_bias**2 + n_i @ model.item_bias**2))


def test_train_loss_is_near_the_objective_at_small_steps(parts):
    train, _ = parts
    model = fastmf.BiasedMF(factors=4, epochs=1, learning_rate=1e-9, dtype="float64", random_state=0).fit(train)
    assert model.history[0]["train_loss"] * train.nnz == pytest.approx(model.objective(train).observed, rel=1e-6)


def test_weights_of_zero_are_as_good_as_no_rating(parts):
    train, _ = parts
    rng = np.random.default_rng(0)
    kept = rng.random(train.nnz) < 0.5
    spoilt = sp.csr_array((np.where(kept, train.data, 1000), train.indices, train.indptr), shape=train.shape)
    model = fastmf.BiasedMF(factors=4, epochs=10, random_state=0).fit(spoilt, weights=kept.astype(float))
    assert fastmf.rmse(model, fastmf.Ratings.from_sparse(train.select(kept).to_scipy())) < 0.6


def test_validation_early_stopping_and_the_best_epoch(parts):
    train, test = parts
    model = fastmf.BiasedMF(
        optimizer="sgd",
        epochs=200,
        learning_rate=0.05,
        schedule="constant",
        regularization=0.001,
        patience=3,
        random_state=0,
    ).fit(train, validation=test)
    scores = [record["validation"] for record in model.history]
    assert len(scores) < 200
    assert int(np.argmin(scores)) == len(scores) - 4
    assert fastmf.rmse(model, test) == pytest.approx(min(scores), rel=1e-5)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ("constant", [0.04, 0.04, 0.04]),
        ("inverse_time", [0.04, 0.04 / 1.5, 0.02]),
        ("exponential", [0.04, 0.02, 0.01]),
    ],
)
def test_schedules(parts, schedule, rates):
    model = fastmf.BiasedMF(epochs=3, learning_rate=0.04, schedule=schedule, decay=0.5, random_state=0).fit(parts[0])
    assert [record["learning_rate"] for record in model.history] == pytest.approx(rates)


def test_the_bold_driver_speeds_up_and_slows_down(parts):
    model = fastmf.BiasedMF(epochs=30, optimizer="sgd", learning_rate=0.05, schedule="bold_driver", random_state=0).fit(
        parts[0]
    )
    for before, after, later in zip(model.history, model.history[1:], model.history[2:], strict=False):
        factor = 1.05 if after["train_loss"] < before["train_loss"] else 0.5
        assert later["learning_rate"] == pytest.approx(after["learning_rate"] * factor)


def test_absolute_loss_shrugs_off_outliers(parts):
    train, test = parts
    values = train.data.copy()
    values[::20] = 50
    spoilt = sp.csr_array((values, train.indices, train.indptr), shape=train.shape)
    clean = fastmf.Ratings.from_sparse(test.to_scipy())
    errors = {
        loss: fastmf.mae(fastmf.BiasedMF(factors=4, loss=loss, random_state=0).fit(spoilt), clean)
        for loss in ("absolute", "squared")
    }
    assert errors["absolute"] < 0.7 * errors["squared"]


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_logistic_predicts_probabilities(parts, low):
    train, test = parts
    labels = [
        sp.csr_array((np.where(part.data > 3.5, 1.0, low), part.indices, part.indptr), shape=part.shape)
        for part in (train, test)
    ]
    model = fastmf.BiasedMF(factors=4, loss="logistic", learning_rate=0.1, random_state=0).fit(labels[0])
    users, items = labels[1].nonzero() if low else (test.row_numbers(), test.indices)
    p = model.predict(users, items)
    assert ((p > 0) & (p < 1)).all()
    assert np.mean((p > 0.5) == (test.data > 3.5)) > 0.75
    assert not model.predicts_ratings


def test_logistic_refuses_other_values(parts):
    with pytest.raises(ValueError, match=r"loss='logistic' needs stored values of -1 and 1, or of 0 and 1"):
        fastmf.BiasedMF(loss="logistic").fit(parts[0])


def test_nonnegative_factors(parts):
    model = fastmf.BiasedMF(nonnegative=True, epochs=5, random_state=0).fit(parts[0])
    assert (model.user_factors >= 0).all()
    assert (model.item_factors >= 0).all()
    assert model.user_factors.any()


def test_rating_range_clips_predictions(parts):
    train, _ = parts
    model = fastmf.BiasedMF(rating_range=(3, 3.5), random_state=0).fit(train)
    predictions = model.predict(train.row_numbers(), train.indices)
    assert predictions.min() == 3
    assert predictions.max() == 3.5


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_divergence_names_the_epoch_and_leaves_the_model(parts, optimizer):
    model = fastmf.BiasedMF(epochs=2, random_state=0).fit(parts[0])
    before = model.user_factors.copy()
    model.set_params(learning_rate=1e6, optimizer=optimizer, epochs=50)
    with pytest.raises(fastmf.FitDivergedError, match=r"epoch \d+: lower learning_rate"):
        model.fit(parts[0])
    np.testing.assert_array_equal(model.user_factors, before)


def test_users_and_items_without_ratings_get_zeros():
    ratings = sp.csr_array(([5.0, 1.0, 3.0], ([0, 0, 2], [0, 1, 1])), shape=(4, 5))
    model = fastmf.BiasedMF(factors=3, random_state=0).fit(ratings)
    assert not model.user_factors[[1, 3]].any()
    assert not model.item_factors[2:].any()
    assert model.predict(3, 4) == pytest.approx(3.0)


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 3)])
def test_tiny_matrices(shape):
    ratings = sp.csr_array(np.arange(1.0, np.prod(shape) + 1).reshape(shape) % 5 + 1)
    for parallel in ("blocked", "hogwild"):
        model = fastmf.BiasedMF(factors=70, parallel=parallel, random_state=0).fit(ratings)
        assert np.isfinite(model.predict(0, 0))


@pytest.mark.parametrize("at", [1, 3])
def test_an_interruption_keeps_the_last_whole_epoch(parts, at, monkeypatch):
    train, _ = parts

    def interrupt(epoch, record):
        if epoch == at:
            raise KeyboardInterrupt

    model = fastmf.BiasedMF(epochs=5, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(train, callback=interrupt)
    assert same(model, fastmf.BiasedMF(epochs=at, random_state=0).fit(train))
    assert len(model.history) == at


def test_an_interruption_within_an_epoch_goes_back_to_the_last_whole_one(parts, monkeypatch):
    train, _ = parts
    monkeypatch.setattr(_sgd_pieces, "PIECE_SECONDS", 1e-9)  # every stratum a piece
    calls, real = [], sgd.run_epoch

    def counted(*arguments):
        calls.append(None)
        if len(calls) == 2 * block_count(train.shape, train.nnz, 256) + 2:
            raise KeyboardInterrupt
        real(*arguments)

    monkeypatch.setattr(sgd, "run_epoch", counted)
    model = fastmf.BiasedMF(epochs=5, random_state=0)
    with pytest.raises(KeyboardInterrupt):
        model.fit(train)
    monkeypatch.setattr(sgd, "run_epoch", real)
    assert same(model, fastmf.BiasedMF(epochs=2, random_state=0).fit(train))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"loss": "hinge"}, ValueError, "loss must be one of"),
        ({"parallel": True}, TypeError, "parallel must be one of"),
        ({"nonnegative": 1}, TypeError, "nonnegative must be True or False"),
    ],
)
def test_bad_parameters(parts, options, error, message):
    with pytest.raises(error, match=message):
        fastmf.BiasedMF(**options).fit(parts[0])


def test_validation_of_another_shape_is_refused(parts):
    train, _ = parts
    with pytest.raises(ValueError, match=r"validation must have the fitted shape .* looks transposed"):
        fastmf.BiasedMF().fit(train, validation=train.to_scipy().T)


def test_validation_without_entries_or_beyond_the_dtype_is_refused(parts):
    train, _ = parts
    with pytest.raises(ValueError, match="validation must have at least one entry"):
        fastmf.BiasedMF().fit(train, validation=sp.csr_array(train.shape))
    with pytest.raises(ValueError, match="validation must hold finite numbers that fit float32"):
        fastmf.BiasedMF().fit(train, validation=sp.csr_array(train.to_scipy().astype(np.float64) * 1e300))


def test_ratings_beyond_the_dtype_are_refused(parts):
    with pytest.raises(ValueError, match="ratings must hold finite numbers that fit float32"):
        fastmf.BiasedMF().fit(sp.csr_array(parts[0].to_scipy().astype(np.float64) * 1e300))


def test_validation_with_other_labels_is_refused_before_the_first_epoch(parts):
    train, test = parts
    labels = sp.csr_array((np.ones(train.nnz), train.indices, train.indptr), shape=train.shape)
    passes = []
    with pytest.raises(ValueError, match=r"needs stored values of -1 and 1, or of 0 and 1, in validation"):
        fastmf.BiasedMF(loss="logistic").fit(labels, validation=test, callback=lambda *_: passes.append(1))
    assert not passes


@pytest.mark.parametrize("model", [fastmf.BiasedMF(), fastmf.WALS(unobserved_weight=0, biased=True)])
def test_weights_of_nothing_but_zeros_have_no_mean(parts, model):
    with pytest.raises(ValueError, match="weights must not all be 0"):
        model.fit(parts[0], weights=np.zeros(parts[0].nnz))


def test_bad_weights(parts):
    train, _ = parts
    with pytest.raises(ValueError, match="weights must hold finite numbers >= 0"):
        fastmf.BiasedMF().fit(train, weights=np.full(train.nnz, -1.0))
    with pytest.raises(ValueError, match="weights must be a one-dimensional array of length"):
        fastmf.BiasedMF().fit(train, weights=[1.0])
    with pytest.raises(ValueError, match="weights must hold finite numbers that fit float32"):
        fastmf.BiasedMF().fit(train, weights=np.full(train.nnz, 1e300))


def test_dealing_balances_blocks_and_keeps_heavy_rows_together():
    counts = np.sort(np.random.default_rng(0).zipf(1.5, 1000))
    position = dealt(counts, 8, 125)
    assert sorted(position) == list(range(1000))
    light = counts < np.quantile(counts, 0.9)
    sums = np.bincount(position[light] // 125, counts[light], minlength=8)
    assert sums.max() < 1.1 * sums.min()
    for block in range(8):
        inside = position // 125 == block
        assert (np.diff(counts[inside][np.argsort(position[inside])]) <= 0).all()


def test_the_grid_depends_on_the_data_and_the_size_of_a_row_alone():
    assert block_count((671, 9066), 100_004, 256) == 4
    assert block_count((138_493, 26_744), 20_000_000, 256) == 8
    assert block_count((138_493, 26_744), 20_000_000, 512) == 8
    assert block_count((138_493, 267_440), 20_000_000, 512) == 32
    assert block_count((10, 5_000_000), 100, 256) >= 5_000_000 / 65536
