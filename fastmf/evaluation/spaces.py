"""Where a search for parameters may look: a range, a list of choices or a function for each of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from fastmf import _checks
from fastmf.models import WALS, BiasedMF, SVDpp
from fastmf.models._base import FactorModel

Suggest = Callable[[Any], Any]  # the value of a parameter in an Optuna trial

FORMS = '(low, high), (low, high, "log"), a list of choices or a function of an Optuna trial'

PLAIN = (bool, int, float, str, type(None))  # choices that Optuna keeps as they are


def default_space(model: FactorModel) -> dict[str, Any]:
    """Ranges of the parameters that matter most, wide enough for most data."""
    if isinstance(model, (BiasedMF, SVDpp)):
        rates = (0.02, 0.3, "log") if isinstance(model, BiasedMF) else (0.01, 0.2, "log")
        factors = (0.005, 0.3, "log")
        return {
            "learning_rate": rates if model.optimizer == "adagrad" else (0.002, 0.1, "log"),
            "regularization": factors,
            **({"implicit_regularization": factors} if isinstance(model, SVDpp) else {}),
            "bias_regularization": (0.001, 0.1, "log"),
        }
    if isinstance(model, WALS):
        if model.predicts_ratings:
            return {"regularization": (0.01, 1.0, "log")}
        return {"regularization": (0.0003, 0.3, "log"), "unobserved_weight": (0.01, 10.0, "log")}
    raise ValueError(f"space must be given for {type(model).__name__}: it has no parameters to search by default")


def checked_space(space: Any, model: FactorModel) -> dict[str, Suggest]:
    """For each parameter the function that chooses its value in a trial."""
    if not isinstance(space, Mapping) or not space:
        raise TypeError(f"space must be a dict from names of parameters to {FORMS}, got {_checks.shown(space)}")
    checks = {
        field.name: field.metadata["check"]
        for field in dataclasses.fields(model)  # type: ignore[arg-type]
        if "check" in field.metadata
    }
    for name in space:
        if name not in checks:
            raise ValueError(
                f"space must name parameters of {type(model).__name__}, {', '.join(checks)}, got {_checks.shown(name)}"
            )
    return {name: _suggest(name, where, checks[name]) for name, where in space.items()}


def described(space: Mapping[str, Any]) -> dict[str, str]:
    """The space as text, to be compared with that of an earlier run; functions are all alike."""
    return {name: "function" if callable(where) else repr(where) for name, where in space.items()}


def _suggest(name: str, where: Any, check: Callable[[str, Any], Any]) -> Suggest:
    if callable(where):
        return where  # type: ignore[no-any-return]
    if isinstance(where, list):
        return _choice(name, where, check)
    if isinstance(where, tuple) and len(where) in (2, 3) and (len(where) == 2 or where[2] == "log"):
        return _range(name, where[0], where[1], len(where) == 3, check)
    raise TypeError(f"space[{name!r}] must be {FORMS}, got {_checks.shown(where)}")


def _choice(name: str, choices: list[Any], check: Callable[[str, Any], Any]) -> Suggest:
    if not choices:
        raise ValueError(f"space[{name!r}] must have at least one choice, got none")
    plain = [value.item() if isinstance(value, np.generic) else value for value in choices]
    for value in plain:
        check(f"space[{name!r}]", value)
    labels = [value if isinstance(value, PLAIN) else repr(value) for value in plain]
    if len({(type(label), label) for label in labels}) < len(labels):
        raise ValueError(f"space[{name!r}] must name each choice once, got {_checks.shown(choices)}")

    def suggest(trial: Any) -> Any:
        label = trial.suggest_categorical(name, labels)
        return next(value for value, other in zip(plain, labels, strict=True) if other is label or other == label)

    return suggest


def _range(name: str, low: Any, high: Any, log: bool, check: Callable[[str, Any], Any]) -> Suggest:
    for value in (low, high):
        if not _checks.is_real(value):
            raise TypeError(f"space[{name!r}] must be {FORMS}, got {_checks.shown((low, high))}")
        check(f"space[{name!r}]", value)
    if not low < high or (log and low <= 0):
        wanted = "0 < low < high" if log else "low < high"
        raise ValueError(f"space[{name!r}] must have {wanted}, got {_checks.shown((low, high))}")
    if _checks.is_integer(low) and _checks.is_integer(high):
        return lambda trial: trial.suggest_int(name, int(low), int(high), log=log)
    return lambda trial: trial.suggest_float(name, float(low), float(high), log=log)
