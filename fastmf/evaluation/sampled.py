"""One positive among sampled negatives: a protocol of many papers that misleads, and says so whenever it is used."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks, _random
from fastmf.data import Ratings
from fastmf.evaluation.alignment import in_numbers_of
from fastmf.evaluation.metrics import checked_cutoffs
from fastmf.evaluation.predictions import checked_model
from fastmf.models._base import FactorModel

NEGATIVES = 10 << 32  # streams of random numbers, one for each negative of an entry
PAIRS_AT_ONCE = 1 << 20  # users and items scored at a time

MISLEADS = (
    "metrics among sampled negatives mislead: they may order models differently from the metrics over all items, and "
    "rank by little more than popularity (Krichene & Rendle 2020); use fastmf.evaluate for anything but comparison "
    "with published figures"
)


class SampledMetricsWarning(UserWarning):
    """Metrics among sampled negatives mislead."""


def evaluate_sampled(
    model: FactorModel,
    test: Any,
    *,
    n_negatives: int = 99,
    k: ArrayLike = (1, 5, 10),
    random_state: object = None,
    num_threads: int | None = None,
) -> dict[str, float]:
    """Rank each test item among sampled negatives: 1 + 99 as in Neural Collaborative Filtering. Misleads; warns.

    For each test entry, `n_negatives` different items are drawn at random from those that the user has neither in the
    training data nor in the test, all of them if they are fewer. The position of the test item is one more than the
    number of drawn items that score as high or higher; NCF, too, puts it last among equals. HR@k is the share of
    entries with a position of at most k; NDCG@k the mean of 1 / log2(position + 1) over all entries, 0 beyond k.

    Each call gives a `SampledMetricsWarning`. With a sample the metrics are others than their names say: a model that
    is best by HR@10 among 100 may be worst by HR@10 among all items.

    Parameters
    ----------
    model : FactorModel
        A fitted model.
    test : Ratings or SciPy sparse matrix
        Entries held out, one a user in the protocol, as from `split_leave_last`; treated as `evaluate` treats them.
    n_negatives : int, default 99
        Items drawn for each test entry, at least 1.
    k : int or sequence of int, default (1, 5, 10)
        Cut-offs, each at least 1.
    random_state : None, int >= 0, numpy.random.Generator or numpy.random.RandomState
        The seed of the draws; None draws a fresh one.
    num_threads : int, optional
        Threads; by default the model's own `num_threads`.

    Returns
    -------
    dict of float
        "sampled_hr@10", "sampled_ndcg@10" and so on.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError, ValueError
        If an argument is not as above, or no entry is left.

    References
    ----------
    He, Liao, Zhang, Nie, Hu & Chua 2017, "Neural collaborative filtering".
    Krichene & Rendle 2020, "On sampled metrics for item recommendation".

    Examples
    --------
    >>> import warnings
    >>> import fastmf
    >>> train, test = fastmf.split_leave_last(fastmf.movielens())
    >>> model = fastmf.MostPopular().fit(train)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", fastmf.evaluation.SampledMetricsWarning)
    ...     sampled = fastmf.evaluation.evaluate_sampled(model, test, random_state=0)
    >>> sampled["sampled_hr@10"] > 10 * fastmf.evaluate(model, test, k=10)["hit_rate@10"]  # an easier question
    True
    """
    model = checked_model(model)
    warnings.warn(MISLEADS, SampledMetricsWarning, stacklevel=2)
    cutoffs = checked_cutoffs(k)
    wanted = _checks.integer("n_negatives", n_negatives, 1)
    seed, threads = _random.seed_from(random_state), model._threads(num_threads)
    held_out, _ = in_numbers_of(model, "test", test)
    if held_out.nnz == 0:
        raise ValueError("test must have at least one entry, got none")
    owners = held_out.row_numbers().astype(np.int64)
    position = np.empty(held_out.nnz)
    block = max(1, PAIRS_AT_ONCE // (wanted + 1))
    taken = _taken(model, held_out)
    for first in range(0, held_out.nnz, block):
        entries = np.arange(first, min(first + block, held_out.nnz))
        negatives = _negatives(taken, owners[entries], entries, wanted, held_out.n_items, seed)
        items = np.column_stack([held_out.indices[entries], np.maximum(negatives, 0)]).astype(np.int64)
        users = np.repeat(owners[entries], items.shape[1])
        scores = model._scores(model._fitted, users, items.ravel(), threads).reshape(items.shape)
        ahead = (scores[:, 1:] >= scores[:, :1]) & (negatives >= 0)
        position[entries] = 1 + ahead.sum(axis=1)
    gain = 1 / np.log2(position + 1)
    figures = {}
    for cutoff in cutoffs:
        figures[f"sampled_hr@{cutoff}"] = float((position <= cutoff).mean())
        figures[f"sampled_ndcg@{cutoff}"] = float(np.where(position <= cutoff, gain, 0).mean())
    return figures


def _taken(model: FactorModel, held_out: Ratings) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The items i_0 < i_1 < ... each user u has in the training data or in the test, as keys u n_items + i_j - j.

    Such a key counts the items before i_j that the user does not have. Keys ascend; user u's begin at indptr[u].
    """
    state, n_items = model._fitted, held_out.n_items
    rows = np.repeat(np.arange(held_out.n_users), np.diff(state.seen_indptr))
    keys = np.union1d(
        rows * np.int64(n_items) + state.seen_indices,
        held_out.row_numbers() * np.int64(n_items) + held_out.indices,
    )
    indptr = np.searchsorted(keys, np.arange(held_out.n_users + 1) * np.int64(n_items))
    places = np.arange(len(keys)) - np.repeat(indptr[:-1], np.diff(indptr))
    return indptr, keys - places


def _negatives(
    taken: tuple[NDArray[np.int64], NDArray[np.int64]],
    users: NDArray[np.int64],
    entries: NDArray[np.int64],
    wanted: int,
    n_items: int,
    seed: int,
) -> NDArray[np.int64]:
    """For each entry `wanted` different items its user does not have, -1 where there are no more.

    Of the m items left, numbered from 0, step j = m - wanted, ..., m - 1 takes a random number up to j, or j itself if
    that number is taken already (Floyd's sample without replacement, Bentley & Floyd 1987).
    """
    indptr, passed = taken
    left = n_items - np.diff(indptr)[users]
    drawn = np.full((len(users), wanted), -1, np.int64)
    for step in range(wanted):
        last = left - wanted + step
        draws = _random.bits_at(seed, NEGATIVES + step, entries.astype(np.uint64)) >> np.uint64(32)
        number = ((draws * np.maximum(last + 1, 1).astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
        again = (drawn[:, :step] == number[:, None]).any(axis=1)
        drawn[:, step] = np.where(last >= 0, np.where(again, last, number), -1)
    # The number-th item a user does not have is as much further on as the user has items before it.
    before = np.searchsorted(passed, users[:, None] * np.int64(n_items) + drawn, side="right") - indptr[users][:, None]
    return np.where(drawn >= 0, drawn + before, -1)
