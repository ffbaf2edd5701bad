"""How far a mean over users can be trusted: bootstrap intervals, and a paired test between two models."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmf import _random

RESAMPLE, FLIP = 11 << 32, 12 << 32  # streams of random numbers
FLIPS_AT_ONCE = 64  # one bit each of a 64-bit draw
CHUNK = 1 << 13  # users whose signs are spelled out at a time


class Comparison(NamedTuple):
    """Two models on the same users, by one metric; `print` shows it in a line.

    Attributes
    ----------
    difference : float
        Figure of the first model minus that of the second.
    low, high : float
        Bootstrap confidence interval of the difference.
    p_value : float
        How likely a difference at least as far from zero would be if the two models were alike.
    users : int
        Users both were evaluated on.

    Examples
    --------
    >>> from fastmf.evaluation import Comparison
    >>> print(Comparison(0.0213, 0.0104, 0.0321, 0.0001, 671))
    difference 0.0213, from 0.0104 to 0.0321; p = 0.0001; 671 users
    """

    difference: float
    low: float
    high: float
    p_value: float
    users: int

    def __str__(self) -> str:
        return (
            f"difference {self.difference:.4f}, from {self.low:.4f} to {self.high:.4f}; p = {self.p_value:.2g}; "
            f"{self.users:,} user{'s' * (self.users != 1)}"
        )


class Shares(NamedTuple):
    """What each user has in a figure: the sum over users divided by a number of entries, or by that of users.

    Attributes
    ----------
    user_ids : array of n
    sums : float64 array of n
        Over the entries of each user, where `entries` says how many there are; else the value of each user.
    entries : int64 array of n, or None
    root : bool
        Whether the figure is the root of the mean.
    """

    user_ids: NDArray[Any]
    sums: NDArray[np.float64]
    entries: NDArray[np.int64] | None = None
    root: bool = False

    def figure(self, drawn: Any = slice(None)) -> float:
        """The figure of all users, or of those drawn."""
        sums = self.sums[drawn]
        mean = float(sums.mean() if self.entries is None else sums.sum() / self.entries[drawn].sum())
        return math.sqrt(mean) if self.root else mean


def bootstrap_interval(
    figure: Callable[[NDArray[np.uint64]], float], n: int, level: float, n_resamples: int, seed: int
) -> tuple[float, float]:
    """Percentile interval of a figure of users: all `n` are drawn again, with replacement (Efron 1979)."""
    figures = np.empty(n_resamples)
    for number in range(n_resamples):
        draws = _random.bits(seed, RESAMPLE + number, n) >> np.uint64(32)
        figures[number] = figure((draws * np.uint64(n)) >> np.uint64(32))
    low, high = np.quantile(figures, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def compared(one: Shares, other: Shares, level: float, n_resamples: int, seed: int) -> Comparison:
    """Two models by their shares in one figure, of the same users with the same entries.

    Of errors the sums are tested. Exchanging a user's errors between the models leaves the sum of both sums as it was,
    so that one mean, and its root, rises exactly where the other falls: the test is that of the figures.
    """
    differences = one.sums - other.sums
    difference = Shares(one.user_ids, differences).figure
    if one.entries is not None:

        def difference(drawn: Any = slice(None)) -> float:
            return one.figure(drawn) - other.figure(drawn)

    low, high = bootstrap_interval(difference, len(differences), level, max(1000, n_resamples // 10), seed)
    return Comparison(difference(), low, high, sign_flip_test(differences, n_resamples, seed), len(differences))


def sign_flip_test(differences: NDArray[np.float64], n_resamples: int, seed: int) -> float:
    """Two-sided p-value of a mean difference of zero (Fisher's randomisation test, paired).

    If the models are alike, each user's difference could as well have the other sign; the p-value is the share of
    random signs, the observed ones included, under which the mean is at least as far from zero.
    """
    differences = differences[differences != 0]
    total = float(differences.sum())
    limit = abs(total) * (1 - 1e-12)  # sums in another order may round below the one they equal
    as_far = 0
    for start in range(0, n_resamples, FLIPS_AT_ONCE):
        draws = _random.bits(seed, FLIP + start, len(differences))
        kept = np.zeros(FLIPS_AT_ONCE)
        for first in range(0, len(draws), CHUNK):
            signs = np.unpackbits(draws[first : first + CHUNK, None].view(np.uint8), axis=1)
            kept += differences[first : first + CHUNK] @ signs.astype(np.float64)
        flipped = 2 * kept[: n_resamples - start] - total
        as_far += int((np.abs(flipped) >= limit).sum())
    return (1 + as_far) / (1 + n_resamples)
