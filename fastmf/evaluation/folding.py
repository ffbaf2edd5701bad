"""A model among people it was not fitted to: their rows of entries take the place of its users."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np

from fastmf.models._base import FactorModel
from fastmf.models._intake import with_columns


def folded(model: FactorModel, rows: Any, num_threads: int | None) -> FactorModel:
    """A copy of a fitted model whose users are the rows, folded in, and whose seen entries are theirs.

    A model without factors scores items alike for everybody, so that anybody can be its user.
    """
    state = model._fitted
    given, _ = with_columns(rows, state.shape[1], state.item_ids, "fold_in", "items")
    if state.user_factors.shape[1] == 0:
        factors = np.empty((given.n_users, 0), state.user_factors.dtype)
        bias = np.zeros(given.n_users, state.user_bias.dtype)
    elif hasattr(model, "_fold_in"):
        factors, bias = model._fold_in(rows, None, num_threads)
    else:
        raise ValueError(f"fold_in needs a model that folds users in, such as WALS; {type(model).__name__} does not")
    other = copy.copy(model)
    other._state = replace(
        state,
        user_factors=factors,
        user_bias=bias,
        user_ids=getattr(rows, "users", None),
        seen_indptr=given.indptr,
        seen_indices=given.indices,
    )
    return other
