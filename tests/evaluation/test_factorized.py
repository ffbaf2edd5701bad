"""Top-k categorical accuracy as TensorFlow Recommenders defines it, judged by the definition of tf.math.in_top_k."""

import numpy as np
import pytest
import scipy.sparse as sp
from all_models import N_ITEMS, ratings
from hypothesis import given
from hypothesis import strategies as st
from stand_in import GivenFactors

import fastmf
from fastmf import NotFittedError
from fastmf.evaluation import factorized_top_k


def in_top_k(scores, target, k):
    """A target is among the top k unless k others are strictly better: all that are level at the boundary are in."""
    return sum(score > scores[target] for score in scores) < k


def model_of(rng, n_users=12, n_items=15):
    """Small whole numbers, so that scores are exact and ties are many; every item seen by everybody."""
    return GivenFactors().fit(
        sp.csr_array(np.ones((n_users, n_items))),
        rng.integers(-2, 3, (n_users, 2)).astype(np.float32),
        rng.integers(-2, 3, (n_items, 2)).astype(np.float32),
        item_bias=rng.integers(-1, 2, n_items).astype(np.float32),
        user_bias=rng.integers(-1, 2, n_users).astype(np.float32),
        mean=2,
    )


@given(st.integers(0, 2**32))
def test_it_is_the_mean_of_in_top_k_over_all_pairs(seed):
    rng = np.random.default_rng(seed)
    model = model_of(rng)
    test = rng.random((12, 15)) < 0.3
    test[3, 4] = True
    scores = model.user_factors @ model.item_factors.T + model.item_bias
    got = factorized_top_k(model, sp.csr_array(test), ks=(3, 1, 7, 99))
    assert got == {
        f"factorized_top_k/top_{k}_categorical_accuracy": pytest.approx(
            np.mean([in_top_k(scores[u], i, k) for u, i in np.argwhere(test)])
        )
        for k in (1, 3, 7, 99)
    }


def test_the_catalogue_is_whole_and_the_cut_offs_are_those_of_tfrs():
    data = ratings()
    model = fastmf.WALS(factors=16, iterations=10, regularization=1e-4, random_state=0).fit(data)
    figures = factorized_top_k(model, data)  # what was seen is not left out: a model finds it again
    assert [int(name.split("_")[-3]) for name in figures] == [1, 5, 10, 50, 100]
    assert figures["factorized_top_k/top_10_categorical_accuracy"] > 0.8
    assert figures["factorized_top_k/top_50_categorical_accuracy"] == 1  # there are but 20
    assert N_ITEMS == 20
    same = fastmf.WALS(factors=16, iterations=10, regularization=1e-4, random_state=0, num_threads=1).fit(data)
    assert factorized_top_k(same, data, num_threads=2) == figures


def test_bad_arguments_are_named():
    model = fastmf.MostPopular().fit(ratings())
    with pytest.raises(ValueError, match=r"ks must be an integer in \[1, .* got 0"):
        factorized_top_k(model, ratings(), ks=(0, 1))
    with pytest.raises(ValueError, match="test must have at least one entry"):
        factorized_top_k(model, ratings().select(np.zeros(ratings().nnz, bool)))
    with pytest.raises(NotFittedError):
        factorized_top_k(fastmf.WALS(), ratings())
    with pytest.raises(TypeError, match="model must be"):
        factorized_top_k(3, ratings())
