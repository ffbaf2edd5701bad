"""What every iterative fit shares: the clock, progress, the callback, and what an interruption leaves behind."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from fastmf._optional import require
from fastmf.models._state import State

Callback = Callable[..., object]


class Passes:
    """Counts the passes of a fit, times them, and tells the callback and the progress bar.

    A callback is called as callback(pass, record) after each pass, from 1; True from it, Python's or NumPy's, ends the
    fit. One with a true attribute `wants_state` is called as callback(pass, record, state), where state() makes what
    the model would keep now.
    """

    def __init__(self, total: int, *, what: str, progress: bool, callback: Callback | None) -> None:
        if callback is not None and not callable(callback):
            raise TypeError(f"callback must be callable or None, got {callback!r}")
        self.history: list[dict[str, float]] = []
        self.stopped = False
        self._total, self._callback = total, callback
        self._what = what
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
            more = (state,) if getattr(self._callback, "wants_state", False) else ()
            answer = self._callback(len(self.history), entry, *more)
            self.stopped |= isinstance(answer, (bool, np.bool_)) and bool(answer)

    @contextmanager
    def closing(self) -> Iterator[Passes]:
        """Shows the bar, if there is to be one, and closes it whatever happens."""
        if self._tqdm is not None:
            self._bar = self._tqdm(total=self._total, desc=self._what, disable=None)
        try:
            yield self
        finally:
            if self._bar is not None:
                self._bar.close()
