"""The checks at the door: what each takes, how it cleans it, and the text of what it refuses."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastmf import _checks


def refuses(check, value, error, text):
    with pytest.raises(error) as caught:
        check(value)
    assert str(caught.value) == text


def test_shown_is_short_and_never_prints_an_array():
    assert _checks.shown(3) == _checks.shown(np.int64(3)) == "3"
    assert _checks.shown("x" * 1000) == "str '" + "x" * 56 + "..."
    assert _checks.shown(np.zeros((2, 3), np.float32)) == "ndarray of shape (2, 3) and dtype float32"


# -- one value ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [1, 5, np.int8(3), np.uint64(5)])
def test_integer_takes_python_and_numpy_integers(value):
    cleaned = _checks.integer("n", value, 1, 5)
    assert cleaned == value
    assert type(cleaned) is int


@pytest.mark.parametrize(
    ("value", "error", "got"),
    [
        (0, ValueError, "0"),
        (6, ValueError, "6"),
        (2**70, ValueError, str(2**70)),
        (2.0, TypeError, "2.0"),
        (True, TypeError, "True"),
        (np.bool_(True), TypeError, "True"),
        ("2", TypeError, "'2'"),
        (None, TypeError, "None"),
    ],
)
def test_integer_refuses(value, error, got):
    refuses(lambda v: _checks.integer("n", v, 1, 5), value, error, f"n must be an integer in [1, 5], got {got}")


def test_bounds_of_one_side_are_said_as_such():
    refuses(lambda v: _checks.integer("n", v, 1), 0, ValueError, "n must be an integer >= 1, got 0")
    refuses(lambda v: _checks.integer("n", v, None, 3), 4, ValueError, "n must be an integer <= 3, got 4")
    refuses(lambda v: _checks.real("x", v, above=0.0), 0, ValueError, "x must be a finite number > 0.0, got 0")


@pytest.mark.parametrize("value", [0, 1, 0.5, np.float32(0.5), np.float16(1), np.int64(1)])
def test_real_takes_numbers_within_inclusive_bounds(value):
    cleaned = _checks.real("x", value, 0.0, 1.0)
    assert cleaned == value
    assert type(cleaned) is float


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (-1e-300, ValueError),
        (1.0000001, ValueError),
        (math.nan, ValueError),
        (math.inf, ValueError),
        (np.float32("inf"), ValueError),
        (True, TypeError),
        ("1", TypeError),
        (1 + 0j, TypeError),
        (None, TypeError),
    ],
)
def test_real_refuses(value, error):
    with pytest.raises(error, match=r"^x must be a finite number in \[0.0, 1.0\], got "):
        _checks.real("x", value, 0.0, 1.0)


@pytest.mark.parametrize("value", [10**400, -(10**400), 2**2000])
def test_real_refuses_integers_beyond_float64(value):
    with pytest.raises(ValueError, match="^x must be a finite number, got "):
        _checks.real("x", value)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_fraction_is_strictly_between_0_and_1(value):
    if 0 < value < 1:
        assert _checks.fraction("share", value) == value
    else:
        with pytest.raises(ValueError, match="^share must be a fraction between 0 and 1, got "):
            _checks.fraction("share", value)


def test_fraction_refuses_other_types():
    refuses(lambda v: _checks.fraction("f", v), "0.5", TypeError, "f must be a fraction between 0 and 1, got '0.5'")


def test_choice():
    assert _checks.choice("c", np.str_("a"), ("a", "b")) == "a"
    refuses(lambda v: _checks.choice("c", v, ("a", "b")), "z", ValueError, "c must be one of 'a', 'b', got 'z'")
    refuses(lambda v: _checks.choice("c", v, ("a", "b")), 3, TypeError, "c must be one of 'a', 'b', got 3")
    refuses(lambda v: _checks.choice("c", v, ("a", "b")), ["a"], TypeError, "c must be one of 'a', 'b', got ['a']")


def test_flag():
    assert _checks.flag("f", np.True_) is True
    assert _checks.flag("f", False) is False
    for value in (0, 1, None, "yes"):
        refuses(lambda v: _checks.flag("f", v), value, TypeError, f"f must be True or False, got {value!r}")


def test_path():
    assert _checks.path("p", "a/b") == _checks.path("p", Path("a/b")) == Path("a/b")
    for value in (b"a", 3, None):
        refuses(lambda v: _checks.path("p", v), value, TypeError, f"p must be a str or os.PathLike, got {value!r}")


@pytest.mark.parametrize("value", ["float32", "f4", np.float32, np.dtype("float32")])
def test_float_dtype_takes_every_spelling(value):
    assert _checks.float_dtype("dtype", value) == np.float32


@pytest.mark.parametrize("value", [None, "float16", int, "nonsense", object(), ">f4", 3, ("f4", -1), "f4,f4"])
def test_float_dtype_refuses(value):
    with pytest.raises(ValueError, match="^dtype must be float32 or float64, got "):
        _checks.float_dtype("dtype", value)


# -- arrays -------------------------------------------------------------------------------------------------------


def test_vector():
    assert _checks.vector("v", (1, 2), 2).tolist() == [1, 2]
    masked = np.ma.masked_array([1, 2], [False, False])
    assert _checks.vector("v", masked).tolist() == [1, 2]
    shape = "ndarray of shape (2, 1) and dtype float64"
    refuses(
        lambda v: _checks.vector("v", v), np.ones((2, 1)), ValueError, f"v must be a one-dimensional array, got {shape}"
    )
    refuses(
        lambda v: _checks.vector("v", v, 3), [1], ValueError, "v must be a one-dimensional array of length 3, got [1]"
    )
    refuses(lambda v: _checks.vector("v", v), 1, ValueError, "v must be a one-dimensional array, got 1")
    refuses(
        lambda v: _checks.vector("v", v),
        [[1], [1, 2]],
        ValueError,
        "v must be a one-dimensional array, got [[1], [1, 2]]",
    )


def test_vector_refuses_masked_elements_whose_values_mean_nothing():
    with pytest.raises(ValueError, match="^v must not have masked elements, got MaskedArray of shape"):
        _checks.vector("v", np.ma.masked_array([1, 2], [False, True]))


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.ones(3, np.float32), np.float32),
        (np.ones(3, np.float64), np.float64),
        (np.ones(3, np.float16), np.float64),
        (np.ones(6)[::2], np.float64),
        ([1, 1, 1], np.float64),
        ([True, True, True], np.float64),
        (np.ones(3, ">f8"), np.float64),
    ],
)
def test_finite_vector_gives_a_contiguous_array_of_native_floats(value, dtype):
    array = _checks.finite_vector("v", value, 3, 0.0)
    assert array.dtype == dtype
    assert array.dtype.isnative
    assert array.flags.c_contiguous
    assert array.tolist() == [1, 1, 1]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_finite_vector_says_where(bad):
    text = f"v must hold finite numbers, got {bad} at position 1"
    refuses(lambda v: _checks.finite_vector("v", v), [0, bad, bad], ValueError, text)


def test_finite_vector_bounds_and_types():
    text = "v must hold finite numbers >= 0.0, got -1.0 at position 2"
    refuses(lambda v: _checks.finite_vector("v", v, 3, 0.0), [0, 1, -1], ValueError, text)
    for value in (["a"], [None], np.array([1j])):
        with pytest.raises(TypeError, match="^v must hold numbers, got ndarray"):
            _checks.finite_vector("v", value)


def test_matrix():
    array = _checks.matrix("m", np.ones((4, 4), np.float32)[:, ::2])
    assert array.shape == (4, 2)
    assert array.dtype == np.float32
    assert array.flags.c_contiguous
    assert _checks.matrix("m", [[1, 2]]).dtype == np.float64
    for value in ([1, 2], 1, [[1], [1, 2]]):
        with pytest.raises(ValueError, match="^m must be a two-dimensional array, got "):
            _checks.matrix("m", value)
    with pytest.raises(TypeError, match="^m must hold numbers, got "):
        _checks.matrix("m", [["a"]])


def test_positions():
    numbers = _checks.positions("u", np.array([3, 0], np.uint8), 4, "users")
    assert numbers.tolist() == [3, 0]
    assert numbers.dtype == np.int64
    assert _checks.positions("u", [], 0, "users").dtype == np.int64


@pytest.mark.parametrize("bad", [-1, 4, 2**63 - 1])
def test_positions_never_count_from_the_end(bad):
    text = f"u must hold numbers of users in [0, 4), got {bad} at position 1"
    refuses(lambda v: _checks.positions("u", v, 4, "users"), [0, bad], IndexError, text)


def test_positions_beyond_int64_are_out_of_range():
    with pytest.raises(IndexError, match="got 18446744073709551615 at position 0"):
        _checks.positions("u", np.array([2**64 - 1], np.uint64), 4, "users")


@pytest.mark.parametrize("value", [[0.0], [True], ["a"], [None], [2**70]])
def test_positions_are_integers(value):
    with pytest.raises(TypeError, match="^u must hold integers, the numbers of users, got "):
        _checks.positions("u", value, 4, "users")
