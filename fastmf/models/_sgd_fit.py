"""Epochs of SGD over a grid: rates, order of the cells, pieces, and the factors while they are learned."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _random
from fastmf.kernels import sgd
from fastmf.models._half_step import padded_columns
from fastmf.models._sgd_grid import Grid

PIECE_SECONDS = 0.1
RECORDS_A_THREAD = 20_000  # of a stratum, at least: with fewer the threads wait for each other longer than they work
BIAS, ACCUMULATORS = 2, (0, 1)  # columns of the head of a row
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


class Descent:
    """Factors and biases by position in the grid while they are learned."""

    def __init__(self, grid: Grid, factors: int, rule: Rule, initial_scale: float, seed: int, num_threads: int) -> None:
        self.grid, self.factors, self.rule, self.seed = grid, factors, rule, seed
        self.num_threads = min(num_threads, grid.blocks, 1 + len(grid.place) // (grid.blocks * RECORDS_A_THREAD))
        dtype = grid.values.dtype
        width = max(padded_columns(factors, dtype), 64 // dtype.itemsize)
        self.P, self.user_heads = self._rows(grid.user_position, grid.n_user_rows, width, 1, initial_scale)
        self.Q, self.item_heads = self._rows(grid.item_position, grid.n_item_rows, width, 2, initial_scale)
        self.epoch = 0
        self._strata_a_piece = 1
        self._arrays = (self.P, self.Q, self.user_heads, self.item_heads)
        self._before: tuple[NDArray[Any], ...] = ()  # the arrays as they were before an epoch of several pieces
        self._is_whole = True

    def _rows(
        self, position: NDArray[np.int64], n: int, width: int, stream: int, scale: float
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        dtype = self.grid.values.dtype
        rows = aligned(n, width, dtype)
        draws = _random.normal(
            self.seed, stream, len(position) * self.factors, scale=scale / self.factors**0.5, dtype=dtype
        ).reshape(len(position), self.factors)
        rows[position, : self.factors] = np.abs(draws) if self.rule.nonnegative else draws
        heads = np.zeros((n, 4), dtype)
        heads[:, ACCUMULATORS] = 1
        return rows, heads

    def run_epoch(self, rate: float) -> float:
        """One pass over all records; returns the sum of their weighted losses, each before its step."""
        grid, rule = self.grid, self.rule
        order = _random.permutation(self.seed, 3 + 2 * self.epoch, grid.blocks)
        subs = _random.permutation(self.seed, 4 + 2 * self.epoch, grid.sub_blocks)
        lost = np.zeros(len(grid.starts) - 1)
        if self.epoch and self._strata_a_piece < grid.blocks:
            self._before = self._before or tuple(np.empty_like(array) for array in self._arrays)
            for array, copy in zip(self._arrays, self._before, strict=True):
                np.copyto(copy, array)
            self._is_whole = False
        done = 0
        while done < grid.blocks:
            until = min(grid.blocks, done + self._strata_a_piece)
            start = time.perf_counter()
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
                done,
                until,
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
            seconds = (time.perf_counter() - start) / (until - done)
            self._strata_a_piece = max(1, int(PIECE_SECONDS / max(seconds, 1e-9)))
            done = until
        self.epoch += 1
        self._is_whole = True
        return float(lost.sum())

    def undo(self) -> None:
        """Go back to the last whole epoch, after an interruption between the pieces of one."""
        if not self._is_whole:
            for array, copy in zip(self._arrays, self._before, strict=True):
                np.copyto(array, copy)
            self._is_whole = True

    def is_finite(self) -> bool:
        """Whether all factors and biases are finite numbers."""
        return all(bool(np.isfinite(array).all()) for array in self._arrays)

    def results(self, trained_users: NDArray[np.bool_], trained_items: NDArray[np.bool_]) -> dict[str, Any]:
        """Factors and biases in the order of users and items; zeros for those without a record."""
        grid, k = self.grid, self.factors
        found: dict[str, Any] = {"mean": self.rule.mean}
        for side, rows, heads, position, trained in (
            ("user", self.P, self.user_heads, grid.user_position, trained_users),
            ("item", self.Q, self.item_heads, grid.item_position, trained_items),
        ):
            found[f"{side}_factors"] = np.ascontiguousarray(rows[position, :k] * trained[:, None])
            found[f"{side}_bias"] = heads[position, BIAS] * trained
        return found


def aligned(n: int, width: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Zeros, n x width, that begin with a cache line."""
    buffer = np.zeros(n * width + 64 // dtype.itemsize, dtype)
    skip = -buffer.ctypes.data % 64 // dtype.itemsize
    return buffer[skip : skip + n * width].reshape(n, width)


def rate_after(schedule: str, rate: float, decay: float, epoch: int) -> float:
    """The rate of an epoch, from 0, under a schedule that looks at nothing but the epoch."""
    if schedule == "inverse_time":
        return rate / (1 + decay * epoch)
    if schedule == "exponential":
        return float(rate * (1 - decay) ** epoch)
    return rate
