"""The stand-in's lists: recommend and similar rows, with every filter, against brute force; the defects mended."""

import numpy as np
import plain_implicit as plain
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from fastmf import NotFittedError
from fastmf.compat.implicit.als import AlternatingLeastSquares
from fastmf.compat.implicit.cpu.matrix_factorization_base import MatrixFactorizationBase

LEAST = np.finfo(np.float32).min


def model(n_users=8, n_items=12, factors=3, seed=0, ties=False, dtype=np.float32):
    """A model with small whole numbers as factors, so that scores are exact."""
    rng = np.random.default_rng(seed)
    made = AlternatingLeastSquares(factors=factors, num_threads=1, dtype=dtype)
    low, high = (0, 2) if ties else (-8, 9)
    made.user_factors = rng.integers(low, high, (n_users, factors)).astype(dtype)
    made.item_factors = rng.integers(low, high, (n_items, factors)).astype(dtype)
    return made


def entries(n_users=8, n_items=12, seed=0, density=0.4):
    """Rows that hold zeros and negative entries too."""
    rng = np.random.default_rng(seed)
    where = np.argwhere(rng.random((n_users, n_items)) < density)
    return sp.csr_matrix((rng.integers(-1, 3, len(where)).astype(float), where.T), shape=(n_users, n_items))


def best(scores, allowed, N):
    """Numbers and scores, by descending score and ascending number, padded."""
    order = sorted(allowed, key=lambda item: (-scores[item], item))[:N]
    ids = [*order, *[-1] * (N - len(order))]
    return ids, [scores[item] if item >= 0 else -np.inf for item in ids]


@settings(max_examples=60)
@given(
    seed=st.integers(0, 99),
    N=st.integers(1, 15),
    ties=st.booleans(),
    liked=st.booleans(),
    without=st.lists(st.integers(0, 11), max_size=12),
    only=st.none() | st.lists(st.integers(0, 11), min_size=1, max_size=14),
)
def test_recommend_is_brute_force(seed, N, ties, liked, without, only):
    made, rows, users = model(seed=seed, ties=ties), entries(seed=seed), [5, 2, 2]
    kwargs = {"items": only} if only is not None else {"filter_items": without}
    ids, scores = made.recommend(users, rows[users], N=N, filter_already_liked_items=liked, **kwargs)
    assert ids.dtype == (np.int32 if only is None else np.int64)
    assert scores.dtype == np.float32
    for place, user in enumerate(users):
        all_scores = (made.item_factors @ made.user_factors[user]).tolist()
        seen = set(rows[[user]].indices.tolist()) if liked else set()
        if only is None:
            expected = best(all_scores, set(range(12)) - set(without) - seen, N)
        else:
            length = min(N, len(set(only)))
            found, _ = best(all_scores, set(only) - seen, length)
            last = sorted(set(only) & seen)
            found = [*[item for item in found if item >= 0], *last][:length]
            expected = found, [LEAST if item in seen else all_scores[item] for item in found]
        assert (ids[place].tolist(), scores[place].tolist()) == (expected[0], list(expected[1]))
        alone = made.recommend(user, rows[user], N=N, filter_already_liked_items=liked, **kwargs)
        np.testing.assert_array_equal(alone[0], ids[place])
        np.testing.assert_array_equal(alone[1], scores[place])


@settings(max_examples=40)
@given(
    seed=st.integers(0, 99),
    N=st.integers(1, 15),
    side=st.sampled_from(["items", "users"]),
    without=st.lists(st.integers(0, 7), max_size=8),
    only=st.none() | st.lists(st.integers(0, 7), min_size=1, max_size=8),
)
def test_similar_rows_are_those_of_the_highest_cosine(seed, N, side, without, only):
    made = model(seed=seed)
    made.user_factors[6] = made.item_factors[6] = 0
    factors = getattr(made, f"{side[:-1]}_factors")
    kwargs = {side: only} if only is not None else {f"filter_{side}": without}
    find = getattr(made, f"similar_{side}")
    ids, scores = find([1, 6], N=N, **kwargs)
    assert ids.shape == scores.shape == (2, N)
    allowed = set(range(len(factors))) - set(without) if only is None else set(only)
    lengths = np.where(np.linalg.norm(factors, axis=1) > 0, np.linalg.norm(factors, axis=1), 1)
    for place, row in enumerate([1, 6]):
        cosines = factors @ factors[row] / lengths / lengths[row]
        assert set(ids[place][ids[place] >= 0]) <= allowed
        assert (ids[place] >= 0).sum() == min(N, len(allowed))
        expected = np.sort(cosines[sorted(allowed)])[::-1][:N]
        np.testing.assert_allclose(scores[place][ids[place] >= 0], expected, atol=1e-6)
        np.testing.assert_allclose(cosines[ids[place][ids[place] >= 0]], expected, atol=1e-6)
        assert (scores[place][ids[place] < 0] == -np.inf).all()
        np.testing.assert_array_equal(find(row, N=N, **kwargs)[0], ids[place])


def test_several_users_get_the_items_they_like_behind_the_others():
    made, rows = model(), entries()
    users = [5, 2, 7]
    ids, scores = made.recommend(users, rows[users], N=12, items=np.arange(11, -1, -1))
    for place, user in enumerate(users):
        liked = np.sort(rows[user].indices)
        np.testing.assert_array_equal(ids[place][12 - len(liked) :], liked)
        np.testing.assert_array_equal(scores[place] == LEAST, np.arange(12) >= 12 - len(liked))


def test_the_row_itself_comes_first_in_its_list():
    made = model(seed=3)
    for find, n in ((made.similar_items, 12), (made.similar_users, 8)):
        ids, scores = find(np.arange(n), N=3)
        np.testing.assert_array_equal(ids[:, 0], np.arange(n))
        np.testing.assert_allclose(scores[:, 0], 1, atol=1e-6)
        assert ids.dtype == np.int32


# -- defects of implicit 0.7.3 --------------------------------------------------------------------------------------


def test_a_list_longer_than_the_catalogue_ends_in_minus_one():
    made = model()
    ids, scores = made.recommend(0, None, N=20, filter_already_liked_items=False)
    assert sorted(ids[:12].tolist()) == list(range(12))
    assert (ids[12:] == -1).all()
    assert (scores[12:] == -np.inf).all()
    for ids, scores in (made.similar_items(0, N=20), made.similar_users(0, N=20)):
        assert (ids < 0).any()
        assert (scores[ids < 0] == -np.inf).all()
        assert len(set(ids[ids >= 0].tolist())) == (ids >= 0).sum()


def test_liked_items_do_not_come_back_when_the_others_run_out():
    made = model()
    row = sp.csr_matrix(np.array([[1.0] * 10 + [0, 0]]))
    ids, scores = made.recommend(0, row, N=5)
    assert sorted(ids[:2].tolist()) == [10, 11]
    assert (ids[2:] == -1).all()
    assert np.isfinite(scores[:2]).all()
    assert (scores[2:] == -np.inf).all()


@pytest.mark.parametrize("without", [np.array([1, 2]), [1], np.array([0]), (3,)])
def test_items_with_filter_items_is_refused_in_words(without):
    made = model()
    with pytest.raises(ValueError, match="items and filter_items cannot be set together"):
        made.recommend(0, None, filter_already_liked_items=False, items=np.array([1, 3]), filter_items=without)
    with pytest.raises(ValueError, match="items and filter_items cannot be set together"):
        made.similar_items(0, items=[1, 3], filter_items=without)
    with pytest.raises(ValueError, match="users and filter_users cannot be set together"):
        made.similar_users(0, users=[1, 3], filter_users=without)
    ids, _ = made.recommend(0, None, filter_already_liked_items=False, items=[1, 3], filter_items=[])
    assert set(ids) == {1, 3}


def test_negative_numbers_do_not_count_from_the_end():
    made, rows = model(), entries()
    for call in (
        lambda: made.recommend(-1, rows[0]),
        lambda: made.recommend([0, -1], rows[[0, 1]]),
        lambda: made.recommend(8, rows[0]),
        lambda: made.similar_items(-1),
        lambda: made.similar_items([12]),
        lambda: made.similar_users(-1),
        lambda: made.similar_users(np.array([8])),
        lambda: made.recommend(0, rows[0], items=[1, -2]),
        lambda: made.recommend(0, rows[0], items=[1, 12]),
        lambda: made.recommend(0, rows[0], filter_items=[12]),
        lambda: made.similar_items(0, items=[-1]),
        lambda: made.similar_users(0, users=[8]),
        lambda: made.similar_users(0, filter_users=[-3]),
    ):
        with pytest.raises(IndexError, match=r"must hold numbers of (users|items) in \[0, "):
            call()


def test_stored_zeros_are_liked_with_items_and_without():
    made = model()
    row = sp.csr_matrix((np.array([0.0, 1.0]), ([0, 0], [4, 7])), shape=(1, 12))
    assert not {4, 7} & set(made.recommend(0, row, N=10)[0])
    ids, scores = made.recommend(0, row, N=10, items=[1, 4, 7])
    np.testing.assert_array_equal(ids, [1, 4, 7])
    np.testing.assert_array_equal(scores[1:], LEAST)


def test_ties_come_by_ascending_number():
    made = model()
    made.item_factors = np.ones((12, 3), np.float32)
    np.testing.assert_array_equal(made.recommend(0, None, N=5, filter_already_liked_items=False)[0], np.arange(5))
    np.testing.assert_array_equal(made.similar_items(3, N=5)[0], np.arange(5))


# -- what it is given ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("convert", [sp.csc_matrix, sp.coo_matrix, lambda rows: rows.toarray(), lambda rows: None])
def test_rows_must_be_compressed(convert):
    made = model()
    for kwargs in ({}, {"filter_already_liked_items": False, "recalculate_user": True}):
        with pytest.raises(ValueError, match="user_items must be a csr_matrix or csr_array, got"):
            made.recommend(0, convert(entries()[0]), **kwargs)


def test_there_must_be_a_row_for_each_user():
    made, rows = model(), entries()
    for users, given_rows in ((0, rows), ([0, 1], rows), ([0, 1], rows[0])):
        with pytest.raises(
            ValueError, match=r"user_items must contain 1 row for every number in userid, as user_items\["
        ):
            made.recommend(users, given_rows)


def test_rows_may_be_arrays_unsorted_or_narrower_but_hold_no_unknown_item():
    made, rows = model(), entries()
    expected = made.recommend([2, 3], rows[[2, 3]])[0]
    np.testing.assert_array_equal(made.recommend([2, 3], sp.csr_array(rows)[[2, 3]])[0], expected)
    backwards = sp.csr_matrix((np.ones(4), np.array([9, 3, 3, 0]), np.array([0, 4])), shape=(1, 12))
    before = backwards.indices.copy()
    assert not {0, 3, 9} & set(made.recommend(2, backwards, N=9)[0])
    np.testing.assert_array_equal(backwards.indices, before)
    assert 11 in made.recommend(2, rows[2][:, :5], N=12)[0]
    wide = sp.csr_matrix((np.ones(1), ([0], [20])), shape=(1, 30))
    with pytest.raises(
        IndexError, match=r"user_items must hold numbers of items in \[0, 12\), got 20 \(rows are users"
    ):
        made.recommend(2, wide)
    with pytest.raises(ValueError, match="N must be an integer >= 1"):
        made.recommend(2, rows[2], N=0)
    with pytest.raises(ValueError, match="items must hold at least one number"):
        made.recommend(2, rows[2], items=[])


def test_ids_come_back_in_the_type_of_items():
    made, rows = model(), entries()
    for kind in (np.int16, np.int32, np.int64):
        assert made.recommend(0, rows[0], items=np.array([1, 2], kind))[0].dtype == kind
        assert made.similar_items(0, items=np.array([1, 2], kind))[0].dtype == kind


def test_before_a_fit_there_are_no_lists():
    made = AlternatingLeastSquares()
    for call in (lambda: made.recommend(0, entries()[0]), lambda: made.similar_items(0), lambda: made.user_norms):
        with pytest.raises(NotFittedError, match="call fit"):
            call()


def test_norms_and_products_follow_the_factors():
    made = model()
    made.item_factors[2] = 0
    assert made.item_norms[2] == np.float32(1e-10)
    np.testing.assert_allclose(made.user_norms, np.linalg.norm(made.user_factors, axis=1))
    np.testing.assert_array_equal(made.YtY, made.item_factors.T @ made.item_factors)
    np.testing.assert_array_equal(made.XtX, made.user_factors.T @ made.user_factors)
    assert made.YtY is made.YtY
    made.item_factors, made.user_factors = made.item_factors * 2, made.user_factors * 3
    np.testing.assert_array_equal(made.YtY, made.item_factors.T @ made.item_factors)
    np.testing.assert_array_equal(made.XtX, made.user_factors.T @ made.user_factors)
    np.testing.assert_allclose(made.item_norms[0], np.linalg.norm(made.item_factors[0]))
    np.testing.assert_allclose(made.user_norms[0], np.linalg.norm(made.user_factors[0]))


def test_deprecated_methods_warn_and_are_recommend():
    made, rows = model(), entries()
    with pytest.warns(DeprecationWarning, match="rank_items"):
        ids, scores = made.rank_items(1, rows[1], [3, 1, 7])
    expected = made.recommend(1, rows[1], items=[3, 1, 7], filter_already_liked_items=False)
    np.testing.assert_array_equal(ids, expected[0])
    np.testing.assert_array_equal(scores, expected[1])
    with pytest.warns(DeprecationWarning, match="recommend_all"):
        ids = made.recommend_all(rows[3:6], N=4, users_items_offset=3)
    np.testing.assert_array_equal(ids, made.recommend([3, 4, 5], rows[3:6], N=4)[0])


def test_a_model_of_factors_alone_cannot_recalculate():
    class Fixed(MatrixFactorizationBase):
        def fit(self, user_items, show_progress=True, callback=None):
            self.user_factors, self.item_factors = np.eye(2), np.eye(2)

        def save(self, fileobj_or_path):
            raise NotImplementedError

    made = Fixed()
    made.fit(None)
    assert made.recommend(1, None, N=1, filter_already_liked_items=False)[0].tolist() == [1]
    with pytest.raises(NotImplementedError, match="Fixed does not support recalculate_user"):
        made.recommend(1, sp.csr_matrix(np.eye(2))[1], recalculate_user=True)
    with pytest.raises(NotImplementedError, match="Fixed does not support recalculate_item"):
        made.similar_items(1, recalculate_item=True)


def test_a_fitted_model_ranks_a_held_out_item_first():
    """Even users like even items, odd users odd ones, but for the item of their own number."""
    board = np.add.outer(np.arange(40), np.arange(40)) % 2 == 0
    board[np.diag_indices(40)] = False
    matrix = sp.csr_matrix(board.astype(np.float32))
    made = AlternatingLeastSquares(factors=2, random_state=0, num_threads=1)
    made.fit(matrix, show_progress=False)
    ids, _ = made.recommend(np.arange(40), matrix, N=1)
    np.testing.assert_array_equal(ids[:, 0], np.arange(40))
    assert plain.loss(matrix, made.user_factors, made.item_factors, 0.01) < 0.05
