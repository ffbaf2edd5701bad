"""One half-step of alternating least squares: all rows of one side, given the factors of the other.

The driver decides what the kernel only carries out: the basis, the form of each row by a cost model, the order of the
rows and the pieces of work, and what happens to a row that float32 cannot solve.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from fastmf._errors import FitDivergedError
from fastmf.kernels import wals
from fastmf.kernels.gramian import gramian
from fastmf.kernels.rotate import rotate

Floats = NDArray[Any]

PIECE_SECONDS = 0.1

# The cost model: seconds of one row on one core in float32, as measured by benchmarks/bench_wals.py --rates.
GATHER_BYTES_PER_SECOND = 2e10
RANK_UPDATE_FLOPS = 2e11
CHOLESKY_FLOPS, CHOLESKY_HALF_SIZE = 2.4e11, 110.0  # a size of CHOLESKY_HALF_SIZE runs at half of the rate
TILE = 16.0  # sizes are rounded up to this
ROW_SECONDS = 4e-7


@dataclass(frozen=True)
class Entries:
    """The stored entries of one side, row by row; a single weight or target serves all entries."""

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    weights: Floats
    targets: Floats
    n_others: int

    @property
    def counts(self) -> NDArray[np.int64]:
        return np.diff(self.indptr)


def row_seconds(n: Floats, factors: int, *, dual: bool) -> Floats:
    """Estimated seconds of rows with n entries by the primal (k x k) or the dual (n x n) form."""
    n = np.asarray(n, float)
    k = float(factors)
    size = np.ceil((n if dual else np.full_like(n, k)) / TILE) * TILE
    update = np.where(dual, size**2 * k, size**2 * n) / RANK_UPDATE_FLOPS
    cholesky = size**2 * (size + CHOLESKY_HALF_SIZE) / 3 / CHOLESKY_FLOPS
    gather = n * k * (8 if dual else 4) / GATHER_BYTES_PER_SECOND
    return update + cholesky + gather + ROW_SECONDS


def dual_limit(counts: NDArray[np.int64], factors: int, n_others: int) -> int:
    """The most entries with which a row takes the dual form; 0 where no row does, for want of enough rows to pay for
    the eigenbasis."""
    n = np.arange(1, factors + 1)
    saved = row_seconds(n, factors, dual=False) - row_seconds(n, factors, dual=True)
    limit = int(n[saved > 0].max(initial=0))
    if limit == 0:
        return 0
    basis = (2.0 * n_others * factors**2) / RANK_UPDATE_FLOPS + 2e-10 * factors**3
    rows = np.bincount(np.minimum(counts, factors + 1), minlength=factors + 2)[1 : limit + 1]
    return limit if rows @ saved[:limit] > basis else 0


def half_step(
    entries: Entries,
    others: Floats,
    ridge: NDArray[np.float64],
    unobserved_weight: float,
    out: Floats,
    *,
    form: str = "auto",
    num_threads: int,
    side: str,
    between: Callable[[], None] = lambda: None,
) -> Floats:
    """Solve every row into `out` and return the other side's factors in the basis of `out`.

    That basis is the eigenbasis of the other side's Gramian where a row takes the dual form; the objective is the same
    in every basis. `between` is called between pieces of about a tenth of a second.
    """
    factors, dtype = others.shape[1], others.dtype
    gram = unobserved_weight * gramian(others, np.empty(0, dtype), num_threads)
    counts = entries.counts
    limit = {"auto": None, "primal": 0, "dual": factors}[form]
    if limit is None:
        limit = dual_limit(counts, factors, entries.n_others)
    eigenvalues = np.empty(0, dtype)
    if limit and unobserved_weight:
        values, basis = scipy.linalg.eigh(gram, driver="evd", overwrite_a=True, check_finite=False)
        values = np.maximum(values, 0.0)
        rotated = np.empty_like(others)
        rotate(others, np.ascontiguousarray(basis, dtype), rotated, num_threads)
        others, gram, eigenvalues = rotated, np.diag(values), values.astype(dtype)
    elif limit:
        eigenvalues = np.zeros(factors, dtype)
    if limit and not np.all(eigenvalues[0] + ridge > 0):
        limit = 0  # a flat direction without regularisation: the dual form would divide by zero
    size = wals.padded(factors, others[0])
    padded = np.zeros((size, size), dtype)
    padded[:factors, :factors] = gram
    order = np.argsort(-counts, kind="stable")
    failed = np.zeros(len(order), np.uint8)
    work = wals.workspace(factors, num_threads, others[0])

    def solve(rows: NDArray[np.int64], flags: NDArray[np.uint8]) -> None:
        wals.solve_rows(
            entries.indptr,
            entries.indices,
            entries.weights,
            entries.targets,
            others,
            padded,
            eigenvalues,
            ridge,
            unobserved_weight,
            limit,
            rows,
            out,
            flags,
            work,
            num_threads,
        )

    for start, stop in pieces(counts[order], factors, limit, num_threads):
        solve(order[start:stop], failed[start:stop])
        between()
    if failed.any():
        rescue(entries, others, padded, ridge, unobserved_weight, order[failed > 0], out, num_threads, side)
    return others


def pieces(counts: NDArray[np.int64], factors: int, limit: int, num_threads: int) -> list[tuple[int, int]]:
    """Ranges of rows that take about PIECE_SECONDS each."""
    if len(counts) == 0:
        return []
    seconds = np.where(
        counts <= limit, row_seconds(counts, factors, dual=True), row_seconds(counts, factors, dual=False)
    )
    number = np.floor(np.cumsum(seconds) / (PIECE_SECONDS * num_threads)).astype(np.int64)
    edges = np.flatnonzero(np.diff(number)) + 1
    return list(zip([0, *edges.tolist()], [*edges.tolist(), len(counts)], strict=True))


def rescue(
    entries: Entries,
    others: Floats,
    gram: Floats,
    ridge: NDArray[np.float64],
    unobserved_weight: float,
    rows: NDArray[np.int64],
    out: Floats,
    num_threads: int,
    side: str,
) -> None:
    """Solve again in float64 the rows whose matrix was not positive definite in the factors' own precision."""
    exact = np.zeros((len(out), out.shape[1]))
    failed = np.zeros(len(rows), np.uint8)
    wide = others.astype(np.float64)
    size = wals.padded(out.shape[1], wide[0])
    padded = np.zeros((size, size))
    padded[: out.shape[1], : out.shape[1]] = gram[: out.shape[1], : out.shape[1]]
    wals.solve_rows(
        entries.indptr,
        entries.indices,
        entries.weights.astype(np.float64),
        entries.targets.astype(np.float64),
        wide,
        padded,
        np.empty(0),
        ridge,
        unobserved_weight,
        0,
        rows,
        exact,
        failed,
        wals.workspace(out.shape[1], num_threads, wide[0]),
        num_threads,
    )
    if failed.any():
        row = int(rows[np.argmax(failed)])
        raise FitDivergedError(
            f"the normal equations of {side} {row} are not positive definite, even in float64: raise regularization "
            f"(here {ridge[row]:.3g} for that row) or unobserved_weight, or lower factors"
        )
    out[rows] = exact[rows]
