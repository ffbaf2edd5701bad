"""fastmf describe: what a file of ratings is like."""

from __future__ import annotations

import argparse
from typing import Any

from fastmf.cli import options
from fastmf.cli.answer import Answer


def add(commands: Any) -> None:
    """The command."""
    parser = commands.add_parser(
        "describe",
        help="say what a file of ratings is like",
        description="Size, density, values, activity of users and popularity of items, times, and what was left out.",
        allow_abbrev=False,
    )
    options.add_columns(parser)
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> Answer:
    """Read and describe."""
    facts = options.read_columns(arguments).describe()
    return Answer({"file": arguments.file, **facts}, f"{arguments.file}\n{facts}")
