"""Plain lines of text against their twin, which reads with regular expressions and float()."""

import numpy as np
import pytest
from fence import Fence, frozen
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference import lines as twin

from fastmf.kernels import lines as kernel

ROLES = (1, 2, 3, 4)


def read(function, text, roles=ROLES, separator=",", places=None):
    places = text.count(b"\n") if places is None else places
    outputs = [Fence(places, dtype) for dtype in (np.int64, np.int64, np.float64, np.int64)]
    given = frozen(np.frombuffer(text, np.uint8).copy(), np.array(roles, np.uint8))
    count = function(given[0], ord(separator), given[1], *[fence.array for fence in outputs])
    assert all(fence.intact() for fence in outputs)
    return count, [fence.array[: max(count, 0)].tolist() for fence in outputs]


def agrees(text, roles=ROLES, separator=",", places=None):
    result, expected = (read(module.read_lines, text, roles, separator, places) for module in (kernel, twin))
    assert result[0] == expected[0]
    if result[0] >= 0:
        assert result == expected
    return result[0]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (b"", 0),
        (b"\n\n", 0),
        (b"1,2,3,4\n", 1),
        (b"1,2,3,4\r\n-5,0,-0.25,007\n\n6,7,.5,-1\n8,9,5.,0\n", 4),
        (b"999999999999999999,-999999999999999999,123456789.0125,999999999999999999\n", 1),
        (b"1,2,9007199254740992,4\n", 1),
        (b"1,2,0.00000000000000001,4\n", 1),
        (b"1,2,000000000000000001.,4\n", 1),
    ],
)
def test_plain_text(text, count):
    assert agrees(text) == count


@pytest.mark.parametrize(
    "line",
    [
        b"1,2,3", b"1,2,3,", b"1,2,3,4,5", b",2,3,4", b"1,2,,4", b"01,2,3,4", b"-0,2,3,4", b"+1,2,3,4", b"-,2,3,4",
        b" 1,2,3,4", b"1 ,2,3,4", b"1.0,2,3,4", b"1,2,3e1,4", b"1,2,.,4", b"1,2,-.,4", b"1,2,1.2.3,4", b"1,2,--3,4",
        b"1,2,nan,4", b"1,2,inf,4", b"1,2,9007199254740993,4", b"1,2,1000000000000000000,4", b"1,2,3,4.0",
        b'"1",2,3,4', b"1,2,3,4\r\r", b"1,2,3\r,4", b"1000000000000000000,2,3,4", b"1,2,3,1000000000000000000",
        b"9999999999999999999,2,3,4", b"1,2,.9999999999999999999,4", b"1,2,3,-9999999999999999999",
        b"1,2,3,4\x00", b"\xef\xbb\xbf1,2,3,4", b"1;2;3;4", b"\r",
    ],
)  # fmt: skip
def test_lines_that_are_not_plain(line):
    assert agrees(b"7,8,9,10\n" + line + b"\n") == -1
    assert agrees(line + b"\n") == -1


@pytest.mark.parametrize(
    ("roles", "line", "count"),
    [
        ((0, 2, 0, 1), b"some text,5,,6", 1),
        ((1, 2), b"1,2", 1),
        ((2, 3, 1), b"1,2.5,3", 1),
        ((1, 2, 0), b"1,2,", 1),
        ((1, 2, 0), b'1,2,"x"', -1),
        ((1, 2, 0), "1,2,é".encode(), -1),
        ((1, 2, 0), b"1,2,a\rb", -1),
        ((), b"1", -1),
    ],
)
def test_columns_of_any_role(roles, line, count):
    assert agrees(line + b"\n", roles) == count
    assert agrees(line + b"\r\n", roles) == count


def test_text_that_would_be_read_beyond_its_end():
    assert agrees(b"1,2,3,4") == -1
    assert agrees(b"1,2,3,4\n1,2") == -1
    assert agrees(b"1\n2\n3\n4\n", separator="\n") == -1
    assert agrees(b"1,2,3,4\n5,6,7,8\n", places=1) == -1


@given(st.floats(0, 9e7).map(lambda x: f"{x:.8f}"))
@settings(max_examples=500)
def test_decimals_are_rounded_as_python_rounds_them(text):
    count, (_, _, values, _) = read(kernel.read_lines, f"1,2,{text},4\n".encode())
    assert count == 1
    assert values == [float(text)]


@given(st.text('01289,.-\n\r" x', max_size=60))
@settings(max_examples=500)
@example("1,2,3,4")
def test_any_text(text):
    agrees(text.encode() + b"\n")
    agrees(text.encode())


@given(st.binary(max_size=300), st.integers(0, 3))
def test_line_feeds_are_counted(text, feeds):
    text = text + b"\n" * feeds + text
    array = np.frombuffer(text, np.uint8).copy()
    frozen(array)
    assert kernel.count_lines(array) == twin.count_lines(array)
