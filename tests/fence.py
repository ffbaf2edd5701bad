"""Arrays for a kernel to write to, between values that it must leave alone."""

import numpy as np

BAND = 64  # values on either side: more than the widest store
SENTINEL = 77


class Fence:
    """`array` is C-contiguous and full of `fill`; `intact()` says whether what lies around it is untouched."""

    def __init__(self, shape, dtype, fill=SENTINEL):
        size = int(np.prod(shape))
        self._all = np.full(size + 2 * BAND, SENTINEL, dtype)
        self.array = self._all[BAND : BAND + size].reshape(shape)
        self.array[...] = fill

    def intact(self):
        return bool((self._all[:BAND] == SENTINEL).all() and (self._all[-BAND:] == SENTINEL).all())


def frozen(*arrays):
    """The arrays, read-only."""
    for array in arrays:
        array.flags.writeable = False
    return arrays
