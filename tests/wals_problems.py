"""Problems for the kernel of WALS: one side of a factorisation in every shape, and the systems of its rows."""

from functools import cache
from typing import NamedTuple

import numpy as np
from fence import Fence, frozen

from fastmf.kernels import wals as kernel

METHODS = {
    "primal": kernel.PRIMAL,
    "dual": kernel.DUAL,
    "cg": kernel.CG,
    "subspace": kernel.SUBSPACE,
    "nonnegative": kernel.NONNEGATIVE,
    "iterated": kernel.ITERATED,
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
    Case("iterated", 1, (0, 1, 2, 40)),
    Case("iterated", 5, (2, 0, 5, 9)),
    Case("iterated", 16, (1, 3, 4, 5, 80), targets="one"),
    Case("iterated", 16, (3, 16, 40), weights="equal", unobserved="each", share="each"),
    Case("iterated", 17, (3, 17, 80), weights="one"),
    Case("iterated", 33, (3, 33, 80), basis="own"),
    Case("iterated", 64, (3, 20, 81)),
    Case("iterated", 130, (3, 40)),
    Case("nonnegative", 1, (0, 1, 2, 40)),
    Case("nonnegative", 5, (2, 0, 5, 9)),
    Case("nonnegative", 5, (2, 0, 5, 9), weights="one", unobserved="none"),
    Case("nonnegative", 16, (3, 16, 80), weights="around", unobserved="each", share="each"),
    Case("nonnegative", 17, (3, 17, 80), targets="one"),
    Case("nonnegative", 33, (3, 40)),
]


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


def equations(p, u):
    """The matrix and the right-hand side of row u, and the sums of their terms' magnitudes."""
    entries = slice(p.indptr[u], p.indptr[u + 1])
    y = p.Y[p.indices[entries]]
    w, a = (v[0] if len(v) == 1 else v[entries] for v in (p.weights, p.targets))
    c = p.unobserved[0] if len(p.unobserved) == 1 else p.unobserved[p.indices[entries]]
    s = p.share[0] if len(p.share) == 1 else p.share[u]
    given, d, wa = s * p.gram + p.ridge[u] * np.eye(y.shape[1]), (w - s * c) * np.ones(len(y)), w * a * np.ones(len(y))
    return given + (y.T * d) @ y, y.T @ wa, abs(given) + abs(y.T * d) @ abs(y), abs(y.T) @ abs(wa)


def solve(p, method, dtype, threads=1, rows=None, steps=3, block=8):
    """(X, failed) by the kernel, from read-only arrays and through fences; `method` is one for all or a list."""
    X, _, _, failed = _solved(p, method, dtype, threads, rows, steps, block, lambda X: (X[:0], 1.0))
    return X, failed


def solve_relaxed(p, method, dtype, omega, *, apart, threads=1, steps=3, block=8):
    """(X, relaxed) by the kernel, the rows to go on from apart from those solved, or the same array."""
    fence = Fence(p.start.shape, dtype)
    fence.array[:] = p.start
    X, relaxed, _, failed = _solved(
        p, method, dtype, threads, None, steps, block, lambda X: (fence.array if apart else X, omega)
    )
    assert fence.intact()
    assert not failed.any()
    return X, relaxed


def solve_observed(p, method, dtype, omega, *, threads=1, steps=3, block=8):
    """(X, what the rows add to the objective) by the kernel, relaxed apart where omega is above 1."""
    relaxed = p.start.astype(dtype)
    X, _, observed, failed = _solved(
        p, method, dtype, threads, None, steps, block, lambda X: (relaxed if omega > 1 else X[:0], omega), observe=True
    )
    assert not failed.any()
    return X, observed


def _solved(p, method, dtype, threads, rows, steps, block, relaxation_of, observe=False):
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
    relaxed, omega = relaxation_of(X.array)
    of_subspace = (block, int(np.diff(p.indptr).max())) if "subspace" in names else (0, 0)
    work = Fence(kernel.workspace(k, *of_subspace, threads, kind).shape, dtype, fill=np.nan)
    observed = Fence((n if observe else 0, 3), np.float64)
    kernel.solve_rows(*given, steps, block, X.array, relaxed, omega, observed.array, failed.array, work.array, threads)
    assert X.intact()
    assert observed.intact()
    assert failed.intact()
    assert work.intact()
    return X.array, relaxed, observed.array, failed.array


def terms(p):
    return np.diff(p.indptr) + p.Y.shape[1]
