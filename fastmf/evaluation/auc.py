"""The area under the ROC curve, of each user, over the whole catalogue."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf.evaluation.alignment import Rows
from fastmf.models._state import State
from fastmf.retrieval import lost_pairs, top_k_and_lost_pairs


def auc_of_users(
    state: State, users: NDArray[np.int64], relevant: Rows, excluded: Rows | None, num_threads: int
) -> NDArray[np.float64]:
    """Probability that a relevant item of each user outranks one neither relevant nor excluded, ties half.

    1/2 for a user without any item that is neither.
    """
    lost = lost_pairs(*_sides(state, users), relevant, **_common(state, excluded, num_threads))
    return _share_won(lost, len(state.item_factors), relevant, excluded)


def lists_and_auc(
    state: State, users: NDArray[np.int64], length: int, relevant: Rows, excluded: Rows | None, num_threads: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """The best items of each user that are not excluded, and what `auc_of_users` gives, by scores made once."""
    ranked, _, lost = top_k_and_lost_pairs(
        *_sides(state, users), length, relevant, **_common(state, excluded, num_threads)
    )
    return ranked, _share_won(lost, len(state.item_factors), relevant, excluded)


def _sides(state: State, users: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    return state.user_factors[users], state.item_factors


def _common(state: State, excluded: Rows | None, num_threads: int) -> dict[str, Any]:
    """What is given by name."""
    return {
        "item_bias": state.item_bias,
        "seen": excluded,
        "order": state.longest_items,
        "num_threads": num_threads,
    }


def _share_won(
    lost_twice: NDArray[np.int64], n_items: int, relevant: Rows, excluded: Rows | None
) -> NDArray[np.float64]:
    """Of the pairs that the n relevant items lose to anything, n^2 / 2 are lost among themselves, whatever their order:
    each of the n (n - 1) / 2 pairs once, and half a one by each with itself. The rest is lost to irrelevant items."""
    n = np.diff(relevant[0])
    others = n_items - n - (0 if excluded is None else np.diff(excluded[0]))
    return np.where(others > 0, 1 - (lost_twice - n * n) / np.maximum(2 * n * others, 1), 0.5)
