"""The area under the ROC curve, of each user, over the whole catalogue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastmf.evaluation.alignment import Rows
from fastmf.models._state import State
from fastmf.retrieval import lost_pairs


def auc_of_users(
    state: State, users: NDArray[np.int64], relevant: Rows, excluded: Rows | None, num_threads: int
) -> NDArray[np.float64]:
    """Probability that a relevant item of each user outranks one neither relevant nor excluded, ties half.

    Of the pairs that the n relevant items lose to anything, n^2 / 2 are lost among themselves, whatever their order:
    each of the n (n - 1) / 2 pairs once, and half a one by each with itself. The rest is lost to irrelevant items.
    1/2 for a user without any.
    """
    lost_twice = lost_pairs(
        state.user_factors[users],
        state.item_factors,
        relevant,
        item_bias=state.item_bias,
        seen=excluded,
        num_threads=num_threads,
    )
    n = np.diff(relevant[0])
    others = len(state.item_factors) - n - (0 if excluded is None else np.diff(excluded[0]))
    return np.where(others > 0, 1 - (lost_twice - n * n) / np.maximum(2 * n * others, 1), 0.5)
