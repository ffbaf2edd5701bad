"""The model file: one JSON header and a set of named arrays in one container, without pickle.

    bytes 0-31   magic, format version, CRC-32, length of the JSON text, length of the whole file
    JSON text    {"header": what the caller gave, "arrays": [{name, dtype, shape, offset, nbytes, crc32}, ...]}
    arrays       C order, little-endian, each on a 64-byte boundary; zeros fill the gaps

Offsets count from the first 64-byte boundary after the JSON text. The CRC-32 at the start covers the rest of the
first 32 bytes and the JSON text, which holds one CRC-32 for each array; gaps must be zero and the length must be
exact. So every byte is checked on reading: a CRC-32 misses no error burst of up to 32 bits, and one in 2^32 of
the longer ones. The magic is made like PNG's: a transfer that strips the eighth bit or rewrites line ends breaks
it. Magic and version keep their places in all versions to come.
"""

from __future__ import annotations

import json
import math
import mmap as memory_map
import os
import struct
import zlib
from collections.abc import Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmf import _atomic, _checks
from fastmf._errors import ModelFileError

_MAGIC = b"\x89FMF\r\n\x1a\n"
_VERSION = 1
_START = struct.Struct("<8sIIQQ")  # magic, version, CRC-32, bytes of JSON text, bytes of the file
_ALIGNMENT = 64  # a cache line, and the widest vector
_PIECE = 1 << 24  # bytes a checksum takes at once, so that Ctrl-C is heard between them
_DTYPES = {f"{kind}{bits}" for kind in ("int", "uint", "float") for bits in (16, 32, 64)} | {"bool", "int8", "uint8"}


class _Entry(NamedTuple):
    """One array in the directory of a file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    offset: int
    nbytes: int
    crc32: int


def write(path: str | os.PathLike[str], header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a header and named arrays to a model file, whole or not at all.

    The bytes go to a temporary file in the same folder, which is synced and then takes the place of `path`; an
    earlier file there is untouched until then. If `path` is a symbolic link, its target is replaced; an earlier
    file's permissions are kept.

    Parameters
    ----------
    path : str or os.PathLike
        Where to write.
    header : mapping of str to JSON values
        Anything `json` can write, with finite numbers. Tuples are read back as lists.
    arrays : mapping of str to ndarray
        Arrays of bool, integers or float16 to float64, of any shape and memory order.

    Raises
    ------
    TypeError
        If the header holds something that JSON has not, or an array has another dtype.
    ValueError
        If the header holds a number that is not finite.
    OSError
        If the file cannot be written: no such folder, no permission, disk full, `path` is a folder or a device. An
        earlier file is then as it was, unless only the last sync of the folder failed: then the new file is there,
        and whole.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from fastmf import _file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _file.write(f"{folder}/a.fmf", {"factors": 2}, {"x": np.arange(3.0)})
    ...     header, arrays = _file.read(f"{folder}/a.fmf")
    >>> header, arrays["x"]
    ({'factors': 2}, array([0., 1., 2.]))
    """
    target = _checks.path("path", path)
    ready = {name: _storable(name, array) for name, array in arrays.items()}
    entries = _directory(ready)
    start = _start(header, entries)
    with _atomic.replacing(target) as write_bytes:
        write_bytes(start)
        end = 0
        for entry, array in zip(entries, ready.values(), strict=True):
            write_bytes(bytes(entry.offset - end))
            write_bytes(_raw(array))
            end = entry.offset + entry.nbytes


def read(path: str | os.PathLike[str], *, mmap: bool = False) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a model file and check every byte of it.

    Parameters
    ----------
    path : str or os.PathLike
        The file.
    mmap : bool, default False
        Map the file into memory instead of copying it: the arrays are read-only views of one mapping, which all
        processes that map the file share. The checksums still read all of it once. While it is mapped, the file
        may be replaced (as `write` does) or deleted, but must not be changed in place.

    Returns
    -------
    header : dict
        As given to `write`.
    arrays : dict of str to ndarray
        In the order in which they were written; the caller's own and writable, unless `mmap` is set.

    Raises
    ------
    ModelFileError
        If the file is not a model file, is damaged or truncated, or has a newer format; the message says which.
    FileNotFoundError
        If there is no such file.
    OSError
        If it cannot be read: no permission, a folder.
    """
    target = _checks.path("path", path)
    mapped = _checks.flag("mmap", mmap)
    with open(target, "rb") as file:
        source = _Source(target, file)
        header, entries = _read_start(source)
        if mapped:
            source.map()
        arrays = {}
        for entry in entries:
            source.skip_gap()
            data = source.take(entry.nbytes)
            if _crc32(data.data) != entry.crc32:
                raise source.error(f"is damaged: the checksum of array {entry.name!r} does not match")
            arrays[entry.name] = data.view(np.dtype(entry.dtype).newbyteorder("<")).reshape(entry.shape)
    return header, arrays


class _Source:
    """The bytes of an open file from front to back: copies, or views of one mapping after `map`."""

    def __init__(self, path: Path, file: BufferedReader) -> None:
        self.path = path
        self.file = file
        self.size = os.fstat(file.fileno()).st_size
        self.position = 0
        self.mapping: NDArray[np.uint8] | None = None

    def map(self) -> None:
        mapping = memory_map.mmap(self.file.fileno(), self.size, access=memory_map.ACCESS_READ)
        self.mapping = np.frombuffer(mapping, np.uint8)

    def take(self, count: int) -> NDArray[np.uint8]:
        """The next `count` bytes. Nothing is allocated for a count that the file cannot hold."""
        if count > self.size - self.position:
            raise self.error(f"is truncated: it ends after {self.size} bytes, in the middle of its contents")
        if self.mapping is None:
            data = np.empty(count, np.uint8)
            if self.file.readinto(data.data) != count:
                raise self.error("was truncated while it was read")
        else:
            data = self.mapping[self.position : self.position + count]
        self.position += count
        return data

    def skip_gap(self) -> None:
        """Go to the next boundary; nothing but zeros may lie in between."""
        if self.take(_aligned(self.position) - self.position).any():
            raise self.error("is damaged: a gap between arrays is not zero")

    def error(self, what: str) -> ModelFileError:
        return ModelFileError(f"{self.path} {what}")


def _storable(name: str, array: Any) -> NDArray[Any]:
    """The array in C order and little-endian."""
    plain = isinstance(array, np.ndarray) and not isinstance(array, np.ma.MaskedArray)
    if not isinstance(name, str) or not plain or array.dtype.name not in _DTYPES:
        raise TypeError(
            f"arrays must hold plain arrays of bool, integers or floats by name, got {_checks.shown(array)} "
            f"for {_checks.shown(name)}"
        )
    return np.asarray(array, array.dtype.newbyteorder("<"), order="C")


def _raw(array: NDArray[Any]) -> memoryview:
    """The bytes of a C-contiguous array."""
    return array.reshape(-1).view(np.uint8).data


def _crc32(data: memoryview) -> int:
    value = 0
    for at in range(0, len(data), _PIECE):
        value = zlib.crc32(data[at : at + _PIECE], value)
    return value


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


def _directory(arrays: Mapping[str, NDArray[Any]]) -> list[_Entry]:
    entries = []
    end = 0
    for name, array in arrays.items():
        offset = _aligned(end)
        entries.append(_Entry(name, array.dtype.name, array.shape, offset, array.nbytes, _crc32(_raw(array))))
        end = offset + array.nbytes
    return entries


def _end(entries: list[_Entry]) -> int:
    """Bytes from the first boundary after the JSON text to the end of the file."""
    return entries[-1].offset + entries[-1].nbytes if entries else 0


def _start(header: Mapping[str, Any], entries: list[_Entry]) -> bytes:
    """All that comes before the first array."""
    content = {"header": dict(header), "arrays": [entry._asdict() for entry in entries]}
    try:
        text = json.dumps(content, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise type(error)(f"header must hold what JSON can write, with finite numbers: {error}") from None
    begin = _aligned(_START.size + len(text))
    fields = (len(text), begin + _end(entries))
    crc = _start_crc32(_START.pack(_MAGIC, _VERSION, 0, *fields), text)
    return (_START.pack(_MAGIC, _VERSION, crc, *fields) + text).ljust(begin, b"\0")


def _start_crc32(start: bytes, text: bytes) -> int:
    """The checksum of the first 32 bytes, without the checksum itself, and of the JSON text."""
    return zlib.crc32(text, zlib.crc32(start[16:], zlib.crc32(start[:12])))


def _read_start(source: _Source) -> tuple[dict[str, Any], list[_Entry]]:
    """Header and directory, after everything before the first array has been checked."""
    start = bytes(source.take(min(_START.size, source.size)))
    if start[: len(_MAGIC)] != _MAGIC[: len(start)]:
        raise source.error("is not a fastmf model file")
    if len(start) < _START.size:
        raise source.error(f"is truncated: it has only {len(start)} bytes")
    _, version, crc, text_bytes, file_bytes = _START.unpack(start)
    if version > _VERSION:
        raise source.error(
            f"has format version {version}, and this fastmf reads versions up to {_VERSION}: "
            "it was written by a newer fastmf, or is damaged"
        )
    text = bytes(source.take(text_bytes))
    if version < 1 or crc != _start_crc32(start, text):
        raise source.error("is damaged: the checksum of its header does not match")
    if source.size < file_bytes:
        raise source.error(f"is truncated: it has {source.size} of {file_bytes} bytes")
    source.skip_gap()
    try:
        content = json.loads(text.decode())
        entries = [_Entry(**{**entry, "shape": tuple(entry["shape"])}) for entry in content["arrays"]]
        header = content["header"]
        sound = isinstance(header, dict) and _is_sound(entries) and source.position + _end(entries) == file_bytes
    except (ValueError, TypeError, KeyError, RecursionError):
        sound = False
    if not sound:  # the checksum is right: such a file was made so
        raise source.error("is damaged: its directory of arrays makes no sense")
    if source.size > file_bytes:
        raise source.error(f"is damaged: it has {source.size - file_bytes} bytes after its end")
    return header, entries


def _is_sound(entries: list[_Entry]) -> bool:
    """Whether the directory is one that `_directory` could have made."""
    end = 0
    for entry in entries:
        numbers = (*entry.shape, entry.offset, entry.nbytes, entry.crc32)
        if not all(type(number) is int and 0 <= number < 2**63 for number in numbers):
            return False
        if not isinstance(entry.name, str) or entry.dtype not in _DTYPES or entry.offset != _aligned(end):
            return False
        itemsize = np.dtype(entry.dtype).itemsize
        if entry.nbytes != math.prod(entry.shape) * itemsize or len(entry.shape) > 32:
            return False
        if math.prod(max(length, 1) for length in entry.shape) * itemsize >= 2**63:  # more than NumPy can index
            return False
        end = entry.offset + entry.nbytes
    return len({entry.name for entry in entries}) == len(entries)
