"""The door for text files: columns of ids and numbers from CSV and its kin, with errors that name line and column."""

from __future__ import annotations

import csv
import math
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf._errors import RatingsFileError
from fastmf.data import plain
from fastmf.data.factorise import ascending, compact, is_plain_integer
from fastmf.data.gathering import Growing, renumbered
from fastmf.data.ids import IdMap, restored
from fastmf.data.intake import Columns, different_columns, wanted_columns

ROWS = 1024  # read at a time, few enough to stay in the cache
NUMBERS = ("value", "timestamp")
ENCODING = "utf-8-sig"  # UTF-8, whose byte order mark is no part of the first field


class Layout(NamedTuple):
    """The columns of a file: where each role's is, how many there are, and whether the first row names them.

    `below` says of each column of numbers what their absolute values must be less than.
    """

    at: dict[str, int]
    width: int
    header: bool
    below: dict[str, float]


class _BadRowError(Exception):
    """A row that cannot be read: its place among the rows that are not blank, the column, and what is wrong."""


def read(
    path: Any,
    user: Any,
    item: Any,
    value: Any,
    timestamp: Any,
    separator: Any,
    header: Any,
    id_type: Any,
    bad_lines: Any,
    dtype: np.dtype[Any],
) -> Columns:
    """Read the columns asked for, by header name or by number."""
    given = _checks.path("path", path)
    if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
        raise ValueError(f"separator must be one character, not a quote or a line end, got {_checks.shown(separator)}")
    _checks.choice("id_type", id_type, ("auto", "int", "text"))
    skip = _checks.choice("bad_lines", bad_lines, ("error", "skip")) == "skip"
    wanted = wanted_columns(user, item, value, timestamp)
    named = any(isinstance(column, str) for column in wanted.values())
    if header != "auto" and _checks.flag("header", header) is False and named:
        raise ValueError(f"header must be True or 'auto' when a column is given by name, got {header!r}")

    layout, hint = None, ""
    with _rereadable(given) as path:
        try:
            with open(path, encoding=ENCODING, newline="") as file:
                reader = csv.reader(file, delimiter=separator, strict=True)
                rows = filter(None, reader)
                first = next(rows, [])
                layout = _layout(first, wanted, header, dtype)
                columns = None
                if id_type != "text" and reader.line_num == 1:
                    columns = plain.read(path, layout.at, layout.width, layout.header, separator, dtype)
                if columns is None:
                    columns = _read_rows(chain([] if layout.header else [first], rows), layout, id_type, skip, dtype)
                return columns._replace(left_out={"bad_lines": 0, **columns.left_out}) if skip else columns
        except UnicodeDecodeError as error:
            line, column, problem = _undecodable_line(path), "", f"must be UTF-8 text, and has {error.reason}"
        except csv.Error as error:
            line, column, problem = _line_of(path, separator, None), "", str(error)
        except _BadRowError as error:
            row, column, problem = error.args
            line = _line_of(path, separator, row)
            hint = _count(path, separator, layout, id_type) if layout and not skip else ""
    where = f", column {column}" if column else ""
    raise RatingsFileError(f"{given}, line {line}{where}: {problem}{hint}")


@contextmanager
def _rereadable(path: Path) -> Iterator[Path]:
    """The file; or a copy of what a pipe gives, which can be read only once."""
    if path.is_file() or path.is_dir() or not path.exists():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="fastmf-") as folder:
        copy = Path(folder, "copy")
        with path.open("rb") as pipe, copy.open("wb") as file:
            shutil.copyfileobj(pipe, file, 1 << 20)
        yield copy


def _layout(first: list[str], wanted: dict[str, Any], header: Any, dtype: np.dtype[Any]) -> Layout:
    """What the first row of a file says about its columns."""
    if not first:
        raise _BadRowError(0, "", "must hold a rating, and the file ends here")
    at = {}
    for role, column in wanted.items():
        if isinstance(column, str):
            if first.count(column) != 1:
                names = ", ".join(map(repr, first))
                raise _BadRowError(0, "", f"the header must name the column {column!r} ({role}) once, got {names}")
            at[role] = first.index(column)
        elif column < len(first):
            at[role] = int(column)
        else:
            hint = "; without values, pass value=None" if role == "value" else ""
            raise _BadRowError(
                0, "", f"must have a column {column} ({role}), counted from 0, got {len(first)} columns{hint}"
            )
    different_columns(at, wanted)
    if header == "auto":
        named = any(isinstance(column, str) for column in wanted.values())
        header = named or any(_is_name(first[at[role]]) for role in NUMBERS if role in at)
    kinds = {"value": dtype, "timestamp": np.dtype(np.float64)}
    return Layout(at, len(first), header, {role: _bound(kinds[role]) for role in NUMBERS if role in at})


def _read_rows(rows: Iterator[list[str]], layout: Layout, id_type: str, skip: bool, dtype: np.dtype[Any]) -> Columns:
    """Read rows of any proper CSV."""
    texts = {role: _Ids(role, layout.at[role]) for role in ("user", "item")}
    numbers = {role: _Numbers(role, layout.at[role], layout.below[role], dtype) for role in layout.below}
    every: list[_Ids | _Numbers] = [*texts.values(), *numbers.values()]
    done = before = int(layout.header)
    skipped = 0
    while chunk := list(islice(rows, ROWS)):
        if skip:
            read = len(chunk)
            chunk = [row for row in chunk if _is_good(row, layout, id_type)]
            skipped += read - len(chunk)
            if not chunk:
                continue
        try:
            _add(chunk, every, layout.width, done)
        except _BadRowError:
            for n, row in enumerate(chunk):  # the first row of all, whatever is wrong with it
                _add([row], every, layout.width, done + n)
            raise
        done += len(chunk)
    if done == before:
        why = f"as none of the {skipped} lines does" if skipped else "and the file ends here, after its header"
        raise _BadRowError(before, "", f"must hold a rating, {why}")
    users, items = (texts[role].result(id_type, before) for role in ("user", "item"))
    values, times = (numbers[role].all.result() if role in numbers else None for role in NUMBERS)
    return Columns(*users, *items, values, times, {"bad_lines": skipped} if skipped else {})


def _add(chunk: list[list[str]], every: list[_Ids | _Numbers], width: int, done: int) -> None:
    if set(map(len, chunk)) != {width}:
        bad = next(n for n, row in enumerate(chunk) if len(row) != width)
        problem = f"must have {width} columns as the first line has, got {len(chunk[bad])}"
        raise _BadRowError(done + bad, "", problem)
    for column in every:
        column.add(chunk, done)


def _is_good(row: list[str], layout: Layout, id_type: str) -> bool:
    """Whether a row can be read, by itself."""
    if len(row) != layout.width or not all(_is_number(row[layout.at[role]], n) for role, n in layout.below.items()):
        return False
    ids = [row[layout.at[role]] for role in ("user", "item")]
    return all(is_plain_integer(id) for id in ids) if id_type == "int" else all(ids)


def _count(path: Any, separator: str, layout: Layout, id_type: str) -> str:
    """How many lines cannot be read and what may be done, for the end of an error; nothing where none can be told."""
    try:
        with open(path, encoding=ENCODING, newline="") as file:
            rows = filter(None, csv.reader(file, delimiter=separator, strict=True))
            good = [_is_good(row, layout, id_type) for row in islice(rows, int(layout.header), None)]
    except (csv.Error, UnicodeDecodeError):
        return ""
    bad = len(good) - sum(good)
    return f" ({bad} of {len(good)} lines cannot be read; bad_lines='skip' leaves them out)" if bad else ""


class _Ids:
    """A column of ids while the file is read: each distinct text once, and a number for each row."""

    def __init__(self, role: str, at: int) -> None:
        self.label, self.get = f"{at} ({role})", itemgetter(at)
        self.numbered: defaultdict[str, int] = defaultdict()
        self.numbered.default_factory = self.numbered.__len__
        self.all = Growing(np.int32)

    def add(self, chunk: list[list[str]], done: int) -> None:
        numbers = np.fromiter(map(self.numbered.__getitem__, map(self.get, chunk)), np.int32, len(chunk))
        if "" in self.numbered:
            bad = int(np.argmax(numbers == self.numbered.pop("")))
            raise _BadRowError(done + bad, self.label, "must hold an id, got nothing")
        self.all.add(numbers)

    def result(self, id_type: str, before: int) -> tuple[IdMap, NDArray[np.int32]]:
        numbers = self.all.result()
        texts = list(self.numbered)
        textual = id_type == "text" or next((text for text in texts if not is_plain_integer(text)), None)
        if textual and id_type == "int":
            at = before + int(np.argmax(numbers == self.numbered[str(textual)]))
            raise _BadRowError(at, self.label, f"must hold a plain 64-bit integer, got {textual!r}")
        ids = compact(texts) if textual else np.array(list(map(int, texts)), np.int64)
        ids, rank = ascending(ids, np.arange(len(ids), dtype=np.int32))
        return restored(ids), renumbered(numbers, rank)


class _Numbers:
    """A column of finite numbers while the file is read; times are int64 if all of them are integers."""

    def __init__(self, role: str, at: int, below: float, dtype: np.dtype[Any]) -> None:
        self.label, self.get, self.whole = f"{at} ({role})", itemgetter(at), role == "timestamp"
        self.below, self.dtype = below, dtype
        self.all = Growing(np.int64 if self.whole else dtype)

    def add(self, chunk: list[list[str]], done: int) -> None:
        texts = list(map(self.get, chunk))
        try:
            numbers = self._parsed(texts)
        except ValueError:
            bad = next(n for n, text in enumerate(texts) if not _is_number(text, self.below))
            fits = f" that fits {self.dtype}" if _is_number(texts[bad]) else ""
            raise _BadRowError(done + bad, self.label, f"must hold a finite number{fits}, got {texts[bad]!r}") from None
        self.all.add(numbers)

    def _parsed(self, texts: list[str]) -> NDArray[Any]:
        if "_" in "".join(texts):  # Python reads 1_000 as a number, other programs do not
            raise ValueError
        if self.whole:
            try:
                return np.fromiter(map(int, texts), np.int64, len(texts))
            except (ValueError, OverflowError):
                self.whole = False
        numbers = np.fromiter(map(float, texts), np.float64, len(texts))
        if not (np.abs(numbers) < self.below).all():
            raise ValueError
        return numbers


def _bound(dtype: np.dtype[Any]) -> float:
    """The least number that a type rounds to infinity: half a step above the largest that it has."""
    info = np.finfo(dtype)
    return float(info.max) + 2.0 ** (int(info.maxexp) - int(info.nmant) - 2)


def _is_number(text: str, below: float = math.inf) -> bool:
    try:
        return "_" not in text and abs(float(text)) < below
    except ValueError:
        return False


def _is_name(text: str) -> bool:
    """Whether a field where a number should be is rather the name of its column: not empty, nor NaN or the like."""
    try:
        float(text)
    except ValueError:
        return bool(text.strip())
    return False


def _line_of(path: Any, separator: str, row: int | None) -> int:
    """The line on which a row begins, counting rows that are not blank; None: the row that is no proper CSV."""
    with open(path, encoding=ENCODING, newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        seen = 0
        while True:
            line = reader.line_num + 1
            try:
                fields = next(reader)
            except (csv.Error, StopIteration):
                return line
            if fields and seen == row:
                return line
            seen += bool(fields)


def _undecodable_line(path: Any) -> int:
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return number
