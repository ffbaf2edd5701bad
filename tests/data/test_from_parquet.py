"""Ratings.from_parquet: files and folders, in little memory, with errors that name the file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from data_strategies import assert_canonical, dense_of

from fastmf._errors import RatingsFileError
from fastmf.data import Ratings, parquet

pytest.importorskip("narwhals")
pyarrow = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


def made(n=1000, seed=0):
    """Columns of n entries, no pair twice, in any order."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(60 * 50)[:n]
    return {"u": pairs // 50 + 7, "i": pairs % 50, "v": rng.integers(1, 9, n) / 2, "t": rng.integers(0, 10**9, n)}


def expected(columns):
    return Ratings.from_arrays(columns["u"], columns["i"], columns["v"], columns["t"])


ROLES = {"user": "u", "item": "i", "value": "v", "timestamp": "t"}


def assert_same(one, other):
    assert_canonical(one)
    np.testing.assert_array_equal(dense_of(one), dense_of(other))
    assert one.users == other.users
    assert one.items == other.items
    assert one.timestamps.tolist() == other.timestamps.tolist()


@pytest.mark.parametrize("rows", [7, 1 << 17])
@pytest.mark.parametrize("group", [10, 10**6])
def test_a_file_in_batches(tmp_path, rows, group, monkeypatch):
    monkeypatch.setattr(parquet, "ROWS", rows)
    columns = made()
    pq.write_table(pyarrow.table(columns), tmp_path / "a.parquet", row_group_size=group)
    assert_same(Ratings.from_parquet(tmp_path / "a.parquet", **ROLES), expected(columns))
    assert_same(
        Ratings.from_parquet(str(tmp_path / "a.parquet"), user=0, item=1, value=2, timestamp=3), expected(columns)
    )


def test_a_folder_of_files_in_the_order_of_their_names(tmp_path):
    tables = {
        "b": {"u": [1], "i": [2], "v": [4.0]},
        "a/x": {"u": [1], "i": [2], "v": [3.0]},
        "c": {"v": [1.0], "u": [5], "i": [2]},
    }
    (tmp_path / "a").mkdir()
    for name, columns in tables.items():
        pq.write_table(pyarrow.table(columns), tmp_path / f"{name}.parquet")
    (tmp_path / "_note.parquet").write_text("no file of data")
    ratings = Ratings.from_parquet(tmp_path, user="u", item="i", value="v", duplicates="last")
    assert ratings.to_scipy().toarray().tolist() == [[4], [1]]
    assert ratings.intake == {"read": 3, "duplicates": 1}


def test_text_and_missing_values(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pyarrow.table({"u": ["b", None, "a"], "i": [1, 2, 3]}), path, use_dictionary=["u"])
    ratings = Ratings.from_parquet(path, user="u", item="i", missing="drop")
    assert ratings.users.ids.tolist() == ["a", "b"]
    assert ratings.intake == {"read": 3, "missing": 1, "duplicates": 0}
    with pytest.raises(RatingsFileError) as caught:
        Ratings.from_parquet(path, user="u", item="i")
    assert str(caught.value).startswith(f"{path}: missing must be 'drop'")


def test_errors_name_the_file(tmp_path):
    path = tmp_path / "a.parquet"
    path.write_text("user,item\n1,2\n")
    with pytest.raises(RatingsFileError, match="a.parquet: must be a Parquet file"):
        Ratings.from_parquet(path, user="u", item="i")
    pq.write_table(pyarrow.table({"u": [1], "x": ["a"]}), path)
    with pytest.raises(RatingsFileError, match="a.parquet: item must be a column, one of 'u', 'x', got 'i'"):
        Ratings.from_parquet(path, user="u", item="i")
    pq.write_table(pyarrow.table({"u": [1], "i": [1], "x": ["a"]}), path)
    with pytest.raises(TypeError, match=r"a.parquet: column 'x' \(value\) must hold numbers"):
        Ratings.from_parquet(path, user="u", item="i", value="x")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        Ratings.from_parquet(tmp_path / "nowhere.parquet", user="u", item="i")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty holds no \*.parquet"):
        Ratings.from_parquet(tmp_path / "empty", user="u", item="i")


def test_a_second_file_without_a_column_is_named(tmp_path):
    pq.write_table(pyarrow.table({"u": [1], "i": [1]}), tmp_path / "a.parquet")
    pq.write_table(pyarrow.table({"u": [1], "j": [1]}), tmp_path / "b.parquet")
    with pytest.raises(RatingsFileError, match="b.parquet: item must be a column"):
        Ratings.from_parquet(tmp_path, user="u", item="i")


MEMORY = """
import re, sys
import fastmf, narwhals, pyarrow.parquet, pyarrow.dataset

path, small, door = sys.argv[1:]
read = {
    "parquet": lambda path: fastmf.Ratings.from_parquet(path + ".parquet", user="u", item="i", value="v"),
    "csv": lambda path: fastmf.Ratings.from_csv(path + ".csv", user="u", item="i", value="v"),
}[door]
read(small)
most = lambda: int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024
before = most()
ratings = read(path)
size = sum(array.nbytes for array in (ratings.indptr, ratings.indices, ratings.data))
print((most() - before) / size)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no record of the most memory used")
@pytest.mark.parametrize("door", ["parquet", "csv"])
def test_the_most_memory_needed_is_below_three_times_the_result(tmp_path, door):
    from pyarrow import csv

    n = 8_000_000
    pairs = np.random.default_rng(0).permutation(n)
    columns = {"u": (pairs // 100).astype(np.int64), "i": (pairs % 100).astype(np.int64), "v": np.full(n, 0.5)}
    for name, rows in (("small", 1000), ("large", n)):
        table = pyarrow.table(columns).slice(0, rows)
        if door == "csv":
            csv.write_csv(table, tmp_path / f"{name}.csv")
        else:
            pq.write_table(table, tmp_path / f"{name}.parquet")
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "large"), str(tmp_path / "small"), door]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    assert float(result.stdout) < 3
