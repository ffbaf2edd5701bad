import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import metrics as twin
from tolerances import tolerance

from fastmf.kernels import metrics as kernel

N_ITEMS = 40


def constants(length):
    discount = 1.0 / np.log2(np.arange(2, length + 2))
    return discount, np.concatenate([[0.0], np.cumsum(discount)])


def ranked_lists(rng, n_users, length, n_items=N_ITEMS):
    """Lists of distinct items, each cut at a random place and padded with -1, as top-k gives them."""
    ranked = np.full((n_users, length), -1, np.int32)
    for row in ranked:
        filled = rng.integers(0, min(length, n_items) + 1)
        row[:filled] = rng.permutation(n_items)[:filled]
    return ranked


def relevant_rows(rng, n_users, n_items=N_ITEMS, offset=0):
    """Sorted relevant items of each user, from none to all; `offset` shifts indptr as in a slice of a longer matrix."""
    rows = [np.sort(rng.permutation(n_items)[: rng.integers(0, n_items + 1)]) for _ in range(n_users)]
    indptr = offset + np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return indptr, np.concatenate([np.zeros(offset), *rows]).astype(np.int32)


def ranking(function, ranked, indptr, indices, cutoffs, threads=1):
    out = np.full((len(ranked), len(kernel.ROWS), len(cutoffs)), np.nan)
    arguments = [ranked, indptr, indices, np.asarray(cutoffs, np.int64), *constants(ranked.shape[1])]
    for array in arguments:
        array.flags.writeable = False
    function(*arguments, out, threads)
    return out


def test_the_twin_has_the_kernels_rows_in_the_kernels_order():
    assert tuple(twin.METRICS) == kernel.ROWS


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize(
    ("n_users", "length", "cutoffs"),
    [
        (0, 5, [5]),
        (1, 1, [1]),
        (1, 20, [1, 5, 20]),
        (7, 10, [3]),
        (300, 25, [1, 2, 10, 25]),
        (300, 60, [5, 50, 60]),
        (50, N_ITEMS, [5, 45, 999]),
    ],
)
def test_ranking_agrees_with_the_twin(n_users, length, cutoffs, threads):
    rng = np.random.default_rng(n_users + length)
    ranked = ranked_lists(rng, n_users, length)
    indptr, indices = relevant_rows(rng, n_users, offset=11)
    expected = ranking(twin.ranking, ranked, indptr, indices, cutoffs)
    got = ranking(kernel.ranking, ranked, indptr, indices, cutoffs, threads)
    np.testing.assert_allclose(got, expected, rtol=tolerance(np.float64, length))
    np.testing.assert_array_equal(got, ranking(kernel.ranking, ranked, indptr, indices, cutoffs, 1))


@given(st.integers(0, 2**32 - 1), st.integers(1, 30), st.integers(1, 30), st.data())
@settings(max_examples=200, deadline=None)
def test_ranking_of_any_lists_agrees_with_the_twin(seed, length, n_items, data):
    cutoffs = sorted(data.draw(st.sets(st.integers(1, length), min_size=1)))
    rng = np.random.default_rng(seed)
    ranked = ranked_lists(rng, 4, length, n_items)
    indptr, indices = relevant_rows(rng, 4, n_items)
    got = ranking(kernel.ranking, ranked, indptr, indices, cutoffs)
    expected = ranking(twin.ranking, ranked, indptr, indices, cutoffs)
    np.testing.assert_allclose(got, expected, rtol=tolerance(np.float64, length))
    assert ((got >= 0) & (got <= 1 + tolerance(np.float64, length))).all()


def test_ranking_by_hand():
    """Relevant {2, 5, 7}; list 5, 1, 2: hits at positions 1 and 3."""
    ranked = np.array([[5, 1, 2, -1]], np.int32)
    got = ranking(kernel.ranking, ranked, np.array([0, 3]), np.array([2, 5, 7], np.int32), [1, 3, 4])[0]
    perfect = 1 + 1 / np.log2(3) + 1 / 2
    by_hand = {
        "precision": [1, 2 / 3, 2 / 4],
        "recall": [1 / 3, 2 / 3, 2 / 3],
        "recall_min": [1, 2 / 3, 2 / 3],
        "ndcg": [1, 1.5 / perfect, 1.5 / perfect],
        "map": [1, (1 + 2 / 3) / 3, (1 + 2 / 3) / 3],
        "mrr": [1, 1, 1],
        "hit_rate": [1, 1, 1],
    }
    np.testing.assert_allclose(got, [by_hand[name] for name in kernel.ROWS], rtol=1e-15)


def test_a_perfect_list_scores_one_wherever_the_definition_allows_it():
    ranked = np.arange(10, dtype=np.int32)[None, :]
    got = ranking(kernel.ranking, ranked, np.array([0, 4]), np.arange(4, dtype=np.int32), [1, 4, 10])[0]
    for name in ("recall_min", "ndcg", "map", "mrr", "hit_rate"):
        np.testing.assert_array_equal(got[kernel.ROWS.index(name)], 1.0)


def test_lists_of_nothing_and_no_cutoffs_are_harmless():
    indptr, indices = np.array([0, 1]), np.zeros(1, np.int32)
    assert not ranking(kernel.ranking, np.empty((1, 0), np.int32), indptr, indices, [1, 9]).any()
    nothing = ranking(kernel.ranking, np.empty((3, 0), np.int32), np.zeros(4, np.int64), np.empty(0, np.int32), [])
    assert nothing.shape == (3, len(kernel.ROWS), 0)


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize(
    ("n_users", "length", "cutoffs"), [(0, 4, [4]), (1, 1, [1]), (50, 9, [1, 3, 9, 12]), (2, 0, [5])]
)
def test_means_agree_with_the_twin(n_users, length, cutoffs, threads):
    rng = np.random.default_rng(n_users)
    ranked = ranked_lists(rng, n_users, length)
    values = rng.normal(size=N_ITEMS)
    values.flags.writeable = False
    got, expected = np.full((2, n_users, len(cutoffs)), np.nan)
    kernel.means(ranked, values, np.array(cutoffs), got, threads)
    twin.means(ranked, values, np.array(cutoffs), expected)
    np.testing.assert_allclose(got, expected, rtol=tolerance(np.float64, length), atol=tolerance(np.float64, length))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize(
    ("n_users", "length", "cutoffs", "dims"),
    [(0, 4, [4], 3), (1, 1, [1], 1), (60, 9, [1, 2, 9, 12], 21), (20, 30, [30], 0), (2, 0, [5], 3)],
)
def test_diversity_agrees_with_the_twin(simd, n_users, length, cutoffs, dims, threads, dtype):
    rng = np.random.default_rng(n_users)
    ranked = ranked_lists(rng, n_users, length)
    units = rng.normal(size=(N_ITEMS, dims))
    units /= np.maximum(np.linalg.norm(units, axis=1, keepdims=True), 1e-30)
    units[3] = 0  # an item nothing is known about
    units = units.astype(dtype)
    units.flags.writeable = False
    got, expected = np.full((2, n_users, len(cutoffs)), np.nan)
    squares = np.square(units, dtype=np.float64).sum(axis=1)
    kernel.diversity(ranked, units, squares, np.array(cutoffs), np.empty((threads, 24)), got, threads)
    twin.diversity(ranked, units, None, np.array(cutoffs), None, expected)
    np.testing.assert_allclose(got, expected, atol=tolerance(np.float64, length * length))


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("n_rows", [0, 1, 200])
def test_common_agrees_with_the_twin(n_rows, threads):
    rng = np.random.default_rng(n_rows)
    first, second = relevant_rows(rng, n_rows), relevant_rows(rng, n_rows)
    got, expected = np.full((2, len(first[1])), 7, np.uint8)
    kernel.common(*first, *second, got, threads)
    twin.common(*first, *second, expected)
    np.testing.assert_array_equal(got, expected)
