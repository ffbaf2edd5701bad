"""The face of all models: whatever a model learned, it predicts and recommends by one contract."""

from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter

import numpy as np
import pytest
from all_models import N_ITEMS, N_USERS, ROUNDING, K, all_scores, check_lists, close, item_ids, unseen, user_ids

import fastmf
from fastmf import NotFittedError, Ratings, UnknownIdError


def test_predict_gives_the_sum_of_mean_biases_and_product(numbered):
    users, items = np.divmod(np.arange(N_USERS * N_ITEMS), N_ITEMS)
    scores = numbered.predict(users, items)
    assert scores.dtype == numbered.user_factors.dtype
    assert abs(scores - all_scores(numbered).ravel()).max() <= close(numbered)


def test_predict_by_ids_is_predict_by_numbers(named):
    users, items = np.array([5, 0, 29, 5]), np.array([19, 0, 3, 2])
    expected = named._predict(users, items)
    for u, i in [(user_ids()[users], item_ids()[items]), (user_ids()[users].tolist(), item_ids()[items].tolist())]:
        np.testing.assert_array_equal(named.predict(u, i), expected)


def test_a_scalar_goes_with_every_element(numbered):
    one = numbered.predict(4, 7)
    assert type(one) is float
    assert one == numbered.predict(np.array(4), np.int32(7))
    assert one == numbered.predict([4], 7)[0] == numbered.predict(4, [3, 7])[1]
    np.testing.assert_array_equal(numbered.predict([2, 4], 7), numbered.predict([2, 4], [7, 7]))
    assert numbered.predict([], []).shape == numbered.predict(3, []).shape == (0,)


@pytest.mark.parametrize("k", [1, 5, N_ITEMS, N_ITEMS + 3])
def test_recommend_gives_the_best_unseen_items(numbered, k):
    users = np.arange(N_USERS)
    items, scores = numbered.recommend(users, k)
    assert items.dtype == np.int32
    assert scores.dtype == numbered.user_factors.dtype
    check_lists(numbered, users, items, scores, unseen(), k)


def test_recommend_may_give_seen_items(numbered):
    users = np.array([3, 0, 3])
    items, scores = numbered.recommend(users, K, exclude_seen=False)
    check_lists(numbered, users, items, scores, np.ones((N_USERS, N_ITEMS), bool), K)


def test_exclude_and_candidates(numbered):
    users = np.arange(N_USERS)
    allowed = unseen()
    allowed[:, [2, 9]] = False
    check_lists(numbered, users, *numbered.recommend(users, K, exclude=[9, 2, 9]), allowed, K)
    allowed &= np.isin(np.arange(N_ITEMS), [1, 2, 4, 5, 6, 15])
    both = numbered.recommend(users, K, exclude=[9, 2], candidates=[15, 6, 1, 2, 4, 5, 6])
    check_lists(numbered, users, *both, allowed, K)
    nothing, scores = numbered.recommend(users, K, candidates=[])
    assert (nothing == -1).all()
    assert (scores == -np.inf).all()


def test_recommend_takes_and_gives_ids(named):
    numbers = np.array([5, 0, 1])
    top, expected = named._top(numbers, K, seen=None)
    items, scores = named.recommend(user_ids()[numbers], K, exclude_seen=False)
    np.testing.assert_array_equal(items, item_ids()[top])
    np.testing.assert_array_equal(scores, expected)
    few, _ = named.recommend("user 0", K, exclude=item_ids()[top[1]], candidates=item_ids()[[1, 3, *top[1]]])
    assert set(few.compressed().tolist()) <= set(item_ids()[[1, 3]].tolist())


def test_one_user_gets_one_list(named):
    items, scores = named.recommend("user 5", K)
    many_items, many_scores = named.recommend(["user 5"], K)
    assert items.shape == scores.shape == (K,)
    np.testing.assert_array_equal(items, many_items[0])
    np.testing.assert_array_equal(scores, many_scores[0])


def test_padding_is_masked_where_there_are_ids(named, numbered):
    items, scores = named.recommend([user_ids()[0], user_ids()[1]], K)
    assert np.ma.getmaskarray(items).tolist() == [[False, False, True, True, True], [False] * 5]
    assert sorted(items[0].compressed().tolist()) == sorted(item_ids()[[3, 11]].tolist())
    assert not np.isin(items.data[0, 2:], item_ids()).any()
    assert scores[0, 2:].tolist() == [-np.inf] * 3
    assert numbered.recommend(0, K)[0][2:].tolist() == [-1, -1, -1]


def test_no_users_get_no_lists(numbered):
    items, scores = numbered.recommend([], K)
    assert items.shape == scores.shape == (0, K)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_threads_do_not_change_results(numbered, threads):
    users = np.arange(N_USERS)
    for method in (numbered.recommend, numbered.similar_users):
        for got, expected in zip(method(users, K, num_threads=threads), method(users, K), strict=True):
            assert got.tobytes() == expected.tobytes()
    items = users % N_ITEMS
    assert numbered.predict(users, items, num_threads=threads).tobytes() == numbered.predict(users, items).tobytes()


def test_many_threads_may_ask_at_once(numbered):
    users = np.arange(N_USERS)
    expected = numbered.recommend(users, K)
    with ThreadPoolExecutor(8) as pool:
        for items, scores in pool.map(lambda _: numbered.recommend(users, K, num_threads=2), range(40)):
            np.testing.assert_array_equal(items, expected[0])
            np.testing.assert_array_equal(scores, expected[1])


@pytest.mark.parametrize("side", ["items", "users"])
def test_similar_gives_the_highest_cosines_without_itself(numbered, side):
    factors = {"items": numbered.item_factors, "users": numbered.user_factors}[side].astype(np.float64)
    lengths = np.linalg.norm(factors, axis=1, keepdims=True)
    unit = factors / np.where(lengths == 0, 1, lengths)
    cosines, numbers = unit @ unit.T, np.arange(len(factors))
    similar, scores = {"items": numbered.similar_items, "users": numbered.similar_users}[side](numbers, K)
    near = ROUNDING[numbered.user_factors.dtype]
    assert abs(scores).max() <= 1 + near
    for n in numbers:
        assert n not in similar[n]
        assert len(set(similar[n].tolist())) == K
        assert abs(scores[n] - cosines[n, similar[n]]).max() <= near
        left = np.setdiff1d(numbers, [n, *similar[n]])
        assert cosines[n, left].max() <= scores[n, -1] + near


def test_similar_takes_and_gives_ids(named):
    items, scores = named.similar_items(item_ids()[2], k=N_ITEMS + 1)
    assert items.shape == scores.shape == (N_ITEMS + 1,)
    assert sorted(items.compressed().tolist()) == sorted(set(item_ids().tolist()) - {item_ids()[2]})
    users, _ = named.similar_users(["user 3", "user 0"], k=2)
    assert users.shape == (2, 2)
    assert set(users.ravel().tolist()) <= set(user_ids().tolist())


REFUSED = [  # call, error, what the message must say
    (lambda m: m.predict(["user 1", "nobody"], 100), UnknownIdError, "users.*'nobody'"),
    (lambda m: m.predict("user 1", 99), UnknownIdError, "items.*99"),
    (lambda m: m.predict(1, 100), UnknownIdError, "users.*1"),
    (lambda m: m.predict(["user 1", "user 2"], [100, 101, 102]), ValueError, "users and items"),
    (lambda m: m.predict([["user 1"]], 100), TypeError, "users"),
    (lambda m: m.predict({"user 1"}, 100), TypeError, "users"),
    (lambda m: m.predict("user 1", None), UnknownIdError, "items.*None"),
    (lambda m: m.recommend("nobody"), UnknownIdError, "users.*'nobody'"),
    (lambda m: m.recommend("user 1", exclude=[5]), UnknownIdError, "exclude.*5"),
    (lambda m: m.recommend("user 1", candidates=[100, 5]), UnknownIdError, "candidates.*5"),
    (lambda m: m.recommend("user 1", k=0), ValueError, "k must be an integer >= 1, got 0"),
    (lambda m: m.recommend("user 1", k=2.0), TypeError, "k must be an integer"),
    (lambda m: m.recommend("user 1", k=True), TypeError, "k must be an integer"),
    (lambda m: m.recommend("user 1", exclude_seen=1), TypeError, "exclude_seen"),
    (lambda m: m.recommend("user 1", num_threads=0), ValueError, "num_threads"),
    (lambda m: m.similar_items(5), UnknownIdError, "items.*5"),
    (lambda m: m.similar_items(100, k=0), ValueError, "k must be"),
    (lambda m: m.similar_users("nobody"), UnknownIdError, "users.*'nobody'"),
    (lambda m: m.save(7), TypeError, "path"),
    (lambda m: m.save("/no/such/folder/model"), FileNotFoundError, "/no/such/folder"),
    (lambda m: fastmf.load("/no/such/model"), FileNotFoundError, "/no/such/model"),
    (lambda m: m.set_params(colour=1), ValueError, "has no parameter 'colour'"),
]


REFUSED_NUMBERS = [
    (lambda m: m.predict([0, 30], 0), IndexError, r"users .* \[0, 30\), got 30 at position 1"),
    (lambda m: m.predict(-1, 0), IndexError, "users .* got -1"),
    (lambda m: m.predict(0, [1, 20]), IndexError, r"items .* \[0, 20\), got 20"),
    (lambda m: m.predict(0.0, 0), TypeError, "users"),
    (lambda m: m.predict([True], 0), TypeError, "users"),
    (lambda m: m.predict([[1]], 0), ValueError, "users"),
    (lambda m: m.recommend("1"), TypeError, "users"),
    (lambda m: m.recommend(0, exclude=20), IndexError, "exclude"),
    (lambda m: m.recommend(0, candidates=[-1]), IndexError, "candidates"),
    (lambda m: m.similar_items([-1]), IndexError, "items"),
    (lambda m: m.similar_users(30), IndexError, "users"),
]


@pytest.mark.parametrize(("call", "error", "says"), REFUSED)
def test_bad_arguments_are_refused(named, call, error, says):
    with pytest.raises(error, match=says):
        call(named)


@pytest.mark.parametrize(("call", "error", "says"), REFUSED_NUMBERS)
def test_bad_numbers_are_refused(numbered, call, error, says):
    with pytest.raises(error, match=says):
        call(numbered)


FITTED = [
    "user_factors",
    "item_factors",
    "user_bias",
    "item_bias",
    "mean",
    "user_ids",
    "item_ids",
    "item_info",
    "history",
]


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.predict(0, 0),
        lambda m: m.recommend(0),
        lambda m: m.similar_items(0),
        lambda m: m.similar_users(0),
        lambda m: m.save("never written"),
        *(attrgetter(name) for name in FITTED),
    ],
)
def test_a_model_that_is_not_fitted_says_so(make, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotFittedError, match="not fitted yet: call fit"):
        call(make())
    assert not list(tmp_path.iterdir())


def test_ids_of_any_kind(make):
    """Tuples of several lengths, in a list; a tuple by itself would be several ids."""
    model = make().fit(Ratings.from_arrays([("a", 1), ("b",), ("b",)], [1.5, 1.5, 2.5]))
    items, _ = model.recommend([("a", 1), ("b",)], 1, exclude_seen=False)
    assert items.shape == (2, 1)
    assert model.predict([("b",)], 2.5).shape == (1,)
    with pytest.raises(UnknownIdError, match=r"users.*'a'"):
        model.predict(("a", 1), 1.5)
