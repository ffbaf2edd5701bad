"""Approximate lists under the contract of exact ones: candidates from faiss, scores from the factors, all filters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf.data.csr import positions_of
from fastmf.retrieval import ann
from fastmf.retrieval.among import top_k_among
from fastmf.retrieval.arguments import Lists
from fastmf.retrieval.exact import top_k

EXACT_FROM = 4  # a search that wants a row in so many, or more of them, is left to the exact one
LONGEST = 32  # items that a search of a graph always looks at
PIECE = 1 << 18  # candidates at once: some 60 bytes each, and a chance for Ctrl-C after them
ROUNDING = 2e-6  # of a score in float32, whose relative precision is 1.2e-7, after a sum of some hundred products


@dataclass(frozen=True)
class Approximate:
    """What an approximate search needs, and what its recall is measured on."""

    kind: str
    rows: NDArray[Any]  # score: inner product with a query, plus the row's bias
    bias: NDArray[Any] | None
    parameters: dict[str, int]
    found: Any  # the index of faiss over rows and biases; None where there is nothing to index
    sample: NDArray[Any]  # queries
    best: NDArray[Any]  # scores of their exact lists

    @cached_property
    def always(self) -> NDArray[np.int64]:
        """Items that are candidates of every query: the longest ones, biases included, of a graph.

        Items far longer than others, which score best with most queries, draw the links of all the others to
        themselves, until the walk from one to the other is lost.
        """
        if self.kind != "hnsw":
            return np.empty(0, np.int64)
        rows = self.rows if self.bias is None else np.column_stack([self.rows, self.bias])
        lengths = np.square(rows / (np.abs(rows).max(initial=0) or 1)).sum(axis=1)
        return np.sort(np.argsort(-lengths, kind="stable")[:LONGEST])

    @property
    def effort(self) -> int:
        """What buys recall."""
        return self.parameters[ann.EFFORT[self.kind]]

    def recall(self, threads: int) -> float:
        """Share of the exact lists of the sample that a search finds now."""
        return share_found(self.search(self.sample, self.best.shape[1], None, None, threads)[1], self.best)

    def search(
        self, Q: NDArray[Any], k: int, seen: Lists | None, exclude: NDArray[np.int64] | None, threads: int
    ) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Item numbers and scores; the arguments are checked.

        A query is first searched for as many rows as its filters may hide besides k. Where that leaves its list short
        it is searched again for twice as many, with twice the effort, and in the end exactly. What is done for one
        query never depends on another.
        """
        n_items = len(self.rows)
        ids, scores = np.full((len(Q), k), -1, np.int32), np.full((len(Q), k), -np.inf, Q.dtype)
        left = n_items if exclude is None else n_items - len(np.unique(exclude))
        hidden = np.zeros(len(Q), np.int64) if seen is None else np.diff(seen[0])
        wanted = np.clip((k + hidden) * (n_items / max(1, left)), 1, n_items + 1)
        fetch = np.exp2(np.ceil(np.log2(wanted))).astype(np.int64)  # powers of two, so that many queries go together
        effort, waiting = self.effort, np.arange(len(Q))

        def filters(part: NDArray[np.int64]) -> dict[str, Any]:
            rows = None if seen is None else _rows_at(seen, part)
            return {"item_bias": self.bias, "seen": rows, "exclude": exclude, "num_threads": threads}

        def choose(part: NDArray[np.int64], found: NDArray[Any]) -> None:
            ids[part], scores[part] = top_k_among(Q[part], self.rows, _candidates(found), k, **filters(part))

        while len(waiting):
            exactly = (fetch[waiting] * EXACT_FROM > n_items) | (self.found is None)
            for part in _parts(waiting[exactly], k):
                choose(part, top_k(Q[part], self.rows, k, **filters(part))[0])
            waiting = waiting[~exactly]
            for size in np.unique(fetch[waiting]).tolist():
                for part in _parts(waiting[fetch[waiting] == size], size + k):
                    choose(part, ann.nearest(self.found, Q[part], self.bias is not None, size, effort, threads))
            waiting = waiting[ids[waiting, -1] < 0]
            fetch[waiting] *= 2
            effort *= 2
        if len(self.always):  # only now: a list that these fill is none that was searched for
            for part in _parts(np.arange(len(Q)), k + len(self.always)):
                choose(part, np.column_stack([ids[part], np.broadcast_to(self.always, (len(part), len(self.always)))]))
        return ids, scores


def _parts(queries: NDArray[np.int64], each: int) -> Iterator[NDArray[np.int64]]:
    """The queries, as many at once as have PIECE candidates if each has so many."""
    step = max(1, PIECE // each)
    return (queries[at : at + step] for at in range(0, len(queries), step))


def _rows_at(lists: Lists, rows: NDArray[np.int64]) -> Lists:
    indptr, positions = positions_of(lists[0], rows)
    return indptr, lists[1][positions]


def _candidates(found: NDArray[Any]) -> Lists:
    """What was found as compressed rows: ascending, without -1, each once."""
    ordered = np.sort(found, axis=1)
    there = ordered >= 0
    there[:, 1:] &= ordered[:, 1:] != ordered[:, :-1]
    return np.concatenate([[0], np.cumsum(there.sum(axis=1))]), ordered[there].astype(np.int32)


def unit(rows: NDArray[Any]) -> NDArray[Any]:
    """The rows scaled to length 1; zeros stay zeros."""
    largest = np.abs(rows).max(axis=1, initial=0, keepdims=True)
    largest[largest == 0] = 1
    rows = rows / largest
    length = np.sqrt(np.square(rows, dtype=np.float64).sum(axis=1, keepdims=True))
    length[length == 0] = 1
    unit_rows: NDArray[Any] = (rows / length).astype(rows.dtype)
    return unit_rows


def share_found(scores: NDArray[Any], best: NDArray[Any]) -> float:
    """Recall, from the scores of lists found and of exact ones: mean share of the places that are as good; or nan.

    An item counts if its score is that of the last one in the exact list or higher, up to rounding: among items that
    score the same, one is as good as another.
    """
    last = np.min(best, axis=1, initial=np.inf, where=np.isfinite(best))[:, None]
    good = scores >= last - ROUNDING * np.abs(last)
    there = np.isfinite(best)
    return float(good[there].mean()) if there.any() else float("nan")
