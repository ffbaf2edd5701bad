"""What WALS minimises, and that it does."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from small_wals import FAST, dense_objective, implicit, near
from tolerances import tolerance

from fastmf import WALS
from fastmf.data import synthetic
from fastmf.kernels import wals as kernel
from fastmf.models import _cost, _wals_fit
from fastmf.models._intake import as_ratings
from fastmf.models._wals_fit import Factorization
from fastmf.models._wals_terms import terms


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_objective_is_its_definition(corner, weighted, signed):
    matrix = implicit(signed=signed)
    weights = np.random.default_rng(1).uniform(0, 3, matrix.nnz) if weighted else None
    model = WALS(**corner, track_objective=True).fit(matrix, weights=weights)
    J, expected = model.objective(matrix, weights=weights), dense_objective(model, matrix, weights)
    assert pytest.approx(expected, rel=near(model), abs=near(model, sum(expected))) == J
    assert J.total == pytest.approx(sum(J), rel=1e-14)  # sum() compensates from Python 3.12 on
    last = model.history[-1]  # whose part of unobserved pairs comes from eigenvalues, where there are any
    assert last["objective"] == pytest.approx(J.total, rel=near(model))
    parts = last["observed"], last["unobserved"], last["regularization"]
    assert parts == pytest.approx(tuple(J), rel=near(model), abs=near(model, J.total))


def test_tracking_takes_no_pass_of_its_own_over_the_entries(monkeypatch):
    monkeypatch.setattr(_wals_fit, "observed_sums", None)
    assert WALS(**FAST, factors=4, track_objective=True).fit(implicit()).history[-1]["objective"] > 0
    with pytest.raises(TypeError):
        WALS(**FAST, factors=4, track_objective=True, biased=True, unobserved_weight=0).fit(implicit())


def test_the_objective_of_other_ratings():
    """Of the same shape: with no entries all pairs are unobserved."""
    matrix, other = implicit(), implicit(seed=5)
    model = WALS(**FAST, factors=4).fit(matrix)
    for ratings in (other, sp.csr_array(matrix.shape)):
        expected = dense_objective(model, ratings)
        assert model.objective(ratings) == pytest.approx(expected, rel=near(model), abs=near(model, sum(expected)))


VARIANTS = {
    "plain": {"relaxation": 1},
    "primal": {"solver": "cholesky", "form": "primal"},
    "dual": {"solver": "cholesky", "form": "dual"},
    "biased": {"biased": True, "unobserved_weight": 0.0, "relaxation": 1},
    "nonnegative": {"nonnegative": True},
}


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    variant=st.sampled_from(list(VARIANTS)),
    params=st.fixed_dictionaries(
        {
            "factors": st.integers(1, 8),
            "unobserved_weight": st.sampled_from([0.0, 0.01, 0.3, 1.0, 3.0]),
            "regularization_exponent": st.sampled_from([0.0, 0.5, 1.0, 2.0]),
            "regularization": st.sampled_from([0.01, 1.0, (0.1, 2.0)]),
            "alpha": st.sampled_from([0.1, 1.0, 40.0]),
            "confidence": st.sampled_from(["linear", "one_plus", "log"]),
            "dtype": st.sampled_from(["float32", "float64"]),
        }
    ),
    weighted=st.booleans(),
    signed=st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_the_objective_never_rises(seed, shape, variant, params, weighted, signed):
    matrix = implicit(*shape, seed, signed=signed)
    weights = np.random.default_rng(seed).uniform(0, 3, matrix.nnz) if weighted else None
    model = WALS(**FAST | params | VARIANTS[variant], iterations=6, track_objective=True).fit(matrix, weights=weights)
    J = np.array([record["objective"] for record in model.history])
    at_zero = 25 * (matrix.nnz if weights is None else weights.sum()) * max(1, params["alpha"])
    rounding = near(model, J) + tolerance(model.dtype) * at_zero
    assert (np.diff(J) <= rounding[:-1]).all()
    assert abs(sum(dense_objective(model, matrix, weights)) - J[-1]) <= rounding[-1]
    if variant == "nonnegative":
        assert model.user_factors.min() >= 0
        assert model.item_factors.min() >= 0


@pytest.mark.parametrize(("w0", "biased"), [(0.3, False), (0.0, False), (0.0, True)])
def test_over_relaxed_sweeps_never_let_the_objective_rise_on_their_own_way(w0, biased):
    """Of the users that the next sweep goes on from, not of the best ones that are kept; J is quadratic in each row."""
    model = WALS(**FAST, factors=6, unobserved_weight=w0, biased=biased, dtype="float64")
    sweeps = Factorization(
        terms(as_ratings(implicit(40, 30, density=0.3)), None, model._checked_together()),
        model.factors,
        biased=biased,
        solver=_cost.Solver("cholesky"),
        relaxation=1.9,
        seed=0,
        dtype=np.float64,
        num_threads=1,
    )
    J, kept = [], []
    for _ in range(20):
        sweeps.sweep()
        kept.append(sweeps.objective().total)
        exact, sweeps.X, sweeps._squares = sweeps.X, sweeps._relaxed, None
        J.append(sweeps.objective().total)
        sweeps.X = exact
    assert (np.diff(J) <= 1e-12 * J[0]).all()
    assert (np.array(kept) <= np.array(J) * (1 + 1e-12)).all()


@pytest.mark.parametrize("params", [{}, {"unobserved_weight": 0.0}, {"unobserved_weight": 0.0, "biased": True}])
def test_over_relaxation_takes_less_than_half_the_sweeps(params):
    matrix = synthetic(300, 200, 6000, random_state=0)
    params = {**FAST, "factors": 16, "iterations": 20, "track_objective": True} | params
    relaxed, plain = (
        [record["objective"] for record in WALS(**params, relaxation=relaxation).fit(matrix).history]
        for relaxation in (None, 1)
    )
    assert relaxed[0] == pytest.approx(plain[0], rel=1e-6)  # which has nothing to go on from
    assert relaxed[9] < plain[-1]
    exact = [record["objective"] for record in WALS(**params, solver="cholesky").fit(matrix).history]
    assert exact == sorted(exact, reverse=True)


FORMS_AND_SEEDS = [("primal", 0), *((form, seed) for form in ("dual", "iterated") for seed in range(6))]


@pytest.mark.parametrize(("form", "seed"), FORMS_AND_SEEDS)
@pytest.mark.parametrize("regularization", [1e-9, 1e-6])
@pytest.mark.parametrize("w0", [0.0, 1e-3, 0.1])
def test_the_objective_never_rises_where_little_regularises_the_rows(w0, regularization, form, seed):
    """Of such systems float32 leaves too little; they are solved in float64. In the eigenbasis of the Gramian no start
    does otherwise: what is rounded away is no free direction."""
    params = {"factors": 100, "unobserved_weight": w0, "regularization": regularization, "form": form}
    params = {**FAST, **params, "solver": "cholesky", "iterations": 8, "random_state": seed, "track_objective": True}
    model = WALS(**params).fit(implicit(200, 100, density=0.4, seed=seed))
    J = np.array([record["objective"] for record in model.history])
    assert (np.diff(J) <= 1e-6 * J[:-1]).all()


@pytest.mark.parametrize("solver", ["cg", "subspace"])
@pytest.mark.parametrize("w0", [0.0, 0.1])
def test_inexact_solvers_never_let_the_objective_rise(solver, w0):
    """Rows long enough that they are not solved exactly; after some iterations they are as good as exact ones."""
    matrix = implicit(150, 400, density=0.7)
    params = {**FAST, "factors": 128, "unobserved_weight": w0, "block_size": 32, "iterations": 4}
    counts = np.diff(matrix.indptr)
    methods = _cost.methods(counts, 128, 400, _cost.Solver(solver, block_size=32), excess=1 / w0 if w0 else None)
    assert (methods[counts > 200] == {"cg": kernel.CG, "subspace": kernel.SUBSPACE}[solver]).all()
    assert (
        _cost.methods(counts, 128, 400, _cost.Solver("cg", "primal"), excess=1 / w0 if w0 else None).max() == kernel.CG
    )
    inexact = WALS(**params, solver=solver, track_objective=True).fit(matrix)
    exact = WALS(**params, solver="cholesky", track_objective=True).fit(matrix)
    J = np.array([[record["objective"] for record in model.history] for model in (inexact, exact)])
    assert (np.diff(J) < 0).all()
    assert J[0, -1] < {"cg": 1.1, "subspace": 1.3}[solver] * J[1, -1]
    assert sum(dense_objective(inexact, matrix)) == pytest.approx(J[0, -1], rel=near(inexact))


def test_no_direction_lowers_the_objective_in_the_users(corner):
    """The users are solved last, so J is least in each of their rows."""
    matrix = implicit(signed=True)
    model = WALS(**corner | {"dtype": "float64"}).fit(matrix)
    least, rng = sum(dense_objective(model, matrix)), np.random.default_rng(0)
    for step in (1e-1, 1e-3, 1e-5):
        for _ in range(20):
            moved = WALS(**corner | {"dtype": "float64"})
            X = model.user_factors.copy()
            u = rng.integers(len(X))
            X[u] += step * rng.normal(size=X.shape[1])
            if model.nonnegative:
                X[u] = np.maximum(X[u], 0)
            moved._state = replace(model._state, user_factors=X)
            assert sum(dense_objective(moved, matrix)) >= least * (1 - tolerance(np.float64))


def test_a_row_is_the_solution_of_its_normal_equations():
    matrix = implicit()
    model = WALS(**FAST, factors=7, dtype="float64", regularization=(0.3, 0.1), alpha=2.0).fit(matrix)
    w0, Y = model.unobserved_weight, model.item_factors
    for u, row in enumerate(matrix.toarray().astype(np.float64)):
        stored = row != 0
        d = np.where(stored, 2.0 * row - w0, 0)
        ridge = 0.3 * (stored.sum() + w0 * matrix.shape[1])
        A = w0 * Y.T @ Y + ridge * np.eye(7) + (Y.T * d) @ Y
        np.testing.assert_allclose(model.user_factors[u], np.linalg.solve(A, Y.T @ (2.0 * row)), rtol=1e-9, atol=1e-12)
