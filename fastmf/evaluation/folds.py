"""Cross-validation over entries."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from fastmf import _checks, _random
from fastmf.data import Ratings
from fastmf.evaluation.holdout import FOLDS, parts, to_split


def kfold(ratings: Any, n_splits: int = 5, random_state: object = None) -> Iterator[tuple[Ratings, Ratings]]:
    """Cross-validation over entries: each entry is in the test of exactly one fold.

    Parameters
    ----------
    ratings : Ratings or SciPy sparse matrix
        What to split.
    n_splits : int, default 5
        Number of folds, from 2 to the number of entries; their sizes differ by at most one.
    random_state : None, int >= 0, numpy.random.Generator or numpy.random.RandomState
        The seed; None draws a fresh one.

    Returns
    -------
    iterator of (train, test) : pairs of Ratings
        Of the shape and with the ids of `ratings`, made one at a time.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above; at the call, not at the first fold.

    Examples
    --------
    >>> import fastmf
    >>> ratings = fastmf.Ratings.from_arrays([0, 0, 1, 1], [0, 1, 0, 1])
    >>> [(train.nnz, test.nnz) for train, test in fastmf.kfold(ratings, n_splits=2, random_state=0)]
    [(2, 2), (2, 2)]
    """
    return repeated_kfold(ratings, n_splits, 1, random_state)


def repeated_kfold(
    ratings: Any,
    n_splits: int = 5,
    n_repeats: int = 10,
    random_state: object = None,
) -> Iterator[tuple[Ratings, Ratings]]:
    """Cross-validation over entries, several times with different folds; the first repeat is that of `kfold`.

    Parameters
    ----------
    ratings : Ratings or SciPy sparse matrix
        What to split.
    n_splits : int, default 5
        Number of folds, from 2 to the number of entries; their sizes differ by at most one.
    n_repeats : int, default 10
        How often, at least 1.
    random_state : None, int >= 0, numpy.random.Generator or numpy.random.RandomState
        The seed; None draws a fresh one.

    Returns
    -------
    iterator of (train, test) : pairs of Ratings
        n_repeats * n_splits of them, of the shape and with the ids of `ratings`, made one at a time.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above; at the call, not at the first fold.

    Examples
    --------
    >>> import fastmf
    >>> ratings = fastmf.Ratings.from_arrays([0, 0, 1, 1], [0, 1, 0, 1])
    >>> len(list(fastmf.repeated_kfold(ratings, n_splits=2, n_repeats=3, random_state=0)))
    6
    """
    ratings = to_split(ratings)
    n_splits = _checks.integer("n_splits", n_splits, 2)
    if n_splits > ratings.nnz:
        raise ValueError(f"n_splits must be at most the number of entries, {ratings.nnz}, got {n_splits}")
    n_repeats = _checks.integer("n_repeats", n_repeats, 1)
    return _folds(ratings, n_splits, n_repeats, _random.seed_from(random_state))


def _folds(ratings: Ratings, n_splits: int, n_repeats: int, seed: int) -> Iterator[tuple[Ratings, Ratings]]:
    for repeat in range(n_repeats):
        fold = np.empty(ratings.nnz, np.int32)
        fold[_random.permutation(seed, FOLDS + repeat, ratings.nnz)] = np.arange(ratings.nnz) % n_splits
        for number in range(n_splits):
            yield parts(ratings, fold == number)
