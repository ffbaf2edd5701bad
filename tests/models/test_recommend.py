"""Lists with filters by user, lists of new users, and what they refuse."""

import numpy as np
import pytest
import scipy.sparse as sp
from all_models import N_ITEMS, N_USERS, K, check_lists, item_ids, matrix, ratings, unseen, user_ids
from stand_in import GivenFactors

from fastmf import WALS, BiasedMF, IdMap, MostPopular, Ratings, UnknownIdError

USERS = np.array([7, 0, 1, 29, 7, 12])
RNG = np.random.default_rng(11)
ROWS = [np.flatnonzero(RNG.random(N_ITEMS) < share) for share in (0.5, 0.0, 0.9, 0.2, 0.5, 1.0)]


def mask_of(rows):
    mask = np.zeros((len(rows), N_ITEMS), bool)
    for u, row in enumerate(rows):
        mask[u, row] = True
    return mask


def check(model, items, scores, allowed, k=K):
    """`allowed` has a row for each of USERS, among whom one comes twice."""
    for at, user in enumerate(USERS):
        by_number = np.zeros((N_USERS, N_ITEMS), bool)
        by_number[user] = allowed[at]
        check_lists(model, [user], items[at : at + 1], scores[at : at + 1], by_number, k)


FORMS = {  # of the same rows
    "lists": lambda rows: [row.tolist() for row in rows],
    "arrays": list,
    "sets and repeats": lambda rows: [{*row.tolist()} if len(row) % 2 else [*row.tolist()] * 2 for row in rows],
    "csr": lambda rows: sp.csr_array(mask_of(rows).astype(np.float32)),
    "coo of booleans": lambda rows: sp.coo_array(mask_of(rows)),
    "Ratings": lambda rows: Ratings.from_sparse(sp.csr_array(mask_of(rows).astype(float))),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("exclude_seen", [False, True])
def test_items_by_user(numbered, form, exclude_seen):
    rows, allowed = FORMS[form](ROWS), mask_of(ROWS)
    base = unseen()[USERS] if exclude_seen else np.ones(allowed.shape, bool)
    only = numbered.recommend(USERS, K, candidates=rows, exclude_seen=exclude_seen)
    check(numbered, *only, base & allowed)
    without = numbered.recommend(USERS, K, exclude=rows, exclude_seen=exclude_seen)
    check(numbered, *without, base & ~allowed)
    other = np.roll(allowed, 1, axis=1)
    both = numbered.recommend(USERS, K, candidates=rows, exclude=sp.csr_array(other), exclude_seen=exclude_seen)
    check(numbered, *both, base & allowed & ~other)
    with_vector = numbered.recommend(USERS, K, candidates=rows, exclude=[4, 11], exclude_seen=exclude_seen)
    check(numbered, *with_vector, base & allowed & ~np.isin(np.arange(N_ITEMS), [4, 11]))
    with_vector = numbered.recommend(USERS, K, candidates=[4, 11, 2], exclude=rows, exclude_seen=exclude_seen)
    check(numbered, *with_vector, base & ~allowed & np.isin(np.arange(N_ITEMS), [4, 11, 2]))


@pytest.mark.parametrize("form", FORMS)
def test_seen_rows_that_are_given_take_the_place_of_the_stored_ones(numbered, form):
    items, scores = numbered.recommend(USERS, K, exclude_seen=FORMS[form](ROWS))
    check(numbered, items, scores, ~mask_of(ROWS))


def test_a_matrix_of_numbers_has_a_row_a_user(numbered):
    items, scores = numbered.recommend(USERS, K, candidates=np.tile(np.arange(6), (len(USERS), 1)), exclude_seen=False)
    check(numbered, items, scores, np.tile(np.arange(N_ITEMS) < 6, (len(USERS), 1)))


def test_items_by_user_are_ids_where_there_are_ids(named):
    asked, ids = user_ids()[USERS], item_ids()
    expected = named.recommend(asked, K, exclude=[ids[row].tolist() for row in ROWS])
    shuffled = np.argsort(ids)  # the matrix knows the items in another order
    rows = Ratings.from_sparse(sp.csr_array(mask_of(ROWS)[:, shuffled]))
    rows = Ratings(rows.indptr, rows.indices, rows.data, shape=rows.shape, items=IdMap(ids[shuffled]))
    for given in (rows, sp.csr_array(mask_of(ROWS)), np.array([ids[row] for row in ROWS], object)):
        for got, wanted in zip(named.recommend(asked, K, exclude=given), expected, strict=True):
            np.testing.assert_array_equal(got, wanted)
    numbers = named._top(USERS, K, seen=None)[0]
    few, _ = named.recommend(asked[:1], K, exclude_seen=False, candidates=[[ids[numbers[0, 1]], ids[numbers[0, 0]]]])
    assert few[0].compressed().tolist() == ids[numbers[0, :2]].tolist()


def test_one_user_has_one_row(named):
    items, scores = named.recommend("user 5", 3, candidates=[item_ids()[[2, 9]]], exclude_seen=False)
    assert items.shape == scores.shape == (3,)
    assert set(items.compressed().tolist()) == set(item_ids()[[2, 9]].tolist())


def test_tuples_are_ids(make):
    model = make().fit(Ratings.from_arrays([("a", 1), ("b",), ("b",)], [("x",), ("x",), ("y", 2)], [1.0, 2.0, 3.0]))
    for_all, _ = model.recommend([("a", 1), ("b",)], 1, exclude=[("x",)], exclude_seen=False)
    assert for_all.tolist() == [[("y", 2)]] * 2
    by_user, _ = model.recommend([("a", 1), ("b",)], 1, exclude=[[("x",)], [("y", 2)]], exclude_seen=False)
    assert by_user.tolist() == [[("y", 2)], [("x",)]]


# -- new users ----------------------------------------------------------------------------------------------------


def can_fold_in(model):
    return hasattr(model, "fold_in_users") or isinstance(model, MostPopular)


@pytest.mark.parametrize("given", [sp.csr_array, sp.csc_array, Ratings.from_sparse])
def test_new_users_get_lists_by_their_rows(numbered, given):
    """As a model whose users they are: their entries are the seen ones."""
    if not can_fold_in(numbered):
        with pytest.raises(
            ValueError, match="rows needs a model that folds users in, such as WALS; (BiasedMF|SVDpp) does not"
        ):
            numbered.recommend(rows=matrix())
        return
    rows = matrix()[[4, 1, 9, 0]]
    factors = np.empty((4, 0)) if isinstance(numbered, MostPopular) else numbered.fold_in_users(rows)
    theirs = GivenFactors().fit(rows, factors, numbered.item_factors, item_bias=numbered.item_bias)
    for exclude_seen in (True, False, matrix()[[3, 2, 2, 2]]):
        expected = theirs.recommend(np.arange(4), K, exclude_seen=exclude_seen)
        got = numbered.recommend(rows=given(rows), k=K, exclude_seen=exclude_seen)
        assert got[0].tobytes() == expected[0].tobytes()
        assert got[1].tobytes() == expected[1].tobytes()


def test_new_users_of_a_biased_model_bring_their_bias():
    model = WALS(factors=3, iterations=4, biased=True, unobserved_weight=0, random_state=0, dtype="float64")
    model.fit(matrix())
    scores = model.recommend(rows=matrix(), k=N_ITEMS)[1]
    np.testing.assert_allclose(scores, model.recommend(np.arange(N_USERS), N_ITEMS)[1], rtol=1e-9)


def test_filters_go_with_new_users(named):
    if not can_fold_in(named):
        return
    ids = item_ids()
    rows = Ratings.from_arrays(["x", "x", "y"], ids[[0, 5, 7]], [5.0, 4.0, 3.0])
    items, _ = named.recommend(rows=rows, k=N_ITEMS)
    assert set(items[0].compressed().tolist()) == set(ids.tolist()) - set(ids[[0, 5]].tolist())
    assert set(items[1].compressed().tolist()) == set(ids.tolist()) - {ids[7]}
    items, _ = named.recommend(rows=rows, k=2, exclude_seen=False, candidates=[ids[[0]], ids[[7, 5]]])
    assert items[0].compressed().tolist() == [ids[0]]
    assert set(items[1].tolist()) == set(ids[[7, 5]].tolist())


def test_new_users_change_nothing(numbered):
    if can_fold_in(numbered):
        before = numbered.recommend(USERS, K)
        numbered.recommend(rows=matrix()[:2])
        for got, expected in zip(numbered.recommend(USERS, K), before, strict=True):
            np.testing.assert_array_equal(got, expected)


# -- refusals -----------------------------------------------------------------------------------------------------

WITH_IDS = Ratings.from_arrays([1, 2], [100, 103])

REFUSED = [
    (lambda m: m.recommend(), TypeError, "users or rows, got neither"),
    (lambda m: m.recommend(["user 1"], rows=matrix()), TypeError, "users or rows, got both"),
    (lambda m: m.recommend(rows=matrix()[:, :9]), ValueError, "rows must have 20 columns"),
    (lambda m: m.recommend(rows=[[1, 2]]), TypeError, "rows must be fastmf.Ratings or a SciPy sparse matrix"),
    (
        lambda m: m.recommend(["user 1"], exclude=[[100], [101]]),
        ValueError,
        "exclude must have a row for each",
    ),
    (lambda m: m.recommend(["user 1"], candidates=matrix()), ValueError, "candidates must have a row .* got 30 rows"),
    (lambda m: m.recommend(["user 1"], exclude_seen=matrix()[:0]), ValueError, "exclude_seen must have a row"),
    (lambda m: m.recommend(["user 1"], exclude_seen=[100]), TypeError, "exclude_seen must be True, False, or rows"),
    (lambda m: m.recommend(["user 1"], exclude_seen=None), TypeError, "exclude_seen must be True, False, or rows"),
    (lambda m: m.recommend(["user 1"], exclude=matrix()[:1, :5]), ValueError, "exclude must have 20 columns"),
    (
        lambda m: m.recommend(["user 1", "user 2"], exclude=[[100], 101]),
        TypeError,
        "must have a list .* got 101",
    ),
    (lambda m: m.recommend(["user 1"], candidates=[[5]]), UnknownIdError, "candidates: .*5"),
    (lambda m: m.recommend(["user 1", "user 2"], exclude=WITH_IDS), ValueError, "exclude must have the users asked"),
    (lambda m: m.recommend(["user 1"], exclude=[[[100]]]), TypeError, "exclude"),
]


@pytest.mark.parametrize(("call", "error", "says"), REFUSED)
def test_bad_arguments_are_refused(named, call, error, says):
    with pytest.raises(error, match=says):
        call(named)


@pytest.mark.parametrize("row", [[20], [-1], [0.0], ["3"]])
@pytest.mark.parametrize("name", ["exclude", "candidates", "exclude_seen"])
def test_bad_numbers_are_refused(numbered, name, row):
    with pytest.raises((IndexError, TypeError), match=name):
        numbered.recommend([1, 2], **{name: [[3], row]})


def test_a_model_that_cannot_fold_in_says_so():
    with pytest.raises(ValueError, match="rows needs a model that folds users in"):
        BiasedMF(factors=2, epochs=1, random_state=0).fit(ratings()).recommend(rows=matrix())
