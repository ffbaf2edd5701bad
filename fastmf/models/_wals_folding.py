"""Exact rows of WALS for users and items the model was not fitted to, given the other side's factors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf._errors import FitDivergedError
from fastmf._memory import aligned
from fastmf.data import Ratings
from fastmf.models._cost import Solver
from fastmf.models._fitted import Fitted
from fastmf.models._half_step import Side, half_step, padded_columns
from fastmf.models._intake import as_ratings, by_column, with_columns
from fastmf.models._state import State
from fastmf.models._wals_terms import entry_terms, item_side, unobserved_weights, user_side

Floats = NDArray[Any]


class FoldsIn(Fitted):
    """The part of WALS that solves new rows, the model unchanged."""

    def _checked_together(self) -> dict[str, Any]:
        """Checked parameters that also go together."""
        raise NotImplementedError

    def _checked_for(self, state: State) -> dict[str, Any]:
        """These with the dtype of the fitted factors, whatever it is now for the next fit."""
        return {**self._checked_together(), "dtype": state.user_factors.dtype}

    def fold_in_users(
        self, rows: Any, *, weights: Any = None, with_bias: bool = False, num_threads: int | None = None
    ) -> Any:
        """Factors of users from their entries alone, the model unchanged.

        Each row is the exact solution given the fitted items, so the rows the model was fitted to give `user_factors`
        again, to rounding, where these are exact themselves.

        Parameters
        ----------
        rows : Ratings or SciPy sparse matrix, (users, n_items)
            The users' entries. Columns are the model's items: by id where both have ids, else by number.
        weights : array_like, optional
            As in `fit`.
        with_bias : bool, default False
            Return the users' biases too.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        factors : ndarray, shape (users, factors)
            In the basis of `item_factors`; zeros for a user without entries.
        bias : ndarray, shape (users,)
            Only with `with_bias`; zeros in a model without biases.

        Raises
        ------
        UnknownIdError
            Entries for items the model does not know.
        FitDivergedError
            A system that cannot be solved.

        Examples
        --------
        >>> import fastmf, scipy.sparse
        >>> plays = scipy.sparse.csr_array([[1.0, 0, 2], [0, 1, 1], [1, 1, 0]])
        >>> model = fastmf.WALS(factors=2, random_state=0).fit(plays)
        >>> model.fold_in_users(scipy.sparse.csr_array([[0, 0, 3.0]])).shape
        (1, 2)
        """
        with_bias = _checks.flag("with_bias", with_bias)
        factors, bias = self._fold_in(rows, weights, num_threads)
        return (factors, bias) if with_bias else factors

    def fold_in_items(
        self,
        columns: Any,
        *,
        weights: Any = None,
        unobserved_weight: Any = None,
        with_bias: bool = False,
        num_threads: int | None = None,
    ) -> Any:
        """Factors of items from their entries alone, the model unchanged.

        Each item is the exact solution given the fitted users, with the regularisation it would have in a fit.

        Parameters
        ----------
        columns : Ratings or SciPy sparse matrix, (n_users, items)
            The items' entries; a column is an item. Rows are the model's users: by id where both have ids, else by
            number.
        weights : array_like, optional
            As in `fit`, in the order of the entries of `columns`.
        unobserved_weight : float or array_like of shape (items,), optional
            c of these items, in a model whose `unobserved_weight` is not 0; by default the model's, which must then be
            one number for all, or have one for each of these items.
        with_bias : bool, default False
            Return the items' biases too.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        factors : ndarray, shape (items, factors)
            In the basis of `user_factors`; zeros for an item without entries.
        bias : ndarray, shape (items,)
            Only with `with_bias`; zeros in a model without biases.

        Raises
        ------
        UnknownIdError
            Entries of users the model does not know.
        FitDivergedError
            A system that cannot be solved.

        Examples
        --------
        >>> import fastmf, scipy.sparse
        >>> plays = scipy.sparse.csr_array([[1.0, 0, 2], [0, 1, 1], [1, 1, 0]])
        >>> model = fastmf.WALS(factors=2, random_state=0).fit(plays)
        >>> model.fold_in_items(scipy.sparse.csr_array([[1.0], [0], [3]])).shape
        (1, 2)
        """
        with_bias = _checks.flag("with_bias", with_bias)
        state = self._fitted
        p = self._checked_for(state)
        given = as_ratings(columns, "columns")
        unobserved = unobserved_of_columns(unobserved_weight, given, state, p)
        data, weights = by_column(given, state.shape[0], state.user_ids, "columns", "users", weights)
        w, a = entry_terms(data, weights, p)
        side = item_side(data.indptr, data.indices, w, a, n_users=state.shape[0], unobserved=unobserved, p=p)
        threads = self._threads(num_threads)
        kept = partial(state.gramian, "user", threads)
        factors, bias = solved(side, state.user_factors, state.user_bias, state.mean, p, threads, kept)
        return (factors, bias) if with_bias else factors

    def _fold_in(self, rows: Any, weights: Any, num_threads: int | None) -> tuple[Floats, Floats]:
        """Factors and biases of the users of `rows`."""
        state = self._fitted
        p = self._checked_for(state)
        data, weights = with_columns(rows, state.shape[1], state.item_ids, "rows", "items", weights)
        side = user_side(data, *entry_terms(data, weights, p), p)
        threads = self._threads(num_threads)
        kept = partial(state.gramian, "item", threads)
        return solved(side, state.item_factors, state.item_bias, state.mean, p, threads, kept)


def unobserved_of_columns(given: Any, columns: Ratings, state: State, p: dict[str, Any]) -> NDArray[np.float64]:
    """c of the items that are folded in: what is given, or the model's own of these items; one number may serve all."""
    own = p["unobserved_weight"]
    if given is not None:
        if not np.any(own):
            raise ValueError("unobserved_weight is for a model whose own is not 0: here only stored pairs count")
        if np.ndim(given) == 0:
            return np.array([_checks.real("unobserved_weight", given, 0.0)])
        return _checks.finite_vector("unobserved_weight", given, columns.n_items, 0.0).astype(np.float64)
    if np.ndim(own) and columns.items is not None and state.item_ids is not None:
        numbers = state.item_ids.numbers(columns.items.ids, unknown="skip")
        if (numbers >= 0).all():
            return unobserved_weights(own, state.shape[1])[numbers]
    elif np.ndim(own) == 0 or len(own) == columns.n_items:
        return unobserved_weights(own, columns.n_items)
    raise ValueError(
        f"unobserved_weight must be given for these {columns.n_items} columns: the model has one for each of its own "
        f"{state.shape[1]} items"
    )


def solved(
    side: Side,
    factors: Floats,
    bias: Floats,
    mean: float,
    p: dict[str, Any],
    num_threads: int,
    kept: Callable[[], NDArray[np.float64]] | None = None,
) -> tuple[Floats, Floats]:
    """Exact factors and biases of the rows of `side`, given the factors and biases of the other side and the mean.

    `p` holds the checked parameters, with the dtype of the factors; `kept` gives their Gramian where it is kept.
    """
    k, dtype, biased = factors.shape[1], factors.dtype, p["biased"]
    rows, columns = len(side.indptr) - 1, padded_columns(k + biased, dtype)
    out, others, product = aligned((rows, columns), dtype), factors, None
    if columns > k:
        others = aligned((len(factors), columns), dtype)
        others[:, :k] = factors
    if biased:
        others[:, k] = 1
        side = replace(side, targets=(side.targets - (mean + bias[side.indices])).astype(dtype))
    elif kept is not None and side.implicit:
        product = np.zeros((columns, columns))
        product[:k, :k] = kept()
    solver = Solver("nonnegative" if p["nonnegative"] else "cholesky", "primal")
    if rows:
        half_step(side, others, out, solver, factors=k + biased, product=product, num_threads=num_threads)
    if not np.isfinite(out).all():
        raise FitDivergedError(f"factors of {side.name}s are not finite: raise regularization, or scale the values")
    return np.ascontiguousarray(out[:, :k]), (out[:, k].copy() if biased else np.zeros(rows, dtype))
