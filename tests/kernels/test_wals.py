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
METHODS = {
    "primal": kernel.PRIMAL,
    "dual": kernel.DUAL,
    "cg": kernel.CG,
    "subspace": kernel.SUBSPACE,
    "nonnegative": kernel.NONNEGATIVE,
}


class Case(NamedTuple):
    """One side of a factorisation, to be made by `problem`."""

    method: str
    factors: int
    lengths: tuple[int, ...]  # entries of each row
    weights: str = "above"  # how they lie to s c, the weight of an unobserved pair; "one" is one above it for all
    targets: str = "each"  # or "one"
    unobserved: str = "one"  # c: or "each", or "none", the explicit case
    share: str = "one"  # s: or "each"
    basis: str = ""  # of Y: "any", "eigen" with a spectrum that does not go with Y, or "own" eigenbasis
    steps: int = 3
    block: int = 8


CASES = [
    Case("primal", 5, (3,)),
    Case("primal", 5, (1,)),
    Case("primal", 1, (0, 1, 2, 40)),
    Case("primal", 5, (0, 0, 0), weights="one", targets="one"),
    Case("primal", 5, (2, 0, 5, 9)),
    Case("primal", 5, (2, 0, 5, 9), weights="one"),
    Case("primal", 5, (2, 0, 5, 9), targets="one"),
    Case("primal", 16, (15, 16, 17, 0, 80, 1)),
    Case("primal", 16, (15, 16, 17, 80), weights="around"),
    Case("primal", 16, (15, 16, 80), weights="equal"),
    Case("primal", 16, (3, 16, 40), weights="one", unobserved="none"),
    Case("primal", 16, (3, 16, 40), weights="equal", unobserved="none"),
    Case("primal", 16, (0, 3, 16, 40), unobserved="each"),
    Case("primal", 16, (0, 3, 16, 40), share="each", weights="around"),
    Case("primal", 16, (3, 16, 40), unobserved="each", share="each", weights="around"),
    Case("primal", 16, (3, 16, 40), basis="eigen"),
    Case("primal", 17, (3, 17, 18, 40)),
    Case("primal", 33, (300, 32, 33, 64, 65)),
    Case("primal", 33, (300, 32), weights="around", share="each"),
    Case("primal", 64, (20, 63, 64, 65, 200)),
    Case("primal", 130, (1, 129, 150)),
    Case("primal", 130, (40,), weights="around"),
    Case("dual", 1, (0, 1, 2, 40)),
    Case("dual", 5, (2, 0, 5, 9)),
    Case("dual", 5, (2, 0, 5, 9), targets="one"),
    Case("dual", 16, (15, 16, 17, 0, 80, 1)),
    Case("dual", 16, (15, 16, 17, 1), weights="one", targets="one"),
    Case("dual", 16, (15, 16, 17), weights="around", basis="own"),
    Case("dual", 16, (3, 16, 40), weights="one", unobserved="none"),
    Case("dual", 16, (3, 16, 40), unobserved="each", share="each"),
    Case("dual", 16, (3, 16, 40), weights="around", unobserved="each", share="each", basis="own"),
    Case("dual", 17, (3, 17, 18, 40), basis="own"),
    Case("dual", 33, (1, 31, 32, 33)),
    Case("dual", 64, (2, 20, 63, 64, 65)),
    Case("dual", 130, (1, 17, 130)),
    Case("cg", 1, (0, 1, 2, 40), steps=1),
    Case("cg", 5, (2, 0, 5, 9), steps=1),
    Case("cg", 5, (2, 0, 5, 9), steps=9),
    Case("cg", 16, (1, 3, 4, 5, 80), targets="one"),
    Case("cg", 16, (3, 16, 40), weights="one", unobserved="none"),
    Case("cg", 16, (3, 16, 40), weights="around", unobserved="each", share="each", basis="own"),
    Case("cg", 17, (3, 17, 80), steps=2),
    Case("cg", 33, (3, 33, 80)),
    Case("cg", 64, (3, 20, 81)),
    Case("cg", 130, (3, 40), steps=2),
    Case("subspace", 1, (0, 1, 2, 40)),
    Case("subspace", 5, (2, 0, 5, 9), block=1),
    Case("subspace", 5, (2, 0, 5, 9), block=2),
    Case("subspace", 5, (2, 0, 5, 9), block=40),
    Case("subspace", 16, (3, 80, 16), weights="one", unobserved="none"),
    Case("subspace", 16, (3, 16, 80), weights="around", unobserved="each", share="each", basis="own"),
    Case("subspace", 17, (3, 17, 80), block=16),
    Case("subspace", 33, (3, 33, 150), block=17),
    Case("subspace", 64, (3, 90), block=33, targets="one"),
    Case("subspace", 130, (3, 40), block=64),
    Case("nonnegative", 1, (0, 1, 2, 40)),
    Case("nonnegative", 5, (2, 0, 5, 9)),
    Case("nonnegative", 5, (2, 0, 5, 9), weights="one", unobserved="none"),
    Case("nonnegative", 16, (3, 16, 80), weights="around", unobserved="each", share="each"),
    Case("nonnegative", 17, (3, 17, 80), targets="one"),
    Case("nonnegative", 33, (3, 40)),
]


def name_of(case):
    defaults = (None, None, None, *Case._field_defaults.values())
    told = [str(value) for value, default in zip(case, defaults, strict=True) if value != default]
    return "-".join(told).replace(" ", "")


def every_case(*methods):
    chosen = [case for case in CASES if not methods or case.method in methods]
    return pytest.mark.parametrize("case", chosen, ids=map(name_of, chosen))


class Problem(NamedTuple):
    """Arrays whose values are exact in float32, so that both precisions have one true answer."""

    indptr: np.ndarray
    indices: np.ndarray
    weights: np.ndarray
    targets: np.ndarray
    Y: np.ndarray
    unobserved: np.ndarray
    gram: np.ndarray
    eigenvalues: np.ndarray
    ridge: np.ndarray
    share: np.ndarray
    start: np.ndarray  # X before


def single(array):
    return np.asarray(array, np.float32).astype(np.float64)


@cache
def problem(case, seed=0):
    rng = np.random.default_rng(seed)
    k, lengths = case.factors, np.array(case.lengths)
    others, nnz = max(int(lengths.max()), k) + 7, int(lengths.sum())
    Y = single(rng.normal(size=(others, k)))
    c = rng.choice([0.25, 0.0625, 0.5], others)
    c = {"one": c[:1], "each": c, "none": np.zeros(1)}[case.unobserved]
    s = np.ones(1) if case.share == "one" else rng.choice([0.5, 1.0, 2.0, 0.0], len(lengths))
    basis = case.basis or ("any" if case.method in ("primal", "nonnegative") else "eigen")
    if basis == "own":
        Y = single(Y @ np.linalg.eigh((Y.T * c) @ Y)[1])
    gram, eigenvalues = (Y.T * c) @ Y, np.empty(0)
    if basis != "any":
        eigenvalues = single(np.diag(gram) if basis == "own" else np.sort(rng.uniform(0, 2 * c.mean() * others, k)))
        if basis == "eigen":
            eigenvalues[: k // 8] = 0  # flat directions
        gram = np.diag(eigenvalues)
    indices = np.concatenate([np.sort(rng.permutation(others)[:n]) for n in lengths]).astype(np.int32)
    of_unobserved = (c * np.ones(others))[indices] * np.repeat(s * np.ones(len(lengths)), lengths)
    weights = {
        "one": (s * np.ones(1)).max() * c.max() + rng.uniform(0.1, 2, 1),
        "above": of_unobserved + rng.uniform(0.1, 2, nnz),
        "around": of_unobserved * rng.choice([0, 0.5, 1, 4, 20], nnz),
        "equal": of_unobserved + rng.choice([0.0, 1.5], nnz),
    }[case.weights]
    return Problem(
        np.concatenate([[0], np.cumsum(lengths)]),
        indices,
        single(weights),
        single(rng.normal(size=1 if case.targets == "one" else nnz)),
        Y,
        c,
        single(gram),
        eigenvalues,
        single(rng.uniform(1, 3, len(lengths)) * (1 + 0.05 * lengths)),
        s,
        single(rng.normal(size=(len(lengths), k))) * (-1 if case.method != "nonnegative" else 1),
    )


@cache
def answer(case):
    """The twin's solution."""
    p, n = problem(case), len(case.lengths)
    X, failed, methods = p.start.copy(), np.zeros(n, np.uint8), np.full(n, METHODS[case.method])
    steps = case.steps, case.block
    twin.solve_rows(*p[:-1], np.arange(n), methods, *steps, X, failed, np.empty((1, 0)), 1)
    assert not failed.any()
    return X


def equations(p, u):
    """The matrix and the right-hand side of row u, and the sums of their terms' magnitudes."""
    entries = slice(p.indptr[u], p.indptr[u + 1])
    y = p.Y[p.indices[entries]]
    w, a = (v[0] if len(v) == 1 else v[entries] for v in (p.weights, p.targets))
    c = p.unobserved[0] if len(p.unobserved) == 1 else p.unobserved[p.indices[entries]]
    s = p.share[0] if len(p.share) == 1 else p.share[u]
    given, d, wa = s * p.gram + p.ridge[u] * np.eye(y.shape[1]), (w - s * c) * np.ones(len(y)), w * a * np.ones(len(y))
    return given + (y.T * d) @ y, y.T @ wa, abs(given) + abs(y.T * d) @ abs(y), abs(y.T) @ abs(wa)


def residual(p, u, x):
    """|A x - b| over |A| |x| + |b|: the backward error, into which no condition number comes."""
    A, b, size_of_A, size_of_b = equations(p, u)
    scale = np.linalg.norm(size_of_A @ abs(x) + size_of_b)
    return np.linalg.norm(A @ x - b) / scale if scale else np.linalg.norm(x)


def condition(p, u):
    spectrum = np.linalg.eigvalsh(equations(p, u)[0])
    return spectrum[-1] / spectrum[0]


def solve(p, method, dtype, threads=1, rows=None, steps=3, block=8):
    """(X, failed) by the kernel, from read-only arrays and through fences; `method` is one for all or a list."""
    n, k = p.start.shape
    rows = np.arange(n) if rows is None else np.asarray(rows)
    names = [method] * len(rows) if isinstance(method, str) else method
    methods = np.array([METHODS[name] for name in names], np.uint8)
    kind = np.empty(0, dtype)
    gram = np.zeros((kernel.padded(k, kind),) * 2, dtype)
    gram[:k, :k] = p.gram
    floats = [array.astype(dtype) for array in (p.weights, p.targets, p.Y, p.unobserved, gram, p.eigenvalues)]
    given = frozen(p.indptr, p.indices, *floats, p.ridge, p.share, rows, methods)
    X, failed = Fence((n, k), dtype), Fence(len(rows), np.uint8, fill=9)
    X.array[rows] = p.start[rows]
    of_subspace = (block, int(np.diff(p.indptr).max())) if "subspace" in names else (0, 0)
    work = Fence(kernel.workspace(k, *of_subspace, threads, kind).shape, dtype, fill=np.nan)
    kernel.solve_rows(*given, steps, block, X.array, failed.array, work.array, threads)
    assert X.intact()
    assert failed.intact()
    assert work.intact()
    return X.array, failed.array


def terms(p):
    return np.diff(p.indptr) + p.Y.shape[1]


def off(X, *expected):
    """How far each row is from the expected one, in lengths of that row, or of a longer one it came from."""
    length = np.linalg.norm(expected, axis=2).max(axis=0)
    return np.linalg.norm(X - expected[0], axis=1) / np.where(length == 0, 1, length)


@every_case()
@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_agree_with_the_twin(case, dtype, simd):
    p, expected = problem(case), answer(case)
    X, failed = solve(p, case.method, dtype, steps=case.steps, block=case.block)
    assert not failed.any()
    for threads in THREADS[1:]:
        again, _ = solve(p, case.method, dtype, threads, steps=case.steps, block=case.block)
        assert again.tobytes() == X.tobytes()
    from_somewhere = [] if case.method in ("primal", "dual") else [p.start]
    for u, row_off in enumerate(off(X, expected, *from_somewhere)):
        assert row_off <= condition(p, u) * tolerance(dtype, terms(p)[u])
    assert not X[np.diff(p.indptr) == 0].any()


@every_case("primal", "dual")
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
    method=st.sampled_from(["primal", "dual"]),
)
@settings(max_examples=80, deadline=None)
def test_any_row_satisfies_its_normal_equations(dtype, seed, factors, lengths, weights, unobserved, share, method):
    basis = "own" if method == "dual" else "any"
    p = problem(Case(method, factors, tuple(lengths), weights, "each", unobserved, share, basis), seed)
    X, failed = solve(p, method, dtype, threads=2)
    assert not failed.any()
    for u, row_terms in enumerate(terms(p)):
        assert residual(p, u, X[u]) <= tolerance(dtype, row_terms)


@every_case("dual")
def test_the_dual_form_agrees_with_the_primal(case, simd):
    p = problem(case)
    dual, _ = solve(p, "dual", np.float32)
    primal, _ = solve(p, "primal", np.float32)
    assert (off(dual, primal) <= 1e-5).all()


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
