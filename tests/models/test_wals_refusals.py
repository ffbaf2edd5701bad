"""What WALS refuses, and the rows that float32 cannot solve."""

import numpy as np
import pytest
import scipy.sparse as sp
from small_wals import FAST, implicit

from fastmf import WALS, FitDivergedError, NotFittedError, Ratings
from fastmf.kernels import wals as kernel
from fastmf.models._cost import Solver
from fastmf.models._half_step import half_step, padded_columns
from fastmf.models._intake import as_ratings
from fastmf.models._state import State
from fastmf.models._wals_terms import terms


def with_item_factors(Y, **params):
    """A model that knows these item factors, to fold users in."""
    model = WALS(**FAST, factors=Y.shape[1], regularization_exponent=0.0, **params)
    nobody = Ratings.from_sparse(sp.csr_array((1, len(Y))))
    model._state = State.of(nobody, np.zeros((1, Y.shape[1]), Y.dtype), Y)
    return model


@pytest.fixture
def precisions(monkeypatch):
    """The dtypes that the kernel is called with."""
    seen, solve_rows = [], kernel.solve_rows

    def listening(*arguments):
        seen.append(next(a.dtype for a in arguments if isinstance(a, np.ndarray) and a.ndim == 2))
        solve_rows(*arguments)

    monkeypatch.setattr(kernel, "solve_rows", listening)
    return seen


def test_a_row_that_float32_cannot_solve_is_solved_in_float64(precisions):
    """One rating, two equal factors: in float32 the ridge of 1e-9 vanishes beside 1."""
    model = with_item_factors(np.ones((3, 2), np.float32), unobserved_weight=0, regularization=1e-9)
    folded = model.fold_in_users(sp.csr_array([[4.0, 0, 0], [0, 0, 0]]))
    np.testing.assert_allclose(folded, [[2, 2], [0, 0]], rtol=1e-6)
    assert folded.dtype == np.float32
    assert precisions == [np.float32, np.float64]


@pytest.mark.parametrize("seed", range(5))
def test_a_rescue_has_the_gramian_in_float64(seed, precisions):
    """Fewer items than factors: what float32 rounds off the Gramian is far more than the ridge."""
    rng = np.random.default_rng(seed)
    Y = rng.normal(size=(3, 8)).astype(np.float32)
    model = with_item_factors(Y, unobserved_weight=0.5, regularization=1e-10)
    row = np.array([[2.0, 0, 1.0]])
    wide, w = Y.astype(np.float64), np.where(row[0] > 0, row[0], 0.5)
    expected = np.linalg.lstsq(np.sqrt(w)[:, None] * wide, np.sqrt(w) * (row[0] > 0))[0]  # the ridge is as good as none
    np.testing.assert_allclose(model.fold_in_users(sp.csr_array(row))[0], expected, rtol=1e-4, atol=1e-5)
    assert precisions[-1] == np.float64


def test_a_rescued_row_sums_its_entries_too(precisions):
    """Ten equal columns and hardly any regularisation: float32 cannot tell the matrix from a singular one."""
    matrix = sp.csr_array(np.random.default_rng(0).integers(1, 6, (30, 1)) * np.ones((1, 10)))
    model = WALS(**FAST, factors=6, unobserved_weight=0, regularization=1e-9, track_objective=True).fit(matrix)
    assert np.float64 in precisions
    assert model.history[-1]["objective"] == model.objective(matrix).total


def test_a_rescued_row_stays_nonnegative(precisions):
    """An item of weight 0 takes its share of the Gramian off again, and float32 leaves 0 or less of some diagonals."""
    for y in np.linspace(0.5, 2, 20):
        Y = np.array([[y, 0], [0, 1]], np.float32)
        model = with_item_factors(Y, unobserved_weight=0.3, regularization=1e-9, nonnegative=True)
        folded = model.fold_in_users(sp.csr_array([[1.0, -1.0]]), weights=[0.0, 1.0])
        assert folded.tolist() == [[0, 0]]  # without the constraint the second is -1
    assert np.float64 in precisions


@pytest.mark.parametrize("omega", [1.0, 1.7])
def test_a_rescued_row_is_relaxed(omega):
    model = with_item_factors(np.ones((3, 2), np.float32), unobserved_weight=0, regularization=1e-9)
    side = terms(as_ratings(sp.csr_array([[4.0, 0, 0], [0, 2.0, 0]])), None, model._checked_together()).users
    columns = padded_columns(2, np.dtype(np.float32))
    Y, X, relaxed = (np.zeros((rows, columns), np.float32) for rows in (3, 2, 2))
    Y[:, :2], relaxed[:, :2] = 1, [[1, -1], [0, 3]]
    before = relaxed.copy()
    given = {"factors": 2, "relaxation": omega, "num_threads": 1}
    half_step(side, Y, X, Solver("cholesky"), relaxed=relaxed, **given)
    np.testing.assert_allclose(X[:, :2], [[2, 2], [1, 1]], rtol=1e-6)
    np.testing.assert_allclose(relaxed, before + omega * (X - before), rtol=1e-6)
    half_step(side, Y, before, Solver("cholesky"), relaxed=before, **given)  # into one array
    np.testing.assert_array_equal(before, relaxed)


def test_a_hopeless_row_is_named():
    model = with_item_factors(np.ones((3, 2), np.float32), unobserved_weight=0, regularization=0.0)
    with pytest.raises(FitDivergedError, match="user 1 .*not positive definite, even in float64: raise"):
        model.fold_in_users(sp.csr_array([[0, 0, 0], [4.0, 0, 0]]))
    with pytest.raises(FitDivergedError, match=r"(item|user) \d+ .*raise regularization"):
        WALS(**FAST, factors=9, unobserved_weight=0, regularization=0.0).fit(implicit())


BAD_PARAMETERS = [
    ("factors", 0, ValueError),
    ("factors", 5000, ValueError),
    ("factors", 2.0, TypeError),
    ("factors", True, TypeError),
    ("factors", None, TypeError),
    ("iterations", 0, ValueError),
    ("iterations", "ten", TypeError),
    ("regularization", -0.1, ValueError),
    ("regularization", np.nan, ValueError),
    ("regularization", np.inf, ValueError),
    ("regularization", "weak", TypeError),
    ("regularization", (1.0,), ValueError),
    ("regularization", (1.0, -1.0), ValueError),
    ("regularization", (1.0, "x"), TypeError),
    ("regularization", "1", TypeError),
    ("unobserved_weight", -1, ValueError),
    ("unobserved_weight", np.nan, ValueError),
    ("unobserved_weight", "x", TypeError),
    ("unobserved_weight", None, TypeError),
    ("regularization_exponent", -1, ValueError),
    ("regularization_exponent", 3, ValueError),
    ("regularization_exponent", "x", TypeError),
    ("alpha", 0, ValueError),
    ("alpha", -1, ValueError),
    ("alpha", np.inf, ValueError),
    ("alpha", "x", TypeError),
    ("confidence", "square", ValueError),
    ("confidence", 1, TypeError),
    ("track_objective", 1, TypeError),
    ("relaxation", 0.9, ValueError),
    ("relaxation", 2, ValueError),
    ("relaxation", "x", TypeError),
    ("tolerance", -1e-3, ValueError),
    ("tolerance", np.nan, ValueError),
    ("tolerance", "x", TypeError),
    ("num_threads", 0, ValueError),
    ("num_threads", 1.0, TypeError),
    ("random_state", -1, ValueError),
    ("random_state", "x", TypeError),
    ("random_state", True, TypeError),
    ("dtype", "float16", ValueError),
    ("dtype", "int32", ValueError),
    ("dtype", None, ValueError),
    ("dtype", "fast", ValueError),
    ("unobserved_weight", [0.1, -1.0], ValueError),
    ("unobserved_weight", [[0.1], [0.1, 0.2]], ValueError),
    ("unobserved_weight", [0.1, 0.2], ValueError),
    ("unobserved_weight", 1e300, ValueError),
    ("solver", "lu", ValueError),
    ("form", "upright", ValueError),
    ("cg_steps", 0, ValueError),
    ("block_size", 0, ValueError),
    ("biased", 1, TypeError),
    ("nonnegative", None, TypeError),
]


TOGETHER = [
    ({"biased": True}, "biased=True needs unobserved_weight=0"),
    ({"biased": True, "nonnegative": True, "unobserved_weight": 0}, "do not go together"),
    ({"nonnegative": True, "solver": "cg"}, "nonnegative=True has a solver of its own"),
    ({"nonnegative": True, "form": "dual"}, "nonnegative=True has a solver of its own"),
    ({"nonnegative": True, "relaxation": 1.5}, "nonnegative=True is not relaxed"),
]


@pytest.mark.parametrize(("name", "value", "error"), BAD_PARAMETERS)
def test_bad_parameters_are_refused(name, value, error):
    model = WALS(**FAST, factors=3, iterations=1).fit(implicit())
    state = model._state
    with pytest.raises(error, match=rf"{name}(\[\d\])? must (be|hold)"):
        model.set_params(**{name: value}).fit(implicit())
    assert model._state is state


@pytest.mark.parametrize(("params", "says"), TOGETHER)
def test_parameters_that_do_not_go_together_are_refused(params, says):
    model = WALS(**FAST, factors=3, iterations=1).fit(implicit())
    with pytest.raises(ValueError, match=says):
        WALS(**params).fit(implicit())
    with pytest.raises(ValueError, match=says):
        model.set_params(**params).fold_in_users(implicit())


def test_unknown_parameters_are_refused():
    with pytest.raises(TypeError, match="n_factors"):
        WALS(n_factors=3)


NNZ = implicit().nnz


BAD_ARGUMENTS = [
    (lambda m: m.fit(sp.csr_array((3, 4))), ValueError, "ratings must have at least one entry"),
    (lambda m: m.fit(sp.csr_array((0, 4))), ValueError, "ratings must have at least one entry"),
    (lambda m: m.fit(sp.csr_array([[1.0, np.nan]])), ValueError, "finite numbers"),
    (lambda m: m.fit(sp.csr_array([[1.0, np.inf]])), ValueError, "finite numbers"),
    (lambda m: m.fit(sp.csr_array([[1e300, 1.0]])), ValueError, "ratings must hold .* fit float32, got 1e[+]300"),
    (lambda m: m.set_params(alpha=1e200).fit(implicit()), ValueError, "alpha"),
    (lambda m: m.fit(implicit(), weights=[1.0]), ValueError, f"weights must be .* of length {NNZ}, got"),
    (lambda m: m.fit(implicit(), weights=np.ones((NNZ, 1))), ValueError, "weights must be a one-dimensional"),
    (
        lambda m: m.fit(implicit(), weights=np.full(NNZ, -1.0)),
        ValueError,
        "weights must hold .*, got -1.0 at position 0",
    ),
    (lambda m: m.fit(implicit(), weights=np.full(NNZ, np.nan)), ValueError, "weights must hold finite numbers"),
    (lambda m: m.fit(implicit(), weights=np.full(NNZ, 1e300)), ValueError, "weights must hold .* fit float32"),
    (lambda m: m.fit(implicit(), weights=["a"] * NNZ), TypeError, "weights must hold numbers"),
    (lambda m: m.fit(implicit(), progress="yes"), TypeError, "progress must be True or False"),
    (lambda m: m.fit(implicit(), callback=3), TypeError, "callback must be callable or None, got 3"),
    (lambda m: m.objective(implicit().toarray()), TypeError, "ratings must be fastmf"),
    (
        lambda m: m.objective(implicit(3, 3)),
        ValueError,
        r"ratings must have the fitted shape \(40, 25\), got \(3, 3\)$",
    ),
    (lambda m: m.objective(implicit().T), ValueError, "the fitted shape .*this looks transposed"),
    (lambda m: m.objective(implicit(), weights=[1]), ValueError, "weights"),
    (lambda m: m.objective(implicit(), num_threads=0), ValueError, "num_threads"),
    (lambda m: m.fold_in_users(implicit().T), ValueError, "rows must have 25 columns.*this looks transposed"),
    (lambda m: m.fold_in_users(implicit(3, 24)), ValueError, r"rows must have 25 columns.* got shape \(3, 24\)$"),
    (lambda m: m.fold_in_users([1, 2]), TypeError, "rows must be fastmf"),
    (lambda m: m.fold_in_users(implicit(), weights=[1]), ValueError, "weights"),
    (lambda m: m.fold_in_users(implicit(), num_threads=1.5), (TypeError, ValueError), "num_threads"),
]


@pytest.mark.parametrize(("call", "error", "says"), BAD_ARGUMENTS)
def test_bad_arguments_are_refused(call, error, says):
    model = WALS(**FAST, factors=3, iterations=1).fit(implicit())
    state = model._state
    with pytest.raises(error, match=says):
        call(model)
    assert model._state is state


@pytest.mark.parametrize("method", ["objective", "fold_in_users"])
def test_a_model_that_is_not_fitted_says_so(method):
    with pytest.raises(NotFittedError, match="call fit first"):
        getattr(WALS(), method)(implicit())


def test_the_objective_needs_the_fitted_ids():
    train = Ratings.from_arrays(["a", "b", "b"], [1, 1, 2])
    model = WALS(**FAST, factors=2).fit(train)
    model.objective(train.select([0, 2]))
    with pytest.raises(ValueError, match="ratings must have the fitted users"):
        model.objective(Ratings.from_arrays(["a", "c", "c"], [1, 1, 2]))
    with pytest.raises(ValueError, match="ratings must have the fitted items"):
        model.objective(Ratings.from_arrays(["a", "b", "b"], [1, 1, 3]))


@pytest.mark.parametrize(("factors", "w0"), [(2, 0.0), (4, 0.0), (16, 0.0), (4, 0.1), (16, 0.1)])
def test_values_too_large_to_square_are_an_error_that_names_a_remedy(factors, w0):
    matrix = implicit() * np.float32(5e37)
    model = WALS(**FAST, factors=factors, unobserved_weight=w0)
    with pytest.raises((FitDivergedError, ValueError), match="scale the values"):
        model.fit(matrix)


def test_fold_in_never_gives_what_is_not_finite():
    model = WALS(**FAST, factors=3, unobserved_weight=0).fit(implicit() * np.float32(1e-3))
    with pytest.raises(FitDivergedError, match="scale the values"):
        model.fold_in_users(implicit() * np.float32(6e37), weights=np.full(NNZ, 1e30))


def test_a_gramian_beyond_the_range_of_float32_is_refused():
    """Each item's square fits, and so do the sums of blocks of items, but not that of all."""
    Y = np.zeros((300, 2), np.float32)
    Y[[0, 299], 0] = 1.5e19
    rows = sp.csr_array(np.eye(1, 300, 5))
    with pytest.raises(FitDivergedError, match=r"every user is solved against are too large .*scale the values"):
        with_item_factors(Y, unobserved_weight=1.0).fold_in_users(rows)
    assert not with_item_factors(Y.astype(np.float64), unobserved_weight=1.0, dtype="float64").fold_in_users(rows).any()
