"""The door for data frames of any library, through narwhals, a piece of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks, _optional
from fastmf.data.factorise import without_booleans
from fastmf.data.gathering import Gathering, Ids
from fastmf.data.ids import IdMap
from fastmf.data.intake import Columns, located, wanted_columns
from fastmf.data.missing import Missing

ROWS = 1 << 18  # handled at a time


class Frames:
    """Entries in frames that come one after another, with the same columns."""

    def __init__(self, names: list[str], wanted: dict[str, Any], missing: Any, dtype: np.dtype[Any], room: int) -> None:
        self.names = {role: names[at] for role, at in located(names, wanted).items()}
        labels = {role: f"column {name!r} ({role})" for role, name in self.names.items()}
        self.missing = Missing(labels, missing)
        self.gathered = Gathering(labels, dtype, room)

    def add(self, frame: Any) -> None:
        """Add the entries of a narwhals DataFrame."""
        frame = frame.select(list(self.names.values()))
        for start in range(0, len(frame), ROWS):
            self._add(frame[start : start + ROWS])

    def _add(self, piece: Any) -> None:
        columns = {role: piece[name] for role, name in self.names.items()}
        kept = self.missing.present({role: _lacks(column) for role, column in columns.items()})
        if kept is not None:
            columns = {role: column.filter(kept.tolist()) for role, column in columns.items()}
        labels = self.gathered.labels
        add_ids(self.gathered.users, columns["user"])
        add_ids(self.gathered.items, columns["item"])
        values, times = columns.get("value"), columns.get("timestamp")
        self.gathered.add_numbers(
            None if values is None else _numbers(values, labels["value"]),
            None if times is None else _times(times, labels["timestamp"]),
            self.missing.places(),
        )

    def result(self) -> Columns:
        """All entries, once all frames are added."""
        return self.gathered.result(self.missing.left_out())


def read(frame: Any, user: Any, item: Any, value: Any, timestamp: Any, missing: Any, dtype: np.dtype[Any]) -> Columns:
    """The work of `Ratings.from_frame`."""
    return gathered(opened(frame), wanted_columns(user, item, value, timestamp), missing, dtype)


def gathered(pieces: Iterator[Any], wanted: dict[str, Any], missing: Any, dtype: np.dtype[Any]) -> Columns:
    """The entries of narwhals DataFrames, of which there is at least one."""
    entries: Frames | None = None
    for piece in pieces:
        if entries is None:
            entries = Frames(piece.columns, wanted, missing, dtype, len(piece))
        entries.add(piece)
    assert entries is not None
    return entries.result()


def opened(frame: Any) -> Iterator[Any]:
    """Narwhals DataFrames that make up what is given, at least one."""
    narwhals = _optional.require("narwhals", "frames")
    native = narwhals.from_native(frame, pass_through=True)
    if isinstance(native, narwhals.DataFrame):
        yield _with_names(native)
    elif isinstance(native, narwhals.LazyFrame) and not hasattr(frame, "__arrow_c_stream__"):
        yield native.collect()
    else:
        yield from streamed(_reader(frame))


def _reader(frame: Any) -> Any:
    """The pyarrow.RecordBatchReader of what has rows as an Arrow stream."""
    if hasattr(frame, "__arrow_c_stream__"):
        pyarrow = _optional.require("pyarrow", "parquet")
        try:
            return pyarrow.RecordBatchReader.from_stream(frame)
        except pyarrow.ArrowInvalid:  # one column without a name, such as a series
            pass
    raise TypeError(
        "frame must be a data frame of pandas, Polars, PyArrow or another library that narwhals knows, or have the "
        f"Arrow stream interface, got {_checks.shown(frame)}"
    )


def _with_names(frame: Any) -> Any:
    """A narwhals DataFrame whose columns have names of text: those of pandas may be numbers or tuples."""
    return frame.rename({name: str(name) for name in frame.columns if not isinstance(name, str)})


def streamed(reader: Any) -> Iterator[Any]:
    """The batches of a pyarrow.RecordBatchReader as narwhals DataFrames, at least one."""
    narwhals, pyarrow = _optional.require("narwhals", "frames"), _optional.require("pyarrow", "parquet")
    yield narwhals.from_native(pyarrow.table(reader.schema.empty_table()))
    for batch in reader:
        yield narwhals.from_native(pyarrow.Table.from_batches([batch]))
    pyarrow.default_memory_pool().release_unused()  # what the batches were in


def add_ids(ids: Ids, column: Any) -> None:
    """Add a column of ids without missing ones; narwhals says what is in it."""
    kind = column.dtype
    if kind.is_integer():
        array = column.to_numpy()
        if array.dtype.kind == "i" or (array.dtype.kind == "u" and array.dtype.itemsize < 8):
            ids.add_integers(array.astype(np.int64, copy=False))
            return
    elif kind.is_boolean() or kind.is_temporal() or kind.is_decimal() or kind.is_nested():
        raise TypeError(f"{ids.label} must hold integers, text or other ids, got {kind}")
    listed = column.to_list()
    if kind == _optional.require("narwhals", "frames").Object:
        without_booleans(ids.label, listed)
    ids.add(listed)


def facts(frame: Any, item: Any, items: IdMap) -> dict[str, NDArray[Any]]:
    """The columns of a frame that has one row for each of `items`, in their order, by name."""
    pieces = list(opened(frame))
    table = pieces[0] if len(pieces) == 1 else _optional.require("narwhals", "frames").concat(pieces)
    at = located(table.columns, {"item": item})["item"]
    ids = Ids(f"column {table.columns[at]!r} of item_info")
    lacking = _lacks(table[table.columns[at]])
    if lacking.any():
        raise ValueError(f"{ids.label} must not have missing ids, got {int(lacking.sum())} of {len(table)}")
    add_ids(ids, table[table.columns[at]])
    known, numbers = ids.result()
    if len(known) < len(numbers):
        raise ValueError(f"{ids.label} must have one row an item, got {len(numbers) - len(known)} rows that repeat one")
    found = known.numbers(items.ids, unknown="skip")
    if len(found) and found.min() < 0:
        bad = items.ids[found < 0]
        raise ValueError(f"{ids.label} must have every item, and lacks {len(bad)}, such as {_checks.shown(bad[0])}")
    rows = np.empty(len(known), np.int64)
    rows[numbers] = np.arange(len(numbers))
    return {name: _fact(table[name])[rows[found]] for number, name in enumerate(table.columns) if number != at}


def _fact(column: Any) -> NDArray[Any]:
    narwhals = _optional.require("narwhals", "frames")
    if column.dtype in (narwhals.String, narwhals.Categorical, narwhals.Enum):
        return np.array(["" if text is None or text != text else str(text) for text in column.to_list()], np.str_)
    return np.asarray(column.to_numpy())


def _lacks(column: Any) -> NDArray[np.bool_]:
    """Where a column has no value, or NaN."""
    lacks = np.array(column.is_null().to_numpy(), bool)
    if column.dtype.is_float():
        lacks |= np.array(column.is_nan().fill_null(True).to_numpy(), bool)
    return lacks


def _numbers(column: Any, label: str) -> NDArray[Any]:
    """A column of numbers without missing ones."""
    kind = column.dtype
    if not (kind.is_numeric() or kind.is_boolean()):
        raise TypeError(f"{label} must hold numbers, got {kind}")
    array = np.asarray(column.to_numpy())
    if array.dtype.kind not in "biuf":  # decimals, and what lacked values and has become objects
        array = np.array([float(number) for number in column.to_list()], np.float64)
    return array


def _times(column: Any, label: str) -> NDArray[Any]:
    """A column of times without missing ones; dates in seconds since 1970, to a microsecond, or as they are."""
    narwhals = _optional.require("narwhals", "frames")
    if len(column) == 0:  # of objects of pandas narwhals then says that they are text
        return np.empty(0, np.int64)
    if isinstance(column.dtype, narwhals.Datetime) or column.dtype == narwhals.Date:
        return np.asarray(column.dt.timestamp("us").to_numpy()) / 1e6
    if column.dtype in (narwhals.Object, narwhals.Unknown):  # Python's dates in pandas; Arrow's date64
        return np.asarray(column.to_numpy())
    if not column.dtype.is_numeric():
        raise TypeError(f"{label} must hold numbers or dates, got {column.dtype}")
    array = np.asarray(column.to_numpy())
    return array if array.dtype.kind in "iuf" else np.array([float(time) for time in column.to_list()], np.float64)
