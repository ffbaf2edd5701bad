"""Ratings.from_arrays: columns in any order to canonical rows, duplicates merged as told, bad columns refused."""

import numpy as np
import pytest
from data_strategies import assert_canonical, dense_of, entries
from hypothesis import given, settings
from hypothesis import strategies as st

from fastmf.data import Ratings, csr

MERGE = {"last": lambda v: v[-1], "first": lambda v: v[0], "sum": sum, "mean": np.mean, "max": max}


@given(entries(distinct=True), st.sampled_from(["float32", "float64"]))
def test_what_goes_in_comes_out(made, dtype):
    _, rows, columns, values = made
    ratings = Ratings.from_arrays(rows, columns, values, dtype=dtype)
    assert_canonical(ratings)
    assert ratings.data.dtype == dtype
    assert ratings.users.ids.tolist() == sorted(set(rows.tolist()))
    assert ratings.items.ids.tolist() == sorted(set(columns.tolist()))
    found = {
        (ratings.users.ids[u], ratings.items.ids[i]): value
        for u, i, value in zip(ratings.row_numbers(), ratings.indices, ratings.data.tolist(), strict=True)
    }
    assert found == dict(zip(zip(rows, columns, strict=True), values, strict=True))


@given(entries(), st.sampled_from(list(MERGE)), st.sampled_from([None, int, float]), st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_duplicates_are_merged_by_the_policy(made, policy, kind, random):
    _, rows, columns, values = made
    times = None if kind is None else np.array([random.randrange(4) for _ in rows], kind)
    given = (rows.copy(), columns.copy(), values.copy(), None if times is None else times.copy())
    ratings = Ratings.from_arrays(rows, columns, values, times, duplicates=policy, dtype="float64")
    assert_canonical(ratings)
    pairs = {}
    for entry, pair in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
        pairs.setdefault(pair, []).append(entry)
    assert ratings.nnz == len(pairs)
    for at, (u, i) in enumerate(zip(ratings.row_numbers(), ratings.indices, strict=True)):
        group = pairs[int(ratings.users.ids[u]), int(ratings.items.ids[i])]
        if times is not None:
            group = sorted(group, key=lambda entry: times[entry])  # stable: equal times stay in the order given
        assert ratings.data[at] == MERGE[policy]([values[entry] for entry in group])
        if times is not None:
            assert ratings.timestamps[at] == times[group[0 if policy == "first" else -1]]
            assert ratings.timestamps.dtype == (np.int64 if kind is int else np.float64)
    for before, after in zip(given, (rows, columns, values, times), strict=True):
        np.testing.assert_array_equal(before, after)


def test_the_error_for_duplicates_names_a_pair_and_counts():
    users, items = ["ann", "bob", "bob", "bob", "ann"], [30, 10, 10, 10, 10]
    expected = (
        "duplicates must be 'last', 'first', 'sum', 'mean' or 'max' where a pair has several entries: "
        "user 'bob' and item 10 have, and 2 entries of 5 repeat a pair"
    )
    with pytest.raises(ValueError) as caught:
        Ratings.from_arrays(users, items)
    assert str(caught.value) == expected
    assert Ratings.from_arrays(users, items, duplicates="sum").to_scipy().toarray().tolist() == [[1, 1], [3, 0]]


def test_last_and_first_go_by_time_and_then_by_order():
    values, times = [1.0, 2.0, 3.0, 4.0], [5, 9, 9, 5]
    pick = {
        (policy, timed): Ratings.from_arrays(
            [0] * 4, [0] * 4, values, times if timed else None, duplicates=policy
        ).data.item()
        for policy in ("last", "first")
        for timed in (True, False)
    }
    assert pick == {("last", True): 3, ("first", True): 1, ("last", False): 4, ("first", False): 1}


def test_sums_are_taken_in_double_precision():
    values = np.array([2.0**24, 1, 1, 1, 1], np.float32)
    ratings = Ratings.from_arrays([0] * 5, [0] * 5, values, duplicates="sum")
    assert ratings.data.item() == 2**24 + 4


@pytest.mark.parametrize("order", ["sorted", "shuffled", "by item"])
def test_columns_longer_than_a_piece(order, monkeypatch):
    monkeypatch.setattr(csr, "CHUNK", 64)
    monkeypatch.setattr(csr, "SMALL", 1)
    rng = np.random.default_rng(0)
    pairs = rng.permutation(30 * 40)[:700]
    pairs = np.sort(pairs) if order == "sorted" else pairs
    rows, columns = np.divmod(pairs, 40)
    if order == "by item":
        rows, columns = rows[np.argsort(columns)], np.sort(columns)
    values = rng.normal(size=len(rows))
    ratings = Ratings.from_arrays(rows, columns, values, dtype="float64", timestamps=rows * 40 + columns)
    assert_canonical(ratings)
    expected = np.full((30, 40), np.nan)
    expected[rows, columns] = values
    np.testing.assert_array_equal(dense_of(ratings), expected[np.ix_(ratings.users.ids, ratings.items.ids)])
    np.testing.assert_array_equal(ratings.timestamps, np.sort(pairs))
    np.testing.assert_array_equal(ratings.item_counts, np.bincount(columns, minlength=40)[ratings.items.ids])


def test_order_is_noticed_at_the_seam_of_two_pieces(monkeypatch):
    monkeypatch.setattr(csr, "CHUNK", 4)
    for n in range(2, 12):
        for at in range(n - 1):
            rows = np.arange(n, dtype=np.int32)
            rows[at], rows[at + 1] = rows[at + 1], rows[at]
            assert not csr.is_sorted(rows, np.zeros(n, np.int32))
            assert not csr.is_sorted(np.zeros(n, np.int32), rows)
        assert csr.is_sorted(np.arange(n, dtype=np.int32), np.zeros(n, np.int32))
        assert csr.is_sorted(np.zeros(n, np.int32), np.zeros(n, np.int32))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (None, [1, 1]),
        ([True, False], [1, 0]),
        (np.array([3, -2], np.int8), [3, -2]),
        (np.array([3, 2], np.uint64), [3, 2]),
        (np.array([0.5, 2], np.float16), [0.5, 2]),
        (np.array([0.5, 2], np.longdouble), [0.5, 2]),
        (np.array([0.5, 2], ">f8"), [0.5, 2]),
        (np.array([0.5, 9, 2])[::2], [0.5, 2]),
        (np.ma.array([0.5, 2], mask=False), [0.5, 2]),
        ([0.0, -0.0], [0, 0]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, "float64", np.dtype("f4")])
def test_values_of_any_real_type(values, expected, dtype):
    ratings = Ratings.from_arrays([0, 1], [0, 1], values, dtype=dtype)
    assert ratings.data.tolist() == expected
    assert ratings.data.dtype == np.dtype(dtype)
    assert_canonical(ratings)


@pytest.mark.parametrize(
    ("times", "expected", "dtype"),
    [
        (np.array([5, 3], np.int32), [5, 3], np.int64),
        (np.array([5, 3], np.uint64), [5, 3], np.int64),
        ([5, 2**62 + 1], [5, 2**62 + 1], np.int64),
        ([0.5, 1e300], [0.5, 1e300], np.float64),
        (np.array([0.5, 2], np.float32), [0.5, 2], np.float64),
        (np.array(["1970-01-02", "1969-12-31"], "M8[D]"), [86400, -86400], np.float64),
        (np.array(["1970-01-01T00:00:01.5", "2001-09-09T01:46:40"], "M8[ns]"), [1.5, 1e9], np.float64),
    ],
)
def test_timestamps(times, expected, dtype):
    ratings = Ratings.from_arrays([0, 1], [0, 1], timestamps=times)
    assert ratings.timestamps.tolist() == expected
    assert ratings.timestamps.dtype == dtype
    assert_canonical(ratings)


@pytest.mark.parametrize("sort", [True, False])
def test_nothing_of_the_callers_is_kept(sort):
    users, items = np.array([0, 1, 2] if sort else [2, 1, 0]), np.array([5, 6, 7])
    values, times = np.array([1, 2, 3], np.float32), np.array([7, 8, 9])
    ratings = Ratings.from_arrays(users, items, values, times)
    before = dense_of(ratings), ratings.timestamps.tolist(), ratings.users.ids.tolist(), ratings.items.ids.tolist()
    for array in (users, items, values, times):
        assert array.flags.writeable
        array[:] = 99
    after = dense_of(ratings), ratings.timestamps.tolist(), ratings.users.ids.tolist(), ratings.items.ids.tolist()
    np.testing.assert_equal(after, before)


def test_read_only_columns_and_no_ratings():
    columns = [np.array([1, 0]), np.array([0, 1]), np.array([1.0, 2.0]), np.array([3, 4])]
    for column in columns:
        column.flags.writeable = False
    assert Ratings.from_arrays(*columns).nnz == 2
    empty = Ratings.from_arrays([], [], [], [])
    assert_canonical(empty)
    assert empty.shape == (0, 0)
    assert Ratings.from_arrays([], []).describe()["ratings"] == 0


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"users": [0]}, ValueError, "users and items must have one length, got 1 and 2"),
        ({"values": [1.0]}, ValueError, "values must be a one-dimensional array of length 2"),
        ({"values": [[1.0, 2.0]]}, ValueError, "values must be a one-dimensional array of length 2"),
        ({"values": 1.0}, ValueError, "values must be a one-dimensional array of length 2"),
        ({"values": [1.0, np.nan]}, ValueError, "finite numbers that fit float32, got nan at position 1"),
        ({"values": [-np.inf, 0]}, ValueError, "finite numbers that fit float32, got -inf at position 0"),
        ({"values": [np.inf, -np.inf]}, ValueError, "got inf at position 0"),
        ({"values": [1.0, 1e300]}, ValueError, r"fit float32, got 1e\+300 at position 1"),
        ({"values": np.array([1, 2j])}, TypeError, "values must hold real numbers"),
        ({"values": ["1", "2"]}, TypeError, "values must hold real numbers"),
        ({"values": np.array([1, 2], object)}, TypeError, "values must hold real numbers"),
        ({"values": np.array([1, 2], "M8[s]")}, TypeError, "values must hold real numbers"),
        ({"values": np.ma.array([1, 2], mask=[0, 1])}, ValueError, "masked"),
        ({"timestamps": [1]}, ValueError, "timestamps must be a one-dimensional array of length 2"),
        ({"timestamps": [1, np.nan]}, ValueError, "timestamps must hold finite numbers"),
        (
            {"timestamps": np.array(["2020", "NaT"], "M8[s]")},
            ValueError,
            "timestamps must have no missing times, got NaT at position 1",
        ),
        (
            {"timestamps": np.array([1, 2**63], np.uint64)},
            ValueError,
            "timestamps must fit int64, got 9223372036854775808",
        ),
        ({"timestamps": [True, False]}, TypeError, "timestamps must hold integers, real numbers or dates"),
        ({"timestamps": ["now", "then"]}, TypeError, "timestamps must hold integers"),
        ({"users": ["a", None]}, ValueError, "users must not hold missing values, got None at position 1"),
        ({"items": [1.0, np.nan]}, ValueError, "items must not hold missing values, got nan at position 1"),
        ({"items": [[1], [2]]}, TypeError, "items must hold hashable ids"),
        ({"items": np.zeros((2, 1), int)}, ValueError, "items must be a one-dimensional array"),
        ({"users": "ab"}, TypeError, "users must be a sequence"),
        ({"users": [True, False]}, TypeError, "users must hold .* that are no booleans, got True"),
        ({"items": np.array([True, False])}, TypeError, "items must hold .*, got ndarray of .* dtype bool"),
        ({"duplicates": "keep"}, ValueError, "duplicates must be one of 'error', 'last'"),
        ({"duplicates": None}, TypeError, "duplicates must be one of"),
        ({"dtype": "int32"}, ValueError, "dtype must be float32 or float64"),
        ({"dtype": None}, ValueError, "dtype must be float32 or float64"),
    ],
    ids=str,
)
def test_bad_input(change, error, text):
    arguments = {"users": [0, 1], "items": [0, 1], "values": [1.0, 2.0], "timestamps": [1, 2]} | change
    with pytest.raises(error, match=text):
        Ratings.from_arrays(**arguments)


@pytest.mark.parametrize("policy", ["sum", "max"])
def test_a_sum_beyond_the_type_is_refused(policy):
    values = np.array([3e38, 3e38], np.float32)
    arguments = ([0, 0], [0, 0], values)
    if policy == "max":
        assert Ratings.from_arrays(*arguments, duplicates="max").data.item() == np.float32(3e38)
    else:
        with pytest.raises(ValueError, match="values must have a sum that fits float32"):
            Ratings.from_arrays(*arguments, duplicates="sum")


def test_values_whose_sum_overflows_are_still_finite():
    assert Ratings.from_arrays([0, 1], [0, 1], [1.7e308, 1.7e308], dtype="float64").data.tolist() == [1.7e308] * 2
