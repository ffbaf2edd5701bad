"""What all epochs of SGD share: first rows, pieces that can be interrupted, the way back to the last whole epoch."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _random
from fastmf._memory import aligned
from fastmf.models._half_step import padded_columns

PIECE_SECONDS = 0.1
ACCUMULATORS, BIAS = (0, 1), 3  # columns of the head of a row


class Learning:
    """Arrays that epochs change; a subclass says what an epoch does, and names its arrays to `_learns`."""

    epoch = 0  # epochs so far
    _before: tuple[NDArray[Any], ...] = ()  # the arrays as they were before an epoch of several pieces
    _is_whole = True
    _steps_a_piece = 1

    def _learns(self, *arrays: NDArray[Any]) -> None:
        self._arrays = arrays

    def run_epoch(self, rate: float) -> float:
        """One pass over the ratings; returns the sum of their weighted losses, each before its step."""
        raise NotImplementedError

    def results(self, trained_users: NDArray[np.bool_], trained_items: NDArray[np.bool_]) -> dict[str, Any]:
        """What `State.of` takes: factors and biases, zeros for users and items without a rating."""
        raise NotImplementedError

    def _in_pieces(self, steps: int, run: Callable[[int, int], None], least: int = 1) -> None:
        """An epoch of so many steps: calls run(first, last) for pieces of them, of at least so many each."""
        if self.epoch and max(least, self._steps_a_piece) < steps:
            self._before = self._before or tuple(np.empty_like(array) for array in self._arrays)
            for array, copy in zip(self._arrays, self._before, strict=True):
                np.copyto(copy, array)
            self._is_whole = False
        done = 0
        while done < steps:
            until = min(steps, done + max(least, self._steps_a_piece // least * least))
            start = time.perf_counter()
            run(done, until)
            seconds = (time.perf_counter() - start) / (until - done)
            self._steps_a_piece = max(1, int(PIECE_SECONDS / max(seconds, 1e-9)))
            done = until
        self.epoch += 1
        self._is_whole = True

    def undo(self) -> None:
        """Go back to the last whole epoch, after an interruption between the pieces of one."""
        if not self._is_whole:
            for array, copy in zip(self._arrays, self._before, strict=True):
                np.copyto(array, copy)
            self._is_whole = True

    def is_finite(self) -> bool:
        """Whether all factors and biases are finite numbers."""
        return all(bool(np.isfinite(array).all()) for array in self._arrays)


def first_rows(
    seed: int, stream: int, n: int, factors: int, length: float, dtype: np.dtype[Any], width: int
) -> NDArray[Any]:
    """Random rows of an expected length, n x width with `factors` columns in use; row r is the same for any n."""
    rows = aligned((n, width), dtype)
    draws = _random.normal(seed, stream, n * factors, scale=length / factors**0.5, dtype=dtype)
    rows[:, :factors] = draws.reshape(n, factors)
    return rows


def first_heads(n: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Heads of rows: a bias of 0, and accumulators of 1."""
    heads = np.ones((n, 4), dtype)
    heads[:, BIAS] = 0
    return heads


def width_of(factors: int, dtype: np.dtype[Any]) -> int:
    """Columns of the arrays in which rows are learned: whole cache lines."""
    return max(padded_columns(factors, dtype), 64 // dtype.itemsize)
