"""Ids that come in pieces get the numbers that all of them at once would get."""

import datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastmf.data import gathering
from fastmf.data.factorise import factorise
from fastmf.data.gathering import Growing, Ids, Integers

RANGES = {
    "dense": st.integers(0, 40),
    "around zero": st.integers(-30, 30),
    "sparse": st.integers(-(2**63), 2**63 - 1),
    "both": st.integers(0, 20) | st.integers(2**40, 2**40 + 5),
}


@pytest.mark.parametrize("kind", RANGES)
@pytest.mark.parametrize("spare", [0, 8, gathering.SPARE])
@given(data=st.data())
def test_integers_in_pieces(kind, spare, data):
    pieces = data.draw(st.lists(st.lists(RANGES[kind], max_size=20), max_size=8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gathering, "SPARE", spare)
        patch.setattr(gathering, "CHUNK", 7)
        integers = Integers()
        numbers = [integers.numbers(np.array(piece, np.int64)) for piece in pieces]
        for piece, found in zip(pieces, numbers, strict=True):
            assert integers.ids[found].tolist() == piece
        assert len(set(integers.ids.tolist())) == len(integers)
        ids = Ids("ids")
        for piece in pieces:
            ids.add_integers(np.array(piece, np.int64))
        known, found = ids.result()
    expected, expected_numbers = factorise("ids", np.array([id for piece in pieces for id in piece], np.int64))
    assert known.ids.tolist() == expected.tolist()
    assert found.tolist() == expected_numbers.tolist()


@given(st.lists(st.lists(st.integers(0, 5) | st.sampled_from([2**70, -(2**70)]), max_size=6), max_size=6))
def test_integers_that_outgrow_64_bits_midway(pieces):
    ids = Ids("ids")
    for piece in pieces:
        ids.add(piece)
    known, numbers = ids.result()
    flat = [id for piece in pieces for id in piece]
    assert [known.ids[number] for number in numbers] == flat


@given(st.lists(st.lists(st.text(max_size=3), max_size=6), max_size=6))
def test_text_in_pieces(pieces):
    ids = Ids("ids")
    for piece in pieces:
        ids.add(piece)
    known, numbers = ids.result()
    assert [known.ids[number] for number in numbers] == [id for piece in pieces for id in piece]
    assert known.ids.tolist() == sorted(set(known.ids.tolist()))


@given(st.lists(st.lists(st.integers(-9, 9), max_size=9), max_size=9), st.integers(-1, 8))
def test_an_array_that_grows(pieces, turn):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gathering, "FIRST", 4)
        growing = Growing(np.int64)
        for number, piece in enumerate(pieces):
            growing.add(np.array(piece, np.float64 if number == turn else np.int64))
        array = growing.result()
    assert array.tolist() == [number for piece in pieces for number in piece]
    assert array.dtype == (np.float64 if 0 <= turn < len(pieces) else np.int64)
    assert array.flags.owndata


def test_numbers_without_a_fraction_become_integers():
    ids = Ids("ids")
    ids.add([2, 1])
    ids.add([1.0, 3.0])
    known, numbers = ids.result()
    assert known.ids.dtype == np.int64
    assert known.ids[numbers].tolist() == [2, 1, 1, 3]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ([1, "1"], "ids must hold ids of one type, got 1 of int, such as 1; 1 of str, such as '1'"),
        ([1.0, float("inf")], "ids must hold integers, text or other ids, got the number inf"),
        ([[1]], "ids must hold hashable ids"),
        ([np.float64(1.5)], "ids must hold integers, text or other ids, got the number 1.5$"),
        ([1, 2.0**53], "got the number 9007199254740992.0, which may stand for several integers"),
        ([True, False], "ids must hold integers, text or other ids, got bool, such as True"),
        ([datetime.datetime(2020, 1, 1)], "ids must hold integers, text or other ids, got datetime, such as"),
    ],
)
def test_ids_that_are_refused(given, text):
    with pytest.raises(TypeError, match=text):
        result_of(given)


def result_of(given):
    ids = Ids("ids")
    ids.add(given)
    return ids.result()


@pytest.mark.parametrize("later", [[], ["a"]])
def test_small_pieces_are_numbered_together_and_counted_at_once(later, monkeypatch):
    numbered = []
    of = Integers.numbers
    monkeypatch.setattr(Integers, "numbers", lambda self, array: numbered.append(len(array)) or of(self, array))
    ids = Ids("ids")
    for start in range(0, 400, 4):
        ids.add_integers(np.arange(start, start + 4) << 40)
        assert len(ids) == start + 4
    ids.add(later)
    if later:
        with pytest.raises(TypeError, match="ids of one type, got 400 of int, such as 0; 1 of str"):
            ids.result()
    else:
        known, found = ids.result()
        assert (known.ids[found] >> 40).tolist() == list(range(400))
    assert sum(numbered) == 400
    assert len(numbered) == 1


def test_numbers_of_numpy_are_numbers():
    known, numbers = result_of([2, np.int64(1), np.float64(3)])
    assert known.ids.dtype == np.int64
    assert known.ids[numbers].tolist() == [2, 1, 3]
