"""How a fit of WALS runs: its history, its ends, and what an interruption or an error leaves."""

import os
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from small_wals import FAST, check_fold_in, implicit, products, same_factors

from fastmf import WALS, FitDivergedError, NotFittedError, synthetic
from fastmf.kernels import wals as kernel
from fastmf.models._cost import Solver
from fastmf.models._wals_fit import Factorization
from fastmf.models._wals_terms import terms


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
    with monkeypatch.context() as patch:
        Interrupting(patch, 1 + 4 + half)  # 1: the first users
        with pytest.raises(KeyboardInterrupt):
            model.fit(implicit())
    assert len(model.history) == 2
    assert same_factors(model, WALS(**FAST, factors=3, unobserved_weight=w0, iterations=2).fit(implicit()))
    check_fold_in(model, implicit())


@pytest.mark.parametrize("half", [1, 2, 3])  # the first users, items, users
def test_an_interrupt_in_the_first_iteration_leaves_the_model_as_it_was(half, monkeypatch):
    fresh, fitted = WALS(**FAST, factors=3), WALS(**FAST, factors=3).fit(implicit())
    state = fitted._state
    for model in (fresh, fitted):
        with monkeypatch.context() as patch:
            Interrupting(patch, half)
            with pytest.raises(KeyboardInterrupt):
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
    bars = []

    class Bar:
        def __init__(self, **options):
            self.passes, self.closed = 0, False
            bars.append(self)

        def update(self):
            self.passes += 1

        def set_postfix(self, record):
            pass

        def close(self):
            self.closed = True

    def callback(iteration, record):
        raise OSError("disk full")

    monkeypatch.setitem(sys.modules, "tqdm", SimpleNamespace(tqdm=Bar))
    WALS(**FAST, factors=3, iterations=2).fit(implicit(), progress=True)
    with pytest.raises(OSError, match="disk full"):
        WALS(**FAST, factors=3, iterations=2).fit(implicit(), progress=True, callback=callback)
    with pytest.raises(ValueError, match="weights"):
        WALS(**FAST, factors=3).fit(implicit(), progress=True, weights=[1.0])
    assert [bar.passes for bar in bars] == [2, 1]
    assert all(bar.closed for bar in bars)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(ImportError, match=r"fastmf\[progress\]"):
        WALS(**FAST, factors=3, iterations=2).fit(implicit(), progress=True)


def test_a_forked_child_fits_the_same_model():
    if not hasattr(os, "fork"):
        pytest.skip("no fork here")
    script = """
import os, signal, numpy as np, scipy.sparse as sp, fastmf
matrix = sp.random_array((300, 100), density=0.1, random_state=0, format="csr")
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


def test_the_factors_of_a_fitted_model_can_be_swept_on():
    ratings = synthetic(40, 30, 400, random_state=0)
    model = WALS(factors=5, iterations=3, random_state=0, dtype="float64").fit(ratings)
    p = model._checked_together()
    going_on = Factorization.of(terms(ratings, None, p), model._fitted, biased=False, solver=Solver(), num_threads=1)
    before = going_on.objective().total
    going_on.sweep()
    assert going_on.objective().total < before
