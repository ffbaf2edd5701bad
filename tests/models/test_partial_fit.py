"""partial_fit of BiasedMF: going on is going on, and what is new joins what was there."""

import numpy as np
import pytest
import scipy.sparse as sp

import fastmf
from fastmf import FitDivergedError, Ratings, UnknownIdError
from fastmf.models import _sgd_fit

FITTED = ("user_factors", "item_factors", "user_bias", "item_bias")
FEW = {"factors": 6, "random_state": 0}


def same(a, b):
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in FITTED)


@pytest.fixture(scope="module")
def ratings():
    return fastmf.synthetic(300, 200, 9000, rank=3, noise=0.2, random_state=1)


def entries(ratings, mask, names=True):
    """Some entries as ratings of their own: with ids, or in a matrix that ends with the last of them."""
    users, items, values = ratings.row_numbers()[mask], ratings.indices[mask], ratings.data[mask]
    if names:
        return Ratings.from_arrays([f"u{u}" for u in users.tolist()], items, values)
    return sp.csr_array((values, (users, items)), shape=(users.max() + 1, items.max() + 1))


def by_number(ratings, first_users):
    """The ratings of the first users as a smaller matrix, and all others' in a matrix of the whole size."""
    rows = ratings.row_numbers() < first_users
    old = ratings.select(rows).to_scipy()[:first_users]
    return old, ratings.select(~rows).to_scipy()


@pytest.mark.parametrize("optimizer", ["adagrad", "sgd"])
def test_going_on_with_the_same_ratings_is_a_longer_fit(ratings, optimizer, tmp_path):
    options = {**FEW, "schedule": "constant", "learning_rate": 0.02, "optimizer": optimizer}
    whole = fastmf.BiasedMF(epochs=5, **options).fit(ratings)
    model = fastmf.BiasedMF(epochs=2, **options).fit(ratings)
    model.save(tmp_path / "model")
    for halfway in (model, fastmf.load(tmp_path / "model"), fastmf.load(tmp_path / "model", mmap=True)):
        assert halfway.partial_fit(ratings, epochs=3) is halfway
        assert same(halfway, whole)
        assert [r["train_loss"] for r in halfway.history] == [r["train_loss"] for r in whole.history]
    np.testing.assert_array_equal(model.recommend(np.arange(300)), whole.recommend(np.arange(300)))


def test_ids_decide_and_not_the_order_they_come_in(ratings):
    named = entries(ratings, np.full(ratings.nnz, True))
    rng = np.random.default_rng(0)
    users, items = (rng.permutation(n).tolist() for n in named.shape)
    shuffled = named.to_scipy()[users][:, items]
    shuffled.sort_indices()
    other = Ratings(
        shuffled.indptr, shuffled.indices, shuffled.data, shape=shuffled.shape,
        users=fastmf.IdMap(named.users.ids[users]), items=fastmf.IdMap(named.items.ids[items]),
    )  # fmt: skip
    weights = rng.random(named.nnz)
    of_other = sp.csr_array((weights, named.indices, named.indptr), shape=named.shape)[users][:, items]
    of_other.sort_indices()
    straight, turned = (fastmf.BiasedMF(epochs=2, **FEW).fit(named) for _ in range(2))
    straight.partial_fit(named, epochs=2, weights=weights)
    turned.partial_fit(other, epochs=2, weights=of_other.data)
    assert same(straight, turned)
    assert turned.user_ids == named.users


@pytest.mark.parametrize("names", [True, False])
def test_new_users_and_items_join_and_the_rest_stays(ratings, names):
    old_part = (ratings.row_numbers() < 250) & (ratings.indices < 150)
    new_part = (ratings.row_numbers() >= 240) & (ratings.indices >= 100)
    old = entries(ratings, old_part, names)
    new = entries(ratings, new_part, names)
    if not names:
        new = sp.csr_array((new.data, new.indices, new.indptr), shape=ratings.shape)
    model = fastmf.BiasedMF(**FEW).fit(old)
    before = {name: getattr(model, name).copy() for name in FITTED}
    mean, known = model.mean, (model.user_ids, model.item_ids)
    model.partial_fit(new)
    assert model.mean == mean
    if names:
        for ids, earlier, given in zip((model.user_ids, model.item_ids), known, (new.users, new.items), strict=True):
            assert list(ids)[: len(earlier)] == list(earlier)
            assert set(ids) == set(earlier) | set(given)
    else:
        assert (len(model.user_factors), len(model.item_factors)) == ratings.shape
    rows, columns = np.unique(ratings.row_numbers()[new_part]), np.unique(ratings.indices[new_part])
    for side, numbers in (("user", rows), ("item", columns)):
        if names:
            ids = [f"u{u}" for u in numbers.tolist()] if side == "user" else numbers
            numbers = getattr(model, f"{side}_ids").numbers(ids)
        for name in (f"{side}_factors", f"{side}_bias"):
            now = getattr(model, name)
            was = np.zeros_like(now)
            was[: len(before[name])] = before[name]
            changed = (now != was).reshape(len(now), -1).any(axis=1)
            np.testing.assert_array_equal(np.flatnonzero(changed), np.sort(numbers))


def test_it_learns_what_is_new_and_keeps_what_is_old(ratings):
    train, test = fastmf.split_random(ratings, test=0.1, random_state=0)
    old, new = by_number(train, 200)
    of_old, of_new = by_number(test, 200)
    of_old = sp.csr_array((of_old.data, of_old.indices, [*of_old.indptr, *[of_old.nnz] * 100]), shape=test.shape)
    model = fastmf.BiasedMF(random_state=0).fit(old)
    at_first = fastmf.rmse(model, of_old[:200])
    model.partial_fit(new)
    whole = fastmf.BiasedMF(random_state=0).fit(train)
    assert fastmf.rmse(model, of_new) < 1.05 * fastmf.rmse(whole, of_new)
    assert fastmf.rmse(model, of_old) < at_first


def test_new_rows_are_those_a_fit_of_all_begins_with(ratings):
    old, new = by_number(ratings, 200)
    still = {**FEW, "epochs": 1, "learning_rate": 1e-9, "optimizer": "sgd"}
    model = fastmf.BiasedMF(**still).fit(old).partial_fit(new)
    whole = fastmf.BiasedMF(**still).fit(ratings)
    np.testing.assert_allclose(model.user_factors, whole.user_factors, atol=1e-6)


def test_accumulators_are_kept_and_new_rows_have_fresh_ones(ratings):
    old, new = by_number(ratings, 200)
    state = fastmf.BiasedMF(**FEW).fit(old)._fitted
    grown = fastmf.BiasedMF(**FEW).fit(old).partial_fit(new, epochs=1)._fitted
    one_epoch = fastmf.BiasedMF(**{**FEW, "epochs": 1}).fit(new)._fitted
    for side, n in (("user", 200), ("item", 200)):
        before, after = state.extra[f"{side}/accumulators"], grown.extra[f"{side}/accumulators"]
        assert (after[:n] >= before).all()
        assert before.max() > 2
    assert np.array_equal(grown.extra["user/accumulators"][:200], state.extra["user/accumulators"])
    new_ones = grown.extra["user/accumulators"][200:]
    assert new_ones.mean() < 2 * one_epoch.extra["user/accumulators"][200:].mean()


def test_lists_leave_out_what_was_seen_before_and_since():
    old = Ratings.from_arrays(["a", "a", "b", "b"], [1, 2, 2, 3], [5.0, 1.0, 4.0, 3.0])
    new = Ratings.from_arrays(["c", "a", "a"], [2, 4, 1], [5.0, 1.0, 4.0])
    model = fastmf.BiasedMF(**FEW).fit(old).partial_fit(new)
    assert {user: set(np.ma.compressed(model.recommend(user, k=4)[0]).tolist()) for user in "abc"} == {
        "a": {3},
        "b": {1, 4},
        "c": {1, 3, 4},
    }


def test_item_info_grows_with_the_items():
    def told(items, **columns):
        plain = Ratings.from_arrays(["a"] * len(items), items, np.arange(1.0, len(items) + 1))
        return Ratings(
            plain.indptr, plain.indices, plain.data, shape=plain.shape, users=plain.users, items=plain.items,
            item_info={name: np.array(column) for name, column in columns.items()},
        )  # fmt: skip

    old = told([1, 2], title=["one", "two"], year=[1990, 1991])
    model = fastmf.BiasedMF(**FEW).fit(old).partial_fit(told([0, 2], title=["a longer title", "?"], length=[1.5, 2.5]))
    assert list(model.item_ids) == [1, 2, 0]
    assert model.item_info["title"].tolist() == ["one", "two", "a longer title"]
    np.testing.assert_array_equal(model.item_info["year"], [1990, 1991, np.nan])
    np.testing.assert_array_equal(model.item_info["length"], [np.nan, 2.5, 1.5])
    model.partial_fit(told([1, 2]))
    assert model.item_info["title"].tolist() == ["one", "two", "a longer title"]


@pytest.mark.parametrize("epochs", [None, 3])
def test_without_a_fit_it_is_one(ratings, epochs):
    model = fastmf.BiasedMF(**FEW, epochs=5).partial_fit(ratings, epochs=epochs)
    assert same(model, fastmf.BiasedMF(**FEW, epochs=epochs or 5).fit(ratings))


def test_epochs_are_a_quarter_by_default(ratings):
    model = fastmf.BiasedMF(**FEW, epochs=9).fit(ratings).partial_fit(ratings)
    assert len(model.history) == 9 + 2
    assert model.history[9]["learning_rate"] == model.history[0]["learning_rate"]


def test_results_are_bit_identical_for_any_number_of_threads(ratings, monkeypatch):
    monkeypatch.setattr(_sgd_fit, "RECORDS_A_THREAD", 1)
    old, new = by_number(ratings, 200)
    one, two = (fastmf.BiasedMF(**FEW, num_threads=n).fit(old).partial_fit(new) for n in (1, 2))
    assert same(one, two)


def test_validation_by_id_stops_early(ratings):
    part = np.random.default_rng(0).random(ratings.nnz)
    old, new, held_out = (entries(ratings, mask) for mask in (part < 0.6, (part >= 0.6) & (part < 0.9), part >= 0.9))
    model = fastmf.BiasedMF(**FEW, epochs=3).fit(old)
    model.set_params(patience=1, schedule="constant", optimizer="sgd", learning_rate=0.1)
    model.partial_fit(new, epochs=100, validation=held_out)
    scores = [record["validation"] for record in model.history[3:]]
    assert len(scores) < 100
    assert fastmf.rmse(model, held_out) == pytest.approx(min(scores), rel=1e-5)


def test_an_interruption_keeps_the_last_whole_epoch(ratings):
    old, new = by_number(ratings, 200)

    def interrupt(epoch, record):
        if epoch == 2:
            raise KeyboardInterrupt

    model = fastmf.BiasedMF(**FEW, epochs=3).fit(old)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(new, epochs=5, callback=interrupt)
    assert same(model, fastmf.BiasedMF(**FEW, epochs=3).fit(old).partial_fit(new, epochs=2))
    assert len(model.history) == 5


OLD = Ratings.from_arrays(["a", "a", "b"], [1, 2, 2], [5.0, 1.0, 4.0])
UNKNOWN = Ratings.from_arrays(["z"], [1], [5.0])


@pytest.mark.parametrize(
    ("fitted_to", "change", "data", "options", "error", "message"),
    [
        (OLD, {}, sp.csr_array((2, 2)), {}, ValueError, "at least one entry"),
        (OLD, {}, "new.csv", {}, TypeError, r"ratings must be fastmf\.Ratings"),
        (OLD, {}, OLD, {"epochs": 0}, ValueError, "epochs must be an integer >= 1"),
        (OLD, {}, OLD, {"weights": [1.0]}, ValueError, "weights must be a one-dimensional array of length"),
        (OLD, {}, OLD, {"validation": UNKNOWN}, UnknownIdError, "validation: ids must be known: 'z'"),
        (OLD, {"factors": 7}, OLD, {}, ValueError, "factors must be that of the fit, 6, for partial_fit, got 7"),
        (OLD, {"dtype": "float64"}, OLD, {}, ValueError, "dtype must be that of the fit, float32"),
        (OLD, {"patience": 1}, OLD, {}, ValueError, "patience needs validation"),
        (OLD, {"learning_rate": 1e9}, OLD, {}, FitDivergedError, "lower learning_rate"),
        (OLD, {}, sp.eye_array(3).tocsr(), {}, ValueError, "must have exactly the 2 users of the model, got shape"),
        (OLD.to_scipy(), {}, OLD, {}, ValueError, "ratings must have no ids of users"),
        (
            OLD.to_scipy(),
            {},
            sp.csr_array([[1.0, 1.0]]),
            {},
            ValueError,
            "at least the 2 users of the model",
        ),
        (sp.csr_array(np.ones((2, 3))), {}, sp.csr_array(np.ones((3, 2))), {}, ValueError, "looks transposed"),
    ],
)
def test_what_is_refused_leaves_the_model_as_it_was(fitted_to, change, data, options, error, message):
    model = fastmf.BiasedMF(**FEW).fit(fitted_to)
    before, state = {name: getattr(model, name).copy() for name in FITTED}, model._state
    model.set_params(**change)
    with pytest.raises(error, match=message):
        model.partial_fit(data, **options)
    assert model._state is state
    for name in FITTED:
        np.testing.assert_array_equal(getattr(model, name), before[name])


def test_ids_of_two_kinds_stay_apart():
    model = fastmf.BiasedMF(**FEW).fit(Ratings.from_arrays([1, 2], [1, 2], [1.0, 2.0]))
    model.partial_fit(Ratings.from_arrays(["1", "2"], [1, 3], [1.0, 2.0]))
    assert list(model.user_ids) == [1, 2, "1", "2"]
    assert list(model.item_ids) == [1, 2, 3]
