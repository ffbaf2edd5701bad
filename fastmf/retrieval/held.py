"""What an index holds, and how much of the best it finds with its parameters, as everybody may read it."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from fastmf import _threads
from fastmf.data import IdMap
from fastmf.retrieval import ann
from fastmf.retrieval.longest import LongestFirst, longest_first
from fastmf.retrieval.stored import Contents

RECALL_AT = 10


class Held:
    """The contents of an index, its recall and its parameters."""

    def _hold(self, contents: Contents, num_threads: int | None) -> None:
        for array in (contents.items, contents.item_bias):
            if array is not None:
                array.flags.writeable = False
        self._contents, self.num_threads = contents, num_threads
        self._measured: tuple[int, float] | None = None

    @cached_property
    def _order(self) -> LongestFirst | None:
        """The items in the order of an exact search; made with the first."""
        return None if self.metric == "cosine" else longest_first(self.items, self.item_bias, num_threads=1)

    @property
    def items(self) -> NDArray[Any]:
        """The factors, as given; read-only."""
        return self._contents.items

    @property
    def item_bias(self) -> NDArray[Any] | None:
        """The biases, as given, or None; read-only."""
        return self._contents.item_bias

    @property
    def ids(self) -> IdMap | None:
        """Ids of the items, or None where their numbers are the ids."""
        return self._contents.ids

    @property
    def metric(self) -> str:
        """The score: "dot" or "cosine"."""
        return self._contents.metric

    @property
    def kind(self) -> str:
        """How it searches: "exact", "hnsw" or "ivf"."""
        return self._contents.kind

    @property
    def recall(self) -> float:
        """Share of the 10 best items that `search` finds, with the parameters as they are now.

        The mean over the sample the index was built with; 1 for "exact", nan where there is no sample.
        """
        approximate = self._contents.approximate
        if approximate is None:
            return 1.0
        effort, measured = approximate.effort, self._measured
        if measured is None or measured[0] != effort:
            measured = self._measured = effort, approximate.recall(self._team(None))
        return measured[1]

    @property
    def parameters(self) -> dict[str, int]:
        """m, ef_construction and ef_search, or n_lists and n_probe, as they are now."""
        return {} if self._contents.approximate is None else dict(self._contents.approximate.parameters)

    @property
    def ef_search(self) -> int:
        """Candidates held during a search of "hnsw". It may be set."""
        return self._own("ef_search")["ef_search"]

    @ef_search.setter
    def ef_search(self, value: int) -> None:
        self._own("ef_search")["ef_search"] = ann.parameter("ef_search", value, len(self.items))

    @property
    def n_probe(self) -> int:
        """Clusters that a search of "ivf" looks through. It may be set."""
        return self._own("n_probe")["n_probe"]

    @n_probe.setter
    def n_probe(self, value: int) -> None:
        self._own("n_probe")["n_probe"] = ann.parameter("n_probe", value, len(self.items))

    def _own(self, name: str) -> dict[str, int]:
        approximate = self._contents.approximate
        if approximate is None or name not in approximate.parameters:
            raise AttributeError(f"an index of the kind {self.kind!r} has no {name}")
        return approximate.parameters

    def __repr__(self) -> str:
        shown = f"Index({len(self.items)} items, {self.items.shape[1]} factors, {self.metric}, {self.kind}"
        if self._contents.approximate is None:
            return f"{shown})"
        parameters = "".join(f", {name}={value}" for name, value in self.parameters.items())
        return f"{shown}{parameters}: recall@{RECALL_AT} {self.recall:.4f})"

    def _team(self, num_threads: int | None) -> int:
        return _threads.effective(self.num_threads if num_threads is None else num_threads).count
