"""The tasks that libraries are compared on, and their measures, outside all libraries and in float64.

Only the lists of Ranking come from fastmf's own exact `top_k`, whichever library the factors are of.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from benchmarks import _gowalla
from fastmf.retrieval import top_k

_CHUNK = 1 << 18  # pairs scored at once


@dataclass(frozen=True)
class Weighted:
    """Minimise, over the ones of a binary matrix (Omega) and all other pairs,

        J = sum_Omega weight (1 - x_u.y_i)^2 + sum_not-Omega (x_u.y_i)^2
          + regularization (sum_u |x_u|^2 + sum_i |y_i|^2)

    which every library here can state exactly: unobserved pairs weigh 1 and nothing depends on counts.
    """

    matrix: sparse.csr_matrix  # users x items, float32 ones, indices int32 and sorted
    factors: int
    weight: float
    regularization: float
    threads: int
    seed: int

    def objective(self, X: NDArray[Any], Y: NDArray[Any]) -> float:
        """J of user rows X and item rows Y.

        sum over all pairs (x.y)^2 = <X'X, Y'Y>; each stored pair then has its share of it taken back.
        """
        X, Y = X.astype(np.float64), Y.astype(np.float64)
        scores = pair_scores(X, Y, *self.matrix.nonzero())
        observed = self.weight * np.square(1 - scores).sum() - np.square(scores).sum()
        unobserved = np.sum((X.T @ X) * (Y.T @ Y))
        return float(observed + unobserved + self.regularization * (np.square(X).sum() + np.square(Y).sum()))


@dataclass(frozen=True)
class Ranking:
    """Find the test items of a user among all that are not in the user's training row."""

    train: sparse.csr_matrix  # users x items, float32 ones, indices int32 and sorted
    test: sparse.csr_matrix
    factors: int
    threads: int
    seed: int

    def recall_and_ndcg(self, X: NDArray[Any], Y: NDArray[Any]) -> tuple[float, float]:
        """Of user rows X and item rows Y, ranked by their inner products."""
        users = np.flatnonzero(np.diff(self.test.indptr))
        rows = self.train[users]
        seen = (rows.indptr.astype(np.int64), rows.indices)
        lists, _ = top_k(X[users], Y, _gowalla.K, seen=seen, num_threads=self.threads)
        return _gowalla.recall_and_ndcg(lists, users, self.test)


@dataclass(frozen=True)
class Explicit:
    """Predict ratings that were held out from the others; the measure is the RMSE."""

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    values: NDArray[np.float32]
    shape: tuple[int, int]
    test_users: NDArray[np.int32]
    test_items: NDArray[np.int32]
    test_values: NDArray[np.float32]
    factors: int
    threads: int
    seed: int

    def rmse(self, predictions: NDArray[Any]) -> float:
        """Of predictions for the held-out pairs."""
        return float(np.sqrt(np.square(predictions.astype(np.float64) - self.test_values).mean()))


@dataclass(frozen=True)
class Retrieval:
    """The k items with the highest inner product for each user, without the seen ones where the library filters."""

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    seen: sparse.csr_matrix  # a row a user, indices int32 and sorted
    k: int
    threads: int
    recall: float  # that an approximate index must reach

    def recall_of(self, ids: NDArray[Any], *, filtered: bool) -> float:
        """The share of the true best k that an answer for the first users has; ties within rounding count as found."""
        scores = self.users[: len(ids)].astype(np.float64) @ self.items.astype(np.float64).T
        if filtered:
            rows = self.seen[: len(ids)]
            scores[np.repeat(np.arange(len(ids)), np.diff(rows.indptr)), rows.indices] = -np.inf
        least = -np.partition(-scores, self.k - 1, axis=1)[:, self.k - 1 : self.k]
        found = np.take_along_axis(scores, np.asarray(ids, np.int64), axis=1)
        return float((found >= least - 1e-5 * np.abs(least)).mean())


def pair_scores(X: NDArray[Any], Y: NDArray[Any], users: NDArray[Any], items: NDArray[Any]) -> NDArray[np.float64]:
    """x_u . y_i for given pairs."""
    scores = np.empty(len(users))
    for at in range(0, len(users), _CHUNK):
        pairs = slice(at, at + _CHUNK)
        scores[pairs] = np.einsum("nk,nk->n", X[users[pairs]], Y[items[pairs]])
    return scores


def biased_scores(
    mean: float, user_bias: Any, item_bias: Any, X: NDArray[Any], Y: NDArray[Any], task: Explicit
) -> NDArray[np.float64]:
    """mean + b_u + c_i + x_u . y_i for the held-out pairs."""
    users, items = task.test_users, task.test_items
    return mean + np.asarray(user_bias)[users] + np.asarray(item_bias)[items] + pair_scores(X, Y, users, items)
