"""What is alike by a fitted model: items like items, users like users."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf.models._fitted import Fitted
from fastmf.models._names import named, numbers_of
from fastmf.retrieval import top_k


class FindsSimilar(Fitted):
    """The part of a model that finds what is alike."""

    def similar_items(
        self, items: ArrayLike, k: int = 10, *, num_threads: int | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The k items whose factors have the highest cosine with each item's, the item itself left out.

        Parameters
        ----------
        items : array_like or scalar
            Ids (or column numbers) of the items.
        k : int, default 10
            Length of each list.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        items, scores : ndarray
            As `recommend` returns them; a score is a cosine in [-1, 1], 0 for an item without ratings.
        """
        state = self._fitted
        numbers, scalar = numbers_of("items", items, state.item_ids, state.shape[1])
        return named(*self._similar(state.item_factors, numbers, k, num_threads), state.item_ids, scalar)

    def similar_users(
        self, users: ArrayLike, k: int = 10, *, num_threads: int | None = None
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The k users whose factors have the highest cosine with each user's, the user left out.

        Parameters
        ----------
        users : array_like or scalar
            Ids (or row numbers) of the users.
        k, num_threads
            As in `similar_items`.

        Returns
        -------
        users, scores : ndarray
            As `similar_items` returns items.
        """
        state = self._fitted
        numbers, scalar = numbers_of("users", users, state.user_ids, state.shape[0])
        return named(*self._similar(state.user_factors, numbers, k, num_threads), state.user_ids, scalar)

    def _similar(
        self, factors: NDArray[Any], numbers: NDArray[np.int64], k: int, num_threads: int | None
    ) -> tuple[NDArray[np.int32], NDArray[Any]]:
        itself = np.arange(len(numbers) + 1, dtype=np.int64), numbers.astype(np.int32)
        return top_k(
            factors[numbers],
            factors,
            _checks.integer("k", k, 1),
            metric="cosine",
            seen=itself,
            num_threads=self._threads(num_threads),
        )
