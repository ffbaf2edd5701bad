"""How fast SGD goes: millions of updates a second by factors, optimizer, mode and threads, and the seconds of the grid.
SVD++ stands last, with its seconds beside those of an epoch of blocked SGD.

    python -m benchmarks.bench_sgd                 the shape of MovieLens 20M
    python -m benchmarks.bench_sgd --data ml-1m

An update is one rating visited once. "roof" is its share of the slower of 8 k flops at GEMM peak and 16 k bytes (a
row of each side read and written) at the speed of copying 16 MB, which cells in the second-level cache may pass. The
train loss of the last epoch is shown so that a fast wrong kernel would show.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import fastmf
from benchmarks.bench_wals import best, gemm_peak
from fastmf.kernels.simd import table
from fastmf.models import _svdpp_fit
from fastmf.models._sgd_fit import Descent, Rule
from fastmf.models._sgd_grid import make_grid
from fastmf.models._sgd_pieces import Learning

EPOCHS = 5


def copy_speed() -> float:
    """GB/s, read and written, of copying 16 MB on one thread."""
    source = np.ones(2**21)
    target = np.empty_like(source)
    return 2 * source.nbytes / best(lambda: np.copyto(target, source)) / 1e9


def measured(descent: Learning, rate: float) -> tuple[float, float]:
    """Seconds of an epoch in the median, and the loss of the last one."""
    seconds = []
    for _ in range(EPOCHS):
        start = time.perf_counter()
        loss = descent.run_epoch(rate)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)), loss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="ml-20m", help="a shape of fastmf.synthetic")
    parser.add_argument("--factors", type=int, nargs="+", default=[16, 32, 64, 100, 128])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    arguments = parser.parse_args()
    ratings = fastmf.synthetic(arguments.data)
    peak, copied = gemm_peak(), copy_speed()
    print(f"{arguments.data}: {ratings}; instruction set {table.chosen()}")
    print(f"one thread: GEMM {peak:.0f} GFLOP/s, copying {copied:.0f} GB/s")
    titles = ("k", "optimizer", "mode", "threads", "grid s", "s/epoch", "M/s", "roof", "loss")
    print("{:>4} {:<9} {:<8}{:>8}{:>8}{:>9}{:>8}{:>6}{:>8}".format(*titles))
    for factors in arguments.factors:
        roof = min(peak * 1e9 / (8 * factors), copied * 1e9 / (16 * factors))
        for threads in arguments.threads:
            start = time.perf_counter()
            grid = make_grid(ratings, ratings.data, np.ones(1, np.float32), 4 * factors, 0, threads)
            setup = time.perf_counter() - start
            mean = float(ratings.data.mean())
            for optimizer in ("sgd", "adagrad"):
                adagrad = optimizer == "adagrad"
                blocked = 0.0
                for mode in ("blocked", "hogwild", "svd++"):
                    descent: Learning
                    if mode == "svd++":
                        terms = _svdpp_fit.Rule(adagrad=adagrad, penalties=(0.05, 0.05, 0.05, 0.01), mean=mean)
                        descent = _svdpp_fit.Descent(
                            ratings, ratings.data, np.ones(1, np.float32), factors, terms, 0, threads
                        )
                    else:
                        rule = Rule(
                            loss="squared",
                            adagrad=adagrad,
                            nonnegative=False,
                            hogwild=mode == "hogwild",
                            penalties=(0.05, 0.05, 0.01),
                            mean=mean,
                        )
                        descent = Descent(grid, factors, rule, 0.3, 0, threads)
                    median, loss = measured(descent, 0.05 if adagrad else 0.02)
                    blocked = blocked or median
                    rate = ratings.nnz / median
                    share = f"x{median / blocked:.1f}" if mode == "svd++" else f"{rate / threads / roof:.0%}"
                    print(
                        f"{factors:>4} {optimizer:<9} {mode:<8}{threads:>8}{setup:>8.2f}{median:>9.3f}"
                        f"{rate / 1e6:>8.1f}{share:>6}{loss / ratings.nnz:>8.4f}",
                        flush=True,
                    )


if __name__ == "__main__":
    main()
