"""The pictures of README.md and of the guides, from the embedded MovieLens data.

    python -m benchmarks.pictures [FOLDER]

writes a picture for each function of fastmf.plots to fastmf/guides/pictures, or to FOLDER. Needs the extra `plots`. The
seconds in metric_against_seconds.png are those of the machine it is run on.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from PIL import Image

import fastmf

FOLDER = Path(__file__).parent.parent / "fastmf" / "guides" / "pictures"
TRAIN, TEST = fastmf.split_random(fastmf.movielens(), test=0.2, random_state=0)
COLOURS = 64  # of a picture: few, to keep the files small


def embedding_map(model: fastmf.WALS) -> plt.Figure:
    """The films that most people have rated, in the plane in which their factors differ most."""
    figure, ax = plt.subplots(figsize=(9, 6.5), layout="constrained")
    fastmf.plots.embedding_map(model, n=60, ax=ax)
    ax.set_title("The 60 most rated films: what the same people watch lies close together")
    return figure


def popularity_bias(model: fastmf.WALS) -> plt.Figure:
    """How often films are in lists of ten, by how many people have rated them."""
    figure, ax = plt.subplots(figsize=(7.5, 5), layout="constrained")
    fastmf.plots.popularity_bias(model, k=10, ax=ax)
    return figure


def training_curve() -> plt.Figure:
    """SVD++ on ratings, with a tenth of the training part to validate on."""
    fitting, validation = fastmf.split_random(TRAIN, test=0.1, random_state=1)
    model = fastmf.SVDpp(epochs=30, random_state=0).fit(fitting, validation=validation)
    figure, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
    fastmf.plots.training_curve(model, ax=ax)
    ax.set_title("SVDpp: what is learned of the ratings at hand, and what holds for others", fontsize="medium")
    return figure


def metric_against_k(model: fastmf.WALS) -> plt.Figure:
    """WALS beside the most popular films."""
    models = {"WALS": fastmf.WALS(**model.get_params()).fit(TRAIN), "most popular": fastmf.MostPopular().fit(TRAIN)}
    reports = {
        name: fastmf.evaluate(each, TEST, k=(1, 5, 10, 20, 30, 50), metrics="ndcg") for name, each in models.items()
    }
    figure, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
    fastmf.plots.metric_against_k(reports, "ndcg", ax=ax)
    return figure


def metric_against_seconds() -> plt.Figure:
    """Three models of ratings on their way."""
    models = {
        "BiasedMF": fastmf.BiasedMF(random_state=0),
        "SVDpp": fastmf.SVDpp(random_state=0),
        "WALS with biases": fastmf.WALS(factors=64, unobserved_weight=0, biased=True, random_state=0),
    }
    looks = fastmf.EarlyStopping(TEST, "rmse", patience=100)
    runs = {name: model.fit(TRAIN, callback=looks) for name, model in models.items()}
    figure, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
    fastmf.plots.metric_against_seconds(runs, "rmse", ax=ax)
    return figure


def write(figure: plt.Figure, path: Path) -> None:
    """A PNG of few colours."""
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=100, format="png")
    plt.close(figure)
    picture = Image.open(buffer).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size / 1024:.0f} KB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    model = fastmf.WALS(factors=64, regularization=0.03, unobserved_weight=0.2, random_state=0).fit(fastmf.movielens())
    for draw in (embedding_map, popularity_bias, metric_against_k):
        write(draw(model), folder / f"{draw.__name__}.png")
    for draw_alone in (training_curve, metric_against_seconds):
        write(draw_alone(), folder / f"{draw_alone.__name__}.png")


if __name__ == "__main__":
    main()
