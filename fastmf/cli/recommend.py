"""fastmf recommend and fastmf similar: lists from a saved model."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import fastmf
from fastmf import _checks
from fastmf.cli import options
from fastmf.cli.answer import Answer, CommandError, table
from fastmf.data import IdMap
from fastmf.models import FactorModel


def add(commands: Any) -> None:
    """The command `recommend`."""
    parser = commands.add_parser(
        "recommend",
        help="the best items for users",
        description="The items with the highest scores for each user.",
        allow_abbrev=False,
    )
    _add_common(parser, "user", everybody=True)
    parser.add_argument("--include-seen", action="store_true", help="also items the user has in the training data")
    parser.add_argument(
        "--out", metavar="FILE", help="where the lists of --all go: .csv, or .parquet with the extra parquet"
    )
    parser.set_defaults(run=run, refuse=parser.error)


def add_similar(commands: Any) -> None:
    """The command `similar`."""
    parser = commands.add_parser(
        "similar",
        help="the items most like an item",
        description="The items whose factors have the highest cosine with each item's.",
        allow_abbrev=False,
    )
    _add_common(parser, "item")
    parser.set_defaults(run=run_similar)


def _add_common(parser: argparse.ArgumentParser, what: str, *, everybody: bool = False) -> None:
    parser.add_argument("file", metavar="MODEL", help="file that `fastmf train` or `save` wrote")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument(f"--{what}", action="append", metavar="ID", help=f"id of the {what}; may be given several times")
    if everybody:
        asked.add_argument("--all", action="store_true", help="all users of the model, into the file that --out names")
    parser.add_argument(
        "--k",
        type=options.valued("--k", lambda name, value: _checks.integer(name, value, 1)),
        default=10,
        metavar="K",
        help="length of each list (default: 10)",
    )
    options.add_threads(parser)
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> Answer:
    """One list for each user, or a file of the lists of all."""
    if arguments.all != (arguments.out is not None):
        arguments.refuse("--all and --out go together")
    model = fastmf.load(arguments.file)
    if arguments.all:
        return _all(arguments, model)
    users = [_id(arguments, "user", text, model.user_ids, len(model.user_factors)) for text in arguments.user]
    items, scores = model.recommend(
        users, arguments.k, exclude_seen=not arguments.include_seen, num_threads=arguments.threads
    )
    lists = [listed(model, *row) for row in zip(items, scores, strict=True)]
    document = {
        "model": type(model).__name__,
        "recommendations": [{"user": user, "items": entries} for user, entries in zip(users, lists, strict=True)],
    }
    return Answer(document, _text((f"For user {user}" for user in users), lists))


def _all(arguments: argparse.Namespace, model: FactorModel) -> Answer:
    lines = model.write_recommendations(
        arguments.out, arguments.k, exclude_seen=not arguments.include_seen, num_threads=arguments.threads
    )
    users = len(model.user_factors)
    document = {"model": type(model).__name__, "users": users, "lines": lines, "file": arguments.out}
    return Answer(document, f"{lines:,} lines for {users:,} users are in {arguments.out}")


def run_similar(arguments: argparse.Namespace) -> Answer:
    """One list for each item."""
    model = fastmf.load(arguments.file)
    asked = [_id(arguments, "item", text, model.item_ids, len(model.item_factors)) for text in arguments.item]
    items, scores = model.similar_items(asked, arguments.k, num_threads=arguments.threads)
    lists = [listed(model, *row) for row in zip(items, scores, strict=True)]
    themselves = [_entry(model, item) for item in asked]
    document = {
        "model": type(model).__name__,
        "similar": [{**itself, "items": entries} for itself, entries in zip(themselves, lists, strict=True)],
    }
    headings = (f"Like item {entry['item']}  {_title(entry)}".rstrip() for entry in themselves)
    return Answer(document, _text(headings, lists))


def listed(model: FactorModel, items: NDArray[Any], scores: NDArray[Any]) -> list[dict[str, Any]]:
    """One list as plain values, without what fills it up where fewer items remain."""
    return [
        {**_entry(model, item), "score": score}
        for item, score in zip(items.tolist(), scores.tolist(), strict=True)
        if np.isfinite(score)
    ]


def _entry(model: FactorModel, item: Any) -> dict[str, Any]:
    """An item with its title and year, where the ratings it was learned from had them."""
    number = item if model.item_ids is None else model.item_ids.number(item)
    facts = {name: model.item_info[name][number].item() for name in ("title", "year") if name in model.item_info}
    return {"item": item, **{name: _whole(fact) for name, fact in facts.items() if fact and fact == fact}}  # no NaN


def _whole(fact: Any) -> Any:
    """A whole number as such: years are floats where `partial_fit` took up items without one."""
    return int(fact) if isinstance(fact, float) and fact.is_integer() else fact


def _title(entry: dict[str, Any]) -> str:
    return f"{entry.get('title', '')} ({entry['year']})" if "year" in entry else str(entry.get("title", ""))


def _text(headings: Iterable[str], lists: list[list[dict[str, Any]]]) -> str:
    lines: list[str] = []
    for heading, entries in zip(headings, lists, strict=True):
        rows = [
            (f"  {place}", f"{entry['score']:.4f}", str(entry["item"]), _title(entry))
            for place, entry in enumerate(entries, 1)
        ]
        lines += [*([""] if lines else []), heading, *(table(rows, right=(0, 1)) if rows else ["  nothing is left"])]
    return "\n".join(lines)


def _id(arguments: argparse.Namespace, what: str, text: str, ids: IdMap | None, n: int) -> Any:
    """The id that a user wrote as `text`."""
    if ids is not None:
        known, id = ids.parse(text) in ids, ids.parse(text)
        examples = [str(ids.ids[number]) for number in sorted({0, n - 1}) if n]
    else:
        known, id = text.isdecimal() and int(text) < n, int(text) if text.isdecimal() else text
        examples = ["0", str(n - 1)]
    if not known:
        raise CommandError(f"{arguments.file} knows no {what} {text!r}; it has {n:,}, such as {' and '.join(examples)}")
    return id
