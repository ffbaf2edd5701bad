"""A model of factors that were learned elsewhere: judged, searched and saved like any other."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf.data import Ratings
from fastmf.models._base import FactorModel
from fastmf.models._state import State

Model = TypeVar("Model", bound=FactorModel)


def with_factors(
    model: Model,
    ratings: Ratings,
    user_factors: ArrayLike,
    item_factors: ArrayLike,
    *,
    user_bias: ArrayLike | None = None,
    item_bias: ArrayLike | None = None,
    mean: float = 0.0,
) -> Model:
    """`model`, as if it had been fitted to `ratings` and had found these factors.

    Parameters
    ----------
    model : FactorModel
        Of a class that holds nothing but factors, biases and a mean: WALS or BiasedMF. It is changed.
    ratings : Ratings
        What the factors were learned from; the seen filter needs them.
    user_factors, item_factors : array_like, shape (n_users, k) and (n_items, k)
        Finite; copied, both to float32 where both are, else to float64.
    user_bias, item_bias : array_like, shape (n_users,) and (n_items,), optional
        Finite; by default zeros.
    mean : float, default 0.0
        mu.

    Returns
    -------
    FactorModel
        The model itself.

    Raises
    ------
    TypeError, ValueError
        If an array is not as above; the model is then as it was.

    Examples
    --------
    >>> import fastmf
    >>> from fastmf.models._given import with_factors
    >>> ratings = fastmf.Ratings.from_arrays([0, 1], [0, 1])
    >>> with_factors(fastmf.WALS(), ratings, [[1.0], [2.0]], [[3.0], [4.0]]).predict(1, 1)
    8.0
    """
    X, Y = np.asarray(user_factors), np.asarray(item_factors)
    dtype = np.dtype(np.float32 if X.dtype == Y.dtype == np.float32 else np.float64)
    if X.ndim != 2 or Y.ndim != 2 or X.shape[1:] != Y.shape[1:]:
        raise ValueError(f"factors must be two matrices with as many columns, got shapes {X.shape} and {Y.shape}")
    model._state = State.of(
        ratings,
        _finite("user_factors", X, (ratings.n_users, X.shape[1]), dtype),
        _finite("item_factors", Y, (ratings.n_items, Y.shape[1]), dtype),
        user_bias=None if user_bias is None else _finite("user_bias", user_bias, (ratings.n_users,), dtype),
        item_bias=None if item_bias is None else _finite("item_bias", item_bias, (ratings.n_items,), dtype),
        mean=_checks.real("mean", mean),
        keep_values=True,
    )
    return model


def _finite(name: str, value: ArrayLike, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    array = np.array(value, dtype, order="C")
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {int((~np.isfinite(array)).sum())} numbers that are not")
    return array
