"""The cost model of a WALS row: what each method takes, and so which method each row gets.

A row with n entries and k factors can be solved exactly by its k x k system (primal), by its n x n system (dual) or by
as many steps of conjugate gradient as that takes (iterated), or approximately by a few such steps or by one sweep over
blocks of factors (subspace).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf.kernels.wals import CG, DUAL, ITERATED, NONNEGATIVE, PRIMAL, SUBSPACE

PIECE_SECONDS = 0.1  # of work between two looks at the outside world
TEAM_SECONDS = 2e-4  # of work below which starting other threads does not pay

# Rates of one core in float32, as `python benchmarks/bench_wals.py --rates` measures them; only their ratios matter.
RANK_UPDATE_FLOPS = 1.3e11
CHOLESKY_FLOPS, CHOLESKY_HALF_SIZE = 1.1e11, 88.0  # a system of CHOLESKY_HALF_SIZE runs at half of the rate
STREAM_FLOPS = 1.1e11  # dot products and sums of rows
GATHER_BYTES = 1.5e10
# In conjugate gradient, which passes over the entries of a row once a step: bytes a second where the factors of the row
# stay in a core's cache, where those of all rows stay in the one that cores share, and from memory.
PASS_BYTES = (2**20, 5e10), (2**24, 3e10), (np.inf, GATHER_BYTES)
PASS_SECONDS = 4e-8  # of what does not depend on the entries
ROW_SECONDS = 3e-7
# Steps of an iterated row of n entries, from the row of the sweep before: so many times log(1 + excess) log2 n, as
# timed on Gowalla and the shapes of MovieLens. They grow to n = 128; where n is many times k, the entries even out.
EXACT_STEPS, MOST_BITS, MANY, BITS_OF_MANY = 0.45, 7.0, 8.0, 5.0
TILE = 16.0  # sizes are rounded up to this

# How many times more an exact row may cost than an inexact one before "auto" gives it up. Three steps of conjugate
# gradient from the row of the sweep before take a fit near its end in about as many sweeps as exact rows do.
PATIENCE = 1.5


@dataclass(frozen=True)
class Solver:
    """How rows may be solved."""

    name: str = "auto"  # or "cholesky", "cg", "subspace", "nonnegative"
    form: str = "auto"  # of exact rows: or "primal", "dual", "iterated"
    cg_steps: int = 3
    block_size: int = 64

    @property
    def may_use_subspace(self) -> bool:
        return self.name in ("auto", "subspace")


def seconds(
    n: Any, factors: int, n_others: int, method: int, solver: Solver, excess: float = 0.0
) -> NDArray[np.float64]:
    """Estimated seconds of rows with n of n_others entries on one core; a stored pair weighs 1 + excess times as much
    as one that is not."""
    n, k = np.asarray(n, float), float(factors)
    gather = 4 * n * k / GATHER_BYTES
    cost: NDArray[np.float64]
    if method in (PRIMAL, NONNEGATIVE):
        size = _tiles(k)
        cost = size * size * n / RANK_UPDATE_FLOPS + _cholesky(size) + gather
    elif method == DUAL:
        size = _tiles(n)
        cost = size * size * k / RANK_UPDATE_FLOPS + _cholesky(size) + 2 * gather
    elif method in (CG, ITERATED):
        bits = np.where(n > MANY * k, BITS_OF_MANY, np.minimum(np.log2(np.maximum(n, 1)), MOST_BITS))
        steps = solver.cg_steps if method == CG else EXACT_STEPS * np.log1p(excess) * bits
        passes = 2 + steps  # one to gather, one for what is left at first
        (own, near), (shared, far), (_, memory) = PASS_BYTES
        rate = np.where(4 * n * k <= own, near, far if 4 * n_others * k <= shared else memory)
        cost = passes * (4 * n * k / rate + PASS_SECONDS)
    else:
        block = min(float(solver.block_size), k)
        update = n * k * block / RANK_UPDATE_FLOPS + k / block * _cholesky(_tiles(block))
        cost = update + 4 * n * k / STREAM_FLOPS + 2 * gather
    return cost + ROW_SECONDS


def methods(
    counts: NDArray[np.int64], factors: int, n_others: int, solver: Solver, *, excess: float | None
) -> NDArray[np.uint8]:
    """The method of each row with so many entries; without `excess` no exact row is iterated."""
    if solver.name == "nonnegative":
        return np.full(len(counts), NONNEGATIVE, np.uint8)
    by_count, exact = _exact(counts, factors, n_others, solver, excess)
    if solver.name == "cholesky" or (solver.name == "auto" and solver.form == "primal"):
        return by_count
    inexact = {
        "cg": [CG],
        "subspace": [SUBSPACE],
        "auto": [CG, SUBSPACE],
    }[solver.name]
    cheapest, cost = _cheapest({method: seconds(counts, factors, n_others, method, solver) for method in inexact})
    patience = PATIENCE if solver.name == "auto" else 1.0
    return np.where(exact > patience * cost, cheapest, by_count).astype(np.uint8)


def _exact(
    counts: NDArray[np.int64], factors: int, n_others: int, solver: Solver, excess: float | None
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The cheapest exact form of each row, and its seconds; all but the primal must also pay for the eigenbasis. Where
    a few steps of conjugate gradient are an answer, those that go on are none."""
    iterates = excess is not None and solver.name == "cholesky"
    applies = {PRIMAL: counts >= 0, DUAL: counts <= factors, ITERATED: np.full(len(counts), iterates)}
    wanted = {"primal": PRIMAL, "dual": DUAL, "iterated": ITERATED}.get(solver.form)
    costs = {}
    for method, applying in applies.items():
        cost = seconds(counts, factors, n_others, method, solver, excess or 0.0)
        costs[method] = np.where(applying, cost, np.inf)
        if wanted is not None and method != wanted:
            costs[method][applies[wanted]] = np.inf
    primal, (cheapest, cost) = costs[PRIMAL], _cheapest(costs)
    basis = rotation_seconds(n_others, factors) + eigenbasis_seconds(factors)
    if wanted is None and solver.name in ("auto", "cholesky") and (primal - cost).sum() < basis:
        return np.full(len(counts), PRIMAL, np.uint8), primal
    return cheapest, cost


def _cheapest(costs: dict[int, NDArray[np.float64]]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The cheapest method of each row, and its seconds."""
    seconds_of = np.stack(list(costs.values()))
    return np.array(list(costs), np.uint8)[np.argmin(seconds_of, axis=0)], seconds_of.min(axis=0)


def team(num_threads: int, work: float) -> int:
    """The threads that so many seconds of work are worth: a single one for little, since others have to be waited for,
    and long where the machine is busy."""
    return num_threads if work > TEAM_SECONDS else 1


def rotation_seconds(rows: int, factors: int) -> float:
    """Of a product of so many rows with a matrix of factors x factors; a Gramian takes half."""
    return 2.0 * rows * factors**2 / RANK_UPDATE_FLOPS


def propagation_seconds(entries: int, factors: int) -> float:
    """Of a sparse matrix with so many entries times the factors of one side."""
    return 4.0 * entries * factors / GATHER_BYTES


def eigenbasis_seconds(factors: int) -> float:
    return 2e-10 * factors**3


@dataclass(frozen=True)
class Plan:
    """How the rows of a side are solved; it depends on counts and weights alone, and is made once for a whole fit."""

    order: NDArray[np.int64]  # of the rows: heavy ones first
    methods: NDArray[np.uint8]  # of each row in this order; those that iterate too slowly become primal
    pieces: list[tuple[int, int]]  # ranges in this order that take about PIECE_SECONDS each
    threads: int

    @classmethod
    def of(
        cls,
        counts: NDArray[np.int64],
        factors: int,
        n_others: int,
        solver: Solver,
        *,
        primal: bool,
        excess: float | None,
        num_threads: int,
    ) -> Plan:
        """The plan for rows with so many entries; `primal` leaves only this form of the exact solution, and without
        `excess` there is no iterated one."""
        order = np.argsort(-counts, kind="stable")
        counts = counts[order]
        chosen = methods(counts, factors, n_others, solver, excess=excess)
        if primal:
            chosen[chosen != NONNEGATIVE] = PRIMAL
        cost = np.zeros(len(counts))
        for method in np.unique(chosen):
            of_method = chosen == method
            cost[of_method] = seconds(counts[of_method], factors, n_others, method, solver, excess or 0.0)
        threads = team(num_threads, float(cost.sum()))
        number = np.floor(np.cumsum(cost) / (PIECE_SECONDS * threads))
        edges = (np.flatnonzero(np.diff(number)) + 1).tolist()
        ranges = list(zip([0, *edges], [*edges, len(counts)], strict=True)) if len(counts) else []
        return cls(order, chosen, ranges, threads)


def _tiles(size: Any) -> Any:
    return np.ceil(np.asarray(size) / TILE) * TILE


def _cholesky(size: Any) -> Any:
    return size**2 * (size + CHOLESKY_HALF_SIZE) / 3 / CHOLESKY_FLOPS
