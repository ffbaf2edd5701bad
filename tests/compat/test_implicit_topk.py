"""The stand-in's topk against brute force, and what it refuses."""

import numpy as np
import pytest
import scipy.sparse as sp
from fence import frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from fastmf.compat import implicit
from fastmf.compat.implicit.cpu.topk import topk


def small(seed=0, n=5, n_items=9, factors=3, dtype=np.float32):
    """Queries, items and powers of two to divide by: small whole numbers, so that scores are exact and often equal."""
    rng = np.random.default_rng(seed)
    queries, items = (rng.integers(-3, 4, (rows, factors)).astype(dtype) for rows in (n, n_items))
    hidden = sp.csr_matrix((rng.random((n, n_items)) < 0.4).astype(dtype))
    hidden.data[::2] = 0  # stored zeros are filtered like other entries
    frozen(queries, items, hidden.data, hidden.indices, hidden.indptr)
    return queries, items, (2.0 ** rng.integers(-2, 3, n_items)).astype(dtype), hidden


def best(queries, items, k, norms, hidden, without):
    ids, scores = np.full((len(queries), k), -1), np.full((len(queries), k), -np.inf)
    for row, query in enumerate(queries):
        score = items @ query / norms
        left = sorted(set(range(len(items))) - set(hidden[[row]].indices.tolist()) - set(without))
        chosen = sorted(left, key=lambda item: -score[item])[:k]
        ids[row, : len(chosen)], scores[row, : len(chosen)] = chosen, score[chosen]
    return ids, scores


@settings(max_examples=60)
@given(
    seed=st.integers(0, 99),
    k=st.integers(1, 12),
    dtype=st.sampled_from([np.float32, np.float64]),
    scaled=st.booleans(),
    filtered=st.booleans(),
    without=st.lists(st.integers(0, 8), max_size=9),
)
def test_lists_are_those_of_brute_force(seed, k, dtype, scaled, filtered, without):
    queries, items, norms, hidden = small(seed, dtype=dtype)
    ids, scores = topk(
        items, queries, k, norms if scaled else None, hidden if filtered else None, without or None, num_threads=1
    )
    assert (ids.dtype, scores.dtype) == (np.int32, dtype)
    nothing = sp.csr_matrix(hidden.shape)
    expected = best(queries, items, k, norms if scaled else 1, hidden if filtered else nothing, without)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(scores, expected[1])


def test_one_query_may_come_alone_and_the_module_is_where_implicit_has_it():
    queries, items, *_ = small()
    for alone, all_at_once in zip(topk(items, queries[2], 4), topk(items, queries, 4), strict=True):
        np.testing.assert_array_equal(alone, all_at_once[2:3])
    assert implicit.cpu.topk.topk is topk


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"items": [1.0, 2.0]}, ValueError, "items must be a two-dimensional array"),
        ({"query": np.zeros((2, 2, 2))}, ValueError, "query must be a two-dimensional array"),
        ({"query": np.zeros((5, 4))}, ValueError, "same number of columns, got 4 and 3"),
        ({"k": 0}, ValueError, "k must be an integer >= 1, got 0"),
        ({"item_norms": np.ones(8)}, ValueError, "item_norms must be a one-dimensional array of length 9"),
        (
            {"item_norms": [1.0, 0.0] + [1.0] * 7},
            ValueError,
            "item_norms must be greater than 0, got 0.0 at position 1",
        ),
        ({"item_norms": [-1.0] * 9}, ValueError, "item_norms must hold finite numbers >= 0"),
        ({"filter_query_items": np.zeros((5, 9))}, ValueError, "filter_query_items must be a csr_matrix or csr_array"),
        ({"filter_query_items": sp.csr_matrix((4, 9))}, ValueError, "a row for each of the 5 queries, got 4"),
        ({"filter_query_items": sp.csr_matrix(np.ones((5, 10)))}, IndexError, r"numbers of items in \[0, 9\), got 9"),
        ({"filter_items": [9]}, IndexError, r"filter_items must hold numbers of items in \[0, 9\), got 9"),
        ({"num_threads": -1}, ValueError, "num_threads must be an integer in"),
    ],
)
def test_what_is_wrong_is_refused_by_name(change, error, message):
    queries, items, *_ = small()
    with pytest.raises(error, match=message):
        topk(**{"items": items, "query": queries, "k": 3} | change)


@pytest.mark.parametrize("name", ["bpr", "lmf", "approximate_als", "ann", "datasets"])
def test_modules_that_are_not_here_are_refused_with_those_that_are(name):
    with pytest.raises(AttributeError, match=f"has no {name}, it has als, cpu, evaluation, gpu, nearest_neighbours"):
        getattr(implicit, name)
    assert not hasattr(implicit, name)
    with pytest.raises(ImportError, match=name):
        exec(f"from fastmf.compat.implicit import {name}")
