"""item_info of a model that takes up new ratings: facts stay facts, and what is not known looks like nothing."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from fastmf import WALS, BiasedMF, Ratings, load
from fastmf.models._item_info import extended

NONE = np.empty(0, np.int64)


def is_nothing(value):
    return value is None or value != value or value in ("", b"") or (isinstance(value, np.generic) and np.isnat(value))


COLUMNS = st.sampled_from(["<i8", "i2", "u1", "<f4", "<f8", "?", "<U3", "O"]).flatmap(
    lambda dtype: npst.arrays(
        dtype, 4, elements=st.text("xyz", min_size=1, max_size=3) if dtype == "O" else None, fill=st.nothing()
    )
)


@given(
    st.dictionaries(st.sampled_from("abc"), COLUMNS),
    st.dictionaries(st.sampled_from("abc"), COLUMNS),
    st.lists(st.integers(0, 6), unique=True, max_size=4),
)
def test_each_fact_is_that_of_the_model_or_else_of_the_ratings_or_nothing(known, more, numbers):
    """The model knows four items; the ratings have items by any numbers of up to seven."""
    fresh = [number for number in numbers if number >= 4]
    renamed = {number: 4 + at for at, number in enumerate(fresh)}
    numbers = np.array([renamed.get(number, number) for number in numbers], np.int64)
    n = 4 + len(fresh)
    more = {title: column[: len(numbers)] for title, column in more.items()}
    text = {title: {column.dtype.kind in "UO" for column in (known.get(title), more.get(title)) if column is not None}
            for title in {**known, **more}}  # fmt: skip
    if any(len(sorts) > 1 for sorts in text.values()):
        with pytest.raises(TypeError, match=r"ratings must have item_info\['[abc]'\] of the kind the model has, "):
            extended(known, more, numbers, n)
        return
    columns = extended(known, more, numbers, n)
    assert columns.keys() == text.keys()
    at = {number: position for position, number in enumerate(numbers.tolist())}
    for title, column in columns.items():
        assert len(column) == n
        for item, fact in enumerate(column.tolist()):
            if title in known and item < 4:
                expected = known[title].tolist()[item]
            elif title in more and item in at:
                expected = more[title].tolist()[at[item]]
            else:
                assert is_nothing(fact)
                continue
            assert fact == expected or (fact != fact and expected != expected)


@pytest.mark.parametrize(
    ("column", "dtype"),
    [
        (np.array([1990, 0], np.int16), np.float64),
        (np.array([True, False]), np.float64),
        (np.array([0.5, 1.5], np.float32), np.float32),
        (np.array([1j, 2]), np.complex128),
        (np.array(["a", "bc"]), "<U2"),
        (np.array([b"a", b"bc"]), "S2"),
        (np.array(["a", None], object), object),
        (np.array(["2001-01-01", "2002-01-01"], "M8[D]"), "M8[D]"),
        (np.array([1, 2], "m8[s]"), "m8[s]"),
        (np.array([(1, 2.0), (3, 4.0)], [("a", "i4"), ("b", "f8")]), object),
        (np.array([[1, 2], [3, 4]]), np.float64),
        (np.array([["a", "b"], ["c", "d"]]), "<U1"),
        (np.zeros((2, 3, 0), np.int64), np.float64),
        (np.array([2**53 + 1, 0]), object),
        (np.array([-(2**53) - 1, 0]), object),
        (np.array([2**64 - 1, 0], np.uint64), object),
    ],
    ids=lambda value: str(getattr(value, "dtype", "")) + str(getattr(value, "shape", "")),
)
def test_what_is_not_known_cannot_be_mistaken(column, dtype):
    before = column.copy()
    after = extended({"fact": column}, {}, NONE, 4)["fact"]
    assert after.dtype == dtype
    assert after.shape == (4, *column.shape[1:])
    assert after[:2].tolist() == column.tolist()
    assert all(is_nothing(value) for value in after[2:].ravel())
    np.testing.assert_array_equal(column, before)
    other_way = extended({}, {"fact": column}, np.array([3, 0]), 4)["fact"]
    assert other_way[[3, 0]].tolist() == column.tolist()
    assert all(is_nothing(value) for value in other_way[1:3].ravel())


@pytest.mark.parametrize(
    "known", [np.array([1990, 1991], np.int16), np.array([[1, 2], [3, 4]]), np.array([True, False])]
)
def test_where_all_is_known_the_type_stays(known):
    for n, numbers in ((2, NONE), (2, np.array([1, 0])), (4, np.array([3, 2]))):
        after = extended({"fact": known}, {"fact": known} if len(numbers) else {}, numbers, n)["fact"]
        assert after.dtype == known.dtype
        assert after.tolist() == [*known.tolist(), *known.tolist()[::-1]][:n]


def test_text_goes_with_text_as_objects():
    text, objects = np.array(["a"]), np.array([None], object)
    for known, more in ((text, objects), (objects, text)):
        after = extended({"x": known}, {"x": more}, np.array([1]), 2)["x"]
        assert after.tolist() == [*known.tolist(), *more.tolist()]


def test_whole_numbers_that_floats_would_round_stay_exact_beside_floats():
    after = extended({"x": np.array([2**53 + 1])}, {"x": np.array([0.5])}, np.array([1]), 2)["x"]
    assert after.tolist() == [2**53 + 1, 0.5]


@pytest.mark.parametrize(
    ("known", "more"),
    [
        (np.array([0.5]), np.array(["half"])),
        (np.array(["1990"]), np.array([1990])),
        (np.array(["2001"], "M8[Y]"), np.array([2001])),
        (np.array(["2001"], "M8[Y]"), np.array([date(2001, 1, 1)], object)),
        (np.array([b"a"]), np.array(["a"])),
        (np.array([[1, 2]]), np.array([1])),
        (np.array([[1, 2]]), np.array([[1, 2, 3]])),
    ],
)
@pytest.mark.parametrize("numbers", [[0], [1]])
def test_facts_that_cannot_share_a_column_are_refused_whichever_items_come(known, more, numbers):
    with pytest.raises(TypeError, match=r"must have item_info\['x'\] of the kind the model has, ndarray of shape"):
        extended({"x": known}, {"x": more}, np.array(numbers), 1 + max(numbers))


def rated(items, **info):
    return Ratings.from_arrays(["a"] * len(items), items, np.arange(1.0, len(items) + 1)).with_item_info(info)


@pytest.mark.parametrize("model", [WALS(factors=2, random_state=0), BiasedMF(factors=2, random_state=0)], ids=repr)
def test_both_models_keep_facts_of_any_shape_through_updates_and_files(model, tmp_path):
    first = rated([1, 2], title=np.array(["one", "two"]), year=np.array([1990, 1991], np.int16))
    wide = {**first.item_info, "place": np.array([[1.0, 2.0], [3.0, 4.0]])}
    model.fit(Ratings._made(first._rows(), first.shape, first.users, first.items, wide))
    model.partial_fit(rated([0, 2], title=np.array(["a longer title", "?"]), length=np.array([15, 25])))
    model.save(tmp_path / "model")
    model = load(tmp_path / "model")
    model.partial_fit(rated([1, 7], title=np.array(["?", "seven"]), year=np.array([0, 1997])))
    assert list(model.item_ids) == [1, 2, 0, 7]
    assert model.item_info["title"].tolist() == ["one", "two", "a longer title", "seven"]
    np.testing.assert_array_equal(model.item_info["year"], [1990, 1991, np.nan, 1997])
    np.testing.assert_array_equal(model.item_info["length"], [np.nan, 25, 15, np.nan])
    np.testing.assert_array_equal(model.item_info["place"], [[1, 2], [3, 4], [np.nan] * 2, [np.nan] * 2])
    before = model._state
    with pytest.raises(TypeError, match=r"item_info\['title'\]"):
        model.partial_fit(rated([8], title=np.array([8])))
    assert model._state is before
