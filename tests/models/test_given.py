"""Factors learned elsewhere, in a model of fastmf."""

import numpy as np
import pytest
from all_models import matrix, ratings

import fastmf
from fastmf.models._given import with_factors

DATA = ratings()
K = 3


def arrays(dtype=np.float32, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=(n, K)).astype(dtype) for n in DATA.shape]


def test_the_factors_of_a_fit_make_the_same_model(tmp_path):
    fitted = fastmf.WALS(factors=K, iterations=2, random_state=0).fit(DATA)
    given = with_factors(fastmf.WALS(factors=K), DATA, fitted.user_factors, fitted.item_factors)
    train, test = fastmf.split_random(DATA, random_state=0)
    assert dict(fastmf.evaluate(given, test, train=train)) == dict(fastmf.evaluate(fitted, test, train=train))
    assert given.objective(DATA) == fitted.objective(DATA)
    user = DATA.users.ids[0] if DATA.users else 0
    np.testing.assert_array_equal(given.recommend(user)[0], fitted.recommend(user)[0])
    given.save(tmp_path / "m")
    np.testing.assert_array_equal(fastmf.load(tmp_path / "m").item_factors, fitted.item_factors)


def test_biases_and_the_mean_count():
    X, Y = arrays(np.float64)
    b, c = np.arange(len(X), dtype=float), np.arange(len(Y)) / 2
    rows = fastmf.Ratings.from_sparse(matrix())
    model = with_factors(fastmf.BiasedMF(), rows, X, Y, user_bias=b, item_bias=c, mean=3.5)
    assert model.predict(1, 2) == pytest.approx(3.5 + 1 + 1 + X[1] @ Y[2])


def test_arrays_are_copied_and_keep_float32_where_both_have_it():
    X, Y = arrays()
    model = with_factors(fastmf.WALS(), DATA, X, Y)
    assert model.user_factors.dtype == np.float32
    assert not np.shares_memory(model.user_factors, X)
    assert with_factors(fastmf.WALS(), DATA, X, Y.astype(np.float64)).user_factors.dtype == np.float64


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"user_factors": np.ones((2, K))}, r"user_factors must have shape \(\d+, 3\), got \(2, 3\)"),
        ({"item_factors": np.ones((2, K))}, r"item_factors must have shape \(\d+, 3\), got \(2, 3\)"),
        ({"user_factors": np.ones((2, K + 1))}, r"as many columns, got shapes \(2, 4\)"),
        ({"item_factors": np.ones(3)}, r"as many columns, got shapes"),
        ({"user_factors": np.full((len(arrays()[0]), K), np.nan)}, r"user_factors must be finite, got \d+ numbers"),
        ({"user_bias": np.ones(1)}, r"user_bias must have shape"),
        ({"item_bias": np.full(DATA.n_items, np.inf)}, r"item_bias must be finite"),
        ({"mean": np.nan}, r"mean must be"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_what_is_no_good_is_refused_and_changes_nothing(changes, message):
    given = dict(zip(("user_factors", "item_factors"), arrays(), strict=True)) | changes
    model = fastmf.WALS()
    with pytest.raises(ValueError, match=message):
        with_factors(model, DATA, **given)
    with pytest.raises(fastmf.NotFittedError):
        model.predict(0, 0)
