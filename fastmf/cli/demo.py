"""fastmf demo: the whole path on the embedded data, from ratings to lists of films by title."""

from __future__ import annotations

import argparse
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

import fastmf
from fastmf import _threads
from fastmf.cli import options
from fastmf.cli.answer import Answer, fit, share, table
from fastmf.data import Ratings, movielens
from fastmf.evaluation import evaluate, split_random
from fastmf.kernels.simd import table as leaves
from fastmf.models import WALS, BiasedMF, FactorModel, MostPopular

SEED = 0
K = 10
PEOPLE = (96, 401, 582)  # users of MovieLens with tastes that can be told apart
FILMS = ("Alien", "Lion King, The", "Casablanca")
WIDTH = 98
LIST = 6  # lines of the lists that are shown

READING = """\
RMSE is the error of predicted stars; the rest is of lists of 10 films that leave out what a person
rated in training. BiasedMF learns to predict stars, WALS to say what a person will watch: each is
best at what it minimises."""

CHOOSING = "For You: WALS chooses, BiasedMF predicts the stars; both have now learned from all ratings."


def add(commands: Any) -> None:
    """The command."""
    parser = commands.add_parser(
        "demo",
        help="the whole path on the embedded MovieLens data",
        description="Describe the embedded MovieLens data, fit three models to it and compare them, recommend films.",
        allow_abbrev=False,
    )
    options.add_threads(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def models(threads: int | None) -> tuple[MostPopular, BiasedMF, WALS]:
    """The three models to compare, the weakest first; good parameters for data of this size."""
    common: dict[str, Any] = {"num_threads": threads, "random_state": SEED}
    return (
        MostPopular(num_threads=threads),
        BiasedMF(factors=64, **common),
        WALS(factors=64, iterations=10, regularization=0.03, unobserved_weight=0.2, **common),
    )


def run(arguments: argparse.Namespace) -> Answer:
    """Describe, compare, recommend; each part is printed when it is known."""
    say: Callable[[str], None] = (lambda text: None) if arguments.json else (lambda text: print(text, flush=True))
    ratings = movielens()
    say(f"{_described(ratings)}\n")

    train, test = split_random(ratings, 0.2, random_state=SEED)
    threads = _threads.effective(arguments.threads)
    kernels = f"{threads.count} thread{'s' * (threads.count != 1)}, {leaves.chosen()}"
    say(f"Three models learn from {train.nnz:,} ratings and are judged by the other {test.nnz:,} ({kernels}):\n")
    compared = [_judged(model, train, test) for model in models(arguments.threads)]
    say(f"{_comparison(compared)}\n\n{READING}\n")

    _, stars, ranker = models(arguments.threads)
    for model in (stars, ranker):
        model.fit(ratings, **options.progress_of(model))
    named = _names(ratings)
    people = [_for_you(person, ratings, named, ranker, stars) for person in PEOPLE]
    say(f"{CHOOSING}\n\n{_lists(people)}\n")
    films = [_like(title, ratings, named, ranker) for title in FILMS]

    document = {"ratings": ratings.describe(), "models": compared, "for_you": people, "similar": films}
    more = "Your own ratings: fastmf train ratings.csv --out model.fmf; fastmf recommend model.fmf --user 42"
    return Answer(
        document, f"Films like three that you know, with the cosine of their factors\n\n{_likes(films)}\n\n{more}"
    )


# -- what is found ------------------------------------------------------------------------------------------------


def _judged(model: options.Trainable, train: Ratings, test: Ratings) -> dict[str, Any]:
    start = time.perf_counter()
    model.fit(train, **options.progress_of(model))
    seconds = time.perf_counter() - start
    report = evaluate(model, test, k=K, metrics=("recall", "ndcg", "coverage", "rmse"), num_threads=model.num_threads)
    figures = {name: report.get(name) for name in ("rmse", f"recall@{K}", f"ndcg@{K}", f"coverage@{K}")}
    return {"model": type(model).__name__, "parameters": model.get_params(), **figures, "seconds": seconds}


def _for_you(
    person: int, ratings: Ratings, named: list[dict[str, Any]], ranker: FactorModel, stars: FactorModel
) -> dict[str, Any]:
    """What a person liked best, and what the models say."""
    assert ratings.users is not None  # nor, below, is items: movielens() has both
    assert ratings.items is not None
    row = slice(*ratings.indptr[ratings.users.number(person) :][:2].tolist())
    films, given = ratings.indices[row], ratings.data[row]
    best = np.lexsort((-ratings.item_counts[films], -given))[:LIST]  # among equals those that many people know
    chosen, _ = ranker.recommend(person, LIST)
    predicted = stars.predict(person, chosen)
    return {
        "user": person,
        "rated": len(films),
        "liked": [{**named[films[at]], "stars": float(given[at])} for at in best],
        "for_you": [
            {**named[ratings.items.number(film)], "stars": round(float(value), 2)}
            for film, value in zip(chosen.tolist(), predicted, strict=True)
        ],
    }


def _like(title: str, ratings: Ratings, named: list[dict[str, Any]], model: FactorModel) -> dict[str, Any]:
    assert ratings.items is not None
    number = int(np.flatnonzero(ratings.item_info["title"] == title)[0])
    similar, cosines = model.similar_items(ratings.items.ids[number], LIST)
    return {
        **named[number],
        "similar": [
            {**named[ratings.items.number(film)], "cosine": round(float(cosine), 4)}
            for film, cosine in zip(similar.tolist(), cosines, strict=True)
        ],
    }


def _names(ratings: Ratings) -> list[dict[str, Any]]:
    """Title and year of each film, the title as people say it: "The Matrix" for "Matrix, The", without a second one."""
    first = (title.partition(" (")[0] for title in ratings.item_info["title"].tolist())
    said = (re.sub(r"^(.*), (The|A|An)$", r"\2 \1", title) for title in first)
    return [
        {"title": title, "year": year or None}
        for title, year in zip(said, ratings.item_info["year"].tolist(), strict=True)
    ]


# -- as text ------------------------------------------------------------------------------------------------------


def _described(ratings: Ratings) -> str:
    facts = ratings.describe()
    first, last = (datetime.fromtimestamp(facts[when], UTC).year for when in ("first", "last"))
    per_user, per_item = facts["ratings_per_user"], facts["ratings_per_item"]
    return "\n".join(
        [
            f"fastmf {fastmf.__version__} on MovieLens latest-small: {facts['ratings']:,} ratings of "
            f"{facts['items']:,} films by {facts['users']:,} people, {first} to {last}.",
            f"{share(facts['density'])} of all pairs are rated, {facts['minimum']:g} to {facts['maximum']:g} stars, "
            f"{facts['mean']:.2f} on average.",
            f"Half of the people have rated at least {per_user['median']:.0f} films, half of the films at most "
            f"{per_item['median']:.0f} times.",
            "(F. M. Harper and J. A. Konstan 2015; for research only, see fastmf/data/embedded/TERMS.md.)",
        ]
    )


def _comparison(compared: list[dict[str, Any]]) -> str:
    heading = ["", "RMSE", f"recall@{K}", f"nDCG@{K}", f"coverage@{K}", "seconds"]
    rows = [
        [
            model["model"],
            "-" if model["rmse"] is None else f"{model['rmse']:.4f}",
            f"{model[f'recall@{K}']:.4f}",
            f"{model[f'ndcg@{K}']:.4f}",
            f"{model[f'coverage@{K}']:.1%}",
            f"{model['seconds']:.2f}",
        ]
        for model in compared
    ]
    return "\n".join(f"  {line}" for line in table([heading, *rows], right=range(1, len(heading)), gap="    "))


def _lists(people: list[dict[str, Any]]) -> str:
    half = (WIDTH - 3) // 2
    blocks = []
    for person in people:
        left = [f"Person {person['user']} liked, of {person['rated']} films", *_starred(person["liked"], half)]
        right = ["For You", *_starred(person["for_you"], half)]
        blocks.append("\n".join(f"{a:<{half}}   {b}" for a, b in zip(left, right, strict=True)))
    return "\n\n".join(blocks)


def _starred(films: list[dict[str, Any]], width: int) -> list[str]:
    return [f"  {film['stars']:.1f}  {_dated(film, width - 7)}" for film in films]


def _dated(film: dict[str, Any], width: int) -> str:
    """Title and year; where there is too little room the title is cut."""
    year = f" ({film['year']})" if film["year"] else ""
    return fit(film["title"], width - len(year)) + year


def _likes(films: list[dict[str, Any]]) -> str:
    width = (WIDTH - 4) // 3
    columns = [
        [_dated(film, width), *(f"  {like['cosine']:.2f}  {fit(like['title'], width - 8)}" for like in film["similar"])]
        for film in films
    ]
    return "\n".join("  ".join(f"{cell:<{width}}" for cell in row).rstrip() for row in zip(*columns, strict=True))
