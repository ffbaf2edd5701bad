"""What every iterative fit shares: the clock, progress, the callback, and what an interruption leaves behind."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from fastmf._optional import require
from fastmf.models._state import State

Callback = Callable[..., object]


class Passes:
    """Counts the passes of a fit, times them, and tells the callback and the progress bar.

    A callback is called as callback(pass, record) after each pass, from 1; True from it, Python's or NumPy's, ends the
    fit. One with a true attribute `wants_model` is called as callback(pass, record, now), where now() makes the fitted
    model that this pass would leave, good until the next one. If in the end it has a State as its attribute `best`, the
    model keeps that instead of the last.
    """

    def __init__(self, model: Any, total: int, *, progress: bool, callback: Callback | None) -> None:
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable or None, got {callback!r}")
        self.history: list[dict[str, float]] = []
        self.stopped = False
        self._model, self._total, self._callback = model, total, callback
        self._bar: Any = None
        self._tqdm = require("tqdm", "progress").tqdm if progress else None

    def __iter__(self) -> Iterator[int]:
        for number in range(1, self._total + 1):
            self._started = time.perf_counter()
            yield number
            if self.stopped:
                break

    def done(self, state: Callable[[], State], **record: float) -> None:
        """Record the pass just ended; `state` makes what the model would keep of it, if somebody asks."""
        entry = {"seconds": time.perf_counter() - self._started, **record}
        self.history.append(entry)
        if self._bar is not None:
            self._bar.set_postfix({name: f"{value:.4g}" for name, value in record.items()})
            self._bar.update()
        if self._callback is not None:
            more = (lambda: self._fitted(state()),) if getattr(self._callback, "wants_model", False) else ()
            answer = self._callback(len(self.history), entry, *more)
            self.stopped |= isinstance(answer, (bool, np.bool_)) and bool(answer)

    def _fitted(self, state: State) -> Any:
        """A model with the parameters of the one that is fitted, and a state of its own."""
        model = copy.copy(self._model)
        model._state = state
        return model

    def outcome(self, last: Callable[[], State]) -> State:
        """What a fit that came to its end leaves: the best state that the callback has kept, if any, else the last."""
        best = getattr(self._callback, "best", None)
        return self.with_history(best if isinstance(best, State) else last())

    def with_history(self, state: State) -> State:
        """A state with the passes of this fit after those before it."""
        return replace(state, history=[*state.history, *self.history])

    @contextmanager
    def closing(self) -> Iterator[Passes]:
        """Shows the bar, if there is to be one, and closes it whatever happens."""
        if self._tqdm is not None:
            self._bar = self._tqdm(total=self._total, desc=type(self._model).__name__, disable=None)
        try:
            yield self
        finally:
            if self._bar is not None:
                self._bar.close()
