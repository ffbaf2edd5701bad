"""What the splits share: the masks that say which entries are held out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks, _random
from fastmf.data import Ratings
from fastmf.models._intake import as_ratings

# Streams of random numbers, one for each use.
RANDOM, STRATIFIED, STRATIFIED_ROWS, USERS, USERS_ROWS, FOLDS, LEAVE_OUT = (number << 32 for number in range(1, 8))


def to_split(ratings: object) -> Ratings:
    """What a split is given, as Ratings with at least two entries."""
    checked = as_ratings(ratings)
    if checked.nnz < 2:
        raise ValueError(f"ratings must have at least two entries to be split, got {checked.nnz}")
    return checked


def times_of(ratings: Ratings, split: str) -> NDArray[Any]:
    """The time of each entry, or an error that names the split that needs it."""
    if ratings.timestamps is None:
        raise ValueError(f"{split} needs the time of each entry; these ratings were made without timestamps")
    return ratings.timestamps


def n_of_each_user(ratings: Ratings, n: Any) -> NDArray[np.int64]:
    """How many entries of each user to hold out: n, or none of one who would have nothing left."""
    n = _checks.integer("n", n, 1)
    counts = ratings.user_counts
    if counts.max() <= n:
        raise ValueError(
            f"n must be less than the entries of some user, got {n}; the most of any user is {counts.max()}"
        )
    return np.where(counts > n, n, 0)


def parts(ratings: Ratings, mask: NDArray[np.bool_]) -> tuple[Ratings, Ratings]:
    """The entries outside the mask, and those inside."""
    return ratings.select(~mask), ratings.select(mask)


def random_of_each_row(ratings: Ratings, held_out: NDArray[np.int64], seed: int, stream: int) -> NDArray[np.bool_]:
    """Mask of `held_out[u]` entries of each row u, drawn at random."""
    draws = _random.bits(seed, stream, ratings.nnz) >> np.uint64(32)
    key = (ratings.row_numbers().astype(np.uint64) << np.uint64(32)) | draws
    return first_or_last(ratings, np.argsort(key, kind="stable"), held_out, last=False)


def first_or_last(
    ratings: Ratings, order: NDArray[np.int64], held_out: NDArray[np.int64], *, last: bool
) -> NDArray[np.bool_]:
    """Mask of the first or last `held_out[u]` entries of each row u; `order` sorts the entries within their rows."""
    rows = ratings.row_numbers()
    place = np.arange(ratings.nnz) - ratings.indptr[rows]
    chosen = place >= (ratings.user_counts - held_out)[rows] if last else place < held_out[rows]
    mask = np.empty(ratings.nnz, bool)
    mask[order] = chosen
    return mask
