"""implicit.cpu.matrix_factorization_base: recommend and find similar rows from factors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf._errors import NotFittedError
from fastmf.compat.implicit._arguments import (
    columns_within,
    is_scalar,
    numbers,
    one_row_each,
    rows_of,
    threads_of,
)
from fastmf.compat.implicit._lists import Lists, recommended, similar
from fastmf.compat.implicit.recommender_base import ModelFitError, RecommenderBase

NO_LENGTH = 1e-10  # what implicit calls the length of a row of zeros


class MatrixFactorizationBase(RecommenderBase):
    """A recommender whose scores are inner products of factors.

    Parameters
    ----------
    num_threads : int, default 0
        Threads; 0 uses all there are. The results are the same for any number.
    """

    # made when asked for, and forgotten when the factors are set
    _user_norms: Any
    _item_norms: Any
    _XtX: Any
    _YtY: Any

    def __init__(self, num_threads: int = 0) -> None:
        self.user_factors = None
        self.item_factors = None
        self.num_threads = num_threads

    @property
    def user_factors(self) -> Any:
        """Factors of the users, (users, factors), or None before a fit; what is set before it is its start."""
        return self._user_factors

    @user_factors.setter
    def user_factors(self, value: Any) -> None:
        self._user_factors = value
        self._user_norms = self._XtX = None

    @property
    def item_factors(self) -> Any:
        """Factors of the items, (items, factors), or None before a fit; what is set before it is its start."""
        return self._item_factors

    @item_factors.setter
    def item_factors(self, value: Any) -> None:
        self._item_factors = value
        self._item_norms = self._YtY = None

    def _fitted(self, name: str) -> Any:
        factors = getattr(self, name)
        if factors is None:
            raise NotFittedError(f"{name} must be there: call fit, or set them, first")
        return factors

    @property
    def user_norms(self) -> NDArray[Any]:
        """Lengths of the rows of `user_factors`, (users,); 1e-10 for a row of zeros."""
        if self._user_norms is None:
            self._user_norms = _norms(self._fitted("user_factors"))
        norms: NDArray[Any] = self._user_norms
        return norms

    @property
    def item_norms(self) -> NDArray[Any]:
        """Lengths of the rows of `item_factors`, (items,); 1e-10 for a row of zeros."""
        if self._item_norms is None:
            self._item_norms = _norms(self._fitted("item_factors"))
        norms: NDArray[Any] = self._item_norms
        return norms

    def recommend(
        self,
        userid: ArrayLike,
        user_items: Any,
        N: int = 10,
        filter_already_liked_items: bool = True,
        filter_items: ArrayLike | None = None,
        recalculate_user: bool = False,
        items: ArrayLike | None = None,
    ) -> Lists:
        factors, liked = self._fitted("item_factors"), None
        if filter_already_liked_items or recalculate_user:
            user_items = one_row_each("user_items", user_items, "userid", userid)
            columns_within("user_items", user_items, len(factors), "items")
        if filter_already_liked_items:
            liked = rows_of(user_items)
        user = self._user_factor(userid, user_items, recalculate_user)
        ids, scores = recommended(
            np.atleast_2d(user), factors, N, liked, filter_items, items, threads_of(self.num_threads)
        )
        return (ids[0], scores[0]) if is_scalar(userid) else (ids, scores)

    def recommend_all(
        self,
        user_items: Any,
        N: int = 10,
        recalculate_user: bool = False,
        filter_already_liked_items: bool = True,
        filter_items: ArrayLike | None = None,
        users_items_offset: int = 0,
    ) -> NDArray[Any]:
        """The N items with the highest scores for many users. Deprecated: `recommend` with all of them.

        Parameters
        ----------
        user_items : csr_matrix or csr_array
            A row for each user.
        N, recalculate_user, filter_already_liked_items, filter_items
            As in `recommend`.
        users_items_offset : int, default 0
            Number of the user that the first row belongs to.

        Returns
        -------
        ids : array of shape (rows, N)
            As `recommend` returns them.
        """
        warnings.warn(
            "recommend_all is deprecated: use recommend with an array of users", DeprecationWarning, stacklevel=2
        )
        ids, _ = self.recommend(
            np.arange(user_items.shape[0]) + users_items_offset,
            user_items,
            N=N,
            filter_already_liked_items=filter_already_liked_items,
            filter_items=filter_items,
            recalculate_user=recalculate_user,
        )
        return ids

    def similar_users(
        self,
        userid: ArrayLike,
        N: int = 10,
        filter_users: ArrayLike | None = None,
        users: ArrayLike | None = None,
    ) -> Lists:
        factors = self._fitted("user_factors")
        query = factors[numbers("userid", userid, len(factors), "users")]
        ids, scores = similar(query, factors, N, "users", filter_users, users, threads_of(self.num_threads))
        return (ids[0], scores[0]) if is_scalar(userid) else (ids, scores)

    def similar_items(
        self,
        itemid: ArrayLike,
        N: int = 10,
        recalculate_item: bool = False,
        item_users: Any = None,
        filter_items: ArrayLike | None = None,
        items: ArrayLike | None = None,
    ) -> Lists:
        query = np.atleast_2d(self._item_factor(itemid, item_users, recalculate_item))
        factors = self._fitted("item_factors")
        ids, scores = similar(query, factors, N, "items", filter_items, items, threads_of(self.num_threads))
        return (ids[0], scores[0]) if is_scalar(itemid) else (ids, scores)

    def recalculate_user(self, userid: ArrayLike, user_items: Any) -> NDArray[Any]:
        """Factors of users from their entries alone; not every model has this.

        Parameters
        ----------
        userid : int or array_like of int
        user_items : csr_matrix or csr_array
            A row for each user in `userid`.

        Raises
        ------
        NotImplementedError
            The model cannot.
        """
        raise NotImplementedError(f"{type(self).__name__} does not support recalculate_user")

    def recalculate_item(self, itemid: ArrayLike, item_users: Any) -> NDArray[Any]:
        """Factors of items from their entries alone; not every model has this.

        Parameters
        ----------
        itemid : int or array_like of int
        item_users : csr_matrix or csr_array
            A row for each item in `itemid`.

        Raises
        ------
        NotImplementedError
            The model cannot.
        """
        raise NotImplementedError(f"{type(self).__name__} does not support recalculate_item")

    def _user_factor(self, userid: ArrayLike, user_items: Any, recalculate_user: bool = False) -> NDArray[Any]:
        if recalculate_user:
            return self.recalculate_user(userid, user_items)
        factors: NDArray[Any] = self._fitted("user_factors")
        return factors[numbers("userid", userid, len(factors), "users")]

    def _item_factor(self, itemid: ArrayLike, item_users: Any, recalculate_item: bool = False) -> NDArray[Any]:
        if recalculate_item:
            return self.recalculate_item(itemid, item_users)
        factors: NDArray[Any] = self._fitted("item_factors")
        return factors[numbers("itemid", itemid, len(factors), "items")]

    def _check_fit_errors(self) -> None:
        if np.isnan(self._fitted("user_factors")).any() or np.isnan(self._fitted("item_factors")).any():
            raise ModelFitError("factors must be numbers, got NaN")


def _norms(factors: NDArray[Any]) -> NDArray[Any]:
    norms: NDArray[Any] = np.linalg.norm(factors, axis=-1)
    norms[norms == 0] = NO_LENGTH
    return norms
