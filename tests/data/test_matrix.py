"""What Ratings are once they are made: parts of them, the other orientation, copies, and that nothing changes them."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from data_strategies import assert_canonical, dense_of, entries
from hypothesis import given
from hypothesis import strategies as st

from fastmf.data import IdMap, Ratings, csr


def made_of(made):
    shape, rows, columns, values = made
    return Ratings.from_sparse(sp.coo_array((values, (rows, columns)), shape=shape), duplicates="last")


@pytest.fixture
def small():
    ratings = Ratings.from_arrays(["b", "a", "b", "c"], [7, 7, 5, 9], [1.0, 2.0, 3.0, 4.0], [40, 30, 20, 10])
    info = {"title": np.array(["five", "seven", "nine"])}
    return Ratings(
        ratings.indptr, ratings.indices, ratings.data, shape=ratings.shape, timestamps=ratings.timestamps,
        users=ratings.users, items=ratings.items, item_info=info,
    )  # fmt: skip


@given(entries(), st.randoms(use_true_random=False))
def test_a_selection_and_its_complement_are_the_whole(made, random):
    ratings = made_of(made)
    mask = np.array([random.random() < 0.5 for _ in range(ratings.nnz)], bool)
    chosen, rest = ratings.select(mask), ratings.select(~mask)
    for part in (chosen, rest):
        assert_canonical(part)
        assert part.shape == ratings.shape
    assert chosen.nnz + rest.nnz == ratings.nnz
    whole, one, two = dense_of(ratings), dense_of(chosen), dense_of(rest)
    np.testing.assert_array_equal(np.where(np.isnan(one), two, one), whole)
    assert np.isnan(one[~np.isnan(two)]).all()
    positions = np.flatnonzero(mask)
    random.shuffle(positions)
    np.testing.assert_array_equal(dense_of(ratings.select(positions)), one)


@given(entries(), st.randoms(use_true_random=False))
def test_rows_are_taken_in_the_order_given(made, random):
    ratings = made_of(made)
    numbers = random.sample(range(ratings.n_users), random.randint(0, ratings.n_users))
    part = ratings.rows(np.array(numbers, np.int32))
    assert_canonical(part)
    assert part.shape == (len(numbers), ratings.n_items)
    np.testing.assert_array_equal(dense_of(part), dense_of(ratings)[numbers])


@given(entries(), st.sampled_from([1, 2, 4]))
def test_item_major_is_the_transpose(made, threads):
    ratings = made_of(made)
    small, csr.SMALL = csr.SMALL, 1  # so that even these few entries are shared among threads
    try:
        indptr, users, order = ratings.item_major(num_threads=threads)
    finally:
        csr.SMALL = small
    assert (indptr.dtype, users.dtype, order.dtype) == (np.int64, np.int32, np.int64)
    assert sorted(order.tolist()) == list(range(ratings.nnz))
    np.testing.assert_array_equal(np.diff(indptr), ratings.item_counts)
    np.testing.assert_array_equal(ratings.row_numbers()[order], users)
    transposed = Ratings(indptr, users, ratings.data[order], shape=ratings.shape[::-1])
    np.testing.assert_array_equal(dense_of(transposed), dense_of(ratings).T)


@given(entries(), st.sampled_from(["float32", "float64"]))
def test_there_and_back_through_scipy(made, dtype):
    ratings = made_of(made)
    matrix = ratings.to_scipy()
    assert isinstance(matrix, sp.csr_array)
    assert matrix.has_canonical_format
    np.testing.assert_array_equal(dense_of(Ratings.from_sparse(matrix)), dense_of(ratings))


def test_scipy_gets_arrays_of_its_own(small):
    matrix, before = small.to_scipy(), dense_of(small)
    for array in (matrix.data, matrix.indices, matrix.indptr):
        array[:] = 0
    np.testing.assert_array_equal(dense_of(small), before)


@given(entries())
def test_counts(made):
    ratings = made_of(made)
    present = ~np.isnan(dense_of(ratings))
    assert ratings.user_counts.tolist() == present.sum(axis=1).tolist()
    assert ratings.item_counts.tolist() == present.sum(axis=0).tolist()
    assert ratings.user_counts.dtype == ratings.item_counts.dtype == np.int64
    assert ratings.row_numbers().dtype == np.int32
    assert ratings.row_numbers().tolist() == np.nonzero(present)[0].tolist()
    assert (ratings.n_users, ratings.n_items) == present.shape
    assert ratings.nnz == present.sum()


def test_parts_keep_times_ids_and_facts(small):
    part = small.select([2, 0])
    assert part.data.tolist() == [2, 1]
    assert part.timestamps.tolist() == [30, 40]
    assert part.users is small.users
    assert part.items is small.items
    assert part.item_info["title"].tolist() == ["five", "seven", "nine"]
    part = small.rows([2, 0])
    assert part.users.ids.tolist() == ["c", "a"]
    assert part.timestamps.tolist() == [10, 30]
    assert part.items is small.items
    assert part.item_info["title"] is small.item_info["title"]


# Of 1, 1 and 2.
QUANTILES = {
    "minimum": 1,
    "10%": 1,
    "25%": 1,
    "median": 1,
    "75%": 1.5,
    "90%": 1.8,
    "99%": 1.98,
    "maximum": 2,
}


def test_describe(small):
    assert small.describe() == {
        "users": 3,
        "items": 3,
        "ratings": 4,
        "density": 4 / 9,
        "mean": 2.5,
        "minimum": 1.0,
        "maximum": 4.0,
        "empty_users": 0,
        "empty_items": 0,
        "value_counts": {1: 1, 2: 1, 3: 1, 4: 1},
        "value_quantiles": None,
        "ratings_per_user": pytest.approx(QUANTILES),
        "ratings_per_item": pytest.approx(QUANTILES),
        "gini_users": pytest.approx(1 / 6),
        "gini_items": pytest.approx(1 / 6),
        "first": 10,
        "last": 40,
        "intake": small.intake,
    }
    part = small.select([1]).describe()
    assert (part["empty_users"], part["empty_items"]) == (2, 2)
    assert "first" not in Ratings.from_arrays([1], [1]).describe()
    assert Ratings.from_sparse(sp.csr_array((0, 3))).describe()["density"] == 0


def test_repr(small):
    assert repr(small) == "Ratings(3 users x 3 items, 4 entries, float32, with timestamps)"
    assert repr(Ratings.from_arrays([], [], dtype=float)) == "Ratings(0 users x 0 items, 0 entries, float64)"


def test_nothing_changes_ratings(small):
    assert_canonical(small)
    with pytest.raises(AttributeError, match="Ratings never change: data cannot be set"):
        small.data = np.zeros(4)
    with pytest.raises(AttributeError, match="Ratings never change: users cannot be deleted"):
        del small.users
    with pytest.raises(AttributeError):
        small.anything = 1
    with pytest.raises(ValueError, match="read-only"):
        small.data[0] = 9


def test_copies_are_equal_and_read_only(small):
    for twin in (pickle.loads(pickle.dumps(small)), copy.copy(small), copy.deepcopy(small)):
        assert_canonical(twin)
        np.testing.assert_array_equal(dense_of(twin), dense_of(small))
        assert type(twin) is Ratings
        assert twin.users == small.users
        assert twin.items == small.items
        assert twin.timestamps.tolist() == small.timestamps.tolist()
        assert twin.item_info["title"].tolist() == small.item_info["title"].tolist()


@pytest.mark.parametrize(
    ("entries", "error", "text"),
    [
        ([True, False], ValueError, "entries must be a one-dimensional array of length 4"),
        (np.ones((2, 2), bool), ValueError, "entries must be a one-dimensional array"),
        ([0, 4], IndexError, r"entries must hold numbers of entries in \[0, 4\), got 4 at position 1"),
        ([-1], IndexError, "got -1 at position 0"),
        ([1, 2, 1], ValueError, "entries must name each entry once, got 1 again"),
        ([0.0], TypeError, "entries must hold integers"),
        ("all", ValueError, "entries must be a one-dimensional array"),
    ],
    ids=str,
)
def test_bad_selections(small, entries, error, text):
    with pytest.raises(error, match=text):
        small.select(entries)


@pytest.mark.parametrize(
    ("numbers", "error", "text"),
    [
        ([3], IndexError, r"user_numbers must hold numbers of users in \[0, 3\), got 3"),
        ([-1], IndexError, "got -1 at position 0"),
        ([0, 2, 0], ValueError, "user_numbers must name each user once"),
        (["a"], TypeError, "user_numbers must hold integers"),
        (1, ValueError, "user_numbers must be a one-dimensional array"),
    ],
    ids=str,
)
def test_bad_rows(small, numbers, error, text):
    with pytest.raises(error, match=text):
        small.rows(numbers)
    assert small.rows([]).shape == (0, 3)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "two", True])
def test_bad_threads(small, threads):
    with pytest.raises((ValueError, TypeError), match="num_threads"):
        small.item_major(num_threads=threads)


GOOD = {"indptr": [0, 2, 3], "indices": [0, 2, 1], "data": [1.0, 2.0, 3.0], "shape": (2, 3)}


def test_the_constructor_copies_what_it_is_given():
    arrays = {
        "indptr": np.array([0, 2, 3]), "indices": np.array([0, 2, 1], np.int32), "data": np.ones(3, np.float32),
        "timestamps": np.array([1, 2, 3]),
    }  # fmt: skip
    title = np.array(["a", "b", "c"])
    ratings = Ratings(**arrays, shape=(2, 3), item_info={"title": title})
    assert_canonical(ratings)
    for array in (*arrays.values(), title):
        assert array.flags.writeable
        array[:] = 0 if array.dtype.kind != "U" else "z"
    assert dense_of(ratings)[0].tolist()[::2] == [1, 1]
    assert ratings.timestamps.tolist() == [1, 2, 3]
    assert ratings.item_info["title"].tolist() == ["a", "b", "c"]
    assert Ratings(**GOOD | {"data": np.ones(3)}).data.dtype == np.float64
    assert Ratings(**GOOD).data.dtype == np.float32


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"shape": 5}, TypeError, r"shape must be a pair \(users, items\), got 5"),
        ({"shape": (2, 3, 4)}, TypeError, "shape must be a pair"),
        ({"shape": (2.0, 3)}, TypeError, r"shape\[0\] must be an integer"),
        ({"shape": (2, -1)}, ValueError, r"shape\[1\] must be an integer in \[0, 2147483647\], got -1"),
        ({"shape": (2, 2**31)}, ValueError, r"shape\[1\] must be an integer"),
        ({"shape": (3, 3)}, ValueError, "indptr of length 4, got 3"),
        ({"shape": (2, 2)}, ValueError, r"indices in \[0, 2\), got 2 at entry 1"),
        ({"indptr": [0, 1, 2]}, ValueError, "indptr must end with the number of entries 3, got 2"),
        ({"indptr": [0, 2, 4]}, ValueError, "must hold the 4 entries"),
        ({"indptr": [0, 4, 3]}, ValueError, "never falls"),
        ({"indices": [2, 0, 1]}, ValueError, "indices must rise strictly within each row"),
        ({"indices": [0, 0, 1]}, ValueError, "indices must rise strictly within each row"),
        ({"indices": [0, 2]}, ValueError, "data must be a one-dimensional array of length 2"),
        ({"data": [1, 2, np.nan]}, ValueError, "data must hold finite numbers"),
        ({"timestamps": [1, 2]}, ValueError, "timestamps must be a one-dimensional array of length 3"),
        ({"users": [1, 2]}, ValueError, r"users must be an IdMap of 2 ids or None, got \[1, 2\]"),
        ({"users": IdMap([1])}, ValueError, "users must be an IdMap of 2 ids"),
        ({"items": IdMap([1])}, ValueError, "items must be an IdMap of 3 ids"),
        (
            {"item_info": {"title": ["a"]}},
            ValueError,
            r"item_info\['title'\] must be a one-dimensional array of length 3",
        ),
    ],
    ids=str,
)
def test_the_constructor_refuses_what_is_not_canonical(change, error, text):
    with pytest.raises(error, match=text):
        Ratings(**GOOD | change)
