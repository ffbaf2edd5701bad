"""The Axes to draw on, and what a plot is given in any of several forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf._optional import require
from fastmf.models import FactorModel

GREY = "0.45"
SOFT = 0.18  # opacity of bands and areas behind lines


def axes(ax: Any) -> Any:
    """The Axes given, or those of a new figure."""
    pyplot = require("matplotlib.pyplot", "plots")
    if ax is None:
        return pyplot.subplots(layout="constrained")[1]
    if not hasattr(ax, "plot") or not hasattr(ax, "fill_between"):
        raise TypeError(f"ax must be None or matplotlib Axes, got {_checks.shown(ax)}")
    return ax


def plain(ax: Any) -> None:
    """No frame above and to the right, and a light grid."""
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(True, color="0.92", linewidth=0.8)
    ax.set_axisbelow(True)


def history_of(name: str, source: Any) -> list[dict[str, float]]:
    """The records of a fit: those of a fitted model, or as they are given."""
    records = source.history if isinstance(source, FactorModel) else source
    if not isinstance(records, list) or not all(isinstance(record, Mapping) for record in records):
        raise TypeError(f"{name} must be a fitted model or its history, a list of dicts, got {_checks.shown(source)}")
    if not records:
        raise ValueError(f"{name} must have at least one pass in its history, got none")
    return records


def column(records: list[dict[str, float]], name: str) -> NDArray[np.float64]:
    """A figure of each pass; NaN, which leaves a gap in a line, for a pass that did not measure it."""
    return np.array([record.get(name, np.nan) for record in records], np.float64)


def checked_model(model: Any) -> FactorModel:
    """A fitted model, or a clear error."""
    if not isinstance(model, FactorModel):
        raise TypeError(f"model must be a fitted model of fastmf, got {_checks.shown(model)}")
    model._fitted  # noqa: B018  raises NotFittedError
    return model


def named(name: str, given: Any) -> dict[str, Any]:
    """What is to be compared, by the names in the legend."""
    if not isinstance(given, Mapping) or not given:
        raise TypeError(f"{name} must be a dict by the names to show, not empty, got {_checks.shown(given)}")
    return {str(key): value for key, value in given.items()}
