"""Epochs of SVD++: the order of the users, their batches, and the factors while they are learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _random
from fastmf._memory import aligned
from fastmf.data import Ratings
from fastmf.kernels import svdpp
from fastmf.models._sgd_pieces import ACCUMULATORS, BIAS, Learning, first_heads, first_rows, width_of
from fastmf.models._state import State

Floats = NDArray[Any]

# Users of a batch, who see the items as they were before it, so that their moves of y add up. Measured on 100 thousand
# to 2.5 million ratings: the RMSE of a fit is then within 0.001 of that of one user at a time. Steps of the rate itself
# bear fewer users: 128 at a rate of 0.03 lose 0.008, 256 at 0.04 diverge.
BATCH = {"adagrad": 128, "sgd": 64}
WORK_A_THREAD = 2**18  # of a batch, ratings x factors, at least: with less the threads wait longer than they work
INITIAL_LENGTH = 0.1  # expected length of a first row p_u or q_i; y_j begins with zeros
SUMS = (*ACCUMULATORS, 2)  # columns of the head of an item; the last is that of y_j, and users have the others
IMPLICIT_SHARE = 0.2  # of the rate, for y: one step of y_j answers for all ratings of a user


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a step depends on, but for its rate."""

    adagrad: bool
    penalties: tuple[float, float, float, float]  # p, q, y, biases
    mean: float


class Descent(Learning):
    """Factors and biases while they are learned. The result depends on the data and the seed, never on threads."""

    def __init__(
        self, data: Ratings, values: Floats, weights: Floats, factors: int, rule: Rule, seed: int, num_threads: int
    ) -> None:
        self.data, self.values, self.weights = data, values, weights
        self.factors, self.rule, self.seed = factors, rule, seed
        self._batch = BATCH["adagrad" if rule.adagrad else "sgd"]
        a_batch = data.nnz * min(self._batch, data.n_users) // data.n_users
        self.num_threads = min(num_threads, max(1, a_batch * factors // WORK_A_THREAD))
        dtype = values.dtype
        width = width_of(factors, dtype)
        self.P = first_rows(seed, 1, data.n_users, factors, INITIAL_LENGTH, dtype, width)
        self.Q = first_rows(seed, 2, data.n_items, factors, INITIAL_LENGTH, dtype, width)
        self.Y = aligned((data.n_items, width), dtype)
        self.user_heads, self.item_heads = first_heads(data.n_users, dtype), first_heads(data.n_items, dtype)
        self._scratch = aligned((self._batch, width), dtype), aligned((self._batch, width), dtype)
        self._shares = equal_shares(data.item_counts, self.num_threads)
        self._learns(self.P, self.Q, self.Y, self.user_heads, self.item_heads)

    def resume(self, state: State) -> None:
        """Go on from a fitted state: rows, biases and accumulators of users and items it had ratings of, and the
        epochs so far."""
        self.epoch, k = len(state.history), self.factors
        users, items = state.known(state.shape)
        implicit = state.extra["item/implicit_factors"]
        own = state.user_factors - implicit_parts(implicit, state.seen_indptr, state.seen_indices, self.num_threads)
        self.P[users, :k], self.Q[items, :k], self.Y[:, :k] = own[users], state.item_factors[items], implicit
        for side, heads, known in (("user", self.user_heads, users), ("item", self.item_heads, items)):
            heads[known, BIAS] = getattr(state, f"{side}_bias")[known]
            if f"{side}/accumulators" in state.extra:  # models of earlier versions did not keep them
                sums = state.extra[f"{side}/accumulators"]
                heads[np.flatnonzero(known)[:, None], SUMS[: sums.shape[1]]] = sums[known]

    def run_epoch(self, rate: float) -> float:
        """One pass over all ratings; returns the sum of their weighted squared errors, each before its step."""
        data, rule = self.data, self.rule
        order = _random.permutation(self.seed, 3 + self.epoch, data.n_users)
        lost = np.zeros(data.n_users)

        def users(first: int, last: int) -> None:
            svdpp.run_epoch(
                self.P,
                self.Q,
                self.Y,
                self.user_heads,
                self.item_heads,
                data.indptr,
                data.indices,
                self.values,
                self.weights,
                order,
                first,
                last,
                self._shares,
                self.factors,
                rule.mean,
                rate,
                IMPLICIT_SHARE * rate,
                *rule.penalties,
                rule.adagrad,
                *self._scratch,
                lost,
                self.num_threads,
            )

        self._in_pieces(data.n_users, users, self._batch)
        return float(lost.sum())

    def results(self, trained_users: NDArray[np.bool_], trained_items: NDArray[np.bool_]) -> dict[str, Any]:
        """Vectors, factors and biases; zeros for users and items without a rating."""
        X = np.zeros_like(self.P)
        svdpp.user_vectors(self.P, self.Y, self.data.indptr, self.data.indices, X, self.num_threads)
        k = self.factors
        return {
            "mean": self.rule.mean,
            "user_factors": np.ascontiguousarray(X[:, :k]),
            "item_factors": np.ascontiguousarray(self.Q[:, :k] * trained_items[:, None]),
            "user_bias": self.user_heads[:, BIAS] * trained_users,
            "item_bias": self.item_heads[:, BIAS] * trained_items,
            "extra": {
                "item/implicit_factors": self.Y[:, :k].copy(),
                "user/accumulators": self.user_heads[:, ACCUMULATORS],
                "item/accumulators": self.item_heads[:, SUMS],
            },
        }


def implicit_parts(implicit: Floats, indptr: NDArray[np.int64], indices: NDArray[np.int32], num_threads: int) -> Floats:
    """|N(u)|^-1/2 sum_j y_j of every user."""
    n_users, (n_items, k), dtype = len(indptr) - 1, implicit.shape, implicit.dtype
    width = width_of(k, dtype)
    rows, nothing, X = (
        aligned((n_items, width), dtype),
        aligned((n_users, width), dtype),
        aligned((n_users, width), dtype),
    )
    rows[:, :k] = implicit
    svdpp.user_vectors(nothing, rows, indptr, indices, X, num_threads)
    return X[:, :k]


def equal_shares(counts: NDArray[np.int64], shares: int) -> NDArray[np.int64]:
    """Bounds of ranges of items that hold about as many entries each."""
    ends = np.cumsum(counts)
    inner = np.searchsorted(ends, ends[-1] * np.arange(1, shares) // shares)
    return np.concatenate([[0], inner, [len(counts)]]).astype(np.int64)
