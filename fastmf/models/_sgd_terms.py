"""The terms of BiasedMF's loss for given ratings: targets, the mean, and the validation ratings a fit looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data import Ratings
from fastmf.models._intake import entry_weights, matching, weighted_mean
from fastmf.models._objective import observed_sums, regularization_loss
from fastmf.models._state import State

Floats = NDArray[Any]


@dataclass(frozen=True)
class HeldOut:
    """Validation ratings as pairs of row and column numbers and targets, made ready once for all epochs."""

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    targets: NDArray[np.float64]

    @classmethod
    def of(cls, validation: Any, data: Ratings, loss: str, dtype: np.dtype[Any]) -> HeldOut:
        """The validation ratings for a fit to `data`."""
        held_out = matching(validation, data.shape, data.users, data.items, "validation")
        if held_out.nnz == 0:
            raise ValueError("validation must have at least one entry, got none")
        return cls(
            held_out.row_numbers().astype(np.int64),
            held_out.indices.astype(np.int64),
            targets("validation", held_out.data, loss, dtype).astype(np.float64),
        )

    def score(self, scores: Floats, loss: str) -> float:
        """What scores of the pairs are worth: the root mean squared error, or the mean logistic loss."""
        z = scores.astype(np.float64)
        if loss == "logistic":
            return float(np.logaddexp(0, -self.targets * z).mean())
        return float(np.sqrt(np.mean((self.targets - z) ** 2)))


class Best:
    """The best epoch so far by validation, kept only where `patience` says so."""

    def __init__(self, patience: int | None) -> None:
        self.patience = patience
        self._score, self._waited = np.inf, 0
        self.state: State | None = None

    def is_enough(self, score: float, state: State) -> bool:
        """Look at an epoch; True when `patience` epochs brought nothing better."""
        if self.patience is None:
            return False
        if score < self._score:
            self._score, self._waited, self.state = score, 0, state
        else:
            self._waited += 1
        return self._waited >= self.patience


def targets(name: str, values: Floats, loss: str, dtype: np.dtype[Any]) -> Floats:
    """The values as the loss takes them: labels become -1 and 1 for the logistic loss."""
    if loss == "logistic":
        if not np.isin(values, (-1, 0, 1)).all() or ((values == 0).any() and (values == -1).any()):
            raise ValueError(f"loss='logistic' needs stored values of -1 and 1, or of 0 and 1, in {name}")
        return np.where(values > 0, 1, -1).astype(dtype)
    return _checks.in_range_of(dtype, name, values)


def total_of(weight: Floats, nnz: int) -> float:
    """The sum of the weights of nnz entries; a single weight serves all."""
    return float(weight.sum(dtype=np.float64)) * (nnz if len(weight) == 1 else 1)


def observed_loss(state: State, data: Ratings, weights: Any, num_threads: int) -> float:
    """sum of w (a - yhat)^2 over the entries."""
    dtype = state.user_factors.dtype
    return observed_sums(
        data.indptr,
        data.indices,
        entry_weights(weights, data.nnz, dtype),
        data.data.astype(dtype, copy=False),
        state.user_factors,
        state.item_factors,
        np.zeros(1, dtype),
        state.user_bias,
        state.item_bias,
        state.mean,
        num_threads=num_threads,
    ).loss


def centre(values: Floats, weight: Floats, loss: str) -> float:
    """mu: the constant that fits best, up to weights for the median."""
    if loss == "absolute":
        return float(np.median(values))
    mean = weighted_mean(values, weight)
    if loss == "squared":
        return mean
    share = min(max(0.5 + 0.5 * mean, 1e-3), 1 - 1e-3)
    return float(np.log(share / (1 - share)))


def regularization_of(
    p: dict[str, Any], state: State, data: Ratings, user_factors: NDArray[Any], num_threads: int
) -> float:
    """What factors and biases add to the objective: each row's squares count once for each of its ratings."""
    n_u, n_i = data.user_counts.astype(float), data.item_counts.astype(float)
    lam_u, lam_i = p["regularization"]
    terms = (
        (lam_u * n_u, user_factors),
        (lam_i * n_i, state.item_factors),
        (p["bias_regularization"] * n_u, state.user_bias[:, None]),
        (p["bias_regularization"] * n_i, state.item_bias[:, None]),
    )
    return sum(regularization_loss(rows, ridge, num_threads=num_threads) for ridge, rows in terms)
