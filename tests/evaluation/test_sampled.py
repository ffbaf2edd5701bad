"""One positive among sampled negatives: the draws are fair, the positions those of the scores, and it always warns."""

import numpy as np
import pytest
import scipy.sparse as sp
from all_models import ratings
from stand_in import GivenFactors

import fastmf
from fastmf import NotFittedError
from fastmf.evaluation import SampledMetricsWarning, evaluate_sampled, sampled

N_USERS, N_ITEMS = 25, 12


def case(seed=0):
    rng = np.random.default_rng(seed)
    train = rng.random((N_USERS, N_ITEMS)) < 0.3
    test = rng.random((N_USERS, N_ITEMS)) < 0.2
    model = GivenFactors().fit(
        sp.csr_array(train.astype(float)),
        rng.integers(-2, 3, (N_USERS, 2)).astype(np.float32),
        rng.integers(-2, 3, (N_ITEMS, 2)).astype(np.float32),
        item_bias=rng.integers(-1, 2, N_ITEMS).astype(np.float32),
    )
    return model, train, test


@pytest.mark.parametrize("at_once", [1 << 20, 40])
def test_with_all_negatives_the_position_is_that_among_everything_the_user_does_not_have(monkeypatch, at_once):
    monkeypatch.setattr(sampled, "PAIRS_AT_ONCE", at_once)
    model, train, test = case()
    scores = model.user_factors @ model.item_factors.T + model.item_bias
    positions = np.array(
        [1 + (scores[u][~(train | test)[u]] >= scores[u, i]).sum() for u, i in np.argwhere(test)]  # last among equals
    )
    with pytest.warns(SampledMetricsWarning):
        got = evaluate_sampled(model, sp.csr_array(test), n_negatives=50, k=(1, 3, 5), random_state=0)
    assert list(got) == [f"sampled_{name}@{k}" for k in (1, 3, 5) for name in ("hr", "ndcg")]
    for k in (1, 3, 5):
        assert got[f"sampled_hr@{k}"] == pytest.approx((positions <= k).mean())
        assert got[f"sampled_ndcg@{k}"] == pytest.approx(np.where(positions <= k, 1 / np.log2(positions + 1), 0).mean())


def draws_of(wanted, seed, repeats=400):
    """Draws for one user who has three items of eight, and for one who has none, as item numbers."""
    seen = np.zeros((2, 8))
    seen[0, [0, 3]] = 1
    test = np.zeros((2, 8))
    test[0, 4] = 1
    test[1, 7] = 1
    model = GivenFactors().fit(sp.csr_array(seen), np.zeros((2, 1)), np.zeros((8, 1)))
    taken = sampled._taken(model, fastmf.Ratings.from_sparse(sp.csr_array(test)))
    users = np.repeat([0, 1], repeats)
    return sampled._negatives(taken, users, np.arange(len(users)), wanted, 8, seed), users


@pytest.mark.parametrize("wanted", [1, 2, 4])
def test_draws_are_different_items_the_user_does_not_have_all_as_likely(wanted):
    drawn, users = draws_of(wanted, seed=5)
    for user, allowed in ((0, {1, 2, 5, 6, 7}), (1, {0, 1, 2, 3, 4, 5, 6})):
        mine = drawn[users == user]
        assert all(len(set(row)) == wanted for row in mine.tolist())
        assert set(mine.ravel()) == allowed
        counts = np.bincount(mine.ravel())[sorted(allowed)]
        expected = len(mine) * wanted / len(allowed)
        assert ((counts - expected) ** 2 / expected).sum() < 20  # chi squared of up to 6 degrees of freedom
    assert (draws_of(wanted, seed=5)[0] == drawn).all()
    assert (draws_of(wanted, seed=6)[0] != drawn).any()


def test_all_are_taken_where_there_are_fewer():
    drawn, users = draws_of(7, seed=0, repeats=3)
    assert [sorted(row) for row in drawn[users == 0].tolist()] == [[-1, -1, 1, 2, 5, 6, 7]] * 3
    assert [sorted(row) for row in drawn[users == 1].tolist()] == [[0, 1, 2, 3, 4, 5, 6]] * 3


def test_every_call_warns_and_says_of_whom_to_read():
    model = fastmf.MostPopular().fit(ratings())
    for _ in range(3):
        with pytest.warns(SampledMetricsWarning, match=r"mislead.*Krichene & Rendle 2020.*fastmf\.evaluate") as caught:
            evaluate_sampled(model, ratings(), n_negatives=3, random_state=0)
        assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.filterwarnings("ignore::fastmf.evaluation.SampledMetricsWarning")
def test_one_seed_one_result(monkeypatch):
    model = fastmf.MostPopular().fit(ratings())

    def figures(seed, **more):
        return evaluate_sampled(model, ratings(), n_negatives=3, random_state=seed, **more)

    assert figures(1) == figures(1, num_threads=1)
    assert figures(1) != figures(2)
    whole = figures(1)
    monkeypatch.setattr(sampled, "PAIRS_AT_ONCE", 40)
    assert figures(1) == whole


@pytest.mark.filterwarnings("ignore::fastmf.evaluation.SampledMetricsWarning")
def test_bad_arguments_are_named():
    model = fastmf.MostPopular().fit(ratings())
    with pytest.raises(ValueError, match="n_negatives must be an integer >= 1"):
        evaluate_sampled(model, ratings(), n_negatives=0)
    with pytest.raises(ValueError, match=r"^k must be an integer in \[1"):
        evaluate_sampled(model, ratings(), k=0)
    with pytest.raises(ValueError, match="test must have at least one entry"):
        evaluate_sampled(model, ratings().select(np.zeros(ratings().nnz, bool)))
    with pytest.raises(NotFittedError):
        evaluate_sampled(fastmf.WALS(), ratings())
