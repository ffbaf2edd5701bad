"""The stand-in's metrics, splits, weights and utilities."""

import numpy as np
import plain_implicit as plain
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from fastmf.compat.implicit import evaluation, nearest_neighbours, utils
from fastmf.compat.implicit.als import AlternatingLeastSquares
from fastmf.compat.implicit.evaluation import leave_k_out_split, ranking_metrics_at_k, train_test_split

SINGLE = {
    "precision": evaluation.precision_at_k,
    "map": evaluation.mean_average_precision_at_k,
    "ndcg": evaluation.ndcg_at_k,
    "auc": evaluation.AUC_at_k,
}


class Lists:
    """A model that gives out given lists, and keeps what it was asked."""

    def __init__(self, ids):
        self.ids, self.asked = np.asarray(ids), []

    def recommend(self, userid, user_items, N=10):
        assert userid.dtype == np.int32  # as implicit's own models ask for
        self.asked.append((userid.tolist(), user_items.toarray().tolist(), N))
        return self.ids[userid][:, :N], None


def matrices(seed, n_users=9, n_items=12):
    rng = np.random.default_rng(seed)
    kind = rng.choice(3, size=(n_users, n_items), p=[0.6, 0.2, 0.2])
    return sp.csr_matrix((kind == 1) * 1.0), sp.csr_matrix((kind == 2) * 2.0)


@settings(max_examples=50)
@given(seed=st.integers(0, 500), K=st.integers(1, 15), users_at_once=st.sampled_from([1, 4, 100]))
def test_metrics_are_those_of_plain_loops(seed, K, users_at_once):
    train, test = matrices(seed)
    test = sp.csr_matrix(test + sp.csr_matrix(([1.0], ([0], [0])), shape=test.shape))  # so that there is an entry
    rng = np.random.default_rng(seed)
    lists = np.array([rng.permutation(12)[:12] for _ in range(9)])
    lists[rng.random(lists.shape) < 0.1] = -1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation, "USERS_AT_ONCE", users_at_once)
        found = ranking_metrics_at_k(Lists(lists), train, test, K=K, show_progress=False, num_threads=2)
    assert list(found) == ["precision", "map", "ndcg", "auc"]
    assert found == pytest.approx(plain.ranking_metrics(lists, test, K))
    assert all(type(value) is float and 0 <= value <= 1 for value in found.values())


@pytest.mark.parametrize("name", SINGLE)
def test_each_metric_has_a_function_of_its_own(name):
    train, test = matrices(1)
    lists = Lists(np.tile(np.arange(12), (9, 1)))
    all_of_them = ranking_metrics_at_k(lists, train, test, 4, False)
    assert SINGLE[name](lists, train, test, 4, False) == all_of_them[name]
    assert len(set(all_of_them.values())) == 4


def test_a_model_is_asked_for_the_users_of_the_test_with_their_rows():
    train, test = matrices(2)
    keep = np.ones((9, 1))
    keep[[1, 4]] = 0
    test = sp.csr_matrix(test.toarray() * keep)
    lists = Lists(np.tile(np.arange(12), (9, 1)))
    ranking_metrics_at_k(lists, train.tocsr(), test, K=3, show_progress=False)
    users = [0, 2, 3, 5, 6, 7, 8]
    assert lists.asked == [(users, train[users].toarray().tolist(), 3)]


def test_lists_longer_than_the_catalogue_keep_metrics_in_range():
    """implicit repeats item 0 in them, and counts it as often."""
    train, test = matrices(3)
    made = AlternatingLeastSquares(factors=2, num_threads=1, random_state=0)
    made.fit(train, show_progress=False)
    for model in (made, Lists(np.hstack([np.tile(np.arange(12), (9, 1)), np.zeros((9, 18), int)]))):
        found = ranking_metrics_at_k(model, train, test, K=30, show_progress=False)
        assert all(0 <= value <= 1 for value in found.values())
    np.testing.assert_allclose(found["precision"], 1)


def test_a_user_for_whom_all_is_relevant_counts_half():
    test = sp.csr_matrix(np.ones((1, 3)))
    found = ranking_metrics_at_k(Lists([[0, 1, 2]]), test * 0, test, K=2, show_progress=False)
    assert found == {"precision": 1.0, "map": 1.0, "ndcg": 1.0, "auc": 0.5}


def test_lists_shorter_than_asked_for_are_filled_up():
    test = sp.csr_matrix(np.array([[0, 1.0, 0, 1.0]]))
    found = ranking_metrics_at_k(Lists([[2, 1]]), test * 0, test, K=4, show_progress=False)
    assert found == pytest.approx(plain.ranking_metrics(np.array([[2, 1, -1, -1]]), test, 4))


def test_the_test_may_be_of_any_format_and_unsorted():
    train, test = matrices(4)
    lists = Lists(np.tile(np.arange(12), (9, 1)))
    expected = ranking_metrics_at_k(lists, train, test, show_progress=False)
    order = np.concatenate([np.arange(b, e)[::-1] for b, e in zip(test.indptr[:-1], test.indptr[1:], strict=True)])
    unsorted = sp.csr_matrix((test.data[order], test.indices[order], test.indptr), shape=test.shape)
    assert ranking_metrics_at_k(lists, train, unsorted, show_progress=False) == expected
    with pytest.warns(utils.ParameterWarning):
        assert ranking_metrics_at_k(lists, train, test.tocoo(), show_progress=False) == expected


def test_bad_arguments_of_metrics_are_refused():
    train, test = matrices(5)
    lists = Lists(np.tile(np.arange(12), (9, 1)))
    for arguments, error, words in (
        ((lists, train, test[:, :5]), ValueError, "must have one shape, got"),
        ((lists, train, sp.csr_matrix(test.shape)), ValueError, "test_user_items must have at least one entry"),
        ((lists, train, test, 0), ValueError, "K must be an integer >= 1"),
        ((Lists(np.zeros((9, 2, 1))), train, test), ValueError, r"model.recommend must give \d lists for \d users"),
        ((lists, train, test, 1, False, -1), ValueError, "num_threads"),
    ):
        with pytest.raises(error, match=words):
            ranking_metrics_at_k(*arguments)


def test_a_bar_counts_the_users(capsys):
    train, test = matrices(6)
    ranking_metrics_at_k(Lists(np.tile(np.arange(12), (9, 1))), train, test)
    assert "9/9" in capsys.readouterr().err


# -- splits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [sp.csr_matrix, sp.coo_matrix, sp.csr_array])
def test_a_random_split_parts_the_entries(convert):
    matrix = convert(plain.likes(200, 50))
    train, test = train_test_split(matrix, 0.7, random_state=3)
    for part in (train, test):
        assert type(part) is sp.csr_matrix
        assert (part.shape, part.dtype) == (matrix.shape, matrix.dtype)
    assert (train + test != matrix).nnz == 0
    assert train.multiply(test).nnz == 0
    assert train.nnz / matrix.nnz == pytest.approx(0.7, abs=0.05)
    again = train_test_split(matrix, 0.7, random_state=3)[0]
    assert (again != train).nnz == 0
    assert (train_test_split(matrix, 0.7, random_state=4)[0] != train).nnz > 0
    assert train_test_split(matrix, 1.0)[1].nnz == 0


def test_a_random_split_holds_out_no_dislike():
    matrix = plain.likes(200, 50, signed=True)
    train, test = train_test_split(matrix, 0.5, random_state=0)
    assert (test.data > 0).all()
    assert (train.data < 0).any()
    assert train.nnz + test.nnz < matrix.nnz


@pytest.mark.parametrize("K", [1, 3])
def test_leaving_k_out_takes_k_entries_of_each_user_with_more_than_one_over(K):
    matrix = plain.likes(200, 12)
    train, test = leave_k_out_split(matrix, K=K, random_state=0)
    assert (train + test != matrix).nnz == 0
    counts = np.diff(matrix.indptr)
    np.testing.assert_array_equal(np.diff(test.indptr), np.where(counts > K + 1, K, 0))
    assert (leave_k_out_split(matrix, K=K, random_state=0)[1] != test).nnz == 0
    assert (leave_k_out_split(matrix, K=K, random_state=1)[1] != test).nnz > 0
    assert type(train) is type(test) is sp.csr_matrix


def test_leaving_k_out_draws_any_entry_of_a_user():
    matrix = sp.csr_matrix(np.ones((300, 4)))
    _, test = leave_k_out_split(matrix, random_state=0)
    share = np.bincount(test.indices, minlength=4) / 300
    np.testing.assert_allclose(share, 0.25, atol=0.08)


def test_leaving_k_out_keeps_a_share_of_users_for_training_only():
    matrix = sp.csr_matrix(np.ones((100, 5)))
    matrix = sp.vstack([sp.csr_matrix((900, 5)), matrix]).tocsr()  # users without entries are not among the share
    _, test = leave_k_out_split(matrix, train_only_size=0.8, random_state=0)
    assert (np.diff(test.indptr) > 0).sum() == 20


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"K": 0}, "K must be an integer >= 1"),
        ({"train_only_size": -0.1}, "train_only_size"),
        ({"train_only_size": 1.0}, r"train_only_size must be in \[0, 1\)"),
    ],
)
def test_bad_arguments_of_splits_are_refused(kwargs, words):
    with pytest.raises(ValueError, match=words):
        leave_k_out_split(plain.likes(), **kwargs)
    with pytest.raises(ValueError, match="train_percentage"):
        train_test_split(plain.likes(), 80)
    with pytest.raises(TypeError, match="ratings must be a SciPy sparse"):
        train_test_split(np.eye(3))


# -- weights --------------------------------------------------------------------------------------------------------

WEIGHTS = [nearest_neighbours.tfidf_weight, nearest_neighbours.bm25_weight, nearest_neighbours.normalize]


def test_weights_are_their_formulas():
    matrix = plain.likes(30, 20)
    dense = matrix.toarray().astype(float)
    rarity = np.log(30) - np.log1p((dense != 0).sum(axis=0))
    np.testing.assert_allclose(nearest_neighbours.tfidf_weight(matrix).toarray(), np.sqrt(dense) * rarity, rtol=1e-6)
    lengths = np.linalg.norm(dense, axis=1, keepdims=True)
    np.testing.assert_allclose(
        nearest_neighbours.normalize(matrix).toarray(), dense / np.where(lengths > 0, lengths, 1), rtol=1e-6
    )
    for K1, B in ((100, 0.8), (1.2, 0.3)):
        sums = dense.sum(axis=1, keepdims=True)
        length = 1 - B + B * sums / sums.mean()
        expected = dense * (K1 + 1) / (K1 * length + dense) * rarity
        np.testing.assert_allclose(nearest_neighbours.bm25_weight(matrix, K1, B).toarray(), expected, rtol=1e-6)
    np.testing.assert_array_equal(
        nearest_neighbours.bm25_weight(matrix).data, nearest_neighbours.bm25_weight(matrix, K1=100, B=0.8).data
    )


@pytest.mark.parametrize("weigh", WEIGHTS)
def test_weights_leave_what_they_are_given_and_return_coo(weigh):
    for convert in (sp.csr_matrix, sp.coo_matrix, sp.csr_array):
        matrix = convert(plain.likes())
        before = matrix.copy()
        weighed = weigh(matrix)
        assert isinstance(weighed, sp.coo_matrix)
        assert weighed.shape == matrix.shape
        np.testing.assert_array_equal(matrix.toarray(), before.toarray())
    twice = sp.coo_matrix((np.array([1.0, 2.0, 3.0]), ([1, 0, 1], [0, 1, 0])), shape=(2, 2))
    np.testing.assert_allclose(weigh(twice).toarray(), weigh(twice.tocsr()).toarray())
    assert twice.row.tolist() == [1, 0, 1]
    zero = sp.csr_matrix((np.array([0.0, 1.0]), ([0, 1], [0, 0])), shape=(2, 2))
    assert np.isfinite(weigh(zero).data).all()
    assert np.isfinite(weigh(zero * 0).data).all()
    assert weigh(sp.csr_matrix((0, 3))).nnz == 0
    with pytest.raises(ValueError, match="X must hold finite numbers"):
        weigh(sp.csr_matrix(np.array([[np.nan]])))
    if weigh is not nearest_neighbours.normalize:
        with pytest.raises(ValueError, match="X must hold finite numbers of at least 0"):
            weigh(sp.csr_matrix(np.array([[-1.0]])))


@pytest.mark.parametrize("name", ["ItemItem", "Cosine", "TFIDF", "BM25"])
def test_recommenders_by_nearest_neighbours_are_refused(name):
    with pytest.raises(NotImplementedError, match=f"fastmf has no {name}Recommender"):
        getattr(nearest_neighbours, f"{name}Recommender")(K=20)


# -- utilities ------------------------------------------------------------------------------------------------------


def test_augmented_factors_have_one_length_and_rank_by_cosine():
    rng = np.random.default_rng(0)
    factors, query = rng.normal(size=(50, 4)), rng.normal(size=4)
    largest, augmented = utils.augment_inner_product_matrix(factors)
    np.testing.assert_allclose(np.linalg.norm(augmented, axis=1), largest)
    np.testing.assert_allclose(augmented @ np.append(query, 0), factors @ query)


def test_nonzeros_are_the_entries_of_a_row():
    matrix = sp.csr_matrix(np.array([[0, 2.0, 3.0], [4.0, 0, 0]]))
    assert list(utils.nonzeros(matrix, 0)) == [(1, 2.0), (2, 3.0)]
    assert list(utils.nonzeros(matrix, 1)) == [(0, 4.0)]
    assert utils.check_blas_config() is None
