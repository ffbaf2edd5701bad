"""Rating prediction in several libraries: updates a second, and RMSE against seconds.

    python -m benchmarks.versus.sgd --data ml-20m --factors 32,64,128
    python -m benchmarks.versus.sgd --data ml-1m --libraries fastmf,libmf,surprise,cmfrec --marks 1,5,10,15,20

from the root of the checkout. A tenth of the synthetic ratings is held out; the RMSE there is computed outside all
libraries, in float64. Each library minimises its own objective at its own step and regularisation (named in its
adapter): what is compared is the error reached. One update is one stored rating visited once; cmfrec's alternating
least squares have iterations of both half-steps, shown in the same unit. The seconds of an epoch are those the
library's own hooks tell (fastmf) or the difference between two fits (the others); set-up, which is conversion,
shuffling and the grid, is shown apart. Seconds to an RMSE count epochs only, at the median pace.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.versus import _harness
from benchmarks.versus._tasks import Explicit
from fastmf.data import Ratings, synthetic


def main(arguments: list[str]) -> None:
    parser = _harness.arguments(__doc__, ("fastmf", "libmf", "cmfrec", "surprise"), "1,5,10,15")
    parser.add_argument("--data", type=_harness.words, default=["ml-1m"], help="ml-1m, ml-20m (synthetic)")
    args = parser.parse_args(arguments)
    found = _harness.facts(args.libraries, args.threads)
    _harness.print_facts(found)
    libraries = _harness.adapters(args.libraries)
    results = {}
    for name in args.data:
        for factors in args.factors:
            task = held_out(synthetic(name), factors, args.threads, args.seed)
            title = f"{name}, {task.shape[0]} x {task.shape[1]}, {len(task.values)} ratings, {factors} factors"
            contenders = [c for library in libraries for c in library.explicit(task)]
            contenders = _harness.chosen(contenders, args.solvers)
            results[title] = _harness.compare(contenders, args.marks, partial(rmse, task))
            show(title, results[title], len(task.values))
    if args.json:
        _harness.write_json(args.json, found, results)


def rmse(task: Explicit, session: Any) -> float:
    return task.rmse(session.predictions(task))


def held_out(ratings: Ratings, factors: int, threads: int, seed: int) -> Explicit:
    """A random tenth of the ratings is the test."""
    test = np.random.default_rng(seed).random(ratings.nnz) < 0.1
    users, items, values = ratings.row_numbers(), ratings.indices, ratings.data
    train = (users[~test], items[~test], values[~test])
    return Explicit(*train, ratings.shape, users[test], items[test], values[test], factors, threads, seed)


def show(title: str, results: Iterable[_harness.Result], ratings: int) -> None:
    rows = [
        [
            result.name,
            f"{result.setup:.2f}",
            f"{result.iteration:.4g}",
            f"{len(result.seconds)}",
            f"{ratings / result.iteration / 1e6:.2f}",
            *(f"{rmse:.4f} ({mark * result.iteration:.3g})" for mark, rmse in result.quality.items()),
        ]
        for result in sorted(results, key=lambda result: result.iteration)
    ]
    print(f"\n{title}")
    marks = [f"RMSE after {mark} (s)" for mark in results[0].quality]
    _harness.print_table(["", "set-up s", "s/epoch", "of", "M updates/s", *marks], rows)


if __name__ == "__main__":
    main(sys.argv[1:])
