"""The best k items of every user, in several libraries: users a second, and the share of GEMM peak.

    python -m benchmarks.versus.topk
    python -m benchmarks.versus.topk --factors 64,128 --libraries fastmf,faiss --users 20000

from the root of the checkout. Factors are those of a WALS fit to synthetic data; the catalogue is all of its items.
Contenders take turns A B A B over the same users; recall is the share of the true best, by float64, that the answers to
the first users hold. What each contender filters stands in its name; faiss filters nothing. Building an index is not
timed; an approximate one is searched with the least effort that reaches the recall asked for.

Environment: OPENBLAS_NUM_THREADS=1 keeps BLAS out of the threads of the libraries that call it from their own.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np
from scipy import sparse

import fastmf
from benchmarks.bench_wals import gemm_peak
from benchmarks.versus import _harness
from benchmarks.versus._tasks import Retrieval
from fastmf.data import synthetic

CHECKED = 500  # users whose lists are compared with float64


def main(arguments: list[str]) -> None:
    parser = _harness.arguments(__doc__, ("fastmf", "faiss", "implicit", "numpy"))
    parser.add_argument("--data", default="ml-20m", choices=("ml-1m", "ml-20m"), help="synthetic (default: ml-20m)")
    parser.add_argument("--k", type=int, default=10)
    parser.add_argument("--users", type=int, default=40_000, help="how many are asked for, at random (default: 40000)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--recall", type=float, default=0.99, help="of approximate indexes (default: .99)")
    args = parser.parse_args(arguments)
    found = _harness.facts(args.libraries, args.threads)
    _harness.print_facts(found)
    peak = gemm_peak()
    print(f"GEMM peak of one thread: {peak:.0f} GFLOP/s")
    ratings = synthetic(args.data)
    chosen = np.random.default_rng(args.seed).permutation(ratings.n_users)[: args.users]
    results = {}
    for factors in args.factors:
        model = fastmf.WALS(factors=factors, iterations=2, random_state=args.seed).fit(ratings)
        seen = sparse.csr_matrix(
            (np.ones(ratings.nnz, np.float32), ratings.indices, ratings.indptr), shape=ratings.shape
        )[chosen]
        users = np.ascontiguousarray(model.user_factors[chosen])
        task = Retrieval(users, model.item_factors, seen, args.k, args.threads, args.recall)
        title = f"{len(users)} users x {ratings.n_items} items, {factors} factors, k = {args.k}"
        results[title] = compare(task, args)
        show(title, task, results[title], peak)
    if args.json:
        _harness.write_json(args.json, found, results)


def compare(task: Retrieval, args: argparse.Namespace) -> list[_harness.Result]:
    """Seconds of each round of each contender, and as quality at k the recall of its last answer."""
    contenders = [c for library in _harness.adapters(args.libraries) for c in library.retrieval(task)]
    contenders = _harness.chosen(contenders, args.solvers)
    searches = [contender.open() for contender in contenders]
    results = [_harness.Result(contender.name) for contender in contenders]
    for search in searches:  # warm up
        search(task.users[:256], task.seen[:256])
    for _ in range(args.rounds):
        for search, result in zip(searches, results, strict=True):
            started = time.perf_counter()
            answer = search(task.users, task.seen)
            result.seconds.append(time.perf_counter() - started)
            result.quality[task.k] = task.recall_of(answer[:CHECKED], filtered="no filter" not in result.name)
    return results


def show(title: str, task: Retrieval, results: list[_harness.Result], peak: float) -> None:
    flops = 2.0 * len(task.users) * task.items.size
    rows = [
        [
            result.name,
            f"{len(task.users) / result.iteration:.0f}",
            f"{flops / result.iteration / 1e9 / (peak * task.threads):.0%}",
            f"{result.quality[task.k]:.4f}",
        ]
        for result in sorted(results, key=lambda result: result.iteration)
    ]
    print(f"\n{title}")
    _harness.print_table(["", "users/s", "of GEMM peak", "recall"], rows)


if __name__ == "__main__":
    main(sys.argv[1:])
