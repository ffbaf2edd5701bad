"""A fitted model as the start of another fit."""

from __future__ import annotations

from typing import Any

from fastmf import _checks
from fastmf._errors import NotFittedError
from fastmf.data import Ratings
from fastmf.models._base import FactorModel
from fastmf.models._intake import transposed
from fastmf.models._state import State


def start_of(initial: Any, kind: type[FactorModel], data: Ratings, p: dict[str, Any]) -> State | None:
    """The state a fit to `data` under the checked parameters `p` starts from; None if it starts from nothing."""
    if initial is None:
        return None
    if not isinstance(initial, kind):
        raise TypeError(f"initial must be None or a fitted {kind.__name__}, got {_checks.shown(initial)}")
    state = initial._state
    if state is None:
        raise NotFittedError(f"initial must be a fitted {kind.__name__}, got one that is not fitted yet")
    if state.shape != data.shape:
        raise ValueError(
            f"initial must be a model of as many users and items as ratings has, {data.shape}, got {state.shape}"
            + transposed(data, state.shape)
        )
    for what, ids, fitted in (("users", data.users, state.user_ids), ("items", data.items, state.item_ids)):
        if ids is not None and fitted is not None and ids != fitted:
            raise ValueError(f"initial must have the {what} of ratings, in the same order, got {fitted!r} for {ids!r}")
    for name, learned in (("factors", state.user_factors.shape[1]), ("dtype", state.user_factors.dtype)):
        if p[name] != learned:
            raise ValueError(f"initial must have the {name} of this fit, {p[name]}, got {learned}")
    if p.get("nonnegative") and min(state.user_factors.min(), state.item_factors.min()) < 0:
        raise ValueError("initial must have no factors below 0 for nonnegative=True, got some")
    return state
