"""One trial of a search: a fit that is looked at while it runs, and given up when others were better by then."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fastmf.data import Ratings
from fastmf.evaluation.scoring import figures, unfitted
from fastmf.evaluation.starts import Start, Starts
from fastmf.models._base import FactorModel


class PrunedError(Exception):
    """A trial was given up."""


@dataclass
class Judge:
    """What all trials of a search share: the model before its parameters are set, the parts of the ratings, the figure.

    After `value`, `passes` is how many passes that trial took; 0 for a model without passes.
    """

    model: FactorModel
    train: Ratings
    held_out: Ratings
    figure: str
    options: dict[str, Any]  # of evaluate
    looks: bool  # at the figure while a model is fitted
    starts: Starts | None = None  # that a fit may begin from
    passes: int = 0

    def value(self, params: dict[str, Any], trial: Any) -> float:
        """The figure of a model with these parameters; PrunedError if the trial says so before the end."""
        self.passes = 0
        model = unfitted(self.model, **params)
        watcher = Watcher(self, trial) if self.looks else None
        more: dict[str, Any] = {} if watcher is None else {"callback": watcher}
        before = 0
        if self.starts is not None and (start := self.starts.nearest(model, trial)) is not None:
            trial.set_user_attr("start", start.number)
            more["initial"], before = start.model, start.passes
        trial.set_user_attr("before", before)
        model.fit(self.train, **more)
        self.passes = len(model.history)
        if watcher is not None and watcher.pruned:
            raise PrunedError
        value = self.figure_of(model)
        if self.starts is not None:
            self.starts.keep(Start.of(trial, value, before + self.passes, model))
        return value

    def figure_of(self, model: FactorModel) -> float:
        """The figure of a fitted model."""
        return figures(model, self.held_out, (self.figure,), **self.options)[self.figure]


class Watcher:
    """The callback of a trial's fit: reports the figure after some passes, and ends the fit if the trial says so."""

    wants_model = True

    def __init__(self, judge: Judge, trial: Any) -> None:
        self._judge, self._trial = judge, trial
        self.pruned = False

    def __call__(self, number: int, record: dict[str, float], now: Callable[[], FactorModel]) -> bool:
        if is_looked_at(number):
            self._trial.report(self._judge.figure_of(now()), number)
            self.pruned = bool(self._trial.should_prune())
        return self.pruned


def is_looked_at(number: int) -> bool:
    """Powers of two and three times those: often while a fit is young, so that looking costs little in the long run."""
    odd = number // math.gcd(number, 1 << 62)
    return odd in (1, 3)
