"""implicit.cpu.topk: the rows with the largest inner products, as wrappers of implicit call it."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike

from fastmf import _checks
from fastmf.compat.implicit._arguments import columns_within, rows_of, threads_of
from fastmf.compat.implicit._lists import Lists
from fastmf.compat.implicit.utils import check_structure
from fastmf.retrieval import top_k


def topk(
    items: ArrayLike,
    query: ArrayLike,
    k: int,
    item_norms: ArrayLike | None = None,
    filter_query_items: Any = None,
    filter_items: ArrayLike | None = None,
    num_threads: int = 0,
) -> Lists:
    """The k items with the highest scores for each query.

    Parameters
    ----------
    items : array of shape (n_items, factors)
    query : array of shape (n, factors), or (factors,) for one query
    k : int
        Length of a list, at least 1.
    item_norms : array of shape (n_items,), optional
        Greater than 0: a score is the inner product over the item's number here, the length of its row for instance.
    filter_query_items : csr_matrix or csr_array of shape (n, n_items), optional
        Items to leave out for each query: the stored entries, whatever their value.
    filter_items : array_like of int, optional
        Items to leave out for all queries.
    num_threads : int, default 0
        Threads; 0 uses all there are. The results are the same for any number.

    Returns
    -------
    ids : int32 array of shape (n, k)
        Items by descending score, equal scores by ascending number. Where fewer than k items remain, a list ends in -1.
    scores : array of shape (n, k)
        float32 if items and queries are, else float64; minus infinity where the id is -1.

    Raises
    ------
    TypeError, ValueError, IndexError
        An argument is of the wrong kind or shape, not finite, or out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmf.compat.implicit.cpu.topk import topk
    >>> ids, scores = topk(np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]]), np.array([1.0, 1.0]), 2)
    >>> ids, scores
    (array([[2, 1]], dtype=int32), array([[7., 2.]]))
    """
    several = query[None] if isinstance(query, np.ndarray) and query.ndim == 1 else query
    factors, queries = _checks.matrix("items", items), _checks.matrix("query", several)
    if item_norms is not None:
        norms = _checks.finite_vector("item_norms", item_norms, len(factors), minimum=0.0)
        if not norms.all():
            raise ValueError(f"item_norms must be greater than 0, got 0.0 at position {int(np.argmin(norms))}")
        factors = (factors / norms[:, None]).astype(factors.dtype, copy=False)
    hidden = None
    if filter_query_items is not None:
        if not sp.issparse(filter_query_items) or filter_query_items.format != "csr":
            raise ValueError(
                f"filter_query_items must be a csr_matrix or csr_array, got {_checks.shown(filter_query_items)}"
            )
        check_structure("filter_query_items", filter_query_items)
        if filter_query_items.shape[0] != len(queries):
            raise ValueError(
                f"filter_query_items must have a row for each of the {len(queries)} queries, "
                f"got {filter_query_items.shape[0]}"
            )
        columns_within("filter_query_items", filter_query_items, len(factors), "items")
        hidden = rows_of(filter_query_items)
    without = None if filter_items is None else _checks.positions("filter_items", filter_items, len(factors), "items")
    return top_k(queries, factors, k, seen=hidden, exclude=without, num_threads=threads_of(num_threads))
