"""Ratings as a model takes them: from what users pass, and against what the model was fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from fastmf import _checks
from fastmf._errors import UnknownIdError
from fastmf.data import IdMap, Ratings
from fastmf.models._state import State


def as_ratings(data: Any, name: str = "ratings") -> Ratings:
    """`data` as Ratings: itself, or made from a SciPy sparse matrix whose row and column numbers are the ids."""
    if isinstance(data, Ratings):
        return data
    if scipy.sparse.issparse(data):
        return Ratings.from_sparse(data)
    hint = "; make a scipy.sparse.csr_array of a dense array first" if isinstance(data, np.ndarray) else ""
    raise TypeError(
        f"{name} must be fastmf.Ratings or a SciPy sparse matrix of users x items, got {_checks.shown(data)}{hint}"
    )


def to_fit(model: object, data: Any) -> Ratings:
    """Ratings a model can be fitted to: at least one entry."""
    ratings = as_ratings(data)
    if ratings.nnz == 0:
        raise ValueError(f"ratings must have at least one entry for {type(model).__name__}, got {ratings!r}")
    return ratings


def entry_weights(weights: Any, nnz: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """A weight >= 0 for each of nnz entries, or a single 1 for all."""
    if weights is None:
        return np.ones(1, dtype)
    return _checks.in_range_of(dtype, "weights", _checks.finite_vector("weights", weights, nnz, 0.0))


def weighted_mean(values: NDArray[Any], weights: NDArray[Any]) -> float:
    """The mean of values; a single weight serves all."""
    if len(weights) == 1:
        return float(np.mean(values))
    if not weights.any():
        raise ValueError("weights must not all be 0: there is no mean to start from")
    return float(np.average(values, weights=weights))


def of_fitted(data: Any, state: State, name: str = "ratings") -> Ratings:
    """Ratings of exactly the fitted shape, and of the fitted ids where both have ids."""
    return matching(data, state.shape, state.user_ids, state.item_ids, name)


def matching(data: Any, shape: tuple[int, int], users: IdMap | None, items: IdMap | None, name: str) -> Ratings:
    """Ratings of exactly this shape, and of these ids where both have ids."""
    ratings = as_ratings(data, name)
    if ratings.shape != shape:
        raise ValueError(f"{name} must have the fitted shape {shape}, got {ratings.shape}{transposed(ratings, shape)}")
    for what, ids, fitted in (("users", ratings.users, users), ("items", ratings.items, items)):
        if ids is not None and fitted is not None and ids != fitted:
            raise ValueError(f"{name} must have the fitted {what}, in the same order, got {ids!r} for {fitted!r}")
    return ratings


def with_columns(
    data: Any, n: int, ids: IdMap | None, name: str, what: str, weights: Any = None
) -> tuple[Ratings, Any]:
    """Ratings whose n columns are the model's, matched by id where both have ids, and the weights of their entries."""
    ratings = as_ratings(data, name)
    if ids is not None and ratings.items is not None and ratings.items != ids:
        numbers = ids.numbers(ratings.items.ids, unknown="skip")
        used = ratings.item_counts > 0
        if np.any(numbers[used] < 0):
            first = ratings.items.ids[used & (numbers < 0)][:1].tolist()[0]
            raise UnknownIdError(f"{name} has entries for {what} the model does not know, such as {first!r}")
        if weights is not None:
            weights = _checks.finite_vector("weights", weights, ratings.nnz)
        order = scipy.sparse.csr_array(
            (np.arange(ratings.nnz), numbers[ratings.indices], ratings.indptr), shape=(ratings.n_users, n)
        )
        order.sort_indices()
        return (
            Ratings(order.indptr, order.indices, ratings.data[order.data], shape=order.shape),
            None if weights is None else weights[order.data],
        )
    if ratings.n_items != n:
        raise ValueError(
            f"{name} must have {n} columns, one for each of the model's {what}, got shape {ratings.shape}"
            + (" (this looks transposed)" if ratings.n_users == n else "")
        )
    return ratings, weights


def by_column(
    data: Ratings, n: int, ids: IdMap | None, name: str, what: str, weights: Any = None
) -> tuple[Ratings, Any]:
    """Ratings with a row for each column of `data`, whose n rows are the model's, and the weights of their entries."""
    if data.n_users != n and (ids is None or data.users is None):
        raise ValueError(
            f"{name} must have {n} rows, one for each of the model's {what}, got shape {data.shape}"
            + (" (this looks transposed)" if data.n_items == n else "")
        )
    if weights is not None:
        weights = _checks.finite_vector("weights", weights, data.nnz)
    indptr, indices, order = data.item_major()
    turned = Ratings(indptr, indices, data.data[order], shape=data.shape[::-1], users=data.items, items=data.users)
    return with_columns(turned, n, ids, name, what, None if weights is None else weights[order])


def transposed(ratings: Ratings, shape: tuple[int, int]) -> str:
    """A hint for an error message where the shape is the other way round."""
    return " (this looks transposed: rows are users)" if ratings.shape == shape[::-1] and shape[0] != shape[1] else ""
