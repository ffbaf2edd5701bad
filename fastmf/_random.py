"""Counter-based random numbers: a hash of (seed, stream, counter), so a draw never depends on a thread.

The hash is the finaliser of SplitMix64 (Steele, Lea & Flood 2014, "Fast splittable pseudorandom number generators").
"""

import numpy as np
from numpy.typing import NDArray

GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
MIX_2 = np.uint64(0x94D049BB133111EB)

ACCEPTED = "None, an integer >= 0, a numpy.random.Generator or a numpy.random.RandomState"


def mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Finalise SplitMix64: every bit of the result depends on every bit of `z`."""
    z = (z ^ (z >> np.uint64(30))) * MIX_1
    z = (z ^ (z >> np.uint64(27))) * MIX_2
    return z ^ (z >> np.uint64(31))


def bits(seed: int, stream: int, n: int, start: int = 0) -> NDArray[np.uint64]:
    """64 random bits for each counter start, ..., start + n - 1 of one stream of one seed."""
    with np.errstate(over="ignore"):
        key = mix(mix(np.array([seed], np.uint64) + GOLDEN_GAMMA) + np.uint64(stream))
        counter = np.arange(start, start + n, dtype=np.uint64)
        return mix(key + counter * GOLDEN_GAMMA)


def uniform(seed: int, stream: int, n: int, start: int = 0) -> NDArray[np.float64]:
    """Numbers in [0, 1) with 53 random bits each."""
    return (bits(seed, stream, n, start) >> np.uint64(11)) * 2.0**-53


def normal(seed: int, stream: int, n: int) -> NDArray[np.float64]:
    """Standard normal numbers, two from each pair of uniforms (Box & Muller 1958)."""
    pairs = (n + 1) // 2
    u = uniform(seed, stream, 2 * pairs)
    radius = np.sqrt(-2.0 * np.log1p(-u[:pairs]))
    angle = 2.0 * np.pi * u[pairs:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:n]


def permutation(seed: int, stream: int, n: int) -> NDArray[np.int64]:
    """A random order of 0, ..., n - 1."""
    return np.argsort(bits(seed, stream, n), kind="stable")


def seed_from(random_state: object) -> int:
    """A seed below 2^63 from what users pass as `random_state`; None draws a fresh one."""
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**63 - 1, dtype=np.int64))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**63 - 1))
    if random_state is None:
        return int(np.random.default_rng().integers(0, 2**63 - 1))
    if isinstance(random_state, (int, np.integer)) and not isinstance(random_state, bool) and 0 <= random_state < 2**63:
        return int(random_state)
    raise ValueError(f"random_state must be {ACCEPTED}, got {random_state!r}")
