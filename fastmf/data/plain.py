"""The fast way through a text file that holds nothing but integer ids and plain numbers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fastmf.data.gathering import Gathering
from fastmf.data.intake import Columns
from fastmf.kernels.lines import read_lines

ROLES = ("user", "item", "value", "timestamp")
BYTES = 1 << 22  # read at a time
SHORTEST = 4  # bytes of a line with two ids
TYPES = (np.int64, np.int64, np.float64, np.int64)


def read(
    path: Any, at: dict[str, int], width: int, header: bool, separator: str, dtype: np.dtype[Any]
) -> Columns | None:
    """The columns of a file; None if some line is not plain, so that only the general way can read or refuse it."""
    if not separator.isascii() or separator in "0123456789.-":
        return None
    roles = np.zeros(width, np.uint8)
    for number, role in enumerate(ROLES, 1):
        if role in at:
            roles[at[role]] = number
    labels = {role: "values" if role == "value" else role for role in ROLES if role in at}
    gathered = None
    with open(path, "rb") as file:
        if header:
            line = file.readline(BYTES)
            if not line.endswith(b"\n") or b"\r" in line[:-2]:  # a carriage return ends a line too
                return None
        for lines in _whole_lines(file):
            count = lines.count(b"\n")
            if gathered is None:
                size = os.fstat(file.fileno()).st_size
                gathered = Gathering(labels, dtype, min(size * count // len(lines) + count, size // SHORTEST))
            columns: list[NDArray[Any]] = [np.empty(count, kind) for kind in TYPES]
            read = read_lines(np.frombuffer(lines, np.uint8), ord(separator), roles, *columns)
            if read <= 0:
                return None
            users, items, values, times = (column[:read] for column in columns)
            gathered.users.add_integers(users)
            gathered.items.add_integers(items)
            gathered.add_numbers(values, times)
    return gathered.result() if gathered is not None else None


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """A file in pieces that end with a line feed; the last gets the one it may lack, a line without end does not."""
    rest = b""
    while block := file.read(BYTES):
        whole, feed, rest = (rest + block).rpartition(b"\n")
        if feed:
            yield whole + feed
        elif len(rest) > BYTES:  # no plain line is so long, and the next block would copy all of it again
            yield rest
            return
    if rest:
        yield rest + b"\n"
