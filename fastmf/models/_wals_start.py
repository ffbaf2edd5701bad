"""The item factors that a fit of WALS starts from."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _random
from fastmf.kernels.objective import squared_norms
from fastmf.kernels.propagate import add_signed_rows, propagate
from fastmf.models._cost import propagation_seconds, team
from fastmf.models._half_step import Side
from fastmf.models._wals_terms import Terms

Floats = NDArray[Any]
Sums = NDArray[np.float64]

BLOCK_VALUES = 1 << 17  # worked on at a time, in cache; all draws at once, in float64, would be larger than the factors
RANDOM_LENGTH = 0.1  # expected length of a random row (Rendle et al. 2021, section 4)
SIGNS, SIZES = 1, 2  # streams of propagated rows; the others are those of random rows

# Of propagated rows: root of the mean squared length, and the power of an item's sum of targets that its row is in
# proportion to. Chosen by J after 1 to 20 iterations on Gowalla, on synthetic MovieLens of 100 thousand and a million
# ratings and on heavy-tailed counts: no length from 0.3 to 1.5, power from 0 to 0.5, nor three products or five for the
# four, did better on all of them.
LENGTH, POWER = 0.6, 0.25


def random_items(Y: Floats, factors: int, seed: int, *, nonnegative: bool) -> None:
    """Fill the rows with normal draws."""
    for block in _blocks(Y):
        rows = Y[block, :factors]
        draws = _random.normal(seed, block.start, rows.size).reshape(rows.shape) * (RANDOM_LENGTH / factors**0.5)
        rows[:] = np.abs(draws) if nonnegative else draws


def propagated_items(X: Floats, Y: Floats, terms: Terms, factors: int, seed: int, *, num_threads: int) -> None:
    """Fill the item rows from random ones, S, by way of the users.

    With A the targets, 0 where there is no entry, and B = D_u^-1/2 A D_i^-1/2, scaled by the sums of |A| over rows and
    columns, these are Y = D_i^1/4 (B'B)^2 S, scaled: near the leading singular vectors of B (subspace iteration; Halko,
    Martinsson & Tropp 2011, algorithm 4.3), which stands for one to two sweeps from random rows at a fraction of the
    cost of one. A little of S is added, lest some direction be too small for float32 to solve for. X is room for the
    users, and zero in the end.
    """
    threads = team(num_threads, propagation_seconds(len(terms.users.indices), factors))
    users, items = (_sums(side, Y.dtype, threads) for side in (terms.users, terms.items))
    p, q = _power(users, -0.5), _power(items, -0.5)
    bits, sizes = signed_rows(seed, len(Y), factors)
    add_signed_rows(bits, sizes, 0.0, factors, Y, threads)
    _product(terms.users, p, q, Y, X, threads)
    _product(terms.items, q, p, X, Y, threads)
    _product(terms.users, p, q, Y, X, threads)
    _product(terms.items, q * _power(items, POWER), p, X, Y, threads)
    X[:] = 0
    squares = np.empty(len(Y))
    squared_norms(Y, squares, threads)
    if _take_out_popularity(Y, items, float((squares * _power(items, -2 * POWER)).sum())):
        squared_norms(Y, squares, threads)
    times = LENGTH / np.sqrt(squares.mean()) if squares.any() else 0.0
    add_signed_rows(bits, sizes * (RANDOM_LENGTH / factors**0.5), times, factors, Y, threads)


def signed_rows(seed: int, rows: int, columns: int) -> tuple[NDArray[np.uint64], Sums]:
    """Signs, cheap to draw, as bits, and a random size for each row, so that no two can cancel."""
    words = -(-columns // 64)
    return _random.bits(seed, SIGNS, rows * words).reshape(rows, words), 0.5 + _random.uniform(seed, SIZES, rows)


def _product(side: Side, own: Sums, other: Sums, rows: Floats, out: Floats, num_threads: int) -> None:
    """out = diag(own) A diag(other) rows"""
    propagate(side.indptr, side.indices, side.targets, own, other.astype(rows.dtype), rows, out, num_threads)


def _take_out_popularity(Y: Floats, items: Sums, total: float) -> bool:
    """Whether so much of Y was along the first singular vector of B that some had to be taken out.

    That vector is D_i^1/2 1, where no target is negative, and its value is 1, which on dense data leaves the others far
    behind. Here it gets no more of the sum of squares of D_i^-1/4 Y, `total`, than they have together.
    """
    if not total:
        return False
    scale = 1 / float(np.sqrt(items.sum()))
    across, along = (_power(items, 0.5 + power) * scale for power in (-POWER, POWER))
    part = np.zeros(Y.shape[1])
    for block in _blocks(Y):  # not by BLAS, whose threads would go on spinning
        part += np.einsum("i,ik->k", across[block].astype(Y.dtype), Y[block])
    leading = float(np.square(part).sum())
    rest = max(total - leading, 0.0)
    if leading <= rest:
        return False
    part *= 1 - np.sqrt(rest / leading)
    for block in _blocks(Y):
        Y[block] -= along[block, None].astype(Y.dtype) * part.astype(Y.dtype)
    return True


def _blocks(Y: Floats) -> list[slice]:
    """Rows to work on at a time."""
    rows = max(1, BLOCK_VALUES // Y.shape[1])
    return [slice(start, start + rows) for start in range(0, len(Y), rows)]


def _sums(side: Side, dtype: np.dtype[Any], num_threads: int) -> Sums:
    """The sum of |target| over each row."""
    if len(side.targets) == 1:
        return side.counts.astype(np.float64) * abs(float(side.targets[0]))
    ones, sums = np.ones(1 + int(side.indices.max(initial=0)), dtype), np.empty((len(side.counts), 1), dtype)
    propagate(
        side.indptr, side.indices, np.abs(side.targets), np.ones(len(sums)), ones, ones[:, None], sums, num_threads
    )
    return sums[:, 0].astype(np.float64)


def _power(sums: Sums, exponent: float) -> Sums:
    """0 where there is nothing."""
    found = np.zeros(len(sums))
    np.power(sums, exponent, out=found, where=sums > 0)
    return found
