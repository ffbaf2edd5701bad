"""New ratings under a model's numbers: ids decide where there are ids, and who is new comes last."""

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st

from fastmf import WALS, BiasedMF, IdMap, Ratings, UnknownIdError
from fastmf.models._new_entries import NewEntries
from fastmf.models._state import State

MODELS = {"WALS": WALS(factors=2, random_state=0), "BiasedMF": BiasedMF(factors=2, epochs=1, random_state=0)}


def state_of(ratings):
    return State.of(ratings, *(np.zeros((n, 2), np.float32) for n in ratings.shape))


def entries_of(ratings):
    users, items = ratings.users.ids[ratings.row_numbers()], ratings.items.ids[ratings.indices]
    return dict(zip(zip(users.tolist(), items.tolist(), strict=True), ratings.data.tolist(), strict=True))


pairs = st.dictionaries(st.tuples(st.integers(0, 6), st.sampled_from("abcdef")), st.integers(1, 5), min_size=1)


def made(entries):
    users, items = zip(*entries, strict=True)
    return Ratings.from_arrays(users, items, list(entries.values()))


@given(pairs, pairs)
def test_entries_keep_their_ids_and_known_ids_their_numbers(old, new):
    state, given = state_of(made(old)), made(new)
    new_entries = NewEntries.of(state, given)
    ratings = new_entries.ratings
    assert entries_of(ratings) == new
    np.testing.assert_array_equal(ratings.data, given.data[new_entries.order])
    for ids, known, among in (
        (ratings.users, state.user_ids, given.users),
        (ratings.items, state.item_ids, given.items),
    ):
        assert list(ids) == [*known, *(id for id in among if id not in known)]
    Ratings(ratings.indptr, ratings.indices, ratings.data, shape=ratings.shape)  # which checks that rows are canonical
    users, items = new_entries.before
    assert set(ratings.users.ids[users].tolist()) == {user for user, _ in old}
    assert set(ratings.items.ids[items].tolist()) == {item for _, item in old}
    again = new_entries.aligned(given, "validation")
    assert again.shape == ratings.shape
    assert entries_of(again) == new


def test_who_had_no_entry_was_there_and_yet_is_new_to_learning():
    new = NewEntries.of(state_of(Ratings.from_sparse(sp.csr_array([[1.0, 0.0], [0.0, 0.0]]))), sp.csr_array((3, 3)))
    assert [known.tolist() for known in new.before] == [[True, False, False]] * 2


def test_other_ratings_must_be_of_known_ids():
    new = NewEntries.of(state_of(made({(1, "a"): 1})), made({(2, "a"): 1}))
    assert new.aligned(made({(2, "a"): 3}), "validation").to_scipy().toarray().tolist() == [[0], [3]]
    with pytest.raises(UnknownIdError, match="validation: ids must be known: 'b'"):
        new.aligned(made({(2, "b"): 3}), "validation")
    by_number = sp.csr_array(np.ones((5, 7)))  # whoever takes it has to look at its shape
    assert new.aligned(by_number, "validation").shape == (5, 7)


NAMED, NUMBERED = made({(1, "a"): 3, (2, "b"): 4}), sp.csr_array([[3.0, 0.0, 1.0], [0.0, 4.0, 1.0]])
ONLY_USERS = Ratings([0, 1, 2], [0, 1], [3.0, 4.0], shape=(2, 2), users=IdMap([1, 2]))


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
@pytest.mark.parametrize(
    ("fitted_to", "new", "message"),
    [
        (NUMBERED, NAMED, "ratings must have no ids of users, as those of the fit had none, got IdMap"),
        (ONLY_USERS, NAMED, "ratings must have no ids of items, as those of the fit had none, got IdMap"),
        (
            NUMBERED,
            NUMBERED[:1],
            r"without ids of users must have at least the 2 users .*, got shape \(1, 3\)$",
        ),
        (
            NUMBERED,
            NUMBERED[:, :2],
            r"without ids of items must have at least the 3 items .*, got shape \(2, 2\)$",
        ),
        (NUMBERED, sp.csr_array(NUMBERED.T), r"at least the 3 items of the model, got shape \(3, 2\) .*transposed"),
        (
            NAMED,
            NUMBERED[:1, :2],
            r"ratings without ids of users must .* exactly the 2 users of the model, got shape",
        ),
        (NAMED, NUMBERED, r"ratings without ids of items must .* exactly the 2 items of the model, got shape"),
    ],
)
def test_both_models_refuse_the_same_and_stay_as_they_were(model, fitted_to, new, message):
    before = model.fit(fitted_to)._state
    with pytest.raises(ValueError, match=message):
        model.partial_fit(new)
    assert model._state is before


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())
def test_both_models_take_the_same_up(model):
    model.fit(NUMBERED).partial_fit(sp.csr_array(np.eye(4)))
    assert model._fitted.shape == (4, 4)
    assert model.user_ids is None
    model.fit(NAMED).partial_fit(sp.csr_array([[0.0, 1.0], [0.0, 0.0]]))
    assert list(model.user_ids) == [1, 2]
    assert model._fitted.seen_indices.tolist() == [0, 1, 1]
    model.partial_fit(made({(0, "c"): 2, (1, "b"): 5}))
    assert (list(model.user_ids), list(model.item_ids)) == ([1, 2, 0], ["a", "b", "c"])
    assert model._fitted.seen_indices.tolist() == [0, 1, 1, 2]
    assert model._fitted.seen_indptr.tolist() == [0, 2, 3, 4]
