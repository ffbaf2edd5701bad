"""What a fitted model knows, as one immutable bundle: a fit builds a new one and swaps it in whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf.data import IdMap, Ratings
from fastmf.kernels.gramian import gramian
from fastmf.retrieval import LongestFirst, longest_first


@dataclass(frozen=True, kw_only=True)
class State:
    """Factors, biases, ids and the training rows (for the seen filter) of a fitted model.

    `seen_values` and `seen_weights` go with `seen_indices` in a model that solves its rows again; values that are all
    the same may be one. A model that was fitted without weights has none.
    """

    user_factors: NDArray[Any]
    item_factors: NDArray[Any]
    user_bias: NDArray[Any]
    item_bias: NDArray[Any]
    mean: float
    user_ids: IdMap | None
    item_ids: IdMap | None
    seen_indptr: NDArray[np.int64]
    seen_indices: NDArray[np.int32]
    seen_values: NDArray[Any] | None = None
    seen_weights: NDArray[Any] | None = None
    item_info: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    extra: Mapping[str, NDArray[Any]] = field(default_factory=dict)  # by "user/NAME" and "item/NAME": a row each
    _gramians: dict[str, NDArray[np.float64]] = field(default_factory=dict, init=False, repr=False)

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
        keep_values: bool = False,
        weights: NDArray[Any] | None = None,
        extra: Mapping[str, NDArray[Any]] | None = None,
    ) -> State:
        """The state after a fit to `ratings`; biases left out are zeros. With `keep_values` also their values."""
        dtype = user_factors.dtype
        values = ratings.data
        if ratings.nnz and values.min() == values.max():
            values = values[:1].copy()
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
            seen_values=values if keep_values else None,
            seen_weights=weights,
            item_info=ratings.item_info,
            history=history or [],
            extra=extra or {},
        )

    def __post_init__(self) -> None:
        for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
            array = getattr(self, name).view()
            array.flags.writeable = False  # what is made of them once must stay true
            object.__setattr__(self, name, array)

    def copied(self) -> State:
        """The same with arrays of its own for what was learned, while a fit goes on that may write over them."""
        learned = ("user_factors", "item_factors", "user_bias", "item_bias")
        return replace(
            self,
            **{name: getattr(self, name).copy() for name in learned},
            extra={name: array.copy() for name, array in self.extra.items()},
        )

    def __getstate__(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self) if each.init}  # no more than it was given

    def __setstate__(self, given: dict[str, Any]) -> None:
        self.__init__(**given)  # type: ignore[misc]

    @cached_property
    def longest_items(self) -> LongestFirst | None:
        """The items in the order in which they are searched for a user."""
        return longest_first(self.item_factors, self.item_bias, queries=self.user_factors, num_threads=1)

    def gramian(self, side: str, num_threads: int) -> NDArray[np.float64]:
        """F'F of the factors of a side, "user" or "item", in float64; made once."""
        if side not in self._gramians:
            factors = getattr(self, f"{side}_factors")
            self._gramians[side] = gramian(factors, np.empty(0, factors.dtype), num_threads)
        return self._gramians[side]

    def known(self, shape: tuple[int, int]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Of so many users and items those that were learned from some entry."""
        users = np.zeros(shape[0], bool)
        users[: self.shape[0]] = np.diff(self.seen_indptr) > 0
        return users, np.bincount(self.seen_indices, minlength=shape[1]) > 0

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.user_factors), len(self.item_factors)

    def training_values(self) -> NDArray[Any]:
        """The value of each training entry, aligned with `seen_indices`; read-only."""
        if self.seen_values is None:
            raise ValueError(
                "this needs the values the model was fitted to, and they were not kept: the model was saved by an "
                "earlier version of fastmf; fit it again"
            )
        return np.broadcast_to(self.seen_values, self.seen_indices.shape)
