import numpy as np
import pytest
from fence import Fence, frozen
from reference import predict as twin
from tolerances import tolerance

from fastmf.kernels.predict import pair_scores

DTYPES = [np.float32, np.float64]
SHAPES = [  # users, items, factors, pairs
    (3, 4, 2, 0),
    (1, 1, 1, 1),
    (1, 9, 0, 5),
    (9, 1, 5, 20),
    (5, 6, 16, 30),
    (5, 6, 17, 30),
    (5, 6, 33, 30),
    (5, 6, 64, 30),
    (5, 6, 130, 30),
    (5, 6, 3, 1000),
]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("users", "items", "factors", "pairs"), SHAPES)
def test_pair_scores_agree_with_the_twin(users, items, factors, pairs, dtype, simd):
    rng = np.random.default_rng(factors)
    shapes = (users, factors), (items, factors), users, items
    single = [rng.normal(size=shape).astype(np.float32).astype(dtype) for shape in shapes]
    numbers = rng.integers(0, users, pairs), rng.integers(0, items, pairs)
    frozen(*single, *numbers)
    expected, size = np.empty(pairs), np.empty(pairs)
    twin.pair_scores(*single, -0.75, *numbers, expected, 1)
    twin.pair_scores(*map(abs, single), 0.75, *numbers, size, 1)
    first = None
    for threads in (1, 2, 4):
        out = Fence(pairs, dtype)
        pair_scores(*single, -0.75, *numbers, out.array, threads)
        assert out.intact()
        assert (abs(out.array - expected) <= tolerance(dtype, factors) * size).all()
        first = first or out.array.tobytes()
        assert out.array.tobytes() == first


@pytest.mark.parametrize("dtype", DTYPES)
def test_offsets_beyond_32_bits(dtype, sparse_file):
    factors, beyond = 64, 2**25 + 1
    X, Y = sparse_file(dtype, (beyond + 1, factors)), sparse_file(dtype, (beyond + 1, factors))
    bias = sparse_file(dtype, (beyond + 1,))
    X[beyond], Y[beyond], bias[beyond] = 0.5, 2.0, 1.0
    out, last = np.empty(1, dtype), np.array([beyond])
    pair_scores(X, Y, bias, bias, 3.0, last, last, out, 1)
    assert out[0] == 3.0 + 1.0 + 1.0 + factors
