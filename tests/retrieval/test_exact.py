"""top_k and rank_of: the contract by random trial against brute force in float64, and every bad argument."""

import _thread
import signal
import threading
import unittest.mock
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import tolerance

from fastmf.retrieval import arguments, exact, longest_first, lost_pairs, rank_of, top_k, top_k_and_lost_pairs


@st.composite
def searches(draw):
    """Random factors, biases and filters of every kind, whole numbers (many exact ties) or not."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, n_items = draw(st.integers(0, 40)), draw(st.integers(1, 150))
    factors = draw(st.sampled_from([0, 1, 3, 16, 50]))
    dtype = np.dtype(draw(st.sampled_from(["float32", "float64"])))
    whole = draw(st.booleans())

    def numbers(*size):
        return (rng.integers(-2, 3, size) if whole else rng.standard_normal(size)).astype(dtype)

    def lists(share):
        rows = [np.flatnonzero(rng.random(n_items) < share * rng.random() * 2) for _ in range(n)]
        indptr = np.cumsum([0] + [len(row) for row in rows])
        return indptr, np.concatenate([*rows, np.empty(0, np.int64)]).astype(np.int32)

    def some_items():
        return rng.integers(0, n_items, rng.integers(0, n_items + 1))  # unsorted, repeated

    optional = {
        "item_bias": lambda: numbers(n_items),
        "seen": lambda: lists(draw(st.sampled_from([0.05, 0.5]))),
        "exclude": some_items,
        "exclude_rows": lambda: lists(0.2),
        "candidates": some_items,
    }
    chosen = draw(st.sets(st.sampled_from(sorted(optional))))
    k = draw(st.sampled_from([1, 2, 10, 32, 33, 60, 200]))
    threads = draw(st.sampled_from([1, 2, 4]))
    keywords = {name: optional[name]() for name in sorted(chosen)}
    items = numbers(n_items, factors)
    if draw(st.booleans()):  # a few long items among many short ones, as popularity makes them
        items *= np.exp2(rng.integers(-6, 4, (n_items, 1))).astype(dtype)
    return numbers(n, factors), items, k, whole, {**keywords, "num_threads": threads}


@contextmanager
def sorting_from(queries):
    """Let the items be sorted by length for so many queries or more."""
    with unittest.mock.patch.object(exact, "SORTED_FROM", queries):
        yield


def allowed_scores(queries, items, keywords):
    """The scores in float64, minus infinity where an item may not be given."""
    scores = queries.astype(np.float64) @ items.T.astype(np.float64) + keywords.get("item_bias", np.zeros(1))
    for name in ("seen", "exclude_rows"):
        if name in keywords:
            indptr, indices = keywords[name]
            for q in range(len(queries)):
                scores[q, indices[indptr[q] : indptr[q + 1]]] = -np.inf
    if "candidates" in keywords:
        scores[:, np.setdiff1d(np.arange(len(items)), keywords["candidates"])] = -np.inf
    if "exclude" in keywords:
        scores[:, keywords["exclude"]] = -np.inf
    return scores


@given(searches(), st.sampled_from([1, 2048]))
@settings(max_examples=400, deadline=None)
def test_top_k_is_brute_force(search, sorted_from):
    queries, items, k, whole, keywords = search
    with sorting_from(sorted_from):
        ids, scores = top_k(queries, items, k, **keywords)
    truth = allowed_scores(queries, items, keywords)
    assert ids.dtype == np.int32
    assert scores.dtype == queries.dtype
    assert ids.shape == scores.shape == (len(queries), k)
    size = np.linalg.norm(queries, axis=1).max(initial=0) * np.linalg.norm(items, axis=1).max()
    size += abs(keywords.get("item_bias", np.zeros(1))).max()
    error = 0.0 if whole else float(size) * tolerance(queries.dtype, queries.shape[1])
    for q in range(len(queries)):
        allowed = np.flatnonzero(np.isfinite(truth[q]))
        kept = min(k, len(allowed))
        assert set(ids[q, :kept]) <= set(allowed)
        assert len(set(ids[q, :kept])) == kept
        assert (ids[q, kept:] == -1).all()
        assert (scores[q, kept:] == -np.inf).all()
        order = allowed[np.lexsort((allowed, -truth[q, allowed]))][:kept]
        if whole:  # exact sums: the list is determined, ties and all
            np.testing.assert_array_equal(ids[q, :kept], order)
            np.testing.assert_array_equal(scores[q, :kept], truth[q, order])
        else:  # up to rounding: the same scores place by place, so that only near-ties may change places
            np.testing.assert_allclose(scores[q, :kept], truth[q, ids[q, :kept]], rtol=0, atol=error)
            np.testing.assert_allclose(truth[q, ids[q, :kept]], truth[q, order], rtol=0, atol=2 * error)
            assert (np.diff(scores[q, :kept]) <= 0).all()


@given(searches())
@settings(max_examples=200, deadline=None)
def test_an_order_that_is_kept_changes_no_list(search):
    queries, items, k, _, keywords = search
    order = longest_first(items, keywords.get("item_bias"), num_threads=1)
    results = [top_k(queries, items, k, order=each, **keywords) for each in (order, None)]
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@given(searches(), st.integers(0, 30))
@settings(max_examples=100, deadline=None)
def test_lists_and_lost_pairs_together_are_those_alone(search, most):
    queries, items, k, _, keywords = search
    bias, seen = keywords.get("item_bias"), keywords.get("seen")
    rng = np.random.default_rng(most)
    rows = [rng.permutation(len(items))[: rng.integers(0, most + 1)] for _ in queries]
    targets = np.cumsum([0, *map(len, rows)]), np.concatenate([np.empty(0, np.int64), *rows])
    order = longest_first(items, bias, num_threads=1)
    lists = top_k(queries, items, k, item_bias=bias, seen=seen)
    lost = lost_pairs(queries, items, targets, item_bias=bias, seen=seen)
    for each in (order, None):
        found = top_k_and_lost_pairs(queries, items, k, targets, item_bias=bias, seen=seen, order=each)
        for one, other in zip(found, (*lists, lost), strict=True):
            np.testing.assert_array_equal(one, other)


def test_an_order_is_of_its_own_items():
    items = np.eye(3)
    order = longest_first(items)
    with pytest.raises(ValueError, match="order must be what longest_first gave for these items"):
        top_k(items, items.copy(), 1, order=order)
    with pytest.raises(ValueError, match="and this item_bias"):
        top_k(items, items, 1, item_bias=np.zeros(3), order=order)
    with pytest.raises(ValueError, match="and this item_bias"):
        top_k_and_lost_pairs(items, items, 1, (np.arange(4), np.arange(3)), item_bias=np.zeros(3), order=order)
    assert not order.items.flags.writeable
    assert not order.lengths.flags.writeable


@pytest.mark.parametrize("n", [2, 4])
def test_an_order_of_a_list_that_has_another_length_now_is_refused(n):
    items = [[1.0], [2.0], [3.0]]
    order = longest_first(items)
    items[:] = [[5.0]] * n
    with pytest.raises(ValueError, match="order must be what longest_first gave for these items"):
        top_k([[1.0]], items, 4, order=order)


@pytest.mark.parametrize(("dtype", "tiny"), [(np.float32, 1e-23), (np.float64, 1e-170)])
@pytest.mark.parametrize("side", [0, 1])
def test_numbers_whose_squares_vanish_reach_their_lists(dtype, tiny, side):
    rng = np.random.default_rng(0)
    queries, items = (
        rng.standard_normal((30, 8)),
        rng.standard_normal((300, 8)) * np.exp2(rng.integers(-3, 3, (300, 1))),
    )
    arrays = [array.astype(dtype) for array in (queries, items)]
    arrays[side] = arrays[side] * dtype(tiny)
    expected = top_k(*arrays, 3)
    with sorting_from(1):
        found = top_k(*arrays, 3)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


@given(searches())
@settings(max_examples=100, deadline=None)
def test_any_batch_and_any_threads_give_the_same_bits(search):
    """Also where a batch is large enough for its items to be sorted, and a query alone is not."""
    queries, items, k, _, keywords = search
    with sorting_from(2):
        ids, scores = top_k(queries, items, k, **keywords)
    for q in range(len(queries)):
        alone = {"num_threads": 3}
        for name, value in keywords.items():
            if name in ("seen", "exclude_rows"):
                alone[name] = ([0, value[0][q + 1] - value[0][q]], value[1][value[0][q] : value[0][q + 1]])
            elif name != "num_threads":
                alone[name] = value
        one = top_k(queries[q : q + 1], items, k, **alone)
        np.testing.assert_array_equal(one[0][0], ids[q])
        np.testing.assert_array_equal(one[1][0], scores[q])


@given(searches(), st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_rank_of_is_the_place_in_the_list(search, seed):
    queries, items, _, _, keywords = search
    keywords = {name: value for name, value in keywords.items() if name in ("item_bias", "seen", "num_threads")}
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, 6, len(queries))
    indptr, indices = np.cumsum([0, *counts]), rng.integers(0, len(items), counts.sum())
    higher, equal = rank_of(queries, items, (indptr, indices), **keywords)
    ids, scores = top_k(queries, items, len(items), **keywords)
    unfiltered = top_k(queries, items, len(items), item_bias=keywords.get("item_bias"))
    for q in range(len(queries)):
        for j in range(indptr[q], indptr[q + 1]):
            t = unfiltered[1][q, unfiltered[0][q] == indices[j]][0]
            listed = ids[q] >= 0
            assert higher[j] == (scores[q, listed] > t).sum()
            assert equal[j] == ((scores[q, listed] == t) & (ids[q, listed] < indices[j])).sum()


def test_cosine_finds_an_item_most_like_itself():
    items = np.random.default_rng(0).standard_normal((300, 20)).astype(np.float32)
    ids, scores = top_k(3 * items, items, 4, metric="cosine")
    np.testing.assert_array_equal(ids[:, 0], np.arange(300))
    np.testing.assert_allclose(scores[:, 0], 1, rtol=tolerance(np.float32))
    unit = items.astype(np.float64) / np.linalg.norm(items.astype(np.float64), axis=1, keepdims=True)
    truth = -np.sort(-unit @ unit.T, axis=1)[:, :4]
    np.testing.assert_allclose(scores, truth, rtol=0, atol=tolerance(np.float32, 20))


def test_long_batches_run_in_pieces(monkeypatch):
    """With pieces of one round of blocks, the lists and ranks stay the same."""
    n = 2 * arguments.topk.QUERIES_OF_A_BLOCK + 200
    rng = np.random.default_rng(1)
    queries, items = rng.integers(-2, 3, (n, 4)), rng.integers(-2, 3, (50, 4))
    seen = np.arange(0, 3 * n + 1, 3), np.sort(rng.permuted(np.tile(np.arange(50), (n, 1)), axis=1)[:, :3]).ravel()
    targets = np.arange(n + 1), rng.integers(0, 50, n)
    whole = [
        *top_k(queries, items, 5, seen=seen),
        *rank_of(queries, items, targets, seen=seen),
        *top_k_and_lost_pairs(queries, items, 5, targets, seen=seen),
    ]
    monkeypatch.setattr(arguments, "PIECE_WORK", 1.0)
    assert len(list(arguments.pieces_of(n, 250, 1))) == 3
    pieces = [
        *top_k(queries, items, 5, seen=seen, num_threads=1),
        *rank_of(queries, items, targets, seen=seen, num_threads=1),
        *top_k_and_lost_pairs(queries, items, 5, targets, seen=seen, num_threads=1),
    ]
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_array_equal(one, other)


def test_ctrl_c_ends_a_long_batch(monkeypatch):
    """A batch of many small pieces, interrupted in one of the first; pieces are counted, for any clock may be slow."""
    rng = np.random.default_rng(4)
    queries, items = rng.standard_normal((300_000, 64), np.float32), rng.standard_normal((50_000, 64), np.float32)
    begun, seen = [], []

    def noted(n, work, threads):
        pieces = list(arguments.pieces_of(n, work, threads))
        assert len(pieces) > 50
        for piece in pieces:
            begun.append(piece)
            if len(begun) == 2:
                timer.start()
            yield piece

    def interrupt():
        seen.append(len(begun))
        _thread.interrupt_main()

    timer = threading.Timer(0.01, interrupt)
    monkeypatch.setattr(exact, "pieces_of", noted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            top_k(queries, items, 10, num_threads=2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(begun) <= seen[0] + 1  # one may begin between what is seen and the interrupt


def test_many_python_threads_get_the_same_lists():
    rng = np.random.default_rng(2)
    queries, items = rng.standard_normal((200, 16)), rng.standard_normal((3000, 16))
    expected, found = top_k(queries, items, 7), [None] * 8

    def search(i):
        found[i] = top_k(queries, items, 7, num_threads=2)

    threads = [threading.Thread(target=search, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for lists in found:
        np.testing.assert_array_equal(lists[0], expected[0])
        np.testing.assert_array_equal(lists[1], expected[1])


@pytest.mark.parametrize("kind", [np.int64, np.float16, np.float64, ">f4"])
def test_other_layouts_and_dtypes_are_taken_and_left_alone(kind):
    rng = np.random.default_rng(3)
    queries, items = rng.integers(-3, 4, (9, 5)), rng.integers(-3, 4, (40, 5))
    expected = top_k(queries.astype(np.float64), items.astype(np.float64), 6)
    mine = np.asfortranarray(queries.astype(kind)), items.astype(kind)[::-1][::-1]
    for array in mine:
        array.flags.writeable = False
    ids, scores = top_k(*mine, 6)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(scores, expected[1])
    np.testing.assert_array_equal(mine[0], queries)


def test_nothing_to_search_or_to_ask():
    items = np.ones((3, 2), np.float32)
    assert top_k(np.empty((0, 2), np.float32), items, 4)[0].shape == (0, 4)
    for keywords in ({"candidates": []}, {"exclude": [0, 1, 2]}, {"candidates": [1], "exclude": [1]}):
        ids, scores = top_k(items, items, 2, **keywords)
        np.testing.assert_array_equal(ids, np.full((3, 2), -1))
        np.testing.assert_array_equal(scores, np.full((3, 2), -np.inf))
    ids, scores = top_k(items, np.empty((0, 2), np.float32), 2)
    np.testing.assert_array_equal(ids, np.full((3, 2), -1))
    assert scores.dtype == np.float32
    higher, equal = rank_of(items, items, ([0, 0, 0, 0], []))
    assert len(higher) == len(equal) == 0


Q, Y = np.ones((2, 3)), np.ones((4, 3))
NAN = np.array([[1.0, np.nan, 1.0], [1.0, 1.0, 1.0]])


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((Q[0], Y, 1), {}, ValueError, "queries must be a two-dimensional array"),
        ((Q, Y[0], 1), {}, ValueError, "items must be a two-dimensional array"),
        ((Q, Y.T, 1), {}, ValueError, "same number of columns, got 3 and 4"),
        ((Q.astype(str), Y, 1), {}, TypeError, "queries must hold numbers"),
        ((Q, Y * 1j, 1), {}, TypeError, "items must hold numbers"),
        ((NAN, Y, 1), {}, ValueError, "queries must be finite, got nan in row 0, column 1"),
        ((Q, NAN, 1), {}, ValueError, "items must be finite, got nan in row 0, column 1"),
        (
            (Q, np.where(np.isnan(NAN), np.inf, 1), 1),
            {},
            ValueError,
            "items must be finite, got inf in row 0, column 1",
        ),
        ((Q * 1e300, Y * 1e300, 1), {}, ValueError, "within the range of float64"),
        ((Q.astype("f"), Y.astype("f"), 1), {"item_bias": [1e300] * 4}, ValueError, "within the range of float32"),
        ((Q, Y, 0), {}, ValueError, "k must be an integer >= 1, got 0"),
        ((Q, Y, 2.0), {}, TypeError, "k must be an integer >= 1, got 2.0"),
        ((Q, Y, 1), {"item_bias": [1.0]}, ValueError, "item_bias must be a one-dimensional array of length 4"),
        ((Q, Y, 1), {"item_bias": [1, 2, np.inf, 3]}, ValueError, "item_bias must hold finite numbers"),
        ((Q, Y, 1), {"item_bias": np.ones(4), "metric": "cosine"}, ValueError, "item_bias must be None"),
        ((Q, Y, 1), {"metric": "euclid"}, ValueError, "metric must be one of 'dot', 'cosine', got 'euclid'"),
        ((Q, Y, 1), {"seen": np.ones((2, 4))}, TypeError, "seen must be a pair of arrays"),
        ((Q, Y, 1), {"seen": ([0, 1], [1])}, ValueError, "seen indptr must be a one-dimensional array of length 3"),
        ((Q, Y, 1), {"seen": ([0, 1, 3], [1, 2])}, ValueError, r"seen indptr must ascend within \[0, 2\]"),
        ((Q, Y, 1), {"seen": ([0, 2, 1], [1, 2])}, ValueError, "not ascending"),
        ((Q, Y, 1), {"seen": ([-1, 1, 1], [1, 2])}, ValueError, "seen indptr must ascend"),
        ((Q, Y, 1), {"seen": ([0, 2, 2], [2, 1])}, ValueError, "strictly ascending in each row, got 2 before 1"),
        ((Q, Y, 1), {"seen": ([0, 2, 2], [1, 1])}, ValueError, "strictly ascending in each row, got 1 before 1"),
        ((Q, Y, 1), {"seen": ([0, 1, 2], [1, 4])}, IndexError, r"seen must hold item numbers in \[0, 4\), got 1 to 4"),
        ((Q, Y, 1), {"seen": ([0, 1, 2], [-1, 2**40])}, IndexError, "seen must hold item numbers"),
        ((Q, Y, 1), {"seen": ([0, 1, 2], [0.0, 1.0])}, TypeError, "seen must hold integers"),
        ((Q, Y, 1), {"exclude_rows": ([0, 0, 1], [9])}, IndexError, "exclude_rows must hold item numbers"),
        ((Q, Y, 1), {"exclude": [4]}, IndexError, r"exclude must hold numbers of items in \[0, 4\), got 4"),
        ((Q, Y, 1), {"candidates": [-1]}, IndexError, "candidates must hold numbers of items"),
        ((Q, Y, 1), {"candidates": [0.5]}, TypeError, "candidates must hold integers"),
        ((Q, Y, 1), {"num_threads": 0}, ValueError, "num_threads must be None or an integer in"),
    ],
)
def test_bad_arguments_of_top_k(arguments, keywords, error, message):
    with pytest.raises(error, match=message):
        top_k(*arguments, **keywords)


@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((Q, Y, None), {}, TypeError, "targets must be a pair of arrays"),
        ((Q, Y, ([0, 1], [0])), {}, ValueError, "targets indptr must be a one-dimensional array of length 3"),
        ((Q, Y, ([0, 1, 2], [0, 4])), {}, IndexError, r"targets must hold item numbers in \[0, 4\), got 0 to 4"),
        ((NAN, Y, ([0, 1, 2], [0, 1])), {}, ValueError, "queries must be finite"),
        ((Q, np.tile(NAN, (2, 1)), ([0, 1, 2], [0, 1])), {}, ValueError, "items must be finite"),
        ((Q, Y, ([0, 1, 2], [0, 1])), {"seen": ([0, 2, 2], [2, 1])}, ValueError, "seen must be strictly ascending"),
        ((Q, Y, ([0, 1, 2], [0, 1])), {"item_bias": [0, 0]}, ValueError, "item_bias must be a one-dimensional array"),
        ((Q, Y, ([0, 1, 2], [0, 1])), {"num_threads": True}, TypeError, "num_threads must be None"),
    ],
)
def test_bad_arguments_of_rank_of(arguments, keywords, error, message):
    with pytest.raises(error, match=message):
        rank_of(*arguments, **keywords)


def test_neighbouring_rows_of_seen_may_fall(simd):
    """Only within a row must the numbers ascend: empty rows at the start, between and at the end."""
    ids, _ = top_k(np.ones((5, 1)), np.ones((4, 1)), 4, seen=([0, 0, 2, 2, 4, 4], [2, 3, 0, 1]))
    expected = [[0, 1, 2, 3], [0, 1, -1, -1], [0, 1, 2, 3], [2, 3, -1, -1], [0, 1, 2, 3]]
    np.testing.assert_array_equal(ids, expected)
