"""Recommendations from a fitted model: the best items of users, new users and given pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf.models._filters import Filters, Lists, seen_of
from fastmf.models._fitted import Fitted
from fastmf.models._folding import folded
from fastmf.models._names import named, numbers_of, pairs_of
from fastmf.retrieval import Index, rank_of, top_k, top_k_among


class Recommends(Fitted):
    """The part of a model that recommends items."""

    def recommend(
        self,
        users: ArrayLike | None = None,
        k: int = 10,
        *,
        rows: Any = None,
        exclude_seen: Any = True,
        exclude: Any = None,
        candidates: Any = None,
        num_threads: int | None = None,
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The k items with the highest scores for each user, exactly.

        Parameters
        ----------
        users : array_like or scalar
            Ids (or row numbers) of the users; or None, for the new users of `rows`.
        k : int, default 10
            Length of each list.
        rows : Ratings or SciPy sparse matrix, (new users, n_items), optional
            The entries of users the model was not fitted to, in place of `users`: they are folded in for this call,
            as `fold_in_users` does it without weights, and their entries are what they have seen. Columns are matched
            as there. For models that fold in, and those without factors.
        exclude_seen : bool or items by user, default True
            Leave out the items a user has in the data the model was fitted to (or in `rows`). Or the items each user
            has seen, in place of those.
        exclude : array_like or items by user, optional
            Ids of items to leave out, for everybody or by user.
        candidates : array_like or items by user, optional
            Ids of the only items to choose from, for everybody or by user. With candidates by user only their scores
            are computed.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        items, scores : ndarray
            Of shape (k,) for one user and (users, k) for several: score descending, equal scores by ascending number.
            Where fewer than k items remain the row ends in score -inf, and in -1 (numbers) or a masked element (ids).

        Raises
        ------
        UnknownIdError, IndexError
            An id (or number) the model does not know.
        TypeError, ValueError
            Neither `users` nor `rows`, or both; `rows` for a model that cannot fold in; a filter with another number
            of rows than there are users.

        Notes
        -----
        The order is that of the scores without the mean and the user's own bias, the same for all items; adding these
        may round two scores to one.

        Items by user have a row for each user asked for, in their order: a `Ratings` or SciPy sparse matrix, whose
        stored entries count whatever their values and whose columns are matched as those of `rows`; or a list that
        holds a list (array, set) of ids for each user. A tuple in such a list would be one id.

        Examples
        --------
        >>> import fastmf
        >>> ratings = fastmf.movielens()
        >>> model = fastmf.WALS(factors=16, iterations=3, random_state=0).fit(ratings)
        >>> items, scores = model.recommend([1, 15], k=3, exclude=[[260], [1, 296]])
        >>> items, scores = model.recommend(rows=fastmf.Ratings.from_arrays(["me", "me"], [1, 260]), k=3)
        >>> items.shape
        (1, 3)
        """
        k = _checks.integer("k", k, 1)
        if (users is None) == (rows is None):
            raise TypeError(f"recommend takes users or rows, got {'neither' if users is None else 'both'}")
        if rows is None:
            model = self._still()
            numbers, scalar = numbers_of("users", users, model.user_ids, len(model.user_factors))
        else:
            model = folded(self, rows, num_threads, "rows")
            numbers, scalar = np.arange(len(model.user_factors)), False
        filters = Filters.of(model._fitted, numbers, exclude_seen, exclude, candidates)
        top, scores = model._top(numbers, k, **filters._asdict(), num_threads=num_threads)
        return named(top, scores, model.item_ids, scalar)

    def rank(
        self, users: ArrayLike, items: ArrayLike, *, exclude_seen: bool = True, num_threads: int | None = None
    ) -> Any:
        """Places of given items in their users' lists, counted from 1.

        Parameters
        ----------
        users, items : array_like or scalar
            Ids (or row and column numbers) of the pairs; a scalar goes with every element of the other.
        exclude_seen : bool, default True
            Count only items the user has not in the data the model was fitted to, as `recommend` lists them. An item
            that the user has gets the place it would take among these.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        int64 ndarray or int
            One rank a pair: ``recommend(user, k)[0][rank - 1]`` is the item where `k` is large enough. An int if both
            are scalars.

        Raises
        ------
        UnknownIdError, IndexError
            An id (or number) the model does not know.

        Examples
        --------
        >>> import fastmf
        >>> model = fastmf.MostPopular().fit(fastmf.movielens())
        >>> items, counts = model.recommend(1, k=3)
        >>> model.rank(1, items)
        array([1, 2, 3])
        """
        model = self._still()
        state = model._fitted
        (u, i), both_scalar = pairs_of(users, items, state)
        asked, row = np.unique(u, return_inverse=True)
        order = np.argsort(row, kind="stable")
        indptr = np.searchsorted(row[order], np.arange(len(asked) + 1))
        higher, equal = rank_of(
            state.user_factors[asked],
            state.item_factors,
            (indptr, i[order]),
            item_bias=state.item_bias,
            seen=seen_of(state, asked) if _checks.flag("exclude_seen", exclude_seen) else None,
            num_threads=self._threads(num_threads),
        )
        ranks = np.empty(len(u), np.int64)
        ranks[order] = 1 + higher + equal
        return int(ranks[0]) if both_scalar else ranks

    def item_index(self, *, num_threads: int | None = None, **parameters: Any) -> Index:
        """An index over the items as they are now, exact or approximate, to search with rows of user factors.

        Parameters
        ----------
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.
        **parameters
            Those of `fastmf.retrieval.Index` but the arrays, such as ``kind="hnsw"`` or ``metric="cosine"``. By
            default recall is measured on users for the metric "dot", on items for "cosine".

        Returns
        -------
        fastmf.retrieval.Index
            Over `item_factors`, `item_bias` and `item_ids`; for "cosine" without the biases. Its scores by "dot" are
            those of `recommend` without the mean and the user's own bias, its scores by "cosine" those of
            `similar_items`. It is saved to a file of its own and does not change with the model.

        Examples
        --------
        >>> import fastmf
        >>> model = fastmf.BiasedMF(epochs=2, random_state=0).fit(fastmf.movielens())
        >>> index = model.item_index()
        >>> ids, scores = index.search(model.user_factors[:5], k=3)
        >>> ids.shape
        (5, 3)
        """
        state = self._fitted
        dot = parameters.get("metric", "dot") == "dot"
        if dot:
            parameters = {"sample": state.user_factors} | parameters
        return Index(
            state.item_factors,
            item_bias=state.item_bias if dot and state.item_bias.any() else None,
            ids=state.item_ids,
            num_threads=self._threads(num_threads),
            **parameters,
        )

    def _top(
        self,
        users: NDArray[np.int64],
        k: int,
        *,
        seen: Lists | None = None,
        exclude: NDArray[np.int64] | None = None,
        exclude_rows: Lists | None = None,
        candidates: NDArray[np.int64] | None = None,
        candidate_rows: Lists | None = None,
        num_threads: int | None = None,
    ) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Item numbers and full scores for user numbers; `seen` and the rows are CSRs whose rows go with `users`."""
        state = self._fitted
        queries, threads = state.user_factors[users], self._threads(num_threads)
        common: dict[str, Any] = {"item_bias": state.item_bias, "seen": seen, "exclude_rows": exclude_rows}
        common |= {"exclude": exclude, "num_threads": threads}
        if candidate_rows is None:
            top, scores = top_k(
                queries, state.item_factors, k, candidates=candidates, order=state.longest_items, **common
            )
        else:
            top, scores = top_k_among(queries, state.item_factors, candidate_rows, k, **common)
        scores += (state.mean + state.user_bias[users])[:, None].astype(scores.dtype)
        return top, scores
