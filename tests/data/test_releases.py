"""read_movielens: tiny made-up files in the layout of each release."""

import os
import zipfile

import numpy as np
import pytest
from data_strategies import assert_canonical

from fastmf._errors import RatingsFileError
from fastmf.data import read_movielens

RATINGS = [(1, 31, "2.5", 1260759144), (1, 1029, "3.0", 1260759179), (7, 31, "4", 99), (7, 5, "0.5", 100)]
GENRES = ["unknown", "Action", "Comedy", "Drama"]
CSV = """movieId,title,genres\r
31,"Fünf, Die (1995)",Action|Drama\r
1029,Untitled,(no genres listed)\r
4,Unrated (2000),Drama\r
"""
DAT = "31::Fünf, Die (1995)::Action|Drama\n1029::Untitled::\n4::Unrated (2000)::Drama\n"
ITEM = "31|Fünf, Die (1995)|01-Jan-1995||http://x|0|1|0|1\n1029|Untitled||||1|0|0|0\n4|Unrated (2000)|||x|0|0|0|1\n"


def lines(separator):
    return "".join(separator.join(map(str, rating)) + "\n" for rating in RATINGS)


LISTED = "".join(f"{genre}|{number}\n" for number, genre in enumerate(GENRES)) + "\n"
HEADER = "userId,movieId,rating,timestamp\n"
RELEASES = {
    "100k": ("ml-100k", {"u.data": lines("\t"), "u.item": ITEM, "u.genre": LISTED}, "latin-1"),
    "1m": ("ml-1m", {"ratings.dat": lines("::"), "movies.dat": DAT}, "latin-1"),
    "10m": ("ml-10M100K", {"ratings.dat": lines("::"), "movies.dat": DAT}, "utf-8"),
    "20m and later": ("ml-20m", {"ratings.csv": HEADER + lines(","), "movies.csv": CSV}, "utf-8"),
}
NEEDED = [(release, name) for release, (_, files, _) in RELEASES.items() for name in files]


def written(folder, release, kind="folder", without=(), **changed):
    """A release in a folder, a folder around it, or a zip file."""
    name, files, encoding = RELEASES[release]
    place = folder / name
    place.mkdir()
    for file, content in files.items():
        if file not in without:
            (place / file).write_bytes(changed.get(file.replace(".", "_"), content).encode(encoding))
    (place / "README.txt").write_text("about it")
    if kind != "zip":
        return folder if kind == "around" else place
    with zipfile.ZipFile(folder / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in place.iterdir():
            archive.write(file, f"{name}/{file.name}")
    return folder / f"{name}.zip"


@pytest.mark.parametrize("kind", ["folder", "around", "zip"])
@pytest.mark.parametrize("release", RELEASES)
def test_every_release(tmp_path, release, kind):
    path = written(tmp_path, release, kind)
    ratings = read_movielens(os.fspath(path) if kind == "folder" else path)
    assert_canonical(ratings)
    assert ratings.users.ids.tolist() == [1, 7]
    assert ratings.items.ids.tolist() == [5, 31, 1029]
    assert ratings.to_scipy().toarray().tolist() == [[0, 2.5, 3], [0.5, 4, 0]]
    assert ratings.timestamps.tolist() == [1260759144, 1260759179, 100, 99]
    assert ratings.data.dtype == np.float32
    assert ratings.item_info["title"].tolist() == ["(no title)", "Fünf, Die", "Untitled"]
    assert ratings.item_info["genres"].tolist() == ["", "Action|Drama", ""]
    assert ratings.item_info["year"].tolist() == [0, 1995, 0]
    assert ratings.item_info["year"].dtype == np.int16
    assert ratings.intake["read"] == 4


def test_double_precision(tmp_path):
    assert read_movielens(written(tmp_path, "1m"), dtype="float64").data.dtype == np.float64


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize(("release", "name"), NEEDED)
def test_a_missing_file_is_named(tmp_path, release, name, kind):
    path = written(tmp_path, release, kind, without=[name])
    ratings = next(iter(RELEASES[release][1]))
    if name == ratings:
        expected = f"path must hold ratings.csv, ratings.dat or u.data, and {path} holds none of them"
    else:
        expected = f"{name} must be beside .*{ratings}, and is missing in {path}"
    with pytest.raises(FileNotFoundError, match=expected):
        read_movielens(path)


def test_what_is_no_folder_and_no_zip_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no .*nowhere"):
        read_movielens(tmp_path / "nowhere")
    (tmp_path / "u.data").write_text("1\t2\t3\t4\n")
    with pytest.raises(RatingsFileError, match="u.data: must be a folder or a zip file"):
        read_movielens(tmp_path / "u.data")
    with pytest.raises(TypeError, match="path must be a str"):
        read_movielens(3)
    with pytest.raises(ValueError, match="dtype must be float32 or float64"):
        read_movielens(tmp_path, dtype=int)


@pytest.mark.parametrize("kind", ["folder", "zip"])
@pytest.mark.parametrize(
    ("release", "changed", "expected"),
    [
        ("100k", {"u_data": "1\t2\t3\t4\n1\t2\tx\t4\n"}, "u.data, line 2, column 2 .value.: must hold a finite number"),
        ("1m", {"ratings_dat": "1::2::3::4\n1::3::3\n"}, "ratings.dat, line 2: must have 7 columns"),
        ("1m", {"movies_dat": "31::A (1990)::B\nx::C::D\n"}, "movies.dat, line 2: must hold the id, title and genres"),
        ("1m", {"movies_dat": "31::A (1990)::B\n5::C\n"}, "movies.dat, line 2: must hold the id, title and genres"),
        ("100k", {"u_item": "31|A|0|1|0|0\n\n5|A|0|1|0\n"}, "u.item, line 3: must hold the id"),
        ("20m and later", {"movies_csv": 'movieId,title,genres\n31,"A"s,B\n'}, "movies.csv, line 2: must hold the id"),
        ("20m and later", {"ratings_csv": "userId,movieId,rating\n1,2,3\n"}, "must name the column 'timestamp'"),
        (
            "20m and later",
            {"movies_csv": "movieId,title,genres\n31,A,B\n5,C\n"},
            "movies.csv, line 3: must hold the id",
        ),
    ],
)
def test_a_damaged_file_is_named(tmp_path, release, changed, expected, kind):
    path = written(tmp_path, release, kind, **changed)
    with pytest.raises(RatingsFileError, match=expected) as caught:
        read_movielens(path)
    assert str(caught.value).startswith(str(path))


def test_a_title_may_have_what_unicode_calls_a_line_end(tmp_path):
    films = "movieId,title,genres\n31,A\u2028B (1990),Drama\n5,C,\n"
    ratings = read_movielens(written(tmp_path, "20m and later", movies_csv=films))
    assert ratings.item_info["title"].tolist() == ["C", "A\u2028B", "(no title)"]


def test_names_in_a_zip_file_may_begin_with_a_dot(tmp_path):
    _, files, encoding = RELEASES["1m"]
    with zipfile.ZipFile(tmp_path / "dotted.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(f"./ml/{name}", content.encode(encoding))
    assert read_movielens(tmp_path / "dotted.zip").nnz == 4


@pytest.mark.parametrize("damage", ["data", "password"])
def test_a_damaged_zip_file_is_named(tmp_path, damage):
    path = written(tmp_path, "1m", "zip")
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        member = next(each for each in archive.infolist() if each.filename.endswith("ratings.dat"))
    if damage == "data":
        start = member.header_offset + 30 + len(member.filename)
        content[start : start + 4] = b"\xff" * 4
    else:
        for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            at = content.find(signature)
            while at >= 0:
                content[at + flags] |= 1
                at = content.find(signature, at + 4)
    path.write_bytes(content)
    with pytest.raises(RatingsFileError, match=f"^{path}: must be a folder or a zip file: "):
        read_movielens(path)


def test_nothing_stays_unpacked(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    read_movielens(written(tmp_path, "1m", "zip"))
    assert list((tmp_path / "temporary").iterdir()) == []
