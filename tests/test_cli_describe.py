"""fastmf describe, and the files that all commands can read."""

import json
import zipfile

import pytest

import fastmf
from fastmf.cli import main

LINES = "user,item,stars,time\na,1,4,1000000000\nb,1,2.5,1000086400\na,1,3,1000000001\nc,x,y,z\n"


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    """Run a command in a folder with a file of ratings."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ratings.csv").write_text(LINES)

    def run_command(*arguments, code=0):
        assert main(list(arguments)) == code
        out, err = capsys.readouterr()
        return err if code else out

    return run_command


OPTIONS = ("--timestamp", "time", "--duplicates", "last", "--skip-bad")


def test_a_text_file(run):
    text = run("describe", "ratings.csv", *OPTIONS)
    ratings = fastmf.Ratings.from_csv("ratings.csv", timestamp=3, duplicates="last", bad_lines="skip")
    assert text == f"ratings.csv\n{ratings.describe()}\n"
    assert "4 read: 1 bad lines left out, 1 merged duplicates" in text
    assert "2001-09-09 to 2001-09-10, 1 days" in text


def test_one_document(run):
    document = json.loads(run("describe", "ratings.csv", *OPTIONS, "--json"))
    assert document["file"] == "ratings.csv"
    assert document["ratings"] == 2
    assert document["value_counts"] == {"2.5": 1, "3.0": 1}
    assert document["intake"] == {"read": 4, "bad_lines": 1, "duplicates": 1}


def test_a_bad_line_is_an_error_unless_it_may_be_skipped(run):
    assert "ratings.csv, line 5, column 2 (value)" in run("describe", "ratings.csv", code=1)


def test_a_parquet_file(run):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("narwhals")
    pytest.importorskip("pyarrow")
    pandas.DataFrame({"stars": [4.0, None], "user": ["a", "b"], "item": [1, 2]}).to_parquet("ratings.PARQUET")
    columns = ("--user", "user", "--item", "2", "--value", "stars")
    document = json.loads(run("describe", "ratings.PARQUET", *columns, "--skip-bad", "--json"))
    assert document["intake"] == {"read": 2, "missing": 1, "duplicates": 0}
    assert "ratings.PARQUET: missing must be 'drop'" in run("describe", "ratings.PARQUET", *columns, code=1)


@pytest.mark.parametrize("packed", [False, True])
def test_a_release_of_movielens(run, tmp_path, packed):
    (tmp_path / "ml").mkdir()
    files = {"ratings.dat": "1::2::3::978300760\n", "movies.dat": "2::A (1990)::B\n"}
    for name, content in files.items():
        (tmp_path / "ml" / name).write_text(content)
    if packed:
        with zipfile.ZipFile("ml.zip", "w") as archive:
            for name, content in files.items():
                archive.writestr(f"ml/{name}", content)
    text = run("describe", "ml.zip" if packed else "ml")
    assert "ratings  1, 100% of all pairs" in text
    assert "2000-12-31" in text
