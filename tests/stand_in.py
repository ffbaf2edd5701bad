"""A model whose factors are given, not learned, for tests of what is done with a fitted model."""

from dataclasses import dataclass

from fastmf._params import param
from fastmf.models._base import FactorModel
from fastmf.models._intake import as_ratings
from fastmf.models._state import State


@dataclass(kw_only=True, repr=False, eq=False)
class GivenFactors(FactorModel):
    num_threads: int | None = param(None, lambda name, value: value)
    estimates: bool = param(True, lambda name, value: value)

    def fit(self, ratings, user_factors, item_factors, **biases):
        self._state = State.of(as_ratings(ratings), user_factors, item_factors, **biases)
        return self

    @property
    def predicts_ratings(self):
        return self.estimates
