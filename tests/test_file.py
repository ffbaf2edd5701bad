"""The model file: what goes in comes out, and no damage anywhere passes."""

import json
import random
import signal
import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from fastmf import _file
from fastmf._errors import ModelFileError

HEADER = {"params": {"factors": 2, "alpha": 0.1, "seed": None}, "text": "naïve ☃ \ud800", "list": [1, [True]]}
DTYPES = ["bool", *(f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64))]
DTYPES += ["float16", "float32", "float64"]
FINITE = st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text() | FINITE,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
SHAPES = arrays_of.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)


def small_arrays():
    return {
        "user_factors": np.arange(12, dtype=np.float32).reshape(4, 3),
        "empty": np.empty((0, 3)),
        "ids": np.array([3, 1, 2]),
        "item_bias": np.array([0.5, np.nan, -np.inf]),
    }


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.fmf"


@pytest.fixture
def whole(path):
    """The bytes of a good file."""
    _file.write(path, HEADER, small_arrays())
    return path.read_bytes()


def same(a, b):
    assert list(a) == list(b)
    for name in a:
        assert a[name].dtype == b[name].dtype
        assert a[name].shape == b[name].shape
        np.testing.assert_array_equal(a[name], b[name])


def refused(path, data, match=None):
    """Both ways of reading refuse these bytes."""
    path.write_bytes(data)
    for mmap in (False, True):
        with pytest.raises(ModelFileError, match=match) as caught:
            _file.read(path, mmap=mmap)
        assert str(path) in str(caught.value)


def forged(text, data=b""):
    """A file with right checksums around any JSON text, or what stands for it, and any data."""
    text = text.encode() if isinstance(text, str) else json.dumps(text).encode()
    begin = -(-(32 + len(text)) // 64) * 64
    lengths = struct.pack("<QQ", len(text), begin + len(data))
    crc = zlib.crc32(text, zlib.crc32(lengths, zlib.crc32(_file._MAGIC + struct.pack("<I", 1))))
    start = _file._MAGIC + struct.pack("<II", 1, crc) + lengths
    return (start + text).ljust(begin, b"\0") + data


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("as_text", [False, True])
def test_round_trip(path, as_text, mmap):
    _file.write(str(path) if as_text else path, HEADER, small_arrays())
    header, arrays = _file.read(str(path) if as_text else path, mmap=mmap)
    assert header == HEADER
    same(arrays, small_arrays())


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_and_layout(path, dtype, mmap):
    values = (np.arange(210).reshape(5, 6, 7) % 120).astype(dtype)
    arrays = {
        "plain": values,
        "fortran": np.asfortranarray(values),
        "strided": values[::2, ::-1, 1::3],
        "swapped": values.astype(values.dtype.newbyteorder()),
        "scalar": np.array(values[1, 1, 1]),
        "nothing": values[:0],
        "nothing wide": values[:, :0],
        "": values[0, 0],
    }
    before = {name: (array.copy(), array.strides) for name, array in arrays.items()}
    for array in arrays.values():
        array.flags.writeable = False
    _file.write(path, {}, arrays)
    read = _file.read(path, mmap=mmap)[1]
    same(read, {name: array.astype(dtype) for name, array in arrays.items()})
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name][0])
        assert array.strides == before[name][1]
        assert read[name].flags.c_contiguous
        assert read[name].flags.aligned
        assert read[name].dtype.isnative


@settings(deadline=None)
@given(
    header=st.dictionaries(st.text(), JSON_VALUES),
    arrays=st.dictionaries(st.text(max_size=5), arrays_of.arrays(st.sampled_from(DTYPES), SHAPES), max_size=4),
)
def test_any_content(tmp_path_factory, header, arrays):
    path = tmp_path_factory.mktemp("any") / "model.fmf"
    _file.write(path, header, arrays)
    first = path.read_bytes()
    for mmap in (False, True):
        read = _file.read(path, mmap=mmap)
        assert read[0] == header
        same(read[1], arrays)
        _file.write(path, *read)  # over the file that is mapped, too
        assert path.read_bytes() == first


def test_copies_are_the_callers_own(path, whole):
    arrays = _file.read(path)[1]
    arrays["ids"][:] = 7
    assert path.read_bytes() == whole


def test_mapped_arrays_are_read_only_views_of_one_mapping(path, whole):
    arrays = _file.read(path, mmap=True)[1]
    assert not arrays.pop("empty").flags.writeable
    for array in arrays.values():
        assert not array.flags.writeable
        with pytest.raises(ValueError):
            array.flags.writeable = True
        assert array.ctypes.data % 64 == 0
    start = arrays["user_factors"].ctypes.data
    assert [array.ctypes.data - start for array in arrays.values()] == [0, 64, 128]


def test_mapped_arrays_outlive_the_file(path, whole):
    arrays = _file.read(path, mmap=True)[1]
    _file.write(path, {}, {"other": np.zeros(100_000)})
    same(arrays, small_arrays())
    path.unlink()
    same(arrays, small_arrays())


def test_reading_holds_one_copy_and_mapping_none(path):
    size = 8_000_000
    _file.write(path, {}, {"a": np.ones(size // 16), "b": np.ones(size // 16)})
    for mmap, limit in ((False, size + 500_000), (True, 500_000)):
        tracemalloc.start()
        try:
            kept = _file.read(path, mmap=mmap)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert len(kept[1]) == 2
        assert peak < limit


def test_no_array_and_no_header(path):
    _file.write(path, {}, {})
    assert _file.read(path) == _file.read(path, mmap=True) == ({}, {})


# --- damage


def test_every_byte_flipped(path, whole):
    """Also: a flipped byte of a length never makes the reader allocate what the file cannot hold."""
    tracemalloc.start()
    try:
        for at in range(len(whole)):
            for mask in (0x01, 0x80, 0xFF):
                refused(path, whole[:at] + bytes([whole[at] ^ mask]) + whole[at + 1 :])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000


def test_truncated_anywhere(path, whole):
    for length in range(len(whole)):
        refused(path, whole[:length], match="truncated")


@pytest.mark.parametrize("extra", [b"\0", b"\0" * 64, b"x" * 5000, b"\n"])
def test_extended(path, whole, extra):
    refused(path, whole + extra, match=f"{len(extra)} bytes after its end")
    refused(path, extra + whole, match="not a fastmf model file")


def test_two_arrays_swapped(path):
    _file.write(path, {}, {"a": np.zeros(8), "b": np.ones(8)})
    whole = path.read_bytes()
    refused(path, whole[:-128] + whole[-64:] + whole[-128:-64], match="checksum of array 'a'")


def test_checksum_names_the_array(path, whole):
    refused(path, whole[:-1] + b"!", match="checksum of array 'item_bias'")


@settings(deadline=None)
@given(data=st.data())
def test_any_splice(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("splice") / "model.fmf"
    _file.write(path, HEADER, small_arrays())
    whole = path.read_bytes()
    a, b = sorted(data.draw(st.tuples(*[st.integers(0, len(whole))] * 2)))
    damaged = whole[:a] + data.draw(st.binary(max_size=200) | st.just(whole[a // 2 : b])) + whole[b:]
    if damaged != whole:
        refused(path, damaged)


@pytest.mark.parametrize("data", [b"userId\n1", b"PK\x03\x04", b"\x80\x04N.", b"\0" * 99, b"\x89FMF\n\x1a\n" * 9])
def test_another_kind_of_file(path, data):
    refused(path, data, match="not a fastmf model file")


def test_empty_file(path):
    refused(path, b"", match="truncated: it has only 0 bytes")


@pytest.mark.parametrize("version", [2, 3, 2**32 - 1])
def test_newer_version(path, whole, version):
    """Whatever else a newer version changes: only magic and version are looked at."""
    data = whole[:8] + struct.pack("<I", version) + b"?" * 100
    refused(path, data, match=rf"format version {version}, .* up to 1: it was written by a newer fastmf")


ENTRY = {"name": "a", "dtype": "float64", "shape": [1], "offset": 0, "nbytes": 8, "crc32": zlib.crc32(bytes(8))}
EMPTY = ENTRY | {"shape": [0], "offset": 64, "nbytes": 0, "crc32": 0}


def test_forged_file_is_good(path):
    path.write_bytes(forged({"header": {}, "arrays": [ENTRY]}, bytes(8)))
    same(_file.read(path)[1], {"a": np.zeros(1)})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "7",
        "null",
        "{}",
        "[" * 100_000,
        "\udcff".encode("utf-8", "surrogateescape").decode("latin-1"),
        {"header": {}},
        {"arrays": [ENTRY]},
        {"header": [], "arrays": [ENTRY]},
        {"header": None, "arrays": [ENTRY]},
        {"header": {}, "arrays": {}},
        {"header": {}, "arrays": None},
        {"header": {}, "arrays": []},
        {"header": {}, "arrays": [ENTRY, ENTRY]},
        {"header": {}, "arrays": [ENTRY, EMPTY]},
        {"header": {}, "arrays": [EMPTY | {"offset": 0}]},
        {"header": {}, "arrays": [[]]},
        {"header": {}, "arrays": ["name"]},
        {"header": {}, "arrays": [{}]},
        {"header": {}, "arrays": [ENTRY | {"more": 1}]},
        *(
            {"header": {}, "arrays": [ENTRY | change]}
            for change in [
                {"name": 1},
                {"name": None},
                {"dtype": "object"},
                {"dtype": "O"},
                {"dtype": "float64,float64"},
                {"dtype": "complex64"},
                {"dtype": ["float64"]},
                {"dtype": {}},
                {"dtype": "float32"},
                {"dtype": "int32"},
                {"shape": [2]},
                {"shape": [-1]},
                {"shape": [-1, -1]},
                {"shape": [0]},
                {"shape": [1.0]},
                {"shape": [True]},
                {"shape": 1},
                {"shape": "1"},
                {"shape": None},
                {"shape": [1] * 33},
                {"shape": [2**61]},
                {"shape": [2**61], "nbytes": 2**64},
                {"shape": [2**50], "nbytes": 2**53},
                {"offset": 64},
                {"offset": 1},
                {"offset": -64},
                {"offset": None},
                {"nbytes": 7},
                {"nbytes": -8},
                {"nbytes": 8.0},
                {"crc32": -1},
                {"crc32": "0"},
                {"crc32": 0},
            ]
        ),
    ],
    ids=lambda text: str(text)[-60:],
)
def test_directory_that_makes_no_sense(path, text):
    refused(path, forged(text, bytes(8)), match="damaged")


@pytest.mark.parametrize(
    "entries",
    [
        [ENTRY, EMPTY],  # one name twice
        [EMPTY | {"offset": 0}, EMPTY | {"name": "b"}],  # the second does not follow the first
        [EMPTY],  # does not begin at the beginning
        *(
            [ENTRY, EMPTY | {"name": "b", "shape": shape}]
            for shape in (
                [2**70, 0],
                [2**62, 0],
                [2**32, 2**32, 0],
                [2**63 - 1, 0, 2**63 - 1],
            )  # too much for NumPy
        ),
    ],
    ids=str,
)
def test_directory_of_the_right_length_that_makes_no_sense(path, entries):
    refused(path, forged({"header": {}, "arrays": entries}, bytes(64)), match="makes no sense")


def test_empty_arrays_after_others(path):
    path.write_bytes(forged({"header": {}, "arrays": [ENTRY, EMPTY | {"name": "b"}]}, bytes(64)))
    same(_file.read(path)[1], {"a": np.zeros(1), "b": np.zeros(0)})


# --- bad arguments and files that are not there


def test_missing_file_and_folder(path, tmp_path):
    with pytest.raises(FileNotFoundError):
        _file.read(path)
    with pytest.raises(IsADirectoryError):
        _file.read(tmp_path)
    with pytest.raises(IsADirectoryError):
        _file.write(tmp_path, {}, {})
    with pytest.raises(FileNotFoundError):
        _file.write(tmp_path / "missing" / "model.fmf", {}, {})


@pytest.mark.parametrize("bad", [None, 3, b"model.fmf", ["model.fmf"]])
def test_bad_path(bad):
    with pytest.raises(TypeError, match=r"path must be a str or os\.PathLike"):
        _file.write(bad, {}, {})
    with pytest.raises(TypeError, match=r"path must be a str or os\.PathLike"):
        _file.read(bad)


def test_bad_mmap(path, whole):
    with pytest.raises(TypeError, match="mmap must be True or False, got 'r'"):
        _file.read(path, mmap="r")


@pytest.mark.parametrize(
    ("value", "error"),
    [(np.float32(1), TypeError), ({1}, TypeError), (b"", TypeError), (np.nan, ValueError), (np.inf, ValueError)],
    ids=repr,
)
def test_bad_header(path, whole, value, error):
    with pytest.raises(error, match="header must hold what JSON can write"):
        _file.write(path, {"a": [value]}, {})
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "array",
    [
        np.array([None]),
        np.array(["a"]),
        np.array([b"a"]),
        np.array([1j]),
        np.array(["2020-01-01"], "datetime64[D]"),
        np.zeros(2, "f4,f4"),
        np.ma.masked_array([1.0, 2.0], [True, False]),
        np.float64(1),
        [1.0],
        None,
    ],
    ids=repr,
)
def test_bad_array(path, whole, array):
    with pytest.raises(TypeError, match=r"arrays must hold plain arrays of bool, integers or floats .* for 'x'"):
        _file.write(path, {}, {"good": np.zeros(3), "x": array})
    assert path.read_bytes() == whole


def test_bad_array_name(path):
    with pytest.raises(TypeError, match="for 3"):
        _file.write(path, {}, {3: np.zeros(3)})
    assert not path.exists()


# --- a process that dies while it saves

SAVER = """
import sys
import numpy as np
from fastmf import _file
for number in range(10**9):
    _file.write(sys.argv[1], {"number": number}, {name: np.full(500_000, number) for name in "ab"})
    if number == 0:
        print("ready", flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_while_saving(path):
    chance = random.Random(0)
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", SAVER, path], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout.readline() == "ready\n"
                time.sleep(chance.uniform(0, 0.1))
            finally:
                process.kill()
        header, arrays = _file.read(path)
        same(arrays, {name: np.full(500_000, header["number"]) for name in "ab"})
    assert {p.suffix for p in Path(path).parent.iterdir()} <= {".fmf", ".tmp"}
