"""Judging a model on entries held out."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf.data import Ratings
from fastmf.evaluation.alignment import Rows, gathered, in_numbers_of
from fastmf.evaluation.auc import auc_of_users, lists_and_auc
from fastmf.evaluation.metrics import METRICS, checked_cutoffs, checked_names
from fastmf.evaluation.predictions import checked_model, rating_errors, why_no_ratings
from fastmf.evaluation.report import Report
from fastmf.evaluation.statistics import Shares
from fastmf.evaluation.tally import checked_vectors, collected, tally_of
from fastmf.kernels import metrics as kernel
from fastmf.models._base import FactorModel
from fastmf.models._folding import folded

USERS_AT_ONCE = 1 << 14  # bounds what is held beside the result; Ctrl-C works between two blocks
PLACES_AT_ONCE = 1 << 22  # places in lists at a time, where lists are long


def evaluate(
    model: FactorModel,
    test: Any,
    *,
    train: Any = None,
    fold_in: Any = None,
    k: ArrayLike = (5, 10, 20),
    exclude_seen: bool = True,
    metrics: str | list[str] | tuple[str, ...] | None = None,
    relevant_from: float | None = None,
    item_vectors: ArrayLike | None = None,
    num_threads: int | None = None,
) -> Report:
    """Judge a fitted model by entries it has not seen, in one pass over the test users.

    The ranking metrics are means over the users with at least one relevant item; `fastmf.evaluation.METRICS` holds
    each metric's definition. RMSE and MAE are over all test entries, for models that predict ratings.

    Parameters
    ----------
    model : FactorModel
        A fitted model.
    test : Ratings or SciPy sparse matrix
        Entries held out. Ids are translated to the model's; entries of users or items the model does not know are left
        out, and the report says how many. Without ids, rows and columns must be numbered like the model's.
    train : Ratings or SciPy sparse matrix, optional
        The entries users have already seen, which also say how popular an item is; by default those the model was
        fitted to.
    fold_in : Ratings or SciPy sparse matrix, optional
        Entries of users the model has not met, as from `split_users`: the model folds these rows in, and they, not the
        users it was fitted to, are the users of `test` and have seen these entries. Items as in `fold_in_users`.
    k : int or sequence of int, default (5, 10, 20)
        Cut-offs, each at least 1.
    exclude_seen : bool, default True
        Neither recommend seen items nor count them as relevant or irrelevant. A test entry that is also a seen one is
        then left out of the ranking metrics, and the report says how many.
    metrics : str or sequence of str, optional
        Names of the metrics wanted, without cut-offs; by default all that apply. AUC needs the score of every item
        for every user, where lists skip many: without it an evaluation takes about half the time.
    relevant_from : float, optional
        The smallest test value that counts as relevant, such as 4 of 5 stars; by default every test entry does.
    item_vectors : array_like, shape (n_items, dimensions), optional
        What diversity compares the items of a list by, such as genres; by default the model's own item factors, and
        then diversity says nothing between models.
    num_threads : int, optional
        Threads; by default the model's own `num_threads`. The figures are bit-identical for any number.

    Returns
    -------
    Report
        Prints as a table, and says how many users there are of whom the model has no entry, as after `split_by_time`;
        ``report["ndcg@10"]``, ``report.to_dict()``, ``report.per_user("ndcg@10")``.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError, ValueError
        If an argument is not as above, or nothing is left to evaluate.

    Examples
    --------
    >>> import fastmf
    >>> train, test = fastmf.split_random(fastmf.movielens(), random_state=0)
    >>> report = fastmf.evaluate(fastmf.MostPopular().fit(train), test, k=(5, 10))
    >>> report["recall@5"] < report["recall@10"]
    True
    >>> "rmse" in report  # a count of entries is no rating
    False
    """
    started = time.perf_counter()
    model = checked_model(model)
    names, cutoffs = checked_names(metrics), checked_cutoffs(k)
    exclude_seen = _checks.flag("exclude_seen", exclude_seen)
    threads = model._threads(num_threads)
    history = seen = _training_rows(model, train)
    if fold_in is not None:
        model = folded(model, fold_in, threads, "fold_in")
        seen = _training_rows(model, None)
    state = model._fitted
    held_out, notes = in_numbers_of(model, "test", test)
    if held_out.nnz == 0:
        raise ValueError("test must have at least one entry, got none")
    relevant = _relevant(held_out, relevant_from, seen if exclude_seen else None, threads, notes)
    users = np.flatnonzero(relevant.user_counts)
    new = int((np.diff(seen[0])[users] == 0).sum())
    if new:
        notes.append(f"{new:,} of {len(users):,} users have no entry to learn from, and are judged all the same")

    figures: dict[str, float] = {}
    per_user: dict[str, NDArray[np.float64]] = {}
    if any(METRICS[name].kind != "rating" for name in names):
        if len(users) == 0:
            raise ValueError(f"test must have at least one relevant entry, got none ({'; '.join(notes)})")
        vectors = checked_vectors(item_vectors, len(state.item_factors))
        if vectors is None:
            vectors = state.item_factors
        tally = tally_of(names, cutoffs, len(users), len(state.item_factors), history, vectors, threads, notes)
        with_lists, with_auc = any(METRICS[name].has_cutoff for name in names), "auc" in names
        aucs = np.empty(len(users) if with_auc else 0)
        block = max(1, min(USERS_AT_ONCE, PLACES_AT_ONCE // tally.length))
        for first in range(0, len(users), block):
            numbers = users[first : first + block]
            wanted = gathered(relevant.indptr, relevant.indices, numbers)
            skipped = gathered(*seen, numbers) if exclude_seen else None
            if with_lists and with_auc:
                ranked, auc = lists_and_auc(state, numbers, tally.length, wanted, skipped, threads)
            elif with_lists:
                ranked = model._top(numbers, tally.length, seen=skipped, num_threads=threads)[0]
            else:
                auc = auc_of_users(state, numbers, wanted, skipped, threads)
            if with_lists:
                tally.add(first, ranked, *wanted)
            if with_auc:
                aucs[first : first + block] = auc
        figures, per_user = collected(names, tally)
        if with_auc:
            figures["auc"], per_user["auc"] = float(aucs.mean()), aucs
    errors: dict[str, Shares] = {}
    if "rmse" in names or "mae" in names:
        if model.predicts_ratings:
            found = rating_errors(model, held_out, threads)
            errors = {name: found[name] for name in found if name in names}
            figures |= {name: shares.figure() for name, shares in errors.items()}
        else:
            notes.append(f"rmse and mae are left out: {why_no_ratings(model)}")
    ids = users if model.user_ids is None else model.user_ids.ids[users]
    seconds = time.perf_counter() - started
    return Report(repr(model), cutoffs, figures, per_user, ids, held_out.nnz, seconds, notes, errors)


def _training_rows(model: FactorModel, train: Any) -> Rows:
    """What users have seen: as given, or as the model keeps it."""
    if train is None:
        return model._fitted.seen_indptr, model._fitted.seen_indices
    known, _ = in_numbers_of(model, "train", train)
    return known.indptr, known.indices


def _relevant(
    held_out: Ratings, relevant_from: float | None, seen: Rows | None, threads: int, notes: list[str]
) -> Ratings:
    """The test entries that ranking metrics count, and notes on the others."""
    mask = np.ones(held_out.nnz, bool)
    if relevant_from is not None:
        mask = held_out.data >= _checks.real("relevant_from", relevant_from)
        notes.append(f"relevant: the {int(mask.sum()):,} test entries with a value of {relevant_from:g} or more")
    if seen is not None:
        was_seen = np.empty(held_out.nnz, np.uint8)
        kernel.common(held_out.indptr, held_out.indices, *seen, was_seen, threads)
        lost = int((mask & (was_seen == 1)).sum())
        if lost:
            notes.append(f"{lost:,} test entries are seen ones and count in no ranking metric")
        mask &= was_seen == 0
    return held_out if mask.all() else held_out.select(mask)
