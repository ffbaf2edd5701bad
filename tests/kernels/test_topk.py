"""The retrieval kernels against their twins: over instruction sets, dtypes, threads and shapes."""

from functools import cache

import numpy as np
import pytest
from reference import topk as twin
from tolerances import tolerance

from fastmf.kernels import topk

# queries, items, factors, k: lone queries, tiles and panels that are not whole, blocks, k beyond the sorted list,
# k beyond the items, no factors
SHAPES = [
    (1, 1, 1, 1),
    (1, 500, 64, 10),
    (2, 33, 7, 5),
    (5, 64, 16, 3),
    (13, 100, 33, 40),
    (30, 129, 8, 129),
    (7, 20, 5, 50),
    (19, 77, 0, 6),
    (400, 40, 3, 4),
]
# and strips: a whole one, lists that fill several, a last one of one item
PAIR_SHAPES = [*SHAPES, (3, 256, 9, 0), (26, 900, 33, 200), (14, 769, 2, 3)]


def rows_of(rng, n, n_items, most):
    """A CSR pattern of sorted item numbers, some rows empty, some with everything."""
    lengths = rng.integers(0, most + 1, n)
    rows = [np.sort(rng.choice(n_items, min(length, n_items), replace=False)) for length in lengths]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return indptr.astype(np.int64), np.concatenate(rows).astype(np.int32)


def problem(shape, dtype, seed=0, whole=True):
    """Factors and biases; whole numbers make sums exact and ties frequent."""
    n, n_items, factors, _ = shape
    rng = np.random.default_rng(seed)
    sizes = (n, factors), (n_items, factors), (n_items,)
    arrays = [(rng.integers(-3, 4, size) if whole else rng.standard_normal(size)).astype(dtype) for size in sizes]
    for array in arrays:
        array.flags.writeable = False
    return rng, *arrays


def run(function, shape, dtype, *arguments, num_threads=1):
    ids, scores = np.full((shape[0], shape[3]), 7, np.int32), np.full((shape[0], shape[3]), 7, dtype)
    assert function(*arguments, ids, scores, num_threads) == 0
    return ids, scores


@cache
def filtered_problems(shape, dtype):
    """Arguments of top_k without and with bias, subset, norms, seen and excluded items, and the twin's lists."""
    rng, queries, items, bias = problem(shape, dtype)
    n, n_items = shape[:2]
    subset = np.flatnonzero(rng.random(n_items) < 0.8).astype(np.int32)
    some, all_of_them, nothing = n_items // 2, n_items, (None, None)
    problems = []
    norms = np.sqrt(np.square(items.astype(np.float64)).sum(axis=1)).astype(dtype)
    order, shuffled = np.argsort(-norms, kind="stable").astype(np.int32), rng.permutation(subset)
    for filters in (
        (None, None, None, *nothing, *nothing),
        (bias, None, None, *rows_of(rng, n, n_items, all_of_them), *nothing),
        (bias, subset, None, *rows_of(rng, n, n_items, some), *rows_of(rng, n, n_items, some)),
        (None, order, norms[order], *rows_of(rng, n, n_items, some), *nothing),
        (bias, shuffled, norms[shuffled], *nothing, *rows_of(rng, n, n_items, some)),
    ):
        arguments = (queries, items, filters[0], False, *filters[1:])
        problems.append((arguments, run(twin.top_k, shape, np.float64, *arguments)))
    return problems


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_threads", [1, 2, 4])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_top_k_with_ties_and_filters_is_the_twin_exactly(simd, dtype, num_threads, shape):
    for arguments, expected in filtered_problems(shape, dtype):
        found = run(topk.top_k, shape, dtype, *arguments, num_threads=num_threads)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cosine", [False, True])
@pytest.mark.parametrize("shape", [shape for shape in SHAPES if shape[0] < 400], ids=str)
def test_scores_are_the_twins_up_to_rounding(simd, dtype, cosine, shape):
    _, queries, items, bias = problem(shape, dtype, whole=False)
    arguments = (queries, items, None if cosine else bias, cosine, None, None, None, None, None, None)
    _, expected = run(twin.top_k, shape, np.float64, *arguments)
    _, found = run(topk.top_k, shape, dtype, *arguments)
    size = (
        1.0 if cosine else np.linalg.norm(queries, axis=1).max(initial=1) * np.linalg.norm(items, axis=1).max(initial=1)
    )
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance(dtype, shape[2]) * max(size, abs(bias).max()))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cosine", [False, True])
@pytest.mark.parametrize("factors", [1, 16, 37, 100])
def test_a_query_gets_the_same_bits_alone_and_in_any_batch_and_subset(simd, dtype, cosine, factors):
    shape = (41, 205, factors, 205)
    rng, queries, items, _ = problem(shape, dtype, whole=False)
    rest = (None, cosine, None, None, None, None, None, None)
    ids, scores = run(topk.top_k, shape, dtype, queries, items, *rest)
    by_item = np.take_along_axis(scores, np.argsort(ids, axis=1), axis=1)
    for n in (1, 2, 4, 5, 6, 7, 11, 12, 13, 29):
        start = int(rng.integers(0, len(queries) - n + 1))
        some = run(topk.top_k, (n, *shape[1:]), dtype, queries[start : start + n], items, *rest)
        np.testing.assert_array_equal(some[0], ids[start : start + n])
        np.testing.assert_array_equal(some[1], scores[start : start + n])
    subset = np.flatnonzero(rng.random(len(items)) < 0.5).astype(np.int32)
    found, scores = run(topk.top_k, (41, 0, 0, len(subset)), dtype, queries, items, None, cosine, subset, *rest[3:])
    np.testing.assert_array_equal(scores, np.take_along_axis(by_item, found, axis=1))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parts_of_the_catalogue_merge_to_the_same_lists(simd, dtype):
    """Few queries and many values: with several threads the items are cut, too."""
    shape = (3, 70_000, 40, 50)
    rng, queries, items, bias = problem(shape, dtype)
    arguments = (queries, items, bias, False, None, None, *rows_of(rng, 3, shape[1], 5000), None, None)
    alone = run(topk.top_k, shape, dtype, *arguments)
    for num_threads in (2, 3):
        together = run(topk.top_k, shape, dtype, *arguments, num_threads=num_threads)
        np.testing.assert_array_equal(together[0], alone[0])
        np.testing.assert_array_equal(together[1], alone[1])
    scores = queries.astype(np.float64) @ items.T.astype(np.float64) + bias
    for q in range(3):
        scores[q, arguments[7][arguments[6][q] : arguments[6][q + 1]]] = -np.inf
    np.testing.assert_array_equal(alone[0], np.argsort(-scores, axis=1, kind="stable")[:, :50])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 10, 32, 33, 100, 1000])
@pytest.mark.parametrize("order", ["rising", "falling", "equal", "random"])
def test_every_order_of_scores(simd, dtype, k, order):
    """Rising scores displace the list at each item, falling ones never; equal ones must leave the first k."""
    n_items = 3000
    bias = {
        "rising": np.arange(n_items),
        "falling": -np.arange(n_items),
        "equal": np.zeros(n_items),
        "random": np.random.default_rng(k).integers(0, 200, n_items),
    }[order].astype(dtype)
    empty = np.empty((2, 0), dtype), np.empty((n_items, 0), dtype)
    ids, scores = run(topk.top_k, (2, n_items, 0, k), dtype, *empty, bias, False, None, None, None, None, None, None)
    expected = np.lexsort((np.arange(n_items), -bias))[:k]
    np.testing.assert_array_equal(ids, [expected, expected])
    np.testing.assert_array_equal(scores, [bias[expected]] * 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cosine_holds_at_the_ends_of_the_range(simd, dtype):
    """Squares of such numbers overflow or vanish; a row of zeros has no direction."""
    huge, tiny = np.finfo(dtype).max, np.finfo(dtype).smallest_subnormal * 64
    items = np.array([[huge, huge], [tiny, 0], [0, 0], [-1, 1], [0, huge / 4]], dtype)
    arguments = (None, True, None, None, None, None, None, None)
    for query in ([[huge, 0]], [[tiny, 0]], [[3, 0]]):
        ids, scores = run(topk.top_k, (1, 5, 2, 5), dtype, np.array(query, dtype), items, *arguments)
        np.testing.assert_array_equal(ids, [[1, 0, 2, 4, 3]])
        np.testing.assert_allclose(scores, [[1, 0.5**0.5, 0, 0, -(0.5**0.5)]], rtol=tolerance(dtype, 2))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_score_that_is_not_finite_is_reported(simd, dtype, bad):
    shape = (14, 90, 6, 3)
    _, queries, items, _ = problem(shape, dtype, whole=False)
    items = items.copy()
    items[77, 2] = bad
    ids, scores = np.empty((14, 3), np.int32), np.empty((14, 3), dtype)
    assert topk.top_k(queries, items, None, False, None, None, None, None, None, None, ids, scores, 1) > 0


def test_minus_zero_ties_with_zero(simd):
    items = np.array([[0.0], [-0.0], [0.0]], np.float32)
    bias = np.array([-0.0, 0.0, -0.0], np.float32)
    for k in (2, 3):
        ids, _ = run(topk.top_k, (1, 3, 1, k), np.float32, np.ones((1, 1), np.float32), items, bias, False, *[None] * 6)
        np.testing.assert_array_equal(ids, [[0, 1, 2][:k]])


@cache
def rank_problems(shape, dtype):
    rng, queries, items, bias = problem(shape, dtype)
    n, n_items = shape[:2]
    targets = rows_of(rng, n, n_items, 12)
    rng.shuffle(targets[1][: targets[0][1]])  # any order within a row
    problems = []
    for filters in ((None, None, None), (bias, *rows_of(rng, n, n_items, n_items))):
        arguments = (queries, items, *filters, *targets)
        problems.append((arguments, run_rank_of(twin.rank_of, np.float64, *arguments)))
    return problems


def run_rank_of(function, dtype, *arguments, num_threads=1):
    scores, (higher, equal) = np.full(len(arguments[-1]), 7, dtype), np.full((2, len(arguments[-1])), 7, np.int64)
    function(*arguments, scores, higher, equal, num_threads)
    return scores, higher, equal


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_threads", [1, 2, 4])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rank_of_is_the_twin_exactly(simd, dtype, num_threads, shape):
    for arguments, expected in rank_problems(shape, dtype):
        found = run_rank_of(topk.rank_of, dtype, *arguments, num_threads=num_threads)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_ranks_and_lists_agree_bit_for_bit(simd, dtype):
    """A target at place r of the whole list has the rank r, whatever rounding does to near-ties."""
    shape = (23, 310, 37, 310)
    _, queries, items, bias = problem(shape, dtype, whole=False)
    ids, _ = run(topk.top_k, shape, dtype, queries, items, bias, False, *[None] * 6)
    indptr = np.arange(24, dtype=np.int64) * 310
    _, higher, equal = run_rank_of(topk.rank_of, dtype, queries, items, bias, None, None, indptr, ids.ravel())
    np.testing.assert_array_equal((higher + equal).reshape(23, 310), np.tile(np.arange(310), (23, 1)))


@cache
def pair_problems(shape, dtype):
    rng, queries, items, bias = problem(shape, dtype)
    n, n_items = shape[:2]
    targets = rows_of(rng, n, n_items, 12)
    problems = []
    for filters in (
        (None, *NO_ORDER, None, None),
        (bias, *NO_ORDER, *rows_of(rng, n, n_items, n_items)),
        (bias, *longest_first(items), *rows_of(rng, n, n_items, n_items // 2)),
        (None, *longest_first(items), None, None),
    ):
        for k in (0, shape[3]):
            arguments = (queries, items, *filters, *targets)
            problems.append((arguments, k, run_lost_pairs(twin.lost_pairs, np.float64, *arguments, k=k)))
    return problems


NO_ORDER = (None,) * 5


def longest_first(items):
    """The arguments of lost_pairs from order to strips, without integers."""
    norms = np.sqrt(np.square(items.astype(np.float64)).sum(axis=1)).astype(items.dtype)
    order = np.argsort(-norms, kind="stable").astype(np.int32)
    return order, norms[order], np.argsort(order).astype(np.int32), None, None


def made_coarse(function, items, bias, order, weight=1.5):
    """The integers of the items, or None where the instruction set in use has no use for them."""
    shape = topk.coarse_shape(len(items), items.shape[1], bias is not None)
    if shape is None:
        return None
    coarse, strips = np.full(shape, 7, np.int16), np.full((shape[0], 4), 7.0)
    function(items, bias, order, weight, coarse, strips, 2)
    return coarse, strips


def coarsely(arguments):
    """Arguments of lost_pairs with the integers of items in an order: none, or the same again with them."""
    _, items, bias, order = arguments[:4]
    made = None if order is None else made_coarse(topk.coarse_items, items, bias, order)
    return [] if made is None else [(*arguments[:6], *made, *arguments[8:])]


def run_lost_pairs(function, dtype, *arguments, k=0, num_threads=1):
    """Lists, the sorted scores of the targets, and the pairs these lose."""
    n = len(arguments[0])
    ids, scores = np.full((n, k), 7, np.int32), np.full((n, k), 7, dtype)
    target_scores, lost = np.full(len(arguments[-1]), 7, dtype), np.full(n, 7, np.int64)
    assert function(*arguments, ids, scores, target_scores, lost, num_threads) == 0
    return ids, scores, target_scores, lost


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("num_threads", [1, 2, 4])
@pytest.mark.parametrize("shape", PAIR_SHAPES, ids=str)
def test_lost_pairs_and_their_lists_are_the_twins_exactly(simd, dtype, num_threads, shape):
    for arguments, k, expected in pair_problems(shape, dtype):
        for each in (arguments, *coarsely(arguments)):
            found = run_lost_pairs(topk.lost_pairs, dtype, *each, k=k, num_threads=num_threads)
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one, other)


def test_lost_pairs_of_no_targets_are_none(simd):
    arguments = (np.ones((3, 2), np.float32), np.ones((5, 2), np.float32), *[None] * 8, np.zeros(4, np.int64))
    ids, scores, _, lost = run_lost_pairs(topk.lost_pairs, np.float32, *arguments, np.empty(0, np.int32), k=2)
    np.testing.assert_array_equal(lost, 0)
    np.testing.assert_array_equal(ids, [[0, 1]] * 3)
    np.testing.assert_array_equal(scores, 2)


def test_lost_pairs_among_no_items_are_none(simd):
    arguments = (np.ones((2, 2), np.float32), np.ones((0, 2), np.float32), *[None] * 8, np.zeros(3, np.int64))
    ids, scores, _, lost = run_lost_pairs(topk.lost_pairs, np.float32, *arguments, np.empty(0, np.int32), k=2)
    np.testing.assert_array_equal(lost, 0)
    np.testing.assert_array_equal(ids, -1)
    np.testing.assert_array_equal(scores, -np.inf)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize(
    ("items", "most"), [(310, 310), *((3001, most) for most in (1, 3, 4, 7, 8, 15, 16, 31, 32, 62, 70))]
)
def test_lost_pairs_and_ranks_agree_bit_for_bit(simd, items, most, ordered, dtype):
    """Without ties a target loses to the items above it, and is level with itself where it is no seen item; rounding
    must not see other scores here than there."""
    rng, queries, catalogue, bias = problem((23, items, 9, 0), dtype, whole=False)
    order = longest_first(catalogue) if ordered else NO_ORDER
    seen = rows_of(rng, 23, items, items // 2)
    indptr = np.arange(24) * most
    indices = np.concatenate([np.sort(rng.permutation(items)[:most]) for _ in range(23)]).astype(np.int32)
    _, higher, equal = run_rank_of(topk.rank_of, dtype, queries, catalogue, bias, *seen, indptr, indices)
    assert not equal.any()
    arguments = queries, catalogue, bias, *order, *seen, indptr, indices
    own = [
        len(np.setdiff1d(indices[u * most : (u + 1) * most], seen[1][seen[0][u] : seen[0][u + 1]])) for u in range(23)
    ]
    for each in (arguments, *coarsely(arguments)):
        *_, lost = run_lost_pairs(topk.lost_pairs, dtype, *each)
        np.testing.assert_array_equal(lost, 2 * higher.reshape(23, most).sum(axis=1) + own)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("k", [1, 40, 300])
def test_lists_beside_lost_pairs_are_the_lists_alone_bit_for_bit(simd, dtype, k):
    rng, queries, items, bias = problem((50, 1003, 13, k), dtype, whole=False)
    seen, targets = rows_of(rng, 50, 1003, 300), rows_of(rng, 50, 1003, 40)
    alone = run(topk.top_k, (50, 0, 0, k), dtype, queries, items, bias, False, None, None, *seen, None, None)
    for order in (NO_ORDER, longest_first(items)):
        arguments = queries, items, bias, *order, *seen, *targets
        for each in (arguments, *coarsely(arguments)):
            ids, scores, *_ = run_lost_pairs(topk.lost_pairs, dtype, *each, k=k)
            np.testing.assert_array_equal(ids, alone[0])
            np.testing.assert_array_equal(scores, alone[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("biased", [False, True])
def test_coarse_items_are_the_twins(simd, dtype, biased):
    """An odd and an even number of integers; a number half way between two may become either."""
    _, _, items, bias = problem((0, 600, 9, 0), dtype, whole=False)
    bias, order = bias if biased else None, longest_first(items)[0]
    found = made_coarse(topk.coarse_items, items, bias, order)
    if found is None:
        pytest.skip("no use for integers")
    expected = made_coarse(twin.coarse_items, items, bias, order)
    np.testing.assert_allclose(found[1], expected[1], rtol=1e-4)  # the step is a trifle longer: the error shows it
    differences = np.abs(found[0].astype(np.int32) - expected[0])
    assert differences.max() <= 1
    assert differences.sum() <= 2


def hard_catalogue(kind, rng, dtype):
    """Queries, items and biases whose coarse scores tell little, or whose lengths go to extremes."""
    queries, items = rng.standard_normal((30, 8)), rng.standard_normal((1100, 8))
    bias = None
    if kind == "all alike":
        items[:] = items[0]
    elif kind == "few different":
        items = items[rng.integers(0, 5, 1100)]
    elif kind == "nearly alike":
        items = items[0] * (1 + 1e-6 * rng.standard_normal((1100, 1)))
    elif kind == "zeros":
        queries[::3] = 0
        items[rng.random(1100) < 0.7] = 0
    elif kind == "short and long":
        queries *= 10.0 ** rng.integers(-12, 9, (30, 1))
        items *= 10.0 ** rng.integers(-12, 9, (1100, 1))
    elif kind == "tiny":
        queries, items = queries * 1e-20, items * 1e-20
    elif kind == "tiny queries":
        queries *= 1e-170  # their squares vanish in float64, they themselves in float32
    elif kind == "tiny items":
        items *= 1e-170
    elif kind == "large":
        queries, items = queries * 1e12, items * 1e17
    elif kind == "too large":
        queries, items = queries * 1e16, items * 1e16  # within the range of float32, beyond that of integers
    elif kind == "one factor":
        queries[:, 1:] = items[:, 1:] = 0
    elif kind == "large biases":
        bias = 1e4 * rng.standard_normal(1100)
    elif kind == "biases alone":
        queries[:], bias = 0, rng.standard_normal(1100)
    return queries.astype(dtype), items.astype(dtype), None if bias is None else bias.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "kind",
    [
        "all alike",
        "few different",
        "nearly alike",
        "zeros",
        "short and long",
        "tiny",
        "tiny queries",
        "tiny items",
        "large",
        "too large",
        "one factor",
        "large biases",
        "biases alone",
    ],
)
@pytest.mark.parametrize("k", [0, 7, 60])
def test_coarse_scores_change_no_result(simd, kind, k, dtype):
    rng = np.random.default_rng(0)
    queries, items, bias = hard_catalogue(kind, rng, dtype)
    targets, seen = rows_of(rng, 30, 1100, 70), rows_of(rng, 30, 1100, 400)
    arguments = queries, items, bias, *longest_first(items), *seen, *targets
    expected = run_lost_pairs(topk.lost_pairs, dtype, queries, items, bias, *NO_ORDER, *seen, *targets, k=k)
    for each in (arguments, *coarsely(arguments)):
        found = run_lost_pairs(topk.lost_pairs, dtype, *each, k=k)
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("scale", [1e-170, 1e-155])
@pytest.mark.parametrize("side", ["queries", "items"])
def test_rows_whose_squares_vanish_are_within_reach(simd, side, scale):
    """All scores positive, so that a length taken for too short would leave out tiles."""
    queries, items = np.ones((30, 1)), np.arange(1.0, 1001)[:, None]
    queries, items = (queries * scale, items) if side == "queries" else (queries, items * scale)
    order = longest_first(np.arange(1.0, 1001)[:, None])
    order = order[0], np.abs(items[order[0], 0]), *order[2:]
    targets = np.arange(31, dtype=np.int64), np.arange(300, 600, 10, dtype=np.int32)
    arguments = queries, items, None, *order, None, None, *targets
    for each in (arguments, *coarsely(arguments)):
        *_, lost = run_lost_pairs(topk.lost_pairs, np.float64, *each)
        np.testing.assert_array_equal(lost, 2 * (999 - targets[1]) + 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scores_beyond_the_range_stay_within_the_rows_of_targets(simd, dtype):
    """An infinite score is above all targets."""
    items = np.concatenate([np.arange(1.0, 300), [np.finfo(dtype).max]])[:, None].astype(dtype)
    indptr, targets = np.array([0, 2, 5], np.int64), np.array([0, 1, 2, 3, 4], np.int32)
    queries = np.full((2, 1), 10, dtype)
    ids, scores = np.empty((2, 1), np.int32), np.empty((2, 1), dtype)
    target_scores, lost = np.empty(5, dtype), np.empty(2, np.int64)
    outputs = ids, scores, target_scores, lost
    assert topk.lost_pairs(queries, items, None, *NO_ORDER, None, None, indptr, targets, *outputs, 1) > 0
    np.testing.assert_array_equal(lost, [2 * (299 + 298) + 2, 2 * (297 + 296 + 295) + 3])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_seen_items_that_share_a_bit_of_the_sieve_are_told_apart(simd, dtype):
    """Any order of the items: of those a thousand apart one is seen and the next is not."""
    n_items = 5000
    bias = np.arange(n_items, 0, -1).astype(dtype)
    empty, norms = (np.empty((2, 0), dtype), np.empty((n_items, 0), dtype)), np.zeros(n_items, dtype)
    seen = np.concatenate([np.arange(0, 3000, 2), np.arange(1025, 5000, 1024)]).astype(np.int32)
    seen = np.unique(seen)
    rows = np.array([0, len(seen), len(seen)], np.int64), seen
    order = np.arange(n_items, dtype=np.int32)
    ids, _ = run(topk.top_k, (2, 0, 0, 700), dtype, *empty, bias, False, order, norms, *rows, None, None)
    np.testing.assert_array_equal(ids, [np.setdiff1d(order, seen)[:700], order[:700]])
