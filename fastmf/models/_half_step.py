"""One half-step of alternating least squares: all rows of one side, given the factors of the other.

The driver decides what the kernel only carries out: the basis, the method of each row, the order of the rows and the
pieces of work, and what happens to a row that float32 cannot solve.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf._errors import FitDivergedError
from fastmf._memory import aligned, aligned_copy
from fastmf.kernels import wals
from fastmf.kernels.eigen import eigenbasis
from fastmf.kernels.gramian import gramian
from fastmf.kernels.objective import observed_loss
from fastmf.kernels.rotate import rotate
from fastmf.models._cost import Plan, Solver, eigenbasis_seconds, rotation_seconds, team

Floats = NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Side:
    """The rows to solve: their stored entries and what weighs on them. A single weight, target or share serves all."""

    name: str
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: Floats
    targets: Floats
    ridge: NDArray[np.float64]
    unobserved: Floats  # c, one for each row of the other side; a pair that is not stored weighs share * c
    share: NDArray[np.float64]

    @property
    def counts(self) -> NDArray[np.int64]:
        return np.diff(self.indptr)

    @property
    def implicit(self) -> bool:
        """Whether pairs that are not stored weigh anything."""
        return bool(self.unobserved.any())


def padded_columns(factors: int, dtype: np.dtype[Any]) -> int:
    """Columns of the arrays in which a fit works: whole vectors, so that no kernel meets a remainder."""
    return int(wals.padded(factors, np.empty(0, dtype)))


def weighted_gramian(
    side: Side, others: Floats, num_threads: int, product: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Y' diag(c) Y in float64; `product` is Y'Y where that is known."""
    if not side.implicit:
        return np.zeros((others.shape[1], others.shape[1]))
    num_threads = team(num_threads, rotation_seconds(*others.shape) / 2)
    if len(side.unobserved) == 1:
        if product is None:
            product = gramian(others, np.empty(0, others.dtype), num_threads)
        return float(side.unobserved[0]) * product
    return gramian(others, side.unobserved, num_threads)


def turn_rows(rows: Floats, basis: Floats, out: Floats, num_threads: int) -> None:
    """Rows times a square matrix, into `out`, which may be the rows themselves."""
    rotate(rows, basis, out, team(num_threads, rotation_seconds(*rows.shape)))


def plan_of(
    side: Side, n_others: int, solver: Solver, *, factors: int, keeps_basis: bool = False, num_threads: int
) -> Plan:
    """The plan of every half-step of `side`. A basis that stays leaves unobserved weight only the primal form."""
    counts = side.counts
    flat = not side.ridge[counts > 0].all()  # directions that nothing regularises
    primal = flat or (keeps_basis and side.implicit)
    return Plan.of(counts, factors, n_others, solver, primal=primal, excess=excess_of(side), num_threads=num_threads)


def excess_of(side: Side) -> float | None:
    """How much more a stored pair weighs than one that is not, in means and in units of the latter. None where rows are
    not iterated: without unobserved weight or entries, and in float64, which would take twice the steps."""
    unobserved = float(side.unobserved.mean() * side.share.mean()) if side.implicit else 0.0
    if not unobserved or not len(side.indices) or side.weights.dtype != np.float32:
        return None
    return max(float(side.weights.mean(dtype=np.float64)) / unobserved - 1.0, 0.0)


def half_step(
    side: Side,
    others: Floats,
    out: Floats,
    solver: Solver,
    *,
    factors: int,
    rotated: Floats | None = None,
    plan: Plan | None = None,
    turned: NDArray[np.float64] | None = None,
    product: NDArray[np.float64] | None = None,
    relaxed: Floats | None = None,
    relaxation: float = 1.0,
    observed: NDArray[np.float64] | None = None,
    from_zero: bool = False,
    num_threads: int,
) -> tuple[Floats, NDArray[np.float64] | None]:
    """Solve every row of `side` into `out` and return the other side's factors in the basis of `out`, and the
    eigenvalues of their weighted Gramian, if this is its eigenbasis.

    That basis is the eigenbasis of the other side's Gramian where some row wants it; the objective is the same in every
    basis. The factors in it go to `rotated`, which may be `others` itself; without it the basis stays as it is, which
    leaves only the primal form where there is unobserved weight. `turned`, of factors x factors, is multiplied by that
    basis, so that it takes what was there before the half-steps it went through to what is there now. Columns from
    `factors` on are zeros, and stay so. Methods that start from somewhere start from `out`, or from `relaxed` where it
    is given; this then goes on, in the basis of `out`, by `relaxation` times the way to the rows found. It may be `out`
    itself, which then holds no solution. `observed`, of a row each, gets what the stored entries of the solution add to
    the objective, without biases. A `plan` that is not given is made, and so is the product of the other side's factors
    with themselves.
    """
    size, dtype = others.shape[1], others.dtype
    gram = weighted_gramian(side, others, num_threads, product)
    if not gram.max(initial=0.0) <= np.finfo(dtype).max:
        raise too_large(side)
    if plan is None:
        plan = plan_of(side, len(others), solver, factors=factors, keeps_basis=rotated is None, num_threads=num_threads)
    order, methods = plan.order, plan.methods
    eigenvalues, spectrum = np.empty(0, dtype), None
    if (methods != wals.PRIMAL).any() and solver.name != "nonnegative":
        eigenvalues = np.zeros(size, dtype)
        if side.implicit:
            values, basis = np.ones(size), np.eye(size)
            inner = np.ascontiguousarray(gram[:factors, :factors])
            values[:factors], inner = eigenbasis(inner, team(num_threads, eigenbasis_seconds(factors)))
            basis[:factors, :factors] = inner
            values[factors:] = values[factors - 1]
            # Less than the rounding of the rotated factors is not known, and no row may take it for free.
            spectrum = np.maximum(values, np.finfo(dtype).eps * values[-1])
            gram, eigenvalues, turn = np.diag(spectrum), spectrum.astype(dtype), basis.astype(dtype)
            assert rotated is not None
            turn_rows(others, turn, rotated, num_threads)
            others = rotated
            if turned is not None:
                turn_rows(turned, inner, turned, num_threads)
            if relaxed is not None or ((methods >= wals.CG).any() and not from_zero):
                begin = out if relaxed is None else relaxed
                turn_rows(begin, turn, begin, num_threads)
    gram[range(factors, size), range(factors, size)] = 1.0
    outcomes = np.zeros(len(order), np.uint8)
    task = Task(side, others, gram, eigenvalues, out, solver, plan.threads, relaxed, relaxation, observed)
    for start, stop in plan.pieces:
        task.solve(order[start:stop], methods[start:stop], outcomes[start:stop])
    methods[outcomes == wals.FACTORISED] = wals.PRIMAL  # from now on
    if (outcomes == wals.INDEFINITE).any():
        rescue(task, order[outcomes == wals.INDEFINITE], factors, solver)
    return others, spectrum


class Task:
    """The arguments that all pieces of a half-step share, and their scratch."""

    def __init__(
        self,
        side: Side,
        others: Floats,
        gram: NDArray[np.float64],
        eigenvalues: Floats,
        out: Floats,
        solver: Solver,
        num_threads: int,
        relaxed: Floats | None = None,
        relaxation: float = 1.0,
        observed: NDArray[np.float64] | None = None,
    ) -> None:
        self.side, self.others, self.out, self.num_threads = side, others, out, num_threads
        self.relaxed, self.relaxation = relaxed, relaxation
        self.observed = np.empty((0, 3)) if observed is None else observed
        longest = int(side.counts.max(initial=0)) if solver.may_use_subspace else 0
        share = np.maximum(side.share, 1e-30)  # or a share of 0 takes the ones off the diagonal of the padding
        self._shared = (others, side.unobserved, aligned_copy(gram, others.dtype), eigenvalues, side.ridge, share)
        block_size = min(solver.block_size, out.shape[1])
        self._steps = (solver.cg_steps, block_size)
        self._work = wals.workspace(out.shape[1], block_size if longest else 0, longest, num_threads, others[:0, 0])

    def solve(self, rows: NDArray[np.int64], methods: NDArray[np.uint8], outcomes: NDArray[np.uint8]) -> None:
        """Solve `rows`; `outcomes` says INDEFINITE where a matrix is not positive definite."""
        side = self.side
        wals.solve_rows(
            side.indptr,
            side.indices,
            side.weights,
            side.targets,
            *self._shared,
            rows,
            methods,
            *self._steps,
            self.out,
            self.out[:0] if self.relaxed is None else self.relaxed,
            self.relaxation,
            self.observed,
            outcomes,
            self._work,
            self.num_threads,
        )


def rescue(task: Task, rows: NDArray[np.int64], factors: int, solver: Solver) -> None:
    """Solve again, in float64, the rows whose matrix was not positive definite in `out`'s precision.

    The Gramian too is made again: what float32 rounds off it may outweigh the regularisation.
    """
    side = task.side
    wide = replace(
        side,
        weights=side.weights.astype(np.float64),
        targets=side.targets.astype(np.float64),
        unobserved=side.unobserved.astype(np.float64),
    )
    others, exact = aligned_copy(task.others, np.float64), aligned(task.out.shape, np.float64)
    gram = weighted_gramian(wide, others, task.num_threads)
    gram[range(factors, len(gram)), range(factors, len(gram))] = 1.0
    again = Task(wide, others, gram, np.empty(0), exact, Solver("cholesky"), task.num_threads)
    outcomes = np.zeros(len(rows), np.uint8)
    method = wals.NONNEGATIVE if solver.name == "nonnegative" else wals.PRIMAL
    again.solve(rows, np.full(len(rows), method, np.uint8), outcomes)
    if outcomes.any():
        if not np.isfinite(others).all():
            raise too_large(side)
        row = int(rows[np.argmax(outcomes)])
        raise FitDivergedError(
            f"the normal equations of {side.name} {row} are not positive definite, even in float64: raise "
            f"regularization (it adds {side.ridge[row]:.3g} to that row) or unobserved_weight, lower factors, or scale "
            "the values"
        )
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite ends the fit
        found = exact[rows].astype(task.out.dtype)
        if task.relaxed is not None:
            task.relaxed[rows] += task.relaxation * (found - task.relaxed[rows])
    if task.out is not task.relaxed:
        task.out[rows] = found
    if len(task.observed):
        none = found[0, :0]
        observed_loss(
            *(side.indptr, side.indices, side.weights, side.targets, task.out, task.others, none, none, 0.0),
            *(side.unobserved, task.observed, task.num_threads),
        )


def too_large(side: Side) -> FitDivergedError:
    """The error of a half-step whose input overflows."""
    return FitDivergedError(
        f"the factors that every {side.name} is solved against are too large for their dtype: raise regularization, or "
        "scale the values"
    )
