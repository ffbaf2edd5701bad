"""Write a file whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

_PIECE = 1 << 24  # bytes a system call gets at once, so that Ctrl-C is heard between them
_STALE_SECONDS = 86_400  # a temporary file untouched for so long was left by a process that was killed


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Callable[[bytes | memoryview], None]]:
    """A function that writes bytes; what it wrote becomes the file `path` if the block ends without an error.

    The bytes go to a temporary file in the same folder, which is synced and then renamed. After an error an earlier
    file at `path` is as it was and the temporary file is gone. Only the last step, syncing the folder, can fail with
    the new file already in place, and that file is whole.

    The target of a symbolic link is replaced, not the link. An earlier file's permissions are kept, and it must be
    one that open() would write to; a new file gets the permissions that the umask leaves.
    """
    target = Path(os.path.realpath(path))
    mode = _mode_to_keep(target)
    prefix = f".fastmf-{zlib.crc32(os.fsencode(target.name)):08x}-"
    _remove_stale(target.parent, prefix)
    temporary = target.with_name(f"{prefix}{secrets.token_hex(8)}.tmp")
    try:
        # O_BINARY exists on Windows only.
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        descriptor = os.open(temporary, flags, 0o666 if mode is None else mode)
        try:
            try:
                if mode is not None:
                    os.chmod(temporary, mode)  # past the umask
                yield lambda data: _write_all(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _sync_folder(target.parent)
    except OSError as error:
        error.filename, error.filename2 = os.fspath(path), None  # the caller's file, not the temporary one
        raise


def _mode_to_keep(target: Path) -> int | None:
    """Permissions of the file to be replaced, None if there is none; an error if open() would not write to it."""
    try:
        now = os.stat(target)
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(now.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(target))
    if not stat.S_ISREG(now.st_mode):  # renaming over a device or a pipe would destroy it
        raise OSError(errno.EINVAL, "Not a regular file", str(target))
    if not os.access(target, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(target))
    return stat.S_IMODE(now.st_mode)


def _remove_stale(folder: Path, prefix: str) -> None:
    """Remove the temporary files of earlier writes that were killed."""
    with contextlib.suppress(OSError):
        for path in folder.glob(f"{prefix}*.tmp"):
            if time.time() - path.stat().st_mtime > _STALE_SECONDS:
                path.unlink()


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest[:_PIECE]) :]


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where the system can."""
    if os.name == "nt":  # a folder cannot be opened there
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network file systems cannot
            raise
    finally:
        os.close(descriptor)
