"""MovieLens as GroupLens releases it: 100k, 1m, 10m, 20m, 25m, 32m and the "latest" ones, in a folder or a zip file."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf._errors import RatingsFileError
from fastmf.data.ids import IdMap
from fastmf.data.movielens import NO_TITLE
from fastmf.data.ratings import Ratings

NO_GENRES = "(no genres listed)"
_YEAR = re.compile(r"(.*?)\s*\((\d{4})\)\s*$", re.DOTALL)
Films = Iterator[tuple[int, list[str]]]  # the line of each film; id, title and genres, or something else if it is bad


class Layout(NamedTuple):
    """How one generation of releases is laid out."""

    ratings: str
    films: str
    more: tuple[str, ...]
    columns: dict[str, Any]  # arguments of Ratings.from_csv
    read: Callable[[Path], Films]


def read_movielens(path: str | os.PathLike[str], *, dtype: Any = "float32") -> Ratings:
    """Read a release of MovieLens: 100k, 1m, 10m, 20m, 25m, 32m, latest or latest-small.

    Parameters
    ----------
    path : str or path
        The folder that holds the files, a folder around it, or the zip file that GroupLens offers, of which the files
        needed are unpacked for the moment in the folder for temporary files.
    dtype : {"float32", "float64"}, default "float32"
        Type of the ratings.

    Returns
    -------
    Ratings
        With timestamps in seconds since 1970. Ids are MovieLens's. ``item_info`` is that of `movielens`: "title",
        without the year and "(no title)" for a film that the list of films lacks; "genres", separated by ``|``, which
        may be empty; and "year", an int16 that is 0 where it is unknown. Films without a rating are left out.

    Raises
    ------
    FileNotFoundError
        If a file is missing: the message names it.
    RatingsFileError
        For a file that is damaged; the message names it and the line.
    TypeError, ValueError
        If an argument is not as above.

    References
    ----------
    F. M. Harper and J. A. Konstan (2015), "The MovieLens datasets: history and context", ACM Transactions on
    Interactive Intelligent Systems 5(4), 19:1-19:19, https://doi.org/10.1145/2827872

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from fastmf.data import read_movielens
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = folder.joinpath("ratings.dat").write_text("1::1193::5::978300760\\n2::1193::4::978298413\\n")
    >>> _ = folder.joinpath("movies.dat").write_text("1193::One Flew Over the Cuckoo's Nest (1975)::Drama\\n")
    >>> ratings = read_movielens(folder)
    >>> ratings, int(ratings.item_info["year"][0])
    (Ratings(2 users x 1 items, 2 entries, float32, with timestamps), 1975)
    """
    path = _checks.path("path", path)
    dtype = _checks.float_dtype("dtype", dtype)
    if path.is_dir():
        return _read(*_found_in_folder(path), dtype)
    if not path.exists():
        raise FileNotFoundError(f"path must be a folder or a zip file, and there is no {path}")
    with tempfile.TemporaryDirectory(prefix="fastmf-") as folder:
        try:
            return _read(*_unpacked(path, Path(folder)), dtype)
        except RatingsFileError as error:
            raise RatingsFileError(str(error).replace(folder, str(path))) from None


def _found_in_folder(path: Path) -> tuple[Path, Layout]:
    """The folder that holds the ratings, and how they are laid out."""
    for folder in (path, *sorted(child for child in path.iterdir() if child.is_dir())):
        for layout in LAYOUTS:
            if (folder / layout.ratings).is_file():
                for name in (layout.films, *layout.more):
                    if not (folder / name).is_file():
                        raise FileNotFoundError(f"{name} must be beside {layout.ratings}, and is missing in {folder}")
                return folder, layout
    raise _without_ratings(path)


def _unpacked(path: Path, folder: Path) -> tuple[Path, Layout]:
    """The files needed of a zip file, in a folder."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = {PurePosixPath(name): name for name in archive.namelist()}  # "./a/b" is a/b
            for layout in LAYOUTS:
                for member in inside:
                    if member.name != layout.ratings:
                        continue
                    for name in (layout.ratings, layout.films, *layout.more):
                        if member.with_name(name) not in inside:
                            raise FileNotFoundError(f"{name} must be beside {member}, and is missing in {path}")
                        with archive.open(inside[member.with_name(name)]) as packed, (folder / name).open("wb") as file:
                            shutil.copyfileobj(packed, file, 1 << 20)
                    return folder, layout
    # what the contents may raise where they are damaged, in a password or packed in a way that Python does not know
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise RatingsFileError(f"{path}: must be a folder or a zip file: {error}") from None
    raise _without_ratings(path)


def _without_ratings(path: Path) -> FileNotFoundError:
    names = [layout.ratings for layout in LAYOUTS]
    return FileNotFoundError(f"path must hold {', '.join(names[:-1])} or {names[-1]}, and {path} holds none of them")


def _read(folder: Path, layout: Layout, dtype: np.dtype[Any]) -> Ratings:
    ratings = Ratings.from_csv(folder / layout.ratings, id_type="int", dtype=dtype, **layout.columns)
    assert ratings.items is not None
    return ratings.with_item_info(_info(folder / layout.films, layout.read, ratings.items))


def _info(path: Path, read: Callable[[Path], Films], items: IdMap) -> dict[str, NDArray[Any]]:
    """Titles, genres and years of the items."""
    title, genres = [NO_TITLE] * len(items), [""] * len(items)
    year = np.zeros(len(items), np.int16)
    ids, films = [], []
    for line, fields in read(path):
        try:
            id, name, kinds = fields
            ids.append(int(id))
        except ValueError:
            raise RatingsFileError(f"{path}, line {line}: must hold the id, title and genres of a film") from None
        films.append((name.strip(), kinds))
    for number, (name, kinds) in zip(items.numbers(ids, unknown="skip").tolist(), films, strict=True):
        if number >= 0:
            dated = _YEAR.match(name)
            title[number] = (dated[1] if dated else name) or NO_TITLE
            year[number] = int(dated[2]) if dated else 0
            genres[number] = "" if kinds == NO_GENRES else kinds
    return {"title": np.array(title, np.str_), "genres": np.array(genres, np.str_), "year": year}


def _text(path: Path) -> str:
    """A file in UTF-8, or else in Latin-1, which the older releases are in."""
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")


def _films_of_csv(path: Path) -> Films:
    rows = csv.reader(io.StringIO(_text(path), newline=""), strict=True)  # a title may have U+2028 or the like
    try:
        next(rows, None)
        for row in rows:
            if row:
                yield rows.line_num, row
    except csv.Error:
        yield rows.line_num, []


def _films_of_dat(path: Path) -> Films:
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            id, _, rest = line.rstrip("\r").partition("::")
            yield number, [id, *rest.rsplit("::", 1)]


def _films_of_100k(path: Path) -> Films:
    names = [line.partition("|")[0] for line in _text(path.with_name("u.genre")).splitlines() if line.strip()]
    for number, line in enumerate(_text(path).split("\n"), 1):
        if line.strip():
            id, title, *fields = line.rstrip("\r").split("|")
            if len(fields) < len(names):
                yield number, []
            flags = fields[-len(names) :]
            kinds = [name for name, flag in zip(names, flags, strict=False) if flag == "1" and name != "unknown"]
            yield number, [id, title, "|".join(kinds)]


LAYOUTS = (
    Layout(
        "ratings.csv",
        "movies.csv",
        (),
        {"user": "userId", "item": "movieId", "value": "rating", "timestamp": "timestamp"},
        _films_of_csv,
    ),
    Layout(
        "ratings.dat",
        "movies.dat",
        (),
        # "::" is two separators with an empty column between them.
        {"user": 0, "item": 2, "value": 4, "timestamp": 6, "separator": ":", "header": False},
        _films_of_dat,
    ),
    Layout(
        "u.data",
        "u.item",
        ("u.genre",),
        {"timestamp": 3, "separator": "\t", "header": False},
        _films_of_100k,
    ),
)
