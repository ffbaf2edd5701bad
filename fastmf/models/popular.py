"""The baseline every model must beat: the same list for everybody, by popularity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmf import _threads
from fastmf._params import param
from fastmf.models._base import FactorModel
from fastmf.models._intake import as_ratings
from fastmf.models._state import State


@dataclass(kw_only=True, repr=False, eq=False)
class MostPopular(FactorModel):
    """Recommend the items with the most entries.

    The score of an item is its number of entries in the data, whoever asks; ties go to the lower item number. It is a
    factor model with no factors, whose item bias is the count.

    Parameters
    ----------
    num_threads : int, optional
        Threads for retrieval; by default all available.

    Examples
    --------
    >>> import fastmf
    >>> model = fastmf.MostPopular().fit(fastmf.movielens())
    >>> items, counts = model.recommend(1, k=3)
    >>> items.tolist()
    [356, 296, 318]
    """

    num_threads: int | None = param(None, _threads.argument)

    def fit(self, ratings: Any) -> MostPopular:
        """Count the entries of each item.

        Parameters
        ----------
        ratings : Ratings or SciPy sparse matrix
            Users x items.
        """
        self.checked()
        data = as_ratings(ratings)
        self._state = State.of(
            data,
            np.empty((data.n_users, 0), np.float64),
            np.empty((data.n_items, 0), np.float64),
            item_bias=data.item_counts.astype(np.float64),
        )
        return self

    @property
    def predicts_ratings(self) -> bool:
        """False: a count is no rating."""
        return False
