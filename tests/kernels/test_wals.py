"""Half-steps of WALS against their twin, by every method, precision, instruction set and number of threads."""

from functools import cache

import numpy as np
import pytest
from fence import SENTINEL
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import wals as twin
from tolerances import tolerance
from wals_problems import CASES, METHODS, Case, equations, problem, single, solve, solve_observed, solve_relaxed, terms

from fastmf.kernels import wals as kernel
from fastmf.kernels.objective import observed_loss

DTYPES = [np.float32, np.float64]


THREADS = [1, 2, 4]


def name_of(case):
    defaults = (None, None, None, *Case._field_defaults.values())
    told = [str(value) for value, default in zip(case, defaults, strict=True) if value != default]
    return "-".join(told).replace(" ", "")


def every_case(*methods):
    chosen = [case for case in CASES if not methods or case.method in methods]
    return pytest.mark.parametrize("case", chosen, ids=map(name_of, chosen))


@cache
def answer(case):
    """The twin's solution, and what its rows add to the objective."""
    p, n = problem(case), len(case.lengths)
    X, failed, methods = p.start.copy(), np.zeros(n, np.uint8), np.full(n, METHODS[case.method])
    steps = case.steps, case.block
    sums = np.empty((n, 3))
    twin.solve_rows(*p[:-1], np.arange(n), methods, *steps, X, X[:0], 1.0, sums, failed, np.empty((1, 0)), 1)
    assert not failed.any()
    return X, sums


def residual(p, u, x):
    """|A x - b| over |A| |x| + |b|: the backward error, into which no condition number comes."""
    A, b, size_of_A, size_of_b = equations(p, u)
    scale = np.linalg.norm(size_of_A @ abs(x) + size_of_b)
    return np.linalg.norm(A @ x - b) / scale if scale else np.linalg.norm(x)


def condition(p, u):
    spectrum = np.linalg.eigvalsh(equations(p, u)[0])
    return spectrum[-1] / spectrum[0]


def off(X, *expected):
    """How far each row is from the expected one, in lengths of that row, or of a longer one it came from."""
    length = np.linalg.norm(expected, axis=2).max(axis=0)
    return np.linalg.norm(X - expected[0], axis=1) / np.where(length == 0, 1, length)


@every_case()
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_agree_with_the_twin(case, dtype, simd):
    p, (expected, _) = problem(case), answer(case)
    X, failed = solve(p, case.method, dtype, steps=case.steps, block=case.block)
    assert not failed.any()
    for threads in THREADS[1:]:
        again, _ = solve(p, case.method, dtype, threads, steps=case.steps, block=case.block)
        assert again.tobytes() == X.tobytes()
    from_somewhere = [] if case.method in ("primal", "dual", "iterated") else [p.start]
    for u, row_off in enumerate(off(X, expected, *from_somewhere)):
        assert row_off <= condition(p, u) * tolerance(dtype, terms(p)[u])
    assert not X[np.diff(p.indptr) == 0].any()


@every_case("primal", "dual", "cg", "subspace")
@pytest.mark.parametrize("omega", [1.0, 1.6])
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_go_on_beyond_their_solution(case, omega, dtype, simd):
    p, steps, n = problem(case), {"steps": case.steps, "block": case.block}, len(case.lengths)
    solved, _ = solve(p, case.method, dtype, **steps)
    X, relaxed = solve_relaxed(p, case.method, dtype, omega, apart=True, **steps)
    assert X.tobytes() == solved.tobytes()
    start = p.start.astype(dtype).astype(np.float64)
    beyond = start + (1 if case.method == "subspace" else omega) * (X - start)
    np.testing.assert_allclose(relaxed, beyond, rtol=0, atol=tolerance(dtype) * abs(start).max())
    for threads in THREADS:
        same = solve_relaxed(p, case.method, dtype, omega, apart=False, threads=threads, **steps)
        assert all(array.tobytes() == relaxed.tobytes() for array in same)
    expected, failed, methods = p.start.copy(), np.zeros(n, np.uint8), np.full(n, METHODS[case.method])
    given = (*p[:-1], np.arange(n), methods, case.steps, case.block)
    twin.solve_rows(*given, np.zeros_like(expected), expected, omega, np.empty((0, 3)), failed, np.empty((1, 0)), 1)
    for u, row_off in enumerate(off(relaxed, expected, p.start)):
        assert row_off <= 2 * condition(p, u) * tolerance(dtype, terms(p)[u])


@every_case()
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_sum_what_they_add_to_the_objective(case, dtype, simd):
    p, (_, sums) = problem(case), answer(case)
    steps, none = {"steps": case.steps, "block": case.block}, np.empty(0, dtype)
    floats = [array.astype(dtype) for array in (p.weights, p.targets, p.Y, p.unobserved)]
    for omega in (1.0,) if case.method == "nonnegative" else (1.0, 1.6):
        X, observed = solve_observed(p, case.method, dtype, omega, **steps)
        assert X.tobytes() == solve(p, case.method, dtype, **steps)[0].tobytes()
        w, a, Y, c = floats
        expected = np.empty((len(X), 3))
        observed_loss(p.indptr, p.indices, w, a, X, Y, none, none, 0.0, c, expected, 1)
        assert observed.tobytes() == expected.tobytes()
        rounding = tolerance(dtype, max(terms(p))) * max(condition(p, u) for u in range(len(X)))
        np.testing.assert_allclose(observed, sums, rtol=0, atol=rounding * abs(sums).max(initial=1))


@every_case("primal", "dual", "iterated")
@pytest.mark.parametrize("dtype", DTYPES)
def test_exact_rows_satisfy_their_normal_equations(case, dtype, simd):
    p = problem(case)
    X, _ = solve(p, case.method, dtype)
    for u, row_terms in enumerate(terms(p)):
        assert residual(p, u, X[u]) <= tolerance(dtype, row_terms)


@pytest.mark.parametrize("dtype", DTYPES)
@given(
    seed=st.integers(0, 2**32 - 1),
    factors=st.integers(1, 40),
    lengths=st.lists(st.integers(0, 70), min_size=1, max_size=4),
    weights=st.sampled_from(["one", "above", "around", "equal"]),
    unobserved=st.sampled_from(["one", "each", "none"]),
    share=st.sampled_from(["one", "each"]),
    method=st.sampled_from(["primal", "dual", "iterated"]),
)
@settings(max_examples=80, deadline=None)
def test_any_row_satisfies_its_normal_equations(dtype, seed, factors, lengths, weights, unobserved, share, method):
    basis = "any" if method == "primal" else "own"
    p = problem(Case(method, factors, tuple(lengths), weights, "each", unobserved, share, basis), seed)
    X, outcomes = solve(p, method, dtype)
    assert kernel.INDEFINITE not in outcomes
    for u, row_terms in enumerate(terms(p)):
        assert residual(p, u, X[u]) <= tolerance(dtype, row_terms)


@every_case("dual")
def test_the_dual_form_agrees_with_the_primal(case, simd):
    p = problem(case)
    dual, _ = solve(p, "dual", np.float32)
    primal, _ = solve(p, "primal", np.float32)
    assert (off(dual, primal) <= 1e-5).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_that_cannot_be_iterated_are_solved_by_their_matrix(dtype, simd):
    """Some weigh less than a pair that is not stored; the others take more steps than there are. Both are told."""
    p = problem(Case("iterated", 16, (15, 16, 40), weights="around", basis="own"))
    below = [(p.weights[p.indptr[u] : p.indptr[u + 1]] < p.unobserved[0]).any() for u in range(3)]
    assert all(below)
    X, outcomes = solve(p, "iterated", dtype)
    assert outcomes.tolist() == [kernel.FACTORISED] * 3
    np.testing.assert_array_equal(X, solve(p, "primal", dtype)[0])

    p = problem(Case("iterated", 130, (3, 300), basis="own"))
    weights = p.weights.copy()
    weights[3:] = np.geomspace(1, 2.0**20, 300)
    p = p._replace(weights=single(weights))
    X, outcomes = solve(p, "iterated", dtype)
    assert outcomes.tolist() == [kernel.SOLVED, kernel.FACTORISED]
    np.testing.assert_array_equal(X[1], solve(p, "primal", dtype)[0][1])


def test_rows_without_anything_to_fit_are_iterated_to_zero(simd):
    p = problem(Case("iterated", 16, (5, 40), targets="one"))
    p = p._replace(targets=np.zeros(1), start=np.zeros_like(p.start))
    X, outcomes = solve(p, "iterated", np.float32)
    assert outcomes.tolist() == [kernel.SOLVED] * 2
    assert not X.any()


@every_case("cg", "subspace", "nonnegative")
@pytest.mark.parametrize("dtype", DTYPES)
def test_inexact_rows_come_closer(case, dtype):
    """1/2 x'A x - b'x falls from where x started, and the more steps or the larger the blocks the further."""
    p = problem(case)
    X = [p.start.astype(dtype), *(solve(p, case.method, dtype, steps=n, block=n)[0] for n in (1, 3, case.factors))]
    for u in np.flatnonzero(np.diff(p.indptr)):
        A, b, size_of_A, size_of_b = equations(p, u)
        heights = [x[u] @ (A @ x[u] / 2 - b) for x in X]
        rounding = [tolerance(dtype, terms(p)[u]) * abs(x[u]) @ (size_of_A @ abs(x[u]) + size_of_b) for x in X]
        assert heights[1] < heights[0]
        if case.method != "subspace":  # whose order of blocks may happen to suit it
            assert heights[2] <= heights[1] + rounding[1]
        assert heights[3] <= min(heights) + max(rounding)


@pytest.mark.parametrize("dtype", DTYPES)
def test_nonnegative_rows_satisfy_their_conditions(dtype, simd):
    """x >= 0, no gain in any direction that stays there, and none at all in the factors that are not 0."""
    for case in (case for case in CASES if case.method == "nonnegative"):
        p = problem(case)
        X, _ = solve(p, "nonnegative", dtype)
        assert (X >= 0).all()
        for u in range(len(X)):
            A, b, size_of_A, size_of_b = equations(p, u)
            gain, rounding = b - A @ X[u], 4 * tolerance(dtype, terms(p)[u]) * (size_of_A @ X[u] + size_of_b)
            assert (gain <= rounding).all()
            assert (abs(gain[X[u] > 0]) <= rounding[X[u] > 0]).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_the_bits_do_not_depend_on_threads_or_order(dtype, method, simd):
    lengths = tuple(int(n) for n in np.random.default_rng(3).integers(0, 90, 300))
    p = problem(Case(method, 20, lengths))
    expected, _ = solve(p, method, dtype)
    backwards = np.arange(len(lengths))[::-1].copy()
    for threads in THREADS:
        assert solve(p, method, dtype, threads)[0].tobytes() == expected.tobytes()
        assert solve(p, method, dtype, threads, rows=backwards)[0].tobytes() == expected.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_row_has_a_method_of_its_own(dtype, simd):
    p = problem(Case("dual", 16, (9,) * 4, basis="own"))
    expected = [solve(p, method, dtype)[0] for method in ("primal", "dual", "cg", "subspace")]
    assert len({X[0].tobytes() for X in expected}) == 4
    X, failed = solve(p, ["subspace", "cg", "dual", "primal"], dtype, threads=2, rows=[3, 2, 1, 0])
    assert not failed.any()
    for u in range(4):
        np.testing.assert_array_equal(X[u], expected[u][u])


@pytest.mark.parametrize("threads", THREADS)
def test_only_the_rows_asked_for_are_written(threads):
    p = problem(Case("primal", 16, (15, 16, 17, 0, 80, 1)))
    expected, _ = solve(p, "primal", np.float32)
    X, _ = solve(p, "primal", np.float32, threads, rows=[4, 1])
    np.testing.assert_array_equal(X[[4, 1]], expected[[4, 1]])
    assert (X[[0, 2, 3, 5]] == SENTINEL).all()
    assert (solve(p, "primal", np.float32, threads, rows=np.empty(0, np.int64))[0] == SENTINEL).all()


@pytest.mark.parametrize("pivot", [-1.0, 0.0])
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_matrix_that_is_not_positive_definite_is_flagged(dtype, pivot, simd):
    """A bad pivot in any place of the middle one of three rows; the others are solved all the same."""
    for factors in (1, 5, 16, 33):
        p = problem(Case("primal", factors, (1, 1, 1)))
        for place in range(factors):
            diagonal = np.where(np.arange(factors) == place, pivot, 1.0)
            q = p._replace(Y=np.zeros_like(p.Y), gram=np.diag(diagonal), ridge=np.array([2.0, 0.0, 2.0]))
            X, failed = solve(q, "primal", dtype)
            assert failed.tolist() == [0, 1, 0]
            assert not X[[0, 2]].any()
            assert solve(q, "nonnegative", dtype)[1].tolist() == [0, 1, 0]


@pytest.mark.parametrize("dtype", DTYPES)
def test_inexact_methods_flag_what_they_meet(dtype, simd):
    """The weight of an entry is so far below that of unobserved pairs that the row's matrix is negative."""
    p = problem(Case("cg", 5, (1, 1, 1), unobserved="each"))
    assert not solve(p, "cg", dtype)[1].any()
    bad = p._replace(unobserved=np.full(len(p.Y), 1e3), eigenvalues=np.ones(5), gram=np.eye(5))
    assert solve(bad, "cg", dtype)[1].all()
    assert solve(bad, "subspace", dtype)[1].all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_that_are_not_finite_are_flagged(dtype, simd):
    p = problem(Case("primal", 5, (2, 0, 5, 9)))
    gram = p.gram.copy()
    gram[2, 3] = np.nan
    assert solve(p._replace(gram=gram), "primal", dtype)[1].tolist() == [1, 0, 1, 1]  # no entries, no matrix
    dual = problem(Case("dual", 5, (2, 0, 5, 9)))
    flat = dual._replace(eigenvalues=np.zeros(5), gram=np.zeros((5, 5)), ridge=np.zeros(4))
    assert solve(flat, "dual", dtype)[1][0]  # two entries for five factors, and nothing else


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("method", METHODS)
def test_offsets_beyond_32_bits(dtype, method, sparse_file):
    """The entries of a row lie beyond number 2^31, the rows of Y they name beyond value 2^31, in sparse files."""
    factors, n, beyond = 64, 3, 2**31 + 11
    rng = np.random.default_rng(0)
    few = rng.uniform(0.5, 1, (n, factors)).astype(dtype)
    numbers = np.array([5, 2**25 + 1, 2**25 + 2], np.int32)  # 2^25 rows of 64 are 2^31 values
    Y = sparse_file(dtype, (2**25 + 3, factors))
    Y[numbers] = few
    indices = sparse_file(np.int32, (beyond + n,))
    indices[beyond:] = numbers
    weights, targets = sparse_file(dtype, (beyond + n,)), sparse_file(dtype, (beyond + n,))
    weights[beyond:], targets[beyond:] = [1.0, 2.0, 3.0], [1.0, 0.5, 1.0]
    unobserved = sparse_file(dtype, (2**25 + 3,))
    unobserved[numbers] = 0.5
    gram = np.zeros((kernel.padded(factors, few[0]),) * 2, dtype)
    wide = few.astype(np.float64)
    A, b = 200 * np.eye(factors) + (wide.T * [0.5, 1.5, 2.5]) @ wide, wide.T @ [1.0, 1.0, 3.0]
    X, failed = np.zeros((1, factors), dtype), np.ones(1, np.uint8)
    kernel.solve_rows(
        np.array([beyond, beyond + n]),
        indices,
        weights,
        targets,
        Y,
        unobserved,
        gram,
        np.zeros(factors, dtype),
        np.full(1, 200.0),
        np.ones(1),
        np.zeros(1, np.int64),
        np.array([METHODS[method]], np.uint8),
        factors,
        factors,
        X,
        X[:0],
        1.0,
        np.empty((0, 3)),
        failed,
        kernel.workspace(factors, factors, n, 1, few[0]),
        1,
    )
    expected = np.linalg.solve(A, b)
    assert not failed[0]
    assert (expected > 0).all()  # so that the nonnegative solution is the same
    np.testing.assert_allclose(X[0], expected, rtol=100 * tolerance(dtype))


@pytest.mark.parametrize("dtype", DTYPES)
def test_padding_is_the_least_whole_tile(dtype, simd):
    sizes = [kernel.padded(k, np.empty(0, dtype)) for k in range(1, 131)]
    step = sizes[0]
    assert step <= 16
    assert sizes == [-(-k // step) * step for k in range(1, 131)]


def test_the_twin_numbers_the_methods_as_the_kernel_does():
    assert {name: getattr(twin, name.upper()) for name in METHODS} == METHODS
