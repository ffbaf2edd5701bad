"""Matrices whose arrays do not fit together: refused by everything that takes one, before SciPy's C code reads them."""

import numpy as np
import plain_implicit as plain
import pytest

from fastmf.compat.implicit import als, evaluation, nearest_neighbours, utils
from fastmf.compat.implicit.cpu.topk import topk

N_USERS, N_ITEMS, BEYOND = 8, 6, 10**8


def falls(matrix):
    matrix.indptr[3] = BEYOND


def ends_beyond(matrix):
    matrix.indptr[-1] = BEYOND


def is_short(matrix):
    matrix.data = matrix.data[:-1]


def is_out_of_range(matrix):
    matrix.indices[:] = BEYOND


def is_negative(matrix):
    matrix.indices[:] = -BEYOND


def fitted():
    model = als.AlternatingLeastSquares(factors=2, iterations=1, num_threads=1)
    model.fit(good(), show_progress=False)
    return model


def good():
    return plain.likes(N_USERS, N_ITEMS, density=0.6)


users = np.arange(N_USERS)
TAKERS = {
    "fit": lambda bad: fitted().fit(bad, show_progress=False),
    "recommend": lambda bad: fitted().recommend(users, bad),
    "recommend, recalculated": lambda bad: fitted().recommend(
        users, bad, filter_already_liked_items=False, recalculate_user=True
    ),
    "recalculate_user": lambda bad: fitted().recalculate_user(users, bad),
    "partial_fit_users": lambda bad: fitted().partial_fit_users(users, bad),
    "explain": lambda bad: fitted().explain(3, bad, 2),
    "training": lambda bad: evaluation.ranking_metrics_at_k(fitted(), bad, good(), show_progress=False),
    "test": lambda bad: evaluation.ranking_metrics_at_k(fitted(), good(), bad, show_progress=False),
    "train_test_split": evaluation.train_test_split,
    "leave_k_out_split": evaluation.leave_k_out_split,
    "topk": lambda bad: topk(np.ones((N_ITEMS, 2)), np.ones((N_USERS, 2)), 3, filter_query_items=bad),
    "tfidf_weight": nearest_neighbours.tfidf_weight,
    "check_csr": utils.check_csr,
}


@pytest.mark.parametrize("taker", TAKERS.values(), ids=TAKERS)
@pytest.mark.parametrize("damage", [falls, ends_beyond, is_short, is_out_of_range, is_negative])
def test_damaged_rows_are_refused(damage, taker):
    bad = good()
    damage(bad)
    with pytest.raises(ValueError, match="must (hold|have) (an indptr|the|indices)"):
        taker(bad)


@pytest.mark.parametrize("damage", [falls, ends_beyond, is_out_of_range])
def test_damaged_columns_are_refused_before_they_are_converted(damage):
    bad = good().tocsc()
    damage(bad)
    with pytest.raises(ValueError, match="user_items must (hold|have)"):
        utils.check_csr(bad)
