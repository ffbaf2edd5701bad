"""Ratings.from_frame: the same ratings from every kind of frame, ids of every type, what is missing counted."""

import datetime
import uuid

import numpy as np
import pytest
from data_strategies import assert_canonical

from fastmf.data import Ratings, frames

narwhals = pytest.importorskip("narwhals")
pandas, polars, pyarrow, duckdb = map(pytest.importorskip, ("pandas", "polars", "pyarrow", "duckdb"))

COLUMNS = {"who": ["bob", "ann", "bob"], "film": [30, 10, 10], "stars": [4.5, 3.0, 1.0], "at": [7, 5, 6]}
ROLES = {"user": "who", "item": "film", "value": "stars", "timestamp": "at"}
CONNECTION = duckdb.connect()  # held here, for the relations of older versions hold none


class Stream:
    """Something that has the Arrow stream interface and nothing else."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


FRAMES = {
    "pandas": pandas.DataFrame,
    "pandas of Arrow": lambda columns: pyarrow.table(columns).to_pandas(types_mapper=pandas.ArrowDtype),
    "pandas with another index": lambda columns: pandas.DataFrame(columns, index=[5] * len(columns["who"])),
    "polars": polars.DataFrame,
    "lazy polars": polars.LazyFrame,
    "pyarrow": pyarrow.table,
    "pyarrow in chunks": lambda columns: pyarrow.concat_tables(
        [pyarrow.table(columns).slice(0, 1), pyarrow.table(columns).slice(1)]
    ),
    "duckdb": lambda columns: CONNECTION.from_arrow(pyarrow.table(columns)),
    "stream": lambda columns: Stream(pyarrow.table(columns)),
}
every_frame = pytest.mark.parametrize("kind", FRAMES)


def entries(ratings):
    users, items = ratings.users.ids[ratings.row_numbers()], ratings.items.ids[ratings.indices]
    times = [None] * ratings.nnz if ratings.timestamps is None else ratings.timestamps.tolist()
    return list(zip(users.tolist(), items.tolist(), ratings.data.tolist(), times, strict=True))


@every_frame
@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_the_same_ratings_from_every_frame(kind, rows, monkeypatch):
    monkeypatch.setattr(frames, "ROWS", rows)
    ratings = Ratings.from_frame(FRAMES[kind](COLUMNS), **ROLES)
    assert_canonical(ratings)
    assert entries(ratings) == [("ann", 10, 3, 5), ("bob", 10, 1, 6), ("bob", 30, 4.5, 7)]
    assert ratings.timestamps.dtype == np.int64
    assert ratings.intake == {"read": 3, "duplicates": 0}


@every_frame
def test_columns_by_number_and_without_values(kind):
    ratings = Ratings.from_frame(FRAMES[kind](COLUMNS), user=1, item=0)
    assert entries(ratings) == [(10, "ann", 1, None), (10, "bob", 1, None), (30, "bob", 1, None)]


def test_columns_of_pandas_whose_names_are_numbers():
    frame = pandas.DataFrame([[7, 9, 2.0], [8, 9, 3.0]])  # as read_csv makes it where there is no header
    ratings = Ratings.from_frame(frame, user=0, item=1, value=2)
    assert (ratings.users.ids.tolist(), ratings.data.tolist()) == ([7, 8], [2, 3])
    assert frame.columns.tolist() == [0, 1, 2]
    described = ratings.with_item_info(pandas.DataFrame([[9, "Heat"]]), item=0)
    assert described.item_info["1"].tolist() == ["Heat"]


@every_frame
def test_what_is_missing_is_counted_and_refused_or_left_out(kind):
    columns = {
        "who": ["ann", None, "bob", "cat"],
        "film": [10, 20, None, 40],
        "stars": [1.0, None, 3.0, None],
        "at": [1, 2, 3, 4],
    }
    frame = FRAMES[kind](columns)
    with pytest.raises(ValueError) as caught:
        Ratings.from_frame(frame, **ROLES)
    assert str(caught.value) == (
        "missing must be 'drop' where ids, values or times are missing: column 'who' (user) lacks 1 of 4, the first at "
        "position 1; column 'film' (item) lacks 1 of 4, the first at position 2; column 'stars' (value) lacks 2 of 4, "
        "the first at position 1"
    )
    ratings = Ratings.from_frame(frame, **ROLES, missing="drop")
    assert entries(ratings) == [("ann", 10, 1, 1)]
    assert ratings.intake == {"read": 4, "missing": 3, "duplicates": 0}


def test_nan_is_missing():
    frame = polars.DataFrame({"u": [1.0, float("nan")], "i": [1, 2], "v": [float("nan"), 1.0]})
    with pytest.raises(
        ValueError, match=r"'u' \(user\) lacks 1 of 2.*'v' \(value\) lacks 1 of 2, the first at position 0"
    ):
        Ratings.from_frame(frame, user="u", item="i", value="v")


@pytest.mark.parametrize("size", [0, 1])
@every_frame
def test_frames_with_few_rows(kind, size):
    if kind == "pandas" and size == 0:
        frame = FRAMES[kind](COLUMNS)[:0]
    else:
        frame = FRAMES[kind]({"who": ["a"] * size, "film": [1] * size})
    assert Ratings.from_frame(frame, user="who", item="film").nnz == size


IDS = {
    "integers": [3, 1, 2],
    "large integers": [-(2**63), 2**63 - 1, 0],
    "text": ["b", "é", "a"],
    "long text": ["b" * 200, "c", "a"],
}


@every_frame
@pytest.mark.parametrize("ids", IDS)
def test_ids_of_any_type(kind, ids):
    ratings = Ratings.from_frame(FRAMES[kind]({"who": IDS[ids], "film": [1, 1, 1]}), user="who", item="film")
    assert ratings.users.ids.tolist() == sorted(IDS[ids])


@pytest.mark.parametrize(
    "column",
    [
        pandas.Series([3, 1, 2], dtype="int8"),
        pandas.Series([3, 1, 2], dtype="uint32"),
        pandas.Series([3, 1, 2], dtype="uint64"),
        pandas.Series([3, 1, 2], dtype="Int64"),
        pandas.Series([3.0, 1.0, 2.0]),
        pandas.Series([3, 1, 2], dtype="category"),
        pandas.Series([3, 1, 2], dtype=object),
        polars.Series([3, 1, 2], dtype=polars.UInt8),
        pyarrow.chunked_array([[3], [1, 2]]).dictionary_encode(),
    ],
    ids=str,
)
def test_integers_are_integers_however_they_are_kept(column):
    make = {"pandas": pandas.DataFrame, "polars": polars.DataFrame, "pyarrow": pyarrow.table}
    frame = make[type(column).__module__.partition(".")[0]]({"who": column, "film": ["x"] * 3})
    ratings = Ratings.from_frame(frame, user="who", item="film")
    assert ratings.users.ids.dtype == np.int64
    assert ratings.users.ids.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "column",
    [
        pandas.Series(["c", "a", "b"], dtype="category"),
        pandas.Series(["c", "a", "b"], dtype=object),
        polars.Series(["c", "a", "b"], dtype=polars.Categorical),
        polars.Series(["c", "a", "b"], dtype=polars.Enum(["a", "b", "c", "d"])),
        pyarrow.chunked_array([["c"], ["a", "b"]]).dictionary_encode(),
        pyarrow.chunked_array([["c"], ["a", "b"]]).cast(pyarrow.large_string()),
    ],
    ids=str,
)
def test_text_is_text_however_it_is_kept(column):
    make = {"pandas": pandas.DataFrame, "polars": polars.DataFrame, "pyarrow": pyarrow.table}
    frame = make[type(column).__module__.partition(".")[0]]({"who": column, "film": [1] * 3})
    assert Ratings.from_frame(frame, user="who", item="film").users.ids.tolist() == ["a", "b", "c"]


def test_uuids_stay_uuids():
    ids = [uuid.UUID(int=n) for n in (5, 3, 5)]
    films = [1, 1, 2]
    for frame in (
        pandas.DataFrame({"who": ids, "film": films}),
        polars.DataFrame({"who": polars.Series(ids, dtype=polars.Object), "film": films}),
    ):
        ratings = Ratings.from_frame(frame, user="who", item="film")
        assert ratings.users.ids.tolist() == [ids[0], ids[1]]
        assert ratings.users.number(ids[1]) == 1
    if hasattr(pyarrow, "uuid"):
        table = pyarrow.table({"who": pyarrow.array([id.bytes for id in ids], pyarrow.uuid()), "film": films})
        assert Ratings.from_frame(table, user="who", item="film").users.ids.tolist() == [ids[0], ids[1]]


MOMENTS = [datetime.datetime(2001, 9, 9, 1, 46, 40), datetime.datetime(1969, 12, 31, 23, 59, 59, 500000)]


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "duckdb"])
@pytest.mark.parametrize("zone", [None, datetime.UTC, datetime.timezone(datetime.timedelta(hours=2))])
def test_dates_become_seconds(kind, zone):
    moments = [moment if zone is None else moment.replace(tzinfo=datetime.UTC).astimezone(zone) for moment in MOMENTS]
    frame = FRAMES[kind]({"who": [1, 2], "film": [1, 1], "at": moments})
    assert Ratings.from_frame(frame, user="who", item="film", timestamp="at").timestamps.tolist() == [1e9, -0.5]


@pytest.mark.parametrize("kind", ["polars", "pyarrow", "duckdb"])
def test_days_become_seconds(kind):
    frame = FRAMES[kind]({"who": [1], "film": [1], "at": [datetime.date(1970, 1, 3)]})
    assert Ratings.from_frame(frame, user="who", item="film", timestamp="at").timestamps.tolist() == [172800]


@pytest.mark.parametrize(
    "values",
    [
        pyarrow.array([1, 0], pyarrow.int8()),
        pyarrow.array([True, False]),
        pyarrow.array([1, 0], pyarrow.decimal128(5, 2)),
        pyarrow.array([1, 0], pyarrow.float32()),
    ],
    ids=str,
)
def test_values_of_any_real_type(values):
    table = pyarrow.table({"who": [1, 2], "film": [1, 1], "stars": values})
    assert Ratings.from_frame(table, user=0, item=1, value=2).data.tolist() == [1, 0]


def test_duplicates_are_merged_and_counted_and_the_frame_is_left_alone():
    frame = pandas.DataFrame({"u": [1, 1, 1, 2], "i": [5, 5, 6, 5], "v": [1.0, 2.0, 3.0, 4.0]})
    before = frame.copy()
    ratings = Ratings.from_frame(frame, user="u", item="i", value="v", duplicates="sum")
    assert ratings.data.tolist() == [3, 3, 4]
    assert ratings.intake == {"read": 4, "duplicates": 1}
    pandas.testing.assert_frame_equal(frame, before)
    with pytest.raises(ValueError, match="user 1 and item 5 have, and 1 entries of 4 repeat a pair"):
        Ratings.from_frame(frame, user="u", item="i", value="v")


def test_nothing_of_the_frame_is_kept():
    columns = {"u": np.array([1, 2]), "i": np.array([5, 6]), "v": np.array([1, 2], np.float32), "t": np.array([7, 8])}
    ratings = Ratings.from_frame(pandas.DataFrame(columns, copy=False), user="u", item="i", value="v", timestamp="t")
    for column in columns.values():
        column[:] = 99
    assert ratings.data.tolist() == [1, 2]
    assert ratings.timestamps.tolist() == [7, 8]


BAD = {"who": [1, 2], "film": [1, 1], "mixed": [1, "1"], "part": [1.5, 2.0], "yes": [True, False], "text": ["a", "b"]}


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (
            {"user": "mixed"},
            TypeError,
            r"'mixed' \(user\) must hold ids of one type, got 1 of int, such as 1; 1 of str",
        ),
        ({"user": "part"}, TypeError, r"'part' \(user\) must hold integers, text or other ids, got the number 1.5"),
        ({"item": "yes"}, TypeError, r"'yes' \(item\) must hold integers, text or other ids, got Boolean"),
        ({"value": "text"}, TypeError, r"'text' \(value\) must hold numbers, got String"),
        ({"timestamp": "text"}, TypeError, r"'text' \(timestamp\) must hold numbers or dates, got String"),
        ({"user": "whom"}, ValueError, "user must be a column, one of 'who', 'film', .*, got 'whom'"),
        ({"item": 6}, ValueError, "item must be a column, a number below 6 or a name, got 6"),
        ({"item": "who"}, ValueError, r"user, item must be different columns, got \['who', 'who'\]"),
        ({"item": None}, TypeError, "item must be an integer"),
        ({"missing": "skip"}, ValueError, "missing must be one of 'error', 'drop', got 'skip'"),
        ({"duplicates": "keep"}, ValueError, "duplicates must be one of"),
        ({"frame": [[1, 2]]}, TypeError, "frame must be a data frame of pandas, Polars, .*, got"),
        ({"frame": {"who": [1], "film": [2]}}, TypeError, "frame must be a data frame"),
        ({"frame": pandas.Series([1])}, TypeError, "frame must be a data frame"),
        ({"frame": polars.Series([1])}, TypeError, "frame must be a data frame"),
    ],
    ids=str,
)
def test_bad_input(change, error, text):
    arguments = {"frame": pandas.DataFrame(BAD), "user": "who", "item": "film"} | change
    with pytest.raises(error, match=text):
        Ratings.from_frame(**arguments)


def test_a_value_that_is_not_finite_is_named_by_its_position(monkeypatch):
    monkeypatch.setattr(frames, "ROWS", 2)
    frame = pandas.DataFrame({"u": [1, 2, 3, 4], "i": [1] * 4, "v": [1, 2, 3, np.inf]})
    with pytest.raises(ValueError, match=r"column 'v' \(value\) must hold finite numbers .*, got inf at position 3"):
        Ratings.from_frame(frame, user="u", item="i", value="v")


def test_true_among_integers_is_no_id_though_it_equals_1():
    frame = pandas.DataFrame({"u": [1, True], "i": [1, 2]}, dtype=object)
    with pytest.raises(TypeError, match=r"'u' \(user\) must hold integers, .* that are no booleans, got True"):
        Ratings.from_frame(frame, user="u", item="i")


@every_frame
@pytest.mark.parametrize("rows", [1, 2, 3, 1000])
def test_positions_are_those_of_the_frame_where_rows_are_left_out(kind, rows, monkeypatch):
    monkeypatch.setattr(frames, "ROWS", rows)
    columns = {
        "who": ["a", None, "b", "c", "d", "e"],
        "film": [1, 2, None, 4, 5, 6],
        "v": [1.0, 2.0, 3.0, 4.0, 5.0, np.inf],
    }
    frame = FRAMES[kind](columns)
    for role in ("value", "timestamp"):
        with pytest.raises(ValueError, match="got inf at position 5$"):
            Ratings.from_frame(frame, user="who", item="film", **{role: "v"}, missing="drop")


def test_positions_of_dates_that_are_objects_count_rows_left_out():
    frame = pandas.DataFrame({"u": [1, None, 3], "i": [1, 2, 3], "t": pandas.Series([*MOMENTS, "now"], dtype=object)})
    with pytest.raises(
        TypeError, match=r"'t' \(timestamp\) must hold all numbers or all dates, got 'now' at position 2"
    ):
        Ratings.from_frame(frame, user="u", item="i", timestamp="t", missing="drop")


# -- facts about items --------------------------------------------------------------------------------------------


def test_facts_about_items_come_from_arrays_or_frames_in_any_order():
    ratings = Ratings.from_frame(pandas.DataFrame(COLUMNS), **ROLES)
    frame = {"film": [30, 20, 10], "title": ["Heat", "Sabrina", None], "year": [1995, 1996, 1997]}
    for make in (pandas.DataFrame, polars.DataFrame, pyarrow.table):
        info = ratings.with_item_info(make(frame), item="film").item_info
        assert {name: column.tolist() for name, column in info.items()} == {"title": ["", "Heat"], "year": [1997, 1995]}
    given = np.array([1, 2])
    told = ratings.with_item_info({"rank": given})
    given[:] = 9
    assert told.item_info["rank"].tolist() == [1, 2]
    assert told.intake == ratings.intake
    assert entries(told) == entries(ratings)


@pytest.mark.parametrize(
    ("info", "item", "text"),
    [
        ({"rank": [1]}, None, "must be a one-dimensional array of length 2"),
        ({"rank": [1, 2]}, "film", "item must be None where info is a dict"),
        (pandas.DataFrame({"film": [10]}), None, "item must name the column of info"),
        (pandas.DataFrame({"film": [10]}), "film", "'film' of item_info must have every item, and lacks 1, such as 30"),
        (pandas.DataFrame({"film": [10, 30, 10]}), "film", "one row an item, got 1 rows that repeat one"),
        (pandas.DataFrame({"film": [10, None, 30]}), "film", "must not have missing ids, got 1 of 3"),
    ],
    ids=str,
)
def test_facts_that_do_not_fit(info, item, text):
    with pytest.raises(ValueError, match=text):
        Ratings.from_frame(pandas.DataFrame(COLUMNS), **ROLES).with_item_info(info, item)
