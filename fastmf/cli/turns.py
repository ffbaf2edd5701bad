"""One contender of a comparison in its turns: prepared once, fitted each time with a clock beside it, judged once."""

from __future__ import annotations

import gc
import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from fastmf.cli.contenders import Contender
from fastmf.data import Ratings
from fastmf.models import FactorModel

Figures = dict[str, float | None]  # by name, the one that counts first; None: the model has none


@dataclass
class Result:
    """What a contender has shown so far."""

    contender: Contender
    seconds: list[float] = field(default_factory=list)
    figures: Figures = field(default_factory=dict)  # of the first fit
    error: str | None = None
    _prepared: Any = None

    def turn(self, train: Ratings, judge: Callable[[FactorModel], Figures]) -> None:
        """Fit once more, unless it has failed; the first fit is also judged. What goes wrong is kept as `error`."""
        if self.error is not None:
            return
        try:
            with _quiet():
                if not self.seconds:
                    self._prepared = self.contender.prepare(train)
                learned = self._timed()
                model = None if self.figures else self.contender.model(learned, train)
            if model is not None:
                self.figures = judge(model)
        except Exception as error:
            self.error = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")

    def _timed(self) -> Any:
        gc.collect()
        gc.disable()
        try:
            started = time.perf_counter()
            learned = self.contender.fit(self._prepared)
            self.seconds.append(time.perf_counter() - started)
        finally:
            gc.enable()
        return learned

    @property
    def median(self) -> float | None:
        """Seconds of a fit."""
        return statistics.median(self.seconds) if self.seconds else None

    def document(self) -> dict[str, Any]:
        """The same as plain values."""
        return {
            "name": self.contender.name,
            "library": self.contender.library,
            "parameters": self.contender.parameters,
            "seconds": self.median,
            "seconds_of_each": self.seconds,
            **self.figures,
            "error": self.error,
        }


@contextmanager
def _quiet() -> Iterator[None]:
    """Other libraries print and warn as they like; standard output is for the answer."""
    with redirect_stdout(StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
