"""Ratings.from_query: real engines in this process, by rows and by Arrow batches."""

import datetime
import decimal
import sqlite3
import time

import pytest
from data_strategies import assert_canonical

from fastmf import _optional
from fastmf.data import Ratings, query

duckdb = pytest.importorskip("duckdb")
ROLES = {"user": "who", "item": "film", "value": "stars", "timestamp": "moment"}
ROWS = [("bob", 30, 4.5, 7), ("ann", 10, 3.0, 5), ("bob", 10, 1.0, 6)]


def connected(engine, rows, types="text integer real integer"):
    connection = sqlite3.connect(":memory:") if engine == "sqlite" else duckdb.connect()
    names = ("who", "film", "stars", "moment")
    columns = ", ".join(f"{name} {kind}" for name, kind in zip(names, types.split(), strict=True))
    connection.execute(f"create table given ({columns})")
    if rows:
        connection.executemany("insert into given values (?, ?, ?, ?)", rows)
    return connection


@pytest.fixture(params=["sqlite", "duckdb", "duckdb by rows"])
def engine(request, monkeypatch):
    """A database; DuckDB also without PyArrow."""
    if request.param == "duckdb by rows":
        monkeypatch.setattr(_optional, "version", lambda _: None)
    elif request.param == "duckdb":
        pytest.importorskip("pyarrow")
        monkeypatch.setattr(query, "_rows", None)  # the Arrow way it must be
    return request.param.partition(" ")[0]


def entries(ratings):
    users, items = ratings.users.ids[ratings.row_numbers()], ratings.items.ids[ratings.indices]
    return list(zip(users.tolist(), items.tolist(), ratings.data.tolist(), ratings.timestamps.tolist(), strict=True))


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_the_rows_of_a_query(engine, size, monkeypatch):
    monkeypatch.setattr(query, "ROWS", size)
    connection = connected(engine, ROWS)
    ratings = Ratings.from_query(connection, "select * from given order by stars desc", **ROLES)
    assert_canonical(ratings)
    assert entries(ratings) == [("ann", 10, 3, 5), ("bob", 10, 1, 6), ("bob", 30, 4.5, 7)]
    assert ratings.timestamps.dtype.kind == "i"
    assert connection.execute("select count(*) from given").fetchone() == (3,)  # still open


def test_parameters_and_columns_by_number(engine):
    connection = connected(engine, ROWS)
    sql = "select film, who from given where stars > ?"
    ratings = Ratings.from_query(connection, sql, user=1, item=0, parameters=(2,))
    assert ratings.users.ids.tolist() == ["ann", "bob"]
    assert ratings.data.tolist() == [1, 1]


def test_rows_that_are_dictionaries():
    connection = connected("sqlite", ROWS)
    names = ("who", "film", "stars", "moment")
    connection.row_factory = lambda cursor, row: dict(zip(names, row, strict=True))
    ratings = Ratings.from_query(connection, "select * from given", **ROLES)
    assert entries(ratings) == [("ann", 10, 3, 5), ("bob", 10, 1, 6), ("bob", 30, 4.5, 7)]


def test_a_cursor_is_as_good_as_a_connection(engine):
    cursor = connected(engine, ROWS).cursor()
    assert Ratings.from_query(cursor, "select * from given", **ROLES).nnz == 3
    assert cursor.execute("select 1").fetchone() == (1,)


def test_what_is_missing_is_counted_and_refused_or_left_out(engine):
    rows = [("ann", 10, 1.0, 1), (None, 20, None, 2), ("bob", None, 3.0, 3), ("cat", 40, None, 4)]
    connection = connected(engine, rows)
    with pytest.raises(ValueError) as caught:
        Ratings.from_query(connection, "select * from given", **ROLES)
    assert "column 'who' (user) lacks 1 of 4, the first at position 1; column 'film' (item) lacks 1" in str(
        caught.value
    )
    assert "column 'stars' (value) lacks 2 of 4, the first at position 1" in str(caught.value)
    ratings = Ratings.from_query(connection, "select * from given", **ROLES, missing="drop")
    assert entries(ratings) == [("ann", 10, 1, 1)]
    assert ratings.intake == {"read": 4, "missing": 3, "duplicates": 0}


def test_no_rows(engine):
    connection = connected(engine, [])
    assert Ratings.from_query(connection, "select * from given", **ROLES).shape == (0, 0)


def test_dates_and_decimals(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")  # a date without a zone is one in UTC, wherever this runs
    time.tzset()
    try:
        check_dates_and_decimals()
    finally:
        monkeypatch.undo()
        time.tzset()


def check_dates_and_decimals():
    moment = datetime.datetime(2001, 9, 9, 1, 46, 40)
    connection = connected("duckdb", [("a", 1, decimal.Decimal("1.5"), moment)], "text bigint decimal(5,2) timestamp")
    for rows in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if rows:
                patch.setattr(_optional, "version", lambda _: None)
            assert entries(Ratings.from_query(connection, "select * from given", **ROLES)) == [("a", 1, 1.5, 1e9)]
    days = connected("duckdb", [("a", 1, 1, datetime.date(1970, 1, 3))], "text bigint bigint date")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_optional, "version", lambda _: None)
        assert entries(Ratings.from_query(days, "select * from given", **ROLES)) == [("a", 1, 1, 172800)]


def test_values_of_several_types_are_counted_and_named(monkeypatch):
    monkeypatch.setattr(query, "ROWS", 3)
    rows = [
        ("a", 1, 1.0, 1),
        ("b", 1, 2.0, 2),
        ("c", 1, 2.0, 2),
        (None, 1, 1.0, 3),
        ("d", 1, "many", 1),
        ("e", 1, "few", 1),
    ]
    connection = connected("sqlite", rows)
    with pytest.raises(TypeError) as caught:
        Ratings.from_query(connection, "select * from given", **ROLES)
    assert str(caught.value) == (
        "column 'stars' (value) must hold numbers, and 2 of the entries from 4 to 5 are none, the first at position 4"
    )


@pytest.mark.parametrize("large", [10**400, -(10**400), decimal.Decimal("1e400")], ids=["above", "below", "decimal"])
def test_values_beyond_float64_are_refused_as_infinite(large):
    class Cursor:
        description = (("who",), ("film",), ("stars",))

        def cursor(self):
            return self

        def execute(self, sql):
            self.rows = [(1, 1, 3), (1, 2, large)]

        def fetchmany(self, size):
            rows, self.rows = self.rows, []
            return rows

        def close(self):
            pass

    roles = {"user": "who", "item": "film", "value": "stars"}
    text = r"column 'stars' \(value\) must hold finite numbers that fit float32, got -?inf at position 1"
    with pytest.raises(ValueError, match=text):
        Ratings.from_query(Cursor(), "select", **roles)


def test_positions_are_those_of_the_rows_of_the_query(engine, monkeypatch):
    monkeypatch.setattr(query, "ROWS", 2)
    rows = [("a", 1, 1.0, 1), (None, 1, 1.0, 2), ("b", None, 1.0, 3), ("c", 1, float("inf"), 4)]
    with pytest.raises(ValueError, match="got inf at position 3$"):
        Ratings.from_query(connected(engine, rows), "select * from given", **ROLES, missing="drop")


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            [(1, 1, 1, 1), ("x", 1, 1, 1)],
            r"'who' \(user\) must hold ids of one type, got 1 of int, such as 1; 1 of str",
        ),
        ([("x", 1, 1, 1), (1, 1, 1, 1)], r"'who' \(user\) must hold ids of one type, got 1 of str"),
        ([("x", 1.5, 1, 1)], r"'film' \(item\) must hold integers, text or other ids, got the number 1.5"),
        ([("x", 1, 1, "now")], r"'moment' \(timestamp\) must hold numbers or dates"),
    ],
    ids=str,
)
def test_ids_and_times_of_several_types_are_refused(rows, text):
    connection = connected("sqlite", rows, "blob blob blob blob")
    with pytest.raises(TypeError, match=text):
        Ratings.from_query(connection, "select * from given", **ROLES)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"connection": "films.db"}, TypeError, "connection must be a DB-API connection or cursor, got 'films.db'"),
        ({"sql": 3}, TypeError, "sql must be text, got 3"),
        ({"sql": "create table other (a integer)"}, ValueError, "sql must be a query that gives rows"),
        ({"sql": "select absent from given"}, sqlite3.OperationalError, "no such column"),
        ({"user": "whom"}, ValueError, "user must be a column, one of 'who', 'film', 'stars', 'moment', got 'whom'"),
        ({"missing": "skip"}, ValueError, "missing must be one of"),
        ({"dtype": "int32"}, ValueError, "dtype must be float32 or float64"),
    ],
    ids=str,
)
def test_bad_arguments(change, error, text):
    arguments = {"connection": connected("sqlite", ROWS), "sql": "select * from given"} | ROLES | change
    with pytest.raises(error, match=text):
        Ratings.from_query(**arguments)


def test_drivers_that_give_arrow_batches_are_asked_for_them():
    """As ADBC's cursors do."""
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"who": ["a", "b"], "film": [1, 2]})

    class Cursor:
        description = (("who",), ("film",))
        closed = False

        def execute(self, sql):
            assert sql == "select"

        def fetch_record_batch(self):
            return table.to_reader(1)

        def close(self):
            self.closed = True

    class Connection:
        def cursor(self):
            return cursor

    cursor = Cursor()
    assert Ratings.from_query(Connection(), "select", user="who", item="film").nnz == 2
    assert cursor.closed
