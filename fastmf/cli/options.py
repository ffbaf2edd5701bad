"""Options that several commands share: columns of a file of ratings, parameters of a model, numbers of things.

A value that is no good is an error of the user like any other: one line and exit code 1. What argparse itself
refuses is the shape of a command: an option that does not exist, an argument that is missing (exit code 2).
"""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fastmf import _checks, _optional, _random, _threads
from fastmf.cli.answer import CommandError
from fastmf.data import Ratings, read_movielens
from fastmf.models import WALS, BiasedMF, MostPopular, SVDpp

Trainable = WALS | BiasedMF | SVDpp | MostPopular
MODELS: dict[str, type[Trainable]] = {
    "wals": WALS,
    "biasedmf": BiasedMF,
    "svdpp": SVDpp,
    "popular": MostPopular,
}
SHARED = ("num_threads", "random_state")  # parameters whose options, --threads and --seed, are there for every model
CUTOFFS = (5, 10, 20)

_WORDS = {"none": None, "true": True, "false": False}


def literal(text: str) -> Any:
    """The value an option's text stands for: an integer, a number, none, true, false, several with commas, or text."""
    if "," in text:
        return tuple(map(literal, text.split(",")))
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return _WORDS.get(text.lower(), text)


def valued(option: str, check: Callable[[str, Any], Any]) -> Callable[[str], Any]:
    """For argparse's `type`: the value of a text, after a check that names the option."""

    def convert(text: str) -> Any:
        value = literal(text)
        checked(option, check, value)
        return value

    return convert


def checked(name: str, check: Callable[[str, Any], Any], value: Any) -> Any:
    """What the check makes of the value; what it refuses is an error of the user."""
    try:
        return check(name, value)
    except (TypeError, ValueError) as error:
        raise CommandError(str(error)) from None


def cutoffs(name: str, value: Any) -> tuple[int, ...]:
    """One cut-off or several."""
    return tuple(_checks.integer(name, k, 1) for k in (value if isinstance(value, tuple) else (value,)))


# -- a file of ratings --------------------------------------------------------------------------------------------


def add_columns(parser: argparse.ArgumentParser) -> None:
    """The file, and where in it the ratings are."""
    group = parser.add_argument_group("the file", "a column is given by its name in the header or its number from 0")
    group.add_argument(
        "file",
        metavar="FILE",
        help="ratings: a text file with one a line, a Parquet file (*.parquet), or a release of MovieLens (a folder or "
        "*.zip), whose columns are known",
    )
    group.add_argument("--user", metavar="COLUMN", default="0", help="users (default: 0)")
    group.add_argument("--item", metavar="COLUMN", default="1", help="items (default: 1)")
    group.add_argument(
        "--value", metavar="COLUMN", default="2", help="ratings; none: all entries count as 1 (default: 2)"
    )
    group.add_argument("--timestamp", metavar="COLUMN", default="none", help="times (default: none)")
    group.add_argument("--separator", metavar="CHARACTER", default=",", help="between columns; or tab (default: ,)")
    group.add_argument("--no-header", action="store_true", help="the first line holds ratings, whatever it looks like")
    group.add_argument(
        "--duplicates",
        metavar="POLICY",
        default="error",
        help="of one user and item: error, last, first, sum, mean or max (default: error)",
    )
    group.add_argument(
        "--skip-bad",
        action="store_true",
        help="leave out lines that cannot be read, and rows of Parquet files that lack something (default: an error)",
    )


def read_columns(arguments: argparse.Namespace) -> Ratings:
    """The ratings in the file that the options describe."""
    path = Path(arguments.file)
    if path.is_dir() or path.suffix.lower() == ".zip":
        return read_movielens(path)
    columns = {role: _column(getattr(arguments, role)) for role in ("user", "item", "value", "timestamp")}
    if path.suffix.lower() == ".parquet":
        missing = "drop" if arguments.skip_bad else "error"
        return Ratings.from_parquet(path, **columns, missing=missing, duplicates=arguments.duplicates)
    return Ratings.from_csv(
        path,
        **columns,
        separator={"tab": "\t", "\\t": "\t"}.get(arguments.separator, arguments.separator),
        header=False if arguments.no_header else "auto",
        bad_lines="skip" if arguments.skip_bad else "error",
        duplicates=arguments.duplicates,
    )


def _column(text: str) -> Any:
    if text.lower() == "none":
        return None
    return int(text) if text.isdecimal() else text


# -- a model ------------------------------------------------------------------------------------------------------


def model_class(name: str) -> type[Trainable]:
    """The model of a name on the command line."""
    return MODELS[checked("--model", lambda option, value: _checks.choice(option, value, tuple(MODELS)), name)]


def add_model(parser: argparse.ArgumentParser, command: str, arguments: list[str]) -> None:
    """--model, and where `arguments` are those of this command the options of the model they name."""
    chosen = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for each in (parser, chosen):
        each.add_argument("--model", default="wals", metavar="NAME", help=f"{', '.join(MODELS)} (default: wals)")
    if arguments[:1] == [command]:
        add_parameters(parser, model_class(chosen.parse_known_args(arguments[1:])[0].model))


def add_parameters(parser: argparse.ArgumentParser, model: type[Trainable]) -> None:
    """One option for each parameter of the model: name, default, check and help are those of the class."""
    group = parser.add_argument_group(f"parameters of {model.__name__}")
    described = descriptions(model)
    for field in dataclasses.fields(model):
        if field.name not in model.param_names() or field.name in SHARED:
            continue
        option = "--" + field.name.replace("_", "-")
        text = f"{described[field.name]} (default: {field.default})".replace("%", "%%")
        common: dict[str, Any] = {"dest": _destination(field.name), "default": argparse.SUPPRESS, "help": text}
        if isinstance(field.default, bool):
            group.add_argument(option, action=argparse.BooleanOptionalAction, **common)
        else:
            group.add_argument(option, type=valued(option, field.metadata["check"]), metavar="VALUE", **common)


def parameters(arguments: argparse.Namespace, model: type[Trainable]) -> dict[str, Any]:
    """The parameters of the model that were given."""
    shared = {"num_threads": arguments.threads, "random_state": arguments.seed}
    given = {name: shared[name] for name in SHARED if name in model.param_names()}
    for name in model.param_names():
        if hasattr(arguments, _destination(name)):
            given[name] = getattr(arguments, _destination(name))
    return given


def _destination(parameter: str) -> str:
    return f"parameter {parameter}"  # no other option of a command can have this name


def shows_progress() -> bool:
    """Whether somebody may look at a progress bar, on a terminal, and there is one."""
    return sys.stderr.isatty() and _optional.version("tqdm") is not None


def progress_of(model: Trainable) -> dict[str, Any]:
    """The arguments that make `fit` show a progress bar, where it has one and it would be seen."""
    shown = "progress" in inspect.signature(model.fit).parameters and shows_progress()
    return {"progress": True} if shown else {}


def descriptions(model: type[Trainable]) -> dict[str, str]:
    """What the class says of each parameter, from the section of its docstring, as one line."""
    lines = inspect.getdoc(model)
    section = re.search(r"^Parameters\n-+\n(.*?)(?=\n\n\S|\Z)", lines or "", re.DOTALL | re.MULTILINE)
    entries = re.findall(r"^(\w+) : .*\n((?: +.*(?:\n|\Z))+)", section[1] if section else "", re.MULTILINE)
    return {name: " ".join(text.split()).rstrip(".") for name, text in entries}


# -- everything else ----------------------------------------------------------------------------------------------


def add_threads(parser: argparse.ArgumentParser) -> None:
    """--threads, which every command that computes has."""
    parser.add_argument(
        "--threads",
        type=valued("--threads", _threads.argument),
        metavar="N",
        help="threads to use (default: all that are available)",
    )


def add_seed(parser: argparse.ArgumentParser) -> None:
    """--seed, where anything is random."""
    parser.add_argument("--seed", type=valued("--seed", _random.argument), metavar="N", help="of all that is random")


def add_json(parser: argparse.ArgumentParser) -> None:
    """--json, which every command has."""
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of text")


def check_folders(*paths: str | None) -> None:
    """That the folders of files to write are there: known before the work, which may take hours."""
    for path in paths:
        if path is not None and not Path(path).parent.is_dir():
            raise CommandError(f"{path}: No such file or directory")


def add_share(parser: argparse.ArgumentParser, option: str, text: str, default: float | None = None) -> None:
    """An option that is a share of the ratings."""
    parser.add_argument(option, type=valued(option, _checks.fraction), default=default, metavar="SHARE", help=text)


def add_whole(parser: argparse.ArgumentParser, option: str, text: str, default: int | None = None) -> None:
    """An option that is a number of things, at least 1."""
    check = valued(option, lambda name, value: _checks.integer(name, value, 1))
    parser.add_argument(option, type=check, default=default, metavar="N", help=text)


def add_cutoffs(parser: argparse.ArgumentParser) -> None:
    """--k of an evaluation."""
    parser.add_argument(
        "--k",
        type=valued("--k", cutoffs),
        default=CUTOFFS,
        metavar="K[,K...]",
        help=f"cut-offs of the ranking metrics (default: {','.join(map(str, CUTOFFS))})",
    )
