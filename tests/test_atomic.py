"""Whatever fails while a file is written, the earlier file stays whole and no temporary file stays behind."""

import errno
import os
import stat
import tempfile
import threading
from pathlib import Path

import pytest

from fastmf import _atomic

OLD, NEW = b"old" * 1000, b"new" * 2000


def save(path, data=NEW):
    with _atomic.replacing(Path(path)) as write:
        write(data[:10])
        write(data[10:])


@pytest.fixture
def target(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(OLD)
    return path


class Proxy:
    """The os module with some functions replaced."""

    def __init__(self, **replaced):
        self.__dict__.update(replaced)

    def __getattr__(self, name):
        return getattr(os, name)


def failing(number, error):
    """The os module, whose `number`-th call that changes something fails; and the list of calls made."""
    calls = []

    def counted(name):
        def call(*args, **kwargs):
            calls.append(name)
            if len(calls) == number:
                if name == "close":  # the descriptor is gone all the same, as POSIX has it
                    os.close(*args)
                raise error
            return getattr(os, name)(*args, **kwargs)

        return call

    return Proxy(**{name: counted(name) for name in ("open", "chmod", "write", "fsync", "close", "replace")}), calls


def open_descriptors():
    return len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0


@pytest.mark.parametrize("error", [OSError(errno.EIO, "failed"), KeyboardInterrupt(), MemoryError()], ids=repr)
@pytest.mark.parametrize("existing", [True, False])
def test_every_call_may_fail(tmp_path, monkeypatch, existing, error):
    path = tmp_path / "file.bin"
    before = open_descriptors()
    for number in range(1, 100):
        path.unlink(missing_ok=True)
        if existing:
            path.write_bytes(OLD)
        system, calls = failing(number, error)
        monkeypatch.setattr(_atomic, "os", system)
        try:
            save(path)
        except type(error):
            replaced = "replace" in calls[:-1]
            wanted = NEW if replaced else OLD if existing else None
            assert (path.read_bytes() if path.exists() else None) == wanted
            assert os.listdir(tmp_path) == ([path.name] if wanted else [])
        else:
            break
    assert path.read_bytes() == NEW
    assert number == len(calls) + 1
    file_calls = ["open", *["chmod"] * existing, "write", "write", "fsync", "close", "replace"]
    assert calls == [*file_calls, "open", "fsync", "close"]
    assert open_descriptors() == before


def test_an_error_in_the_block(target):
    with pytest.raises(TypeError, match="bytes-like"):
        save(target, "x" * 20)
    assert target.read_bytes() == OLD
    assert os.listdir(target.parent) == [target.name]


def test_short_writes(target, monkeypatch):
    monkeypatch.setattr(_atomic, "os", Proxy(write=lambda descriptor, data: os.write(descriptor, data[:7])))
    save(target)
    assert target.read_bytes() == NEW


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_disk_full(target, monkeypatch):
    def open_full(path, flags, mode=0o777):
        descriptor = os.open(path, flags, mode)
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, descriptor)
        os.close(full)
        return descriptor

    monkeypatch.setattr(_atomic, "os", Proxy(open=open_full))
    with pytest.raises(OSError, match=r"file\.bin") as caught:
        save(target)
    assert caught.value.errno == errno.ENOSPC
    assert target.read_bytes() == OLD
    assert os.listdir(target.parent) == [target.name]


def test_file_size_limit(target):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(NEW) - 1, hard))  # the last byte does not fit
    try:
        with pytest.raises(OSError, match=r"file\.bin") as caught:
            save(target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.errno == errno.EFBIG
    assert target.read_bytes() == OLD
    assert os.listdir(target.parent) == [target.name]


def test_folder_that_syncs_nothing(target, monkeypatch):
    """Some file systems refuse to sync a folder; the file was written all the same."""

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        os.fsync(descriptor)

    monkeypatch.setattr(_atomic, "os", Proxy(fsync=fsync))
    save(target)
    assert target.read_bytes() == NEW


@pytest.mark.parametrize("umask", [0o022, 0o027, 0o077])
def test_permissions_of_a_new_file_are_those_of_open(tmp_path, umask):
    before = os.umask(umask)
    try:
        save(tmp_path / "new")
        (tmp_path / "opened").write_bytes(b"")
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "opened").stat().st_mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_permissions_of_the_earlier_file_are_kept(target, mode):
    target.chmod(mode)
    save(target)
    assert stat.S_IMODE(target.stat().st_mode) == mode


@pytest.fixture
def unprivileged():
    """A folder that an ordinary user owns, and this process as that user for the length of a test."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() != 0:
            yield folder
            return
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
        try:
            yield folder
        finally:
            os.seteuid(0)
            folder.chmod(0o700)


def test_read_only_folder(unprivileged):
    path = unprivileged / "file.bin"
    path.write_bytes(OLD)
    unprivileged.chmod(0o500)
    with pytest.raises(PermissionError, match=r"file\.bin"):
        save(path)
    assert path.read_bytes() == OLD
    assert os.listdir(unprivileged) == [path.name]


def test_read_only_file(unprivileged):
    path = unprivileged / "file.bin"
    path.write_bytes(OLD)
    path.chmod(0o400)
    with pytest.raises(PermissionError, match=r"file\.bin"):
        save(path)
    assert path.read_bytes() == OLD
    assert os.listdir(unprivileged) == [path.name]


def test_symbolic_link(tmp_path):
    (tmp_path / "there").mkdir()
    link = tmp_path / "link"
    link.symlink_to(Path("there", "file.bin"))
    for data in (OLD, NEW):  # the target does not exist, then it does
        save(link, data)
        assert link.is_symlink()
        assert (tmp_path / "there" / "file.bin").read_bytes() == data
    assert sorted(os.listdir(tmp_path)) == ["link", "there"]
    assert os.listdir(tmp_path / "there") == ["file.bin"]


def test_what_is_no_file_stays(tmp_path):
    with pytest.raises(IsADirectoryError):
        save(tmp_path)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="Not a regular file"):
        save(pipe)
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


def test_no_such_folder_names_the_file_asked_for(tmp_path):
    path = tmp_path / "missing" / "file.bin"
    with pytest.raises(FileNotFoundError) as caught:
        save(path)
    assert caught.value.filename == str(path)


def test_long_and_odd_names(tmp_path):
    for name in ("x" * 255, "é" * 127, "[a]*? .bin", ".hidden"):
        save(tmp_path / name)
        assert (tmp_path / name).read_bytes() == NEW
    assert len(os.listdir(tmp_path)) == 4


def test_leftovers_of_a_killed_write_go_after_a_day(target, monkeypatch):
    monkeypatch.setattr(_atomic, "os", Proxy(replace=lambda *_: os.kill(os.getpid(), 0), unlink=lambda *_: None))
    save(target)  # neither renamed nor removed: as after a kill
    monkeypatch.undo()
    (left,) = set(os.listdir(target.parent)) - {target.name}
    other = target.with_name("other.bin")
    save(target)
    assert left in os.listdir(target.parent)  # young: it may belong to a write that goes on
    os.utime(target.with_name(left), (0, 0))
    save(other)
    assert left in os.listdir(target.parent)  # not a leftover of this file
    save(target)
    assert sorted(os.listdir(target.parent)) == [target.name, other.name]


def test_writers_at_once(target):
    contents = [bytes([number]) * 100_000 for number in range(8)]
    threads = [threading.Thread(target=save, args=(target, data)) for data in contents]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert target.read_bytes() in contents
    assert os.listdir(target.parent) == [target.name]
