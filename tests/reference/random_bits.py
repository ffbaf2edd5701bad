"""The hash of fastmf/_random.py in Python's own integers, which never overflow."""

ALL_ONES = 2**64 - 1
GOLDEN_GAMMA = 0x9E3779B97F4A7C15


def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & ALL_ONES
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & ALL_ONES
    return z ^ (z >> 31)


def bits(seed, stream, counter):
    key = mix((mix((seed + GOLDEN_GAMMA) & ALL_ONES) + stream) & ALL_ONES)
    return mix((key + counter * GOLDEN_GAMMA) & ALL_ONES)
