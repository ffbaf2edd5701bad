"""item_index: the lists of recommend and similar_items, from an index that stays as it is."""

import numpy as np
import pytest
import scipy.sparse

import fastmf
from fastmf.retrieval import Index

RATINGS = fastmf.movielens()


@pytest.fixture(scope="module")
def model():
    return fastmf.BiasedMF(factors=8, epochs=2, random_state=0).fit(RATINGS)


def test_dot_gives_the_lists_of_recommend(model):
    ids, scores = model.item_index().search(model.user_factors, 5, seen=(RATINGS.indptr, RATINGS.indices))
    expected_ids, expected = model.recommend(model.user_ids.ids, 5)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_allclose(scores + model.mean + model.user_bias[:, None], expected, rtol=1e-5)


def test_cosine_gives_the_lists_of_similar_items(model):
    index = model.item_index(metric="cosine", num_threads=1)
    assert (index.item_bias, index.num_threads) == (None, 1)
    ids, scores = index.search(model.item_factors[:9], 4, seen=(np.arange(10), np.arange(9)))
    expected_ids, expected = model.similar_items(model.item_ids.ids[:9], 4)
    np.testing.assert_array_equal(ids, expected_ids)
    np.testing.assert_array_equal(scores, expected)


def test_recall_is_measured_on_users_or_on_the_sample_given(model):
    pytest.importorskip("faiss")
    for keywords, sample in (({}, model.user_factors), ({"sample": model.user_factors[:7]}, model.user_factors[:7])):
        index = model.item_index(kind="ivf", n_probe=1, **keywords)
        assert 0 < index.recall < 1
        assert index.recall == pytest.approx(index.measure_recall(sample))
    cosine = model.item_index(kind="ivf", metric="cosine", n_probe=1)
    assert len(cosine._contents.approximate.sample) == 1000


def test_the_index_does_not_change_with_the_model(tmp_path):
    matrix = scipy.sparse.random_array((30, 20), density=0.3, random_state=0, format="csr")
    model = fastmf.WALS(factors=3, iterations=2, random_state=0).fit(matrix)
    index = model.item_index()
    assert (index.ids, index.item_bias) == (None, None), "numbers are the ids, and zeros no biases"
    before = index.search(model.user_factors, 4)
    index.save(tmp_path / "index.fmf")
    users = model.user_factors
    model.set_params(random_state=1).fit(matrix[::-1])
    for other in (index, Index.load(tmp_path / "index.fmf")):
        np.testing.assert_array_equal(other.search(users, 4)[0], before[0])
    with pytest.raises(fastmf.NotFittedError):
        fastmf.WALS().item_index()
