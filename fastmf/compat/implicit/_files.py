"""implicit's model files: arrays and numbers in NumPy's .npz format, never pickled."""

from __future__ import annotations

import io
import os
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from fastmf import _atomic, _checks
from fastmf._errors import ModelFileError


def read(fileobj_or_path: Any) -> dict[str, Any]:
    """All arrays of a file; a damaged one raises ModelFileError."""
    if isinstance(fileobj_or_path, (str, os.PathLike)):
        with open(_with_ending(fileobj_or_path), "rb") as file:
            return _arrays(file, fileobj_or_path)
    return _arrays(fileobj_or_path, fileobj_or_path)


def _arrays(file: Any, name: Any) -> dict[str, Any]:
    try:
        loaded = np.load(file, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise ValueError("it holds a single array")
        with loaded:
            return {key: loaded[key] for key in loaded.files}
    except (ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ModelFileError(f"{name} is not a whole .npz file of a model: {error}") from error


def write(fileobj_or_path: Any, values: dict[str, Any]) -> None:
    """Write arrays and numbers, to a path whole or not at all."""
    if not isinstance(fileobj_or_path, (str, os.PathLike)):
        np.savez(fileobj_or_path, **values)
        return
    with _atomic.replacing(_checks.path("fileobj_or_path", _with_ending(fileobj_or_path))) as write_bytes:
        np.savez(_OnlyWrites(write_bytes), **values)


def _with_ending(path: str | os.PathLike[str]) -> str:
    """The path with the ending that `numpy.savez` gives it."""
    text = os.fspath(path)
    return text if text.endswith(".npz") else text + ".npz"


class _OnlyWrites(io.RawIOBase):
    """A file for `numpy.savez` over a function that writes bytes."""

    def __init__(self, write_bytes: Callable[[bytes | memoryview], None]) -> None:
        self._write_bytes = write_bytes

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        self._write_bytes(view)
        return len(view)
