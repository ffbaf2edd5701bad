"""implicit.recommender_base: what all recommenders of implicit have in common."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf._errors import ModelFileError
from fastmf.compat.implicit import _files

Callback = Callable[[int, float, Any], object]
Lists = tuple[NDArray[Any], NDArray[Any]]


class ModelFitError(Exception):
    """A fit met or produced numbers that are not finite, or equations that cannot be solved."""


class RecommenderBase(ABC):
    """The interface of every recommender.

    A subclass whose constructor needs no argument, and whose `save` writes its attributes by `numpy.savez`, can use
    `load` as it is.
    """

    @abstractmethod
    def fit(self, user_items: Any, show_progress: bool = True, callback: Callback | None = None) -> None:
        """Learn from a matrix of interactions.

        Parameters
        ----------
        user_items : csr_matrix, users x items
            A positive value is how sure it is that the user likes the item.
        show_progress : bool, default True
            Show a bar, if tqdm (extra `progress`) is there.
        callback : callable, optional
            Called as callback(iteration, seconds, loss) after each iteration, from 0; the loss is None unless it is
            computed.
        """

    @abstractmethod
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
        """The N items with the highest scores for one user or for several.

        Parameters
        ----------
        userid : int or array_like of int
            One user, or several.
        user_items : csr_matrix or csr_array, or None
            A row for each user in `userid`: ``X[userid]``. None will do if nothing is filtered or recalculated.
        N : int, default 10
            Length of a list.
        filter_already_liked_items : bool, default True
            Leave out the items that the user has in `user_items`, whatever their value.
        filter_items : array_like of int, optional
            Items to leave out for everybody.
        recalculate_user : bool, default False
            Use factors recalculated from `user_items` instead of the stored ones, so that `userid` may be anybody.
        items : array_like of int, optional
            The only items to rank. With it a list has all of them if N allows; those the user already likes come last,
            by number, with the lowest finite score. Not together with `filter_items`.

        Returns
        -------
        ids : array of int of shape (N,), or (users, N) for several users
            Items by descending score, equal scores by ascending number. int32, or the type of `items`. Where fewer than
            N items remain the row ends in -1.
        scores : array of the same shape
            Their scores; minus infinity beside -1.

        Raises
        ------
        ValueError
            `user_items` is not in compressed rows or has another number of rows than `userid`, or both `items` and
            `filter_items` are given.
        IndexError
            A number of a user or item that the model does not have; negative numbers too.
        """

    @abstractmethod
    def similar_users(
        self,
        userid: ArrayLike,
        N: int = 10,
        filter_users: ArrayLike | None = None,
        users: ArrayLike | None = None,
    ) -> Lists:
        """The N users whose factors have the highest cosine with those of a user, or of each of several.

        Parameters
        ----------
        userid : int or array_like of int
            One user, or several.
        N : int, default 10
            Length of a list.
        filter_users : array_like of int, optional
            Users to leave out.
        users : array_like of int, optional
            The only users to choose from. Not together with `filter_users`.

        Returns
        -------
        ids, scores : arrays
            As `recommend` returns them; the user itself is one of the list, with score 1.
        """

    @abstractmethod
    def similar_items(
        self,
        itemid: ArrayLike,
        N: int = 10,
        recalculate_item: bool = False,
        item_users: Any = None,
        filter_items: ArrayLike | None = None,
        items: ArrayLike | None = None,
    ) -> Lists:
        """The N items whose factors have the highest cosine with those of an item, or of each of several.

        Parameters
        ----------
        itemid : int or array_like of int
            One item, or several.
        N : int, default 10
            Length of a list.
        recalculate_item : bool, default False
            Use factors recalculated from `item_users` instead of the stored ones, so that `itemid` may be anything.
        item_users : csr_matrix or csr_array, optional
            A row for each item in `itemid`, with a column a user; only looked at where `recalculate_item` is set.
        filter_items : array_like of int, optional
            Items to leave out.
        items : array_like of int, optional
            The only items to choose from. Not together with `filter_items`.

        Returns
        -------
        ids, scores : arrays
            As `recommend` returns them; the item itself is one of the list, with score 1.
        """

    @abstractmethod
    def save(self, file: Any) -> None:
        """Write the model in NumPy's .npz format.

        Parameters
        ----------
        file : str, os.PathLike or binary file
            A path gets ".npz" where it does not end so; the file is written whole or not at all.
        """

    @classmethod
    def load(cls, fileobj_or_path: Any) -> Self:
        """Read a model that `save` wrote, here or in implicit.

        Parameters
        ----------
        fileobj_or_path : str, os.PathLike or binary file
            A path gets ".npz" where it does not end so.

        Returns
        -------
        RecommenderBase
            A model of this class.

        Raises
        ------
        ModelFileError
            The file is damaged, or holds what this class does not have. Nothing in it is unpickled.
        OSError
            The file is missing or cannot be read.
        """
        model, values = cls(), _files.read(fileobj_or_path)
        for name, value in values.items():
            settable = isinstance(prop := getattr(cls, name, None), property) and prop.fset is not None
            if name.startswith("_") or not (settable or name in vars(model)):
                raise ModelFileError(f"{fileobj_or_path} holds {name!r}, which a {cls.__name__} does not have")
            if name == "dtype":
                value = np.dtype(str(value))
            elif value.shape == ():
                value = value.item()
            setattr(model, name, value)
        return model

    def rank_items(
        self, userid: ArrayLike, user_items: Any, selected_items: ArrayLike, recalculate_user: bool = False
    ) -> Lists:
        """Rank given items for a user. Deprecated: `recommend` with `items`.

        Parameters
        ----------
        userid, user_items, recalculate_user
            As in `recommend`.
        selected_items : array_like of int
            The items to rank, those the user already likes included.

        Returns
        -------
        ids, scores : arrays
            As `recommend` returns them.
        """
        warnings.warn("rank_items is deprecated: use recommend with items", DeprecationWarning, stacklevel=2)
        return self.recommend(
            userid,
            user_items,
            filter_already_liked_items=False,
            recalculate_user=recalculate_user,
            items=selected_items,
        )
