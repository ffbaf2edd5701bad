"""How far a mean over users can be trusted: bootstrap intervals, and a paired test between two models."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmf import _random

RESAMPLE, FLIP = 6 << 32, 7 << 32  # streams of random numbers
FLIPS_AT_ONCE = 64  # one bit each of a 64-bit draw
CHUNK = 1 << 13  # users whose signs are spelled out at a time


class Comparison(NamedTuple):
    """Two models on the same users, by one metric.

    Attributes
    ----------
    difference : float
        Mean of the first model minus that of the second.
    low, high : float
        Bootstrap confidence interval of the difference.
    p_value : float
        How likely a mean difference at least as far from zero would be if the two models were alike.
    users : int
        Users both were evaluated on.
    """

    difference: float
    low: float
    high: float
    p_value: float
    users: int


def bootstrap_interval(values: NDArray[np.float64], level: float, n_resamples: int, seed: int) -> tuple[float, float]:
    """Percentile interval of the mean: users are drawn again, with replacement (Efron 1979)."""
    n = np.uint64(len(values))
    means = np.empty(n_resamples)
    for number in range(n_resamples):
        draws = _random.bits(seed, RESAMPLE + number, len(values)) >> np.uint64(32)
        means[number] = values[(draws * n) >> np.uint64(32)].mean()
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


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
