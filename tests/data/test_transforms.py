"""Filters and weights: each against its definition, written out over a dense matrix or pair by pair."""

import numpy as np
import pytest
import scipy.sparse as sp
from data_strategies import assert_canonical, dense_of, entries
from hypothesis import given
from hypothesis import strategies as st

from fastmf.data import Ratings


def counted(n=200, seed=0, **arguments):
    """Ratings of counts with ids, times and facts."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(30 * 20)[:n]
    users = [f"u{pair // 20:02}" for pair in pairs]
    values, times = rng.integers(1, 30, n), rng.integers(0, 1000, n)
    ratings = Ratings.from_arrays(users, pairs % 20 + 100, values, times, **arguments)
    return ratings.with_item_info({"name": np.array([f"i{id}" for id in ratings.items.ids])})


WEIGHTS = {
    "threshold": lambda r: r.threshold(at_least=0),
    "time_decay": lambda r: r.time_decay(half_life=100),
    "bm25": lambda r: r.bm25(),
    "tfidf": lambda r: r.tfidf(),
    "log": lambda r: r.log(),
    "power": lambda r: r.power(0.5),
}
every_weight = pytest.mark.parametrize("name", WEIGHTS)


# -- filters ------------------------------------------------------------------------------------------------------


def slow_core(pairs, min_user, min_item):
    """The k-core one user or item at a time."""
    pairs = set(pairs)
    while True:
        users, items = [u for u, _ in pairs], [i for _, i in pairs]
        bad = {pair for pair in pairs if users.count(pair[0]) < min_user or items.count(pair[1]) < min_item}
        if not bad:
            return pairs
        first = min(bad)
        side = 0 if users.count(first[0]) < min_user else 1
        pairs = {pair for pair in pairs if pair[side] != first[side]}


@given(entries(distinct=True), st.integers(0, 4), st.integers(0, 4))
def test_the_core_is_the_largest_in_which_all_have_enough(made, min_user, min_item):
    shape, rows, columns, values = made
    matrix = sp.coo_array((values, (rows, columns)), shape=shape)
    ratings = Ratings.from_sparse(matrix)
    core = ratings.filter_counts(min_user, min_item)
    assert_canonical(core)
    users, items = core.users.ids, core.items.ids
    found = {
        (int(users[u]), int(items[i])): value
        for u, i, value in zip(core.row_numbers(), core.indices, core.data.tolist(), strict=True)
    }
    expected = slow_core(zip(rows.tolist(), columns.tolist(), strict=True), min_user, min_item)
    given = dict(zip(zip(rows.tolist(), columns.tolist(), strict=True), values.tolist(), strict=True))
    assert found == {pair: given[pair] for pair in expected}
    assert users.tolist() == (list(range(shape[0])) if min_user == 0 else sorted({u for u, _ in expected}))
    assert items.tolist() == (list(range(shape[1])) if min_item == 0 else sorted({i for _, i in expected}))


def test_a_core_keeps_ids_times_and_facts():
    ratings = counted(250)
    core = ratings.filter_counts(min_user=6, min_item=10)
    assert 0 < core.n_users < ratings.n_users
    assert 0 < core.n_items < ratings.n_items
    assert core.user_counts.min() >= 6
    assert core.item_counts.min() >= 10
    assert core.item_info["name"].tolist() == [f"i{id}" for id in core.items.ids]
    before = {
        (ratings.users.ids[u], ratings.items.ids[i]): (value, time)
        for u, i, value, time in zip(
            ratings.row_numbers(), ratings.indices, ratings.data, ratings.timestamps, strict=True
        )
    }
    for u, i, value, time in zip(core.row_numbers(), core.indices, core.data, core.timestamps, strict=True):
        assert before[core.users.ids[u], core.items.ids[i]] == (value, time)
    assert core.intake == {}


def test_a_core_by_default_drops_what_has_no_entry_and_nothing_else():
    part = counted().threshold(at_least=28)
    core = part.filter_counts()
    assert core.nnz == part.nnz
    assert core.user_counts.min() == core.item_counts.min() == 1
    assert counted().filter_counts(min_user=99).shape == (0, 0)


def test_a_threshold_keeps_what_reaches_it_as_ones_in_the_same_shape():
    ratings = counted()
    liked = ratings.threshold(at_least=15)
    assert_canonical(liked)
    assert liked.shape == ratings.shape
    assert liked.users is ratings.users
    assert liked.items is ratings.items
    dense = dense_of(ratings)
    np.testing.assert_array_equal(dense_of(liked), np.where(dense >= 15, 1, np.nan))
    assert liked.timestamps.tolist() == ratings.timestamps[ratings.data >= 15].tolist()


# -- weights ------------------------------------------------------------------------------------------------------


@every_weight
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_weights_change_nothing_but_values(name, dtype):
    ratings = counted(dtype=dtype)
    before = ratings.data.copy()
    weighted = WEIGHTS[name](ratings)
    assert_canonical(weighted)
    assert weighted.data.dtype == dtype
    for attribute in ("indptr", "indices", "timestamps"):
        np.testing.assert_array_equal(getattr(weighted, attribute), getattr(ratings, attribute))
    assert weighted.users is ratings.users
    assert weighted.items is ratings.items
    assert weighted.item_info["name"].tolist() == ratings.item_info["name"].tolist()
    np.testing.assert_array_equal(ratings.data, before)
    assert not np.array_equal(weighted.data, before)


@every_weight
def test_weights_of_nothing(name):
    assert WEIGHTS[name](Ratings.from_arrays([], [], [], [])).nnz == 0


@pytest.mark.parametrize(("now", "times"), [(None, 60), (160, 160), (60.0, 60)])
def test_weights_halve_in_each_half_life(now, times):
    ratings = Ratings.from_arrays([1, 1, 2], [1, 2, 2], [4.0, 8.0, -2.0], timestamps=[0, 60, 50], dtype="float64")
    expected = [value * 0.5 ** ((times - time) / 20) for value, time in zip([4, 8, -2], [0, 60, 50], strict=True)]
    np.testing.assert_allclose(ratings.time_decay(half_life=20, now=now).data, expected, rtol=1e-12)


@given(entries(distinct=True), st.sampled_from([0.0, 0.5, 1.2]), st.sampled_from([0.0, 0.75, 1.0]))
def test_bm25_is_as_defined(made, k1, b):
    shape, rows, columns, values = made
    values = np.abs(values)
    ratings = Ratings.from_sparse(sp.coo_array((values, (rows, columns)), shape=shape), dtype="float64")
    found = dense_of(ratings.bm25(k1=k1, b=b))
    users = {u: sum(values[rows == u]) for u in set(rows.tolist())}
    mean = np.mean(list(users.values())) if users else 0
    for u, i, r in zip(rows.tolist(), columns.tolist(), values.tolist(), strict=True):
        n = int((columns == i).sum())
        idf = np.log(1 + (len(users) - n + 0.5) / (n + 0.5))
        norm = k1 * (1 - b + b * users[u] / mean) if mean else k1 * (1 - b)
        expected = idf * r * (k1 + 1) / (r + norm) if r else 0
        assert found[u, i] == pytest.approx(expected, rel=1e-12)


@given(entries(distinct=True))
def test_tfidf_is_as_defined(made):
    shape, rows, columns, values = made
    ratings = Ratings.from_sparse(sp.coo_array((values, (rows, columns)), shape=shape), dtype="float64")
    found = dense_of(ratings.tfidf())
    for u, i, r in zip(rows.tolist(), columns.tolist(), values.tolist(), strict=True):
        idf = 1 + np.log((1 + len(set(rows.tolist()))) / (1 + (columns == i).sum()))
        assert found[u, i] == pytest.approx(r * idf, rel=1e-12)


def test_logarithms_and_powers():
    ratings = Ratings.from_arrays([0, 0, 0], [0, 1, 2], [0.0, 3.0, 1e-9], dtype="float64")
    np.testing.assert_allclose(ratings.log(epsilon=0.5).data, [0, np.log(7), 2e-9], rtol=1e-8)
    np.testing.assert_allclose(ratings.power(2).data, [0, 9, 1e-18], rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda r: r.filter_counts(min_user=-1), ValueError, "min_user must be an integer >= 0, got -1"),
        (lambda r: r.filter_counts(min_item=1.5), TypeError, "min_item must be an integer >= 0, got 1.5"),
        (lambda r: r.threshold(np.nan), ValueError, "at_least must be a finite number, got nan"),
        (lambda r: r.time_decay(0), ValueError, "half_life must be a finite number > 0, got 0"),
        (lambda r: r.time_decay(1, now=3), ValueError, "now must be a finite number >= 9, got 3"),
        (lambda r: r.select([0]).threshold(0).time_decay("1"), TypeError, "half_life must be a finite number"),
        (lambda r: r.bm25(k1=-1), ValueError, "k1 must be a finite number >= 0, got -1"),
        (lambda r: r.bm25(b=1.5), ValueError, r"b must be a finite number in \[0, 1\], got 1.5"),
        (lambda r: r.bm25(), ValueError, "bm25 must have values of at least 0, got -1.0 at entry 1"),
        (lambda r: r.log(), ValueError, "log must have values of at least 0, got -1.0 at entry 1"),
        (lambda r: r.log(epsilon=0), ValueError, "epsilon must be a finite number > 0, got 0"),
        (lambda r: r.power(0.5), ValueError, "power must have values of at least 0, got -1.0 at entry 1"),
        (lambda r: r.power(0), ValueError, "exponent must be a finite number > 0, got 0"),
        (lambda r: r.select([0]).power(99), ValueError, "the new values must hold finite numbers that fit float32"),
        (lambda r: r.select([0]).power(9999), ValueError, "the new values must .*fit float32"),
        (
            lambda r: Ratings.from_arrays([1], [1]).time_decay(1),
            ValueError,
            "time_decay needs the time of each entry; these ratings were made without timestamps",
        ),
    ],
)
def test_bad_arguments(call, error, text):
    ratings = Ratings.from_arrays([0, 0], [0, 1], [9.0, -1.0], timestamps=[4, 9])
    with pytest.raises(error, match=text):
        call(ratings)
