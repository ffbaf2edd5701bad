"""Lists from a fitted model: recommendations, and similar items and users."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf.models._filters import Lists, item_numbers, seen_of
from fastmf.models._fitted import Fitted
from fastmf.models._names import named, numbers_of
from fastmf.retrieval import top_k


class Recommends(Fitted):
    """The part of a model that makes lists."""

    def recommend(
        self,
        users: ArrayLike,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        exclude: ArrayLike | None = None,
        candidates: ArrayLike | None = None,
        num_threads: int | None = None,
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The k items with the highest scores for each user, exactly.

        Parameters
        ----------
        users : array_like or scalar
            Ids (or row numbers) of the users.
        k : int, default 10
            Length of each list.
        exclude_seen : bool, default True
            Leave out the items a user has in the data the model was fitted to.
        exclude : array_like, optional
            Ids of items to leave out for everybody.
        candidates : array_like, optional
            Ids of the only items to choose from.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        items, scores : ndarray
            Of shape (k,) for one user and (users, k) for several: score descending, equal scores by ascending number.
            Where fewer than k items remain the row ends in score -inf, and in -1 (numbers) or a masked element (ids).
        """
        model = self._still()
        state = model._fitted
        numbers, scalar = numbers_of("users", users, state.user_ids, state.shape[0])
        seen = seen_of(state, numbers) if _checks.flag("exclude_seen", exclude_seen) else None
        top, scores = model._top(
            numbers,
            _checks.integer("k", k, 1),
            seen=seen,
            exclude=item_numbers("exclude", exclude, state),
            candidates=item_numbers("candidates", candidates, state),
            num_threads=num_threads,
        )
        return named(top, scores, state.item_ids, scalar)

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

    def _top(
        self,
        users: NDArray[np.int64],
        k: int,
        *,
        seen: Lists | None = None,
        exclude: NDArray[np.int64] | None = None,
        candidates: NDArray[np.int64] | None = None,
        num_threads: int | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Item numbers and full scores for user numbers; `seen` is a CSR whose rows go with `users`."""
        state = self._fitted
        top, scores = top_k(
            state.user_factors[users],
            state.item_factors,
            k,
            item_bias=state.item_bias,
            seen=seen,
            exclude=exclude,
            candidates=candidates,
            num_threads=self._threads(num_threads),
        )
        scores += (state.mean + state.user_bias[users])[:, None].astype(scores.dtype)
        return top, scores
