"""The stand-in's fit: implicit's objective, order and start; callbacks, warm starts and refusals."""

import copy
import logging
import pickle
from types import SimpleNamespace

import numpy as np
import plain_implicit as plain
import pytest
import scipy.sparse as sp

from fastmf import _threads
from fastmf.compat.implicit._arguments import threads_of
from fastmf.compat.implicit.als import AlternatingLeastSquares
from fastmf.compat.implicit.cpu import als
from fastmf.compat.implicit.recommender_base import ModelFitError
from fastmf.compat.implicit.utils import ParameterWarning, check_random_state
from fastmf.kernels import wals as kernel


def model(**params):
    return AlternatingLeastSquares(
        **({"factors": 5, "regularization": 0.3, "iterations": 3, "random_state": 7, "num_threads": 1} | params)
    )


def fitted(matrix, callback=None, **params):
    made = model(**params)
    assert made.fit(matrix, show_progress=False, callback=callback) is None
    return made


def start(matrix, factors=5, seed=7, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return tuple(rng.random((n, factors), dtype=dtype) * dtype(0.01) for n in matrix.shape)


TOLERANCE = {np.float32: 3e-4, np.float64: 1e-9}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("alpha", "signed", "factors"), [(1.0, False, 5), (2.5, False, 5), (2.5, True, 5), (1.0, False, 40)]
)
def test_an_exact_fit_gives_the_factors_of_plain_sweeps_from_the_same_start(dtype, alpha, signed, factors):
    matrix = plain.likes(signed=signed)
    made = fitted(matrix, use_cg=False, dtype=dtype, alpha=alpha, factors=factors)
    X, Y = plain.sweeps(matrix, *start(matrix, factors, dtype=dtype), 0.3, alpha, iterations=3)
    assert made.user_factors.dtype == made.item_factors.dtype == dtype
    scale = TOLERANCE[dtype]
    np.testing.assert_allclose(made.user_factors, X, rtol=0, atol=scale * np.abs(X).max())
    np.testing.assert_allclose(made.item_factors, Y, rtol=0, atol=scale * np.abs(Y).max())
    assert not made.user_factors[3].any()
    assert not made.item_factors[4].any()


def test_the_dual_form_turns_the_factors_and_the_fit_turns_them_back(monkeypatch):
    seen, solve_rows = set(), kernel.solve_rows

    def listening(*arguments):
        seen.update(next(a for a in arguments if isinstance(a, np.ndarray) and a.dtype == np.uint8).tolist())
        solve_rows(*arguments)

    monkeypatch.setattr(kernel, "solve_rows", listening)
    matrix = plain.likes(200, 150, density=0.02)
    made = fitted(matrix, use_cg=False, dtype=np.float64, factors=64, iterations=2)
    assert kernel.DUAL in seen
    X, Y = plain.sweeps(matrix, *start(matrix, 64), 0.3, iterations=2)
    np.testing.assert_allclose(made.user_factors, X, atol=1e-9)
    np.testing.assert_allclose(made.item_factors, Y, atol=1e-9)


def test_conjugate_gradient_follows_the_exact_sweeps():
    """60 entries a row and 20 factors: rows that are cheaper to improve than to solve."""
    matrix, objectives = plain.likes(120, 110, density=0.6), []
    for use_cg in (True, False):
        made = fitted(matrix, dtype=np.float64, factors=20, iterations=10, use_cg=use_cg)
        objectives.append(plain.objective(matrix, made.user_factors, made.item_factors, 0.3))
    assert objectives[0] != objectives[1]
    assert objectives[0] == pytest.approx(objectives[1], rel=1e-4)


def test_use_cg_and_cg_steps_choose_the_solver(monkeypatch):
    solvers = []
    monkeypatch.setattr(als._sweeps.Sweeps, "sweep", lambda self: solvers.append(self.solver))
    made = model(iterations=1)
    made.cg_steps = 7
    made.fit(plain.likes(), show_progress=False)
    made.use_cg = False
    made.fit(plain.likes(), show_progress=False)
    assert [(solver.name, solver.cg_steps) for solver in solvers] == [("cg", 7), ("cholesky", 3)]


def test_without_native_code_rows_are_solved_in_float64():
    matrix = plain.likes()
    _, Y = plain.sweeps(matrix, *start(matrix, dtype=np.float32), 0.3, iterations=3)
    errors = {}
    for native in (True, False):
        made = fitted(matrix, use_cg=False, use_native=native)
        assert made.user_factors.dtype == np.float32
        errors[native] = np.abs(made.item_factors - Y).max()
    assert errors[False] < np.finfo(np.float32).eps * np.abs(Y).max()
    assert errors[False] < errors[True]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("use_cg", [True, False])
@pytest.mark.parametrize("factors", [7, 12])
def test_without_regularisation_a_row_is_the_shortest_of_all_solutions(factors, use_cg, dtype):
    """With a factor more than items, the last eigenvalue of Y'Y is nothing but rounding."""
    matrix = plain.likes(40, 6, density=0.5)
    made = fitted(matrix, regularization=0, factors=factors, use_cg=use_cg, dtype=dtype, iterations=1)
    X, Y = plain.sweeps(matrix, *start(matrix, factors, dtype=dtype), 0.0, iterations=1)
    np.testing.assert_allclose(made.user_factors @ made.item_factors.T, X @ Y.T, atol=1e-5)
    assert np.linalg.norm(made.user_factors) == pytest.approx(np.linalg.norm(X), rel=1e-4)
    assert np.linalg.norm(made.item_factors) == pytest.approx(np.linalg.norm(Y), rel=1e-4)


@pytest.mark.parametrize("shape", [(5, 4), (0, 4), (5, 0)])
@pytest.mark.parametrize("params", [{}, {"use_cg": False}, {"regularization": 0}])
def test_a_matrix_without_entries_gives_zeros(shape, params):
    made = fitted(sp.csr_matrix(shape), calculate_training_loss=True, **params)
    assert (made.user_factors.shape, made.item_factors.shape) == ((shape[0], 5), (shape[1], 5))
    assert not made.user_factors.any()
    assert not made.item_factors.any()


@pytest.mark.parametrize("num_threads", [1, 2, 0])
def test_the_result_is_the_same_for_any_number_of_threads(num_threads):
    matrix = plain.likes(300, 200)
    one, many = fitted(matrix, num_threads=1), fitted(matrix, num_threads=num_threads)
    np.testing.assert_array_equal(one.user_factors, many.user_factors)
    np.testing.assert_array_equal(one.item_factors, many.item_factors)


def test_the_seed_may_be_anything_numpy_takes():
    matrix = plain.likes()
    same = [fitted(matrix, random_state=state) for state in (5, np.random.default_rng(5))]
    np.testing.assert_array_equal(same[0].user_factors, same[1].user_factors)
    state = np.random.RandomState(5)
    assert check_random_state(state).integers(1 << 40) != check_random_state(state).integers(1 << 40)


# -- loss and callbacks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [False, True])
def test_the_loss_is_the_objective_over_the_weights(signed):
    matrix, losses = plain.likes(signed=signed), []
    made = fitted(
        matrix,
        callback=lambda *record: losses.append(record),
        calculate_training_loss=True,
        alpha=2.0,
        dtype=np.float64,
    )
    assert [(number, type(seconds), type(value)) for number, seconds, value in losses] == [
        (number, float, float) for number in range(3)
    ]
    expected = plain.loss(matrix, made.user_factors, made.item_factors, 0.3, 2.0)
    assert losses[-1][2] == pytest.approx(expected, rel=1e-9)
    assert als.calculate_loss(matrix * 2.0, made.user_factors, made.item_factors, 0.3) == pytest.approx(expected)


def test_the_loss_of_equal_values_counts_each_of_them():
    matrix, rng = plain.likes(), np.random.default_rng(0)
    matrix.data[:] = 3
    X, Y = rng.normal(size=(30, 2)), rng.normal(size=(20, 2))
    assert als.calculate_loss(matrix, X, Y, 0.1) == pytest.approx(plain.loss(matrix, X, Y, 0.1))


def test_a_loss_counts_stored_zeros_as_pairs_without_weight():
    matrix = sp.csr_matrix((np.array([2.0, 0.0]), ([0, 0], [0, 1])), shape=(2, 3))
    X, Y = np.array([[1.0], [2.0]]), np.array([[0.5], [1.0], [3.0]])
    assert als.calculate_loss(matrix, X, Y, 0.1) == pytest.approx(plain.loss(matrix, X, Y, 0.1))


def test_the_callback_of_fit_comes_before_that_of_the_model():
    calls = []
    made = model(iterations=2)
    made.fit_callback = lambda *record: calls.append(("model", *record[::2]))
    made.fit(plain.likes(), show_progress=False)
    made.fit(plain.likes(), show_progress=False, callback=lambda *record: calls.append(("fit", *record[::2])))
    assert calls == [("model", 0, None), ("model", 1, None), ("fit", 0, None), ("fit", 1, None)]


def test_a_callback_sees_the_factors_of_its_iteration_and_may_change_them():
    matrix, seen = plain.likes(), []
    made = model(use_cg=False, dtype=np.float64)

    def halve(iteration, seconds, loss):
        seen.append(made.item_factors.copy())
        made.item_factors /= 2

    made.fit(matrix, show_progress=False, callback=halve)
    X, Y = start(matrix)
    for item_factors in seen:
        X, Y = plain.sweeps(matrix, X, Y, 0.3)
        np.testing.assert_allclose(item_factors, Y, atol=1e-9)
        Y /= 2
    np.testing.assert_allclose(made.item_factors, Y, atol=1e-9)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_fit_that_a_callback_ends_leaves_the_factors_of_that_iteration(error):
    matrix = plain.likes()

    def stop(iteration, seconds, loss):
        if iteration == 1:
            raise error

    made = model()
    with pytest.raises(error):
        made.fit(matrix, show_progress=False, callback=stop)
    np.testing.assert_array_equal(made.user_factors, fitted(matrix, iterations=2, callback=lambda *_: 0).user_factors)


def test_an_interruption_leaves_the_last_whole_iteration(monkeypatch):
    matrix, made, half = plain.likes(), model(), als._sweeps.half
    halves = []

    def interrupted(*arguments):
        halves.append(1)
        if len(halves) == 4:  # the items of the second sweep
            raise KeyboardInterrupt
        half(*arguments)

    monkeypatch.setattr(als._sweeps, "half", interrupted)
    with pytest.raises(KeyboardInterrupt):
        made.fit(matrix, show_progress=False)
    monkeypatch.undo()
    np.testing.assert_array_equal(made.item_factors, fitted(matrix, iterations=1).item_factors)


def test_the_loss_is_logged_where_no_bar_shows_it(caplog):
    with caplog.at_level(logging.INFO, logger="implicit"):
        fitted(plain.likes(), calculate_training_loss=True, iterations=2)
    assert [record.message.split()[0] for record in caplog.records] == ["loss", "loss", "Final"]


def test_a_bar_is_shown_and_goes_without_tqdm(monkeypatch, capsys):
    model(calculate_training_loss=True).fit(plain.likes())
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert "loss=" in shown

    def missing(module, extra):
        raise ImportError(module)

    monkeypatch.setattr("fastmf.compat.implicit._progress.require", missing)
    model(calculate_training_loss=True).fit(plain.likes())
    assert capsys.readouterr().err == ""


def test_no_iteration_leaves_the_start():
    matrix = plain.likes()
    made = fitted(matrix, iterations=0, calculate_training_loss=True, dtype=np.float64)
    X, Y = start(matrix)
    np.testing.assert_array_equal(made.user_factors, X)
    np.testing.assert_array_equal(made.item_factors, Y)


# -- warm starts --------------------------------------------------------------------------------------------------


def test_factors_set_before_a_fit_are_its_start_and_stay_as_they_are():
    matrix, rng = plain.likes(), np.random.default_rng(1)
    given = rng.normal(size=(20, 5))
    before = given.copy()
    made = model(use_cg=False, dtype=np.float64)
    made.item_factors = given
    made.fit(matrix, show_progress=False)
    X, Y = plain.sweeps(matrix, np.zeros((30, 5)), before, 0.3, iterations=3)
    np.testing.assert_allclose(made.user_factors, X, atol=1e-9)
    np.testing.assert_allclose(made.item_factors, Y, atol=1e-9)
    np.testing.assert_array_equal(given, before)


def test_a_second_fit_goes_on_from_the_first():
    matrix = plain.likes()
    twice = model(use_cg=False, dtype=np.float64)
    twice.fit(matrix, show_progress=False)
    twice.fit(matrix, show_progress=False)
    once = fitted(matrix, use_cg=False, dtype=np.float64, iterations=6)
    np.testing.assert_allclose(twice.item_factors, once.item_factors, atol=1e-9)


def test_a_larger_matrix_keeps_the_rows_there_are_and_a_smaller_one_is_refused():
    matrix = plain.likes()
    made = model(use_cg=False, dtype=np.float64, iterations=1)
    made.fit(matrix[:20], show_progress=False)
    items = made.item_factors
    made.fit(matrix, show_progress=False)
    X, _ = plain.sweeps(matrix, np.zeros((30, 5)), items, 0.3)
    np.testing.assert_allclose(made.user_factors, X, atol=1e-9)
    before = made.user_factors
    with pytest.raises(ValueError, match=r"user_factors must have 5 columns and at most 20 rows.*None to start afresh"):
        made.fit(matrix[:20], show_progress=False)
    made.factors = 6
    with pytest.raises(ValueError, match="user_factors must have 6 columns"):
        made.fit(matrix, show_progress=False)
    assert made.user_factors is before


# -- what it is given ---------------------------------------------------------------------------------------------


def test_the_matrix_is_not_changed_and_may_be_of_any_format():
    matrix = plain.likes(signed=True)
    before = matrix.copy()
    expected = fitted(matrix)
    np.testing.assert_array_equal(matrix.toarray(), before.toarray())
    same = fitted(sp.csr_array(matrix))
    np.testing.assert_array_equal(same.user_factors, expected.user_factors)
    for other in (matrix.tocoo(), matrix.tolil(), matrix.tocsc()):
        with pytest.warns(ParameterWarning, match="CSR"):
            same = fitted(other)
        np.testing.assert_array_equal(same.user_factors, expected.user_factors)


def test_values_are_those_of_float32_whatever_they_come_in():
    matrix = plain.likes()
    finer = matrix.astype(np.float64)
    finer.data += 1e-9
    expected = fitted(matrix, alpha=2.7, dtype=np.float64, use_cg=False)
    same = fitted(finer, alpha=2.7, dtype=np.float64, use_cg=False)
    np.testing.assert_array_equal(same.user_factors, expected.user_factors)
    with pytest.raises(ValueError, match=r"user_items times alpha \(1e\+39\): .* finite"):
        fitted(matrix, alpha=1e39)


def test_no_threads_are_all_threads():
    assert threads_of(0) == _threads.effective(None).count
    assert threads_of(3) == _threads.effective(3).count


def test_entries_of_one_pair_are_added_and_rows_need_not_be_sorted():
    doubled = sp.csr_matrix((np.array([1.0, 2.0, 3.0]), np.array([2, 0, 2]), np.array([0, 3, 3])), shape=(2, 3))
    summed = sp.csr_matrix(np.array([[2.0, 0, 4.0], [0, 0, 0]]))
    np.testing.assert_array_equal(fitted(doubled).item_factors, fitted(summed).item_factors)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_a_failed_fit(bad):
    matrix = plain.likes()
    made = fitted(matrix)
    before = made.user_factors
    broken = matrix.copy()
    broken.data[3] = bad
    with pytest.raises(ModelFitError, match="user_items must hold finite numbers, got (nan|inf)"):
        made.fit(broken, show_progress=False)
    made.item_factors[0, 0] = bad
    with pytest.raises(ModelFitError, match="item_factors must be finite"):
        made.fit(matrix, show_progress=False)
    assert made.user_factors is before


def test_factors_that_are_not_finite_are_a_failed_fit(monkeypatch):
    closed = []
    bar = SimpleNamespace(update=lambda _: None, close=lambda: closed.append(1))
    monkeypatch.setattr(als, "progress_bar", lambda total, show: bar)
    monkeypatch.setattr(als._sweeps.Sweeps, "is_finite", lambda self: False)
    made = model()
    with pytest.raises(ModelFitError, match="not finite after iteration 0: raise regularization"):
        made.fit(plain.likes())
    assert made.user_factors is None
    assert closed


def test_a_fit_that_cannot_be_solved_is_a_failed_fit():
    made = model()
    made.item_factors = np.full((20, 5), 1e30, np.float32)
    with pytest.raises(ModelFitError, match="in iteration 0: .* too large for their dtype"):
        made.fit(plain.likes(), show_progress=False)
    assert made.user_factors is None


@pytest.mark.parametrize(
    ("params", "error", "words"),
    [
        ({"factors": 0}, ValueError, "factors must be an integer"),
        ({"factors": 2.5}, TypeError, "factors must be an integer"),
        ({"iterations": -1}, ValueError, "iterations"),
        ({"regularization": -1}, ValueError, "regularization"),
        ({"alpha": 0}, ValueError, "alpha must be a finite number > 0"),
        ({"dtype": np.float16}, ValueError, "dtype must be float32 or float64"),
        ({"num_threads": -1}, ValueError, "num_threads"),
        ({"use_cg": "yes"}, TypeError, "use_cg must be True or False"),
        ({"use_native": None}, TypeError, "use_native must be True or False"),
        ({"calculate_training_loss": 2}, TypeError, "calculate_training_loss"),
        ({"random_state": "seed"}, TypeError, "."),
    ],
)
def test_parameters_are_checked_when_the_fit_begins(params, error, words):
    made = model(**params)
    with pytest.raises(error, match=words):
        made.fit(plain.likes(), show_progress=False)
    assert made.user_factors is None


def test_a_matrix_must_be_sparse():
    with pytest.raises(TypeError, match="user_items must be a SciPy sparse matrix"):
        fitted(np.eye(3))


def test_a_graphics_card_is_refused():
    with pytest.raises(ValueError, match="use_gpu must be False: fastmf has no CUDA"):
        AlternatingLeastSquares(use_gpu=True)
    with pytest.raises(ValueError, match="CUDA"):
        model().to_gpu()


# -- solver ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("use_cg", [True, False])
def test_the_solver_solves_one_side_in_place(use_cg):
    matrix, rng = plain.likes(), np.random.default_rng(0)
    X, Y = rng.normal(size=(30, 5)), rng.normal(size=(20, 5))
    before = Y.copy()
    made = model(use_cg=use_cg)
    made.cg_steps = 10
    assert made.solver(matrix, X, Y, 0.3, 1) is None
    weights, targets = plain.weights_and_targets(matrix)
    np.testing.assert_allclose(X, plain.solved(weights, targets, before, 0.3), atol=1e-6)
    np.testing.assert_array_equal(Y, before)


@pytest.mark.parametrize("solve", [als.least_squares, als.least_squares_cg])
def test_the_functions_solve_in_place_and_check_the_shapes(solve):
    matrix, rng = plain.likes(), np.random.default_rng(0)
    X, Y = rng.normal(size=(30, 2)).astype(np.float32), rng.normal(size=(20, 2)).astype(np.float32)
    solve(matrix, X, Y, 0.3)
    weights, targets = plain.weights_and_targets(matrix)
    np.testing.assert_allclose(X, plain.solved(weights, targets, Y.astype(np.float64), 0.3), atol=1e-4)
    with pytest.raises(ValueError, match="must have the shapes"):
        solve(matrix, X[:10], Y, 0.3)
    with pytest.raises(ValueError, match="X must be a two-dimensional array of float32 or float64"):
        solve(matrix, X.astype(np.float16), Y, 0.3)


# -- copies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [copy.deepcopy, lambda made: pickle.loads(pickle.dumps(made))])
def test_models_can_be_copied_and_pickled(again):
    unfitted = model()
    assert vars(again(unfitted)) == vars(unfitted)
    made = fitted(plain.likes())
    other = again(made)
    np.testing.assert_array_equal(other.user_factors, made.user_factors)
    other.fit(plain.likes(), show_progress=False)
