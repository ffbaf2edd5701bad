"""What every comparison shares: turns A B A B in one process, medians, the facts of the machine, tables.

A library is measured through a session: a fit that goes on from one number of iterations to the next. Sessions take
turns at every mark, so that a slow minute of the machine falls on all of them. Only the library's own work is timed;
quality is computed between the turns, outside all libraries.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.metadata
import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

LIBRARIES = {  # adapter -> the distribution it needs
    "fastmf": "fastmf",
    "implicit": "implicit",
    "irspack": "irspack",
    "cmfrec": "cmfrec",
    "libmf": "libmf",
    "surprise": "scikit-surprise",
    "faiss": "faiss-cpu",
    "numpy": "numpy",
}


class Session(Protocol):
    """A fit in progress. What it has learned is for the measure of its task: factors, or predictions."""

    def advance(self, to: int) -> None:
        """Go on until `to` iterations are done."""

    @property
    def seconds(self) -> list[float]:
        """One measurement of the seconds of an iteration for each iteration, or for each stretch between marks."""

    @property
    def setup(self) -> float:
        """Seconds of a fit that belong to no iteration: conversion, transposing, the first factors."""


@dataclass(frozen=True)
class Contender:
    """A library with one of its solvers; `open` starts a session."""

    name: str
    open: Callable[[], Session]


@dataclass
class Result:
    """What one contender showed; `quality` has the measure at each mark."""

    name: str
    setup: float = 0.0
    seconds: list[float] = field(default_factory=list)
    quality: dict[int, Any] = field(default_factory=dict)

    @property
    def iteration(self) -> float:
        """Seconds of an iteration."""
        return statistics.median(self.seconds)


class Rerun:
    """A session for a library that cannot stop on the way: it fits anew up to each mark.

    The seconds of an iteration are the difference between the fits to two marks, divided by the iterations between
    them; set-up is in both fits and cancels. If `clock` gives the library's own seconds of each iteration of a fit,
    those of the iterations since the last mark are taken instead.
    """

    def __init__(self, fit: Callable[[int], Any], clock: Callable[[Any], list[float]] | None = None) -> None:
        self.model: Any = None
        self._fit, self._clock = fit, clock
        self._done = self._total = 0
        self._setup = 0.0
        self._seconds: list[float] = []

    def advance(self, to: int) -> None:
        started = time.perf_counter()
        self.model = self._fit(to)
        total = time.perf_counter() - started
        if self._clock is not None:
            ticks = self._clock(self.model)
            self._seconds += ticks[self._done :]  # the others were measured at earlier turns
            self._setup = total - sum(ticks)
        elif self._done:
            self._seconds.append((total - self._total) / (to - self._done))
        self._done, self._total = to, total

    @property
    def seconds(self) -> list[float]:
        return self._seconds

    @property
    def setup(self) -> float:
        return self._setup if self._clock else self._total - self._done * statistics.median(self._seconds)


def adapters(names: Iterable[str]) -> list[Any]:
    """The adapter modules of the libraries that are installed; the others are named on the screen."""
    found = []
    for name in names:
        try:
            importlib.metadata.version(LIBRARIES[name])
        except importlib.metadata.PackageNotFoundError:
            print(f"{name}: not installed, left out")
            continue
        found.append(importlib.import_module(f"benchmarks.versus.libraries.{name}"))
    return found


def compare(
    contenders: Sequence[Contender],
    marks: Sequence[int],
    measure: Callable[[Any], Any],
    enough: Callable[[Any], bool] = lambda measured: False,
) -> list[Result]:
    """Bring every contender to every mark in turn, and measure there; one that measured `enough` goes no further."""
    results = [Result(contender.name) for contender in contenders]
    sessions = [contender.open() for contender in contenders]
    for mark in marks:
        for session, result in zip(sessions, results, strict=True):
            if any(map(enough, result.quality.values())):
                continue
            gc.collect()
            gc.disable()
            try:
                session.advance(mark)
            finally:
                gc.enable()
            result.quality[mark] = measure(session)
    for session, result in zip(sessions, results, strict=True):
        result.setup, result.seconds = session.setup, session.seconds
    return results


def facts(libraries: Iterable[str], threads: int) -> dict[str, Any]:
    """What a figure depends on besides the code: processor, compiler, versions, threads, environment."""
    from fastmf.kernels.simd import table

    versions = {}
    for name in ("numpy", "scipy", *(LIBRARIES[library] for library in libraries)):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    compiler = subprocess.run([os.environ.get("CC", "cc"), "--version"], capture_output=True, text=True, check=False)
    return {
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "threads": threads,
        "instruction set of fastmf": table.chosen(),
        "compiler": compiler.stdout.partition("\n")[0],
        "python": platform.python_version(),
        "versions": versions,
        "environment": {k: v for k, v in os.environ.items() if k.startswith(("OPENBLAS_", "OMP_", "MKL_", "FASTMF_"))},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())


def print_facts(found: dict[str, Any]) -> None:
    for name, value in found.items():
        print(f"{name}: {' '.join(f'{k}={v}' for k, v in value.items()) if isinstance(value, dict) else value}")
    if found["load"] is not None and found["load"] > 0.5:
        print("note: the machine has other work; the figures are worth little")
    if "OPENBLAS_CORETYPE" in found["environment"]:
        print("note: OPENBLAS_CORETYPE decides how fast the BLAS of numpy, scipy and so of the peers is; unset it")


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Columns as wide as they need, the first to the left, the others to the right."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))
        print("  ".join([line[0].ljust(widths[0]), *cells]))


def numbers(text: str) -> list[int]:
    """Type of an argument that lists whole numbers: 64,128."""
    return sorted({int(part) for part in text.split(",")})


def stretches(text: str) -> list[int]:
    """Type of an argument that lists at least two marks: what lies between them is measured."""
    marks = numbers(text)
    if len(marks) < 2 or marks[0] < 1:
        raise argparse.ArgumentTypeError(f"at least two numbers of iterations, got {text}")
    return marks


def words(text: str) -> list[str]:
    """Type of an argument that lists words: fastmf,implicit."""
    return text.split(",")


def arguments(description: str, libraries: Sequence[str], marks: str | None = None) -> argparse.ArgumentParser:
    """The arguments all comparisons take; those of fits have `marks`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--factors", type=numbers, default=[64], help="numbers of factors, as 64,128 (default: 64)")
    parser.add_argument("--libraries", type=words, default=list(libraries), help=f"default: {','.join(libraries)}")
    parser.add_argument("--solvers", type=words, help="only contenders whose name has one of these words")
    if marks is not None:
        parser.add_argument("--marks", type=stretches, default=numbers(marks), help=f"iterations (default: {marks})")
    parser.add_argument("--threads", type=int, default=2, help="threads of every library (default: 2)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write facts and all measurements to this file")
    return parser


def chosen(contenders: Iterable[Contender], words: Sequence[str] | None) -> list[Contender]:
    return [c for c in contenders if words is None or any(word in c.name for word in words)]


def write_json(path: Path, found: dict[str, Any], results: dict[str, list[Result]]) -> None:
    record = {"facts": found, "results": {title: [asdict(r) for r in rows] for title, rows in results.items()}}
    path.write_text(json.dumps(record, indent=1))
