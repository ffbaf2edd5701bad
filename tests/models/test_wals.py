"""WALS: what it minimises, what it must never do, and what it refuses."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import tolerance

import fastmf
from fastmf import WALS, FitDivergedError, NotFittedError, Ratings, UnknownIdError, _random
from fastmf.kernels import wals as kernel
from fastmf.models._state import State

FAST = {"num_threads": 1, "random_state": 0}  # one thread, since a team costs more than these small fits


def implicit(n_users=40, n_items=25, seed=0, *, signed=False):
    """Counts from 1 to 5, some negative if `signed`; row 1 and column 2 are empty if there are so many."""
    rng = np.random.default_rng(seed)
    dense = rng.integers(1, 6, (n_users, n_items)) * (rng.random((n_users, n_items)) < 0.25)
    if signed:
        dense *= rng.choice([1, 1, -1], dense.shape)
    dense[1:2], dense[:, 2:3] = 0, 0
    dense[0, 0] = 3
    return sp.csr_array(dense.astype(np.float32))


def dense_objective(model, matrix, weights=None):
    """J by its definition: one term for each pair of a user and an item."""
    p = model.get_params()
    r, stored, w = matrix.toarray().astype(np.float64), np.zeros(matrix.shape, bool), np.zeros(matrix.shape)
    rows, columns = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), matrix.indices
    stored[rows, columns] = True
    strength = p["alpha"] * abs(r)
    if weights is not None:
        w[rows, columns], a = weights, r
    elif not np.any(p["unobserved_weight"]):
        w, a = stored.astype(float), r
    else:
        w = {"linear": strength, "one_plus": 1 + strength, "log": np.log(1 + strength)}[p["confidence"]]
        a = (r >= 0).astype(float)
    x, y = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    b, c = model.user_bias.astype(np.float64), model.item_bias.astype(np.float64)
    scores = model.mean + b[:, None] + c + x @ y.T
    w0 = np.broadcast_to(p["unobserved_weight"], matrix.shape)
    observed = (np.where(stored, w, 0) * (a - scores) ** 2).sum()
    unobserved = (np.where(stored, 0, w0) * scores**2).sum()
    lam = np.broadcast_to(p["regularization"], 2)
    ridges = [lam[i] * (stored.sum(1 - i) + w0.sum(1 - i)) ** p["regularization_exponent"] for i in (0, 1)]
    return observed, unobserved, ridges[0] @ ((x**2).sum(1) + b**2) + ridges[1] @ ((y**2).sum(1) + c**2)


def near(model, scale=1.0):
    return tolerance(model.user_factors.dtype, 1000) * scale


def same_factors(model, other):
    return (
        model.user_factors.tobytes() == other.user_factors.tobytes()
        and model.item_factors.tobytes() == other.item_factors.tobytes()
    )


def products(model):
    return model.user_factors @ model.item_factors.T


SETTINGS = {  # corners of the objective
    "implicit": {},
    "implicit-float64": {"dtype": "float64"},
    "constant-regularization": {"regularization_exponent": 0.0, "regularization": 3.0},
    "two-regularizations": {"regularization": (0.5, 0.02), "regularization_exponent": 0.5},
    "one-plus": {"confidence": "one_plus", "alpha": 4.0},
    "log": {"confidence": "log", "alpha": 2.0},
    "heavy-unobserved": {"unobserved_weight": 3.0},
    "light-unobserved": {"unobserved_weight": 1e-3, "alpha": 10.0},
    "explicit": {"unobserved_weight": 0, "regularization": 0.05},
    "explicit-constant": {"unobserved_weight": 0.0, "regularization_exponent": 0.0, "regularization": 0.5},
    "no-regularization": {"regularization": 0.0, "unobserved_weight": 1.0},
    "unobserved-by-item": {"unobserved_weight": np.linspace(0, 0.5, 25)},
    "biased": {"unobserved_weight": 0, "regularization": 0.05, "biased": True},
    "nonnegative": {"nonnegative": True},
    "nonnegative-explicit": {"nonnegative": True, "unobserved_weight": 0, "regularization": 0.05},
    "primal": {"solver": "cholesky", "form": "primal"},
    "dual": {"solver": "cholesky", "form": "dual"},
    "dual-explicit": {"solver": "cholesky", "form": "dual", "unobserved_weight": 0, "regularization": 0.05},
}


@pytest.fixture(params=SETTINGS.values(), ids=SETTINGS.keys())
def corner(request):
    return {**FAST, "factors": 6, "iterations": 4, **request.param}


# -- the objective ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_objective_is_its_definition(corner, weighted, signed):
    matrix = implicit(signed=signed)
    weights = np.random.default_rng(1).uniform(0, 3, matrix.nnz) if weighted else None
    model = WALS(**corner, track_objective=True).fit(matrix, weights=weights)
    J, expected = model.objective(matrix, weights=weights), dense_objective(model, matrix, weights)
    assert J == pytest.approx(expected, rel=near(model), abs=near(model, sum(expected)))
    assert J.total == sum(J)
    last = model.history[-1]
    assert last["objective"] == J.total
    assert (last["observed"], last["unobserved"], last["regularization"]) == tuple(J)


def test_the_objective_of_other_ratings():
    """Of the same shape: with no entries all pairs are unobserved."""
    matrix, other = implicit(), implicit(seed=5)
    model = WALS(**FAST, factors=4).fit(matrix)
    for ratings in (other, sp.csr_array(matrix.shape)):
        expected = dense_objective(model, ratings)
        assert model.objective(ratings) == pytest.approx(expected, rel=near(model), abs=near(model, sum(expected)))


@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
    factors=st.integers(1, 8),
    w0=st.sampled_from([0.0, 0.01, 0.3, 1.0, 3.0]),
    nu=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    regularization=st.sampled_from([0.01, 1.0, (0.1, 2.0)]),
    alpha=st.sampled_from([0.1, 1.0, 40.0]),
    confidence=st.sampled_from(["linear", "one_plus", "log"]),
    weighted=st.booleans(),
    signed=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=150, deadline=None)
def test_the_objective_never_rises(seed, shape, factors, w0, nu, regularization, alpha, confidence, weighted, signed, dtype):
    matrix = implicit(*shape, seed, signed=signed)
    weights = np.random.default_rng(seed).uniform(0, 3, matrix.nnz) if weighted else None
    model = WALS(
        **FAST,
        factors=factors,
        iterations=6,
        unobserved_weight=w0,
        regularization=regularization,
        regularization_exponent=nu,
        alpha=alpha,
        confidence=confidence,
        track_objective=True,
        dtype=dtype,
    ).fit(matrix, weights=weights)
    J = np.array([record["objective"] for record in model.history])
    at_zero = (np.ones(1) if weights is None else weights).sum() * 25 + matrix.nnz * max(1, alpha) * 6
    assert (np.diff(J) <= near(model, J[:-1]) + tolerance(dtype) * at_zero).all()
    assert sum(dense_objective(model, matrix, weights)) == pytest.approx(J[-1], rel=near(model), abs=near(model, at_zero))


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


# -- symmetries -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("w0", [0.0, 0.2])
def test_permuted_users_and_items_give_the_permuted_model(w0, monkeypatch):
    matrix, rng = implicit(60, 40), np.random.default_rng(2)
    users, items = rng.permutation(60), rng.permutation(40)
    params = FAST | {"factors": 5, "iterations": 5, "unobserved_weight": w0, "dtype": "float64"}
    expected = products(WALS(**params).fit(matrix))
    normal = _random.normal
    monkeypatch.setattr(_random, "normal", lambda seed, stream, n: normal(seed, stream, n).reshape(60, -1)[users].ravel())
    got = products(WALS(**params).fit(sp.csr_array(matrix.toarray()[users][:, items])))
    np.testing.assert_allclose(got, expected[users][:, items], rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("w0", [0.0, 0.2])
def test_the_bits_do_not_depend_on_threads(w0, dtype):
    matrix = implicit(400, 150)
    params = {"factors": 20, "iterations": 3, "unobserved_weight": w0, "dtype": dtype, "random_state": 3}
    models = [WALS(**params, num_threads=threads, track_objective=True).fit(matrix) for threads in (1, 2, 4)]
    assert same_factors(models[0], models[1])
    assert same_factors(models[0], models[2])
    assert len({model.history[-1]["objective"] for model in models}) == 1
    folded = [models[0].fold_in_users(matrix, num_threads=threads).tobytes() for threads in (1, 2, 4)]
    assert len(set(folded)) == 1


def test_scaled_explicit_ratings_give_scaled_products():
    matrix = implicit()
    params = FAST | {"factors": 3, "unobserved_weight": 0, "iterations": 60, "regularization": 1e-3, "dtype": "float64"}
    np.testing.assert_allclose(products(WALS(**params).fit(matrix * 1)), products(WALS(**params).fit(matrix)), rtol=1e-12)


def test_zero_weights_are_entries_left_out():
    """Where regularisation does not count entries and unobserved pairs have no weight."""
    matrix = implicit(60, 40)
    params = FAST | {"factors": 4, "unobserved_weight": 0, "regularization_exponent": 0.0, "dtype": "float64"}
    kept = np.random.default_rng(0).random(matrix.nnz) < 0.7
    some = Ratings.from_sparse(matrix).select(kept)
    expected = products(WALS(**params).fit(some))
    got = products(WALS(**params).fit(matrix, weights=kept.astype(float)))
    busy = some.user_counts > 0  # a user all of whose entries weigh nothing starts from another point
    np.testing.assert_allclose(got[busy], expected[busy], rtol=1e-6, atol=1e-9)


# -- what it learns ---------------------------------------------------------------------------------------------------


def test_explicit_ratings_of_low_rank_are_recovered():
    """A third of the entries is held out, and predicted."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=(80, 3)) @ rng.normal(size=(3, 60))
    known = rng.random(truth.shape) < 0.67
    params = FAST | {"factors": 3, "iterations": 60, "unobserved_weight": 0, "regularization": 1e-6, "dtype": "float64"}
    model = WALS(**params).fit(sp.csr_array(np.where(known, truth, 0)))
    assert abs(products(model) - truth)[~known].max() < 1e-2
    assert model.predicts_ratings
    assert not WALS().predicts_ratings


def test_negative_values_are_dislikes():
    liked = implicit()
    disliked = liked.copy()
    disliked.data[0] *= -1  # user 0, item 0
    params = FAST | {"factors": 6, "alpha": 5.0}
    unknown = liked.copy()
    unknown.data[0] = 0
    unknown.eliminate_zeros()
    scores = [WALS(**params).fit(matrix).predict(0, 0) for matrix in (liked, unknown, disliked)]
    assert scores[0] > scores[1] > scores[2]
    assert abs(scores[2]) < 0.1


def test_weights_draw_predictions_to_their_entries():
    matrix, weights = implicit(), np.ones(implicit().nnz)
    weights[0] = 1e4
    model = WALS(**FAST, factors=2, unobserved_weight=0).fit(matrix, weights=weights)
    assert model.predict(0, 0) == pytest.approx(matrix.data[0], rel=0.01)
    assert WALS(**FAST, factors=2, unobserved_weight=0).fit(matrix).predict(0, 0) != pytest.approx(matrix.data[0], rel=0.01)


@pytest.mark.parametrize("value", [1.0, -1.0, 0.0])
def test_equal_values_are_no_special_case(value):
    """All values alike take one weight for all entries; each written out as weights gives the same model."""
    matrix = implicit()
    matrix.data[:] = value
    model = WALS(**FAST, factors=4, dtype="float64").fit(matrix)
    targets = matrix.copy()
    targets.data[:] = value >= 0
    explicit = WALS(**FAST, factors=4, dtype="float64").fit(targets, weights=np.full(matrix.nnz, abs(value)))
    np.testing.assert_allclose(products(model), products(explicit), rtol=1e-9, atol=1e-12)


SHAPES = {
    "one-entry": sp.csr_array([[2.0]]),
    "one-user": sp.csr_array([[2.0, 0, 1, 3]]),
    "one-item": sp.csr_array([[2.0], [0], [1]]),
    "more-factors-than-items": implicit(9, 4),
    "empty-user-and-item": implicit(),
    "wide": implicit(3, 60),
    "tall": implicit(60, 3),
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("w0", [0.0, 0.1])
@pytest.mark.parametrize("matrix", SHAPES.values(), ids=SHAPES.keys())
def test_every_shape_is_fitted(matrix, w0, dtype):
    model = WALS(**FAST, factors=9, unobserved_weight=w0, dtype=dtype, track_objective=True).fit(matrix)
    assert model.user_factors.shape == (matrix.shape[0], 9)
    assert model.item_factors.shape == (matrix.shape[1], 9)
    assert model.user_factors.dtype == model.item_factors.dtype == dtype
    assert np.isfinite(model.user_factors).all()
    assert np.isfinite(model.item_factors).all()
    J = dense_objective(model, matrix)
    assert model.objective(matrix) == pytest.approx(J, rel=near(model), abs=near(model, sum(J)))
    assert not model.user_factors[np.diff(matrix.indptr) == 0].any()
    assert not model.item_factors[np.bincount(matrix.indices, minlength=matrix.shape[1]) == 0].any()
    check_fold_in(model, matrix)


def check_fold_in(model, rows, expected=None, slack=1, **keywords):
    folded = model.fold_in_users(rows, **keywords)
    expected = model.user_factors if expected is None else expected
    assert folded.dtype == model.user_factors.dtype
    assert folded.shape == expected.shape
    scale = np.linalg.norm(expected, axis=1, keepdims=True)
    assert (abs(folded - expected) <= 10 * slack * near(model, scale)).all()


# -- fold-in ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_folding_in_the_training_rows_gives_the_user_factors(corner, weighted):
    matrix = implicit(signed=True)
    weights = np.random.default_rng(1).uniform(0.5, 3, matrix.nnz) if weighted else None
    model = WALS(**corner).fit(matrix, weights=weights)
    X, Y = model.user_factors.copy(), model.item_factors.copy()
    slack = 100 if model.nonnegative else 1  # whose rows converge slowly, here from zeros and there from the last sweep
    check_fold_in(model, matrix, weights=weights, slack=slack)
    if not weighted:
        check_fold_in(model, matrix[5:9], X[5:9], slack=slack)
    assert np.array_equal(X, model.user_factors)
    assert np.array_equal(Y, model.item_factors)
    assert model.fold_in_users(sp.csr_array((0, matrix.shape[1]))).shape == (0, 6)
    assert not model.fold_in_users(sp.csr_array((2, matrix.shape[1]))).any()


@pytest.mark.parametrize("weighted", [False, True])
def test_rows_to_fold_in_are_matched_by_item_id(weighted):
    """The new rows know fewer items, in another order."""
    train = Ratings.from_arrays(*np.divmod(np.flatnonzero(implicit().toarray()), 25), implicit().data)
    model = WALS(**FAST, factors=5, dtype="float64", regularization_exponent=0.0).fit(train)
    items, values = np.array([24, 7, 12, 3]), np.array([1.0, 4.0, 2.0, 5.0])
    weights = np.array([0.5, 1.0, 2.0, 4.0]) if weighted else None
    by_number = np.zeros((1, train.n_items))
    by_number[0, model.item_ids.numbers(items)] = values
    in_order = np.argsort(items)  # ids ascend with numbers in `train`, and not in `rows`
    expected = model.fold_in_users(sp.csr_array(by_number), weights=None if weights is None else weights[in_order])
    rows = Ratings(
        [0, 4], [0, 1, 2, 3], values, shape=(1, 5), items=fastmf.IdMap([*items.tolist(), 99])
    )  # an unknown item that nobody has is no matter
    check_fold_in(model, rows, expected, weights=weights)
    with pytest.raises(UnknownIdError, match="rows has entries for items the model does not know, such as 99"):
        model.fold_in_users(Ratings.from_arrays([0, 0], [7, 99]))


def test_fold_in_after_a_change_of_parameters_and_from_a_mapped_file(tmp_path):
    matrix = implicit()
    model = WALS(**FAST, factors=5).fit(matrix)
    model.save(tmp_path / "model")
    check_fold_in(fastmf.load(tmp_path / "model", mmap=True), matrix, model.user_factors)
    model.set_params(dtype="float64")
    check_fold_in(model, matrix)
    expected = dense_objective(model, matrix)
    assert model.objective(matrix) == pytest.approx(expected, rel=near(model), abs=near(model, sum(expected)))


# -- how a fit runs ---------------------------------------------------------------------------------------------------


def test_history_has_a_record_an_iteration():
    model = WALS(**FAST, factors=3, iterations=7).fit(implicit())
    assert [set(record) for record in model.history] == [{"seconds"}] * 7
    assert all(record["seconds"] > 0 for record in model.history)


def test_tolerance_stops_early():
    model = WALS(**FAST, factors=3, iterations=200, tolerance=1e-3).fit(implicit())
    J = np.array([record["objective"] for record in model.history])
    fall = -np.diff(J) / J[:-1]
    assert 2 < len(J) < 200
    assert fall[-1] < 1e-3
    assert (fall[:-1] >= 1e-3).all()
    assert same_factors(model, WALS(**FAST, factors=3, iterations=len(J)).fit(implicit()))


@pytest.mark.parametrize("true", [True, np.True_])
def test_a_callback_hears_of_every_iteration_and_may_end_the_fit(true):
    heard = []

    def callback(iteration, record):
        heard.append((iteration, record["objective"]))
        return iteration == 3 and true

    model = WALS(**FAST, factors=3, track_objective=True).fit(implicit(), callback=callback)
    assert heard == [(i + 1, record["objective"]) for i, record in enumerate(model.history)]
    assert len(heard) == 3
    assert same_factors(model, WALS(**FAST, factors=3, iterations=3).fit(implicit()))
    assert len(WALS(**FAST, iterations=4).fit(implicit(), callback=lambda *_: 1).history) == 4  # 1 is not True


def test_an_interrupt_leaves_the_last_whole_iteration():
    def callback(iteration, record):
        if iteration == 2:
            raise KeyboardInterrupt

    model = WALS(**FAST, factors=3)
    with pytest.raises(KeyboardInterrupt):
        model.fit(implicit(), callback=callback)
    assert len(model.history) == 2
    assert same_factors(model, WALS(**FAST, factors=3, iterations=2).fit(implicit()))


class Interrupting:
    """Carries out `solve_rows`, and is interrupted after call number `last`."""

    def __init__(self, monkeypatch, last):
        self.solve_rows, self.calls, self.last = kernel.solve_rows, 0, last
        monkeypatch.setattr(kernel, "solve_rows", self)

    def __call__(self, *arguments):
        self.calls += 1
        self.solve_rows(*arguments)
        if self.calls == self.last:
            raise KeyboardInterrupt


@pytest.mark.parametrize("half", [1, 2])  # items, users
@pytest.mark.parametrize("w0", [0.0, 0.1])
def test_an_interrupt_in_an_iteration_leaves_the_one_before(half, w0, monkeypatch):
    model = WALS(**FAST, factors=3, unobserved_weight=w0)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        Interrupting(patch, 4 + half)
        model.fit(implicit())
    assert len(model.history) == 2
    assert same_factors(model, WALS(**FAST, factors=3, unobserved_weight=w0, iterations=2).fit(implicit()))
    check_fold_in(model, implicit())


@pytest.mark.parametrize("half", [1, 2])
def test_an_interrupt_in_the_first_iteration_leaves_the_model_as_it_was(half, monkeypatch):
    fresh, fitted = WALS(**FAST, factors=3), WALS(**FAST, factors=3).fit(implicit())
    state = fitted._state
    for model in (fresh, fitted):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            Interrupting(patch, half)
            model.fit(implicit(seed=1))
    with pytest.raises(NotFittedError):
        _ = fresh.user_factors
    assert fitted._state is state


def test_a_failing_fit_leaves_the_model_as_it_was():
    model = WALS(**FAST, factors=3).fit(implicit())
    state, before = model._state, products(model)

    def callback(iteration, record):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        model.fit(implicit(seed=1), callback=callback)
    with pytest.raises(ValueError, match="weights"):
        model.fit(implicit(seed=1), weights=[1.0])
    with pytest.raises(FitDivergedError):
        model.set_params(regularization=0.0, unobserved_weight=0.0, factors=20).fit(implicit(seed=1))
    assert model._state is state
    np.testing.assert_array_equal(products(model), before)


def test_the_callers_weights_are_left_alone():
    weights = np.random.default_rng(0).uniform(0, 2, implicit().nnz)
    before = weights.copy()
    weights.flags.writeable = False
    for dtype in ("float32", "float64"):
        WALS(**FAST, factors=3, dtype=dtype).fit(implicit(), weights=weights)
    np.testing.assert_array_equal(weights, before)


def test_random_state():
    def fit(random_state):
        return WALS(factors=3, iterations=2, num_threads=1, random_state=random_state).fit(implicit())

    assert same_factors(fit(5), fit(np.int64(5)))
    assert not same_factors(fit(5), fit(6))
    assert not same_factors(fit(None), fit(None))
    for make in (np.random.default_rng, np.random.RandomState):
        assert same_factors(fit(make(1)), fit(make(1)))
        assert not same_factors(fit(make(1)), fit(make(2)))
    generator = np.random.default_rng(1)
    assert not same_factors(fit(generator), fit(generator))
    with pytest.raises(ValueError, match="factors"):
        WALS(factors=0, random_state=generator).fit(implicit())
    untouched = np.random.default_rng(1)
    fit(untouched), fit(untouched)
    assert generator.random() == untouched.random()


def test_progress_shows_a_bar_or_names_the_extra(monkeypatch):
    pytest.importorskip("tqdm")
    WALS(**FAST, factors=3, iterations=2).fit(implicit(), progress=True)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"fastmf\[progress\]"):
        WALS(**FAST, factors=3, iterations=2).fit(implicit(), progress=True)


def test_a_forked_child_fits_the_same_model():
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    script = """
import os, signal, numpy as np, scipy.sparse as sp, fastmf
matrix = sp.random_array((300, 100), density=0.1, rng=0, format="csr")
def fit():
    return fastmf.WALS(factors=8, iterations=2, random_state=0, num_threads=2).fit(matrix)
expected = fit()
child = os.fork()
if child == 0:
    signal.alarm(60)
    same = np.array_equal(fit().user_factors, expected.user_factors)
    os._exit(0 if same else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=100)


# -- rows that float32 cannot solve -----------------------------------------------------------------------------------


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


def test_a_hopeless_row_is_named():
    model = with_item_factors(np.ones((3, 2), np.float32), unobserved_weight=0, regularization=0.0)
    with pytest.raises(FitDivergedError, match=r"user 1 .*not positive definite, even in float64: raise regularization"):
        model.fold_in_users(sp.csr_array([[0, 0, 0], [4.0, 0, 0]]))
    with pytest.raises(FitDivergedError, match=r"(item|user) \d+ .*raise regularization"):
        WALS(**FAST, factors=9, unobserved_weight=0, regularization=0.0).fit(implicit())


# -- what is refused --------------------------------------------------------------------------------------------------

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
    ("regularization", None, TypeError),
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
]


@pytest.mark.parametrize(("name", "value", "error"), BAD_PARAMETERS)
def test_bad_parameters_are_refused(name, value, error):
    model = WALS(**FAST, factors=3, iterations=1).fit(implicit())
    state = model._state
    with pytest.raises(error, match=rf"{name}(\[\d\])? must be"):
        model.set_params(**{name: value}).fit(implicit())
    assert model._state is state


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
    (lambda m: m.fit(implicit(), weights=np.full(NNZ, -1.0)), ValueError, "weights must hold .*, got -1.0 at position 0"),
    (lambda m: m.fit(implicit(), weights=np.full(NNZ, np.nan)), ValueError, "weights must hold finite numbers"),
    (lambda m: m.fit(implicit(), weights=np.full(NNZ, 1e300)), ValueError, "weights must hold .* fit float32"),
    (lambda m: m.fit(implicit(), weights=["a"] * NNZ), TypeError, "weights must hold numbers"),
    (lambda m: m.fit(implicit(), progress="yes"), TypeError, "progress must be True or False"),
    (lambda m: m.fit(implicit(), callback=3), TypeError, "callback must be callable or None, got 3"),
    (lambda m: m.objective(implicit().toarray()), TypeError, "ratings must be fastmf"),
    (lambda m: m.objective(implicit(3, 3)), ValueError, r"ratings must have the fitted shape \(40, 25\), got \(3, 3\)$"),
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


@pytest.mark.parametrize("w0", [0.0, 0.1])
@pytest.mark.parametrize("factors", [2, 4, 16])
def test_values_too_large_to_square_are_an_error_that_names_a_remedy(factors, w0):
    matrix = implicit() * np.float32(5e37)
    model = WALS(**FAST, factors=factors, unobserved_weight=w0)
    with pytest.raises((FitDivergedError, ValueError), match="scale the values"):
        model.fit(matrix)


def test_fold_in_never_gives_what_is_not_finite():
    model = WALS(**FAST, factors=3, unobserved_weight=0).fit(implicit() * np.float32(1e-3))
    with pytest.raises(FitDivergedError, match="scale the values"):
        model.fold_in_users(implicit() * np.float32(6e37), weights=np.full(NNZ, 1e30))
