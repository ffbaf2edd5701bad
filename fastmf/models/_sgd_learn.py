"""The epochs of a fit by SGD: rates, history, early stopping, divergence, and what an interruption leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from fastmf import _checks
from fastmf._errors import FitDivergedError
from fastmf._params import Check
from fastmf.models._base import FactorModel
from fastmf.models._fitting import Passes
from fastmf.models._sgd_pieces import Learning
from fastmf.models._sgd_terms import Best
from fastmf.models._state import State

SCHEDULES = ("exponential", "inverse_time", "constant", "bold_driver")
FASTER, SLOWER = 1.05, 0.5  # of the bold driver, after an epoch that lowered the loss and one that did not


def one_of(*options: str) -> Check:
    """The check of a parameter that is one of several words."""
    return lambda name, value: _checks.choice(name, value, options)


def range_of_ratings(name: str, value: Any) -> tuple[float, float]:
    """A pair (lowest, highest)."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name} must be None or a pair (lowest, highest), got {_checks.shown(value)}")
    low, high = _checks.real(f"{name}[0]", value[0]), _checks.real(f"{name}[1]", value[1])
    if not low < high:
        raise ValueError(f"{name} must be a pair (lowest, highest) with lowest < highest, got {value!r}")
    return low, high


def check_together(p: dict[str, Any], validation: Any) -> None:
    """What no parameter can be checked for alone."""
    if p["patience"] is not None and validation is None:
        raise ValueError("patience needs validation ratings to look at: pass validation to fit")
    if p["schedule"] == "exponential" and p["decay"] >= 1:
        raise ValueError(f"decay must be less than 1 for schedule='exponential', got {p['decay']}")


def learn(
    model: FactorModel,
    learning: Learning,
    passes: Passes,
    p: dict[str, Any],
    total: float,
    state_of: Callable[[], State],
    score: Callable[[State], float] | None,
) -> None:
    """Run epochs under the checked parameters `p` and leave the outcome in `model`.

    `total` is the sum of the weights of all ratings, `state_of` gives the state learned so far and `score` what
    validation says of it. On an error the model stays as it was; on KeyboardInterrupt it gets the last whole epoch.
    """
    rate, last, best = p["learning_rate"], np.inf, Best(p["patience"])
    try:
        with passes.closing():
            for epoch in passes:
                if p["schedule"] != "bold_driver":
                    rate = rate_after(p["schedule"], p["learning_rate"], p["decay"], epoch - 1)
                loss = learning.run_epoch(rate) / max(total, np.finfo(float).tiny)
                if not np.isfinite(loss):  # a row that is not finite shows in the loss when it is next met
                    raise diverged(epoch, rate)
                record = {"learning_rate": rate, "train_loss": loss}
                if score is not None:
                    found = state_of()
                    record["validation"] = score(found)
                    passes.stopped = best.is_enough(record["validation"], found)
                if p["schedule"] == "bold_driver":
                    rate *= FASTER if loss < last else SLOWER
                last = loss
                passes.done(state_of, **record)
            if not learning.is_finite():
                raise diverged(epoch, rate)
    except KeyboardInterrupt:
        learning.undo()
        if passes.history:
            model._state = _with_history(state_of(), passes)
        raise
    model._state = _with_history(best.state or state_of(), passes)


def _with_history(state: State, passes: Passes) -> State:
    return replace(state, history=[*state.history, *passes.history])


def rate_after(schedule: str, rate: float, decay: float, epoch: int) -> float:
    """The rate of an epoch, from 0, under a schedule that looks at nothing but the epoch."""
    if schedule == "inverse_time":
        return rate / (1 + decay * epoch)
    if schedule == "exponential":
        return float(rate * (1 - decay) ** epoch)
    return rate


def diverged(epoch: int, rate: float) -> FitDivergedError:
    """The error for factors that are not finite."""
    return FitDivergedError(
        f"factors are not finite after epoch {epoch}: lower learning_rate (it was {rate:.3g} there), raise "
        "regularization, or scale the ratings"
    )
