"""IdMap: every kind of id, there and back."""

import copy
import pickle
import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastmf._errors import UnknownIdError
from fastmf.data import IdMap
from fastmf.data.factorise import CHUNK, WIDEST_TEXT, is_plain_integer

INTEGERS = st.integers(-(2**63), 2**63 - 1)
KINDS = [
    INTEGERS,
    st.text(),
    st.tuples(st.integers(), st.text(max_size=2)),
    st.one_of(st.integers(), st.text(max_size=3), st.binary(max_size=3)),
    st.uuids(),
    st.floats(allow_nan=False),
]
any_ids = st.one_of(*[st.lists(kind, unique=True, max_size=12) for kind in KINDS])
with_repeats = st.one_of(*[st.lists(kind, max_size=20) for kind in KINDS])


@given(any_ids)
def test_ids_and_numbers_are_inverse(ids):
    m = IdMap(ids)
    assert len(m) == len(ids)
    assert list(m) == m.ids.tolist() == ids
    np.testing.assert_array_equal(m.numbers(ids), np.arange(len(ids)))
    assert m.take(np.arange(len(ids))).tolist() == ids
    assert [m.number(id) for id in ids] == list(range(len(ids)))
    assert all(id in m for id in ids)
    assert not m.ids.flags.writeable


@given(with_repeats)
def test_from_values_numbers_every_value(values):
    m, numbers = IdMap.from_values(values)
    assert numbers.dtype == np.int64
    assert m.ids[numbers].tolist() == values
    assert len(m) == len(set(values))
    first_seen = list(dict.fromkeys(values))
    ordered = m.ids.dtype.kind == "i" or all(isinstance(id, str) for id in first_seen)
    assert m.ids.tolist() == (sorted(first_seen) if ordered else first_seen)


@given(st.lists(INTEGERS, max_size=30))
def test_integer_arrays_and_lists_give_the_same(values):
    from_list, from_array = IdMap.from_values(values), IdMap.from_values(np.array(values, np.int64))
    assert from_list[0] == from_array[0]
    np.testing.assert_array_equal(from_list[1], from_array[1])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "uint32", "int64", "uint64", ">i4", ">i8"])
def test_every_integer_type_becomes_int64(dtype):
    m, numbers = IdMap.from_values(np.array([7, 3, 7, 100], dtype))
    assert m.ids.dtype == np.int64
    assert m.ids.tolist() == [3, 7, 100]
    assert numbers.tolist() == [1, 0, 1, 2]
    assert m.numbers(np.array([100, 3], dtype)).tolist() == [2, 0]


@pytest.mark.parametrize("spread", [1, 10**12], ids=["dense", "sparse"])
@pytest.mark.parametrize("sort", [True, False])
def test_integer_look_up_by_table_and_by_search(spread, sort):
    rng = np.random.default_rng(0)
    ids = np.arange(-200, 500) * spread
    ids = ids if sort else rng.permutation(ids)
    m = IdMap(ids)
    asked = rng.integers(-400, 700, 2000) * spread + rng.integers(0, 2, 2000)
    expected = [dict(zip(ids.tolist(), range(len(ids)), strict=True)).get(id, -1) for id in asked.tolist()]
    assert m.numbers(asked, unknown="skip").tolist() == expected
    edge = np.iinfo(np.int64)
    assert m.numbers([edge.min, edge.max], unknown="skip").tolist() == [-1, -1]
    assert IdMap([edge.min, edge.max]).numbers([edge.max, 0, edge.min], unknown="skip").tolist() == [1, -1, 0]


@pytest.mark.parametrize("spread", [1, 10**10], ids=["dense", "sparse"])
def test_long_columns_are_numbered_across_pieces(spread):
    values = np.random.default_rng(0).integers(0, 50, 2 * CHUNK + 5)
    m, numbers = IdMap.from_values(values * spread)
    assert m.ids.tolist() == (np.arange(50) * spread).tolist()
    np.testing.assert_array_equal(numbers, values)
    m, numbers = IdMap.from_values(np.char.mod("%02d", values))
    np.testing.assert_array_equal(numbers, values)


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        (["é", "北京", "🎬"], "U"),
        (["\ud800"], "U"),
        (np.array(["é", "北京"]), "U"),
        (np.array(["é", "北京"], object), "U"),
        (np.array(["é", "北京"], np.dtypes.StringDType()), "U"),
        (["x" * WIDEST_TEXT], "U"),
        (["x" * (WIDEST_TEXT + 1), "y"], "O"),
        (["a", "a\0"], "O"),
        ([], "i"),
        ([2**63, 1], "O"),
        (np.array([2**64 - 1], np.uint64), "O"),
        (np.array([3, 5], object), "i"),
        ([np.int32(3), 5], "i"),
        (range(3), "i"),
        ([1, "1"], "O"),
        ([b"a", b"b"], "O"),
        (np.array([b"a", b"b"]), "O"),
        (np.array([0.5, 1.5]), "O"),
    ],
)
def test_the_array_that_keeps_the_ids(ids, kind):
    m = IdMap(ids)
    assert m.ids.dtype.kind == kind
    assert m.ids.tolist() == list(ids)
    assert [m.number(id) for id in m] == list(range(len(m)))


def test_ids_are_the_same_when_python_says_so():
    m = IdMap([1, 2])
    assert m.number(1.0) == 0
    assert 2.0 in m
    assert "1" not in m
    assert 1.5 not in m
    assert m.numbers(["1", 2, float("nan")], unknown="skip").tolist() == [-1, 1, -1]
    assert m.numbers(np.array([2.0, 1.5]), unknown="skip").tolist() == [1, -1]
    assert IdMap(["1"]).numbers([1], unknown="skip").tolist() == [-1]


def test_the_callers_array_is_neither_changed_nor_kept():
    ids = np.array([5, 3])
    m = IdMap(ids)
    assert ids.flags.writeable
    ids[0] = 9
    assert m.ids.tolist() == [5, 3]


@pytest.mark.parametrize(
    ("ids", "error", "text"),
    [
        ([3, 5, 3], ValueError, "ids must be unique, got 3 again at position 2"),
        (["a", "b", "b"], ValueError, "ids must be unique, got 'b' again at position 2"),
        (np.array([4, 4]), ValueError, "got 4 again at position 1"),
        ([(1, 2), (1, 2)], ValueError, r"got \(1, 2\) again"),
        ([1, None], ValueError, "ids must not hold missing values, got None at position 1"),
        ([0.5, float("nan")], ValueError, "missing values, got nan at position 1"),
        (np.array([np.nan]), ValueError, "missing values, got nan at position 0"),
        ([np.datetime64("NaT", "s")], ValueError, "missing"),
        ([[1, 2], [3, 4]], TypeError, "ids must hold hashable ids: unhashable type: 'list'"),
        ([{}], TypeError, "hashable"),
        (np.zeros((2, 2), int), ValueError, "ids must be a one-dimensional array"),
        (np.array(3), ValueError, "one-dimensional"),
        ("abc", TypeError, "ids must be a sequence or a one-dimensional array of ids, got 'abc'"),
        (b"abc", TypeError, "sequence"),
        ({1, 2}, TypeError, "sequence"),
        ({1: 2}, TypeError, "sequence"),
        (3, TypeError, "sequence"),
        (None, TypeError, "sequence"),
        (np.array(["2020-01-01"], "M8[D]"), TypeError, "ids must hold integers, text or hashable objects"),
        (np.ma.array([1, 2], mask=[True, False]), ValueError, "masked"),
        ([5, True], TypeError, "ids must hold integers, .* that are no booleans, got True"),
        ([1, True], TypeError, "no booleans, got True"),
        (["a", np.False_], TypeError, "no booleans, got False"),
        (np.array([7] * CHUNK + [True], object), TypeError, "no booleans, got True"),
        (np.array([True, False]), TypeError, "hashable objects, got ndarray of shape .2,. and dtype bool"),
    ],
    ids=repr,
)
def test_bad_ids(ids, error, text):
    with pytest.raises(error, match=text):
        IdMap(ids)


class Ambiguous:
    """Like pandas.NA: comparing gives something that is neither true nor false."""

    def __eq__(self, other):
        return self

    __ne__ = __eq__
    __hash__ = object.__hash__

    def __bool__(self):
        raise TypeError("neither true nor false")


def test_an_id_that_is_not_even_unequal_to_itself_is_missing():
    with pytest.raises(ValueError, match="missing values"):
        IdMap([1, Ambiguous()])


def test_a_mask_is_no_selection_of_ids():
    m = IdMap([0, 1, 2])
    for mask in ([True, False, True], np.array([True, False, True]), np.array([True, False], object)):
        with pytest.raises(TypeError, match="ids must hold integers, text or hashable objects"):
            m.numbers(mask)
    for ask in (m.number, m.__contains__):
        with pytest.raises(TypeError, match="no booleans, got True"):
            ask(True)


def test_unknown_ids():
    m = IdMap(["a", "b"])
    with pytest.raises(UnknownIdError, match=r"ids must be known: 'x' is not \(2 of 3 are unknown\)"):
        m.numbers(["a", "x", "y"])
    with pytest.raises(UnknownIdError, match="id must be known, got 'x', which is not among these 2"):
        m.number("x")
    with pytest.raises(UnknownIdError, match=r"7 is not \(1 of 1 are unknown\)"):
        IdMap([]).numbers([7])
    with pytest.raises(LookupError):
        m.number(0)
    with pytest.raises(ValueError, match="unknown must be one of 'error', 'skip'"):
        m.numbers(["a"], unknown="ignore")
    with pytest.raises(TypeError, match="hashable"):
        m.numbers([["a"]])
    assert m.numbers([]).dtype == np.int64


@pytest.mark.parametrize("ids", [[10, 20, 30], ["x", "y", "z"], [(1,), (2,), (3,)]], ids=["int", "text", "object"])
def test_take(ids):
    m = IdMap(ids)
    plain = m.take([[2, 0], [1, 1]])
    assert not np.ma.isMaskedArray(plain)
    assert plain.tolist() == [[ids[2], ids[0]], [ids[1], ids[1]]]
    padded = m.take(np.array([[2, -1], [-1, -1]], np.int32))
    assert padded.mask.tolist() == [[False, True], [True, True]]
    assert padded.tolist() == [[ids[2], None], [None, None]]
    assert not set(padded.data[padded.mask].tolist()) & set(ids)
    assert not set(padded.filled()[padded.mask].tolist()) & set(ids)
    assert m.take(np.empty((0, 5), int)).shape == (0, 5)
    assert IdMap([]).take([-1]).mask.all()
    for bad in ([3], [-2], np.array([2**40])):
        with pytest.raises(IndexError, match=r"numbers must be in \[-1, 3\)"):
            m.take(bad)
    with pytest.raises(TypeError, match="numbers must be integers"):
        m.take([0.0])


@given(st.lists(INTEGERS, unique=True), st.lists(st.text(st.characters(), max_size=150), unique=True))
def test_arrays_for_a_file(integers, texts):
    for ids in (integers, texts, ["\ud800", "a"]):
        m = IdMap(ids)
        arrays = m.to_arrays()
        assert all(array.dtype.kind in "iu" for array in arrays.values())
        back = IdMap.from_arrays(arrays)
        assert back == m
        assert back.ids.dtype == m.ids.dtype


@pytest.mark.parametrize("ids", [[(1, 2)], [b"x"], [uuid.UUID(int=1)], [1.5], [2**70], ["a", 1]], ids=repr)
def test_ids_that_no_file_can_hold(ids):
    with pytest.raises(TypeError, match="only integer and text ids can be written to a file"):
        IdMap(ids).to_arrays()


@pytest.mark.parametrize(
    "change",
    [
        {"offsets": np.array([0, 3, 2, 4])},
        {"offsets": np.array([1, 2, 4])},
        {"offsets": np.array([0, 2, 9])},
        {"offsets": np.array([0, 2, 3])},
        {"offsets": np.array([0.0, 4.0])},
        {"offsets": np.zeros(0, int)},
        {"offsets": np.array([0, 2, 2, 2, 4])},
        {"utf8": np.full(4, 0xFF, np.uint8)},
        {"more": np.zeros(1)},
        {"ids": np.array([1.0])},
    ],
)
def test_arrays_that_are_no_map(change):
    arrays = IdMap(["ab", "cd"]).to_arrays() | change
    with pytest.raises((ValueError, TypeError, IndexError)):
        IdMap.from_arrays(arrays)


def test_equality_needs_the_same_ids_in_the_same_order():
    assert IdMap([1, 2]) == IdMap(np.array([1, 2], np.int8))
    assert IdMap(["a"]) == IdMap(np.array(["a"], "U9"))
    assert IdMap([1, 2]) != IdMap([2, 1])
    assert IdMap([1, 2]) != IdMap([1, 2, 3])
    assert IdMap([1]) != IdMap(["1"])
    assert IdMap([(1, 2)]) == IdMap([(1, 2)])
    assert IdMap([1]) != [1]
    with pytest.raises(TypeError, match="unhashable"):
        hash(IdMap([1]))


@pytest.mark.parametrize("ids", [[3, 1], ["é", "b"], [(1, "a"), (2, "b")], []], ids=repr)
def test_a_copy_is_equal_and_read_only(ids):
    m = IdMap(ids)
    m.numbers(ids)
    for twin in (pickle.loads(pickle.dumps(m)), copy.copy(m), copy.deepcopy(m)):
        assert twin == m
        assert twin.numbers(ids).tolist() == list(range(len(ids)))
        assert not twin.ids.flags.writeable


def test_repr_shows_the_ends():
    assert repr(IdMap([3, 5, 9])) == "IdMap(3 ids: 3 ... 9)"
    assert repr(IdMap(["a"])) == "IdMap(1 ids: 'a')"
    assert repr(IdMap([])) == "IdMap(0 ids)"


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        *[(text, True) for text in ("0", "7", "-7", "42", str(2**63 - 1), str(-(2**63)))],
        *[
            (text, False)
            for text in ("", "-", "-0", "007", "+7", " 7", "7 ", "7.0", "1_0", "٣", "²", "x", str(2**63), "9" * 30)
        ],
    ],
)
def test_plain_integers(text, plain):
    assert is_plain_integer(text) is plain
    assert IdMap([1]).parse(text) == (int(text) if plain else text)
    assert IdMap(["a"]).parse(text) == text
