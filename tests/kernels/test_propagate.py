import numpy as np
import pytest
from fence import Fence, frozen
from reference import propagate as twin
from tolerances import tolerance

from fastmf.kernels.propagate import add_signed_rows, propagate

SHAPES = [  # entries of each row, columns, factors
    ((), 3, 2),
    ((0,), 3, 2),
    ((2, 1), 3, 0),
    ((1,), 1, 1),
    ((3, 0, 5, 1), 6, 5),
    ((9, 2), 10, 16),
    ((4, 0, 7), 9, 33),
    ((5,), 8, 64),
    ((300, 1), 310, 5),
    ((3, 2), 4, 130),
    (tuple(range(200)), 210, 3),
]


def arguments(lengths, columns, factors, one, dtype):
    rng = np.random.default_rng(len(lengths) + factors)
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    indices = np.concatenate([[], *(np.sort(rng.permutation(columns)[:length]) for length in lengths)])
    values = rng.normal(size=1 if one else sum(lengths))
    scale, Y = rng.uniform(0, 2, columns), rng.normal(size=(columns, factors))
    values, scale, Y = (array.astype(np.float32).astype(dtype) for array in (values, scale, Y))
    return frozen(indptr, indices.astype(np.int32), values, rng.uniform(0, 2, len(lengths)), scale, Y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("one", [False, True])
@pytest.mark.parametrize(("lengths", "columns", "factors"), SHAPES)
def test_propagate_agrees_with_the_twin(lengths, columns, factors, one, dtype, simd):
    given = arguments(lengths, columns, factors, one, dtype)
    expected, sizes, first = *np.empty((2, len(lengths), factors)), None
    twin.propagate(*given, expected, 1)
    twin.propagate(*given[:2], *(abs(array) for array in given[2:]), sizes, 1)
    for threads in (1, 2, 4):
        fence = Fence(expected.shape, dtype)
        propagate(*given, fence.array, threads)
        assert fence.intact()
        assert (abs(fence.array - expected) <= tolerance(dtype, max(lengths, default=0)) * sizes).all()
        first = fence.array if first is None else first
        assert fence.array.tobytes() == first.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("times", [0.0, 0.75])
@pytest.mark.parametrize(
    ("n", "factors", "columns"), [(0, 3, 4), (3, 0, 4), (5, 1, 1), (7, 31, 32), (3, 65, 80), (40, 200, 208)]
)
def test_signed_rows_agree_with_the_twin(n, factors, columns, times, dtype, simd):
    rng = np.random.default_rng(n + factors)
    bits, sizes = rng.integers(0, 2**64, (n, -(-factors // 64)), np.uint64), rng.uniform(0.5, 1.5, n)
    start = rng.normal(size=(n, columns)).astype(dtype)
    bits, sizes, expected = *frozen(bits, sizes), start.astype(float)
    twin.add_signed_rows(bits, sizes, times, factors, expected, 1)
    for threads in (1, 2, 4):
        fence = Fence(start.shape, dtype)
        fence.array[:] = start
        add_signed_rows(bits, sizes, times, factors, fence.array, threads)
        assert fence.intact()
        np.testing.assert_allclose(fence.array, expected, rtol=0, atol=4 * np.finfo(dtype).eps * 4)
        assert (fence.array[:, factors:] == start[:, factors:]).all()
