"""Lists for implicit's methods: the best of all, or of a few, and where those go that a user already has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf.compat.implicit._arguments import Rows, only_one
from fastmf.retrieval import top_k

Lists = tuple[NDArray[Any], NDArray[Any]]


def recommended(
    queries: NDArray[Any],
    factors: NDArray[Any],
    N: int,
    liked: Rows | None,
    filter_items: ArrayLike | None,
    items: ArrayLike | None,
    num_threads: int,
) -> Lists:
    """The lists of `recommend`."""
    N = _checks.integer("N", N, 1)
    only_one("items", items, "filter_items", filter_items)
    if items is None:
        without = _of("filter_items", filter_items, len(factors), "items")
        return top_k(queries, factors, N, seen=liked, exclude=without, num_threads=num_threads)
    chosen, dtype = _chosen("items", items, len(factors), "items")
    N = min(N, len(chosen))
    ids, scores = top_k(queries, factors, N, seen=liked, candidates=chosen, num_threads=num_threads)
    if liked is not None:
        _append_liked(ids, scores, liked, chosen, len(factors))
    return ids.astype(dtype), scores


def _append_liked(
    ids: NDArray[np.int32], scores: NDArray[Any], liked: Rows, chosen: NDArray[np.int64], n_items: int
) -> None:
    """Write the liked ones among the chosen items behind the others, by number, with the lowest finite score."""
    is_chosen = np.zeros(n_items, bool)
    is_chosen[chosen] = True
    indptr, indices = liked
    among = is_chosen[indices]
    before = np.concatenate([[0], np.cumsum(among)])
    row = np.repeat(np.arange(len(ids)), np.diff(indptr))[among]
    number = np.arange(len(row)) - before[indptr[row]]  # of an entry among those of its row
    place = (ids >= 0).sum(axis=1)[row] + number
    fits = place < ids.shape[1]
    at = row[fits], place[fits]
    ids[at] = indices[among][fits]
    scores[at] = np.finfo(scores.dtype).min


def similar(
    queries: NDArray[Any],
    factors: NDArray[Any],
    N: int,
    what: str,
    without: ArrayLike | None,
    only: ArrayLike | None,
    num_threads: int,
) -> Lists:
    """The lists of `similar_items` and `similar_users`; `what` is "items" or "users"."""
    N = _checks.integer("N", N, 1)
    only_one(what, only, f"filter_{what}", without)
    excluded = _of(f"filter_{what}", without, len(factors), what)
    chosen, dtype = (None, np.dtype(np.int32)) if only is None else _chosen(what, only, len(factors), what)
    ids, scores = top_k(
        queries, factors, N, metric="cosine", exclude=excluded, candidates=chosen, num_threads=num_threads
    )
    return ids.astype(dtype, copy=False), scores


def _of(name: str, value: ArrayLike | None, size: int, what: str) -> NDArray[np.int64] | None:
    return None if value is None else _checks.positions(name, value, size, what)


def _chosen(name: str, value: ArrayLike, size: int, what: str) -> tuple[NDArray[np.int64], np.dtype[Any]]:
    """The numbers asked for, ascending and each once, and the dtype in which to give them back."""
    found = np.unique(_checks.positions(name, value, size, what))
    if not len(found):
        raise ValueError(f"{name} must hold at least one number, got {_checks.shown(value)}")
    dtype = np.asarray(value).dtype
    return found, dtype if dtype.kind == "i" else np.dtype(np.int64)
