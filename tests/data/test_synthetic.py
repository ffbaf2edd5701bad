"""Made-up ratings: the numbers asked for, the laws they follow, a truth that can be learned, the same everywhere."""

import hashlib
import tracemalloc

import numpy as np
import pytest
from data_strategies import assert_canonical

from fastmf.data import sampling, synthetic
from fastmf.data.sampling import distinct_items


@pytest.fixture(scope="module")
def ml_100k():
    return synthetic("ml-100k")


@pytest.mark.parametrize(
    ("name", "shape", "n_ratings", "stars"),
    [
        ("ml-100k", (943, 1_682), 100_000, np.arange(1, 6)),
        ("ml-1m", (6_040, 3_706), 1_000_209, np.arange(1, 6)),
    ],
)
def test_named_shapes(name, shape, n_ratings, stars):
    ratings = synthetic(name)
    if name == "ml-100k":
        assert_canonical(ratings)
    assert ratings.shape == shape
    assert ratings.nnz == n_ratings
    assert ratings.user_counts.min() >= 20
    assert np.unique(ratings.data).tolist() == stars.tolist()
    assert 3.4 < ratings.data.mean() < 3.7
    assert 1.0 < ratings.data.std() < 1.2
    assert ratings.users is ratings.items is ratings.timestamps is None


def test_a_seed_means_these_very_ratings():
    ratings = synthetic("ml-100k", random_state=5)
    digest = hashlib.sha256(b"".join(a.tobytes() for a in (ratings.indptr, ratings.indices, ratings.data))).hexdigest()
    assert digest[:16] == "92e0915d06f2279d"
    other = synthetic("ml-100k", random_state=6)
    assert not np.array_equal(ratings.user_counts, other.user_counts)
    assert (ratings.row_numbers() == other.row_numbers()).mean() < 0.9
    generator = synthetic("ml-100k", random_state=np.random.default_rng(0))
    assert not np.array_equal(generator.indices, ratings.indices)
    assert not np.array_equal(synthetic(9, 9, 40, random_state=None).data, synthetic(9, 9, 40, random_state=None).data)


@pytest.mark.parametrize(
    ("n_users", "n_items", "n_ratings"),
    [(1, 1, 0), (1, 1, 1), (5, 4, 20), (5, 4, 19), (3, 1000, 7), (1000, 3, 1500), (40, 30, 700), (300, 2000, 9000)],
)
@pytest.mark.parametrize("popularity", [0, 1, 2.2])
@pytest.mark.parametrize("activity", [0, 1.2, 4])
def test_any_shape_has_exactly_the_ratings_asked_for(n_users, n_items, n_ratings, popularity, activity):
    ratings = synthetic(n_users, n_items, n_ratings, popularity=popularity, activity=activity, rank=2)
    assert_canonical(ratings)
    assert ratings.shape == (n_users, n_items)
    assert ratings.nnz == n_ratings
    assert ratings.user_counts.min() >= min(20, n_ratings // (2 * n_users))
    if activity == 0:
        assert np.ptp(ratings.user_counts) <= 1


def test_options(ml_100k):
    assert synthetic(50, 60, 1000, minimum=17).user_counts.min() >= 17
    assert synthetic(50, 60, 1000, minimum=20).user_counts.tolist() == [20] * 50
    assert np.unique(synthetic(50, 60, 1000).data * 2).tolist() == np.arange(1, 11).tolist()
    assert np.unique(synthetic(50, 60, 1000, stars="whole").data).tolist() == [1, 2, 3, 4, 5]
    real = synthetic("ml-100k", stars="real", dtype="float64")
    assert real.data.dtype == np.float64
    assert len(np.unique(real.data)) == real.nnz
    np.testing.assert_array_equal(np.clip(np.rint(real.data), 1, 5), ml_100k.data)
    constant = synthetic(50, 60, 1000, rank=0, noise=0, stars="real")
    matrix = constant.to_scipy()
    assert matrix.nnz == 1000


def test_popularity_follows_the_power_law():
    ratings = synthetic(8000, 1000, 200_000, activity=0, popularity=1.7, rank=0, noise=0)
    counts = np.sort(ratings.item_counts)[::-1]
    wanted = 200_000 / (0.8 * 8000)  # the sum of the weights, in units of the greatest
    rank = np.arange(1.0, 1001)
    offsets = np.linspace(0, 60, 6001)
    s = offsets[np.argmin([abs((((rank + s) / (1 + s)) ** -1.7).sum() - wanted) for s in offsets])]
    tail = slice(50, 800)  # beyond those that so many know that they cannot be drawn much more often
    slope = np.polyfit(np.log(rank + s)[tail], np.log(counts)[tail], 1)[0]
    assert -1.8 < slope < -1.6
    assert counts[0] > 20 * counts[500]
    flat = synthetic(4000, 1000, 60_000, activity=0, popularity=0).item_counts
    assert abs(flat.std() - np.sqrt(60 * (1 - 15 / 1000))) < 1  # of draws without replacement


def test_popular_items_are_anywhere(ml_100k):
    popular = np.argsort(ml_100k.item_counts)[-100:]
    assert 0.3 < popular.mean() / ml_100k.n_items < 0.7


def test_activity_is_log_normal():
    counts = synthetic(8_000, 4_000, 600_000, activity=1.0, rank=0, noise=0).user_counts - 20.0
    logs = np.log(counts[(counts > 2) & (counts < 1900)])
    spread = np.quantile(logs, 0.75) - np.quantile(logs, 0.25)
    assert abs(spread / 1.349 - 1.0) < 0.05  # the quartiles of a normal law are 1.349 deviations apart
    assert abs(np.median(logs) - logs.mean()) < 0.05


def test_the_truth_is_of_the_rank_asked_for():
    full = synthetic(60, 50, 3000, rank=3, noise=0, stars="real", dtype="float64").to_scipy().toarray()
    centred = full - full.mean(axis=0) - full.mean(axis=1)[:, None] + full.mean()
    values = np.linalg.svd(centred, compute_uv=False)
    assert values[2] > 1e-3 * values[0]
    assert values[3] < 1e-10 * values[0]
    noisy = synthetic(60, 50, 3000, rank=3, noise=0.5, stars="real", dtype="float64").to_scipy().toarray()
    assert abs((noisy - full).std() - 0.5) < 0.02


def test_the_truth_can_be_learned():
    """The least squares fit of the true rank comes near the noise, far below what biases alone reach."""
    ratings = synthetic(400, 300, 60_000, rank=4, noise=0.3, stars="real", minimum=60, dtype="float64")
    users, items = ratings.row_numbers(), ratings.indices
    test = np.random.default_rng(0).random(ratings.nnz) < 0.1
    rows = [np.flatnonzero((users == u) & ~test) for u in range(400)]
    columns = [np.flatnonzero((items == i) & ~test) for i in range(300)]
    errors = []
    for factors in (0, 4):
        rng = np.random.default_rng(1)
        X = np.hstack([np.ones((400, 1)), np.zeros((400, 1)), rng.normal(size=(400, factors)) / 2])
        Y = np.hstack([np.full((300, 1), 3.6), np.ones((300, 1)), rng.normal(size=(300, factors)) / 2])
        free_x = [1, *range(2, 2 + factors)]  # X and Y hold 1 where the other holds its bias
        free_y = [0, *range(2, 2 + factors)]
        for _ in range(12):
            for own, other, places, numbers, free, fixed in (
                (X, Y, rows, items, free_x, 0),
                (Y, X, columns, users, free_y, 1),
            ):
                for row, place in enumerate(places):
                    A, b = other[numbers[place]], ratings.data[place] - other[numbers[place], fixed] * own[row, fixed]
                    A = A[:, free]
                    own[row, free] = np.linalg.solve(A.T @ A + 0.3 * np.eye(len(free)), A.T @ b)
        errors.append(np.sqrt(np.mean((ratings.data - (X[users] * Y[items]).sum(axis=1))[test] ** 2)))
    biases, factors = errors
    assert biases > 0.5
    assert factors < 0.36


@pytest.mark.parametrize("n", [3, 30])
def test_both_ways_to_draw_follow_the_law_of_drawing_without_replacement(n, monkeypatch):
    """Chances that an item is among two drawn one after the other, against the sum over both orders."""
    weights = np.arange(1.0, n + 1) ** 2
    shares = weights / weights.sum()
    expected = shares + np.array([sum(p * q / (1 - p) for p in np.delete(shares, i)) for i, q in enumerate(shares)])
    users = 20_000
    for few in (0, np.inf):
        monkeypatch.setattr(sampling, "FEW", few)
        drawn = distinct_items(np.full(users, 2), weights, 0, 0)
        assert (np.diff(drawn.reshape(users, 2)) > 0).all()
        found = np.bincount(drawn, minlength=n) / users
        assert np.abs(found - expected).max() < 4.5 * np.sqrt(0.25 / users)


def test_draws_do_not_depend_on_how_users_are_batched(monkeypatch):
    counts = np.random.default_rng(0).integers(0, 60, 200)
    weights = np.arange(1.0, 201) ** -1.5
    whole = distinct_items(counts, weights, 1, 2)
    monkeypatch.setattr(sampling, "DRAWS", 500)
    np.testing.assert_array_equal(distinct_items(counts, weights, 1, 2), whole)
    monkeypatch.setattr(sampling, "FEW", np.inf)
    enough = distinct_items(counts, weights, 1, 2)
    monkeypatch.setattr(sampling, "_draws_needed", lambda counts, shares: counts)  # too few: most users come back
    np.testing.assert_array_equal(distinct_items(counts, weights, 1, 2), enough)


def test_equal_waiting_times_do_not_change_the_number_of_items(monkeypatch):
    monkeypatch.setattr(sampling._random, "uniform_at", lambda seed, stream, counters: np.full(len(counters), 0.5))
    drawn = distinct_items(np.array([2, 3]), np.ones(5), 0, 0)
    assert drawn.tolist() == [0, 1, 0, 1, 2]


def test_memory_is_bounded():
    tracemalloc.start()
    try:
        ratings = synthetic(6_000, 2_000, 400_000)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert ratings.nnz == 400_000
    assert peak < 250e6


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        (("ml-5m",), ValueError, "shape must be a number of users or one of 'ml-100k', 'ml-1m', 'ml-20m', got 'ml-5m'"),
        ((0, 5, 5), ValueError, "shape must be an integer in"),
        ((1.5, 5, 5), TypeError, "shape must be an integer in"),
        ((None,), TypeError, "shape must be an integer in"),
        ((2**31, 5, 5), ValueError, "shape must be an integer in"),
        ((5,), TypeError, "n_items must be an integer in"),
        ((5, 5), TypeError, "n_ratings must be an integer in"),
        ((5, 5, 26), ValueError, r"n_ratings must be an integer in \[0, 25\], got 26"),
        ((5, 5, -1), ValueError, "n_ratings must be an integer in"),
        (("ml-100k", 5), ValueError, "n_items and n_ratings must not be given with the shape 'ml-100k'"),
        (("ml-100k", None, 5), ValueError, "n_items and n_ratings must not be given"),
    ],
    ids=str,
)
def test_bad_shapes(arguments, error, text):
    with pytest.raises(error, match=text):
        synthetic(*arguments)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"rank": -1}, ValueError, "rank must be an integer >= 0, got -1"),
        ({"rank": 1.0}, TypeError, "rank must be an integer >= 0"),
        ({"noise": -0.1}, ValueError, "noise must be a finite number"),
        ({"noise": np.nan}, ValueError, "noise must be a finite number"),
        ({"popularity": -1}, ValueError, "popularity must be a finite number"),
        ({"popularity": 11}, ValueError, r"popularity must be a finite number in \[0, 10\], got 11"),
        ({"activity": "high"}, TypeError, "activity must be a finite number"),
        ({"minimum": 11}, ValueError, r"minimum must be an integer in \[0, 10\], got 11"),
        ({"stars": "quarter"}, ValueError, "stars must be one of 'whole', 'half', 'real'"),
        ({"dtype": "int8"}, ValueError, "dtype must be float32 or float64"),
        ({"random_state": -1}, ValueError, "random_state must be"),
        ({"random_state": "seed"}, TypeError, "random_state must be"),
    ],
    ids=str,
)
def test_bad_options(options, error, text):
    with pytest.raises(error, match=text):
        synthetic(50, 40, 500, **options)
