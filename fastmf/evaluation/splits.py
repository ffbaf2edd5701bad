"""Ways to hold out part of the ratings for a test.

Every split gives `Ratings` of the same shape and the same ids as what it was given; together the parts hold each entry
exactly once, so nothing of the test leaks into training. What is random is keyed by (seed, entry): it depends on
neither threads nor processor.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from fastmf import _checks, _random
from fastmf.data import Ratings
from fastmf.evaluation import holdout
from fastmf.evaluation.holdout import first_or_last, n_of_each_user, parts, random_of_each_row, times_of, to_split


def split_random(ratings: Any, test: float = 0.2, random_state: object = None) -> tuple[Ratings, Ratings]:
    """Hold out a share of all entries, drawn at random.

    Parameters
    ----------
    ratings : Ratings or SciPy sparse matrix
        What to split; at least two entries.
    test : float, default 0.2
        Share of the entries to hold out, between 0 and 1 exclusive; rounded to a number of entries of at least one on
        each side.
    random_state : None, int >= 0, numpy.random.Generator or numpy.random.RandomState
        The seed; None draws a fresh one.

    Returns
    -------
    train, test : Ratings
        Of the shape and with the ids of `ratings`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import fastmf
    >>> ratings = fastmf.Ratings.from_arrays(["ann", "ann", "bob", "bob"], ["x", "y", "x", "z"], [5, 3, 4, 1])
    >>> train, test = fastmf.split_random(ratings, test=0.25, random_state=0)
    >>> train.nnz, test.nnz, test.shape == ratings.shape
    (3, 1, True)
    """
    ratings = to_split(ratings)
    share = _checks.fraction("test", test)
    held_out = min(max(round(share * ratings.nnz), 1), ratings.nnz - 1)
    draws = _random.bits(_random.seed_from(random_state), holdout.RANDOM, ratings.nnz)
    mask = np.zeros(ratings.nnz, bool)
    mask[np.argpartition(draws, held_out - 1)[:held_out]] = True
    return parts(ratings, mask)


def split_stratified(ratings: Any, test: float = 0.2, random_state: object = None) -> tuple[Ratings, Ratings]:
    """Hold out the same share of every user's entries, drawn at random.

    A user with n entries gives test * n of them, rounded up or down at random so that the share is right on average,
    and always keeps at least one for training.

    Parameters
    ----------
    ratings : Ratings or SciPy sparse matrix
        What to split; at least two entries.
    test : float, default 0.2
        Share to hold out, between 0 and 1 exclusive.
    random_state : None, int >= 0, numpy.random.Generator or numpy.random.RandomState
        The seed; None draws a fresh one.

    Returns
    -------
    train, test : Ratings
        Of the shape and with the ids of `ratings`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or no entry is held out.

    Examples
    --------
    >>> import fastmf
    >>> ratings = fastmf.Ratings.from_arrays([0, 0, 0, 0, 1, 1], [0, 1, 2, 3, 0, 1])
    >>> train, test = fastmf.split_stratified(ratings, test=0.5, random_state=0)
    >>> test.user_counts.tolist()
    [2, 1]
    """
    ratings = to_split(ratings)
    share = _checks.fraction("test", test)
    seed = _random.seed_from(random_state)
    counts = ratings.user_counts
    held_out = np.floor(share * counts + _random.uniform(seed, holdout.STRATIFIED, ratings.n_users)).astype(np.int64)
    held_out = np.minimum(held_out, np.maximum(counts - 1, 0))
    if not held_out.any():
        raise ValueError(f"test = {test} holds out no entry of {ratings}; take a larger share")
    return parts(ratings, random_of_each_row(ratings, held_out, seed, holdout.STRATIFIED_ROWS))


def split_leave_last(ratings: Ratings, n: int = 1) -> tuple[Ratings, Ratings]:
    """Hold out each user's last entries by time; leave-one-out for n = 1.

    Entries of the same time count in the order of their item numbers. A user with n entries or fewer keeps all of them
    for training, so that no test user is unknown to the model.

    Parameters
    ----------
    ratings : Ratings
        With timestamps.
    n : int, default 1
        How many entries of each user to hold out, at least 1.

    Returns
    -------
    train, test : Ratings
        Of the shape and with the ids of `ratings`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, there are no timestamps, or no user has more than n entries.

    Examples
    --------
    >>> import fastmf
    >>> ratings = fastmf.Ratings.from_arrays([0, 0, 1], [7, 8, 8], timestamps=[20, 10, 15])
    >>> train, test = fastmf.split_leave_last(ratings)
    >>> test.nnz, int(test.items.ids[test.indices[0]])
    (1, 7)
    """
    ratings = to_split(ratings)
    times = times_of(ratings, "split_leave_last")
    held_out = n_of_each_user(ratings, n)
    in_time = np.lexsort((times, ratings.row_numbers()))  # stable: equal times stay in the order of item numbers
    return parts(ratings, first_or_last(ratings, in_time, held_out, last=True))


def split_leave_out(ratings: Any, n: int = 1, random_state: object = None) -> tuple[Ratings, Ratings]:
    """Hold out the same number of entries of each user, drawn at random; leave-one-out without times for n = 1.

    Parameters
    ----------
    ratings : Ratings or SciPy sparse matrix
        What to split.
    n : int, default 1
        How many entries of each user to hold out, at least 1. A user with n entries or fewer keeps all of them for
        training, so that no test user is unknown to the model.
    random_state : None, int >= 0, numpy.random.Generator or numpy.random.RandomState
        The seed; None draws a fresh one.

    Returns
    -------
    train, test : Ratings
        Of the shape and with the ids of `ratings`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or no user has more than n entries.

    Examples
    --------
    >>> import fastmf
    >>> ratings = fastmf.Ratings.from_arrays([0, 0, 0, 1, 1, 2], [0, 1, 2, 0, 1, 0])
    >>> train, test = fastmf.split_leave_out(ratings, random_state=0)
    >>> test.user_counts
    array([1, 1, 0])
    """
    ratings = to_split(ratings)
    held_out = n_of_each_user(ratings, n)
    seed = _random.seed_from(random_state)
    return parts(ratings, random_of_each_row(ratings, held_out, seed, holdout.LEAVE_OUT))


def split_by_time(ratings: Ratings, test: float = 0.2) -> tuple[Ratings, Ratings]:
    """Hold out the latest entries of all users together, as if the model had been trained at one moment.

    Entries of equal time are never parted, so every training entry is earlier than every test entry; of the two moments
    nearest to the share asked for, the nearer is taken. Users and items first seen after it are in the test only;
    `evaluate` judges such users too, and its report says how many they are.

    Parameters
    ----------
    ratings : Ratings
        With timestamps, of at least two different times.
    test : float, default 0.2
        Share of the entries to hold out, between 0 and 1 exclusive.

    Returns
    -------
    train, test : Ratings
        Of the shape and with the ids of `ratings`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or there are no timestamps.

    Examples
    --------
    >>> import fastmf
    >>> ratings = fastmf.Ratings.from_arrays([0, 0, 1, 1], [0, 1, 0, 1], timestamps=[1, 4, 2, 3])
    >>> train, test = fastmf.split_by_time(ratings, test=0.25)
    >>> train.timestamps, test.timestamps
    (array([1, 2, 3]), array([4]))
    """
    ratings = to_split(ratings)
    share = _checks.fraction("test", test)
    times = times_of(ratings, "split_by_time")
    if times.min() == times.max():
        raise ValueError(f"ratings must have timestamps of at least two different times, got {times[0]} everywhere")
    wanted = share * ratings.nnz
    place = min(max(ratings.nnz - round(wanted), 0), ratings.nnz - 1)
    moment = np.partition(times, place)[place]
    later, not_earlier = int((times > moment).sum()), int((times >= moment).sum())
    keep_moment = not_earlier == ratings.nnz or (later > 0 and wanted - later < not_earlier - wanted)
    return parts(ratings, times > moment if keep_moment else times >= moment)


def split_users(
    ratings: Any,
    test: float = 0.2,
    held_out: float = 0.5,
    random_state: object = None,
) -> tuple[Ratings, tuple[Ratings, Ratings]]:
    """Hold out whole users, to test on people the model has never met (strong generalisation).

    The model is trained on the other users. For each test user it is then shown one part of the entries, from which it
    folds the user in, and is judged by the other part: ``evaluate(model, held_out, fold_in=fold_in)``.

    Parameters
    ----------
    ratings : Ratings or SciPy sparse matrix
        What to split; at least two users, of which at least one has two entries or more.
    test : float, default 0.2
        Share of the users to hold out, between 0 and 1 exclusive. They are drawn among the users with at least two
        entries, and at least one user with entries is left for training.
    held_out : float, default 0.5
        Share of each test user's entries to judge by, between 0 and 1 exclusive; rounded to at least one entry, and
        leaving at least one to fold in.
    random_state : None, int >= 0, numpy.random.Generator or numpy.random.RandomState
        The seed; None draws a fresh one.

    Returns
    -------
    train : Ratings
        All entries of the other users; the rows of the test users are empty.
    (fold_in, held_out) : pair of Ratings
        The entries of the test users, to fold in and to judge by. All of the shape and with the ids of `ratings`.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above.

    Examples
    --------
    >>> import fastmf
    >>> ratings = fastmf.Ratings.from_arrays([0, 0, 1, 1, 2, 2], [0, 1, 0, 2, 1, 2])
    >>> train, (fold_in, held_out) = fastmf.split_users(ratings, test=1 / 3, random_state=0)
    >>> train.nnz, fold_in.nnz, held_out.nnz
    (4, 1, 1)
    """
    ratings = to_split(ratings)
    share, part = _checks.fraction("test", test), _checks.fraction("held_out", held_out)
    seed = _random.seed_from(random_state)
    counts = ratings.user_counts
    eligible = np.flatnonzero(counts >= 2)
    active = int((counts > 0).sum())
    if active < 2 or not len(eligible):
        raise ValueError("ratings must have at least two users with entries, one of them with two entries or more")
    n_test = min(max(round(share * active), 1), active - 1, len(eligible))
    chosen = eligible[_random.permutation(seed, holdout.USERS, len(eligible))[:n_test]]
    is_test = np.zeros(ratings.n_users, bool)
    is_test[chosen] = True
    judged = np.where(is_test, np.clip(np.rint(part * counts), 1, counts - 1), 0).astype(np.int64)
    judged_mask = random_of_each_row(ratings, judged, seed, holdout.USERS_ROWS)
    test_mask = is_test[ratings.row_numbers()]
    fold_in, judge_by = ratings.select(test_mask & ~judged_mask), ratings.select(judged_mask)
    return ratings.select(~test_mask), (fold_in, judge_by)
