"""Judging ranked lists that were made elsewhere."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf._threads import effective
from fastmf.data import Ratings
from fastmf.evaluation.alignment import gathered
from fastmf.evaluation.metrics import METRICS, checked_cutoffs, checked_names
from fastmf.evaluation.report import Report
from fastmf.evaluation.tally import checked_vectors, collected, tally_of
from fastmf.models._intake import as_ratings


def evaluate_lists(
    ranked: ArrayLike,
    test: Any,
    *,
    train: Any = None,
    k: ArrayLike = (5, 10, 20),
    metrics: str | list[str] | tuple[str, ...] | None = None,
    item_vectors: ArrayLike | None = None,
    num_threads: int | None = None,
) -> Report:
    """Judge ranked lists from anywhere, another library say, by the same metrics as `evaluate`.

    Parameters
    ----------
    ranked : integer array_like, shape (n_users, length)
        For each row of `test` a list of item numbers, best first; -1 where the list has no item. No item twice.
    test : Ratings or SciPy sparse matrix
        Every entry is a relevant item. Rows without entries are not evaluated.
    train : Ratings or SciPy sparse matrix, optional
        Of the shape of `test`: says how popular an item is, for novelty, which is left out without it.
    k : int or sequence of int, default (5, 10, 20)
        Cut-offs, each from 1 to the length of the lists.
    metrics : str or sequence of str, optional
        Names of the metrics wanted, without cut-offs; by default all that apply to lists.
    item_vectors : array_like, shape (n_items, dimensions), optional
        What diversity compares the items of a list by; diversity is left out without them.
    num_threads : int, optional
        Threads; by default all available. The figures are bit-identical for any number.

    Returns
    -------
    Report
        As from `evaluate`, without AUC, RMSE and MAE.

    Raises
    ------
    TypeError, ValueError, IndexError
        If an argument is not as above.

    Examples
    --------
    >>> import fastmf
    >>> test = fastmf.Ratings.from_arrays([0, 0, 1], [0, 2, 1])
    >>> report = fastmf.evaluation.evaluate_lists([[0, 1, 2], [2, 0, 1]], test, k=(1, 3))
    >>> report["precision@1"], report["recall@3"]
    (0.5, 1.0)
    """
    started = time.perf_counter()
    names, cutoffs = checked_names(metrics), checked_cutoffs(k)
    threads = effective(num_threads).count
    relevant = as_ratings(test, "test")
    if relevant.nnz == 0:
        raise ValueError("test must have at least one entry, got none")
    lists = _lists(ranked, relevant, cutoffs[-1])
    if not any(METRICS[name].has_cutoff for name in names):
        raise ValueError(f"metrics must name metrics of lists, got {', '.join(names)}")
    notes: list[str] = []
    seen = None
    if train is not None:
        known = as_ratings(train, "train")
        if known.shape != relevant.shape:
            raise ValueError(f"train must have the shape of test, {relevant.shape}, got {known.shape}")
        seen = known.indptr, known.indices
    vectors = checked_vectors(item_vectors, relevant.n_items)
    users = np.flatnonzero(relevant.user_counts)
    tally = tally_of(names, cutoffs, len(users), relevant.n_items, seen, vectors, threads, notes)
    wanted = gathered(relevant.indptr, relevant.indices, users)
    tally.add(0, np.ascontiguousarray(lists[users, : tally.length]), *wanted)
    figures, per_user = collected(names, tally)
    ids = users if relevant.users is None else relevant.users.ids[users]
    seconds = time.perf_counter() - started
    return Report("ranked lists", cutoffs, figures, per_user, ids, relevant.nnz, seconds, notes)


def _lists(ranked: ArrayLike, relevant: Ratings, length: int) -> NDArray[np.int32]:
    lists = np.asarray(ranked)
    if lists.ndim != 2 or len(lists) != relevant.n_users:
        raise ValueError(
            f"ranked must have a row for each of test's {relevant.n_users} rows, got {_checks.shown(lists)}"
        )
    if lists.dtype.kind not in "iu":
        raise TypeError(f"ranked must hold integers, the numbers of items, got {_checks.shown(lists)}")
    if lists.shape[1] < length:
        raise ValueError(f"k must be at most the length of the lists, {lists.shape[1]}, got {length}")
    if lists.min() < -1 or lists.max() >= relevant.n_items:
        worst = lists.min() if lists.min() < -1 else lists.max()
        raise IndexError(f"ranked must hold numbers of items in [0, {relevant.n_items}), or -1 for none, got {worst}")
    ordered = np.sort(lists, axis=1)
    again = (ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] >= 0)
    if again.any():
        row = int(np.argmax(again.any(axis=1)))
        item = ordered[row, 1:][again[row]][0]
        raise ValueError(f"ranked must hold an item at most once in a list, got {item} again in row {row}")
    return lists.astype(np.int32, copy=False)
