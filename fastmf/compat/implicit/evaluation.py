"""implicit.evaluation: splits, and metrics of ranked lists as implicit defines them.

Over the users with entries in the test, with n their number and h the hits among the first K:

    precision = sum h / sum min(K, n)
    map       = mean of sum_{hits at r <= K} (hits up to r) / r  /  min(K, n)
    ndcg      = mean of sum_{hits at r <= K} 1 / log2(r + 1)  /  sum_{r <= min(K, n)} 1 / log2(r + 1)
    auc       = mean of the share of pairs (one of the n items, another item) in the right order, where what is not
                in the list comes behind it, level
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.compat.implicit._arguments import rows_of, threads_of
from fastmf.compat.implicit._progress import progress_bar
from fastmf.compat.implicit._splits import leave_k_out_split, train_test_split
from fastmf.compat.implicit.utils import check_csr
from fastmf.kernels import metrics

__all__ = [
    "AUC_at_k",
    "leave_k_out_split",
    "mean_average_precision_at_k",
    "ndcg_at_k",
    "precision_at_k",
    "ranking_metrics_at_k",
    "train_test_split",
]

USERS_AT_ONCE = 4096


def precision_at_k(
    model: Any,
    train_user_items: Any,
    test_user_items: Any,
    K: int = 10,
    show_progress: bool = True,
    num_threads: int = 1,
) -> float:
    """The "precision" of `ranking_metrics_at_k`.

    Parameters
    ----------
    model, train_user_items, test_user_items, K, show_progress, num_threads
        As there.

    Returns
    -------
    float
    """
    return ranking_metrics_at_k(model, train_user_items, test_user_items, K, show_progress, num_threads)["precision"]


def mean_average_precision_at_k(
    model: Any,
    train_user_items: Any,
    test_user_items: Any,
    K: int = 10,
    show_progress: bool = True,
    num_threads: int = 1,
) -> float:
    """The "map" of `ranking_metrics_at_k`.

    Parameters
    ----------
    model, train_user_items, test_user_items, K, show_progress, num_threads
        As there.

    Returns
    -------
    float
    """
    return ranking_metrics_at_k(model, train_user_items, test_user_items, K, show_progress, num_threads)["map"]


def ndcg_at_k(
    model: Any,
    train_user_items: Any,
    test_user_items: Any,
    K: int = 10,
    show_progress: bool = True,
    num_threads: int = 1,
) -> float:
    """The "ndcg" of `ranking_metrics_at_k`.

    Parameters
    ----------
    model, train_user_items, test_user_items, K, show_progress, num_threads
        As there.

    Returns
    -------
    float
    """
    return ranking_metrics_at_k(model, train_user_items, test_user_items, K, show_progress, num_threads)["ndcg"]


def AUC_at_k(
    model: Any,
    train_user_items: Any,
    test_user_items: Any,
    K: int = 10,
    show_progress: bool = True,
    num_threads: int = 1,
) -> float:
    """The "auc" of `ranking_metrics_at_k`.

    Parameters
    ----------
    model, train_user_items, test_user_items, K, show_progress, num_threads
        As there.

    Returns
    -------
    float
    """
    return ranking_metrics_at_k(model, train_user_items, test_user_items, K, show_progress, num_threads)["auc"]


def ranking_metrics_at_k(
    model: Any,
    train_user_items: Any,
    test_user_items: Any,
    K: int = 10,
    show_progress: bool = True,
    num_threads: int = 1,
) -> dict[str, float]:
    """How well a model's lists of K items bring back held-out entries.

    Parameters
    ----------
    model : RecommenderBase
        Anything with implicit's `recommend`.
    train_user_items : sparse matrix or array, users x items
        What the model was fitted to, and what its lists leave out.
    test_user_items : sparse matrix or array, users x items
        The entries held out, whatever their value.
    K : int, default 10
        Length of the lists.
    show_progress : bool, default True
        Show a bar, if tqdm (extra `progress`) is there.
    num_threads : int, default 1
        Threads that count hits; 0 uses all there are. The model's own setting holds for the lists.

    Returns
    -------
    dict of str to float
        "precision", "map", "ndcg" and "auc", as defined at the top of this module, each in [0, 1].

    Raises
    ------
    ValueError
        The matrices differ in shape, or the test has no entry.

    Examples
    --------
    >>> import fastmf.compat.implicit as implicit
    >>> from scipy.sparse import csr_matrix
    >>> train = csr_matrix([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> test = csr_matrix([[0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    >>> model = implicit.als.AlternatingLeastSquares(factors=2, regularization=0.1, random_state=0)
    >>> model.fit(train, show_progress=False)
    >>> implicit.evaluation.ranking_metrics_at_k(model, train, test, K=1, show_progress=False)["precision"]
    1.0
    """
    K, threads = _checks.integer("K", K, 1), threads_of(num_threads)
    train, test = check_csr(train_user_items), check_csr(test_user_items)
    if train.shape != test.shape:
        raise ValueError(
            f"train_user_items and test_user_items must have one shape, got {train.shape} and {test.shape}"
        )
    all_starts, indices = rows_of(test)
    users = np.flatnonzero(np.diff(all_starts)).astype(np.int32)
    if not len(users):
        raise ValueError("test_user_items must have at least one entry, got none")
    starts = np.append(all_starts[users], len(indices)).astype(np.int64)  # those between are empty
    relevant = starts, indices.astype(np.int32, copy=False)
    sums = np.zeros(4)
    bar = progress_bar(len(users), show_progress)
    try:
        for first in range(0, len(users), USERS_AT_ONCE):
            some = users[first : first + USERS_AT_ONCE]
            lists = _lists(model.recommend(some, train[some], N=K)[0], len(some), K)
            rows = slice(first, first + len(some) + 1)
            sums += _sums(lists, relevant[0][rows], relevant[1], test.shape[1], threads)
            if bar is not None:
                bar.update(len(some))
    finally:
        if bar is not None:
            bar.close()
    possible = np.minimum(np.diff(starts), K).sum()
    means = sums / np.array([possible, len(users), len(users), len(users)])
    return dict(zip(("precision", "map", "ndcg", "auc"), means.tolist(), strict=True))


def _lists(ids: Any, n: int, K: int) -> NDArray[np.int32]:
    """K item numbers a user, with -1 where there is none: beyond a shorter list, and for an item that came before."""
    ids = np.asarray(ids)
    if ids.ndim != 2 or len(ids) != n:
        raise ValueError(f"model.recommend must give {n} lists for {n} users, got {_checks.shown(ids)}")
    lists = np.full((n, K), -1, np.int32)
    lists[:, : ids.shape[1]] = ids[:, :K]
    order = np.argsort(lists, axis=1, kind="stable")
    in_order = np.take_along_axis(lists, order, axis=1)
    again = np.zeros(lists.shape, bool)
    np.put_along_axis(again, order[:, 1:], in_order[:, 1:] == in_order[:, :-1], axis=1)
    lists[again] = -1
    return lists


def _sums(
    lists: NDArray[np.int32], indptr: NDArray[np.int64], indices: NDArray[np.int32], n_items: int, threads: int
) -> NDArray[np.float64]:
    """Hits, and over users the average precisions, nDCGs and areas under the curve."""
    n, K = lists.shape
    discount = 1.0 / np.log2(np.arange(2, K + 2))
    out = np.empty((n, len(metrics.ROWS), 1))
    ideal = np.concatenate([[0.0], np.cumsum(discount)])
    metrics.ranking(lists, indptr, indices, np.array([K], np.int64), discount, ideal, out, threads)
    of = {name: out[:, row, 0] for row, name in enumerate(metrics.ROWS)}

    is_hit = np.empty(n * K, np.uint8)
    metrics.common(np.arange(0, n * K + 1, K, dtype=np.int64), lists.ravel(), indptr, indices, is_hit, threads)
    hit = is_hit.reshape(n, K).astype(bool)
    miss = (lists >= 0) & ~hit
    hits, misses = hit.sum(axis=1), miss.sum(axis=1)
    relevant = np.diff(indptr)
    others = n_items - relevant
    right = (miss * np.cumsum(hit, axis=1)).sum(axis=1) + (hits + relevant) / 2 * (others - misses)
    auc = np.where(others > 0, right / np.maximum(relevant * others, 1), 0.5)
    return np.array([hits.sum(), of["map"].sum(), of["ndcg"].sum(), auc.sum()])
