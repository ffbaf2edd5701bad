"""Learned factors of finished trials for others to start from: a few are kept, and the nearest is taken."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fastmf.models._base import FactorModel, load

KEPT = 8  # fitted models in memory; the best ones, since a search goes on where they are
VANISHED = 1e-3  # length of a user's row, in the quadratic mean, below which it takes many passes to leave the zeros


@dataclass(frozen=True)
class Start:
    """A trial: its number, what Optuna chose for it and from where, what it reached, and the model it fitted."""

    number: int
    params: Mapping[str, Any]
    distributions: Mapping[str, Any]
    value: float
    passes: int  # behind the factors: of this trial, of the one it started from, and so on
    model: FactorModel

    @classmethod
    def of(cls, trial: Any, value: float, passes: int, model: FactorModel) -> Start:
        """That of a trial of Optuna, finished or not."""
        return cls(trial.number, trial.params, trial.distributions, value, passes, model)


class Starts:
    """The best trials so far, with their factors; a folder keeps these too, for a search that goes on later."""

    def __init__(self, lower_is_better: bool, folder: Path | None) -> None:
        self._sign = 1 if lower_is_better else -1
        self._folder = folder
        self._kept: list[Start] = []  # the best first, of equals the earliest
        self._gone: list[int] = []  # trials that are kept no longer, but still have a file

    def restore(self, complete: Iterable[Any]) -> None:
        """Take up from the folder what it has of these trials of Optuna; what it has of others goes."""
        files = {} if self._folder is None else {_number(path): path for path in self._folder.glob("trial-*.fmf")}
        for trial in complete:
            if trial.number in files:
                passes = trial.user_attrs["before"] + trial.user_attrs["passes"]
                self._put(Start.of(trial, trial.value, passes, load(files[trial.number])))
        for number in files.keys() - {start.number for start in self._kept}:
            files[number].unlink()

    def keep(self, start: Start) -> None:
        """Take up a trial that has come to its end, if it is among the best and its factors are any."""
        state = start.model._fitted
        length = math.sqrt(
            float(np.mean(np.square(state.user_factors, dtype=np.float64))) * state.user_factors.shape[1]
        )
        if not length > VANISHED:
            return
        model = copy.copy(start.model)  # by number: any ids go into a file, and the parts of one data set have the same
        model._state = replace(state, user_ids=None, item_ids=None, item_info={})
        gone = self._put(replace(start, model=model))
        if self._folder is None or gone == start.number:
            return
        self._folder.mkdir(exist_ok=True)
        model.save(self._file(start.number))
        self._gone += [] if gone is None else [gone]

    def settle(self) -> None:
        """The study knows of the last trial kept; only now can the files of those that had to go for it go too."""
        for number in self._gone:
            self._file(number).unlink(missing_ok=True)
        self._gone = []

    def nearest(self, model: FactorModel, trial: Any) -> Start | None:
        """The one whose trial is nearest, of those that `model` can start from; of equals the best."""
        kind = kind_of(model)
        alike = [start for start in self._kept if kind_of(start.model) == kind]
        return min(alike, key=lambda start: distance(start, trial), default=None)

    def of(self, number: int) -> FactorModel | None:
        """What the trial of this number fitted, if it is kept."""
        return next((start.model for start in self._kept if start.number == number), None)

    def _put(self, start: Start) -> int | None:
        """Take it up; returns the number of the trial that has to go, if one has."""
        self._kept.append(start)
        self._kept.sort(key=lambda kept: (self._sign * kept.value, kept.number))
        return self._kept.pop().number if len(self._kept) > KEPT else None

    def _file(self, number: int) -> Path:
        assert self._folder is not None
        return self._folder / f"trial-{number}.fmf"


def kind_of(model: FactorModel) -> dict[str, Any]:
    """What two models must share for one to start from the other: factors, dtype, and all words and flags."""
    params = model.checked()
    return {n: v for n, v in params.items() if n == "factors" or isinstance(v, (bool, str, np.dtype))}


def distance(one: Any, other: Any) -> float:
    """Euclidean distance of two trials, each parameter over its range and in its scale; other choices are a range
    apart."""
    names = one.params.keys() | other.params.keys()
    return math.hypot(*(_apart(one, other, name) for name in sorted(names)))


def _apart(one: Any, other: Any, name: str) -> float:
    if name not in one.params or name not in other.params:
        return 1.0
    a, b, range_ = one.params[name], other.params[name], one.distributions[name]
    if not hasattr(range_, "low"):
        return float(a != b)
    low, high = range_.low, range_.high
    if range_.log:
        a, b, low, high = map(math.log, (a, b, low, high))
    return abs(a - b) / (high - low) if high > low else 0.0


def _number(path: Path) -> int:
    digits = path.stem.removeprefix("trial-")
    return int(digits) if digits.isdecimal() else -1
