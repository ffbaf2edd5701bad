import numpy as np
import pytest
import scipy.sparse as sp
from fence import frozen
from reference import svdpp as twin
from tolerances import tolerance

from fastmf.kernels import svdpp

SHAPES = {  # users, items, share of pairs, width, factors
    "plain": (12, 9, 0.5, 16, 16),
    "padded": (7, 30, 0.3, 32, 30),
    "wide": (5, 8, 0.6, 48, 48),
    "64": (6, 7, 0.6, 64, 64),
    "128": (4, 6, 0.7, 128, 128),
    "one factor": (9, 5, 0.5, 16, 1),
    "one user": (1, 20, 1.0, 16, 16),
    "one item": (20, 1, 1.0, 16, 16),
    "mostly empty": (30, 30, 0.03, 16, 16),
}


def problem(shape, dtype, weighted, seed=0):
    users, items, share, width, factors = SHAPES[shape] if isinstance(shape, str) else shape
    rng = np.random.default_rng(seed)
    learned = [np.zeros((n, width), dtype) for n in (users, items, items)]
    for rows in learned:
        rows[:, :factors] = (rng.random((len(rows), factors)) - 0.3) / factors**0.5
    heads = [(1 + rng.random((n, 4))).astype(dtype) for n in (users, items)]
    matrix = sp.random_array((users, items), density=share, random_state=rng, format="csr")
    matrix.sort_indices()
    values = rng.choice(5, matrix.nnz).astype(dtype)
    weights = rng.random(matrix.nnz if weighted else 1).astype(dtype) + dtype(0.5)
    given = (matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), values, weights, rng.permutation(users))
    return [*learned, *heads], frozen(*given), factors


def run(module, learned, given, factors, adagrad, batch=3, threads=1, shares=None, first=0, last=None):
    arrays = [array.astype(np.float64) if module is twin else array.copy() for array in learned]
    width, dtype = arrays[0].shape[1], arrays[0].dtype
    scratch = [np.full((batch, width), np.nan, dtype) for _ in range(2)]
    lost = np.full(len(arrays[0]), -1.0)
    shares = np.array([0, len(arrays[1])] if shares is None else shares)
    module.run_epoch(
        *arrays, *given, first, len(given[-1]) if last is None else last, shares, factors, 2.1, 0.05, 0.02, 0.06, 0.03,
        0.04, 0.02, adagrad, *scratch, lost, threads,
    )  # fmt: skip
    return [*arrays, lost]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("adagrad", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_an_epoch_is_that_of_the_twin(shape, weighted, adagrad, dtype, simd):
    learned, given, factors = problem(shape, dtype, weighted)
    expected = run(twin, learned, given, factors, adagrad)
    for got, wanted in zip(run(svdpp, learned, given, factors, adagrad), expected, strict=True):
        margin = 10 * tolerance(dtype, factors)
        np.testing.assert_allclose(got, wanted, rtol=margin, atol=margin)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("adagrad", [False, True])
@pytest.mark.parametrize("width", [32, 64])
def test_results_do_not_depend_on_threads_or_shares(width, adagrad, dtype, simd):
    learned, given, factors = problem((60, 50, 0.3, width, 30), dtype, True)
    alone = run(svdpp, learned, given, factors, adagrad, batch=16)
    for threads, shares in ((2, [0, 20, 50]), (4, [0, 1, 1, 30, 50]), (1, [0, 49, 50])):
        for got, wanted in zip(
            run(svdpp, learned, given, factors, adagrad, batch=16, threads=threads, shares=shares), alone, strict=True
        ):
            np.testing.assert_array_equal(got, wanted)


def test_pieces_of_whole_batches_make_the_epoch():
    learned, given, factors = problem("plain", np.float32, False)
    whole = run(svdpp, learned, given, factors, True, batch=4)
    arrays = learned
    for first in (0, 4, 8):
        *arrays, _ = run(svdpp, arrays, given, factors, True, batch=4, first=first, last=first + 4)
    for got, wanted in zip(arrays, whole, strict=False):
        np.testing.assert_array_equal(got, wanted)


def test_a_batch_of_one_takes_each_user_with_fresh_items():
    learned, given, factors = problem("plain", np.float64, False)
    one, all_at_once = (run(svdpp, learned, given, factors, False, batch=batch) for batch in (1, 12))
    assert not np.array_equal(one[1], all_at_once[1])
    for got, wanted in zip(one, run(twin, learned, given, factors, False, batch=1), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


def test_padding_stays_zero(simd):
    learned, given, factors = problem("padded", np.float32, True)
    for rows in run(svdpp, learned, given, factors, True)[:3]:
        assert not rows[:, factors:].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", SHAPES)
def test_vectors_are_those_of_the_twin_for_any_number_of_threads(shape, dtype, simd):
    (P, _, Y, *_), (indptr, indices, *_), _ = problem(shape, dtype, False)
    wanted = np.full(P.shape, 7.0)
    twin.user_vectors(P, Y, indptr, indices, wanted, 1)
    for threads in (1, 2, 4):
        got = np.full(P.shape, 7, dtype)
        svdpp.user_vectors(*frozen(P, Y), indptr, indices, got, threads)
        np.testing.assert_allclose(got, wanted, rtol=10 * tolerance(dtype, 30), atol=10 * tolerance(dtype, 30))


def test_no_entries_change_nothing():
    learned, _, factors = problem("plain", np.float32, False)
    nothing = (np.zeros(13, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), np.ones(1, np.float32))
    for got, wanted in zip(run(svdpp, learned, (*nothing, np.arange(12)), factors, True), learned, strict=False):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("adagrad", [False, True])
def test_heads_of_items_beyond_32_bits(adagrad, sparse_file, simd):
    """Four numbers a head: those of item 2^29 lie beyond number 2^31, in sparse files."""
    learned, (indptr, indices, *given), factors = problem((1, 2, 1.0, 16, 16), np.float32, True)
    wanted = run(svdpp, learned, (indptr, indices, *given), factors, adagrad)
    numbers, n = np.array([3, 2**29 + 1], np.int32), 2**29 + 2
    P, user_heads = learned[0].copy(), learned[3].copy()
    of_items = [sparse_file(np.float32, (n, array.shape[1])) for array in (learned[1], learned[2], learned[4])]
    for array, few in zip(of_items, (learned[1], learned[2], learned[4]), strict=True):
        array[numbers] = few
    Q, Y, item_heads = of_items
    lost, scratch = np.zeros(1), np.zeros((2, 1, 16), np.float32)
    svdpp.run_epoch(
        P, Q, Y, user_heads, item_heads, indptr, numbers, *given, 0, 1, np.array([0, n]), factors, 2.1, 0.05, 0.02,
        0.06, 0.03, 0.04, 0.02, adagrad, *scratch, lost, 1,
    )  # fmt: skip
    for got, expected in zip((P, Q[numbers], Y[numbers], user_heads, item_heads[numbers], lost), wanted, strict=True):
        np.testing.assert_array_equal(got, expected)
