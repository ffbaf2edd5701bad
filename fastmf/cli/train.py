"""fastmf train: fit a model to a file of ratings, judge it on a share held out, save it."""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

from fastmf._errors import NotFittedError
from fastmf.cli import options
from fastmf.cli.answer import Answer, share
from fastmf.data import Ratings
from fastmf.evaluation import evaluate, split_random
from fastmf.models import FactorModel


def add(commands: Any, arguments: list[str]) -> None:
    """The command; its options are those of the model that `arguments` name."""
    parser = commands.add_parser(
        "train",
        help="fit a model to a file of ratings",
        description="Fit a model to a file of ratings and save it. The parameters are those of the model: see "
        "`fastmf train --model NAME --help`.",
        allow_abbrev=False,
    )
    options.add_model(parser, "train", arguments)
    parser.add_argument("--out", metavar="MODEL", help="file to write the model to")
    options.add_share(
        parser, "--test", "share of the ratings to hold out at random and judge the model by, such as 0.2"
    )
    options.add_cutoffs(parser)
    options.add_seed(parser)
    options.add_threads(parser)
    options.add_json(parser)
    options.add_columns(parser)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(arguments: argparse.Namespace) -> Answer:
    """Read, split, fit, save, evaluate."""
    if arguments.out is None and arguments.test is None:
        arguments.usage_error("nothing would be left of the work: give --out, --test or both")
    options.check_folders(arguments.out)
    kind = options.model_class(arguments.model)
    model = kind(**options.parameters(arguments, kind))
    ratings = options.read_columns(arguments)
    train, test = (ratings, None) if arguments.test is None else split_random(ratings, arguments.test, arguments.seed)

    interrupted = False
    start = time.perf_counter()
    try:
        model.fit(train, **options.progress_of(model))
    except KeyboardInterrupt:
        if not passes(model):
            raise
        interrupted = True
    seconds = time.perf_counter() - start
    kept = f"{model!r} after {passes(model)} passes" if interrupted else repr(model)
    if arguments.out is not None:
        model.save(arguments.out)
    report = None if test is None or interrupted else evaluate(model, test, k=arguments.k)
    if interrupted:
        where = f"saved in {arguments.out}" if arguments.out else "not saved, as there is no --out"
        print(f"fastmf: interrupted; {kept} {where}", file=sys.stderr)

    lines = [
        f"{arguments.file}: {_size(ratings)}",
        f"{kept}, fitted to {train.nnz:,} in {seconds:.2f} s",
        *([] if report is None else ["", str(report), ""]),
        *([f"saved in {arguments.out}"] if arguments.out else []),
    ]
    document = {
        "model": kind.__name__,
        "parameters": model.get_params(),
        "ratings": ratings.describe(),
        "fitted_to": train.nnz,
        "seconds": seconds,
        "history": model.history,
        "interrupted": interrupted,
        "evaluation": None if report is None else {**report.to_dict(), "notes": list(report.notes)},
        "saved": arguments.out,
    }
    return Answer(document, "\n".join(lines), 130 if interrupted else 0)


def passes(model: FactorModel) -> int:
    """How many passes over the data a model holds."""
    try:
        return len(model.history)
    except NotFittedError:
        return 0


def _size(ratings: Ratings) -> str:
    density = share(ratings.describe()["density"])
    return f"{ratings.nnz:,} ratings by {ratings.n_users:,} users of {ratings.n_items:,} items, {density} of all pairs"
