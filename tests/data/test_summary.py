"""Ratings.describe: figures against slow ones, and the text."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastmf.data import Ratings, csr
from fastmf.data.summary import MOST_VALUES, QUANTILES, gini, value_counts


@given(st.lists(st.integers(0, 50), max_size=30))
def test_gini_is_half_the_relative_mean_difference(counts):
    array = np.array(counts, np.int64)
    expected = np.abs(array[:, None] - array).sum() / (2 * len(array) * array.sum()) if array.any() else 0
    assert gini(array) == pytest.approx(expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@given(numbers=st.lists(st.integers(-15, 15), max_size=60), chunk=st.integers(1, 9))
def test_values_are_counted_if_they_are_few(dtype, numbers, chunk):
    data = np.array(numbers, dtype) / 2
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csr, "CHUNK", chunk)
        found = value_counts(data)
    distinct, counts = np.unique(data, return_counts=True)
    if len(distinct) > MOST_VALUES:
        assert found is None
    else:
        assert list(found.items()) == list(zip(distinct.tolist(), counts.tolist(), strict=True))


def test_many_values_have_quantiles_instead():
    values = np.random.default_rng(0).normal(size=500)
    facts = Ratings.from_arrays(np.arange(500), np.zeros(500, int), values, dtype="float64").describe()
    assert facts["value_counts"] is None
    np.testing.assert_array_equal(
        list(facts["value_quantiles"].values()), np.quantile(values, list(QUANTILES.values()))
    )
    assert list(facts["value_quantiles"]) == list(QUANTILES)
    assert "values" in str(facts).splitlines()[-1]


def test_activity_and_popularity():
    ratings = Ratings.from_arrays([1, 1, 1, 2], [1, 2, 3, 3], [1.0, 2.0, 2.0, 2.0])
    facts = ratings.describe()
    assert facts["ratings_per_user"]["median"] == 2
    assert facts["ratings_per_item"]["maximum"] == 2
    assert facts["gini_users"] == pytest.approx(0.25)
    assert facts["gini_items"] == pytest.approx(1 / 6)
    assert ratings.select([0]).describe()["gini_items"] == pytest.approx(2 / 3)


def test_the_text():
    users, items, stars = [1, 1, 1, 2, 2], [5, 6, 6, 6, 7], [4.0, 2.0, 2.5, 4.0, 4.0]
    times = [10**9, 10**9 + 86400, 10**9 + 2 * 86400, 10**9 + 864000, 10**9]
    facts = Ratings.from_arrays(users, items, stars, times, duplicates="last").describe()
    assert str(facts).splitlines() == [
        "users    2",
        "items    3",
        "ratings  4, 66.7% of all pairs",
        "values   2.5 to 4, 3.625 on average",
        "times    2001-09-09 to 2001-09-19, 10 days",
        "intake   5 read: 1 merged duplicates",
        "",
        "                  minimum  10%  25%  median  75%  90%  99%  maximum   Gini",
        "ratings per user        2    2    2       2    2    2    2        2  0.000",
        "ratings per item        1    1    1       1    2    2    2        2  0.167",
        "",
        "value  ratings",
        "  2.5        1  #############",
        "    4        3  ########################################",
    ]
    assert json.loads(json.dumps(facts))["value_counts"] == {"2.5": 1, "4.0": 3}


def test_the_text_of_other_times_of_empty_rows_and_of_nothing():
    ratings = Ratings.from_arrays([1, 1], [1, 2], timestamps=[3, 12])
    assert "times    3 to 12" in str(ratings.describe())
    part = str(ratings.select([0]).describe())
    assert "items    2, 1 of them without ratings" in part
    assert "users    1\n" in part
    assert str(Ratings.from_arrays([], []).describe()).splitlines()[-1] == "ratings  0, 0% of all pairs"
