"""top_k_among: brute force in float64 by random trial, the bits of a batch, and every bad argument."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerances import tolerance

from fastmf.retrieval import among, top_k, top_k_among


def lists(rows):
    indptr = np.cumsum([0] + [len(row) for row in rows])
    return indptr, np.concatenate([*rows, np.empty(0, np.int64)]).astype(np.int32)


@st.composite
def searches(draw):
    """Random factors, candidates and filters, whole numbers (many exact ties) or not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, n_items = draw(st.integers(0, 12)), draw(st.integers(1, 40))
    factors = draw(st.sampled_from([0, 1, 7]))
    dtype = np.dtype(draw(st.sampled_from(["float32", "float64"])))
    whole = draw(st.booleans())

    def numbers(*size):
        return (rng.integers(-2, 3, size) if whole else rng.standard_normal(size)).astype(dtype)

    def some_rows(share):
        return [np.flatnonzero(rng.random(n_items) < share * rng.random()) for _ in range(n)]

    optional = {
        "item_bias": lambda: numbers(n_items),
        "seen": lambda: lists(some_rows(0.5)),
        "exclude": lambda: rng.integers(0, n_items, rng.integers(0, n_items)),
        "exclude_rows": lambda: lists(some_rows(0.5)),
    }
    chosen = draw(st.sets(st.sampled_from(sorted(optional))))
    keywords = {name: optional[name]() for name in sorted(chosen)}
    keywords["num_threads"] = draw(st.sampled_from([1, 2]))
    return numbers(n, factors), numbers(n_items, factors), some_rows(1.5), draw(st.sampled_from([1, 3, 50])), keywords


@given(searches(), st.sampled_from([1, 5, 1 << 20]))
def test_it_is_brute_force_whatever_the_pieces(search, pairs_at_once):
    queries, items, rows, k, keywords = search
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(among, "PIECE_PAIRS", pairs_at_once)
        ids, scores = top_k_among(queries, items, lists(rows), k, **keywords)
    assert ids.shape == scores.shape == (len(queries), k)
    assert (ids.dtype, scores.dtype) == (np.int32, queries.dtype)
    truth = queries.astype(float) @ items.T.astype(float) + keywords.get("item_bias", np.zeros(1))
    near = tolerance(queries.dtype, 8) * (1 + abs(truth).max(initial=0))
    for q, row in enumerate(rows):
        hidden = set(np.asarray(keywords.get("exclude", []), int).tolist())
        for name in ("seen", "exclude_rows"):
            if name in keywords:
                indptr, indices = keywords[name]
                hidden |= set(indices[indptr[q] : indptr[q + 1]].tolist())
        allowed = [i for i in row.tolist() if i not in hidden]
        n = min(k, len(allowed))
        got, value = ids[q, :n], scores[q, :n]
        assert (ids[q, n:] == -1).all()
        assert (scores[q, n:] == -np.inf).all()
        assert len(set(got.tolist())) == n
        assert set(got.tolist()) <= set(allowed)
        assert abs(value - truth[q, got]).max(initial=0) <= near
        assert (np.diff(value) <= 0).all()
        assert (np.diff(got)[np.diff(value) == 0] > 0).all()
        left = sorted(set(allowed) - set(got.tolist()))
        assert n == len(allowed) or truth[q, left].max() <= value[-1] + near


def test_all_items_as_candidates_give_the_list_of_top_k():
    rng = np.random.default_rng(0)
    queries, items = rng.standard_normal((50, 8)), rng.standard_normal((70, 8))
    ids, scores = top_k_among(queries, items, lists([np.arange(70)] * 50), 10)
    expected_ids, expected = top_k(queries, items, 10)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_allclose(scores, expected, rtol=1e-12)


def test_a_query_alone_gets_the_bits_of_a_batch():
    rng = np.random.default_rng(1)
    queries, items = rng.standard_normal((20, 33)).astype("f"), rng.standard_normal((90, 33)).astype("f")
    rows = [np.flatnonzero(rng.random(90) < 0.3) for _ in queries]
    ids, scores = top_k_among(queries, items, lists(rows), 7, num_threads=2)
    for q, row in enumerate(rows):
        alone = top_k_among(queries[q : q + 1], items, lists([row]), 7, num_threads=1)
        assert alone[0][0].tobytes() == ids[q].tobytes()
        assert alone[1][0].tobytes() == scores[q].tobytes()


Q, Y = np.ones((2, 3)), np.ones((4, 3))
GOOD = lists([[0, 2], [1]])


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: top_k_among(Q, Y, None, 1), TypeError, "candidates must be a pair"),
        (lambda: top_k_among(Q, Y, ([0, 1], [0]), 1), ValueError, "candidates indptr .* length 3"),
        (lambda: top_k_among(Q, Y, ([0, 2, 3], [2, 0, 1]), 1), ValueError, "candidates must be strictly ascending"),
        (
            lambda: top_k_among(Q, Y, ([0, 1, 2], [0, 4]), 1),
            IndexError,
            r"candidates must hold .* in \[0, 4\)",
        ),
        (lambda: top_k_among(Q, Y, GOOD, 0), ValueError, "k must be an integer >= 1"),
        (lambda: top_k_among(Q, Y, GOOD, 1, seen=([0, 1, 2], [0, 9])), IndexError, "seen must hold item numbers"),
        (lambda: top_k_among(Q, Y, GOOD, 1, exclude_rows=([0, 2, 2], [1, 1])), ValueError, "exclude_rows must be str"),
        (lambda: top_k_among(Q, Y, GOOD, 1, exclude=[4]), IndexError, "exclude must hold numbers of items"),
        (lambda: top_k_among(Q * np.nan, Y, GOOD, 1), ValueError, "queries must be finite"),
        (lambda: top_k_among(Q, Y * np.inf, GOOD, 1), ValueError, "items must be finite"),
        (lambda: top_k_among(Q * 1e200, Y * 1e200, GOOD, 1), ValueError, "within the range of float64"),
    ],
)
def test_bad_arguments_are_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
