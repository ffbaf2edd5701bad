"""Which entries to keep, and what weight each has: functions of arrays, under the methods of `Ratings`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data import csr
from fastmf.data.csr import Csr


def core(rows: Csr, n_items: int, min_user: int, min_item: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Masks of the users and items of the largest part in which all have as many entries as they must.

    It is found by leaving out users and items that have too few until none has; the order makes no difference.
    """
    row = csr.row_numbers(rows.indptr)
    column = rows.indices
    users, items = np.diff(rows.indptr), csr.counts(column, n_items)
    while True:
        kept = (users[row] >= min_user) & (items[column] >= min_item)
        if kept.all():
            break
        row, column = row[kept], column[kept]
        users, items = csr.counts(row, len(users)), csr.counts(column, n_items)
    return users >= min_user, items >= min_item


def bm25(rows: Csr, n_items: int, k1: float, b: float) -> NDArray[np.float64]:
    """Okapi BM25 of values as counts of terms: a user is a document, an item a term."""
    row = csr.row_numbers(rows.indptr)
    counts = rows.data.astype(np.float64)
    lengths = np.bincount(row, counts, len(rows.indptr) - 1)
    users, seen = _seen_by(rows, n_items)
    inverse = np.log1p((users - seen + 0.5) / (seen + 0.5))
    mean = lengths.sum() / users if users else 1.0
    norm = k1 * (1 - b + b * lengths / (mean or 1.0))
    weights: NDArray[np.float64] = inverse[rows.indices] * counts * (k1 + 1) / np.maximum(counts + norm[row], TINY)
    return weights


def tfidf(rows: Csr, n_items: int) -> NDArray[np.float64]:
    """Values times the logarithm of how rare their items are."""
    users, seen = _seen_by(rows, n_items)
    inverse = 1 + np.log((1 + users) / (1 + seen))
    weights: NDArray[np.float64] = rows.data.astype(np.float64) * inverse[rows.indices]
    return weights


TINY = np.finfo(np.float64).tiny  # a divisor where the length of a user is 0, and so is the count


def _seen_by(rows: Csr, n_items: int) -> tuple[int, NDArray[np.int64]]:
    """Number of users with entries, and of those that each item has."""
    return int(np.count_nonzero(np.diff(rows.indptr))), csr.counts(rows.indices, n_items)


def not_negative(data: NDArray[Any], what: str) -> None:
    """That no value is below zero."""
    if len(data) and data.min() < 0:
        at = int(np.argmin(data >= 0))
        raise ValueError(f"{what} must have values of at least 0, got {_checks.shown(data[at])} at entry {at}")
