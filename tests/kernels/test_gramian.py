import numpy as np
import pytest
from fence import frozen
from reference import gramian as twin
from tolerances import tolerance

from fastmf.kernels.gramian import gramian

SHAPES = [
    (0, 3),
    (5, 0),
    (1, 1),
    (1, 5),
    (7, 1),
    (40, 5),
    (127, 16),
    (128, 17),
    (129, 33),
    (300, 5),
    (20, 64),
    (2400, 16),  # several blocks a stripe
    (9, 130),
]


def arrays(n, k, weighted, dtype):
    rng = np.random.default_rng(n + k)
    Y = rng.normal(size=(n, k)).astype(np.float32)
    weights = rng.uniform(-1, 2, n if weighted else 0).astype(np.float32)
    return frozen(Y.astype(dtype), weights.astype(dtype))


@pytest.mark.parametrize(("dtype", "wide"), [(np.float32, False), (np.float32, True), (np.float64, False)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "k"), SHAPES)
def test_gramian_agrees_with_the_twin(n, k, weighted, dtype, wide, simd):
    Y, weights = arrays(n, k, weighted, dtype)
    expected = twin.gramian(Y, weights, 1, wide)
    got = gramian(Y, weights, 1, wide)
    size = abs(Y.T) @ abs(Y if not weighted else Y * weights[:, None])  # of the terms of each sum
    assert got.dtype == np.float64
    assert (abs(got - expected) <= tolerance(np.float64 if wide else dtype, n) * size).all()
    np.testing.assert_array_equal(got, got.T)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_bits_do_not_depend_on_threads(dtype, simd):
    """More rows than one stripe, and a last block that is not full."""
    Y, weights = arrays(16 * 128 * 3 + 77, 20, True, dtype)
    expected = gramian(Y, weights, 1)
    for threads in (2, 4):
        assert gramian(Y, weights, threads).tobytes() == expected.tobytes()


def test_long_sums_keep_their_precision():
    """A million rows in float32: a plain float32 sum would be off by more than 1e-4."""
    Y = np.full((1_000_000, 1), 0.1, np.float32)
    exact = len(Y) * float(np.float32(0.1)) ** 2
    assert gramian(Y, np.empty(0, np.float32), 2)[0, 0] == pytest.approx(exact, rel=tolerance(np.float32))
