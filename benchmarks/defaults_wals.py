"""The search that WALS's default unobserved_weight and regularization come from.

    python -m benchmarks.defaults_wals FOLDER

from the root of the checkout; FOLDER holds train.txt of the Gowalla split (see quality_gowalla.py). Both are judged on
held-out parts of training data: a fifth of the embedded MovieLens ratings, and a tenth of Gowalla's train.txt, with
test.txt never read. A setting's score on a data set is its NDCG@20 as a share of the best setting's there; the defaults
are the setting whose lower score is highest, at the default factors and iterations.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from pathlib import Path

import numpy as np

import fastmf
from benchmarks import _gowalla
from benchmarks.versus import _harness

K = 20
UNOBSERVED_WEIGHT = (1.0, 0.3, 0.2, 0.1, 0.05, 0.03, 0.01)
REGULARIZATION = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.03)


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    splits = [
        fastmf.split_random(fastmf.movielens(), test=0.2, random_state=args.seed),
        fastmf.split_random(gowalla_train(args.folder), test=0.1, random_state=args.seed),
    ]
    settings = list(itertools.product(UNOBSERVED_WEIGHT, REGULARIZATION))
    found = np.array([[ndcg(*split, *setting, args.seed) for split in splits] for setting in settings])
    shares = found / found.max(axis=0)
    rows = [
        [*map(str, setting), *(f"{value:.4f}" for value in values), f"{share.min():.3f}"]
        for setting, values, share in zip(settings, found, shares, strict=True)
    ]
    rows.sort(key=lambda row: row[-1], reverse=True)
    header = ["unobserved_weight", "regularization", f"MovieLens NDCG@{K}", f"Gowalla NDCG@{K}", "lower share"]
    _harness.print_table(header, rows)


def gowalla_train(folder: Path) -> fastmf.Ratings:
    return fastmf.Ratings.from_sparse(_gowalla.read(folder)[0])


def ndcg(
    train: fastmf.Ratings, test: fastmf.Ratings, unobserved_weight: float, regularization: float, seed: int
) -> float:
    model = fastmf.WALS(unobserved_weight=unobserved_weight, regularization=regularization, random_state=seed)
    return float(fastmf.evaluate(model.fit(train), test, k=K)[f"ndcg@{K}"])


if __name__ == "__main__":
    main(sys.argv[1:])
