"""Answers of a fitted model beside implicit's: one user alone, folding in, lists of all users in a file, an evaluation.

    python -m benchmarks.versus.serving
    python -m benchmarks.versus.serving --gowalla FOLDER

from the root of the checkout, with pyarrow for the file. Both hold the factors of one WALS fit of 64 factors; the data
have the shape of MovieLens 20M, and folding in also those of Gowalla. Calls take turns A B A B, medians of the rounds;
an evaluation is made once. The ratio says how many times as fast fastmf is. A file is compared with `recommend_all`
alone, and fastmf evaluates all its metrics at five cut-offs where implicit has four at one, with and without AUC, for
which every item is ranked.

Environment: OPENBLAS_NUM_THREADS=1 is what implicit asks for.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

import fastmf
from benchmarks import _gowalla
from benchmarks.versus import _harness
from fastmf.data import Ratings

FACTORS, K, CUTOFFS = 64, 10, (1, 5, 10, 20, 50)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gowalla", type=Path, help="folder with train.txt and test.txt")
    parser.add_argument("--data", default="ml-20m", choices=("ml-1m", "ml-20m"), help="synthetic (default: ml-20m)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args(arguments)
    _harness.print_facts(_harness.facts(["fastmf", "implicit"], args.threads))
    train, test = fastmf.split_random(fastmf.synthetic(args.data), test=0.1, random_state=0)
    model, peer, rows = fitted(train, args.threads)
    table = [one_user(model, peer, rows), fold_in(args.data, model, peer, rows, args.rounds)]
    if args.gowalla is not None:
        table.append(
            fold_in("Gowalla", *fitted(Ratings.from_sparse(_gowalla.read(args.gowalla)[0]), args.threads), args.rounds)
        )
    table += [into_file(model, args.rounds), *evaluations(model, peer, rows, test, args.threads)]
    _harness.print_table(["", "fastmf", "beside it", "ratio"], table)


def fitted(train: Ratings, threads: int) -> tuple[fastmf.WALS, Any, sparse.csr_matrix]:
    """A fit, implicit's model of the same factors, and the rows as implicit takes them."""
    from implicit.cpu.als import AlternatingLeastSquares

    model = fastmf.WALS(factors=FACTORS, iterations=2, num_threads=threads, random_state=0).fit(train)
    peer = AlternatingLeastSquares(factors=FACTORS, num_threads=threads)
    peer.user_factors, peer.item_factors = np.array(model.user_factors), np.array(model.item_factors)
    return model, peer, ones(train)


def ones(ratings: Ratings) -> sparse.csr_matrix:
    """A matrix of ones that a peer may write to."""
    arrays = np.ones(ratings.nnz, np.float32), ratings.indices.copy(), ratings.indptr.astype(np.int32)
    return sparse.csr_matrix(arrays, shape=ratings.shape)


def one_user(model: fastmf.WALS, peer: Any, rows: sparse.csr_matrix) -> list[str]:
    """Milliseconds of a list for one user, what the user has seen left out."""
    users = np.random.default_rng(0).integers(0, rows.shape[0], 300).tolist()
    seen = [rows[user] for user in users]
    own, its = [], []
    for user, row in zip(users, seen, strict=True):
        own.append(seconds(lambda user=user: model.recommend(user, k=K)))
        its.append(seconds(lambda user=user, row=row: peer.recommend(user, row, N=K)))
    return shown("one user, ms, beside implicit", 1e3 * statistics.median(own), 1e3 * statistics.median(its))


def fold_in(name: str, model: fastmf.WALS, peer: Any, rows: sparse.csr_matrix, rounds: int) -> list[str]:
    """Users a second whose rows are solved."""
    some = rows[:20_000]
    own, its = turns(
        rounds, lambda: model.fold_in_users(some), lambda: peer.recalculate_user(np.arange(some.shape[0]), some)
    )
    return shown(
        f"fold-in, {name}, rows a second, beside implicit", some.shape[0] / own, some.shape[0] / its, more=True
    )


def into_file(model: fastmf.WALS, rounds: int) -> list[str]:
    """Seconds of all lists into a Parquet file, and of the lists alone."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lists.parquet")
        own, alone = turns(
            rounds, lambda: model.write_recommendations(path, K), lambda: [None for _ in model.recommend_all(K)]
        )
    return shown("all users into Parquet, s, beside the lists alone", own, alone)


def evaluations(model: fastmf.WALS, peer: Any, rows: sparse.csr_matrix, test: Ratings, threads: int) -> list[list[str]]:
    """Seconds of an evaluation of all users."""
    from implicit.evaluation import ranking_metrics_at_k

    held_out = ones(test)
    its = seconds(lambda: ranking_metrics_at_k(peer, rows, held_out, K=K, show_progress=False, num_threads=threads))
    without = [name for name in fastmf.evaluation.METRICS if name != "auc"]
    table = []
    for title, metrics in (("all metrics", None), ("all but AUC", without)):
        own = seconds(lambda metrics=metrics: fastmf.evaluate(model, test, k=CUTOFFS, metrics=metrics))
        table.append(shown(f"evaluation, {title}, s, beside implicit", own, its))
    return table


def seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def turns(rounds: int, *calls: Callable[[], object]) -> list[float]:
    """Medians of the seconds of calls that take turns."""
    times = [[seconds(call) for call in calls] for _ in range(rounds)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def shown(name: str, own: float, other: float, *, more: bool = False) -> list[str]:
    """A row of the table; the ratio is how many times as fast fastmf is."""
    ratio = own / other if more else other / own
    return [name, f"{own:,.0f}" if more else f"{own:.3f}", f"{other:,.0f}" if more else f"{other:.3f}", f"{ratio:.2f}"]


if __name__ == "__main__":
    main(sys.argv[1:])
