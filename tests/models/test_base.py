"""The face of all models: whatever a model learned, it predicts, recommends, saves and copies by one contract."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import attrgetter

import numpy as np
import pytest
import scipy.sparse as sp
from tolerances import tolerance

import fastmf
from fastmf import WALS, IdMap, ModelFileError, MostPopular, NotFittedError, Ratings, UnknownIdError, _file

MODELS = {  # how to make each model; a new one joins by one line
    "WALS": partial(WALS, factors=6, iterations=3, num_threads=1, random_state=0),
    "WALS-explicit": partial(
        WALS, factors=6, iterations=3, unobserved_weight=0, num_threads=1, random_state=0, dtype="float64"
    ),
    "MostPopular": MostPopular,
}
N_USERS, N_ITEMS, K = 30, 20, 5
ROUNDING = {np.dtype(np.float32): tolerance(np.float32, 100), np.dtype(np.float64): tolerance(np.float64, 100)}


@pytest.fixture(params=MODELS.values(), ids=MODELS.keys())
def make(request):
    return request.param


@pytest.fixture
def numbered(make):
    """A model fitted to a SciPy matrix: row and column numbers are the ids."""
    return make().fit(matrix())


@pytest.fixture
def named(make):
    """The same matrix with ids: text for users, integers for items, neither in order."""
    return make().fit(ratings())


def matrix():
    """Ratings 1 to 5; user 1 and item 3 have none, user 0 has all but item 3 and one more."""
    rng = np.random.default_rng(7)
    dense = rng.integers(1, 6, (N_USERS, N_ITEMS)) * (rng.random((N_USERS, N_ITEMS)) < 0.3)
    dense[0] = 2
    dense[0, 11] = 0
    dense[1] = 0
    dense[:, 3] = 0
    return sp.csr_array(dense.astype(np.float32))


def user_ids():
    return np.array([f"user {(u * 7) % N_USERS}" for u in range(N_USERS)])


def item_ids():
    return np.array([100 + (i * 3) % N_ITEMS for i in range(N_ITEMS)])


def ratings():
    m = matrix()
    info = {"title": np.array([f"Тitle {i}" for i in range(N_ITEMS)]), "year/made": np.arange(N_ITEMS)}
    return Ratings(
        m.indptr, m.indices, m.data, shape=m.shape, users=IdMap(user_ids()), items=IdMap(item_ids()), item_info=info
    )


def all_scores(model):
    x, y = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    return model.mean + model.user_bias[:, None] + model.item_bias + x @ y.T


def close(model):
    return ROUNDING[model.user_factors.dtype] * (1 + abs(all_scores(model)).max())


def check_lists(model, users, items, scores, allowed, k):
    """Each row of item numbers is a best list of the allowed items: a mask of users x items."""
    assert items.shape == scores.shape == (len(users), k)
    truth, near = all_scores(model), close(model)
    for u, row, row_scores in zip(users, items, scores, strict=True):
        n = min(k, int(allowed[u].sum()))
        assert (row[n:] == -1).all()
        assert (row_scores[n:] == -np.inf).all()
        row, row_scores = row[:n], row_scores[:n]
        assert len(set(row.tolist())) == n
        assert allowed[u, row].all()
        assert abs(row_scores - truth[u, row]).max(initial=0) <= near
        assert (np.diff(row_scores) <= 0).all()
        assert (np.diff(row)[np.diff(row_scores) == 0] > 0).all()
        left = np.setdiff1d(np.flatnonzero(allowed[u]), row)
        assert n < k or truth[u, left].max(initial=-np.inf) <= row_scores[-1] + near


def unseen():
    return matrix().toarray() == 0


# -- predict ----------------------------------------------------------------------------------------------------------


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


# -- recommend --------------------------------------------------------------------------------------------------------


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


# -- similar ----------------------------------------------------------------------------------------------------------


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


# -- what is refused --------------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize("data", [None, [[1.0]], np.ones((3, 3)), "ratings.csv", 3])
def test_fit_refuses_what_is_no_ratings(make, data):
    with pytest.raises(TypeError, match=r"ratings must be fastmf\.Ratings or a SciPy sparse matrix of users x items"):
        make().fit(data)


def test_a_bad_parameter_is_refused_when_a_fit_begins(make):
    model = make().set_params(num_threads=0)
    with pytest.raises(ValueError, match="num_threads must be None or an integer in"):
        model.fit(matrix())
    with pytest.raises(TypeError, match="num_threads must be None or an integer"):
        model.set_params(num_threads="two").fit(matrix())


# -- what fit takes and leaves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["csr", "csc", "coo", "lil", "dok"])
@pytest.mark.parametrize("array", [sp.csr_array, sp.csr_matrix])
def test_every_sparse_format_gives_the_same_model(make, layout, array):
    expected = make().fit(matrix())
    got = make().fit(array(matrix()).asformat(layout))
    np.testing.assert_array_equal(got.user_factors, expected.user_factors)
    np.testing.assert_array_equal(got.item_bias, expected.item_bias)


def test_fit_leaves_the_callers_arrays_alone(make):
    m = matrix()
    m.indices, m.indptr = m.indices.astype(np.int64), m.indptr.astype(np.int64)
    for row in range(N_USERS):  # every row backwards
        part = slice(m.indptr[row], m.indptr[row + 1])
        m.indices[part], m.data[part] = m.indices[part][::-1].copy(), m.data[part][::-1].copy()
    m.has_sorted_indices = False
    before = [array.copy() for array in (m.data, m.indices, m.indptr)]
    model = make().fit(m)
    model.recommend(0)
    for array, earlier in zip((m.data, m.indices, m.indptr), before, strict=True):
        np.testing.assert_array_equal(array, earlier)
    np.testing.assert_array_equal(model.item_factors, make().fit(matrix()).item_factors)
    m.data[:] = 0
    m.indices[:] = 0
    check_lists(model, np.arange(N_USERS), *model.recommend(np.arange(N_USERS), K), unseen(), K)


def test_fit_takes_read_only_arrays(make):
    m = matrix()
    for array in (m.data, m.indices, m.indptr):
        array.flags.writeable = False
    assert make().fit(m).item_factors.shape[0] == N_ITEMS


def test_fit_returns_the_model_and_a_second_fit_replaces_the_first(make):
    model = make()
    assert model.fit(matrix()) is model
    assert model.fit(ratings()) is model
    assert model.user_ids == IdMap(user_ids())
    model.fit(matrix()[:5, :8])
    assert model.user_ids is None
    assert (len(model.user_factors), len(model.item_factors)) == (len(model.user_bias), len(model.item_bias)) == (5, 8)


def test_what_a_fitted_model_shows(named):
    assert named.user_ids == IdMap(user_ids())
    assert named.item_ids == IdMap(item_ids())
    assert named.item_info["title"][4] == "Тitle 4"
    assert isinstance(named.mean, float)
    assert isinstance(named.history, list)
    assert isinstance(named.predicts_ratings, bool)
    dtypes = {a.dtype for a in (named.user_factors, named.item_factors, named.user_bias, named.item_bias)}
    assert len(dtypes) == 1


# -- parameters -------------------------------------------------------------------------------------------------------


def test_parameters_as_in_scikit_learn(make):
    model = make()
    params = model.get_params()
    assert params == model.get_params(deep=False)
    again = type(model)(**params)
    assert again.get_params() == params
    assert again.set_params(num_threads=3) is again
    assert again.get_params() == {**params, "num_threads": 3}
    with pytest.raises(ValueError, match="no parameter 'colour'"):
        again.set_params(num_threads=5, colour=1)
    assert again.num_threads == 3


def test_repr_shows_what_is_not_the_default(make):
    assert repr(type(make())()) == f"{type(make()).__name__}()"
    model = make().set_params(num_threads=3)
    assert "num_threads=3" in repr(model)
    assert eval(repr(model), vars(fastmf)).get_params() == model.get_params()
    for name, value in type(model)().get_params().items():  # equal to the default, but another object
        model.set_params(**{name: copy.deepcopy(value) if not isinstance(value, float) else float(repr(value))})
    assert repr(model) == f"{type(model).__name__}()"


def test_scikit_learn_clones_a_model(named):
    base = pytest.importorskip("sklearn.base")
    clone = base.clone(named)
    assert clone.get_params() == named.get_params()
    with pytest.raises(NotFittedError):
        clone.predict("user 1", 100)
    assert named.predict("user 1", 100) is not None


def test_positional_parameters_are_refused(make):
    with pytest.raises(TypeError, match="positional"):
        type(make())(64)


# -- copies and files -------------------------------------------------------------------------------------------------


def same(model, other):
    for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
        mine, its = getattr(model, name), getattr(other, name)
        assert mine.dtype == its.dtype
        np.testing.assert_array_equal(mine, its)
    assert model.mean == other.mean
    assert model.user_ids == other.user_ids
    assert model.item_ids == other.item_ids
    assert model.get_params() == other.get_params()
    assert repr(model) == repr(other)
    assert model.item_info.keys() == other.item_info.keys()
    for name, column in model.item_info.items():
        assert column.dtype == other.item_info[name].dtype
        np.testing.assert_array_equal(column, other.item_info[name])
    users = np.arange(N_USERS) if model.user_ids is None else user_ids()
    for mine, its in zip(model.recommend(users, K), other.recommend(users, K), strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_whole(named, duplicate):
    same(named, duplicate(named))
    assert duplicate(named).history == named.history


def test_a_copy_of_a_model_that_is_not_fitted(make):
    with pytest.raises(NotFittedError):
        _ = copy.deepcopy(make()).mean


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("data", [matrix, ratings])
def test_a_saved_model_comes_back_whole(make, data, mmap, tmp_path):
    model = make().fit(data())
    model.save(tmp_path / "model")
    loaded = fastmf.load(tmp_path / "model", mmap=mmap)
    assert type(loaded) is type(model)
    same(model, loaded)
    assert loaded.history == model.history
    assert loaded.user_factors.flags.writeable is not mmap
    loaded.save(str(tmp_path / "again"))
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()
    loaded.fit(data())
    same(model, loaded)


def test_ids_a_file_cannot_hold_are_refused_and_nothing_is_written(make, tmp_path):
    model = make().fit(Ratings.from_arrays([("a", 1), ("b", 2)], [1, 2]))
    with pytest.raises(TypeError, match="integer and text ids"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())
    assert model.predict([("a", 1), ("b", 2)], 1).shape == (2,)


def test_ids_of_any_kind(make):
    """Tuples of several lengths, in a list; a tuple by itself would be several ids."""
    model = make().fit(Ratings.from_arrays([("a", 1), ("b",), ("b",)], [1.5, 1.5, 2.5]))
    items, _ = model.recommend([("a", 1), ("b",)], 1, exclude_seen=False)
    assert items.shape == (2, 1)
    assert model.predict([("b",)], 2.5).shape == (1,)
    with pytest.raises(UnknownIdError, match=r"users.*'a'"):
        model.predict(("a", 1), 1.5)


def rewritten(path, change):
    """A sound file whose contents do not fit together."""
    header, arrays = _file.read(path)
    change(header, arrays)
    _file.write(path, header, arrays)


DAMAGE = {
    "no model": lambda h, a: h.pop("model"),
    "a list for a model": lambda h, a: h.update(model=["WALS"]),
    "unknown model": lambda h, a: h.update(model="Oracle"),
    "no parameters": lambda h, a: h.pop("params"),
    "a list of parameters": lambda h, a: h.update(params=[1]),
    "unknown parameter": lambda h, a: h["params"].update(colour=1),
    "bad parameter": lambda h, a: h["params"].update(num_threads=-1),
    "no mean": lambda h, a: h.pop("mean"),
    "text for a mean": lambda h, a: h.update(mean="much"),
    "no history": lambda h, a: h.pop("history"),
    "text for a history": lambda h, a: h.update(history="long"),
    "no factors": lambda h, a: a.pop("item_factors"),
    "a user too few": lambda h, a: a.update(user_factors=a["user_factors"][:-1]),
    "factors of other widths": lambda h, a: a.update(item_factors=np.zeros((N_ITEMS, 99), a["item_factors"].dtype)),
    "flat factors": lambda h, a: a.update(user_factors=a["user_factors"].ravel()),
    "another precision": lambda h, a: a.update(user_factors=a["user_factors"].astype(np.float16)),
    "integers for factors": lambda h, a: a.update(
        {n: a[n].astype(np.int64) for n in a if n.endswith(("factors", "bias"))}
    ),
    "a bias too few": lambda h, a: a.update(item_bias=a["item_bias"][1:]),
    "seen items out of range": lambda h, a: a["seen_indices"].__setitem__(3, N_ITEMS),
    "seen items below zero": lambda h, a: a["seen_indices"].__setitem__(3, -1),
    "seen items in two dimensions": lambda h, a: a.update(seen_indices=np.stack([a["seen_indices"]] * 2, 1)),
    "seen items in 64 bits": lambda h, a: a.update(seen_indices=a["seen_indices"].astype(np.int64)),
    "seen rows that fall": lambda h, a: a["seen_indptr"].__setitem__(3, 10**9),
    "seen rows that end early": lambda h, a: a.update(seen_indices=a["seen_indices"][:-1]),
    "too few seen rows": lambda h, a: a.update(seen_indptr=a["seen_indptr"][:-1]),
    "an id too few": lambda h, a: a.update({"item_ids/ids": a["item_ids/ids"][1:]}),
    "an id twice": lambda h, a: a["item_ids/ids"].__setitem__(1, a["item_ids/ids"][0]),
    "no offsets of ids": lambda h, a: a.pop("user_ids/offsets"),
    "a title too few": lambda h, a: a.update({"item_info/title/offsets": a["item_info/title/offsets"][:-1]}),
    "titles that are no text": lambda h, a: a["item_info/title/utf8"].__setitem__(slice(None), 255),
    "no offsets of titles": lambda h, a: a.pop("item_info/title/offsets"),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE.keys())
@pytest.mark.parametrize("mmap", [False, True])
def test_contents_that_do_not_fit_together_are_refused(named, change, mmap, tmp_path):
    named.save(tmp_path / "model")
    rewritten(tmp_path / "model", lambda header, arrays: None)
    same(named, fastmf.load(tmp_path / "model", mmap=mmap))
    rewritten(tmp_path / "model", change)
    with pytest.raises(ModelFileError, match="model"):
        fastmf.load(tmp_path / "model", mmap=mmap)


def test_damaged_bytes_are_refused(named, tmp_path):
    named.save(tmp_path / "model")
    whole = (tmp_path / "model").read_bytes()
    for at in np.linspace(0, len(whole) - 1, 40).astype(int):
        damaged = bytearray(whole)
        damaged[at] ^= 4
        (tmp_path / "model").write_bytes(damaged)
        with pytest.raises(ModelFileError):
            fastmf.load(tmp_path / "model")
        (tmp_path / "model").write_bytes(whole[:at])
        with pytest.raises(ModelFileError):
            fastmf.load(tmp_path / "model")


def test_a_failed_save_leaves_the_earlier_file(make, named, tmp_path):
    named.save(tmp_path / "model")
    whole = (tmp_path / "model").read_bytes()
    bad = make().fit(Ratings.from_arrays([("a", 1)], [1]))
    with pytest.raises(TypeError):
        bad.save(tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == whole
    assert len(list(tmp_path.iterdir())) == 1
