"""How far predicted ratings are from given ones: RMSE and MAE."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastmf import _checks
from fastmf.data import Ratings
from fastmf.evaluation.alignment import in_numbers_of
from fastmf.evaluation.statistics import Shares
from fastmf.models._base import FactorModel

CHUNK = 1 << 20  # entries predicted at a time


def rmse(model: FactorModel, test: Any, *, num_threads: int | None = None) -> float:
    """Root mean squared error of predicted ratings: sqrt(mean((rating - prediction)^2)) over the test entries.

    Parameters
    ----------
    model : FactorModel
        A fitted model that predicts ratings (`model.predicts_ratings`).
    test : Ratings or SciPy sparse matrix
        Ratings held out. Ids are translated to the model's, and entries of users or items it does not know are left
        out; without ids, rows and columns must be numbered like the model's.
    num_threads : int, optional
        Threads; by default the model's own `num_threads`.

    Returns
    -------
    float
        In the units of the ratings, accumulated in float64.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError, ValueError
        If an argument is not as above, no entry is left, or the model's scores are not ratings.

    Examples
    --------
    >>> import fastmf
    >>> train, test = fastmf.split_random(fastmf.movielens(), random_state=0)
    >>> model = fastmf.BiasedMF(factors=8, random_state=0).fit(train)
    >>> 0.8 < fastmf.rmse(model, test) < 1.0
    True
    """
    return _error_of("rmse", model, test, num_threads)


def mae(model: FactorModel, test: Any, *, num_threads: int | None = None) -> float:
    """Mean absolute error of predicted ratings: mean(|rating - prediction|) over the test entries.

    Parameters
    ----------
    model : FactorModel
        A fitted model that predicts ratings (`model.predicts_ratings`).
    test : Ratings or SciPy sparse matrix
        Ratings held out, treated as `rmse` treats them.
    num_threads : int, optional
        Threads; by default the model's own `num_threads`.

    Returns
    -------
    float
        In the units of the ratings, accumulated in float64.

    Raises
    ------
    NotFittedError, TypeError, ValueError
        As `rmse`.

    Examples
    --------
    >>> import fastmf
    >>> train, test = fastmf.split_random(fastmf.movielens(), random_state=0)
    >>> model = fastmf.BiasedMF(factors=8, random_state=0).fit(train)
    >>> fastmf.mae(model, test) < fastmf.rmse(model, test)
    True
    """
    return _error_of("mae", model, test, num_threads)


def why_no_ratings(model: FactorModel) -> str:
    """Why a model has no RMSE."""
    return f"the scores of this {type(model).__name__} rank items and do not estimate ratings"


def rating_errors(model: FactorModel, test: Ratings, num_threads: int | None) -> dict[str, Shares]:
    """What each user has in both errors, in one pass over entries in the model's numbering."""
    squares, absolutes = np.zeros(test.n_users), np.zeros(test.n_users)
    for start in range(0, test.nnz, CHUNK):
        end = min(start + CHUNK, test.nnz)
        first_row = int(np.searchsorted(test.indptr, start, side="right")) - 1
        last_row = int(np.searchsorted(test.indptr, end, side="left"))
        bounds = np.clip(test.indptr[first_row : last_row + 1], start, end)
        places = np.repeat(np.arange(last_row - first_row), np.diff(bounds))
        items = test.indices[start:end].astype(np.int64)
        errors = test.data[start:end] - model._predict(places + first_row, items, num_threads).astype(np.float64)
        for sums, each in ((squares, np.square(errors)), (absolutes, np.abs(errors))):
            sums[first_row:last_row] += np.bincount(places, each, last_row - first_row)
    users = np.flatnonzero(test.user_counts)
    ids = users if model.user_ids is None else model.user_ids.ids[users]
    entries = test.user_counts[users]
    return {"rmse": Shares(ids, squares[users], entries, root=True), "mae": Shares(ids, absolutes[users], entries)}


def checked_model(model: object) -> FactorModel:
    """A fitted model, or a clear error."""
    if not isinstance(model, FactorModel):
        raise TypeError(f"model must be a fitted model of fastmf, got {_checks.shown(model)}")
    model._fitted  # noqa: B018  raises NotFittedError
    return model


def _error_of(name: str, model: object, test: Any, num_threads: int | None) -> float:
    checked = checked_model(model)
    if not checked.predicts_ratings:
        raise ValueError(f"{name} needs a model that predicts ratings, but {why_no_ratings(checked)}")
    aligned, _ = in_numbers_of(checked, "test", test)
    if aligned.nnz == 0:
        raise ValueError("test must have at least one entry, got none")
    return rating_errors(checked, aligned, num_threads)[name].figure()
