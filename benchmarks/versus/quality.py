"""Recall@20 and NDCG@20 on Gowalla check-ins after each iteration in two libraries, and the seconds to a given quality.

    python -m benchmarks.versus.quality FOLDER --factors 64,256,512
    python -m benchmarks.versus.quality FOLDER --factors 64 --solvers irspack --tune

from the root of the checkout; FOLDER holds train.txt and test.txt of the split published with LightGCN, whose protocol
this is (_gowalla.py). Contenders take turns A B A B, an iteration each, until they have both measures of the point for
their factors, or have done --iterations; and all that --rounds times. Seconds are those of iterations, medians of the
rounds; set-up, which is conversion, transposing and the first factors, is shown apart.

Settings are chosen with --tune, on a tenth held out of train.txt; test.txt is not read then. It goes through a
contender's grid one setting at a time, from what stands in SETTINGS on, and keeps the value that in the fewest seconds
comes within --close of the best NDCG@20 seen with any value.

Environment: OPENBLAS_NUM_THREADS=1 keeps BLAS out of the threads of the libraries.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import _gowalla
from benchmarks.versus import _harness
from benchmarks.versus._tasks import Ranking

MEASURES = (f"Recall@{_gowalla.K}", f"NDCG@{_gowalla.K}")
Quality = tuple[float, float]
Opener = Callable[[Ranking, dict[str, Any]], _harness.Session]
POINTS = {64: (0.150, 0.128), 256: (0.173, 0.1425), 512: (0.177, 0.147)}  # factors -> Recall@20, NDCG@20

# Contender -> settings from so many factors on, looked for at that number; 512 has those of 256. fastmf's are the best
# after one iteration, in which two steps of CG find as much as three. irspack's alpha0 and reg mean what fastmf's
# unobserved_weight and regularization do: they were looked for with CG, and serve both its solvers. An init_std below
# its default, 0.1, gets to a higher NDCG@20, sooner. Its CG takes three steps: two are sooner on the hold-out, and
# later at the points.
FASTMF = {
    64: {"unobserved_weight": 0.014, "regularization": 0.003},
    256: {"unobserved_weight": 0.03, "regularization": 0.002},
}
SETTINGS: dict[str, dict[int, dict[str, Any]]] = {
    "fastmf auto": FASTMF,
    "fastmf cg": {factors: {"solver": "cg", "cg_steps": 2, **found} for factors, found in FASTMF.items()},
    "irspack cg": {
        64: {"solver_type": "CG", "alpha0": 0.01, "reg": 0.006, "init_std": 0.03, "max_cg_steps": 3},
        256: {"solver_type": "CG", "alpha0": 0.014, "reg": 0.002, "init_std": 0.03, "max_cg_steps": 3},
    },
    "irspack ials++": {
        64: {"solver_type": "IALSPP", "alpha0": 0.01, "reg": 0.006, "init_std": 0.03, "ialspp_subspace_dimension": 32},
        256: {
            "solver_type": "IALSPP",
            "alpha0": 0.014,
            "reg": 0.002,
            "init_std": 0.03,
            "ialspp_subspace_dimension": 64,
        },
    },
}
FASTMF_GRID = {
    "unobserved_weight": (0.06, 0.04, 0.03, 0.02, 0.014, 0.01),
    "regularization": (0.001, 0.0015, 0.002, 0.003, 0.004, 0.006),
}
IRSPACK_GRID = {
    "alpha0": (0.02, 0.014, 0.01, 0.007),
    "reg": (0.002, 0.003, 0.004, 0.006, 0.009),
    "init_std": (0.01, 0.03, 0.1, 0.3),
}
GRID: dict[str, dict[str, Sequence[Any]]] = {
    "fastmf auto": FASTMF_GRID,
    "fastmf cg": {**FASTMF_GRID, "cg_steps": (1, 2, 3)},
    "irspack cg": {**IRSPACK_GRID, "max_cg_steps": (1, 2, 3, 5)},
    "irspack ials++": {**IRSPACK_GRID, "ialspp_subspace_dimension": (16, 32, 64, 128)},
}


def main(arguments: list[str]) -> None:
    parser = _harness.arguments(__doc__, ("fastmf", "irspack"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--iterations", type=int, default=8, help="at most (default: 8)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tune", action="store_true", help="search the grid on a hold-out of train.txt")
    parser.add_argument("--close", type=float, default=0.005, help="relative, in tuning (default: .005)")
    args = parser.parse_args(arguments)
    found = _harness.facts(args.libraries, args.threads)
    _harness.print_facts(found)
    libraries = {library.__name__.rpartition(".")[2]: library for library in _harness.adapters(args.libraries)}
    openers = {name: libraries[name.split()[0]].ranking for name in SETTINGS if name.split()[0] in libraries}
    if args.solvers:
        openers = {name: opener for name, opener in openers.items() if any(word in name for word in args.solvers)}
    train, test = _gowalla.read(args.folder)
    pairs = _gowalla.held_out(train, args.seed) if args.tune else (train, test)
    results = {}
    for factors in args.factors:
        task = Ranking(*pairs, factors, args.threads, args.seed)
        print(f"\n{factors} factors")
        if args.tune:
            for name, opener in openers.items():
                tune(name, opener, task, args)
            continue
        contenders = [
            _harness.Contender(n, partial(opener, task, settings(n, factors))) for n, opener in openers.items()
        ]
        rounds = [race(contenders, task, args.iterations, POINTS.get(factors)) for _ in range(args.rounds)]
        show_curves(rounds)
        if factors in POINTS:
            show_arrivals(rounds, POINTS[factors])
        results |= {f"{factors} factors, round {number}": curves for number, curves in enumerate(rounds, 1)}
    if args.json and results:
        _harness.write_json(args.json, found, results)


def settings(name: str, factors: int) -> dict[str, Any]:
    """Those of the most factors that are not more than these, else those of the fewest."""
    known = SETTINGS[name]
    return known[max((at for at in known if at <= factors), default=min(known))]


def race(
    contenders: Sequence[_harness.Contender], task: Ranking, iterations: int, point: Quality | None = None
) -> list[_harness.Result]:
    def measure(session: Any) -> Quality:
        return task.recall_and_ndcg(*session.factors)

    return _harness.compare(contenders, range(1, iterations + 1), measure, lambda measured: is_at(point, measured))


def is_at(point: Quality | None, measured: Quality) -> bool:
    return point is not None and all(value >= least for value, least in zip(measured, point, strict=True))


def arrival(result: _harness.Result, point: Quality) -> tuple[int, float] | None:
    """The iterations and seconds after which both measures are at the point; None if they never are."""
    there = [mark for mark, measured in result.quality.items() if is_at(point, measured)]
    return (there[0], sum(result.seconds[: there[0]])) if there else None


def show_curves(rounds: Sequence[list[_harness.Result]]) -> None:
    """The quality is the same in all rounds."""
    rows = [
        [
            same[0].name,
            f"{mark}",
            f"{statistics.median(sum(result.seconds[:mark]) for result in same):.3f}",
            *(f"{value:.4f}" for value in measured),
        ]
        for same in zip(*rounds, strict=True)
        for mark, measured in same[0].quality.items()
    ]
    _harness.print_table(["", "iteration", "seconds", *MEASURES], rows)


def show_arrivals(rounds: Sequence[list[_harness.Result]], point: Quality) -> None:
    """The first contender is what the others are compared with, if it gets there."""
    rows, first = [], None
    for same in zip(*rounds, strict=True):
        reached = [arrival(result, point) for result in same]
        seconds = statistics.median(found[1] if found else math.inf for found in reached)
        first = first or seconds
        rows.append(
            [
                same[0].name,
                f"{reached[0][0] if reached[0] else '-'}",
                f"{seconds:.3f}" if reached[0] else f"more than {sum(same[0].seconds):.3f}",
                f"{seconds / first:.1f}" if reached[0] and first < math.inf else "-",
                f"{statistics.median(result.setup for result in same):.3f}",
            ]
        )
    print(f"to {' and '.join(f'{name} {value}' for name, value in zip(MEASURES, point, strict=True))}")
    _harness.print_table(["", "iterations", "seconds", "times the first's", "set-up s"], rows)


def tune(name: str, opener: Opener, task: Ranking, args: argparse.Namespace) -> None:
    """Print all that is tried, a line each, and after each setting what is kept."""
    kept = dict(settings(name, task.factors))
    for setting, values in GRID[name].items():
        contenders = [_harness.Contender(f"{v}", partial(opener, task, {**kept, setting: v})) for v in values]
        results = race(contenders, task, args.iterations)
        best = max(ndcg for result in results for _, ndcg in result.quality.values())
        reached = [arrival(result, (0.0, (1 - args.close) * best)) for result in results]
        rows = []
        for result, there in zip(results, reached, strict=True):
            top = max(result.quality.values(), key=lambda measured: measured[1])
            shown = f"{there[1]:.3g} ({there[0]})" if there else "-"
            rows.append([result.name, *(f"{value:.4f}" for value in top), shown])
        print(f"{name}, {setting}")
        _harness.print_table(["", *MEASURES, f"s to {args.close:.1%} of the best"], rows)
        kept[setting] = values[min(range(len(values)), key=lambda i: reached[i][1] if reached[i] else math.inf)]
        print(f"kept: {kept}")


if __name__ == "__main__":
    main(sys.argv[1:])
