"""The layout of SGD: which user and item sits where in the grid, and the records of its cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _random
from fastmf.data import Ratings
from fastmf.data.csr import counts as counts_of
from fastmf.kernels.grid import count_records, fill_records

HALF = 65536  # a place within a cell is two 16-bit numbers
SUB_BLOCK_BYTES = 2**18  # user rows that meet one item block: with its rows they fit a cache of 1 MB
ITEM_BLOCK_BYTES = 2**21  # item rows of one block: its unpopular end may lie outside that cache
RECORDS_A_CELL = 4096  # at least, so that a cell's rows are used more often than they are fetched
# Each epoch fetches the users once a block: on ratings of the shape of MovieLens 20M, 8 blocks take .91 to .97 of the
# time of 12. Fewer than that are for small data, since no more threads than blocks are busy.
LEAST_BLOCKS, ENOUGH_BLOCKS, MOST_BLOCKS = 4, 8, 32


@dataclass(frozen=True)
class Grid:
    """Records in the order of the cells (user block, sub-block, item block), and the positions of users and items."""

    blocks: int
    sub_blocks: int
    user_position: NDArray[np.int64]
    item_position: NDArray[np.int64]
    n_user_rows: int
    n_item_rows: int
    starts: NDArray[np.int64]
    place: NDArray[np.uint32]
    values: NDArray[Any]
    weights: NDArray[Any]


def block_count(shape: tuple[int, int], nnz: int, row_bytes: int) -> int:
    """Blocks a side: from the data and the factors alone, so that a result does not depend on the machine."""
    wanted = min(max(shape[1] * row_bytes // ITEM_BLOCK_BYTES, ENOUGH_BLOCKS), MOST_BLOCKS)
    blocks = max(min(int((nnz / RECORDS_A_CELL) ** 0.5), wanted), LEAST_BLOCKS)
    return max(blocks, -(-shape[1] // HALF))


def dealt(counts: NDArray[np.int64], blocks: int, rows: int) -> NDArray[np.int64]:
    """Positions block * rows + row: heaviest first, dealt to the blocks there and back, so that these weigh the same
    and the rows that are used most lie together."""
    order = np.argsort(-counts, kind="stable")
    rank = np.arange(len(counts))
    there, back = rank % (2 * blocks), 2 * blocks - 1 - rank % (2 * blocks)
    position = np.empty(len(counts), np.int64)
    position[order] = np.minimum(there, back) * rows + rank // blocks
    return position


def make_grid(
    ratings: Ratings, values: NDArray[Any], weights: NDArray[Any], row_bytes: int, seed: int, num_threads: int
) -> Grid:
    """Cut ratings into cells; `weights` has one element where all entries weigh the same."""
    n_users, n_items = ratings.shape
    blocks = block_count(ratings.shape, ratings.nnz, row_bytes)
    item_rows = -(-n_items // blocks)
    user_rows = -(-n_users // blocks)
    sub_rows = min(user_rows, HALF, max(64, SUB_BLOCK_BYTES // row_bytes))
    sub_blocks = -(-user_rows // sub_rows)
    user_position = dealt(ratings.user_counts, blocks, sub_blocks * sub_rows)
    item_position = dealt(counts_of(ratings.indices, n_items, num_threads), blocks, item_rows)
    bands = np.full((blocks * sub_blocks, sub_rows), -1, np.int32)
    bands.ravel()[user_position] = np.arange(n_users)
    item_place = (item_position % item_rows + HALF * (item_position // item_rows)).astype(np.uint32)
    counts = np.empty((blocks * sub_blocks, blocks), np.int64)
    count_records(ratings.indptr, ratings.indices, bands, item_place, counts, num_threads)
    starts = np.concatenate([[0], np.cumsum(counts.ravel())]).astype(np.int64)
    place = np.empty(ratings.nnz, np.uint32)
    value = np.empty(ratings.nnz, values.dtype)
    per_entry = len(weights) > 1
    weight = np.empty(ratings.nnz if per_entry else 0, values.dtype)
    fill_records(
        ratings.indptr,
        ratings.indices,
        values,
        weights if per_entry else weight,
        bands,
        item_place,
        starts,
        int(_random.bits(seed, 0, 1)[0]),
        counts,
        place,
        value,
        weight,
        num_threads,
    )
    return Grid(
        blocks=blocks,
        sub_blocks=sub_blocks,
        user_position=user_position,
        item_position=item_position,
        n_user_rows=bands.size,
        n_item_rows=blocks * item_rows,
        starts=starts,
        place=place,
        values=value,
        weights=weight if per_entry else weights,
    )
