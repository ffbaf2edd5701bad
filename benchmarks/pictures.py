"""The pictures of README.md and of the guides, from the embedded MovieLens data.

    python -m benchmarks.pictures [FOLDER]

writes embedding_map.png and popularity_bias.png to fastmf/guides/pictures, or to FOLDER. Needs the extra `plots`.
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
    for draw in (embedding_map, popularity_bias):
        write(draw(model), folder / f"{draw.__name__}.png")


if __name__ == "__main__":
    main()
