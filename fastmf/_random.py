"""Counter-based random numbers: a hash of (seed, stream, counter), so a draw never depends on a thread.

The hash is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators").
Draw number c of a stream is the same however many are drawn and wherever a call starts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)

PIECE = 1 << 16  # draws made at a time: their temporary arrays stay in cache
ACCEPTED = "None, an integer in [0, 2^63), a numpy.random.Generator or a numpy.random.RandomState"


def mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Finalise SplitMix64, in place: every bit of the result depends on every bit of `z`."""
    z ^= z >> np.uint64(30)
    z *= MIX_1
    z ^= z >> np.uint64(27)
    z *= MIX_2
    z ^= z >> np.uint64(31)
    return z


def bits(seed: int, stream: int, n: int, start: int = 0) -> NDArray[np.uint64]:
    """64 random bits for each counter start, ..., start + n - 1 of one stream of one seed."""
    return _hash(seed, stream, np.arange(start, start + n, dtype=np.uint64))


def bits_at(seed: int, stream: int, counters: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """64 random bits for each of a vector of counters."""
    return _hash(seed, stream, counters.copy())


def _hash(seed: int, stream: int, counters: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Turn counters into their bits, in place."""
    key = mix(mix(np.array([seed], np.uint64) + GOLDEN_GAMMA) + np.uint64(stream))
    for at in range(0, len(counters), PIECE):
        piece = counters[at : at + PIECE]
        piece *= GOLDEN_GAMMA
        piece += key
        mix(piece)
    return counters


def uniform(seed: int, stream: int, n: int, start: int = 0) -> NDArray[np.float64]:
    """Numbers in [0, 1) with 53 random bits each."""
    return _fractions(bits(seed, stream, n, start))


def uniform_at(seed: int, stream: int, counters: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Numbers in [0, 1) with 53 random bits each, for a vector of counters."""
    return _fractions(bits_at(seed, stream, counters))


def _fractions(draws: NDArray[np.uint64]) -> NDArray[np.float64]:
    out = (draws >> np.uint64(11)).astype(np.float64)
    out *= 2.0**-53
    return out


def normal(
    seed: int, stream: int, n: int, start: int = 0, *, scale: float = 1.0, dtype: DTypeLike = np.float64
) -> NDArray[Any]:
    """Normal numbers with mean 0 and standard deviation `scale`, two from each pair of uniforms (Box & Muller 1958).

    Draws 2j and 2j + 1 come from uniforms 2j and 2j + 1.
    """
    out = np.empty(n, dtype)
    for at in range(0, n, PIECE):
        begin, end = start + at, start + min(at + PIECE, n)
        u = uniform(seed, stream, (end + 1) // 2 * 2 - begin // 2 * 2, begin // 2 * 2).reshape(-1, 2)
        radius = scale * np.sqrt(-2.0 * np.log1p(-u[:, 0]))
        angle = 2.0 * np.pi * u[:, 1]
        pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).ravel()
        out[at : at + end - begin] = pairs[begin % 2 :][: end - begin]
    return out


def permutation(seed: int, stream: int, n: int) -> NDArray[np.int64]:
    """A random order of 0, ..., n - 1."""
    return np.argsort(bits(seed, stream, n), kind="stable")


def argument(name: str, value: Any) -> Any:
    """The check of every argument and parameter that is a random state; nothing is drawn from a generator."""
    if value is None or isinstance(value, (np.random.Generator, np.random.RandomState)):
        return value
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if is_integer and 0 <= value < 2**63:
        return int(value)
    kind = ValueError if is_integer else TypeError
    raise kind(f"{name} must be {ACCEPTED}, got {value!r:.60}")


def seed_from(random_state: Any) -> int:
    """A seed below 2^63 from what users pass as `random_state`; None draws a fresh one."""
    state = argument("random_state", random_state)
    if isinstance(state, int):
        return state
    if isinstance(state, np.random.RandomState):
        return int(state.randint(0, 2**63 - 1, dtype=np.int64))
    return int((np.random.default_rng() if state is None else state).integers(0, 2**63 - 1))
