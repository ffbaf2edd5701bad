"""Lists of all users in a file: one line a user and item, as CSV or Parquet, whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _atomic, _checks
from fastmf._optional import require
from fastmf.data import IdMap

COLUMNS = ("user", "item", "rank", "score")
FORMATS = ("csv", "parquet")
Block = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]
Table = tuple[NDArray[Any], NDArray[Any], NDArray[np.int32], NDArray[Any]]


def format_of(path: Path, given: str | None) -> str:
    """The format asked for, or the one that the file's name ends in."""
    if given is not None:
        return _checks.choice("format", given, FORMATS)
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in FORMATS:
        raise ValueError(f"path must end in .csv or .parquet, or format be given, got {str(path)!r}")
    return suffix


def check_ids(name: str, ids: IdMap | None) -> None:
    """That a file can hold these ids: all integers, or all text."""
    if ids is not None and ids.ids.dtype.kind not in "iU":
        for id in ids.ids.tolist():
            if not isinstance(id, str):
                raise TypeError(
                    f"{name} must have integer or text ids to be written to a file, got {_checks.shown(id)}"
                )


def write(path: Path, form: str, blocks: Iterable[Block]) -> int:
    """Write blocks (users, items, scores) in long format, without what fills lists up; returns the number of lines.

    There is at least one block, which may be empty: a Parquet file has its types from it.
    """
    lines = 0
    with _atomic.replacing(path) as write_bytes, _WRITERS[form](write_bytes) as write_table:
        for block in blocks:
            table = _long(*block)
            write_table(table)
            lines += len(table[0])
    return lines


def _long(users: NDArray[Any], items: NDArray[Any], scores: NDArray[Any]) -> Table:
    """A line for each item that is in a list."""
    row, place = np.nonzero(scores > -np.inf)
    rank = (place + 1).astype(np.int32)
    return users[row], np.ma.getdata(items)[row, place], rank, scores[row, place]


# -- CSV ----------------------------------------------------------------------------------------------------------


@contextmanager
def _csv(write_bytes: Callable[[bytes], None]) -> Iterator[Callable[[Table], None]]:
    def write_table(table: Table) -> None:
        digits = "%.9g" if table[3].dtype == np.float32 else "%.17g"  # which read back as the same number
        columns = (_fields(table[0]), _fields(table[1]), table[2].tolist(), table[3].tolist())
        line = f"%s,%s,%d,{digits}\n".__mod__
        write_bytes("".join(map(line, zip(*columns, strict=True))).encode())

    write_bytes((",".join(COLUMNS) + "\n").encode())
    yield write_table


def _fields(ids: NDArray[Any]) -> list[Any]:
    """Ids as CSV holds them: text in quotes where it needs them; each distinct text is looked at once."""
    if ids.dtype.kind == "i":
        return list(ids.tolist())
    texts = ids.tolist()
    fields = {text: _quoted(text) for text in set(texts)}
    return [fields[text] for text in texts]


def _quoted(text: str) -> str:
    plain = not any(letter in text for letter in ',"\r\n') and text == text.strip()
    return text if plain else '"' + text.replace('"', '""') + '"'


# -- Parquet ------------------------------------------------------------------------------------------------------


class _Sink(io.RawIOBase):
    """A file to write to, from a function that writes bytes."""

    def __init__(self, write_bytes: Callable[[bytes], None]) -> None:
        self._write_bytes = write_bytes

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._write_bytes(data)
        return memoryview(data).nbytes

    def end(self) -> None:
        """Lose what is written from now on."""
        self._write_bytes = lambda data: None


@contextmanager
def _parquet(write_bytes: Callable[[bytes], None]) -> Iterator[Callable[[Table], None]]:
    arrow, parquet = require("pyarrow", "parquet"), require("pyarrow.parquet", "parquet")
    sink, writers = _Sink(write_bytes), list[Any]()

    def write_table(table: Table) -> None:
        made = arrow.table([_column(arrow, values) for values in table], names=list(COLUMNS))
        if not writers:  # hardly two scores are equal: a dictionary of them costs as much as all the rest, and space
            writers.append(parquet.ParquetWriter(sink, made.schema, use_dictionary=["user", "item", "rank"]))
        if made.num_rows:
            writers[0].write_table(made)

    try:
        yield write_table
        for writer in writers:
            writer.close()
    finally:
        sink.end()  # a writer that an error left open writes its end when it is collected, and the file is closed then


def _column(arrow: Any, values: NDArray[Any]) -> Any:
    return arrow.array(values, arrow.string()) if values.dtype.kind in "OU" else arrow.array(values)


_WRITERS = {"csv": _csv, "parquet": _parquet}
