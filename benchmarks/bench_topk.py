"""How fast the best k items are found: users a second, the share of GEMM peak, and milliseconds of one user alone.

    python -m benchmarks.bench_topk
    python -m benchmarks.bench_topk --items 1000000 --users 4000

Items of equal length show the kernel, since none can be skipped; items whose lengths differ, as those of a fit do, show
what skipping is worth, and may pass GEMM peak. "seen" leaves 144 items out of each list. One user is asked
as a model asks, with an order of the items that is kept. The first lists are checked against float64.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import sparse

from benchmarks.bench_wals import gemm_peak
from benchmarks.versus._harness import numbers, print_table
from benchmarks.versus._tasks import Retrieval
from fastmf import _threads
from fastmf.kernels.simd import table
from fastmf.retrieval import longest_first, top_k

K, SEEN, CHECKED = 10, 144, 50
SPREAD = {"equal": 0.0, "as fitted": 0.6}  # of the logarithms of the lengths of items


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=26_744, help="default: as many as MovieLens 20M has")
    parser.add_argument("--users", type=int, default=20_000)
    parser.add_argument("--factors", type=numbers, default=[64, 128], help="default: 64,128")
    parser.add_argument("--threads", type=int)
    args = parser.parse_args()
    threads, peak = _threads.effective(args.threads).count, gemm_peak()
    print(f"{args.users:,} users, {args.items:,} items, k = {K}, {threads} threads, {table.chosen()}")
    print(f"GEMM peak of one thread: {peak:.0f} GFLOP/s")
    rows = []
    for factors in args.factors:
        for lengths, spread in SPREAD.items():
            task = problem(args.users, args.items, factors, spread, threads)
            users, items = task.users, task.items
            order = longest_first(items, num_threads=threads)
            one = median(partial(top_k, users[:1], items, K, order=order, num_threads=threads), 50)
            for name, seen in (("none", None), ("seen", (task.seen.indptr, task.seen.indices))):
                search = partial(top_k, users, items, K, seen=seen, num_threads=threads)
                recall = task.recall_of(search()[0][:CHECKED], filtered=seen is not None)
                if recall < 1:
                    raise SystemExit(f"the lists hold only {recall:.2%} of the best")
                seconds = median(search, 3)
                share = 2e-9 * len(users) * items.size / seconds / (peak * threads)
                speed = f"{len(users) / seconds:,.0f}"
                rows.append([f"{factors}", lengths, name, speed, f"{share:.0%}", f"{1e3 * one:.3f}"])
    print_table(["factors", "lengths", "filter", "users/s", "of GEMM peak", "ms for one"], rows)


def problem(n: int, n_items: int, factors: int, spread: float, threads: int) -> Retrieval:
    """Users, items whose lengths are log-normal, and SEEN items for each user."""
    rng = np.random.default_rng(0)
    users, items = (rng.standard_normal((rows, factors), np.float32) for rows in (n, n_items))
    lengths = np.exp(spread * rng.standard_normal((n_items, 1), np.float32))
    items *= lengths / np.linalg.norm(items, axis=1, keepdims=True)
    first = rng.integers(0, n_items // SEEN, (n, 1))  # every so many items, from one of the first
    seen = (first + n_items // SEEN * np.arange(SEEN)).ravel().astype(np.int32)
    rows = sparse.csr_matrix((np.ones(seen.size, np.float32), seen, np.arange(n + 1) * SEEN), shape=(n, n_items))
    return Retrieval(users, items, rows, K, threads, 1.0)


def median(run: Callable[[], object], repeats: int) -> float:
    """Seconds of a call."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()
