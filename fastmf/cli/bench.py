"""fastmf bench: models and solvers, and other libraries that are installed, side by side on a file of ratings."""

from __future__ import annotations

import argparse
import json
import math
import platform
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

import fastmf
from fastmf import _checks, _optional, _threads
from fastmf._atomic import replacing
from fastmf.cli import options
from fastmf.cli.answer import Answer, CommandError, table
from fastmf.cli.contenders import TASKS, Contender, Settings
from fastmf.cli.picture import Picture
from fastmf.cli.turns import Figures, Result
from fastmf.data import Ratings
from fastmf.evaluation import evaluate, split_random
from fastmf.kernels.simd import table as leaves
from fastmf.models import WALS, FactorModel

ITERATIONS = {"ranking": 15, "ratings": 20}
ALPHA, K = 1.0, 10  # of rankers, where none are given
# The constant regularization of rankers, where none is given, over alpha (sum of r) / sqrt(users x items), the largest
# singular value that these weights would have if they were spread evenly: in the middle of what is best by nDCG@10 with
# 64 factors for MovieLens latest-small, Gowalla and fastmf.synthetic("ml-1m"), which is near 30, 1 to 5 and 100 to 300.
SHARE = 0.25

MINIMISED = """Ranking: all but MostPopular minimise the objective of Hu, Koren & Volinsky 2008, with the weight
1 + alpha r for a rating r and 1 for every pair without one, and the same constant regularization of every row; its
value is in the table. Ratings: all minimise squared errors with their own models; where no regularization is given,
other libraries take that of BiasedMF. Learning rates are each library's own. Putting ratings in the form that a library
takes is not timed. What each has learned is judged by fastmf."""


def add(commands: Any) -> None:
    """The command."""
    parser = commands.add_parser(
        "bench",
        help="compare models, solvers and other libraries on a file of ratings",
        description="Seconds and quality of fastmf's models and solvers, and of the libraries among "
        f"{', '.join(name for _, peers in TASKS.values() for name in peers)} that are installed, side by side. All "
        "learn from the same share of the ratings, with as many factors, iterations and threads, and are judged by the "
        "rest of them.",
        epilog=MINIMISED,
        allow_abbrev=False,
    )
    parser.add_argument("--task", default="ranking", metavar="NAME", help=f"{' or '.join(TASKS)} (default: ranking)")
    by_task = " and ".join(f"{number} for {task}" for task, number in ITERATIONS.items())
    options.add_whole(parser, "--factors", "length of the factor rows (default: 64)", 64)
    options.add_whole(parser, "--iterations", f"passes over the ratings (default: {by_task})")
    options.add_whole(parser, "--repeats", "fits of each, by turns; the seconds are their median (default: 3)", 3)
    options.add_whole(parser, "--k", f"cut-off of the metrics of ranking (default: {K})")
    parser.add_argument(
        "--alpha",
        type=options.valued("--alpha", lambda name, value: _checks.real(name, value, above=0.0)),
        metavar="VALUE",
        help=f"slope of the confidence, of ranking (default: {ALPHA:g})",
    )
    parser.add_argument(
        "--regularization",
        type=options.valued("--regularization", lambda name, value: _checks.real(name, value, 0.0)),
        metavar="VALUE",
        help=f"of all (default: {SHARE:g} alpha (sum of the ratings) / sqrt(users x items) for ranking, those of "
        "fastmf's models for ratings)",
    )
    options.add_share(parser, "--test", "share of the ratings to hold out at random and judge by (default: 0.2)", 0.2)
    parser.add_argument(
        "--only", metavar="WORD[,WORD...]", help="only those whose name has one of these words in it, in any case"
    )
    parser.add_argument("--out", metavar="FILE", help="file to write the document of --json to")
    parser.add_argument(
        "--picture", metavar="FILE", help="file to draw quality against seconds in: .png, .svg, .pdf (extra `plots`)"
    )
    options.add_seed(parser)
    options.add_threads(parser)
    options.add_json(parser)
    options.add_columns(parser)
    parser.set_defaults(run=run, usage_error=parser.error)


def run(arguments: argparse.Namespace) -> Answer:
    """Read, split, fit by turns, judge, write, draw."""
    task = options.checked("--task", lambda name, value: _checks.choice(name, value, tuple(TASKS)), arguments.task)
    if task != "ranking" and not arguments.alpha is arguments.k is None:
        arguments.usage_error("--alpha and --k are of --task ranking")
    options.check_folders(arguments.out, arguments.picture)
    picture = None if arguments.picture is None else Picture(arguments.picture)
    seed = arguments.seed or 0
    ratings = options.read_columns(arguments)
    train, test = split_random(ratings, arguments.test, seed)
    settings = _settings(arguments, task, train, seed)
    contenders, left_out = _contenders(task, settings, arguments.only)

    k = arguments.k or K
    judge = _judge(task, settings, train, test, k)
    results = [Result(contender) for contender in contenders]
    interrupted = False
    try:
        with _shown(arguments.repeats * len(results)) as done:
            for _ in range(arguments.repeats):
                for result in results:
                    result.turn(train, judge)
                    done()
    except KeyboardInterrupt:
        if not any(result.seconds for result in results):
            raise
        interrupted = True
    if not any(result.figures for result in results) and not interrupted:
        raise CommandError(f"nothing could be measured: {results[0].contender.name}: {results[0].error}")

    document = {
        "task": task,
        "ratings": ratings.describe(),
        "fitted_to": train.nnz,
        "judged_by": test.nnz,
        "settings": {**vars(settings), "test": arguments.test, "repeats": arguments.repeats},
        "machine": _machine(contenders),
        "results": [result.document() for result in results],
        "left_out": left_out,
        "interrupted": interrupted,
        "saved": arguments.out,
        "picture": arguments.picture if picture is not None and picture.draw(results) else None,
    }
    if arguments.out is not None:
        with replacing(Path(arguments.out)) as write:
            write((json.dumps(document, indent=2, allow_nan=False) + "\n").encode())
    if interrupted:
        fits = sum(len(result.seconds) for result in results)
        where = f"in {arguments.out}" if arguments.out else "on standard output"
        print(f"fastmf: interrupted; {fits} fits of {arguments.repeats * len(results)} are {where}", file=sys.stderr)
    return Answer(document, _text(arguments, document, results), 130 if interrupted else 0)


# -- what is compared, and by what ------------------------------------------------------------------------------------


def _judge(task: str, settings: Settings, train: Ratings, test: Ratings, k: int) -> Callable[[FactorModel], Figures]:
    """What says how good a model is: figures by name, the one that counts first."""
    if task == "ratings":

        def errors(model: FactorModel) -> Figures:
            report = evaluate(model, test, metrics=("rmse", "mae"), num_threads=settings.threads)
            return {name: report[name] for name in ("rmse", "mae")}

        return errors

    data, weights = settings.objective.prepare(train)  # refuses what cannot be a confidence, once for all

    def lists(model: FactorModel) -> Figures:
        report = evaluate(model, test, k=k, metrics=("ndcg", "recall"), num_threads=settings.threads)
        objective = model.objective(data, weights=weights).total if isinstance(model, WALS) else None
        return {**{name: report[name] for name in (f"ndcg@{k}", f"recall@{k}")}, "objective": objective}

    return lists


def _settings(arguments: argparse.Namespace, task: str, train: Ratings, seed: int) -> Settings:
    alpha, regularization = arguments.alpha, arguments.regularization
    if task == "ranking":
        alpha = ALPHA if alpha is None else alpha
        regularization = default_regularization(train, alpha) if regularization is None else regularization
    return Settings(
        factors=arguments.factors,
        iterations=arguments.iterations or ITERATIONS[task],
        alpha=alpha,
        regularization=regularization,
        threads=_threads.effective(arguments.threads).count,
        seed=seed,
    )


def default_regularization(train: Ratings, alpha: float) -> float:
    """Of rankers, for these ratings: two digits, so that it can be given again by hand."""
    wanted = SHARE * alpha * float(np.abs(train.data).sum(dtype=np.float64)) / math.sqrt(train.n_users * train.n_items)
    return float(f"{wanted:.2g}")


def _contenders(task: str, settings: Settings, only: str | None) -> tuple[list[Contender], list[dict[str, str]]]:
    """Who takes part, and the libraries that cannot."""
    own, peers = TASKS[task]
    installed = [name for name in peers if _optional.version(name) is not None]
    everybody = [*own(settings), *(peers[name](settings) for name in installed)]
    words = None if only is None else [word.strip().lower() for word in only.split(",")]
    chosen = [each for each in everybody if words is None or any(word in each.name.lower() for word in words)]
    if not chosen:
        raise CommandError(f"--only must be part of a name of {', '.join(c.name for c in everybody)}; got {only!r}")
    return chosen, [{"library": name, "why": "not installed"} for name in peers if name not in installed]


def _machine(contenders: list[Contender]) -> dict[str, Any]:
    """What seconds depend on besides the settings."""
    libraries = dict.fromkeys(["numpy", "scipy", *(contender.library for contender in contenders)])
    return {
        "platform": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "instruction_set": leaves.chosen(),
        "versions": {name: _optional.version(name) for name in libraries} | {"fastmf": fastmf.__version__},
    }


@contextmanager
def _shown(total: int) -> Iterator[Callable[[], object]]:
    """A progress bar of fits on a terminal, or none; gives the function to call after each."""
    if not options.shows_progress():
        yield lambda: None
        return
    with _optional.require("tqdm", "progress").tqdm(total=total, desc="bench", unit="fit") as bar:
        yield bar.update


# -- as text ------------------------------------------------------------------------------------------------------


def _text(arguments: argparse.Namespace, document: dict[str, Any], results: list[Result]) -> str:
    settings = document["settings"]
    given = [f"{name} {settings[name]:g}" for name in ("alpha", "regularization") if settings[name] is not None]
    threads = f"{settings['threads']} thread{'s' * (settings['threads'] != 1)}"
    names = next((list(result.figures) for result in results if result.figures), [])
    rows = [["", "seconds", *names]]
    for result in results:
        seconds = "-" if result.median is None else f"{result.median:.3g}"
        rows.append([result.contender.name, seconds, *(_figure(result.figures.get(name)) for name in names)])
    sizes = f"{settings['factors']} factors", f"{settings['iterations']} iterations"
    lines = [
        f"{arguments.file}: {document['ratings']['ratings']:,} ratings, {document['fitted_to']:,} to learn from and "
        f"{document['judged_by']:,} to judge by",
        f"{document['task']}: {', '.join([*sizes, *given, threads])} ({document['machine']['instruction_set']})",
        "",
        *table(rows, right=range(1, len(rows[0]))),
        "",
    ]
    lines += [f"{result.contender.name} failed: {result.error}" for result in results if result.error is not None]
    if document["left_out"]:
        lines.append(f"left out, not installed: {', '.join(each['library'] for each in document['left_out'])}")
    lines += [f"saved in {document[name]}" for name in ("saved", "picture") if document[name] is not None]
    return "\n".join(lines).rstrip()


def _figure(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.0f}"
