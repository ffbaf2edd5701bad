"""The area under the ROC curve, of each user, over the whole catalogue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastmf.evaluation.alignment import Rows
from fastmf.models._state import State
from fastmf.retrieval import rank_of


def auc_of_users(
    state: State, users: NDArray[np.int64], relevant: Rows, excluded: Rows | None, num_threads: int
) -> NDArray[np.float64]:
    """Probability that a relevant item of each user outranks one neither relevant nor excluded, ties half.

    With h_r items above relevant item r and e_r level with it, sum_r (h_r + e_r / 2) counts the pairs the relevant
    items lose. Among the n relevant ones themselves each pair is lost once, or twice by half: n (n - 1) / 2 in all,
    whatever their order. The rest is lost to irrelevant items. 1/2 for a user without any.
    """
    higher, level = rank_of(
        state.user_factors[users],
        state.item_factors,
        relevant,
        item_bias=state.item_bias,
        seen=excluded,
        all_level=True,
        num_threads=num_threads,
    )
    n = np.diff(relevant[0])
    twice_lost = np.add.reduceat(2 * higher + level, relevant[0][:-1]) - n * (n - 1)
    others = len(state.item_factors) - n - (0 if excluded is None else np.diff(excluded[0]))
    return np.where(others > 0, 1 - twice_lost / np.maximum(2 * n * others, 1), 0.5)
