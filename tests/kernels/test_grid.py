import numpy as np
import pytest
from fence import frozen
from reference import grid as twin

from fastmf.kernels.grid import count_records, fill_records

HALF = 65536


def problem(n_users, n_items, blocks, sub_blocks, dtype, weighted, density=0.4):
    """A small matrix and a random layout of it."""
    rng = np.random.default_rng(n_users + n_items)
    stored = rng.random((n_users, n_items)) < density
    indptr = np.concatenate([[0], np.cumsum(stored.sum(axis=1))]).astype(np.int64)
    indices = np.nonzero(stored)[1].astype(np.int32)
    rows = -(-n_users // (blocks * sub_blocks))
    bands = np.full(blocks * sub_blocks * rows, -1, np.int32)
    bands[rng.permutation(len(bands))[:n_users]] = np.arange(n_users)
    item_rows = -(-n_items // blocks)
    position = rng.permutation(blocks * item_rows)[:n_items]
    item_place = (position % item_rows + HALF * (position // item_rows)).astype(np.uint32)
    values = rng.normal(size=len(indices)).astype(dtype)
    weights = rng.random(len(indices) if weighted else 0).astype(dtype)
    arrays = frozen(indptr, indices, values, weights, bands.reshape(-1, rows), item_place)
    return arrays, (blocks * sub_blocks, blocks)


def filled(module, arrays, shape, threads):
    indptr, indices, values, weights, bands, item_place = arrays
    counts = np.full(shape, -1, np.int64)
    module[0](indptr, indices, bands, item_place, counts, threads)
    starts = np.concatenate([[0], np.cumsum(counts.ravel())]).astype(np.int64)
    place = np.zeros(len(indices), np.uint32)
    value, weight = np.zeros_like(values), np.zeros_like(weights)
    scratch = np.zeros_like(counts)
    module[1](
        indptr, indices, values, weights, bands, item_place, starts, 123456789, scratch, place, value, weight, threads
    )
    return counts, place, value, weight


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "shape", [(1, 1, 1, 1), (7, 5, 2, 1), (40, 30, 4, 3), (3, 50, 4, 2), (50, 3, 3, 1), (6, 6, 8, 1)]
)
def test_grid_is_that_of_the_twin_for_any_number_of_threads(shape, weighted, dtype):
    arrays, cells = problem(*shape, dtype, weighted)
    expected = filled((twin.count_records, twin.fill_records), arrays, cells, 1)
    for threads in (1, 2, 4):
        for got, wanted in zip(filled((count_records, fill_records), arrays, cells, threads), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)


def test_an_empty_matrix_has_no_records():
    arrays, cells = problem(5, 4, 2, 1, np.float32, False, density=0.0)
    counts, place, *_ = filled((count_records, fill_records), arrays, cells, 2)
    assert counts.sum() == 0
    assert len(place) == 0


def test_cells_are_shuffled_evenly():
    """Where a record ends up in its cell is no matter of where it began: correlation of order and position near 0."""
    n = 4000
    indptr, indices = np.array([0, n], np.int64), np.arange(n, dtype=np.int32)
    item_place = np.arange(n, dtype=np.uint32)
    values = np.arange(n, dtype=np.float64)
    none = np.empty(0)
    arrays = (indptr, indices, values, none, np.zeros((1, 1), np.int32), item_place)
    _, _, value, _ = filled((count_records, fill_records), arrays, (1, 1), 1)
    assert sorted(value) == sorted(values)
    assert abs(np.corrcoef(value, np.arange(n))[0, 1]) < 5 / n**0.5
