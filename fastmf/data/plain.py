"""The fast way through a text file that holds nothing but integer ids and plain numbers."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fastmf import _threads
from fastmf.data.gathering import Gathering
from fastmf.data.intake import Columns
from fastmf.kernels.lines import count_lines, read_lines

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
        with closing(_ahead(partial(_parsed, separator, roles), _whole_lines(file))) as pieces:
            for length, columns in pieces:
                count = len(columns[0])
                if count == 0:
                    return None
                if gathered is None:
                    size = os.fstat(file.fileno()).st_size
                    gathered = Gathering(labels, dtype, min(size * count // length + count, size // SHORTEST))
                users, items, values, times = columns
                gathered.users.add_integers(users)
                gathered.items.add_integers(items)
                gathered.add_numbers(values, times)
    return gathered.result() if gathered is not None else None


def _parsed(separator: str, roles: NDArray[np.uint8], lines: bytes) -> tuple[int, list[NDArray[Any]]]:
    """The bytes of a piece, and its columns; these are empty where it has no line but blank ones, or one not plain."""
    text = np.frombuffer(lines, np.uint8)
    columns: list[NDArray[Any]] = [np.empty(count_lines(text), kind) for kind in TYPES]
    read = read_lines(text, ord(separator), roles, *columns)
    return len(lines), [column[: max(read, 0)] for column in columns]


def _ahead(work: Callable[[bytes], Any], pieces: Iterator[bytes]) -> Generator[Any]:
    """What work makes of each piece, in order, begun while the caller is busy with the pieces before."""
    threads = _threads.effective().count
    if threads == 1:
        yield from map(work, pieces)
        return
    from concurrent.futures import ThreadPoolExecutor  # here, for what its import takes

    with ThreadPoolExecutor(threads - 1) as pool:
        begun = deque(pool.submit(work, piece) for piece in islice(pieces, threads))
        while begun:
            done = begun.popleft().result()
            begun.extend(pool.submit(work, piece) for piece in islice(pieces, 1))
            yield done


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
