"""Counting up the metrics of ranked lists that come block by block."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf.data import csr
from fastmf.data.summary import gini
from fastmf.evaluation.alignment import Rows
from fastmf.kernels import metrics as kernel


class ListTally:
    """The metrics of ranked lists that come in block by block, and how often each item was shown.

    Parameters
    ----------
    n_users, n_items : int
        How many lists there will be, and the size of the catalogue.
    cutoffs : tuple of int
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
        cutoffs: tuple[int, ...],
        information: NDArray[np.float64] | None,
        vectors: NDArray[Any] | None,
        num_threads: int,
    ) -> None:
        self.cutoffs = np.array(cutoffs, np.int64)
        self.length = min(cutoffs[-1], n_items)  # of the lists: none can be longer than the catalogue
        self.information, self.num_threads = information, num_threads
        self.discount = 1.0 / np.log2(np.arange(2, self.length + 2))
        self.ideal = np.concatenate([[0.0], np.cumsum(self.discount)])
        self.hits = np.empty((n_users, len(kernel.ROWS), len(cutoffs)))
        self.novelty = None if information is None else np.empty((n_users, len(cutoffs)))
        self.diversity = self.units = None
        if vectors is not None:
            norms = np.linalg.norm(vectors, axis=1, keepdims=True)
            self.units = np.ascontiguousarray(vectors / np.where(norms > 0, norms, 1))
            self.squares = np.square(self.units, dtype=np.float64).sum(axis=1)
            self.workspace = np.empty((num_threads, -(-max(vectors.shape[1], 1) // 8) * 8))  # whole cache lines
            self.diversity = np.empty((n_users, len(cutoffs)))
        self.shown = np.zeros((len(cutoffs), n_items), np.int64)  # between one cut-off and the next

    def add(self, first: int, ranked: NDArray[np.int32], indptr: NDArray[np.int64], indices: NDArray[np.int32]) -> None:
        """Take the lists of the users from number `first` on, and the relevant items of each."""
        block = slice(first, first + len(ranked))
        kernel.ranking(
            ranked, indptr, indices, self.cutoffs, self.discount, self.ideal, self.hits[block], self.num_threads
        )
        if self.novelty is not None and self.information is not None:
            kernel.means(ranked, self.information, self.cutoffs, self.novelty[block], self.num_threads)
        if self.diversity is not None and self.units is not None:
            out = self.diversity[block]
            kernel.diversity(ranked, self.units, self.squares, self.cutoffs, self.workspace, out, self.num_threads)
        start = 0
        for shown, end in zip(self.shown, self.cutoffs, strict=True):
            part = ranked[:, start:end].ravel()  # empty beyond the length of the lists
            shown += csr.counts(part[part >= 0], len(shown), self.num_threads)
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
        return {"coverage": [float((row > 0).mean()) for row in times], "gini": [gini(row) for row in times]}


def self_information(counts: NDArray[np.int64], n_users: int) -> NDArray[np.float64]:
    """-log2 of the share of users who have each item; an item nobody has counts as had by one."""
    information: NDArray[np.float64] = np.log2(max(n_users, 1)) - np.log2(np.maximum(counts, 1))
    return information


def tally_of(
    names: tuple[str, ...],
    cutoffs: tuple[int, ...],
    n_users: int,
    n_items: int,
    seen: Rows | None,
    vectors: NDArray[Any] | None,
    threads: int,
    notes: list[str],
) -> ListTally:
    """A tally of the wanted metrics, and notes on those of them that lack what they need."""
    information = None
    if "novelty" in names:
        if seen is None:
            notes.append("novelty is left out: it needs train, for how popular an item is")
        else:
            information = self_information(csr.counts(seen[1], n_items, threads), int((np.diff(seen[0]) > 0).sum()))
    if "diversity" in names and (vectors is None or vectors.shape[1] == 0):
        notes.append("diversity is left out: there are no vectors to compare items by, give item_vectors")
        vectors = None
    return ListTally(n_users, n_items, cutoffs, information, vectors if "diversity" in names else None, threads)


def collected(names: tuple[str, ...], tally: ListTally) -> tuple[dict[str, float], dict[str, NDArray[np.float64]]]:
    """Figures and values per user of the wanted metrics of lists, by name and cut-off, in the order of the table."""
    figures, values = {}, {}
    per_user, catalogue = tally.per_user(), tally.catalogue()
    for name in names:
        for number, k in enumerate(tally.cutoffs.tolist()):
            if name in per_user:
                values[f"{name}@{k}"] = column = per_user[name][:, number]
                figures[f"{name}@{k}"] = float(column.mean())
            elif name in catalogue:
                figures[f"{name}@{k}"] = catalogue[name][number]
    return figures, values


def checked_vectors(item_vectors: ArrayLike | None, n_items: int) -> NDArray[Any] | None:
    """The vectors to compare items by as float64, or None if none are given."""
    if item_vectors is None:
        return None
    vectors = np.asarray(item_vectors)
    if vectors.ndim != 2 or len(vectors) != n_items or vectors.shape[1] == 0 or vectors.dtype.kind not in "biuf":
        raise ValueError(f"item_vectors must be numbers of shape ({n_items}, dimensions), got {_checks.shown(vectors)}")
    if not np.isfinite(vectors).all():
        raise ValueError("item_vectors must hold finite numbers, got NaN or infinity")
    return vectors.astype(np.float64, copy=False)
