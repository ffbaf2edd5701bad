"""The sweeps of WALS over prepared terms: items given users, then users given items."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf._memory import aligned, aligned_copy
from fastmf.models._cost import Plan, Solver
from fastmf.models._half_step import Side, half_step, padded_columns, plan_of
from fastmf.models._intake import weighted_mean
from fastmf.models._objective import (
    Objective,
    Observed,
    all_finite,
    observed_sums,
    squares_of,
    unobserved_loss,
    weighted_sum,
)
from fastmf.models._state import State
from fastmf.models._wals_start import propagated_items, random_items
from fastmf.models._wals_terms import Terms

Floats = NDArray[Any]
Sums = NDArray[np.float64]

RAMP = 1.3, 0.1  # relaxation after the first sweep, and what each later one adds: early on, more goes too far


class Factorization:
    """The factors of both sides while they are learned: `X`, `Y` and `mean`, always those of the last whole sweep.

    Where J is `tracked`, what stored entries add to it is summed while the users are solved and their items are in the
    cache; with biases it is summed on demand.

    The columns beyond the factors are zeros that round up to whole vectors. With biases the first of them holds the
    bias: a user's row is (x_u, b_u), to be multiplied by (y_i, 1).

    Over-relaxed sweeps (Young 1954; `relaxation` above 1) go from users beyond the solution to items beyond theirs, as
    seen from where both were before. `Y` are these items and `X` the exact users for them, all the same; the users to
    go on from are kept beside.
    """

    def __init__(
        self,
        terms: Terms,
        factors: int,
        *,
        biased: bool,
        solver: Solver,
        relaxation: float,
        seed: int,
        dtype: Any,
        tracked: bool = False,
        num_threads: int,
    ) -> None:
        self.terms, self.factors, self.biased, self.solver = terms, factors, biased, solver
        self.relaxation, self.seed, self.num_threads = relaxation, seed, num_threads
        n_users, n_items = len(terms.users.indptr) - 1, len(terms.items.indptr) - 1
        columns = padded_columns(factors + biased, dtype)
        self.X, self.Y = aligned((n_users, columns), dtype), aligned((n_items, columns), dtype)
        self.mean = 0.0
        self._prepare(fresh=True, tracked=tracked and not biased)
        if biased:
            self.mean = weighted_mean(terms.users.targets, terms.users.weights)

    def _prepare(self, *, fresh: bool, tracked: bool) -> None:
        self._fresh, self._sweeps, self._tracked = fresh, 0, tracked
        # Of the last whole sweep: sums of each user's entries, where they are `_tracked`; the eigenvalues of
        # Y' diag(c) Y, where Y is in its eigenbasis; and |x_u|^2 and |y_i|^2, once somebody asked.
        self._observed_rows: Sums | None = None
        self._spectrum: Sums | None = None
        self._squares: tuple[Sums, Sums] | None = None
        self._spare: tuple[Floats, Floats] | None = None
        self._relaxed: Floats | None = None
        self._plans: dict[str, Plan] = {}

    def _start(self) -> None:
        """The first items, and the users: towards the best rows for these, by one step of conjugate gradient, which
        finds all but what an exact half-step would, at a fraction of its cost."""
        k, solver = self.factors, self.solver
        users = self.terms.users
        if users.implicit and solver.name != "nonnegative":
            propagated_items(self.X, self.Y, self.terms, k, self.seed, num_threads=self.num_threads)
        else:
            self._draw_items()
        if self.biased:
            self.Y[:, k] = 1
            users = self.terms.less_biases("users", np.zeros(len(self.Y), self.Y.dtype), self.mean)
        if solver.name == "nonnegative":
            self._half(users, self.Y, self.X)
        else:
            first = Solver("cg", cg_steps=1)
            self.Y, _ = half_step(
                *(users, self.Y, self.X, first),
                factors=k + self.biased,
                rotated=self.Y,
                from_zero=True,
                num_threads=self.num_threads,
            )
        self.Y[:, k:] = 0  # no item has a bias yet
        self._fresh = False

    def _draw_items(self) -> None:
        random_items(self.Y, self.factors, self.seed, nonnegative=self.solver.name == "nonnegative")

    def resume(self, state: State) -> None:
        """Go on from a fitted state, with its biases and mean if it has any; users it had no entry of are solved first,
        against its items and the random rows of those it had no entry of."""
        k, sides = self.factors, (self.terms.users, self.terms.items)
        new_users, new_items = (
            ~known & (side.counts > 0) for known, side in zip(state.known(state.shape), sides, strict=True)
        )
        if new_items.any():
            self._draw_items()
        has_biases = state.mean != 0 or bool(state.user_bias.any() or state.item_bias.any())
        for rows, new, factors, bias in (
            (self.X, new_users, state.user_factors, state.user_bias),
            (self.Y, new_items, state.item_factors, state.item_bias),
        ):
            rows[~new, :k] = factors[~new]
            if self.biased and has_biases:
                rows[~new, k] = bias[~new]
        if self.biased and has_biases:
            self.mean = np.float64(state.mean)  # as after a sweep: NumPy takes it off float32 in float64
        self._fresh = False
        if new_users.any():
            self.X[new_users] = self._solved_users()[new_users]

    def _solved_users(self) -> Floats:
        """All users given the items as they are, exactly."""
        X, Y, users, k = (
            aligned(self.X.shape, self.X.dtype),
            aligned(self.Y.shape, self.Y.dtype),
            self.terms.users,
            self.factors,
        )
        Y[:] = self.Y
        if self.biased:
            users = self.terms.less_biases("users", self.Y[:, k].copy(), self.mean)
            Y[:, k] = 1
        solver = self.solver if self.solver.name == "nonnegative" else Solver("cholesky")
        half_step(users, Y, X, solver, factors=k + self.biased, num_threads=self.num_threads)
        return X

    @classmethod
    def of(cls, terms: Terms, state: State, *, biased: bool, solver: Solver, num_threads: int) -> Factorization:
        """The factors of a fitted model, for new terms of the same shape; sweeps from there are plain."""
        made = cls.__new__(cls)
        made.terms, made.factors, made.biased, made.solver = terms, state.user_factors.shape[1], biased, solver
        made.relaxation, made.num_threads, made.mean = 1.0, num_threads, state.mean
        sides = []
        for factors, bias in ((state.user_factors, state.user_bias), (state.item_factors, state.item_bias)):
            rows = aligned((len(factors), padded_columns(made.factors + biased, factors.dtype)), factors.dtype)
            rows[:, : made.factors] = factors
            if biased:
                rows[:, made.factors] = bias
            sides.append(rows)
        made.X, made.Y = sides
        made._prepare(fresh=False, tracked=False)
        return made

    def sweep(self) -> None:
        """Solve the items, then the users."""
        first = self._fresh
        if first:  # in place, with no whole sweep to keep
            self._start()
            X, Y = self.X, self.Y
            if self.relaxation > 1:
                self._relaxed, X = X, aligned(X.shape, X.dtype)
        else:
            X, Y = self._spare or (aligned(self.X.shape, self.X.dtype), aligned(self.Y.shape, self.Y.dtype))
            Y[:] = self.Y
        if self.relaxation > 1 and self._relaxed is None:
            self._relaxed = aligned_copy(self.X, self.X.dtype)
        observed = np.empty((len(X), 3)) if self._tracked else None
        mean, spectrum = self._biased_sweep(X, Y) if self.biased else self._plain_sweep(X, Y, observed)
        self.X, self.Y, self.mean, self._spare = X, Y, mean, None if first else (self.X, self.Y)
        self._observed_rows, self._spectrum, self._squares = observed, spectrum, None
        self._sweeps += 1

    def _plain_sweep(self, X: Floats, Y: Floats, observed: Sums | None) -> tuple[float, Sums | None]:
        """Also the eigenvalues of Y' diag(c) Y, if Y is in its eigenbasis."""
        keep_basis = self.solver.name == "nonnegative"
        before, now = (self.X, X) if self._relaxed is None else (self._relaxed, self._relaxed)
        users, _ = self._half(self.terms.items, before, Y, rotated=None if keep_basis else now)
        if users is not now:
            now[:] = users
        _, spectrum = self._half(self.terms.users, Y, X, rotated=None if keep_basis else Y, observed=observed)
        return 0.0, spectrum

    def _biased_sweep(self, X: Floats, Y: Floats) -> tuple[float, None]:
        k = self.factors
        now = X if self._relaxed is None else self._relaxed
        if self._relaxed is None:
            X[:] = self.X
        bias = now[:, k].copy()
        now[:, k] = 1
        self._half(self.terms.less_biases("items", bias, self.mean), now, Y)
        now[:, k] = bias
        users = self.terms.users  # the mean that is best for these factors and biases is the mean residual further
        weight = float(users.weights.sum()) * (users.indptr[-1] if len(users.weights) == 1 else 1)
        mean = self.mean + self._observed(now, Y).residual / max(weight, np.finfo(float).tiny)
        item_bias = Y[:, k].copy()
        Y[:, k] = 1
        self._half(self.terms.less_biases("users", item_bias, mean), Y, X)  # last, so that fold-in agrees
        Y[:, k] = item_bias
        return mean, None

    def _omega(self, of_users: bool) -> float:
        """The relaxation of this half-step."""
        first, more = RAMP
        sweeps = self._sweeps - (not of_users)
        return min(self.relaxation, first + more * sweeps) if sweeps >= 0 else 1.0

    def _half(
        self,
        side: Side,
        others: Floats,
        out: Floats,
        *,
        rotated: Floats | None = None,
        observed: Sums | None = None,
    ) -> tuple[Floats, Sums | None]:
        k = self.factors + self.biased
        of_users = side.name == "user"
        if side.name not in self._plans:
            self._plans[side.name] = plan_of(
                side,
                len(others),
                self.solver,
                factors=k,
                keeps_basis=rotated is None,
                num_threads=self.num_threads,
            )
        return half_step(
            side,
            others,
            out,
            self.solver,
            factors=k,
            rotated=rotated,
            plan=self._plans[side.name],
            relaxed=self._relaxed if of_users or self._relaxed is None else out,
            relaxation=self._omega(of_users),
            observed=observed,
            num_threads=self.num_threads,
        )

    def is_finite(self) -> bool:
        """Whether every number of the last whole sweep is finite."""
        of_users, of_items = self._squared_lengths()
        return all_finite(self.X, of_users) and all_finite(self.Y, of_items) and bool(np.isfinite(self.mean))

    def _squared_lengths(self) -> tuple[Sums, Sums]:
        """|x_u|^2 and |y_i|^2 of the last whole sweep."""
        if self._squares is None:
            self._squares = squares_of(self.X, self.num_threads), squares_of(self.Y, self.num_threads)
        return self._squares

    def objective(self) -> Objective:
        """J of the last whole sweep."""
        rows = self._observed_rows
        observed = self._observed(self.X, self.Y) if rows is None else Observed.of_rows(rows)
        of_users, of_items = self._squared_lengths()
        return Objective(
            observed.loss,
            unobserved_loss(
                self.X,
                self.Y,
                self.terms.users.unobserved,
                observed.predicted,
                eigenvalues=self._spectrum,
                num_threads=self.num_threads,
            ),
            weighted_sum(of_users, self.terms.users.ridge) + weighted_sum(of_items, self.terms.items.ridge),
        )

    def _observed(self, X: Floats, Y: Floats) -> Observed:
        users, k = self.terms.users, self.factors
        user_bias, item_bias = (X[:, k].copy(), Y[:, k].copy()) if self.biased else (None, None)
        if user_bias is not None:
            X[:, k] = 0  # so that the product is that of the factors alone
        try:
            return observed_sums(
                users.indptr,
                users.indices,
                users.weights,
                users.targets,
                X,
                Y,
                users.unobserved,
                user_bias,
                item_bias,
                self.mean,
                num_threads=self.num_threads,
            )
        finally:
            if user_bias is not None:
                X[:, k] = user_bias

    def results(self) -> dict[str, Any]:
        """Factors without the padding, biases and mean."""
        k = self.factors
        found: dict[str, Any] = {
            "user_factors": np.ascontiguousarray(self.X[:, :k]),
            "item_factors": np.ascontiguousarray(self.Y[:, :k]),
        }
        if self.biased:
            found |= {"user_bias": self.X[:, k].copy(), "item_bias": self.Y[:, k].copy(), "mean": self.mean}
        return found
