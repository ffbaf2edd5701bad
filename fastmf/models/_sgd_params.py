"""The parameters that BiasedMF and SVDpp share: name, type, default and check of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks, _random, _threads
from fastmf._params import Check, HasParams, either, none, param

SCHEDULES = ("exponential", "inverse_time", "constant", "bold_driver")


def one_of(*options: str) -> Check:
    """The check of a parameter that is one of several words."""
    return lambda name, value: _checks.choice(name, value, options)


def above_zero(name: str, value: Any) -> float:
    """A finite number above 0."""
    return _checks.real(name, value, above=0.0)


def not_below_zero(name: str, value: Any) -> float:
    """A finite number of at least 0."""
    return _checks.real(name, value, 0.0)


def range_of_ratings(name: str, value: Any) -> tuple[float, float]:
    """A pair (lowest, highest)."""
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name} must be None or a pair (lowest, highest), got {_checks.shown(value)}")
    low, high = _checks.real(f"{name}[0]", value[0]), _checks.real(f"{name}[1]", value[1])
    if not low < high:
        raise ValueError(f"{name} must be a pair (lowest, highest) with lowest < highest, got {value!r}")
    return low, high


@dataclass(kw_only=True, repr=False, eq=False)
class SgdParams(HasParams):
    """A base of both models, which adds what follows from these parameters alone. Their docstrings say what each is."""

    factors: int = param(64, lambda name, value: _checks.integer(name, value, 1, 4096))
    epochs: int = param(20, lambda name, value: _checks.integer(name, value, 1))
    learning_rate: float = param(0.1, above_zero)  # SVDpp has a default of its own
    regularization: float | tuple[float, float] = param(0.05, _checks.pair)
    bias_regularization: float = param(0.01, not_below_zero)
    optimizer: str = param("adagrad", one_of("adagrad", "sgd"))
    schedule: str = param("exponential", one_of(*SCHEDULES))
    decay: float = param(0.1, not_below_zero)
    rating_range: tuple[float, float] | None = param(None, either(none, range_of_ratings))
    patience: int | None = param(None, either(none, lambda name, value: _checks.integer(name, value, 1)))
    num_threads: int | None = param(None, _threads.argument)
    random_state: Any = param(None, _random.argument)
    dtype: Any = param("float32", _checks.float_dtype)

    def _checked_with(self, validation: Any) -> dict[str, Any]:
        """All parameters, cleaned, that also go together and with the validation ratings given to a fit."""
        p = self.checked()
        if p["patience"] is not None and validation is None:
            raise ValueError("patience needs validation ratings to look at: pass validation to fit")
        if p["schedule"] == "exponential" and p["decay"] >= 1:
            raise ValueError(f"decay must be less than 1 for schedule='exponential', got {p['decay']}")
        return p

    def _clipped(self, predictions: NDArray[Any]) -> NDArray[Any]:
        """Predictions within `rating_range`, where there is one."""
        return predictions if self.rating_range is None else np.clip(predictions, *self.rating_range)
