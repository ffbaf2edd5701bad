import numpy as np
import pytest
from fence import frozen
from reference import sgd as twin
from tolerances import tolerance

from fastmf.kernels import sgd

BLOCKS, SUBS, SUB_ROWS, ITEM_ROWS = 3, 2, 4, 5
RULES = {
    "sgd": (sgd.SQUARED, False, False),
    "adagrad": (sgd.SQUARED, True, False),
    "absolute": (sgd.ABSOLUTE, False, False),
    "logistic": (sgd.LOGISTIC, True, False),
    "nonnegative": (sgd.SQUARED, True, True),
    "nonnegative-sgd": (sgd.SQUARED, False, True),
}


def problem(width, factors, dtype, weighted, records=200, seed=0):
    rng = np.random.default_rng(seed)
    P = np.zeros((BLOCKS * SUBS * SUB_ROWS, width), dtype)
    Q = np.zeros((BLOCKS * ITEM_ROWS, width), dtype)
    P[:, :factors] = rng.random((len(P), factors)) / factors**0.5
    Q[:, :factors] = (rng.random((len(Q), factors)) - 0.3) / factors**0.5
    heads = [np.ones((len(rows), 4), dtype) for rows in (P, Q)]
    for head, rows in zip(heads, (P, Q), strict=True):
        head[:] = 1 + rng.random((len(head), 4))
        head[:, 2] = np.square(rows.astype(np.float64)).sum(axis=1)
    cells = np.sort(rng.integers(0, BLOCKS * SUBS * BLOCKS, records))
    starts = np.searchsorted(cells, np.arange(BLOCKS * SUBS * BLOCKS + 1)).astype(np.int64)
    place = (rng.integers(0, SUB_ROWS, records) + 65536 * rng.integers(0, ITEM_ROWS, records)).astype(np.uint32)
    values = rng.choice([-1.0, 1.0], records).astype(dtype)
    weights = rng.random(records if weighted else 1).astype(dtype) + dtype(0.5)
    order = np.array([2, 0, 1])[:BLOCKS]
    return [P, Q, *heads], frozen(place, values, weights, starts, order, np.array([1, 0]))


def run(module, learned, given, factors, rule, threads=1, hogwild=False, first=0, last=BLOCKS):
    arrays = [array.copy() for array in learned]
    if module is twin:
        arrays = [array.astype(np.float64) for array in arrays]
    lost = np.full(BLOCKS * SUBS * BLOCKS, -1.0)
    loss, adagrad, nonnegative = RULES[rule]
    module.run_epoch(
        *arrays, *given, first, last, factors, 0.3, 0.05, 0.04, 0.06, 0.03, 0.02, loss, adagrad, nonnegative, hogwild,
        lost, threads,
    )  # fmt: skip
    return [*arrays, lost]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("width", "factors"), [(16, 16), (32, 30), (48, 48), (64, 64), (128, 128), (16, 1)])
def test_an_epoch_is_that_of_the_twin(width, factors, weighted, rule, dtype, simd):
    learned, given = problem(width, factors, dtype, weighted)
    expected = run(twin, learned, given, factors, rule)
    for got, wanted in zip(run(sgd, learned, given, factors, rule), expected, strict=True):
        margin = 10 * tolerance(dtype, factors)
        np.testing.assert_allclose(got, wanted, rtol=margin, atol=margin)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rule", RULES)
def test_blocked_results_do_not_depend_on_threads(rule, dtype, simd):
    learned, given = problem(32, 30, dtype, True, records=3000)
    alone = run(sgd, learned, given, 30, rule, threads=1)
    for threads in (2, 4):
        for got, wanted in zip(run(sgd, learned, given, 30, rule, threads=threads), alone, strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("hogwild", [False, True])
def test_pieces_of_an_epoch_make_the_epoch(hogwild):
    learned, given = problem(16, 16, np.float32, False, records=500)
    whole = run(sgd, learned, given, 16, "adagrad", hogwild=hogwild)
    arrays = learned
    for step in range(BLOCKS):
        *arrays, _ = run(sgd, arrays, given, 16, "adagrad", hogwild=hogwild, first=step, last=step + 1)
    for got, wanted in zip(arrays, whole, strict=False):
        np.testing.assert_array_equal(got, wanted)


def test_hogwild_on_one_thread_is_the_twin(simd):
    learned, given = problem(16, 16, np.float64, False)
    expected = run(twin, learned, given, 16, "sgd", hogwild=True)
    for got, wanted in zip(run(sgd, learned, given, 16, "sgd", hogwild=True), expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)


def test_hogwild_threads_see_every_record():
    """With a rate of 0 nothing moves, so that the losses of all threads are those of one."""
    learned, given = problem(16, 16, np.float64, False, records=2000)
    place, values, weights, starts, order, subs = given
    losses = []
    for threads in (1, 2, 3):
        arrays, lost = [array.copy() for array in learned], np.zeros(len(starts) - 1)
        sgd.run_epoch(
            *arrays, place, values, weights, starts, order, subs, 0, BLOCKS, 16, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0,
            sgd.SQUARED, False, False, True, lost, threads,
        )  # fmt: skip
        losses.append(lost)
    np.testing.assert_array_equal(losses[1], losses[0])
    np.testing.assert_array_equal(losses[2], losses[0])


@pytest.mark.parametrize("rule", RULES)
def test_padding_stays_zero_and_squares_are_kept_by_adagrad_alone(rule, simd):
    learned, given = problem(32, 20, np.float32, True)
    P, Q, *heads, _ = run(sgd, learned, given, 20, rule)
    for rows, head, before in zip((P, Q), heads, learned[2:], strict=True):
        assert not rows[:, 20:].any()
        if rule in ("adagrad", "logistic"):
            np.testing.assert_allclose(head[:, 2], np.square(rows, dtype=np.float64).sum(axis=1), rtol=1e-5)
        else:
            np.testing.assert_array_equal(head[:, 2], before[:, 2])
