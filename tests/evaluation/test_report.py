import itertools
import json
import pickle

import numpy as np
import pytest

from fastmf.data import Ratings
from fastmf.evaluation import Comparison, Report, evaluate_lists
from fastmf.evaluation.statistics import Shares, sign_flip_test

RNG = np.random.default_rng(0)


def report_of(values, name="ndcg@10", **changes):
    facts = {
        "model": "Model(factors=8)",
        "cutoffs": (10,),
        "figures": {name: float(np.mean(values)), "coverage@10": 0.25, "rmse": 0.875},
        "per_user": {name: np.array(values, float)},
        "user_ids": np.arange(len(values)),
        "entries": 12345,
        "seconds": 1.5,
        "notes": ["one thing was left out"],
    }
    return Report(**{**facts, **changes})


def test_a_report_is_a_mapping_of_its_figures():
    report = report_of([0.0, 1.0])
    assert dict(report) == {"ndcg@10": 0.5, "coverage@10": 0.25, "rmse": 0.875}
    assert report.get("auc") is None
    assert len(report) == 3


def test_to_dict_is_plain_and_has_the_facts_beside_the_figures():
    test = Ratings.from_arrays([0, 0, 1], [0, 2, 1])
    as_dict = evaluate_lists([[0, 1, 2], [2, 0, 1]], test, k=(1, 3)).to_dict()
    assert json.loads(json.dumps(as_dict)) == as_dict
    assert as_dict["users"] == 2
    assert as_dict["entries"] == 3
    assert as_dict["seconds"] >= 0
    assert {type(value) for value in as_dict.values()} == {int, float}


def test_it_prints_as_an_aligned_table():
    figures = {"ndcg@5": 0.5, "ndcg@10": 0.25, "hit_rate@5": 1.0, "hit_rate@10": 1.0, "auc": 0.9, "rmse": 0.8765432}
    report = report_of([0.5], cutoffs=(5, 10), figures=figures)
    assert str(report) == "\n".join(
        [
            "Model(factors=8): 1 user, 12,345 test entries, 1.50 s",
            "               @5      @10",
            "ndcg       0.5000   0.2500",
            "hit_rate   1.0000   1.0000",
            "auc 0.9000   rmse 0.8765",
            "(one thing was left out)",
        ]
    )
    assert repr(report) == "<Report of Model(factors=8): 6 figures, 1 users>"


def test_it_prints_without_any_cutoff():
    assert str(report_of([1], figures={"rmse": 1.0}, notes=[])).splitlines()[1:] == ["rmse 1.0000"]


def test_values_per_user_are_read_only_and_figures_have_none():
    report = report_of([0.0, 1.0])
    with pytest.raises(ValueError, match="read-only"):
        report.per_user("ndcg@10")[0] = 5
    with pytest.raises(KeyError, match=r"'coverage@10' is one figure for all users; values per user: ndcg@10"):
        report.per_user("coverage@10")


@pytest.mark.parametrize("look_up", [lambda r: r["mae"], lambda r: r.per_user("mae")])
def test_a_missing_name_says_what_there_is_and_why(look_up):
    with pytest.raises(KeyError, match=r"no 'mae'; it has ndcg@10, coverage@10, rmse \(one thing was left out\)"):
        look_up(report_of([0.0]))


def test_a_report_can_be_pickled():
    report = report_of([0.0, 1.0])
    again = pickle.loads(pickle.dumps(report))
    assert dict(again) == dict(report)
    assert str(again) == str(report)


def test_intervals_have_the_width_the_spread_of_users_gives_them():
    values = RNG.normal(size=4000)
    low, high = report_of(values).confidence_interval("ndcg@10", 0.95, 2000, random_state=0)
    expected = values.mean() + np.array([-1.96, 1.96]) * values.std() / np.sqrt(len(values))
    np.testing.assert_allclose([low, high], expected, atol=0.1 * (expected[1] - expected[0]))
    narrow = report_of(values).confidence_interval("ndcg@10", 0.5, 2000, random_state=0)
    assert low < narrow[0] < narrow[1] < high


def test_intervals_follow_the_seed():
    report = report_of(RNG.normal(size=50))
    first, again, other = (report.confidence_interval("ndcg@10", random_state=seed) for seed in (1, 1, 2))
    assert first == again != other


def test_all_signs_of_few_users_give_the_exact_p_value():
    """Differences 1, 2, 3, 4, 5: only all signs alike reach |15|, so p = 2 / 32."""
    comparison = report_of([1, 2, 3, 4, 5]).compare(
        report_of(np.zeros(5)), "ndcg@10", n_resamples=100_000, random_state=0
    )
    assert isinstance(comparison, Comparison)
    assert comparison.difference == 3
    assert comparison.users == 5
    assert comparison.p_value == pytest.approx(2 / 32, abs=0.004)
    assert comparison.low < 3 < comparison.high


def test_equal_models_do_not_differ_and_order_gives_the_sign():
    values = RNG.random(300)
    same = report_of(values).compare(report_of(values), "ndcg@10", random_state=0)
    assert same == (0, 0, 0, 1, 300)
    worse = report_of(values).compare(report_of(values + 0.2), "ndcg@10", random_state=0)
    assert worse.difference == pytest.approx(-0.2)
    assert worse.p_value == pytest.approx(1 / 10_001)
    assert worse.high < 0


def test_p_values_of_alike_models_are_uniform():
    rng = np.random.default_rng(0)
    p_values = [sign_flip_test(rng.normal(size=30), 500, seed) for seed in range(200)]
    distance = np.abs(np.sort(p_values) - (np.arange(200) + 0.5) / 200).max()
    assert distance < 1.63 / np.sqrt(200)  # Kolmogorov-Smirnov, 1 %


# -- errors of ratings --------------------------------------------------------------------------------------------


def errors_of(by_user, users=None):
    """A report on errors of predicted ratings, given by user."""
    entries = np.array([len(errors) for errors in by_user])
    squares = np.array([np.sum(np.square(errors)) for errors in by_user])
    absolutes = np.array([np.sum(np.abs(errors)) for errors in by_user])
    ids = np.arange(len(by_user)) if users is None else np.array(users)
    shares = {"rmse": Shares(ids, squares, entries, root=True), "mae": Shares(ids, absolutes, entries)}
    return report_of([0.5], figures={name: each.figure() for name, each in shares.items()}, errors=shares)


def rmse_of(by_user):
    return np.sqrt(np.mean(np.square(np.concatenate(by_user))))


def test_intervals_of_errors_draw_users_with_all_their_entries():
    by_user = [RNG.normal(scale=RNG.random(), size=RNG.integers(1, 30)) for _ in range(300)]
    report = errors_of(by_user)
    assert report["rmse"] == pytest.approx(rmse_of(by_user))
    drawn = [rmse_of([by_user[n] for n in RNG.integers(0, 300, 300)]) for _ in range(1000)]
    expected = np.quantile(drawn, [0.05, 0.95])
    found = report.confidence_interval("rmse", 0.9, random_state=0)
    np.testing.assert_allclose(found, expected, atol=0.15 * (expected[1] - expected[0]))
    low, high = report.confidence_interval("mae", random_state=0)
    assert low < report["mae"] < high
    alike = errors_of([[0.5] * size for size in (1, 5, 9)])  # whoever is drawn, and however much of each
    assert alike.confidence_interval("rmse", random_state=0) == pytest.approx((0.5, 0.5))


@pytest.mark.parametrize("seed", range(4))
def test_the_test_of_errors_is_that_of_exchanging_whole_users(seed):
    rng = np.random.default_rng(seed)
    mine, theirs = ([rng.normal(size=size) for size in (1, 2, 4, 8, 16, 32)] for _ in range(2))
    comparison = errors_of(mine).compare(errors_of(theirs), "rmse", n_resamples=50_000, random_state=0)
    difference = rmse_of(mine) - rmse_of(theirs)
    exchanged = []
    for swaps in itertools.product([False, True], repeat=6):
        pairs = [(b, a) if swap else (a, b) for a, b, swap in zip(mine, theirs, swaps, strict=True)]
        exchanged.append(rmse_of([a for a, _ in pairs]) - rmse_of([b for _, b in pairs]))
    assert comparison.p_value == pytest.approx(np.mean(np.abs(exchanged) >= abs(difference) - 1e-9), abs=0.01)
    assert comparison.difference == pytest.approx(difference)
    assert comparison.low < difference < comparison.high
    assert comparison.users == 6


def test_errors_are_compared_on_the_same_entries_only():
    mine = errors_of([[0.5], [0.5, 1.0]])
    with pytest.raises(ValueError, match="the same test entries, got another number of them for 2 users"):
        mine.compare(errors_of([[0.5, 1.0], [0.5]]), "rmse")
    with pytest.raises(ValueError, match="got 2 users, of which 1 are among the 2 here"):
        mine.compare(errors_of([[0.5], [0.5, 1.0]], users=[1, 2]), "mae")
    with pytest.raises(KeyError, match="'rmse' is one figure for all users"):
        mine.per_user("rmse")


def test_a_comparison_prints_in_a_line():
    assert str(Comparison(-0.01234, -0.02, -0.00456, 9.999e-05, 1)) == (
        "difference -0.0123, from -0.0200 to -0.0046; p = 0.0001; 1 user"
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda r: r.confidence_interval("ndcg@11"), KeyError, "no 'ndcg@11'"),
        (
            lambda r: r.confidence_interval("ndcg@10", 95),
            ValueError,
            "level must be a fraction between 0 and 1, got 95",
        ),
        (lambda r: r.confidence_interval("ndcg@10", n_resamples=0), ValueError, "n_resamples must be an integer >= 1"),
        (lambda r: r.confidence_interval("ndcg@10", random_state="x"), TypeError, "random_state must be"),
        (lambda r: r.compare({}, "ndcg@10"), TypeError, "other must be a Report, got {}"),
        (lambda r: r.compare(r, "coverage@10"), KeyError, "one figure for all users"),
        (lambda r: r.compare(r, "ndcg@10", level=0), ValueError, "level must be"),
        (
            lambda r: r.compare(report_of([1, 2, 3]), "ndcg@10"),
            ValueError,
            "the same users in the same order, got 3 users, of which 2 are among the 2 here",
        ),
    ],
)
def test_bad_arguments_are_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(report_of([0.0, 1.0]))
