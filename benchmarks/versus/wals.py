"""Weighted matrix factorisation in several libraries: seconds an iteration, and seconds to one objective.

    python -m benchmarks.versus.wals --data ml-1m,ml-20m --factors 64,128
    python -m benchmarks.versus.wals --data gowalla --gowalla FOLDER --factors 64 --libraries fastmf,irspack

from the root of the checkout. All libraries minimise the same J, stated in _tasks.Weighted: binary data, weight
`--weight` on stored pairs and 1 on all others, constant regularisation; how each one's parameters say so is in its
adapter. J is computed outside all of them, in float64. An iteration is both half-steps. Its seconds are those the
library's own hooks tell (implicit, fastmf), those of its call for one epoch (irspack), or the difference between two
fits (cmfrec); set-up, which is conversion and transposing, is shown apart. Seconds to J within `--close` of the best
that any contender has at the last mark count iterations only, at the median pace.

Environment: OPENBLAS_NUM_THREADS=1 suits implicit and cmfrec; a BLAS told to be another processor's slows all peers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from benchmarks import _gowalla
from benchmarks.versus import _harness
from benchmarks.versus._tasks import Weighted
from fastmf.data import synthetic


def main(arguments: list[str]) -> None:
    parser = _harness.arguments(__doc__, ("fastmf", "irspack", "implicit", "cmfrec"), "1,2,3,5,10")
    parser.add_argument("--data", type=_harness.words, default=["ml-1m"], help="ml-1m, ml-20m (synthetic), gowalla")
    parser.add_argument("--gowalla", type=Path, help="folder with train.txt and test.txt")
    parser.add_argument("--weight", type=float, default=41.0, help="of a stored pair (default: 41)")
    parser.add_argument("--regularization", type=float, default=30.0, help="constant (default: 30)")
    parser.add_argument("--close", type=float, default=0.001, help="relative distance from the best J (default: .001)")
    args = parser.parse_args(arguments)
    found = _harness.facts(args.libraries, args.threads)
    _harness.print_facts(found)
    libraries = _harness.adapters(args.libraries)
    results = {}
    for name in args.data:
        matrix = binary(name, args.gowalla)
        for factors in args.factors:
            title = f"{name}, {matrix.shape[0]} x {matrix.shape[1]}, {matrix.nnz} entries, {factors} factors"
            task = Weighted(matrix, factors, args.weight, args.regularization, args.threads, args.seed)
            contenders = [c for library in libraries for c in library.weighted(task)]
            contenders = _harness.chosen(contenders, args.solvers)
            results[title] = _harness.compare(contenders, args.marks, partial(objective, task))
            show(title, results[title], args.close)
    if args.json:
        _harness.write_json(args.json, found, results)


def objective(task: Weighted, session: Any) -> float:
    J = task.objective(*session.factors)
    stated = getattr(session, "stated_objective", J)
    if abs(stated / J - 1) > 1e-4:
        raise SystemExit(f"{type(session).__module__} states J = {stated}, its factors have {J}")
    return J


def binary(name: str, gowalla: Path | None) -> sparse.csr_matrix:
    """The stored pairs of a data set as float32 ones."""
    if name == "gowalla":
        if gowalla is None:
            raise SystemExit("--data gowalla needs --gowalla FOLDER")
        return _gowalla.read(gowalla)[0]
    ratings = synthetic(name)
    ones = np.ones(ratings.nnz, np.float32)
    return sparse.csr_matrix((ones, ratings.indices, ratings.indptr), shape=ratings.shape)


def show(title: str, results: Iterable[_harness.Result], close: float) -> None:
    results = sorted(results, key=lambda result: result.iteration)
    last = max(results[0].quality)
    best = min(result.quality[last] for result in results)
    rows = []
    for result in results:
        there = [mark for mark, J in result.quality.items() if J / best - 1 <= close]
        rows.append(
            [
                result.name,
                f"{result.setup:.2f}",
                f"{result.iteration:.4g}",
                f"{min(result.seconds):.4g}",
                f"{len(result.seconds)}",
                *(f"{J / best - 1:+.3%}" for J in result.quality.values()),
                f"{there[0] * result.iteration:.3g} ({there[0]})" if there else "-",
            ]
        )
    print(f"\n{title}; best J {best:.6g}")
    marks = [f"J after {mark}" for mark in results[0].quality]
    _harness.print_table(["", "set-up s", "s/iteration", "least", "of", *marks, f"s to {close:.1%}"], rows)


if __name__ == "__main__":
    main(sys.argv[1:])
