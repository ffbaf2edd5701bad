import subprocess
import sys

import numpy as np
import pytest
from fence import frozen
from reference import eigen as twin

from fastmf.kernels.eigen import eigenbasis

SIZES = [1, 2, 3, 5, 8, 16, 17, 33, 64, 100, 130]
EPSILON = np.finfo(np.float64).eps


def of_normal(k, rng):
    return rng.normal(size=(3 * k, k))


KINDS = {
    "full rank": of_normal,
    "half rank": lambda k, rng: of_normal(k, rng)[: max(1, k // 2)],
    "graded downwards": lambda k, rng: of_normal(k, rng) * 10.0 ** -np.arange(k),
    "graded upwards": lambda k, rng: of_normal(k, rng) * 10.0 ** np.arange(-k, 0),
    "nothing": lambda k, rng: np.zeros((k, k)),
    "identity": lambda k, rng: np.eye(k),
    "one direction": lambda k, rng: np.ones((k, k)),
    "two clusters": lambda k, rng: np.diag(np.where(np.arange(k) % 2, 1.0, 2.0)) + 1e-12 * rng.normal(size=(k, k)),
    "blocks": lambda k, rng: np.kron(np.eye(-(-k // 2)), [[1.0, 0.5], [0.5, 1.0]])[:k, :k],
}
SCALES = [1.0, 1e-150, 1e150]


def gramian(kind, k, scale):
    M = KINDS[kind](k, np.random.default_rng(k))
    A = M.T @ M * scale * scale
    return frozen((A + A.T) / 2)[0]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", SIZES)
def test_it_is_a_decomposition(k, kind, scale, simd):
    A = gramian(kind, k, scale)
    values, V = eigenbasis(A, 2)
    unit = abs(A).max() or 1.0
    bar = 20 * k * EPSILON
    assert values.shape == (k,)
    assert (np.diff(values) >= 0).all()
    assert abs(V.T @ V - np.eye(k)).max() <= bar
    assert abs((V * (values / unit)) @ V.T - A / unit).max() <= bar


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("k", [1, 2, 5, 17])
def test_it_agrees_with_the_twin(k, kind, simd):
    A = gramian(kind, k, 1.0)
    values, V = eigenbasis(A, 1)
    expected, basis = twin.eigenbasis(A, 1)
    bar = 50 * k * EPSILON * max(abs(A).max(), 1e-300)
    np.testing.assert_allclose(values, expected, rtol=0, atol=bar)
    gaps = np.diff(expected)
    alone = np.append(True, gaps > 1e-3) & np.append(gaps > 1e-3, True)  # elsewhere the basis is not unique
    np.testing.assert_allclose(abs((V * basis).sum(axis=0))[alone], 1, rtol=0, atol=1e-9)


@pytest.mark.parametrize("k", [5, 97, 200])
def test_the_bits_do_not_depend_on_threads(k, simd):
    A = gramian("full rank", k, 1.0)
    results = [eigenbasis(A, threads) for threads in (1, 2, 4)]
    for values, V in results[1:]:
        assert values.tobytes() == results[0][0].tobytes()
        assert V.tobytes() == results[0][1].tobytes()


def test_nothing_has_an_empty_basis():
    values, V = eigenbasis(np.empty((0, 0)), 1)
    assert values.shape == (0,)
    assert V.shape == (0, 0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_matrix_that_is_not_finite_is_an_error(value):
    A = np.eye(3)
    A[0, 2] = value
    with pytest.raises(ArithmeticError, match=f"element {value}"):
        eigenbasis(A, 1)


AT_WORK = """
import os, sys, time
import fastmf
from fastmf.compat.implicit.als import AlternatingLeastSquares
busy = lambda: sum(os.times()[:2])
ratings = fastmf.synthetic("ml-1m")
fits = {
    "WALS": lambda: fastmf.WALS(factors=64, iterations=4, num_threads=1, solver="cg", random_state=0).fit(ratings),
    "stand-in": lambda: AlternatingLeastSquares(factors=64, iterations=4, num_threads=1, random_state=0).fit(
        ratings.to_scipy(), show_progress=False, callback=lambda *arguments: None
    ),
}
wall, work = time.perf_counter(), busy()
fits[sys.argv[1]]()
print((busy() - work) / (time.perf_counter() - wall))
"""


@pytest.mark.parametrize("fit", ["WALS", "stand-in"])
def test_a_fit_of_one_thread_keeps_one_processor_busy(fit):
    """No thread of a library spins beside it. A busy machine lowers the share, and never raises it."""
    done = subprocess.run([sys.executable, "-c", AT_WORK, fit], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 1.3
