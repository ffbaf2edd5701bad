"""Epochs of SGD over a grid: order of the cells, and the factors while they are learned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _random
from fastmf._memory import aligned
from fastmf.kernels import sgd
from fastmf.kernels.objective import squared_norms
from fastmf.models._sgd_grid import Grid
from fastmf.models._sgd_pieces import ACCUMULATORS, BIAS, Learning, first_heads, first_rows, width_of
from fastmf.models._state import State

RECORDS_A_THREAD = 20_000  # of a stratum, at least: with fewer the threads wait for each other longer than they work
SQUARE = 2  # column of the head of a row: of its length
LOSSES = {"squared": sgd.SQUARED, "absolute": sgd.ABSOLUTE, "logistic": sgd.LOGISTIC}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What a step of SGD depends on, but for its rate."""

    loss: str
    adagrad: bool
    nonnegative: bool
    hogwild: bool
    penalties: tuple[float, float, float]  # users, items, biases
    mean: float


class Descent(Learning):
    """Factors and biases by position in the grid while they are learned."""

    def __init__(self, grid: Grid, factors: int, rule: Rule, length: float, seed: int, num_threads: int) -> None:
        self.grid, self.factors, self.rule, self.seed = grid, factors, rule, seed
        self.num_threads = min(num_threads, grid.blocks, 1 + len(grid.place) // (grid.blocks * RECORDS_A_THREAD))
        self.P, self.user_heads = self._rows(grid.user_position, grid.n_user_rows, 1, length)
        self.Q, self.item_heads = self._rows(grid.item_position, grid.n_item_rows, 2, length)
        self._learns(self.P, self.Q, self.user_heads, self.item_heads)

    def _rows(
        self, position: NDArray[np.int64], n: int, stream: int, length: float
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        dtype = self.grid.values.dtype
        width = width_of(self.factors, dtype)
        rows = aligned((n, width), dtype)
        drawn = first_rows(self.seed, stream, len(position), self.factors, length, dtype, width)
        rows[position] = np.abs(drawn) if self.rule.nonnegative else drawn
        return rows, first_heads(n, dtype)

    def resume(self, state: State, known: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> None:
        """Go on from a fitted state: rows, biases and accumulators of known users and items, and the epochs so far."""
        self.epoch = len(state.history)
        for side, rows, heads, position, is_known in (
            ("user", self.P, self.user_heads, self.grid.user_position, known[0]),
            ("item", self.Q, self.item_heads, self.grid.item_position, known[1]),
        ):
            numbers = np.flatnonzero(is_known)
            at = position[numbers]
            rows[at, : self.factors] = getattr(state, f"{side}_factors")[numbers]
            heads[at, BIAS] = getattr(state, f"{side}_bias")[numbers]
            if f"{side}/accumulators" in state.extra:
                heads[at[:, None], ACCUMULATORS] = state.extra[f"{side}/accumulators"][numbers]

    def run_epoch(self, rate: float) -> float:
        """One pass over all records; returns the sum of their weighted losses, each before its step."""
        grid, rule = self.grid, self.rule
        order = _random.permutation(self.seed, 3 + 2 * self.epoch, grid.blocks)
        subs = _random.permutation(self.seed, 4 + 2 * self.epoch, grid.sub_blocks)
        lost = np.zeros(len(grid.starts) - 1)
        if rule.adagrad and not rule.nonnegative:  # steps take the squares along, and their rounding
            for rows, heads in ((self.P, self.user_heads), (self.Q, self.item_heads)):
                squares = np.empty(len(rows))
                squared_norms(rows, squares, self.num_threads)
                with np.errstate(over="ignore"):  # what leaves the range shows in the factors
                    heads[:, SQUARE] = squares

        def strata(first: int, last: int) -> None:
            sgd.run_epoch(
                self.P,
                self.Q,
                self.user_heads,
                self.item_heads,
                grid.place,
                grid.values,
                grid.weights,
                grid.starts,
                order,
                subs,
                first,
                last,
                self.factors,
                rule.mean,
                rate,
                rate,
                *rule.penalties,
                LOSSES[rule.loss],
                rule.adagrad,
                rule.nonnegative,
                rule.hogwild,
                lost,
                self.num_threads,
            )

        self._in_pieces(grid.blocks, strata)
        return float(lost.sum())

    def results(self, trained_users: NDArray[np.bool_], trained_items: NDArray[np.bool_]) -> dict[str, Any]:
        """Factors and biases in the order of users and items; zeros for those without a record."""
        grid, k = self.grid, self.factors
        found: dict[str, Any] = {"mean": self.rule.mean, "extra": {}}
        for side, rows, heads, position, trained in (
            ("user", self.P, self.user_heads, grid.user_position, trained_users),
            ("item", self.Q, self.item_heads, grid.item_position, trained_items),
        ):
            found[f"{side}_factors"] = np.ascontiguousarray(rows[position, :k] * trained[:, None])
            found[f"{side}_bias"] = heads[position, BIAS] * trained
            found["extra"][f"{side}/accumulators"] = heads[position][:, ACCUMULATORS]
        return found
