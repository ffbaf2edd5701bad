"""The objective J: its observed, unobserved and regularisation parts, exactly, in float64.

No product of NumPy's is taken here: its BLAS may leave threads spinning on the processors the next sweep needs.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmf.kernels.gramian import gramian
from fastmf.kernels.objective import observed_loss, squared_norms
from fastmf.models._cost import STREAM_FLOPS, rotation_seconds, team

CANCELLED = 0.1  # of a sum over all pairs: with less left of it, the rounding of float32 would be seen


class Objective(NamedTuple):
    """The parts of the value a model minimises, and their `total`."""

    observed: float
    unobserved: float
    regularization: float

    @property
    def total(self) -> float:
        return self.observed + self.unobserved + self.regularization


class Observed(NamedTuple):
    """Sums over the stored entries: w e^2, w e and c yhat^2, with e = a - yhat."""

    loss: float
    residual: float
    predicted: float

    @classmethod
    def of_rows(cls, sums: NDArray[np.float64]) -> Observed:
        """From the sums of each row, of shape (rows, 3), as the kernels give them."""
        return cls(*(float(total) for total in np.ascontiguousarray(sums.T).sum(axis=1)))


def observed_sums(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[Any],
    targets: NDArray[Any],
    X: NDArray[Any],
    Y: NDArray[Any],
    unobserved: NDArray[Any],
    user_bias: NDArray[Any] | None = None,
    item_bias: NDArray[Any] | None = None,
    mean: float = 0.0,
    *,
    num_threads: int,
) -> Observed:
    """What the stored entries add up to, in O(nnz k)."""
    none, sums = np.empty(0, X.dtype), np.empty((len(X), 3))
    observed_loss(
        indptr,
        indices,
        weights,
        targets,
        X,
        Y,
        none if user_bias is None else user_bias,
        none if item_bias is None else item_bias,
        mean,
        unobserved,
        sums,
        num_threads,
    )
    return Observed.of_rows(sums)


def unobserved_loss(
    X: NDArray[Any],
    Y: NDArray[Any],
    unobserved: NDArray[Any],
    predicted: float,
    *,
    eigenvalues: NDArray[np.float64] | None = None,
    num_threads: int,
) -> float:
    """sum over pairs that are not stored of c_i (x_u.y_i)^2 = <X'X, Y' diag(c) Y> less what the stored ones predict,
    in O((users + items) k^2), or in O(users k) with the `eigenvalues` of Y' diag(c) Y where Y is in its eigenbasis.
    Where nearly all of that cancels, the Gramians are made once more in float64."""
    if not unobserved.any():
        return 0.0
    if eigenvalues is not None:
        size = float(squares_of(X, num_threads, eigenvalues).sum())
        if size - predicted >= CANCELLED * size:
            return size - predicted
    none = np.empty(0, X.dtype)
    num_threads = team(num_threads, rotation_seconds(len(X) + len(Y), X.shape[1]) / 2)

    def rest(wide: bool) -> tuple[float, float]:
        items = (
            float(unobserved[0]) * gramian(Y, none, num_threads, wide)
            if len(unobserved) == 1
            else gramian(Y, unobserved, num_threads, wide)
        )
        items *= gramian(X, none, num_threads, wide)
        return float(items.sum()) - predicted, float(np.abs(items).sum())

    left, size = rest(wide=False)
    if left < CANCELLED * size:
        left, _ = rest(wide=True)
    return max(0.0, left)


def squares_of(
    factors: NDArray[Any], num_threads: int, scale: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """|x_u|^2 of each row, the squares scaled."""
    squares = np.empty(len(factors))
    squared_norms(factors, squares, team(num_threads, 4 * factors.size / STREAM_FLOPS), scale)
    return squares


def regularization_loss(factors: NDArray[Any], ridge: NDArray[np.float64], *, num_threads: int) -> float:
    """sum_u ridge_u |x_u|^2"""
    return weighted_sum(squares_of(factors, num_threads), ridge)


def weighted_sum(squares: NDArray[np.float64], ridge: NDArray[np.float64]) -> float:
    return float((squares * ridge).sum())


def all_finite(factors: NDArray[Any], squares: NDArray[np.float64]) -> bool:
    """Whether every number is finite, most often seen from the squared lengths of the rows."""
    return bool(np.isfinite(squares).all() or np.isfinite(factors).all())
