"""Items in an order that lets a search skip those that cannot reach a list: by Cauchy and Schwarz, the short ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf.kernels.objective import squared_norms


@dataclass(frozen=True, eq=False)
class LongestFirst:
    """The order of items, and the arrays it was made of, which must not change while it is used."""

    factors: NDArray[Any]
    bias: NDArray[Any] | None
    items: NDArray[np.int32]
    lengths: NDArray[Any]  # of the rows, by item number

    def within(self, subset: NDArray[np.int32] | None) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """The items of the subset in this order, and the lengths of their rows."""
        items = self.items
        if subset is not None:
            chosen = np.zeros(len(self.lengths), bool)
            chosen[subset] = True
            items = items[chosen[items]]
        return items, self.lengths[items]


def longest_first(
    factors: NDArray[Any], bias: NDArray[Any] | None, query_length: float, num_threads: int
) -> LongestFirst | None:
    """The items by what they may score with a query of this length, highest first; None where something is not finite.

    Only how much is skipped depends on the length, never a result. `factors` are C-contiguous, float32 or float64.
    """
    squares = np.empty(len(factors))
    squared_norms(factors, squares, num_threads)
    if not squares.max(initial=0.0) <= np.finfo(factors.dtype).max:
        return None  # whatever is not finite must be met
    lengths = np.sqrt(squares)
    reach = lengths if bias is None else lengths * query_length + bias
    items = np.argsort(-reach, kind="stable").astype(np.int32)
    return LongestFirst(factors, bias, items, lengths.astype(factors.dtype))


def middling_length(queries: NDArray[Any]) -> float:
    """Of about a thousand of the queries."""
    some = queries[:: max(1, len(queries) // 1000)]
    return float(np.sqrt(np.square(some, dtype=np.float64).sum(axis=1).mean())) if len(some) else 0.0
