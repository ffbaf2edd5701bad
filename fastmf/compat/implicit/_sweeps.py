"""Sweeps in implicit's order, users and then items, from given factors; fastmf's own half-steps do the work.

The weights and targets are those of WALS with `unobserved_weight` 1 and `regularization_exponent` 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf._memory import aligned
from fastmf.data import Ratings
from fastmf.kernels.rotate import rotate
from fastmf.models._cost import Solver
from fastmf.models._half_step import Side, Task, half_step, padded_columns, plan_of
from fastmf.models._objective import observed_sums, regularization_loss, unobserved_loss
from fastmf.models._wals_terms import entry_terms, terms, user_side

Floats = NDArray[Any]

EXACT = Solver("cholesky")
AS_NOTHING = 1e-12  # share of the sum of the eigenvalues of Y'Y that stands in for a regularisation of 0


def parameters(regularization: float, dtype: np.dtype[Any]) -> dict[str, Any]:
    """implicit's objective in the words of WALS; alpha is in the values already."""
    return {
        "unobserved_weight": 1.0,
        "regularization_exponent": 0.0,
        "regularization": (regularization, regularization),
        "alpha": 1.0,
        "confidence": "linear",
        "dtype": dtype,
    }


def row_side(rows: Ratings, regularization: float, dtype: np.dtype[Any]) -> Side:
    """Rows to be solved for given factors of the other side."""
    p = parameters(regularization, dtype)
    return user_side(rows, *entry_terms(rows, None, p), p)


def working_dtype(regularization: float, dtype: np.dtype[Any], native: bool = True) -> np.dtype[Any]:
    """The precision to solve in: without regularisation the equations may be singular to all that float32 resolves."""
    return dtype if regularization > 0 and native else np.dtype(np.float64)


def padded(factors: Floats, dtype: np.dtype[Any]) -> Floats:
    """A copy with columns of zeros up to whole vectors."""
    copy = aligned((len(factors), padded_columns(factors.shape[1], dtype)), dtype)
    copy[:, : factors.shape[1]] = factors
    return copy


def half(
    side: Side, others: Floats, out: Floats, solver: Solver, turned: NDArray[np.float64], num_threads: int
) -> None:
    """Solve `side` into `out`; both arrays end up in one basis, which `turned` keeps account of."""
    rotated: Floats | None = others
    if not side.ridge.all():  # the limit of ever less regularisation: of all minima the shortest rows
        least = AS_NOTHING * float(np.square(others, dtype=np.float64).sum()) + float(np.finfo(np.float64).tiny)
        side, solver, rotated = replace(side, ridge=np.full(len(side.ridge), least)), Solver("cholesky", "primal"), None
    half_step(side, others, out, solver, factors=len(turned), rotated=rotated, turned=turned, num_threads=num_threads)


def turned_back(rows: Floats, turned: NDArray[np.float64], num_threads: int) -> Floats:
    """Rows without their padding, in the basis they came in."""
    out = np.ascontiguousarray(rows[:, : len(turned)])
    basis = np.ascontiguousarray(turned.T, rows.dtype)
    back = np.empty_like(out)
    rotate(out, basis, back, num_threads)
    return back


def solved(side: Side, others: Floats, start: Floats, solver: Solver, num_threads: int) -> Floats:
    """New rows for `side`, in the basis of `others`; `start` is where methods start that start from somewhere."""
    dtype, k = side.weights.dtype, others.shape[1]
    turned, out = np.eye(k), padded(start, dtype)
    half(side, padded(others, dtype), out, solver, turned, num_threads)
    return turned_back(out, turned, num_threads).astype(others.dtype, copy=False)


def fold_in(side: Side, others: Floats, gram: Floats, num_threads: int) -> Floats:
    """Exact rows for `side`, given Y'Y of the other side, which a caller with a few rows need not compute each time."""
    dtype, k, n = side.weights.dtype, others.shape[1], len(side.ridge)
    if side.ridge.all():
        used = others
        if len(side.indices) < len(others):
            needed, indices = np.unique(side.indices, return_inverse=True)
            used, side = others[needed], replace(side, indices=indices.astype(np.int32))
        columns = padded_columns(k, dtype)
        square = np.eye(columns)
        square[:k, :k] = gram
        out, failed = aligned((n, columns), dtype), np.zeros(n, np.uint8)
        solver = Solver("cholesky", "primal")
        plan = plan_of(side, len(others), solver, factors=k, keeps_basis=True, num_threads=min(num_threads, max(n, 1)))
        task = Task(side, padded(used, dtype), square, np.empty(0, dtype), out, solver, plan.threads)
        for start, stop in plan.pieces:
            task.solve(plan.order[start:stop], plan.methods[start:stop], failed[start:stop])
        if not failed.any():
            return np.ascontiguousarray(out[:, :k])
        if used is not others:
            side = replace(side, indices=needed[side.indices].astype(np.int32))
    return solved(side, others, np.zeros((n, k), others.dtype), Solver("cholesky", "primal"), num_threads)


class Sweeps:
    """The factors of both sides while they are learned, always those of the last whole sweep."""

    def __init__(
        self,
        ratings: Ratings,
        user_factors: Floats,
        item_factors: Floats,
        *,
        regularization: float,
        solver: Solver,
        dtype: np.dtype[Any],
        num_threads: int,
    ) -> None:
        self.terms = terms(ratings, None, parameters(regularization, dtype))
        self.solver, self.dtype, self.num_threads = solver, dtype, num_threads
        self.restart(user_factors, item_factors)

    def restart(self, user_factors: Floats, item_factors: Floats) -> None:
        """Go on from these factors."""
        self.X, self.Y = padded(user_factors, self.dtype), padded(item_factors, self.dtype)
        self.turned = np.eye(user_factors.shape[1])
        self._spare: tuple[Floats, Floats] | None = None

    def sweep(self) -> None:
        """Solve the users for the items, then the items for the users."""
        X, Y = self._spare or (np.empty_like(self.X), np.empty_like(self.Y))
        X[:], Y[:], turned = self.X, self.Y, self.turned.copy()
        half(self.terms.users, Y, X, self.solver, turned, self.num_threads)
        half(self.terms.items, X, Y, self.solver, turned, self.num_threads)
        self.X, self.Y, self.turned, self._spare = X, Y, turned, (self.X, self.Y)

    def is_finite(self) -> bool:
        """Whether every number of the last whole sweep is finite."""
        return bool(np.isfinite(self.X).all() and np.isfinite(self.Y).all())

    def factors(self, dtype: np.dtype[Any]) -> tuple[Floats, Floats]:
        """Both sides in the basis they came in."""
        X, Y = (turned_back(rows, self.turned, self.num_threads) for rows in (self.X, self.Y))
        return X.astype(dtype, copy=False), Y.astype(dtype, copy=False)

    def loss(self) -> float:
        """The objective divided by the sum of all weights, as implicit reports it."""
        users, items = self.terms.users, self.terms.items
        observed = observed_sums(
            users.indptr,
            users.indices,
            users.weights,
            users.targets,
            self.X,
            self.Y,
            users.unobserved,
            num_threads=self.num_threads,
        )
        unobserved = unobserved_loss(self.X, self.Y, users.unobserved, observed.predicted, num_threads=self.num_threads)
        total = observed.loss + unobserved
        for factors, side in ((self.X, users), (self.Y, items)):
            total += regularization_loss(factors, side.ridge, num_threads=self.num_threads)
        nnz = int(users.indptr[-1])
        weight = float(users.weights.sum(dtype=np.float64)) * (nnz if len(users.weights) == 1 else 1)
        weight += len(self.X) * len(self.Y) - nnz
        return total / weight if weight else total
