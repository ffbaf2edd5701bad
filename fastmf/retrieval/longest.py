"""Items in an order that lets a search skip those that cannot reach a list: by Cauchy and Schwarz, the short ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks, _threads
from fastmf.kernels.objective import squared_norms


@dataclass(frozen=True, eq=False)
class LongestFirst:
    """The order of items, and the arrays it was made of, which must not change while it is used."""

    factors: ArrayLike
    bias: ArrayLike | None
    items: NDArray[np.int32]
    lengths: NDArray[Any]  # of their rows, in this order

    def within(self, subset: NDArray[np.int32] | None) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """The items of the subset in this order, and the lengths of their rows."""
        if subset is None:
            return self.items, self.lengths
        chosen = np.zeros(len(self.items), bool)
        chosen[subset] = True
        kept = chosen[self.items]
        return self.items[kept], self.lengths[kept]


def checked_order(
    order: LongestFirst | None, items: ArrayLike, item_bias: ArrayLike | None, Y: NDArray[Any]
) -> LongestFirst | None:
    """An order of these very arrays; None where it is of no use, since Y, the items converted, is of another type."""
    if order is None:
        return None
    if not (order.factors is items and order.bias is item_bias and len(order.items) == len(Y)):
        raise ValueError("order must be what longest_first gave for these items and this item_bias")
    return order if order.lengths.dtype == Y.dtype else None


def longest_first(
    items: ArrayLike,
    item_bias: ArrayLike | None = None,
    *,
    queries: ArrayLike | None = None,
    num_threads: int | None = None,
) -> LongestFirst | None:
    """The order of items that `top_k` may be given again and again, while these arrays do not change.

    Parameters
    ----------
    items : array of shape (n_items, factors)
    item_bias : array of shape (n_items,), optional
        The very arrays that `top_k` will be given.
    queries : array of shape (n, factors), optional
        Some like those that will be asked, by default the items. With biases the order is the better for them; only
        how much is skipped depends on it, never a result.
    num_threads : int, optional
        By default as many as the process may use.

    Returns
    -------
    LongestFirst or None
        The items by what they may score with a query of middling length, highest first; None where there are none, or
        something is not finite: `top_k` takes it for no order.

    Raises
    ------
    TypeError, ValueError
        An array is of the wrong kind or shape.

    Examples
    --------
    >>> import numpy as np
    >>> from fastmf.retrieval import longest_first, top_k
    >>> items = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 2.0]])
    >>> order = longest_first(items)
    >>> order.items
    array([1, 2, 0], dtype=int32)
    >>> top_k([[1.0, 1.0]], items, k=1, order=order)[0]
    array([[1]], dtype=int32)
    """
    Y = _checks.matrix("items", items)
    bias = None if item_bias is None else _checks.finite_vector("item_bias", item_bias, len(Y))
    squares = np.empty(len(Y))
    if Y.size:
        squared_norms(Y, squares, _threads.effective(num_threads).count)
    if not Y.size or not squares.max() <= np.finfo(Y.dtype).max:
        return None  # whatever is not finite must be met
    lengths = np.sqrt(squares)
    reach = lengths
    if bias is not None:
        reach = lengths * middling_length(Y if queries is None else _checks.matrix("queries", queries)) + bias
    order = np.argsort(-reach, kind="stable").astype(np.int32)
    lengths = lengths[order].astype(Y.dtype)
    order.flags.writeable = lengths.flags.writeable = False  # kernels read at these numbers
    return LongestFirst(items, item_bias, order, lengths)


def middling_length(queries: NDArray[Any]) -> float:
    """Of about a thousand of the queries."""
    some = queries[:: max(1, len(queries) // 1000)]
    return float(np.sqrt(np.square(some, dtype=np.float64).sum(axis=1).mean())) if len(some) else 0.0
