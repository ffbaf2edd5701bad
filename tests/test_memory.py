"""Arrays that begin with a cache line."""

import numpy as np
import pytest

from fastmf._memory import LINE, aligned, aligned_copy


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (7, 16), (1000, 33), (3, 4, 5)])
def test_arrays_are_zeros_that_begin_with_a_line(shape, dtype):
    for _ in range(20):
        made = aligned(shape, dtype)
        assert made.size == 0 or made.ctypes.data % LINE == 0
        assert made.shape == shape
        assert made.dtype == dtype
        assert made.flags.c_contiguous
        assert made.flags.writeable
        assert not made.any()


def test_a_copy_has_the_numbers_and_none_of_the_memory():
    given = np.arange(12.0).reshape(3, 4)
    copy = aligned_copy(given, np.float32)
    np.testing.assert_array_equal(copy, given)
    assert copy.dtype == np.float32
    assert copy.ctypes.data % LINE == 0
    copy[:] = 0
    assert given.any()
