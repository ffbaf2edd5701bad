"""Approximate search by inner product through faiss: HNSW graphs and inverted lists.

An index finds rows that are likely the best; whoever asks it computes the scores.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf._optional import require

# What each kind can be given, and what it gets otherwise.
PARAMETERS: dict[str, dict[str, int | None]] = {
    "exact": {},
    "hnsw": {"m": 16, "ef_construction": 200, "ef_search": 128},
    "ivf": {"n_lists": None, "n_probe": 32},
}
EFFORT = {"hnsw": "ef_search", "ivf": "n_probe"}  # the parameter that buys recall, also after the build
LEAST = {"m": 2}  # the others: 1
MOST = 2**31 - 1  # faiss keeps these in C integers


def parameters_of(kind: str, n_items: int, given: dict[str, Any]) -> dict[str, int]:
    """The parameters of a kind, checked; None stands for the default, of which n_lists depends on the items."""
    for name, value in given.items():
        if value is not None and name not in PARAMETERS[kind]:
            raise ValueError(
                f"{name} must be None for the kind {kind!r}, which has no such, got {_checks.shown(value)}"
            )
    return {
        name: parameter(name, default if given.get(name) is None else given[name], n_items)
        for name, default in PARAMETERS[kind].items()
    }


def parameter(name: str, value: Any, n_items: int) -> int:
    """One parameter, checked; no more lists than items."""
    if value is None:  # n_lists
        value = max(1, min(n_items, round(2 * n_items**0.5)))
    return _checks.integer(name, value, LEAST.get(name, 1), max(1, n_items) if name == "n_lists" else MOST)


def build(
    kind: str, items: NDArray[Any], item_bias: NDArray[Any] | None, parameters: dict[str, int], threads: int
) -> Any:
    """A faiss index of the items, in float32; None where there is nothing to index.

    A bias is one more dimension. All is divided by one number, which changes no order and keeps products in range.
    For inverted lists a further dimension gives all rows one length (Bachrach et al. 2014, "Speeding up the Xbox
    recommender system"): without it long rows gather in a few lists. HNSW does better on the plain rows: the queries
    of a model with biases are far from rows so lifted.
    """
    faiss = require("faiss", "ann")
    plain = items if item_bias is None else np.column_stack([items, item_bias])
    if plain.size == 0:
        return None
    vectors = (plain / (np.abs(plain).max() or 1.0)).astype(np.float32)
    if kind == "ivf":
        squares = np.square(vectors, dtype=np.float64).sum(axis=1)
        vectors = np.column_stack([vectors, np.sqrt(squares.max() - squares).astype(np.float32)])
    columns, metric = vectors.shape[1], faiss.METRIC_INNER_PRODUCT
    with _team(faiss, threads):
        if kind == "hnsw":
            index = faiss.IndexHNSWFlat(columns, parameters["m"], metric)
            index.hnsw.efConstruction = parameters["ef_construction"]
        else:
            index = faiss.IndexIVFFlat(faiss.IndexFlat(columns, metric), columns, parameters["n_lists"], metric)
            index.cp.min_points_per_centroid = 1  # fewer are allowed here, and no reason to print a warning
            index.train(vectors)
        index.add(vectors)
    return index


def nearest(
    index: Any, queries: NDArray[Any], has_bias: bool, fetch: int, effort: int, threads: int
) -> NDArray[np.int64]:
    """Rows likely to have the highest inner products with each query, (n, fetch), -1 where it found fewer.

    `effort` is ef_search or n_probe.
    """
    faiss = require("faiss", "ann")
    vectors = np.zeros((len(queries), index.d), np.float32)
    largest = np.abs(queries).max(axis=1, initial=float(has_bias))
    largest[largest == 0] = 1.0
    vectors[:, : queries.shape[1]] = queries / largest[:, None]
    if has_bias:
        vectors[:, queries.shape[1]] = 1.0 / largest
    if isinstance(index, faiss.IndexHNSWFlat):
        how = faiss.SearchParametersHNSW(efSearch=min(max(effort, fetch), MOST))
    else:
        how = faiss.SearchParametersIVF(nprobe=min(effort, index.nlist))
    with _team(faiss, threads):
        found: NDArray[np.int64] = index.search(vectors, fetch, params=how)[1]
    return found


def to_array(index: Any) -> NDArray[np.uint8]:
    """The bytes of an index."""
    data: NDArray[np.uint8] = require("faiss", "ann").serialize_index(index)
    return data


def from_array(data: NDArray[np.uint8], kind: str, n_items: int, columns: int) -> Any:
    """The index that `to_array` gave the bytes of; ValueError if they hold no such index of `n_items` rows."""
    faiss = require("faiss", "ann")
    try:
        index = faiss.deserialize_index(np.array(data))
    except Exception as error:  # faiss raises RuntimeError, and others as its versions differ
        raise ValueError(f"faiss cannot read its index: {error}") from error
    wanted = faiss.IndexHNSWFlat if kind == "hnsw" else faiss.IndexIVFFlat
    if not isinstance(index, wanted) or (index.ntotal, index.d) != (n_items, columns + (kind == "ivf")):
        raise ValueError(f"the index of faiss must be a {wanted.__name__} of the items")
    return index


@contextlib.contextmanager
def _team(faiss: Any, threads: int) -> Iterator[None]:
    """Let faiss use so many threads when this thread calls it; it keeps the number for each calling thread."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(threads)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)
