"""The objective J: its observed, unobserved and regularisation parts, exactly, in float64."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmf.kernels.gramian import gramian
from fastmf.kernels.objective import observed_loss
from fastmf.models._half_step import Entries


class Objective(NamedTuple):
    """The value a model minimises, and its parts."""

    observed: float
    unobserved: float
    regularization: float

    @property
    def total(self) -> float:
        return self.observed + self.unobserved + self.regularization


def squared_norms(factors: NDArray[Any], ridge: NDArray[np.float64]) -> float:
    """sum_u ridge_u |x_u|^2"""
    return float(ridge @ np.einsum("uk,uk->u", factors, factors, dtype=np.float64))


def objective(
    entries: Entries,
    X: NDArray[Any],
    Y: NDArray[Any],
    *,
    user_bias: NDArray[Any] | None = None,
    item_bias: NDArray[Any] | None = None,
    mean: float = 0.0,
    unobserved_weight: float = 0.0,
    regularization: float,
    num_threads: int,
) -> Objective:
    """J in O(nnz k + (users + items) k^2): the unobserved part is  w0 <X'X, Y'Y>  less what the entries contribute."""
    dtype = X.dtype
    observed, predicted = np.empty(len(X)), np.empty(len(X))
    observed_loss(
        entries.indptr,
        entries.indices,
        entries.weights,
        entries.targets,
        X,
        Y,
        np.zeros(len(X), dtype) if user_bias is None else user_bias,
        np.zeros(len(Y), dtype) if item_bias is None else item_bias,
        mean,
        np.ones(1, dtype),
        observed,
        predicted,
        num_threads,
    )
    unobserved = 0.0
    if unobserved_weight:
        none = np.empty(0, dtype)
        everywhere = float(np.vdot(gramian(X, none, num_threads), gramian(Y, none, num_threads)))
        unobserved = unobserved_weight * max(0.0, everywhere - float(predicted.sum()))
    return Objective(float(observed.sum()), unobserved, regularization)
