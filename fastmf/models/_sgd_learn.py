"""The epochs of a fit by SGD: rates, history, early stopping, divergence, and what an interruption leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fastmf._errors import FitDivergedError
from fastmf.models._base import FactorModel
from fastmf.models._fitting import Passes
from fastmf.models._sgd_pieces import Learning
from fastmf.models._sgd_terms import Best
from fastmf.models._state import State

FASTER, SLOWER = 1.05, 0.5  # of the bold driver, after an epoch that lowered the loss and one that did not


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
            model._state = passes.with_history(state_of())
        raise
    model._state = passes.outcome(lambda: best.state or state_of())


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
