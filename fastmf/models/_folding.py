"""A model among people it was not fitted to: their rows of entries take the place of its users."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from fastmf.models._fitted import Fitted
from fastmf.models._intake import with_columns

Model = TypeVar("Model", bound=Fitted)


def folded(model: Model, rows: Any, num_threads: int | None, name: str) -> Model:
    """A copy of a fitted model whose users are the rows, folded in, and whose seen entries are theirs.

    A model folds in with `_fold_in(rows, weights, num_threads)`, which gives factors and biases. One without factors
    scores items alike for everybody, so that anybody can be its user. `name` is the argument that `rows` were given as.
    """
    other = model._still()
    state = other._fitted
    given, _ = with_columns(rows, state.shape[1], state.item_ids, name, "items")
    if state.user_factors.shape[1] == 0:
        factors = np.empty((given.n_users, 0), state.user_factors.dtype)
        bias = np.zeros(given.n_users, state.user_bias.dtype)
    elif hasattr(other, "_fold_in"):
        factors, bias = other._fold_in(given, None, num_threads)
    else:
        raise ValueError(f"{name} needs a model that folds users in, such as WALS; {type(model).__name__} does not")
    other._state = replace(
        state,
        user_factors=factors,
        user_bias=bias,
        user_ids=getattr(rows, "users", None),
        seen_indptr=given.indptr,
        seen_indices=given.indices,
    )
    return other
