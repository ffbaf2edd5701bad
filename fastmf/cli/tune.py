"""fastmf tune: search for the parameters of a model on a file of ratings, judge the best on a share kept apart."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from fastmf import _checks
from fastmf.cli import options
from fastmf.cli.answer import Answer, CommandError
from fastmf.data import Ratings
from fastmf.evaluation import Report, Tuning, evaluate, split_random, tune
from fastmf.evaluation.spaces import checked_space

FORM = "NAME=LOW:HIGH, NAME=LOW:HIGH:log or NAME=CHOICE[,CHOICE...]"


def add(commands: Any, arguments: list[str]) -> None:
    """The command; its options for parameters that are not searched are those of the model that `arguments` name."""
    parser = commands.add_parser(
        "tune",
        help="search for the parameters of a model",
        description="Search for the parameters that do best on a held-out part of a file of ratings (extra `tune`). "
        "What is not searched is fixed by the options of the model: see `fastmf tune --model NAME --help`.",
        allow_abbrev=False,
    )
    options.add_model(parser, "tune", arguments)
    parser.add_argument(
        "--space",
        action="append",
        metavar="NAME=WHERE",
        help=f"where to search a parameter: {FORM}; may be given several times (default: what matters most)",
    )
    options.add_whole(parser, "--trials", "trials, those in --storage included (default: 30)", 30)
    parser.add_argument(
        "--seconds",
        type=options.valued("--seconds", lambda name, value: _checks.real(name, value, above=0.0)),
        metavar="S",
        help="begin no trial after so long",
    )
    parser.add_argument(
        "--metric", metavar="NAME", help="figure to improve, such as ndcg@10 or rmse (default: by the model)"
    )
    options.add_share(
        parser, "--validation", "share of the ratings to hold out and judge trials by (default: 0.2)", 0.2
    )
    options.add_share(
        parser, "--test", "share of the ratings to keep apart from the whole search and judge the best model by"
    )
    parser.add_argument(
        "--relevant-from",
        type=options.valued("--relevant-from", _checks.real),
        metavar="VALUE",
        help="least rating that counts as relevant, such as 4 of 5 stars (default: every rating)",
    )
    parser.add_argument("--no-prune", action="store_true", help="let also bad trials come to an end")
    parser.add_argument(
        "--warm-start",
        action="store_true",
        help="begin each trial with the factors of the nearest finished one, so that few passes do; give the model few",
    )
    parser.add_argument("--storage", metavar="FILE", help="SQLite file that keeps the trials, to go on from later")
    parser.add_argument("--out", metavar="MODEL", help="file to write the best model to, fitted to all but --test")
    options.add_cutoffs(parser)
    options.add_seed(parser)
    options.add_threads(parser)
    options.add_json(parser)
    options.add_columns(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> Answer:
    """Read, split, search, save, evaluate."""
    options.check_folders(arguments.out)
    kind = options.model_class(arguments.model)
    model = kind(**options.parameters(arguments, kind))
    space = None if arguments.space is None else dict(map(_where, arguments.space))
    if space is not None:
        options.checked("--space", lambda name, value: checked_space(value, model), space)
    ratings = options.read_columns(arguments)
    # without a seed of the user's, a search that goes on must find the same part kept apart
    seed = 0 if arguments.seed is None else arguments.seed
    train, test = (ratings, None) if arguments.test is None else split_random(ratings, arguments.test, seed)
    try:
        found = tune(
            model,
            train,
            space,
            trials=arguments.trials,
            seconds=arguments.seconds,
            metric=arguments.metric,
            validation=arguments.validation,
            relevant_from=arguments.relevant_from,
            prune=not arguments.no_prune,
            warm_start=arguments.warm_start,
            refit=arguments.out is not None or test is not None,
            storage=arguments.storage,
            progress=options.shows_progress(),
            random_state=seed,
        )
    except KeyboardInterrupt:
        if arguments.storage is None or not os.path.exists(arguments.storage):
            raise
        print(f"fastmf: interrupted; the trials that ended are kept in {arguments.storage}", file=sys.stderr)
        return Answer({"interrupted": True, "storage": arguments.storage}, "the same command goes on from there", 130)
    if found.best_model is not None and arguments.out is not None:
        found.best_model.save(arguments.out)
    report = None
    if found.best_model is not None and test is not None:
        report = evaluate(found.best_model, test, k=arguments.k, relevant_from=arguments.relevant_from)
    return _answer(arguments, ratings, train, found, report)


def _answer(
    arguments: argparse.Namespace, ratings: Ratings, train: Ratings, found: Tuning, report: Report | None
) -> Answer:
    best = " ".join(f"--{name.replace('_', '-')} {_text(value)}" for name, value in found.best_params.items())
    lines = [
        f"{arguments.file}: {ratings.nnz:,} ratings, {train.nnz:,} of them searched with",
        str(found),
        f"the best: {best}",
        *([] if report is None else ["", f"on the {ratings.nnz - train.nnz:,} kept apart:", str(report)]),
        *([f"saved in {arguments.out}"] if arguments.out else []),
    ]
    document = {
        "model": options.model_class(arguments.model).__name__,
        "ratings": ratings.describe(),
        "searched_with": train.nnz,
        **found.to_dict(),
        "evaluation": None if report is None else {**report.to_dict(), "notes": list(report.notes)},
        "storage": arguments.storage,
        "saved": arguments.out,
        "interrupted": False,
    }
    return Answer(document, "\n".join(lines))


def _where(text: str) -> tuple[str, Any]:
    """A parameter and where to search it, from the text of --space."""
    name, equals, where = text.partition("=")
    parts = where.split(":")
    if not name or not equals or not where or len(parts) > 3 or (len(parts) == 3 and parts[2] != "log"):
        raise CommandError(f"--space must be {FORM}, got {text!r}")
    parameter = name.strip().replace("-", "_")
    if len(parts) == 1:
        return parameter, [options.literal(choice) for choice in where.split(",")]
    return parameter, (options.literal(parts[0]), options.literal(parts[1]), *parts[2:])


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(_text, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
