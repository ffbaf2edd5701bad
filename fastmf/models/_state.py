"""What a fitted model knows, as one immutable bundle: a fit builds a new one and swaps it in whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf.data import IdMap, Ratings


@dataclass(frozen=True, kw_only=True)
class State:
    """Factors, biases, ids and the training rows (for the seen filter) of a fitted model."""

    user_factors: NDArray[Any]
    item_factors: NDArray[Any]
    user_bias: NDArray[Any]
    item_bias: NDArray[Any]
    mean: float
    user_ids: IdMap | None
    item_ids: IdMap | None
    seen_indptr: NDArray[np.int64]
    seen_indices: NDArray[np.int32]
    item_info: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # by "user/NAME" and "item/NAME": a row each

    @classmethod
    def of(
        cls,
        ratings: Ratings,
        user_factors: NDArray[Any],
        item_factors: NDArray[Any],
        *,
        user_bias: NDArray[Any] | None = None,
        item_bias: NDArray[Any] | None = None,
        mean: float = 0.0,
        history: list[dict[str, float]] | None = None,
        extra: Mapping[str, NDArray[Any]] | None = None,
    ) -> State:
        """The state after a fit to `ratings`; biases left out are zeros."""
        dtype = user_factors.dtype
        return cls(
            user_factors=user_factors,
            item_factors=item_factors,
            user_bias=np.zeros(ratings.n_users, dtype) if user_bias is None else user_bias,
            item_bias=np.zeros(ratings.n_items, dtype) if item_bias is None else item_bias,
            mean=float(mean),
            user_ids=ratings.users,
            item_ids=ratings.items,
            seen_indptr=ratings.indptr,
            seen_indices=ratings.indices,
            item_info=ratings.item_info,
            history=history or [],
            extra=extra or {},
        )

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.user_factors), len(self.item_factors)
