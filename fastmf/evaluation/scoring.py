"""What choosing a model needs again and again: a copy that is not fitted, and a few figures of one that is."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterable
from typing import Any

from fastmf import _checks
from fastmf.evaluation.metrics import METRICS, figure_of
from fastmf.evaluation.predictions import why_no_ratings
from fastmf.evaluation.run import evaluate
from fastmf.models._base import FactorModel


def unfitted(model: FactorModel, **params: Any) -> Any:
    """A model of the same class and parameters but for those given; it shares nothing with the one it was made from."""
    return type(model)(**copy.deepcopy({**model.get_params(), **params}))


def checked_to_choose(model: Any) -> Any:
    """A model, fitted or not, that can be fitted."""
    if not isinstance(model, FactorModel) or not hasattr(model, "fit"):
        raise TypeError(f"model must be a model of fastmf, such as fastmf.WALS(), got {_checks.shown(model)}")
    return model


def default_figures(model: FactorModel) -> tuple[str, ...]:
    """What a model is judged by unless told: the errors of ratings if it predicts them, else lists of ten."""
    return ("rmse", "mae") if model.predicts_ratings else ("ndcg@10", "recall@10")


def checked_figures(metrics: Any, model: FactorModel) -> tuple[str, ...]:
    """Names of figures such as "ndcg@10" that this model can have."""
    if metrics is None:
        return default_figures(model)
    if not isinstance(metrics, Iterable):
        raise TypeError(f"metrics must be None, a name or a sequence of names, got {_checks.shown(metrics)}")
    names = tuple(dict.fromkeys((metrics,) if isinstance(metrics, str) else metrics))
    if not names:
        raise ValueError("metrics must name at least one metric, got none")
    for name in names:
        checked_figure("metrics", name, model)
    return names


def checked_figure(argument: str, name: Any, model: FactorModel) -> str:
    """The name of one figure that this model can have."""
    metric, _ = figure_of(argument, name)
    if metric.kind == "rating" and not model.predicts_ratings:
        raise ValueError(f"{argument}: {metric.name} needs a model that predicts ratings, but {why_no_ratings(model)}")
    return str(name)


def figures(model: FactorModel, test: Any, names: tuple[str, ...], **options: Any) -> dict[str, float]:
    """The figures of these names, from one evaluation; `options` are those of `evaluate`."""
    parts = [figure_of("metrics", name) for name in names]
    cutoffs = [k for _, k in parts if k is not None]
    wanted = [name for name in METRICS if any(metric.name == name for metric, _ in parts)]
    report = evaluate(model, test, metrics=wanted, k=cutoffs or (1,), **options)
    missing = [name for name in names if name not in report]
    if missing:
        raise ValueError(f"there is no {missing[0]} of {type(model).__name__} ({'; '.join(report.notes)})")
    return {name: report[name] for name in names}


def takes(model: FactorModel, argument: str) -> bool:
    """Whether the model's fit has an argument of this name."""
    return argument in inspect.signature(model.fit).parameters  # type: ignore[attr-defined]


def has_no_seed(model: FactorModel) -> bool:
    """Whether the model draws a fresh seed for every fit."""
    return model.get_params().get("random_state", 0) is None
