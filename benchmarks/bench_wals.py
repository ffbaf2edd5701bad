"""How fast WALS solves a row: useful GFLOP/s by method, factors and entries, as a share of GEMM peak, on one thread.

    python benchmarks/bench_wals.py            the table
    python benchmarks/bench_wals.py --rates    the constants of the cost model in fastmf/models/_cost.py

Useful flops are those of the method's own formula: for the primal form n k^2 (one triangle) and k^3 / 3. Every row is
checked against a float64 solve before it is timed.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import scipy.optimize
import threadpoolctl

from fastmf.kernels import wals
from fastmf.kernels.simd import table
from fastmf.models._cost import TILE

CATALOGUE = 4096  # rows of the other side: small enough for L3, so that the arithmetic is what is timed
METHODS = {"primal": wals.PRIMAL, "dual": wals.DUAL, "cg": wals.CG, "subspace": wals.SUBSPACE}


def best(run: Callable[[], object], seconds: float = 0.3) -> float:
    """The least time of a call, over about so many seconds."""
    times = []
    while sum(times) < seconds or len(times) < 3:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def gemm_peak() -> float:
    """GFLOP/s of a 1024^3 product in float32 on one thread."""
    a = np.random.default_rng(0).random((1024, 1024), np.float32)
    with threadpoolctl.threadpool_limits(1):
        return 2 * 1024**3 / best(lambda: a @ a) / 1e9


def row_seconds(method: int, n: int, k: int, cg_steps: int = 3, block_size: int = 64) -> float:
    """Seconds of one row with n entries by one method, the answer checked."""
    rng = np.random.default_rng(0)
    rows = max(8, min(2000, int(2e7 / (n * k))))
    others = rng.normal(size=(CATALOGUE, k)).astype(np.float32)
    values, basis = np.linalg.eigh(0.1 * others.T.astype(float) @ others)
    others = (others @ basis).astype(np.float32)
    indptr = np.arange(rows + 1, dtype=np.int64) * n
    picks = [np.sort(rng.choice(CATALOGUE, n, replace=False)) for _ in range(rows)]
    indices = np.concatenate(picks).astype(np.int32)
    one, out, failed = np.ones(1, np.float32), np.zeros((rows, k), np.float32), np.zeros(rows, np.uint8)
    size = wals.padded(k, one)
    gram = np.zeros((size, size), np.float32)
    gram[range(k), range(k)] = values
    work = wals.workspace(k, block_size, n, 1, one)

    def run() -> None:
        wals.solve_rows(
            indptr,
            indices,
            1.1 * one,
            one,
            others,
            0.1 * one,
            gram,
            values.astype(np.float32),
            np.ones(rows),
            np.ones(1),
            np.arange(rows),
            np.full(rows, method, np.uint8),
            cg_steps,
            block_size,
            out,
            out[:0],
            1.0,
            np.empty((0, 3)),
            failed,
            work,
            1,
        )

    run()
    y = others[picks[0]].astype(float)
    exact = np.linalg.solve(np.diag(values) + y.T @ y + np.eye(k), 1.1 * y.sum(axis=0))
    if method in (wals.PRIMAL, wals.DUAL):
        assert np.abs(out[0] - exact).max() < 1e-4 * np.abs(exact).max()
    return best(run) / rows


def useful_flops(method: int, n: int, k: int, cg_steps: int = 3, block: int = 64) -> float:
    """Flops of the method's own formula."""
    block = min(block, k)
    return {
        wals.PRIMAL: n * k**2 + k**3 / 3 + 2 * k**2 + 4 * n * k,
        wals.DUAL: n**2 * k + n**3 / 3 + 2 * n**2 + 4 * n * k,
        wals.CG: (1 + cg_steps) * 4 * n * k,
        wals.SUBSPACE: n * k * (block + 6) + k * block**2 / 3,
    }[method]


def table_of_rates(factors: list[int]) -> None:
    """Print GFLOP/s and the share of GEMM peak."""
    peak = gemm_peak()
    print(f"instruction set {table.chosen()}; GEMM peak on one thread {peak:.0f} GFLOP/s")
    print(f"{'method':<10}{'k':>5}{'entries':>9}{'us a row':>11}{'GFLOP/s':>10}{'of peak':>9}")
    for name, method in METHODS.items():
        for k in factors:
            for n in (16, 64, 256, 1024):
                if method == wals.DUAL and n > k:
                    continue
                seconds = row_seconds(method, n, k)
                rate = useful_flops(method, n, k) / seconds / 1e9
                print(f"{name:<10}{k:>5}{n:>9}{seconds * 1e6:>11.2f}{rate:>10.1f}{rate / peak:>9.0%}", flush=True)


def fit_rates() -> None:
    """Least squares of the cost model, linear in the inverse rates, on relative errors."""
    terms, times = [], []
    for method in METHODS.values():
        for k in (16, 32, 64, 128, 256, 512):
            for n in (8, 24, 64, 160, 400):
                if method == wals.DUAL and n > k:
                    continue
                block = min(64, k)
                size = np.ceil((n if method == wals.DUAL else block if method == wals.SUBSPACE else k) / TILE) * TILE
                systems = {wals.CG: 0, wals.SUBSPACE: k / block}.get(method, 1)
                update = {
                    wals.PRIMAL: size**2 * n,
                    wals.DUAL: size**2 * k,
                    wals.CG: 0,
                    wals.SUBSPACE: n * k * block,
                }[method]
                stream = 4 * n * k if method == wals.SUBSPACE else 0
                gather = 4 * n * k * {wals.PRIMAL: 1, wals.CG: 0}.get(method, 2)
                passes = 5 if method == wals.CG else 0  # three steps, and two for where they begin
                row = [update, systems * size**3 / 3, systems * size**2 / 3, stream, gather, 4 * n * k * passes, passes]
                terms.append([*row, 1.0])
                times.append(row_seconds(method, n, k))
    terms, times = np.array(terms), np.array(times)
    x, _ = scipy.optimize.nnls(terms / times[:, None], np.ones(len(times)))
    error = np.exp(np.abs(np.log(terms @ x / times)).mean()) - 1
    print(f"RANK_UPDATE_FLOPS = {1 / x[0]:.2g}")
    print(f"CHOLESKY_FLOPS, CHOLESKY_HALF_SIZE = {1 / x[1]:.2g}, {x[2] / x[1]:.0f}")
    print(f"STREAM_FLOPS = {1 / x[3]:.2g}")
    print(f"GATHER_BYTES = {1 / x[4]:.2g}")
    print(f"PASS_BYTES = (2**20, {1 / x[5]:.2g}), ...")
    print(f"PASS_SECONDS = {x[6]:.1g}")
    print(f"ROW_SECONDS = {x[7]:.1g}")
    print(f"# off by {error:.0%} on average over {len(times)} rows")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rates", action="store_true", help="fit the constants of the cost model")
    parser.add_argument("--factors", type=int, nargs="+", default=[16, 32, 64, 128, 256, 512])
    arguments = parser.parse_args()
    if arguments.rates:
        fit_rates()
    else:
        table_of_rates(arguments.factors)


if __name__ == "__main__":
    main()
