"""The door for Parquet files, read a batch of rows at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fastmf import _checks, _optional
from fastmf._errors import RatingsFileError
from fastmf.data.frames import Frames
from fastmf.data.intake import Columns, located, wanted_columns

ROWS = 1 << 17  # read at a time
BUFFER = 1 << 20  # bytes of a column read from the file at a time


def read(path: Any, user: Any, item: Any, value: Any, timestamp: Any, missing: Any, dtype: np.dtype[Any]) -> Columns:
    """The work of `Ratings.from_parquet`."""
    path = _checks.path("path", path)
    wanted = wanted_columns(user, item, value, timestamp)
    parquet = _optional.require("pyarrow.parquet", "parquet")
    pyarrow, narwhals = _optional.require("pyarrow", "parquet"), _optional.require("narwhals", "parquet")
    where, entries = path, None
    try:
        for where in _parts(path):
            with parquet.ParquetFile(where, buffer_size=BUFFER, pre_buffer=False) as file:
                names = file.schema_arrow.names
                if entries is None:
                    entries = Frames(names, wanted, missing, dtype, file.metadata.num_rows)
                located(names, dict(entries.names))
                for batch in file.iter_batches(ROWS, columns=list(entries.names.values()), use_threads=False):
                    entries.add(narwhals.from_native(pyarrow.Table.from_batches([batch])))
        where = path
        assert entries is not None
        pyarrow.default_memory_pool().release_unused()  # what its batches were in, before the rows are put together
        return entries.result()
    except pyarrow.ArrowException as error:
        raise RatingsFileError(f"{where}: must be a Parquet file: {error}") from None
    except TypeError as error:
        raise TypeError(f"{where}: {error}") from None
    except ValueError as error:
        raise RatingsFileError(f"{where}: {error}") from None


def _parts(path: Path) -> list[Path]:
    """The file, or those below a folder in the order of their names."""
    if not path.is_dir():
        return [path]
    parts = sorted(part for part in path.rglob("*.parquet") if not part.name.startswith((".", "_")))
    if not parts:
        raise FileNotFoundError(f"path must be a Parquet file or a folder of them, and {path} holds no *.parquet")
    return parts
