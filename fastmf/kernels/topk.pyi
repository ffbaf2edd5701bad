from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

F = TypeVar("F", np.float32, np.float64)
QUERIES_OF_A_BLOCK: int

def top_k(
    queries: NDArray[F],  # (n, factors)
    items: NDArray[F],  # (n_items, factors)
    bias: NDArray[F] | None,  # (n_items,)
    cosine: bool,
    subset: NDArray[np.int32] | None,  # item numbers, ascending; with norms in any order
    norms: NDArray[F] | None,  # lengths of the rows of the subset
    seen_indptr: NDArray[np.int64] | None,  # (n + 1,)
    seen_indices: NDArray[np.int32] | None,
    excluded_indptr: NDArray[np.int64] | None,  # (n + 1,)
    excluded_indices: NDArray[np.int32] | None,
    ids: NDArray[np.int32],  # (n, k), written
    scores: NDArray[F],  # (n, k), written
    num_threads: int,
) -> int: ...
def rank_of(
    queries: NDArray[F],  # (n, factors)
    items: NDArray[F],  # (n_items, factors)
    bias: NDArray[F] | None,  # (n_items,)
    seen_indptr: NDArray[np.int64] | None,  # (n + 1,)
    seen_indices: NDArray[np.int32] | None,
    target_indptr: NDArray[np.int64],  # (n + 1,)
    target_indices: NDArray[np.int32],
    scores: NDArray[F],  # one a target, written
    higher: NDArray[np.int64],  # one a target, written
    equal: NDArray[np.int64],  # one a target, written
    num_threads: int,
) -> None: ...
def coarse_shape(n_items: int, factors: int, biased: bool) -> tuple[int, int] | None: ...
def coarse_items(
    items: NDArray[F],  # (n_items, factors)
    bias: NDArray[F] | None,  # (n_items,)
    order: NDArray[np.int32],  # (n_items,), all item numbers
    weight: float,
    coarse: NDArray[np.int16],  # of coarse_shape, written
    strips: NDArray[np.float64],  # (strips, 4), written
    num_threads: int,
) -> None: ...
def lost_pairs(
    queries: NDArray[F],  # (n, factors)
    items: NDArray[F],  # (n_items, factors)
    bias: NDArray[F] | None,  # (n_items,)
    order: NDArray[np.int32] | None,  # (n_items,), all item numbers
    norms: NDArray[F] | None,  # (n_items,), lengths of the rows in this order
    position: NDArray[np.int32] | None,  # (n_items,), of each item in this order
    coarse: NDArray[np.int16] | None,  # what coarse_items made of these items in this order
    strips: NDArray[np.float64] | None,
    seen_indptr: NDArray[np.int64] | None,  # (n + 1,)
    seen_indices: NDArray[np.int32] | None,
    target_indptr: NDArray[np.int64],  # (n + 1,)
    target_indices: NDArray[np.int32],
    ids: NDArray[np.int32],  # (n, k), written; k may be 0
    scores: NDArray[F],  # (n, k), written
    target_scores: NDArray[F],  # one a target, written
    lost: NDArray[np.int64],  # (n,), written
    num_threads: int,
) -> int: ...
