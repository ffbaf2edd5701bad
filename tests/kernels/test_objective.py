import numpy as np
import pytest
from fence import Fence, frozen
from reference import objective as twin
from tolerances import tolerance

from fastmf.kernels.objective import observed_loss, squared_norms

DTYPES = [np.float32, np.float64]
SHAPES = [  # entries of each row, columns, factors
    ((), 3, 2),
    ((0,), 3, 2),
    ((0, 0, 0), 3, 5),
    ((1,), 1, 1),
    ((2, 0, 3), 4, 0),
    ((3, 0, 5, 1), 6, 5),
    ((9, 2), 10, 16),
    ((9, 2), 10, 17),
    ((4, 0, 7), 9, 33),
    ((5,), 8, 64),
    ((300, 1), 310, 5),
    ((3, 2), 4, 130),
    (tuple(range(200)), 210, 3),
]
SINGLE = ["none", "weights", "targets", "unobserved", "no biases"]


def arguments(lengths, columns, factors, one, dtype):
    """All arrays of a call, read-only; `one` names what holds one value for all, or none."""
    rng = np.random.default_rng(len(lengths) + factors)
    nnz, n = sum(lengths), len(lengths)
    floats = {
        "weights": rng.uniform(0, 2, 1 if one == "weights" else nnz),
        "targets": rng.normal(size=1 if one == "targets" else nnz),
        "X": rng.normal(size=(n, factors)),
        "Y": rng.normal(size=(columns, factors)),
        "user_bias": rng.normal(size=0 if one == "no biases" else n),
        "item_bias": rng.normal(size=0 if one == "no biases" else columns),
    }
    indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    indices = [np.sort(rng.permutation(columns)[:length]) for length in lengths]
    unobserved = rng.uniform(0, 1, 1 if one == "unobserved" else columns)
    single = [np.asarray(array, np.float32).astype(dtype) for array in (*floats.values(), unobserved)]
    frozen(indptr, *single)
    return (indptr, np.concatenate([[], *indices]).astype(np.int32), *single[:-1], 0.75, single[-1])


def sums(function, given, threads=1, make=np.empty):
    """What a call fills."""
    output = make((len(given[0]) - 1, 3))
    function(*given, output, threads)
    return output


def sizes(given):
    """The sums of the twin over the magnitudes of all terms: what rounding is relative to."""
    magnitudes = [abs(argument) for argument in given]
    magnitudes[3] = -magnitudes[3]  # the target is subtracted from
    return abs(sums(twin.observed_loss, magnitudes))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("one", SINGLE)
@pytest.mark.parametrize(("lengths", "columns", "factors"), SHAPES)
def test_observed_loss_agrees_with_the_twin(lengths, columns, factors, one, dtype, simd):
    given = arguments(lengths, columns, factors, one, dtype)
    bound = tolerance(np.float64, factors) * sizes(given)  # whatever the dtype
    expected, first = sums(twin.observed_loss, given), None
    for threads in (1, 2, 4):
        fence = Fence(expected.shape, np.float64)
        observed_loss(*given, fence.array, threads)
        assert fence.intact()
        assert (abs(fence.array - expected) <= bound).all()
        first = fence.array if first is None else first
        assert fence.array.tobytes() == first.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize(("n", "factors"), [(0, 3), (3, 0), (1, 1), (5, 17), (300, 64), (7, 130)])
def test_squared_norms_agree_with_the_twin(n, factors, scaled, dtype, simd):
    rng = np.random.default_rng(n)
    X, scale = frozen(rng.normal(size=(n, factors)).astype(dtype), rng.uniform(0, 2, factors))
    scale = scale if scaled else None
    expected = np.empty(n)
    twin.squared_norms(X, expected, 1, scale)
    for threads in (1, 2, 4):
        fence = Fence(n, np.float64)
        squared_norms(X, fence.array, threads, scale)
        assert fence.intact()
        np.testing.assert_allclose(fence.array, expected, rtol=tolerance(np.float64, factors))


@pytest.mark.parametrize("dtype", DTYPES)
def test_offsets_beyond_32_bits(dtype, sparse_file):
    factors, beyond = 64, 2**31 + 5
    rng = np.random.default_rng(0)
    x, few, targets = rng.normal(size=(1, factors)), rng.normal(size=(2, factors)), np.array([1.5, -2.0])
    numbers = np.array([3, 2**25 + 1])
    indices, Y = sparse_file(np.int32, (beyond + 2,)), sparse_file(dtype, (2**25 + 2, factors))
    a, bias = sparse_file(dtype, (beyond + 2,)), sparse_file(dtype, (2**25 + 2,))
    indices[beyond:], a[beyond:], Y[numbers] = numbers, targets, few
    one, zero = np.ones(1, dtype), np.zeros(1, dtype)
    indptr = np.array([beyond, beyond + 2])
    ((loss, residual, predicted),) = sums(
        observed_loss, (indptr, indices, one, a, x.astype(dtype), Y, zero, bias, 0.0, one)
    )
    errors = targets - few @ x[0]
    assert loss == pytest.approx((errors**2).sum(), rel=100 * tolerance(dtype))
    assert residual == pytest.approx(errors.sum(), rel=100 * tolerance(dtype))
    assert predicted == pytest.approx(((few @ x[0]) ** 2).sum(), rel=100 * tolerance(dtype))
