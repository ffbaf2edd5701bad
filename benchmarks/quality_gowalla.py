"""WALS on Gowalla check-ins: Recall@20 and NDCG@20 after each iteration, with the seconds.

    python -m benchmarks.quality_gowalla FOLDER
    python -m benchmarks.quality_gowalla FOLDER --factors 256 --unobserved-weight 0.03 --regularization 0.002
    python -m benchmarks.quality_gowalla FOLDER --popularity 0.5 --regularization 0.002
    python -m benchmarks.quality_gowalla FOLDER --tune

from the root of the checkout; FOLDER holds train.txt and test.txt of the split published with LightGCN, and the
protocol is that of its published tables (_gowalla.py). versus/quality.py has irspack beside it.

With a --popularity p, what is not there weighs more for popular items, which people know and yet did not choose (He et
al. 2016): c_i in proportion to (1 + n_i)^p, with the unobserved weight as its mean.

The settings below and above were chosen with --tune, which holds out a tenth of train.txt and never reads test.txt, the
second line's with --factors 256. Seconds are those of the iterations, without reading, ranking and set-up.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

import fastmf
from benchmarks import _gowalla
from benchmarks._gowalla import K
from benchmarks.versus import _harness

SETTINGS = {"unobserved_weight": 0.014, "regularization": 0.003, "iterations": 1, "popularity": 0.0}
GRID = {
    "unobserved_weight": (0.04, 0.03, 0.02, 0.014, 0.01, 0.007),
    "regularization": (0.002, 0.003, 0.004, 0.006),
    "iterations": (1, 2, 3),
    "popularity": (0.0, 0.25, 0.5),
}


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=SETTINGS["iterations"])
    parser.add_argument("--unobserved-weight", type=float, default=SETTINGS["unobserved_weight"])
    parser.add_argument("--regularization", type=float, default=SETTINGS["regularization"])
    parser.add_argument("--popularity", type=float, default=SETTINGS["popularity"])
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tune", action="store_true", help="search the grid on a hold-out of train.txt")
    args = parser.parse_args(arguments)
    train, test = _gowalla.read(args.folder)
    _harness.print_facts(_harness.facts(["fastmf"], fastmf._threads.effective(args.threads).count))
    if args.tune:
        tune(train, args)
    else:
        curve(train, test, args)


def fitted(train: sparse.csr_matrix, args: argparse.Namespace, **settings: Any) -> fastmf.WALS:
    """The binary form of iALS: weight 1 on stored pairs, all of J in proportion to the counts (exponent 1)."""
    chosen = {name: getattr(args, name) for name in ("factors", *GRID)} | settings
    power = chosen.pop("popularity")
    if power:
        share = (1.0 + np.bincount(train.indices, minlength=train.shape[1])) ** power
        chosen["unobserved_weight"] = chosen["unobserved_weight"] * share / share.mean()
    model = fastmf.WALS(**chosen, regularization_exponent=1.0, num_threads=args.threads, random_state=args.seed)
    return model.fit(train)


def curve(train: sparse.csr_matrix, test: sparse.csr_matrix, args: argparse.Namespace) -> None:
    """Each point is a fit of its own: fits with one seed share their first iterations."""
    rows = []
    for iterations in range(1, args.iterations + 1):
        model = fitted(train, args, iterations=iterations)
        seconds = sum(record["seconds"] for record in model.history)
        recall, ndcg = recall_and_ndcg(model, test)
        rows.append([f"{iterations}", f"{seconds:.3f}", f"{recall:.4f}", f"{ndcg:.4f}"])
    _harness.print_table(["iteration", "seconds", f"Recall@{K}", f"NDCG@{K}"], rows)


def tune(train: sparse.csr_matrix, args: argparse.Namespace) -> None:
    fit, validation = _gowalla.held_out(train, args.seed)
    rows = []
    for values in itertools.product(*GRID.values()):
        model = fitted(fit, args, **dict(zip(GRID, values, strict=True)))
        recall, ndcg = recall_and_ndcg(model, validation)
        rows.append([*map(str, values), f"{recall:.4f}", f"{ndcg:.4f}"])
    rows.sort(key=lambda row: row[-1], reverse=True)
    _harness.print_table([*GRID, f"Recall@{K}", f"NDCG@{K}"], rows)


def recall_and_ndcg(model: fastmf.WALS, test: sparse.csr_matrix) -> tuple[float, float]:
    """Means over users with test items, from the lists the model recommends."""
    users = np.flatnonzero(np.diff(test.indptr))
    lists, _ = model.recommend(users, k=K)
    return _gowalla.recall_and_ndcg(lists, users, test)


if __name__ == "__main__":
    main(sys.argv[1:])
