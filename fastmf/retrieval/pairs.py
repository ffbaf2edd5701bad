"""Pairs of items in which a given one scores less: what the area under the ROC curve counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _threads
from fastmf.kernels import topk
from fastmf.retrieval.arguments import check_finite, factors_of, pieces_of, rows_of, seen_and_targets


def lost_pairs(
    queries: ArrayLike,
    items: ArrayLike,
    targets: tuple[ArrayLike, ArrayLike],
    *,
    item_bias: ArrayLike | None = None,
    seen: tuple[ArrayLike, ArrayLike] | None = None,
    num_threads: int | None = None,
) -> NDArray[np.int64]:
    """For each query, how often another item scores higher than a target of the query, a tie counting half; times two.

    Parameters
    ----------
    queries : array of shape (n, factors)
    items : array of shape (n_items, factors)
        As in `top_k`.
    targets : (indptr, indices)
        As in `rank_of`, but each item at most once in a row.
    item_bias : array of shape (n_items,), optional
    seen : (indptr, indices), optional
        As in `top_k`: these do not count, not even as a target's tie with itself.
    num_threads : int, optional
        By default as many as the process may use. The result is the same for any number.

    Returns
    -------
    lost : int64 array of shape (n,)
        Over the targets t of a query and all items i not in `seen`: the number of pairs with s_i > s_t, plus that with
        s_i >= s_t. A target that is not in `seen` so counts 1 for itself.

    Raises
    ------
    TypeError, ValueError, IndexError
        As `top_k`.

    Examples
    --------
    >>> from fastmf.retrieval import lost_pairs
    >>> lost_pairs([[1.0]], [[2.0], [5.0], [2.0], [1.0]], targets=([0, 1], [2]))  # beaten by 5, level with 2 and itself
    array([4])
    """
    Q, Y, bias = factors_of(queries, items, item_bias)
    seen_lists, (indptr, indices) = seen_and_targets(seen, targets, len(Q), len(Y))
    threads = _threads.effective(num_threads).count
    check_finite("items", Y)
    scores = np.empty(len(indices), Q.dtype)
    lost = np.empty(len(Q), np.int64)
    for piece in pieces_of(len(Q), len(Y) * (Y.shape[1] + 1), threads):
        check_finite("queries", Q[piece])
        rows = indptr[piece.start : piece.stop + 1]
        topk.lost_pairs(
            Q[piece], Y, bias, *rows_of("seen", seen_lists, piece, len(Y)), rows, indices, scores, lost[piece], threads
        )
    return lost
