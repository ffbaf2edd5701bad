"""Index: the contract of top_k for every kind, the recall that is told, files, and every bad argument."""

import threading
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tolerances import tolerance

import fastmf
from fastmf import ModelFileError, UnknownIdError, _file, _optional
from fastmf.data import IdMap
from fastmf.retrieval import Index, ann, approximate, top_k

with warnings.catch_warnings():  # of the wrapper that faiss is made with
    warnings.simplefilter("ignore")
    try:
        import faiss
    except ImportError:
        faiss = None

needs_faiss = pytest.mark.skipif(faiss is None, reason="needs faiss")
APPROXIMATE = [pytest.param(kind, marks=needs_faiss) for kind in ("hnsw", "ivf")]
KINDS = ["exact", *APPROXIMATE]


def normal(seed, *shape, dtype="f"):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def lists(rows):
    return np.cumsum([0] + [len(row) for row in rows]), np.concatenate([*rows, np.empty(0, np.int64)]).astype(np.int32)


# -- the contract -------------------------------------------------------------------------------------------------


def check_contract(index, queries, k, seen_rows=None, exclude=None):
    """Whatever was found: allowed, not repeated, true scores in order, and no list short while items remain."""
    seen = None if seen_rows is None else lists(seen_rows)
    ids, scores = index.search(queries, k, seen=seen, exclude=exclude)
    Q, Y = queries.astype(np.float64), index.items.astype(np.float64)
    if index.metric == "cosine":
        Q, Y = (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-300) for rows in (Q, Y))
    truth = Q @ Y.T + (0 if index.item_bias is None else index.item_bias)
    near = tolerance(index.items.dtype, Y.shape[1]) * (1 + abs(truth).max(initial=0))
    assert ids.shape == scores.shape == (len(queries), k)
    assert (ids.dtype, scores.dtype) == (np.int32, index.items.dtype)
    for q in range(len(queries)):
        hidden = set([] if seen_rows is None else seen_rows[q]) | set([] if exclude is None else exclude)
        n = min(k, len(Y) - len(hidden))
        got, value = ids[q, :n], scores[q, :n]
        assert len(set(got.tolist()) - {-1}) == n
        assert not set(got.tolist()) & hidden
        assert (ids[q, n:] == -1).all()
        assert (scores[q, n:] == -np.inf).all()
        assert abs(value - truth[q, got]).max(initial=0) <= near
        assert (np.diff(value) <= 0).all()
        assert (np.diff(got)[np.diff(value) == 0] > 0).all()


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, n_items = draw(st.integers(0, 8)), draw(st.sampled_from([0, 1, 2, 30, 300]))
    factors, dtype = draw(st.sampled_from([0, 1, 6])), draw(st.sampled_from(["f", "d"]))
    metric, whole = draw(st.sampled_from(["dot", "cosine"])), draw(st.booleans())

    def numbers(*size):
        return (rng.integers(-1, 2, size) if whole else rng.standard_normal(size)).astype(dtype)

    keywords = {"metric": metric}
    if metric == "dot" and draw(st.booleans()):
        keywords["item_bias"] = numbers(n_items)
    share = draw(st.sampled_from([0, 0.1, 0.99]))
    seen = [np.flatnonzero(rng.random(n_items) < share * rng.random()).tolist() for _ in range(n)]
    exclude = np.flatnonzero(rng.random(n_items) < share * rng.random()).tolist()
    filters = {"seen_rows": draw(st.sampled_from([None, seen])), "exclude": draw(st.sampled_from([None, exclude]))}
    return numbers(n_items, factors), keywords, numbers(n, factors), draw(st.sampled_from([1, 5, 40])), filters


@pytest.mark.parametrize("kind", KINDS)
@given(problem=problems())
@settings(max_examples=40, deadline=None)
def test_every_kind_keeps_the_contract(kind, problem):
    items, keywords, queries, k, filters = problem
    check_contract(Index(items, kind=kind, num_threads=2, **keywords), queries, k, **filters)


@pytest.mark.parametrize("metric", ["dot", "cosine"])
def test_exact_is_top_k(metric):
    items, queries = normal(0, 50, 6), normal(1, 9, 6)
    keywords = {"metric": metric} | ({"item_bias": normal(2, 50)} if metric == "dot" else {})
    expected = top_k(queries, items, 7, seen=lists([[3, 4]] * 9), exclude=[5], **keywords)
    found = Index(items, **keywords).search(queries, 7, seen=lists([[3, 4]] * 9), exclude=[5])
    for one, other in zip(found, expected, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("kind", APPROXIMATE)
@pytest.mark.parametrize("biased", [False, True])
def test_lists_that_filters_leave_short_are_searched_for_again(kind, biased, monkeypatch):
    """Much of what is best is excluded, more than the first search allows for; then all that could be found is."""
    items, queries = normal(3, 4000, 8), normal(4, 20, 8)
    bias = 3 * normal(5, 4000) if biased else None
    index = Index(items, item_bias=bias, kind=kind, n_probe=4 if kind == "ivf" else None, num_threads=1)
    tries, nearest = [], ann.nearest

    def noted(found, queries, has_bias, fetch, effort, threads):
        tries.append((len(queries), fetch, effort))
        return nearest(found, queries, has_bias, fetch, effort, threads)

    monkeypatch.setattr(ann, "nearest", noted)
    best = top_k(queries, items, 1500, item_bias=bias)[0]
    for hidden, least, last in ((5, 16, 16), (40, 32, 64), (300, 128, 512), (1500, 512, 512)):  # then exactly
        check_contract(index, queries[:1], 10, exclude=best[0, :hidden].tolist())
        tries.clear()
        found, exact = (
            i.search(queries[:1], 10, exclude=best[0, :hidden])[1] for i in (index, Index(items, item_bias=bias))
        )
        assert least <= tries[-1][1] <= last
        assert kind == "ivf" or approximate.share_found(found, exact) > 0.4
        assert [fetch for _, fetch, _ in tries] == [16 << power for power in range(len(tries))]
        assert [effort for *_, effort in tries] == [tries[0][2] << power for power in range(len(tries))]
    tries.clear()
    check_contract(index, queries, 10, [np.sort(row[: 30 * (q % 2)]).tolist() for q, row in enumerate(best)])
    assert [(asked, fetch) for asked, fetch, _ in tries] == [(10, 16), (10, 64)], "more by what a query has seen"


@pytest.mark.parametrize("kind", APPROXIMATE)
@pytest.mark.parametrize("bias_of_the_best", [2, 10, 50])
def test_biases_decide_what_is_found(kind, bias_of_the_best):
    """Also biases far beyond all other scores, with which a graph loses its way."""
    items, queries, bias = normal(6, 3000, 8), normal(7, 300, 8), np.zeros(3000)
    bias[[7, 2999]] = bias_of_the_best, 0.9 * bias_of_the_best
    index = Index(items, item_bias=bias, kind=kind, sample=queries)
    assert index.recall > 0.9
    if bias_of_the_best == 50:
        assert np.isin(index.search(queries, 2)[0], [7, 2999]).all()


@pytest.mark.parametrize("kind", APPROXIMATE)
@pytest.mark.parametrize("scale", [1e-30, 1e150])
def test_numbers_beyond_float32_are_searched_as_well(kind, scale):
    items, queries = normal(8, 2000, 8, dtype="d"), normal(9, 50, 8, dtype="d")
    index = Index(items * scale, kind=kind, sample=queries * scale)
    assert index.recall > 0.9
    ids, scores = index.search(queries * scale, 3)
    np.testing.assert_allclose(scores, scale**2 * np.einsum("qf,qkf->qk", queries, items[ids]), rtol=1e-9)


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_a_query_alone_gets_the_bits_of_a_batch_and_threads_do_not_matter(kind):
    items, queries = normal(10, 3000, 16), normal(11, 12, 16)
    rows = [list(range(i * 20)) for i in range(12)]
    index = Index(items, kind=kind)
    ids, scores = index.search(queries, 5, seen=lists(rows), num_threads=2)
    for q in range(12):
        alone = index.search(queries[q : q + 1], 5, seen=lists(rows[q : q + 1]), num_threads=1)
        assert alone[0][0].tobytes() == ids[q].tobytes()
        assert alone[1][0].tobytes() == scores[q].tobytes()


@pytest.mark.parametrize("kind", APPROXIMATE)
def test_many_queries_go_in_pieces(kind, monkeypatch):
    index, queries = Index(normal(12, 2000, 8), kind=kind), normal(13, 100, 8)
    whole = index.search(queries, 5)
    monkeypatch.setattr(approximate, "PIECE", 64)
    for one, other in zip(index.search(queries, 5), whole, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", KINDS)
def test_many_python_threads_get_the_same_lists(kind):
    index, queries, found = Index(normal(14, 3000, 8), kind=kind), normal(15, 200, 8), [None] * 6
    expected = index.search(queries, 5)

    def search(i):
        found[i] = index.search(queries, 5, num_threads=1 + i % 2)

    threads = [threading.Thread(target=search, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in found:
        np.testing.assert_array_equal(one[0], expected[0])
        np.testing.assert_array_equal(one[1], expected[1])


@needs_faiss
def test_faiss_keeps_the_number_of_threads_it_had():
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(3)
    try:
        index = Index(normal(16, 500, 4), kind="ivf", num_threads=1)
        index.search(normal(17, 5, 4), 3, num_threads=2)
        assert faiss.omp_get_max_threads() == 3
    finally:
        faiss.omp_set_num_threads(before)


@needs_faiss
def test_hnsw_built_by_one_thread_is_the_same_each_time():
    one, other = (Index(normal(18, 2000, 8), kind="hnsw", num_threads=1) for _ in range(2))
    assert (
        ann.to_array(one._contents.approximate.found).tobytes()
        == ann.to_array(other._contents.approximate.found).tobytes()
    )


def test_the_callers_arrays_are_copied_and_left_alone():
    items, bias, queries = normal(19, 50, 4), normal(20, 50), normal(21, 5, 4)
    before = items.copy(), bias.copy(), queries.copy()
    index = Index(items, item_bias=bias)
    expected = index.search(queries, 3)
    for array, kept in zip((items, bias, queries), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    items[:] = bias[:] = 0
    np.testing.assert_array_equal(index.search(queries, 3)[0], expected[0])
    assert not index.items.flags.writeable
    assert not index.item_bias.flags.writeable


# -- ids ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_taken_and_returned_and_masked_where_there_is_none(kind):
    items = np.array([[3.0], [2.0], [1.0]])
    for ids in (["a", "b", "c"], IdMap(["a", "b", "c"])):
        found, scores = Index(items, ids=ids, kind=kind).search([[1.0], [2.0]], 3, seen=([0, 1, 1], [1]), exclude=["c"])
        assert found.tolist() == [["a", None, None], ["a", "b", None]]
        assert scores.tolist() == [[3, -np.inf, -np.inf], [6, 4, -np.inf]]
    assert Index(items, kind=kind).search([[1.0]], 4)[0].tolist() == [[0, 1, 2, -1]]
    with pytest.raises(UnknownIdError, match="exclude: ids must be known: 'd' is not"):
        Index(items, ids=["a", "b", "c"], kind=kind).search([[1.0]], 1, exclude=["d"])


# -- recall -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "effort"), [pytest.param("hnsw", "ef_search", marks=needs_faiss),
                                              pytest.param("ivf", "n_probe", marks=needs_faiss)])  # fmt: skip
@pytest.mark.parametrize("metric", ["dot", "cosine"])
def test_recall_is_that_of_the_sample_and_rises_with_effort(kind, effort, metric):
    items, queries = normal(22, 1500, 32), normal(23, 200, 32)
    index = Index(items, kind=kind, metric=metric, sample=queries, **{effort: 1})
    exact = top_k(queries, items, 10, metric=metric)[0]

    def share():
        found = index.search(queries, 10)[0]
        return np.mean([len(set(a) & set(b)) / 10 for a, b in zip(found.tolist(), exact.tolist(), strict=True)])

    low = index.recall
    assert 0 < low < 0.95
    assert low == pytest.approx(share())
    assert index.measure_recall(queries) == pytest.approx(low)
    assert f"{effort}=1" in repr(index)
    assert f"recall@10 {low:.4f}" in repr(index)
    setattr(index, effort, 5000)
    assert index.parameters[effort] == getattr(index, effort) == 5000
    assert index.recall == pytest.approx(share())
    assert index.recall > 0.99
    assert f"{effort}=5000: recall@10 {index.recall:.4f}" in repr(index)


@needs_faiss
def test_recall_of_other_lengths_and_of_a_sample_of_the_sample():
    items = normal(24, 4000, 16)
    index = Index(items, kind="ivf", n_probe=2)
    assert len(index._contents.approximate.sample) == 1000  # of the items
    assert 0 < index.recall < 1
    assert index.measure_recall(items[:200], k=1) > index.measure_recall(items[:200], k=100)
    assert np.isnan(index.measure_recall(items[:0]))
    assert np.isnan(Index(items, kind="ivf", sample=items[:0]).recall)
    assert Index(items).recall == Index(items).measure_recall(items[:9]) == 1
    assert index.measure_recall(items[:5], k=5000) == 1  # all items: searched exactly


def test_items_that_score_the_same_are_as_good_as_each_other():
    best = np.array([[3.0, 2.0, 2.0], [1.0, -1.0, -np.inf]])
    assert approximate.share_found(best, best) == 1
    assert approximate.share_found(best * (1 - 1e-7), best) == 1
    assert approximate.share_found(np.array([[3.0, 2.0, 1.9], [-1.0, -1.1, -np.inf]]), best) == pytest.approx(3 / 5)
    assert np.isnan(approximate.share_found(best[:0], best[:0]))


@needs_faiss
def test_clusters_hold_long_rows_and_short_ones():
    """Rows of many lengths: by their inner products alone nearly all would be in the clusters of the longest."""
    items = normal(32, 3000, 16) * np.random.default_rng(33).pareto(2, (3000, 1))
    assert Index(items, kind="ivf", n_probe=8, sample=normal(34, 300, 16)).recall > 0.6


@needs_faiss
def test_verbose_prints_the_index_with_its_recall_and_nothing_else_prints(capfd):
    index = Index(normal(25, 300, 4), kind="ivf", verbose=True)
    assert capfd.readouterr() == (f"{index}\n", "")
    assert repr(index) == f"Index(300 items, 4 factors, dot, ivf, n_lists=35, n_probe=32: recall@10 {index.recall:.4f})"
    Index(normal(25, 300, 4), kind="ivf")
    assert capfd.readouterr() == ("", "")


# -- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize(
    ("metric", "ids"), [("dot", None), ("dot", range(5, 605)), ("cosine", [str(i) for i in range(600)])]
)
def test_saved_and_loaded_it_is_the_same(kind, mmap, metric, ids, tmp_path):
    keywords = {"metric": metric, "ids": ids, "item_bias": normal(26, 600) if metric == "dot" else None}
    index = Index(normal(27, 600, 6), kind=kind, sample=normal(28, 40, 6), **keywords)
    if kind == "ivf":
        index.n_probe = 3
    index.save(tmp_path / "index.fmf")
    same = Index.load(tmp_path / "index.fmf", mmap=mmap)
    assert repr(same) == repr(index)
    assert same.parameters == index.parameters
    assert same.ids == index.ids
    np.testing.assert_array_equal(same.items, index.items)
    queries = normal(29, 30, 6)
    for one, other in zip(same.search(queries, 4), index.search(queries, 4), strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_index_is_saved_as_well(kind, tmp_path):
    for items in (np.empty((0, 3)), np.empty((3, 0))):
        Index(items, kind=kind).save(tmp_path / "index.fmf")
        ids, _ = Index.load(tmp_path / "index.fmf").search(np.ones((2, items.shape[1])), 2)
        np.testing.assert_array_equal(ids, [[-1, -1]] * 2 if len(items) == 0 else [[0, 1]] * 2)


def test_ids_that_no_file_can_hold_leave_an_earlier_file_as_it_was(tmp_path):
    Index(np.ones((2, 1))).save(tmp_path / "index.fmf")
    before = (tmp_path / "index.fmf").read_bytes()
    with pytest.raises(TypeError, match="only integer and text ids"):
        Index(np.ones((2, 1)), ids=[("a", 1), ("b", 2)]).save(tmp_path / "index.fmf")
    assert (tmp_path / "index.fmf").read_bytes() == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_is_not_a_whole_index_is_refused(kind, tmp_path):
    path = tmp_path / "index.fmf"
    Index(normal(30, 50, 3), item_bias=normal(31, 50), ids=list(range(50)), kind=kind).save(path)
    header, arrays = _file.read(path)

    def changed(about=None, **replaced):
        _file.write(path, {"index": header["index"] | (about or {})}, arrays | replaced)
        with pytest.raises(ModelFileError, match="does not hold a whole fastmf index"):
            Index.load(path)

    changed({"contents": 2})
    changed({"metric": "euclid"})
    changed({"metric": "cosine"})
    changed({"kind": "lsh"})
    changed(items=arrays["items"][:-1])
    changed(items=arrays["items"].astype(np.int32))
    changed(items=arrays["items"][0])
    changed(item_bias=arrays["item_bias"][:-1])
    changed(item_bias=arrays["item_bias"].astype(np.float64))
    changed(**{"ids/ids": arrays["ids/ids"][:-1]})
    if kind != "exact":
        changed({"parameters": {"links": 3}})
        changed({"parameters": {next(iter(header["index"]["parameters"])): "many"}})
        changed({"kind": "ivf" if kind == "hnsw" else "hnsw", "parameters": {}})
        changed(sample=arrays["sample"][:, 1:])
        changed(best=arrays["best"][:-1])
        changed(best=arrays["best"].astype(np.int64))
        changed(faiss=arrays["faiss"][:100])
        other = Index(normal(30, 49, 3), item_bias=normal(31, 49), kind=kind)
        changed(faiss=ann.to_array(other._contents.approximate.found))
        other = Index(normal(30, 50, 4), item_bias=normal(31, 50), kind=kind)
        changed(faiss=ann.to_array(other._contents.approximate.found))
    for name in arrays:
        if name not in ("ids/ids", "item_bias"):
            _file.write(path, header, {key: array for key, array in arrays.items() if key != name})
            with pytest.raises(ModelFileError, match=name):
                Index.load(path)


def test_models_and_indexes_are_not_taken_for_each_other(tmp_path):
    fastmf.MostPopular().fit(fastmf.Ratings.from_arrays([0, 1], [0, 1])).save(tmp_path / "model.fmf")
    with pytest.raises(ModelFileError, match="does not hold a whole fastmf index"):
        Index.load(tmp_path / "model.fmf")
    Index(np.ones((2, 1))).save(tmp_path / "index.fmf")
    with pytest.raises(ModelFileError, match="does not hold a whole fastmf model"):
        fastmf.load(tmp_path / "index.fmf")


# -- bad arguments ------------------------------------------------------------------------------------------------

Y = np.ones((3, 2))


@pytest.mark.parametrize(
    ("keywords", "error", "message"),
    [
        ({"items": Y[0]}, ValueError, "items must be a two-dimensional array"),
        ({"items": Y * np.nan}, ValueError, "items must be finite, got nan in row 0, column 0"),
        ({"items": Y.astype(str)}, TypeError, "items must hold numbers"),
        ({"item_bias": [1, 2]}, ValueError, "item_bias must be a one-dimensional array of length 3"),
        ({"item_bias": [1, 2, np.inf]}, ValueError, "item_bias must hold finite numbers"),
        ({"items": Y.astype("f"), "item_bias": [1, 2, 1e300]}, ValueError, "item_bias .* fit float32"),
        ({"item_bias": [1, 2, 3], "metric": "cosine"}, ValueError, "item_bias must be None for the metric 'cosine'"),
        ({"ids": ["a", "b"]}, ValueError, "ids must have one id for each of the 3 items, got 2"),
        ({"ids": ["a", "b", "a"]}, ValueError, "ids must be unique"),
        ({"metric": "euclid"}, ValueError, "metric must be one of 'dot', 'cosine', got 'euclid'"),
        ({"kind": "lsh"}, ValueError, "kind must be one of 'exact', 'hnsw', 'ivf', got 'lsh'"),
        ({"ef_search": 9}, ValueError, "ef_search must be None for the kind 'exact'"),
        ({"kind": "ivf", "m": 9}, ValueError, "m must be None for the kind 'ivf', which has no such, got 9"),
        ({"kind": "hnsw", "n_probe": 9}, ValueError, "n_probe must be None for the kind 'hnsw'"),
        ({"kind": "hnsw", "m": 1}, ValueError, "m must be an integer in .2, "),
        ({"kind": "hnsw", "ef_construction": 0}, ValueError, "ef_construction must be an integer in .1, "),
        ({"kind": "hnsw", "ef_search": 1.5}, TypeError, "ef_search must be an integer"),
        ({"kind": "ivf", "n_lists": 4}, ValueError, r"n_lists must be an integer in \[1, 3\], got 4"),
        ({"kind": "ivf", "n_probe": 0}, ValueError, "n_probe must be an integer"),
        ({"sample": np.ones((1, 3))}, ValueError, "sample must have as many columns as items, 2, got 3"),
        ({"sample": Y * np.inf}, ValueError, "sample must be finite"),
        ({"verbose": 1}, TypeError, "verbose must be True or False"),
        ({"num_threads": 0}, ValueError, "num_threads must be None or an integer in"),
    ],
)
def test_bad_arguments_of_an_index(keywords, error, message):
    with pytest.raises(error, match=message):
        Index(**{"items": Y} | keywords)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("arguments", "keywords", "error", "message"),
    [
        ((Y[0], 1), {}, ValueError, "queries must be a two-dimensional array"),
        ((Y.T, 1), {}, ValueError, "queries must have as many columns as items, 2, got 3"),
        ((Y * np.nan, 1), {}, ValueError, "queries must be finite"),
        ((Y * 1e300, 1), {}, ValueError, "queries must fit float32, the dtype of items"),
        ((Y, 0), {}, ValueError, "k must be an integer >= 1, got 0"),
        ((Y, 1), {"seen": np.ones(3)}, TypeError, "seen must be a pair of arrays"),
        ((Y, 1), {"seen": ([0, 1], [1])}, ValueError, "seen indptr must be a one-dimensional array of length 4"),
        ((Y, 1), {"seen": ([0, 0, 0, 2], [1, 0])}, ValueError, "seen must be strictly ascending in each row"),
        ((Y, 1), {"seen": ([0, 0, 0, 1], [9])}, IndexError, r"seen must hold item numbers in \[0, 3\)"),
        ((Y, 1), {"exclude": [3]}, IndexError, r"exclude must hold numbers of items in \[0, 3\), got 3"),
        ((Y, 1), {"num_threads": 0}, ValueError, "num_threads must be None or an integer in"),
    ],
)
def test_bad_arguments_of_a_search(kind, arguments, keywords, error, message):
    with pytest.raises(error, match=message):
        Index(Y.astype("f"), kind=kind).search(*arguments, **keywords)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_beyond_the_dtype_are_refused(kind):
    index = Index(np.full((500, 2), 1e30, "f"), kind=kind, sample=np.ones((1, 2)))
    with pytest.raises(ValueError, match="scores within the range of float32"):
        index.search(np.full((1, 2), 1e30), 3)


@needs_faiss
def test_an_index_has_only_the_parameters_of_its_kind():
    index = Index(Y, kind="ivf")
    with pytest.raises(AttributeError, match="an index of the kind 'ivf' has no ef_search"):
        index.ef_search = 5
    with pytest.raises(AttributeError, match="of the kind 'exact' has no n_probe"):
        _ = Index(Y).n_probe
    with pytest.raises(ValueError, match="n_probe must be an integer in"):
        index.n_probe = 0
    assert index.parameters == {"n_lists": 3, "n_probe": 32}


@pytest.mark.parametrize("kind", ["hnsw", "ivf"])
def test_without_faiss_the_extra_is_named(kind, monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("No module named 'faiss'", name="faiss")

    monkeypatch.setattr(_optional.importlib, "import_module", missing)
    with pytest.raises(ImportError, match=r"this needs faiss, .* pip install 'fastmf\[ann\]'"):
        Index(Y, kind=kind)
    assert Index(Y).search(Y, 1)[0].shape == (3, 1)
