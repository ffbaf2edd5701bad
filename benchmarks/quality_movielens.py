"""Cross-validated RMSE and MAE on MovieLens 100K.

    python benchmarks/quality_movielens.py u.data

u.data is the file of GroupLens's archive: user, item, rating, time, separated by tabs; a file with a line of headings
works too. Five random folds, seed 0, means over the folds. The settings of each model stand below. Those of
BiasedMF and SVDpp are within 0.001 of the best that `--tune` finds, which looks at the first fold's training part alone
and holds out a tenth of that; BiasedMF with fewer factors (64) was cross-validated before. Those of WALS were not
searched for.
"""

from __future__ import annotations

import argparse
import itertools
import time
from pathlib import Path

import numpy as np

import fastmf

SETTINGS: dict[str, dict[str, object]] = {
    "BiasedMF": {
        "optimizer": "sgd",
        "factors": 256,
        "epochs": 30,
        "learning_rate": 0.02,
        "decay": 0.05,
        "regularization": 0.07,
    },
    "SVDpp": {
        "factors": 256,
        "epochs": 15,
        "learning_rate": 0.05,
        "decay": 0.1,
        "regularization": 0.07,
        "implicit_regularization": 0.07,
        "bias_regularization": 0.02,
    },
    "WALS": {"factors": 32, "iterations": 10, "unobserved_weight": 0.0, "regularization": 0.12, "biased": True},
}
GRIDS: dict[str, dict[str, tuple[object, ...]]] = {
    "BiasedMF": {
        "optimizer": ("sgd",),
        "factors": (64, 128, 256, 512),
        "epochs": (20, 30, 40),
        "learning_rate": (0.015, 0.02, 0.03),
        "decay": (0.05,),
        "regularization": (0.06, 0.07, 0.08),
    },
    "SVDpp": {
        "factors": (64, 128, 256),
        "epochs": (10, 15, 20),
        "learning_rate": (0.05, 0.07),
        "decay": (0.1,),
        "regularization": (0.05, 0.07, 0.09),
        "implicit_regularization": (0.02, 0.07),
        "bias_regularization": (0.005, 0.02),
    },
}


def read(path: Path) -> fastmf.Ratings:
    """The ratings in a file of GroupLens's layout, with or without a line of headings."""
    with path.open() as file:
        header = not file.readline().split("\t")[0].isdigit()
    return fastmf.Ratings.from_csv(path, user=0, item=1, value=2, timestamp=3, separator="\t", header=header)


def cross_validate(name: str, ratings: fastmf.Ratings, settings: dict[str, object]) -> None:
    """Print RMSE and MAE of one model, fold by fold in the mean."""
    scores, seconds = [], []
    for train, test in fastmf.kfold(ratings, 5, random_state=0):
        start = time.perf_counter()
        model = getattr(fastmf, name)(**settings, random_state=0).fit(train)
        seconds.append(time.perf_counter() - start)
        scores.append((fastmf.rmse(model, test), fastmf.mae(model, test)))
    rmse, mae = np.mean(scores, axis=0)
    print(f"{name:<10} RMSE {rmse:.4f}  MAE {mae:.4f}  {np.mean(seconds):.2f} s a fold  {settings}", flush=True)


def tune(name: str, ratings: fastmf.Ratings) -> None:
    """The grid of a model on a hold-out of one training part, best first."""
    train, _ = next(iter(fastmf.kfold(ratings, 5, random_state=0)))
    fit, held_out = fastmf.split_random(train, test=0.1, random_state=1)
    results = []
    for values in itertools.product(*GRIDS[name].values()):
        settings = dict(zip(GRIDS[name], values, strict=True))
        model = getattr(fastmf, name)(**settings, random_state=0).fit(fit)
        results.append((fastmf.rmse(model, held_out), settings))
    for score, settings in sorted(results, key=lambda result: result[0])[:10]:
        print(f"{score:.4f}  {settings}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--tune", choices=GRIDS, help="search the grid of this model instead")
    arguments = parser.parse_args()
    ratings = read(arguments.path)
    print(ratings)
    if arguments.tune:
        tune(arguments.tune, ratings)
        return
    for name, settings in SETTINGS.items():
        cross_validate(name, ratings, settings)


if __name__ == "__main__":
    main()
