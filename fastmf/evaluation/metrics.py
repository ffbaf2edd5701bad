"""What each metric means, in one table, and the metrics of ranked lists.

Throughout: k is a cut-off, a list's first k items; n the number of a user's relevant items, the test entries; a hit is
a relevant item in the list, and position 1 its best. Relevance is yes or no. A value of a user is a mean over nothing
but that user's own list, and a reported figure is the mean over the users with at least one relevant item.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.kernels import metrics as kernel

Kind = Literal["list", "catalogue", "user", "rating"]


@dataclass(frozen=True)
class Metric:
    """A metric: its name, its definition, and what it is a figure of.

    Attributes
    ----------
    name : str
        What reports call it; with "@k" behind it if it has a cut-off.
    definition : str
        The formula in words.
    kind : "list", "catalogue", "user" or "rating"
        Of one user's list at a cut-off; of all users' lists together at a cut-off; of one user, without a cut-off;
        of the predicted ratings.
    """

    name: str
    definition: str
    kind: Kind

    @property
    def has_cutoff(self) -> bool:
        """Whether the metric depends on k."""
        return self.kind in ("list", "catalogue")

    @property
    def per_user(self) -> bool:
        """Whether each user has a value, of which the reported figure is the mean."""
        return self.kind in ("list", "user")


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("precision", "hits in the first k, divided by k, however many items there are to recommend", "list"),
        Metric("recall", "hits in the first k, divided by n", "list"),
        Metric("recall_min", "hits in the first k, divided by min(k, n), so that a perfect list scores 1", "list"),
        Metric(
            "ndcg",
            "sum of 1 / log2(position + 1) over the hits in the first k, divided by that of min(k, n) hits on top",
            "list",
        ),
        Metric("map", "sum of precision@position over the positions of the hits in the first k, / min(k, n)", "list"),
        Metric("mrr", "1 / position of the first hit, 0 if it is not in the first k", "list"),
        Metric("hit_rate", "1 if there is a hit in the first k, else 0", "list"),
        Metric(
            "novelty",
            "mean over the first k items of -log2(share of training users who have the item); an item nobody has "
            "counts as had by one",
            "list",
        ),
        Metric(
            "diversity",
            "1 - mean cosine, over the pairs among the first k items, of their vectors: the model's item factors "
            "unless others are given; 0 for fewer than two items",
            "list",
        ),
        Metric("coverage", "share of all items that are in the first k of at least one user", "catalogue"),
        Metric(
            "gini",
            "Gini coefficient of how often each item is in the first k: 0 if all items equally often, near 1 if few "
            "items have it all",
            "catalogue",
        ),
        Metric(
            "auc",
            "probability that a relevant item scores higher than an item neither relevant nor excluded, ties half",
            "user",
        ),
        Metric("rmse", "square root of the mean, over test entries, of (rating - prediction)^2", "rating"),
        Metric("mae", "mean, over test entries, of |rating - prediction|", "rating"),
    )
}


def checked_names(metrics: object) -> tuple[str, ...]:
    """Names of metrics in the order of the table; all for None."""
    if metrics is None:
        return tuple(METRICS)
    names = (metrics,) if isinstance(metrics, str) else metrics
    if not isinstance(names, Iterable):
        raise TypeError(f"metrics must be None, a name or a sequence of names, got {_checks.shown(metrics)}")
    names = tuple(names)
    for name in names:
        if name not in METRICS:
            hint = "; cut-offs are given by k" if isinstance(name, str) and "@" in name else ""
            raise ValueError(f"metrics must be among {', '.join(METRICS)}{hint}, got {_checks.shown(name)}")
    if not names:
        raise ValueError("metrics must name at least one metric, got none")
    return tuple(name for name in METRICS if name in names)


def checked_cutoffs(k: object) -> NDArray[np.int64]:
    """Cut-offs as an ascending array without repetitions."""
    values = list(k) if isinstance(k, Iterable) and not isinstance(k, (str, bytes)) else [k]
    if not values:
        raise ValueError("k must be an integer >= 1 or several, got none")
    return np.unique(np.array([_checks.integer("k", value, 1, 2**31 - 1) for value in values], np.int64))


class ListTally:
    """The metrics of ranked lists that come in block by block, and how often each item was shown.

    Parameters
    ----------
    n_users, n_items : int
        How many lists there will be, and the size of the catalogue.
    cutoffs : int64 array
        Ascending.
    information : float64 array of n_items or None
        What novelty is the mean of; None leaves novelty out.
    vectors : array, n_items x dimensions, or None
        What diversity compares; None leaves diversity out.
    num_threads : int
        As many as the kernels shall use.
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        cutoffs: NDArray[np.int64],
        information: NDArray[np.float64] | None,
        vectors: NDArray[Any] | None,
        num_threads: int,
    ) -> None:
        self.cutoffs, self.information, self.num_threads = cutoffs, information, num_threads
        self.discount = 1.0 / np.log2(np.arange(2, self.length + 2))
        self.ideal = np.concatenate([[0.0], np.cumsum(self.discount)])
        self.hits = np.empty((n_users, len(kernel.ROWS), len(cutoffs)))
        self.novelty = None if information is None else np.empty((n_users, len(cutoffs)))
        self.diversity = self.units = None
        if vectors is not None:
            norms = np.linalg.norm(vectors, axis=1, keepdims=True)
            self.units = np.ascontiguousarray(vectors / np.where(norms > 0, norms, 1))
            self.workspace = np.empty((num_threads, -(-max(vectors.shape[1], 1) // 8) * 8))  # whole cache lines
            self.diversity = np.empty((n_users, len(cutoffs)))
        self.shown = np.zeros((len(cutoffs), n_items), np.int64)  # first between two cut-offs, then summed in catalogue()

    @property
    def length(self) -> int:
        """Length of the lists: the largest cut-off."""
        return int(self.cutoffs[-1])

    def add(
        self, first: int, ranked: NDArray[np.int32], indptr: NDArray[np.int64], indices: NDArray[np.int32]
    ) -> None:
        """Take the lists of the users from number `first` on, and the relevant items of each."""
        block = slice(first, first + len(ranked))
        kernel.ranking(
            ranked, indptr, indices, self.cutoffs, self.discount, self.ideal, self.hits[block], self.num_threads
        )
        if self.novelty is not None and self.information is not None:
            kernel.means(ranked, self.information, self.cutoffs, self.novelty[block], self.num_threads)
        if self.diversity is not None and self.units is not None:
            out = self.diversity[block]
            kernel.diversity(ranked, self.units, self.cutoffs, self.workspace, out, self.num_threads)
        start = 0
        for shown, end in zip(self.shown, self.cutoffs, strict=True):
            part = ranked[:, start:end].ravel()
            shown += np.bincount(part[part >= 0], minlength=len(shown))
            start = int(end)

    def per_user(self) -> dict[str, NDArray[np.float64]]:
        """Users x cut-offs for each metric of one list."""
        values = {name: self.hits[:, row, :] for row, name in enumerate(kernel.ROWS)}
        if self.novelty is not None:
            values["novelty"] = self.novelty
        if self.diversity is not None:
            values["diversity"] = self.diversity
        return values

    def catalogue(self) -> dict[str, list[float]]:
        """A figure for each cut-off for each metric of all lists together."""
        times = np.cumsum(self.shown, axis=0)
        return {
            "coverage": [float((row > 0).mean()) if len(row) else 0.0 for row in times],
            "gini": [gini(row) for row in times],
        }


def gini(times: NDArray[Any]) -> float:
    """Gini coefficient of numbers >= 0: sum_j (2 j - n - 1) x_j / (n sum x) over the sorted x_1 <= ... <= x_n."""
    n, total = len(times), float(times.sum())
    if total == 0:
        return 0.0
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(times).astype(np.float64)) / (n * total)


def self_information(counts: NDArray[np.int64], n_users: int) -> NDArray[np.float64]:
    """-log2 of the share of users who have each item; an item nobody has counts as had by one."""
    return np.log2(max(n_users, 1)) - np.log2(np.maximum(counts, 1))
