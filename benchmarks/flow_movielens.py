"""The whole way on MovieLens 100K: frame, split, tune, evaluate, plot, and the seconds of each part.

    python benchmarks/flow_movielens.py PATH [--trials 20] [--picture flow_movielens.png]

PATH is u.data of GroupLens's archive, the folder it is in or the zip file; where the list of films, u.item, is not
beside it, films are shown by their ids. Two questions are asked of the same ratings: how well stars can be predicted
(BiasedMF, by RMSE), and how good lists of films can be (WALS, by nDCG at 10). Each search holds out a part of the
training part; the test is looked at once, for the best model of each and what it must beat. Needs pandas and the extras
`frames`, `tune` and `plots`.
"""

from __future__ import annotations

import argparse
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd

import fastmf

SECONDS: dict[str, float] = {}  # of each part


@contextmanager
def part(name: str) -> Iterator[None]:
    """Measure and name what is done in it."""
    print(f"\n== {name}", flush=True)
    start = time.perf_counter()
    yield
    SECONDS[name] = time.perf_counter() - start


def frames(path: Path) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """The ratings, their times as dates, and the films if there is a list of them."""
    ratings = path / "u.data" if path.is_dir() else path
    if zipfile.is_zipfile(path):
        ratings = zipfile.Path(path, "ml-100k/u.data")
    with ratings.open() as file:
        frame = pd.read_csv(file, sep="\t", names=["user", "film", "stars", "at"])
    frame["at"] = pd.to_datetime(frame["at"], unit="s")
    films = ratings.parent / "u.item"
    if not films.exists():
        return frame, None
    with films.open(encoding="latin-1") as file:
        return frame, pd.read_csv(file, sep="|", usecols=[0, 1], names=["film", "title"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--trials", type=int, default=20, help="of each of the two searches")
    parser.add_argument("--picture", type=Path, default=Path("flow_movielens.png"))
    arguments = parser.parse_args()

    with part("frame"):
        frame, films = frames(arguments.path)
        ratings = fastmf.Ratings.from_frame(frame, user="user", item="film", value="stars", timestamp="at")
        if films is not None:
            ratings = ratings.with_item_info(films, item="film")
        print(ratings)

    with part("split"):
        train, test = fastmf.split_random(ratings, test=0.2, random_state=0)
        print(f"{train.nnz:,} ratings to learn from, {test.nnz:,} to judge by")

    with part("tune"):
        stars = fastmf.tune(fastmf.BiasedMF(factors=128), train, trials=arguments.trials, random_state=0)
        lists = fastmf.tune(fastmf.WALS(factors=64), train, trials=arguments.trials, random_state=0)
        print(stars, lists, sep="\n\n")

    with part("evaluate"):
        biases = fastmf.BiasedMF(factors=1, regularization=10.0, random_state=0).fit(train)
        popular = fastmf.MostPopular().fit(train)
        for metric, models in {
            "rmse": {"BiasedMF": stars.best_model, "biases alone": biases},
            "ndcg@10": {"WALS": lists.best_model, "most popular": popular},
        }.items():
            judged = {name: fastmf.evaluate(model, test, k=(1, 5, 10, 20, 50)) for name, model in models.items()}
            for name, report in judged.items():
                low, high = report.confidence_interval(metric, random_state=0)
                print(f"{metric:8} {name:13} {report[metric]:.4f}, from {low:.4f} to {high:.4f}")
            ours, bar = judged.values()
            print(f"{metric:8} {ours.compare(bar, metric, random_state=0)}\n")

    with part("plot"):
        fitting, held_out = fastmf.split_random(train, test=0.1, random_state=1)
        watched = fastmf.BiasedMF(**stars.best_model.get_params()).fit(fitting, validation=held_out)
        figure, axes = plt.subplots(2, 2, figsize=(14, 10), layout="constrained")
        fastmf.plots.training_curve(watched, ax=axes[0, 0])
        fastmf.plots.metric_against_k(judged, "ndcg", ax=axes[0, 1])
        fastmf.plots.popularity_bias(lists.best_model, ax=axes[1, 0])
        fastmf.plots.embedding_map(lists.best_model, n=30, ax=axes[1, 1])
        figure.savefig(arguments.picture)
        print(arguments.picture)

    print()
    for name, seconds in {**SECONDS, "total": sum(SECONDS.values())}.items():
        print(f"{name:9}{seconds:7.2f} s")


if __name__ == "__main__":
    main()
