"""Ratings.from_csv: headers, separators, quotes and ids; every bad line is named."""

import contextlib
import csv
import os
import threading

import numpy as np
import pytest
from data_strategies import assert_canonical, dense_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fastmf import _threads
from fastmf._errors import RatingsFileError
from fastmf.data import Ratings, plain, text

ML = "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n1,1029,3.0,1260759179\n\n15,31,4,99\n"


@pytest.fixture
def file(tmp_path):
    """Writes a file and gives its path."""

    def write(content, encoding="utf-8"):
        path = tmp_path / "ratings.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return write


@pytest.fixture(params=["plain", "general"])
def way(request, monkeypatch):
    """Both ways through a file; the general one serves plain files too when the plain one declines."""
    if request.param == "general":
        monkeypatch.setattr(plain, "read", lambda *_: None)
    return request.param


def triples(ratings):
    users, items = ratings.users.ids[ratings.row_numbers()], ratings.items.ids[ratings.indices]
    return list(zip(users.tolist(), items.tolist(), ratings.data.tolist(), strict=True))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"user": "userId", "item": "movieId", "value": "rating"},
        {"user": 0, "item": "movieId"},
        {"header": True},
        {"header": np.True_, "id_type": "int"},
    ],
    ids=str,
)
@pytest.mark.parametrize("as_path", [True, False])
def test_a_file_with_a_header(file, way, arguments, as_path):
    path = file(ML)
    ratings = Ratings.from_csv(path if as_path else str(path), **arguments)
    assert_canonical(ratings)
    assert triples(ratings) == [(1, 31, 2.5), (1, 1029, 3), (15, 31, 4)]
    assert ratings.timestamps is None
    assert ratings.data.dtype == np.float32


def test_times_values_and_options(file, way):
    path = file(ML + "1,31,5,1\n")
    ratings = Ratings.from_csv(path, timestamp="timestamp", duplicates="last", dtype="float64")
    assert triples(ratings) == [(1, 31, 2.5), (1, 1029, 3), (15, 31, 4)]
    assert ratings.timestamps.tolist() == [1260759144, 1260759179, 99]
    assert ratings.timestamps.dtype == np.int64
    assert ratings.data.dtype == np.float64
    assert Ratings.from_csv(path, value=None, header=True, duplicates="sum").data.tolist() == [2, 1, 1]
    with pytest.raises(ValueError, match="user 1 and item 31 have, and 1 entries of 4 repeat"):
        Ratings.from_csv(path)


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", " ", ":", "x", "é", "0"])
def test_separators(file, way, separator):
    lines = [["4", "7", "3.5"], ["5", "7", "-1"]]
    ratings = Ratings.from_csv(file("".join(separator.join(line) + "\n" for line in lines)), separator=separator)
    assert triples(ratings) == [(4, 7, 3.5), (5, 7, -1)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=repr)
@pytest.mark.parametrize("last", [True, False])
@pytest.mark.parametrize("header", ["", "u,i,r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_byte_order_marks(file, way, end, last, header, mark):
    lines = ([header] if header else []) + ["3,4,5", "6,4,1.5"]
    ratings = Ratings.from_csv(file(mark + end.join(lines) + (end if last else "")))
    assert triples(ratings) == [(3, 4, 5), (6, 4, 1.5)]


def test_a_carriage_return_ends_the_header(file, way):
    assert len(triples(Ratings.from_csv(file("u,i,r\r1,2,3\n4,5,6\n")))) == 2


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('"a,b",x,1\n"two\nlines",x,3\n', [("a,b", "x", 1), ("two\nlines", "x", 3)]),
        ('"say ""hi""",x,2\n', [('say "hi"', "x", 2)]),
        ('"1","2","3"\n', [(1, 2, 3)]),
        ("é,北京,1\n", [("é", "北京", 1)]),
        ("1,a,1\n2,7,1\n", [(1, "a", 1), (2, "7", 1)]),
        ("01,1,1\n2,2,1\n", [("01", 1, 1), ("2", 2, 1)]),
        (" 1,1,1\n", [(" 1", 1, 1)]),
        ("1.0,1,1\n", [("1.0", 1, 1)]),
        ("9223372036854775807,-9223372036854775808,1\n", [(2**63 - 1, -(2**63), 1)]),
        ("9223372036854775808,1,1\n", [("9223372036854775808", 1, 1)]),
        ("-0,1,1\n", [("-0", 1, 1)]),
        ("1,2, 3.5 \n", [(1, 2, 3.5)]),
        ("1,2,1e2\n1,3,.5\n1,4,5.\n1,5,-2\n1,6,+2\n", [(1, 2, 100), (1, 3, 0.5), (1, 4, 5), (1, 5, -2), (1, 6, 2)]),
        ("\n\n1,2,3\n\n4,2,5\n\n", [(1, 2, 3), (4, 2, 5)]),
        ("1,2,3,said \"no\"\n4,2,5,\n", [(1, 2, 3), (4, 2, 5)]),
    ],
)  # fmt: skip
def test_ids_and_numbers_of_every_look(file, way, content, expected):
    assert sorted(triples(Ratings.from_csv(file(content))), key=str) == sorted(expected, key=str)


def test_id_types(file, way):
    path = file("2,1,1\n10,1,1\n")
    assert Ratings.from_csv(path).users.ids.tolist() == [2, 10]
    assert Ratings.from_csv(path, id_type="int").users.ids.tolist() == [2, 10]
    assert Ratings.from_csv(path, id_type="text").users.ids.tolist() == ["10", "2"]
    assert Ratings.from_csv(path, id_type="text").items.ids.tolist() == ["1"]


def test_times_that_are_no_integers(file, way):
    path = file("1,1,1,0.5\n1,2,1,7\n")
    assert Ratings.from_csv(path, timestamp=3).timestamps.tolist() == [0.5, 7]
    big = str(2**60 + 1)
    assert Ratings.from_csv(file(f"1,1,1,{big}\n"), timestamp=3).timestamps.tolist() == [2**60 + 1]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(-99, 99), st.integers(0, 9), st.integers(-50, 50)), min_size=1, max_size=30),
    st.booleans(),
)
def test_both_ways_read_the_same(tmp_path, rows, header):
    path = tmp_path / "same.csv"
    with path.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerows([["a", "b", "c", "d"]] * header)
        writer.writerows([user, item, value / 8, n] for n, (user, item, value) in enumerate(rows))
    arguments = {"timestamp": 3, "duplicates": "last"}
    fast = Ratings.from_csv(path, **arguments)
    ordinary, plain.read = plain.read, lambda *_: None
    try:
        slow = Ratings.from_csv(path, **arguments)
    finally:
        plain.read = ordinary
    np.testing.assert_array_equal(dense_of(fast), dense_of(slow))
    assert fast.users == slow.users
    assert fast.items == slow.items
    assert fast.timestamps.tolist() == slow.timestamps.tolist()


def test_plain_files_go_the_fast_way(file, monkeypatch):
    monkeypatch.setattr(text, "_read_rows", None)
    assert Ratings.from_csv(file(ML)).nnz == 3
    assert Ratings.from_csv(file(ML), timestamp=3).nnz == 3


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("size", [1, 3, 7, 16, 40])
def test_files_longer_than_a_piece(file, way, monkeypatch, size, threads):
    monkeypatch.setattr(_threads, "available", lambda: _threads.Threads(threads, "told so"))
    monkeypatch.setattr(plain, "BYTES", size)
    monkeypatch.setattr(text, "ROWS", size)
    rows = [(n // 7, n % 7, (n % 9) / 2) for n in range(60)]
    content = "".join(f"{u},{i},{r}\n" for u, i, r in rows)
    in_quotes = content.replace("8,3,", '"8",3,')  # ends the fast way with a piece in the middle
    for body in (content, "u,i,r\n" + content, content[:-1], in_quotes):
        assert triples(Ratings.from_csv(file(body))) == rows


BAD_LINES = [
    ("1,2,3\n4,5\n", 2, None, "must have 3 columns as the first line has, got 2"),
    ("1,2,3\n4,5,6,7\n", 2, None, "must have 3 columns as the first line has, got 4"),
    ("1,2,3\n\n\n4,5,x\n", 4, "2 (value)", "must hold a finite number, got 'x'"),
    ("1,2,3\n4,5,\n", 2, "2 (value)", "must hold a finite number, got ''"),
    ("1,2,3\n4,5,nan\n", 2, "2 (value)", "must hold a finite number, got 'nan'"),
    ("1,2,3\n4,5,-inf\n", 2, "2 (value)", "must hold a finite number, got '-inf'"),
    ("1,2,3\n4,5,1_0\n", 2, "2 (value)", "must hold a finite number, got '1_0'"),
    ("1,2,3\n4,5,1e999\n", 2, "2 (value)", "must hold a finite number, got '1e999'"),
    ("1,2,3\n4,5,٣٣x\n", 2, "2 (value)", "must hold a finite number"),
    ("1,2,3\n,5,1\n", 2, "0 (user)", "must hold an id, got nothing"),
    ('1,2,3\n"a\nb",5,1\n4,"",1\n', 4, "1 (item)", "must hold an id, got nothing"),
    ("u,i,r\n1,2,3\n4,5,x\n", 3, "2 (value)", "got 'x'"),
    ('1,2,3\n4,5,6\n7,"8,9\n1,2,3\n', 3, None, "unexpected end of data"),
    ('1,2,3\n4,"5"5,6\n', 2, None, "expected after"),
    ("", 1, None, "must hold a rating, and the file ends here"),
    ("\n\n", 3, None, "must hold a rating, and the file ends here"),
    ("u,i,r\n", 2, None, "must hold a rating, and the file ends here, after its header"),
    ("1,2\n", 1, None, "must have a column 2 (value), counted from 0, got 2 columns; without values, pass value=None"),
    ("1\n", 1, None, "must have a column 1 (item), counted from 0, got 1 columns"),
    (b"1,2,3\n4,\xff,6\n", 2, None, "must be UTF-8 text"),
    ("1,2,3\n".encode("utf-16"), 1, None, "must be UTF-8 text"),
    (b"1,2,3\n" * 5000 + b"4,5,\xe9\n", 5001, None, "must be UTF-8 text"),
    ("1,2,3\n" * 3000 + "4,5,x\n", 3001, "2 (value)", "got 'x'"),
    ("1,2,3\n" * 3000 + "4,,1\n", 3001, "1 (item)", "must hold an id, got nothing"),
]


@pytest.mark.parametrize(("content", "line", "column", "problem"), BAD_LINES, ids=lambda value: str(value)[-40:])
def test_a_bad_line_is_named(file, way, content, line, column, problem):
    path = file(content)
    with pytest.raises(RatingsFileError) as caught:
        Ratings.from_csv(path)
    where = f"{path}, line {line}" + (f", column {column}" if column else "")
    assert str(caught.value).startswith(where + ": ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("content", "arguments", "line", "problem"),
    [
        (ML, {"user": "userid"}, 1, "the header must name the column 'userid' (user) once, got 'userId', 'movieId'"),
        ("u,u,r\n1,2,3\n", {"user": "u"}, 1, "the header must name the column 'u' (user) once"),
        (ML, {"timestamp": 4}, 1, "must have a column 4 (timestamp), counted from 0, got 4 columns"),
        (ML, {"header": False}, 1, "column 2 (value): must hold a finite number, got 'rating'"),
        ("1,a,1\n", {"id_type": "int"}, 1, "column 1 (item): must hold a plain 64-bit integer, got 'a'"),
        (
            "u,i,r\n1,5,1\n\n02,5,1\n",
            {"id_type": "int"},
            4,
            "column 0 (user): must hold a plain 64-bit integer, got '02'",
        ),
        ("1,2,3,4\n5,6,7,then\n", {"timestamp": 3}, 2, "column 3 (timestamp): must hold a finite number, got 'then'"),
        ("1,2,3,1_0\n", {"timestamp": 3, "header": False}, 1, "must hold a finite number, got '1_0'"),
        ("1.2.3\n4.5.6.7\n", {"separator": "."}, 2, "must have 3 columns as the first line has, got 4"),
        ("1-2-3\n4-5--6\n", {"separator": "-"}, 2, "must have 3 columns as the first line has, got 4"),
        ("12425\n1242526\n", {"separator": "2"}, 2, "must have 3 columns as the first line has, got 4"),
    ],
)
def test_a_file_that_is_not_what_was_said(file, way, content, arguments, line, problem):
    path = file(content)
    with pytest.raises(RatingsFileError) as caught:
        Ratings.from_csv(path, **arguments)
    assert str(caught.value).startswith(f"{path}, line {line}")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error", "problem"),
    [
        ({"path": 3}, TypeError, "path must be a str or os.PathLike, got 3"),
        ({"path": b"ratings.csv"}, TypeError, "path must be"),
        ({"separator": "::"}, ValueError, "separator must be one character, not a quote or a line end, got '::'"),
        ({"separator": ""}, ValueError, "separator must be one character"),
        ({"separator": '"'}, ValueError, "separator must be one character"),
        ({"separator": "\n"}, ValueError, "separator must be one character"),
        ({"separator": None}, ValueError, "separator must be one character"),
        ({"user": -1}, ValueError, "user must be an integer >= 0, got -1"),
        ({"user": None}, TypeError, "user must be an integer >= 0, got None"),
        ({"item": 1.0}, TypeError, "item must be an integer >= 0"),
        ({"value": True}, TypeError, "value must be an integer >= 0"),
        ({"item": 0}, ValueError, r"user, item, value must be different columns, got \[0, 0, 2\]"),
        ({"item": "userId"}, ValueError, "must be different columns"),
        ({"header": "yes"}, TypeError, "header must be True or False"),
        (
            {"header": False, "user": "userId"},
            ValueError,
            "header must be True or 'auto' when a column is given by name",
        ),
        ({"id_type": "str"}, ValueError, "id_type must be one of 'auto', 'int', 'text'"),
        ({"duplicates": "keep"}, ValueError, "duplicates must be one of"),
        ({"dtype": int}, ValueError, "dtype must be float32 or float64"),
    ],
    ids=str,
)
def test_bad_arguments(file, arguments, error, problem):
    with pytest.raises(error, match=problem):
        Ratings.from_csv(**({"path": file(ML)} | arguments))


def test_a_file_that_cannot_be_opened(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Ratings.from_csv(tmp_path / "nowhere.csv")
    with pytest.raises(IsADirectoryError):
        Ratings.from_csv(tmp_path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(st.binary(max_size=40) | st.text('01,."\n\r-x', max_size=40).map(str.encode))
def test_any_bytes_give_ratings_or_a_clear_error(tmp_path, content):
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    try:
        ratings = Ratings.from_csv(path, duplicates="last")
    except RatingsFileError:
        return
    assert_canonical(ratings)


def test_a_value_too_large_for_the_type_is_a_bad_line(file, way):
    path = file("1,2,3\n1,3,1e300\n1,4,3.4028235e38\n")  # the last as NumPy writes the largest float32
    with pytest.raises(RatingsFileError) as caught:
        Ratings.from_csv(path)
    assert str(caught.value) == (
        f"{path}, line 2, column 2 (value): must hold a finite number that fits float32, got '1e300' "
        "(1 of 3 lines cannot be read; bad_lines='skip' leaves them out)"
    )
    left = Ratings.from_csv(path, bad_lines="skip")
    assert left.data.tolist() == [3, np.finfo(np.float32).max]
    assert left.intake["bad_lines"] == 1
    assert Ratings.from_csv(path, dtype="float64").data[1] == 1e300


@pytest.mark.parametrize("text", ["", " ", "nan", "-inf", "1_000", "1e999"])
def test_a_first_line_without_a_good_value_is_a_bad_line_not_a_header(file, way, text):
    path = file(f"1,2,{text}\n3,4,5\n")
    with pytest.raises(RatingsFileError, match=r"line 1, column 2 \(value\): must hold a finite number"):
        Ratings.from_csv(path)
    ratings = Ratings.from_csv(path, bad_lines="skip")
    assert triples(ratings) == [(3, 4, 5)]
    assert ratings.intake == {"read": 2, "bad_lines": 1, "duplicates": 0}


@pytest.mark.skipif(not os.path.exists("/dev/fd"), reason="needs paths of open files")
@pytest.mark.parametrize("last", ["9,9,9", "9,9,x"])
def test_a_pipe_is_read_from_its_beginning(way, last):
    out, into = os.pipe()
    lines = ["u,i,r", *(f"{n},{n % 7},3" for n in range(30_000)), last]  # several times what a buffer holds

    def write():
        with contextlib.suppress(BrokenPipeError), open(into, "w") as file:
            file.write("\n".join(lines))

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    try:
        if last == "9,9,9":
            assert Ratings.from_csv(f"/dev/fd/{out}").nnz == 30_001
        else:
            with pytest.raises(RatingsFileError, match=f"^/dev/fd/{out}, line 30002, column 2"):
                Ratings.from_csv(f"/dev/fd/{out}")
    finally:
        os.close(out)
        writer.join(10)


def test_a_file_without_line_feeds_is_not_copied_for_every_block(file, monkeypatch):
    monkeypatch.setattr(plain, "BYTES", 64)
    path = file("\r".join(f"{n},7,3" for n in range(500)))
    with path.open("rb") as opened:
        assert len(list(plain._whole_lines(opened))) == 1
        assert opened.tell() < 200
    assert Ratings.from_csv(path).nnz == 500


# -- bad lines that are left out ----------------------------------------------------------------------------------

WITH_BAD = "u,i,r,t\n1,2,3,4\n5,6,x,7\n\n1,3,2\n,2,1,1\n1,4,nan,5\n9,3,1,1.5x\n9,2,1,8\n"


@pytest.mark.parametrize("rows", [1, 3, 1024])
def test_bad_lines_are_left_out_and_counted(file, way, rows, monkeypatch):
    monkeypatch.setattr(text, "ROWS", rows)
    ratings = Ratings.from_csv(file(WITH_BAD), timestamp=3, bad_lines="skip")
    assert triples(ratings) == [(1, 2, 3), (9, 2, 1)]
    assert ratings.timestamps.tolist() == [4, 8]
    assert ratings.intake == {"read": 7, "bad_lines": 5, "duplicates": 0}
    assert Ratings.from_csv(file(WITH_BAD), bad_lines="skip").nnz == 3  # a time that is not read is not bad


def test_bad_lines_are_counted_where_there_are_none_and_not_advised_where_they_are_left_out(file, way):
    assert Ratings.from_csv(file("1,2,3\n"), bad_lines="skip").intake == {"read": 1, "bad_lines": 0, "duplicates": 0}
    with pytest.raises(RatingsFileError, match="line 2: must hold a rating, as none of the 1 lines does$"):
        Ratings.from_csv(file("u,i,r\n1,2,x\n"), bad_lines="skip")


def test_ids_that_are_no_integers_are_bad_lines_where_integers_are_asked_for(file, way):
    content = "1,2,3\na,2,3\n1,b,3\n"
    assert triples(Ratings.from_csv(file(content), bad_lines="skip", id_type="int")) == [(1, 2, 3)]
    assert Ratings.from_csv(file(content), bad_lines="skip").intake["bad_lines"] == 0


def test_an_error_counts_the_bad_lines(file, way):
    path = file(WITH_BAD)
    with pytest.raises(RatingsFileError) as caught:
        Ratings.from_csv(path, timestamp=3)
    assert str(caught.value) == (
        f"{path}, line 3, column 2 (value): must hold a finite number, got 'x' "
        "(5 of 7 lines cannot be read; bad_lines='skip' leaves them out)"
    )


@pytest.mark.parametrize("content", ["1,2,x\n", '1,2,3\n4,5,"6\n', b"1,2,3\n4,5,\xff\n"], ids=repr)
def test_what_is_no_text_or_leaves_nothing_is_refused_all_the_same(file, way, content):
    with pytest.raises(RatingsFileError):
        Ratings.from_csv(file(content), header=False, bad_lines="skip")


def test_what_was_read_is_counted(file, way):
    path = file("1,2,3\n1,2,4\n1,2,5\n")
    assert Ratings.from_csv(path, duplicates="last").intake == {"read": 3, "duplicates": 2}
    with pytest.raises(ValueError, match="bad_lines must be one of 'error', 'skip', got 'warn'"):
        Ratings.from_csv(path, bad_lines="warn")
