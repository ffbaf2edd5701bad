import numpy as np
import pytest
from fence import Fence, frozen
from reference import rotate as twin
from tolerances import tolerance

from fastmf.kernels.rotate import rotate

SHAPES = [(0, 3), (4, 0), (1, 1), (1, 5), (7, 1), (20, 5), (3, 16), (257, 17), (30, 33), (9, 64), (5, 130)]


def arrays(n, k, dtype):
    rng = np.random.default_rng(n + k)
    return frozen(*(rng.normal(size=(rows, k)).astype(np.float32).astype(dtype) for rows in (n, k)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "k"), SHAPES)
def test_rotate_agrees_with_the_twin(n, k, dtype, simd):
    Y, V = arrays(n, k, dtype)
    expected = np.empty((n, k))
    twin.rotate(Y, V, expected, 1)
    for threads in (1, 2, 4):
        out = Fence((n, k), dtype)
        rotate(Y, V, out.array, threads)
        assert out.intact()
        assert (abs(out.array - expected) <= tolerance(dtype, k) * (abs(Y) @ abs(V))).all()
        in_place = Fence((n, k), dtype)
        in_place.array[...] = Y
        rotate(in_place.array, V, in_place.array, threads)
        assert in_place.intact()
        np.testing.assert_array_equal(in_place.array, out.array)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_do_not_depend_on_threads(dtype, simd):
    Y, V = arrays(256 * 5 + 3, 20, dtype)
    outs = [np.empty_like(Y) for _ in range(3)]
    for threads, out in zip((1, 2, 4), outs, strict=True):
        rotate(Y, V, out, threads)
    assert outs[0].tobytes() == outs[1].tobytes() == outs[2].tobytes()
