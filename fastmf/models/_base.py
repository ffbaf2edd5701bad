"""The face all models share: predict, recommend, similar items and users, parameters, save and load.

A fitted model scores a pair by  yhat_ui = mu + b_u + c_i + x_u . y_i ; subclasses fill in `fit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf._errors import ModelFileError, NotFittedError, UnknownIdError
from fastmf._params import HasParams
from fastmf._threads import effective
from fastmf.data import IdMap
from fastmf.kernels.predict import pair_scores
from fastmf.models import _storage
from fastmf.models._state import State
from fastmf.retrieval import top_k

Model = TypeVar("Model", bound="FactorModel")
Seen = tuple[NDArray[np.int64], NDArray[np.int32]]


class FactorModel(HasParams):
    """Base of all models; see the subclasses for what each one minimises."""

    num_threads: int | None
    _state: State | None = None  # set on the instance by a fit
    _registry: ClassVar[dict[str, type[FactorModel]]] = {}

    def __init_subclass__(cls) -> None:
        FactorModel._registry[cls.__name__] = cls

    # -- fitted state ---------------------------------------------------------------------------------------------

    @property
    def _fitted(self) -> State:
        if self._state is None:
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet: call fit first")
        return self._state

    @property
    def user_factors(self) -> NDArray[Any]:
        """Rows x_u, (users, factors)."""
        return self._fitted.user_factors

    @property
    def item_factors(self) -> NDArray[Any]:
        """Rows y_i, (items, factors)."""
        return self._fitted.item_factors

    @property
    def user_bias(self) -> NDArray[Any]:
        """b_u, (users,); zeros in a model without biases."""
        return self._fitted.user_bias

    @property
    def item_bias(self) -> NDArray[Any]:
        """c_i, (items,); zeros in a model without biases."""
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

    # -- prediction -----------------------------------------------------------------------------------------------

    def predict(self, users: ArrayLike, items: ArrayLike, *, num_threads: int | None = None) -> Any:
        """Scores of given pairs.

        Parameters
        ----------
        users, items : array_like or scalar
            Ids (or row and column numbers) of the pairs; a scalar goes with every element of the other.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        ndarray or float
            One score a pair, in the model's dtype; a float if both are scalars.

        Raises
        ------
        UnknownIdError, IndexError
            An id (or number) the model does not know.
        """
        state = self._fitted
        u, u_scalar = _numbers("users", users, state.user_ids, state.shape[0])
        i, i_scalar = _numbers("items", items, state.item_ids, state.shape[1])
        if len(u) != len(i) and not (u_scalar or i_scalar):
            raise ValueError(f"users and items must have one length, got {len(u)} and {len(i)}")
        u, i = np.broadcast_arrays(u, i)
        scores = self._predict(np.ascontiguousarray(u), np.ascontiguousarray(i), num_threads)
        return float(scores[0]) if u_scalar and i_scalar else scores

    def _predict(
        self, users: NDArray[np.int64], items: NDArray[np.int64], num_threads: int | None = None
    ) -> NDArray[Any]:
        """What `predict` gives, for row and column numbers."""
        return self._scores(self._fitted, users, items, self._threads(num_threads))

    @staticmethod
    def _scores(state: State, users: NDArray[np.int64], items: NDArray[np.int64], num_threads: int) -> NDArray[Any]:
        """mu + b_u + c_i + x_u.y_i of pairs."""
        out = np.empty(len(users), state.user_factors.dtype)
        pair_scores(
            state.user_factors,
            state.item_factors,
            state.user_bias,
            state.item_bias,
            state.mean,
            users,
            items,
            out,
            num_threads,
        )
        return out

    # -- retrieval ------------------------------------------------------------------------------------------------

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
        state = self._fitted
        numbers, scalar = _numbers("users", users, state.user_ids, state.shape[0])
        seen = _rows_of(state, numbers) if _checks.flag("exclude_seen", exclude_seen) else None
        top, scores = self._top(
            numbers,
            _checks.integer("k", k, 1),
            seen=seen,
            exclude=_item_numbers("exclude", exclude, state),
            candidates=_item_numbers("candidates", candidates, state),
            num_threads=num_threads,
        )
        return _named(top, scores, state.item_ids, scalar)

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
        numbers, scalar = _numbers("items", items, state.item_ids, state.shape[1])
        return _named(*self._similar(state.item_factors, numbers, k, num_threads), state.item_ids, scalar)

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
        numbers, scalar = _numbers("users", users, state.user_ids, state.shape[0])
        return _named(*self._similar(state.user_factors, numbers, k, num_threads), state.user_ids, scalar)

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
        seen: Seen | None = None,
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

    def _threads(self, num_threads: int | None) -> int:
        return effective(self.num_threads if num_threads is None else num_threads).count

    # -- files ----------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the fitted model to a file, whole or not at all; `fastmf.load` reads it.

        Parameters
        ----------
        path : str or Path
            The file; one that was there before is replaced.

        Raises
        ------
        TypeError
            Ids or parameters that a file cannot hold (ids must be integers or text).
        OSError
            The file cannot be written; a file that was there before stays as it was.
        """
        _storage.save(path, type(self).__name__, self.get_params(), self._fitted)


def load(path: str | Path, *, mmap: bool = False) -> FactorModel:
    """Read a model that `save` wrote.

    Parameters
    ----------
    path : str or Path
        The file.
    mmap : bool, default False
        Map the arrays instead of reading them: they are then shared between processes.

    Raises
    ------
    ModelFileError
        The file is damaged, cut short, or not a model file.
    OSError
        The file is missing or cannot be read.
    """
    name, params, state = _storage.load(path, mmap=mmap)
    if name not in FactorModel._registry:
        raise ModelFileError(f"{path} holds a {name!r}, which this version of fastmf does not know")
    try:
        model = FactorModel._registry[name](**params)
        model.checked()
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"{path} holds parameters that {name} does not take: {error}") from error
    model._state = state
    return model


def _numbers(name: str, ids: Any, known: IdMap | None, size: int) -> tuple[NDArray[np.int64], bool]:
    """Row or column numbers of ids, and whether `ids` was a scalar; a list or a tuple always holds several ids."""
    scalar = not isinstance(ids, (list, tuple)) and np.ndim(ids) == 0
    values = [ids[()] if isinstance(ids, np.ndarray) else ids] if scalar else ids
    if known is None:
        return _checks.positions(name, values, size, name), scalar
    try:
        return known.numbers(values), scalar
    except (TypeError, ValueError, UnknownIdError) as error:
        raise type(error)(f"{name}: {error}") from None


def _item_numbers(name: str, items: ArrayLike | None, state: State) -> NDArray[np.int64] | None:
    return None if items is None else _numbers(name, items, state.item_ids, state.shape[1])[0]


def _rows_of(state: State, users: NDArray[np.int64]) -> Seen:
    """The training rows of some users as a CSR of their own."""
    starts, counts = state.seen_indptr[users], np.diff(state.seen_indptr)[users]
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    within = np.arange(indptr[-1]) - np.repeat(indptr[:-1], counts)
    return indptr, state.seen_indices[np.repeat(starts, counts) + within]


def _named(
    numbers: NDArray[np.int32], scores: NDArray[Any], ids: IdMap | None, scalar: bool
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Numbers turned into ids where there are ids, and one row instead of a matrix where a scalar was asked."""
    named = numbers if ids is None else ids.take(numbers.ravel()).reshape(numbers.shape)
    return (named[0], scores[0]) if scalar else (named, scores)
