"""fastmf evaluate: judge a saved model on a file of ratings it has not seen."""

from __future__ import annotations

import argparse
from typing import Any

import fastmf
from fastmf import _checks
from fastmf.cli import options
from fastmf.cli.answer import Answer
from fastmf.evaluation import evaluate


def add(commands: Any) -> None:
    """The command."""
    parser = commands.add_parser(
        "evaluate",
        help="judge a model on ratings held out",
        description="Ranking metrics, and RMSE and MAE where the model predicts ratings, on ratings held out.",
        allow_abbrev=False,
    )
    parser.add_argument("model", metavar="MODEL", help="file that `fastmf train` or `save` wrote")
    options.add_columns(parser)
    options.add_cutoffs(parser)
    parser.add_argument(
        "--relevant-from",
        type=options.valued("--relevant-from", _checks.real),
        metavar="VALUE",
        help="least rating that counts as relevant, such as 4 of 5 stars (default: every rating)",
    )
    parser.add_argument("--include-seen", action="store_true", help="also rank items the user has in the training data")
    options.add_threads(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> Answer:
    """Load, read, evaluate."""
    model = fastmf.load(arguments.model)
    test = options.read_columns(arguments)
    report = evaluate(
        model,
        test,
        k=arguments.k,
        exclude_seen=not arguments.include_seen,
        relevant_from=arguments.relevant_from,
        num_threads=arguments.threads,
    )
    return Answer({"model": report.model, **report.to_dict(), "notes": list(report.notes)}, str(report))
