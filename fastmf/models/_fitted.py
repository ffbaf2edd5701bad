"""What a fitted model holds, as everybody may read it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Self

from numpy.typing import NDArray

from fastmf._errors import NotFittedError
from fastmf._params import HasParams
from fastmf._threads import effective
from fastmf.data import IdMap
from fastmf.models._state import State


class Fitted(HasParams):
    """A model and the state that a fit gave it."""

    num_threads: int | None
    _state: State | None = None  # set on the instance by a fit

    @property
    def _fitted(self) -> State:
        if self._state is None:
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")
        return self._state

    @property
    def user_factors(self) -> NDArray[Any]:
        """Rows x_u, (users, factors); read-only."""
        return self._fitted.user_factors

    @property
    def item_factors(self) -> NDArray[Any]:
        """Rows y_i, (items, factors); read-only."""
        return self._fitted.item_factors

    @property
    def user_bias(self) -> NDArray[Any]:
        """b_u, (users,), read-only; zeros in a model without biases."""
        return self._fitted.user_bias

    @property
    def item_bias(self) -> NDArray[Any]:
        """c_i, (items,), read-only; zeros in a model without biases."""
        return self._fitted.item_bias

    @property
    def mean(self) -> float:
        """mu; 0 in a model without biases."""
        return self._fitted.mean

    @property
    def user_ids(self) -> IdMap | None:
        """Ids of the rows, or None where row numbers are the ids."""
        return self._fitted.user_ids

    @property
    def item_ids(self) -> IdMap | None:
        """Ids of the columns, or None where column numbers are the ids."""
        return self._fitted.item_ids

    @property
    def item_info(self) -> Mapping[str, NDArray[Any]]:
        """What the ratings said of each item, such as titles, aligned with the columns."""
        return self._fitted.item_info

    @property
    def history(self) -> list[dict[str, float]]:
        """One dictionary a pass over the data: what `fit` measured after it."""
        return self._fitted.history

    @property
    def predicts_ratings(self) -> bool:
        """Whether `predict` estimates ratings, so that RMSE and MAE mean something."""
        return True

    def _threads(self, num_threads: int | None) -> int:
        return effective(self.num_threads if num_threads is None else num_threads).count

    def _still(self) -> Self:
        """This model as it is now: a fit in another thread gives a new state to the model, not to this copy."""
        still = copy.copy(self)
        _ = still._fitted
        return still
