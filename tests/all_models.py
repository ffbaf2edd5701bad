"""Every model, and the ratings on which the contract they share is tested."""

from functools import partial

import numpy as np
import scipy.sparse as sp
from tolerances import tolerance

from fastmf import WALS, BiasedMF, IdMap, MostPopular, Ratings, SVDpp

MODELS = {  # how to make each model; a new one joins by one line
    "WALS": partial(WALS, factors=6, iterations=3, num_threads=1, random_state=0),
    "WALS-explicit": partial(
        WALS, factors=6, iterations=3, unobserved_weight=0, num_threads=1, random_state=0, dtype="float64"
    ),
    "BiasedMF": partial(BiasedMF, factors=6, epochs=3, num_threads=1, random_state=0),
    "SVDpp": partial(SVDpp, factors=6, epochs=3, num_threads=1, random_state=0),
    "MostPopular": MostPopular,
}
N_USERS, N_ITEMS, K = 30, 20, 5


ROUNDING = {np.dtype(np.float32): tolerance(np.float32, 100), np.dtype(np.float64): tolerance(np.float64, 100)}


def matrix():
    """Ratings 1 to 5; user 1 and item 3 have none, user 0 has all but item 3 and one more."""
    rng = np.random.default_rng(7)
    dense = rng.integers(1, 6, (N_USERS, N_ITEMS)) * (rng.random((N_USERS, N_ITEMS)) < 0.3)
    dense[0] = 2
    dense[0, 11] = 0
    dense[1] = 0
    dense[:, 3] = 0
    return sp.csr_array(dense.astype(np.float32))


def user_ids():
    return np.array([f"user {(u * 7) % N_USERS}" for u in range(N_USERS)])


def item_ids():
    return np.array([100 + (i * 3) % N_ITEMS for i in range(N_ITEMS)])


def ratings():
    m = matrix()
    info = {"title": np.array([f"Тitle {i}" for i in range(N_ITEMS)]), "year/made": np.arange(N_ITEMS)}
    return Ratings(
        m.indptr, m.indices, m.data, shape=m.shape, users=IdMap(user_ids()), items=IdMap(item_ids()), item_info=info
    )


def all_scores(model):
    x, y = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    return model.mean + model.user_bias[:, None] + model.item_bias + x @ y.T


def close(model):
    return ROUNDING[model.user_factors.dtype] * (1 + abs(all_scores(model)).max())


def check_lists(model, users, items, scores, allowed, k):
    """Each row of item numbers is a best list of the allowed items: a mask of users x items."""
    assert items.shape == scores.shape == (len(users), k)
    truth, near = all_scores(model), close(model)
    for u, row, row_scores in zip(users, items, scores, strict=True):
        n = min(k, int(allowed[u].sum()))
        assert (row[n:] == -1).all()
        assert (row_scores[n:] == -np.inf).all()
        row, row_scores = row[:n], row_scores[:n]
        assert len(set(row.tolist())) == n
        assert allowed[u, row].all()
        assert abs(row_scores - truth[u, row]).max(initial=0) <= near
        assert (np.diff(row_scores) <= 0).all()
        assert (np.diff(row)[np.diff(row_scores) == 0] > 0).all()
        left = np.setdiff1d(np.flatnonzero(allowed[u]), row)
        assert n < k or truth[u, left].max(initial=-np.inf) <= row_scores[-1] + near


def unseen():
    return matrix().toarray() == 0
