"""Half-steps of WALS against their twin, in every form, precision, instruction set and number of threads."""

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from fence import SENTINEL, Fence, frozen
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import wals as twin
from tolerances import tolerance

from fastmf.kernels import wals as kernel

DTYPES = [np.float32, np.float64]
THREADS = [1, 2, 4]
W0 = 0.125


class Case(NamedTuple):
    """One side of a factorisation, to be made by `problem`."""

    factors: int
    lengths: tuple[int, ...]  # entries of each row
    weights: str = "above"  # how they lie to w0; "one" is a single value above it for all entries
    targets: str = "each"
    w0: float = W0
    basis: str = "any"  # or "eigen", which lets rows of at most `factors` entries take the dual form


CASES = {
    "one-row": Case(5, (3,)),
    "one-entry": Case(5, (1,)),
    "one-factor": Case(1, (0, 1, 2, 40)),
    "one-factor-dual": Case(1, (0, 1, 2, 40), basis="eigen"),
    "no-entries": Case(5, (0, 0, 0), weights="one", targets="one"),
    "5": Case(5, (2, 0, 5, 9)),
    "5-dual": Case(5, (2, 0, 5, 9), basis="eigen"),
    "5-one-weight": Case(5, (2, 0, 5, 9), weights="one"),
    "5-one-target": Case(5, (2, 0, 5, 9), targets="one"),
    "16": Case(16, (15, 16, 17, 0, 80, 1)),
    "16-dual": Case(16, (15, 16, 17, 0, 80, 1), basis="eigen"),
    "16-dual-one-weight": Case(16, (15, 16, 17, 1), weights="one", targets="one", basis="eigen"),
    "16-around-w0": Case(16, (15, 16, 17, 80), weights="around"),
    "16-equal-to-w0": Case(16, (15, 16, 80), weights="equal"),
    "16-dual-around-w0": Case(16, (15, 16, 17), weights="around", basis="eigen"),
    "16-explicit": Case(16, (3, 16, 40), weights="one", w0=0.0),
    "16-explicit-dual": Case(16, (3, 16, 40), weights="one", w0=0.0, basis="eigen"),
    "16-explicit-zeros": Case(16, (3, 16, 40), weights="with-zeros", w0=0.0),
    "17": Case(17, (3, 17, 18, 40)),
    "17-dual": Case(17, (3, 17, 18, 40), basis="eigen"),
    "33-many-batches": Case(33, (300, 32, 33, 64, 65)),
    "33-dual": Case(33, (1, 31, 32, 33), basis="eigen"),
    "33-around-w0": Case(33, (300, 32), weights="around"),
    "64": Case(64, (20, 63, 64, 65, 200)),
    "64-dual": Case(64, (2, 20, 63, 64, 65), basis="eigen"),
    "130": Case(130, (1, 129, 150)),
    "130-dual": Case(130, (1, 17, 130), basis="eigen"),
    "130-around-w0": Case(130, (40,), weights="around"),
}


class Problem(NamedTuple):
    """Arrays whose values are exact in float32, so that both precisions have one true answer."""

    indptr: np.ndarray
    indices: np.ndarray
    weights: np.ndarray
    targets: np.ndarray
    Y: np.ndarray
    gram: np.ndarray
    eigenvalues: np.ndarray
    ridge: np.ndarray
    w0: float


def single(array):
    return np.asarray(array, np.float32).astype(np.float64)


@cache
def problem(case, seed=0):
    rng = np.random.default_rng(seed)
    k, lengths = case.factors, np.array(case.lengths)
    others, nnz = max(int(lengths.max()), k) + 7, int(lengths.sum())
    Y = single(rng.normal(size=(others, k)))
    gram, eigenvalues = case.w0 * Y.T @ Y, np.empty(0)
    if case.basis == "eigen":
        eigenvalues = single(np.sort(rng.uniform(0, 2 * case.w0 * others, k)))
        eigenvalues[: k // 8] = 0  # flat directions
        gram = np.diag(eigenvalues)
    shift = {
        "one": rng.uniform(0.1, 2, 1),
        "above": rng.uniform(0.1, 2, nnz),
        "around": rng.uniform(-case.w0, 2, nnz),
        "equal": rng.choice([0.0, 1.5], nnz),
        "with-zeros": rng.choice([0.0, 1.5], nnz),
    }[case.weights]
    return Problem(
        np.concatenate([[0], np.cumsum(lengths)]),
        np.concatenate([np.sort(rng.permutation(others)[:n]) for n in lengths]).astype(np.int32),
        single(case.w0 + shift),
        single(rng.normal(size=1 if case.targets == "one" else nnz)),
        Y,
        single(gram),
        eigenvalues,
        single(rng.uniform(1, 3, len(lengths))) * (1 + 0.05 * lengths),
        case.w0,
    )


@cache
def answer(case):
    """The twin's solution."""
    p, n, k = problem(case), len(case.lengths), case.factors
    X, failed = np.full((n, k), np.nan), np.zeros(n, np.uint8)
    twin.solve_rows(*p[:4], p.Y, p.gram, p.eigenvalues, p.ridge, p.w0, k, np.arange(n), X, failed, np.empty((1, 0)), 1)
    assert not failed.any()
    return X


def equations(p, u):
    """The matrix and the right-hand side of row u, and the sums of their terms' magnitudes."""
    entries = slice(p.indptr[u], p.indptr[u + 1])
    y = p.Y[p.indices[entries]]
    w, a = (v if len(v) == 1 else v[entries] for v in (p.weights, p.targets))
    given, d, wa = p.gram + p.ridge[u] * np.eye(y.shape[1]), (w - p.w0) * np.ones(len(y)), w * a * np.ones(len(y))
    return given + (y.T * d) @ y, y.T @ wa, abs(given) + abs(y.T * d) @ abs(y), abs(y.T) @ abs(wa)


def residual(p, u, x):
    """|A x - b| over |A| |x| + |b|: the backward error, into which no condition number comes."""
    A, b, size_of_A, size_of_b = equations(p, u)
    scale = np.linalg.norm(size_of_A @ abs(x) + size_of_b)
    return np.linalg.norm(A @ x - b) / scale if scale else np.linalg.norm(x)


def solve(p, dtype, threads=1, rows=None, dual=True):
    """(X, failed) by the kernel, from read-only arrays and through fences."""
    n, k = len(p.ridge), p.Y.shape[1]
    rows = np.arange(n) if rows is None else np.asarray(rows)
    Y = p.Y.astype(dtype)
    size = kernel.padded(k, np.empty(0, dtype))
    gram = np.zeros((size, size), dtype)
    gram[:k, :k] = p.gram
    X, failed = Fence((n, k), dtype), Fence(len(rows), np.uint8, fill=9)
    work = Fence(kernel.workspace(k, threads, np.empty(0, dtype)).shape, dtype, fill=np.nan)
    given = frozen(
        p.indptr,
        p.indices,
        p.weights.astype(dtype),
        p.targets.astype(dtype),
        Y,
        gram,
        p.eigenvalues.astype(dtype),
        p.ridge,
    )
    frozen(rows)
    kernel.solve_rows(
        *given, p.w0, k if dual and len(p.eigenvalues) else 0, rows, X.array, failed.array, work.array, threads
    )
    assert X.intact()
    assert failed.intact()
    assert work.intact()
    return X.array, failed.array


def terms(p):
    return np.diff(p.indptr) + p.Y.shape[1]


def off(X, expected):
    """How far each row is from the expected one, in lengths of that row."""
    length = np.linalg.norm(expected, axis=1)
    return np.linalg.norm(X - expected, axis=1) / np.where(length == 0, 1, length)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_rows_agree_with_the_twin(name, dtype, simd):
    case = CASES[name]
    p, expected = problem(case), answer(case)
    X, failed = solve(p, dtype)
    assert not failed.any()
    for threads in THREADS[1:]:
        assert solve(p, dtype, threads)[0].tobytes() == X.tobytes()
    for u, row_off in enumerate(off(X, expected)):
        spectrum = np.linalg.eigvalsh(equations(p, u)[0])
        assert row_off <= spectrum[-1] / spectrum[0] * tolerance(dtype, terms(p)[u])
    assert not X[np.diff(p.indptr) == 0].any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", CASES)
def test_rows_satisfy_their_normal_equations(name, dtype, simd):
    p = problem(CASES[name])
    X, _ = solve(p, dtype)
    for u, row_terms in enumerate(terms(p)):
        assert residual(p, u, X[u]) <= tolerance(dtype, row_terms)


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    seed=st.integers(0, 2**32 - 1),
    factors=st.integers(1, 40),
    lengths=st.lists(st.integers(0, 70), min_size=1, max_size=4),
    weights=st.sampled_from(["one", "above", "around", "equal"]),
    basis=st.sampled_from(["any", "eigen"]),
)
@settings(max_examples=60, deadline=None)
def test_any_row_satisfies_its_normal_equations(dtype, seed, factors, lengths, weights, basis):
    p = problem(Case(factors, tuple(lengths), weights, basis=basis), seed)
    X, failed = solve(p, dtype, threads=2)
    assert not failed.any()
    for u, row_terms in enumerate(terms(p)):
        assert residual(p, u, X[u]) <= tolerance(dtype, row_terms)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.basis == "eigen"])
def test_the_dual_form_agrees_with_the_primal(name, simd):
    p = problem(CASES[name])
    dual, _ = solve(p, np.float32)
    primal, _ = solve(p, np.float32, dual=False)
    assert (off(dual, primal) <= 1e-5).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("basis", ["any", "eigen"])
def test_the_bits_do_not_depend_on_threads_or_order(dtype, basis, simd):
    lengths = tuple(int(n) for n in np.random.default_rng(3).integers(0, 90, 300))
    p = problem(Case(20, lengths, basis=basis))
    expected, _ = solve(p, dtype)
    backwards = np.arange(len(lengths))[::-1].copy()
    for threads in THREADS:
        assert solve(p, dtype, threads)[0].tobytes() == expected.tobytes()
        assert solve(p, dtype, threads, rows=backwards)[0].tobytes() == expected.tobytes()


@pytest.mark.parametrize("threads", THREADS)
def test_only_the_rows_asked_for_are_written(threads):
    p = problem(CASES["16"])
    expected, _ = solve(p, np.float32)
    X, _ = solve(p, np.float32, threads, rows=[4, 1])
    np.testing.assert_array_equal(X[[4, 1]], expected[[4, 1]])
    assert (X[[0, 2, 3, 5]] == SENTINEL).all()
    assert (solve(p, np.float32, threads, rows=np.empty(0, np.int64))[0] == SENTINEL).all()


@pytest.mark.parametrize("pivot", [-1.0, 0.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_matrix_that_is_not_positive_definite_is_flagged(dtype, pivot, simd):
    """A bad pivot in any place of the middle one of three rows; the others are solved all the same."""
    for factors in (1, 5, 16, 33):
        p = problem(Case(factors, (1, 1, 1)))
        for place in range(factors):
            diagonal = np.where(np.arange(factors) == place, pivot, 1.0)
            q = p._replace(Y=np.zeros_like(p.Y), gram=np.diag(diagonal), ridge=np.array([2.0, 0.0, 2.0]))
            X, failed = solve(q, dtype)
            assert failed.tolist() == [0, 1, 0]
            assert not X[[0, 2]].any()


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_that_are_not_finite_are_flagged(dtype, simd):
    p = problem(CASES["5"])
    gram = p.gram.copy()
    gram[2, 3] = np.nan
    assert solve(p._replace(gram=gram), dtype)[1].tolist() == [1, 0, 1, 1]  # the row without entries has no matrix
    dual = problem(CASES["5-dual"])
    flat = dual._replace(eigenvalues=np.zeros(5), gram=np.zeros((5, 5)), ridge=np.zeros(4))
    assert solve(flat, dtype)[1][0]  # two entries for five factors, and nothing else


@pytest.mark.parametrize("dtype", DTYPES)
def test_offsets_beyond_32_bits(dtype, sparse_file, simd):
    """The entries of a row lie beyond number 2^31, the rows of Y they name beyond value 2^31, in sparse files."""
    factors, n, beyond = 64, 3, 2**31 + 11
    rng = np.random.default_rng(0)
    few = rng.normal(size=(n, factors)).astype(dtype)
    numbers = np.array([5, 2**25 + 1, 2**25 + 2], np.int32)  # 2^25 rows of 64 are 2^31 values
    Y = sparse_file(dtype, (2**25 + 3, factors))
    Y[numbers] = few
    indices = sparse_file(np.int32, (beyond + n,))
    indices[beyond:] = numbers
    weights = sparse_file(dtype, (beyond + n,))
    weights[beyond:] = [1.0, 2.0, 3.0]
    gram = np.zeros((kernel.padded(factors, few[0]),) * 2, dtype)
    expected = np.linalg.solve(np.eye(factors) + (few.T * [1.0, 2.0, 3.0]) @ few, few.T @ [1.0, 2.0, 3.0])
    X, failed = np.empty((1, factors), dtype), np.ones(1, np.uint8)
    for form in ("primal", "dual"):
        kernel.solve_rows(
            np.array([beyond, beyond + n]),
            indices,
            weights,
            np.ones(1, dtype),
            Y,
            gram,
            np.zeros(factors if form == "dual" else 0, dtype),
            np.ones(1),
            0.0,
            factors,
            np.zeros(1, np.int64),
            X,
            failed,
            kernel.workspace(factors, 1, few[0]),
            1,
        )
        assert not failed[0]
        np.testing.assert_allclose(X[0], expected, rtol=1e3 * tolerance(dtype), atol=tolerance(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_padding_is_the_least_whole_tile(dtype, simd):
    sizes = [kernel.padded(k, np.empty(0, dtype)) for k in range(1, 131)]
    step = sizes[0]
    assert step <= 16
    assert sizes == [-(-k // step) * step for k in range(1, 131)]
