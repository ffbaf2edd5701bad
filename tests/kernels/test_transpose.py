"""The counting sorts against their twins: any number of threads and shares gives one and the same result."""

import numpy as np
import pytest
from fence import Fence, frozen
from hypothesis import given
from hypothesis import strategies as st
from reference import transpose as twin

from fastmf.kernels import transpose as kernel


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("shares", [1, 2, 5])
@pytest.mark.parametrize(("n", "groups"), [(0, 0), (0, 3), (1, 1), (2, 40), (37, 1), (50, 7)])
def test_counts_match_their_twin(threads, shares, n, groups):
    (numbers,) = frozen(np.random.default_rng(n + groups).integers(0, max(groups, 1), n).astype(np.int32))
    expected, counts = np.zeros((1, groups), np.int64), Fence((shares, groups), np.int64, fill=0)
    twin.count_numbers(numbers, expected, 1)
    kernel.count_numbers(numbers, counts.array, threads)
    assert counts.intact()
    assert counts.array.sum(axis=0).tolist() == expected[0].tolist()


def grouped(function, numbers, order, groups, shares, threads):
    starts, out = Fence(groups + 1, np.int64), Fence(len(numbers), order.dtype)
    counts = Fence((shares, groups), np.int64, fill=0)
    function(*frozen(numbers, order), counts.array, starts.array, out.array, threads)
    assert starts.intact()
    assert out.intact()
    assert counts.intact()
    return starts.array.tolist(), out.array.tolist()


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("shares", [1, 2, 5])
@pytest.mark.parametrize("has_order", [False, True])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize(("n", "groups"), [(0, 0), (0, 3), (1, 1), (2, 40), (37, 1), (50, 7)])
def test_group_matches_its_twin(threads, shares, has_order, dtype, n, groups):
    rng = np.random.default_rng(n + groups)
    numbers = rng.integers(0, max(groups, 1), n).astype(np.int32)
    order = (rng.permutation(n) if has_order else np.empty(0)).astype(dtype)
    starts, out = grouped(kernel.group, numbers, order, groups, shares, threads)
    expected = grouped(twin.group, numbers, order, groups, 1, 1)
    assert (starts, out) == expected


@given(st.lists(st.integers(0, 6), max_size=40), st.integers(1, 4))
def test_group_is_a_stable_sort(numbers, shares):
    numbers = np.array(numbers, np.int32)
    starts, out = grouped(kernel.group, numbers, np.empty(0, np.int64), 7, shares, 1)
    assert out == np.argsort(numbers, kind="stable").tolist()
    assert np.diff(starts).tolist() == np.bincount(numbers, minlength=7).tolist()


def transposed(function, indptr, indices, columns, shares, threads):
    starts, rows = Fence(columns + 1, np.int64), Fence(len(indices), np.int32)
    order, counts = Fence(len(indices), np.int64), Fence((shares, columns), np.int64, fill=0)
    function(*frozen(indptr, indices), counts.array, starts.array, rows.array, order.array, threads)
    assert all(fence.intact() for fence in (starts, rows, order, counts))
    return starts.array.tolist(), rows.array.tolist(), order.array.tolist()


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("shares", [1, 2, 5])
@pytest.mark.parametrize(
    ("row_counts", "columns"),
    [
        ([], 0),
        ([], 4),
        ([0], 4),
        ([0, 0, 0], 0),
        ([3], 4),
        ([1, 1, 1], 1),
        ([0, 4, 0, 0, 2, 0], 5),
        ([9, 0, 1, 1], 9),
        ([1, 2] * 9, 6),
    ],
    ids=str,
)
def test_transpose_matches_its_twin(threads, shares, row_counts, columns):
    rng = np.random.default_rng(len(row_counts))
    indptr = np.concatenate([[0], np.cumsum(row_counts)]).astype(np.int64)
    indices = np.concatenate(
        [np.empty(0), *[np.sort(rng.permutation(columns)[:count]) for count in row_counts]]
    ).astype(np.int32)
    result = transposed(kernel.transpose, indptr, indices, columns, shares, threads)
    assert result == transposed(twin.transpose, indptr, indices, columns, 1, 1)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("kind", [np.int32, np.int64])
@pytest.mark.parametrize("place", [np.int32, np.int64])
@pytest.mark.parametrize(("n", "places"), [(0, 0), (0, 3), (1, 1), (9, 40), (1000, 7)])
def test_take_matches_its_twin(threads, kind, place, n, places):
    rng = np.random.default_rng(n + places)
    words, order = rng.integers(-9, 9, places).astype(kind), rng.integers(0, max(places, 1), n).astype(place)
    frozen(words, order)
    out, expected = Fence(n, kind), np.empty(n, kind)
    kernel.take(words, order, out.array, threads)
    twin.take(words, order, expected, 1)
    assert out.intact()
    assert out.array.tolist() == expected.tolist()
