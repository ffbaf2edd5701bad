import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fastmf.data import Ratings
from fastmf.evaluation import (
    crossvalidation,
    holdout,
    kfold,
    repeated_kfold,
    sampled,
    split_by_time,
    split_leave_last,
    split_leave_out,
    split_random,
    split_stratified,
    split_users,
    statistics,
    studies,
)


def users_parts(ratings, **arguments):
    train, (fold_in, held_out) = split_users(ratings, **arguments)
    return train, fold_in, held_out


SPLITS = {
    "random": split_random,
    "stratified": split_stratified,
    "leave_out": lambda ratings, random_state: split_leave_out(ratings, 2, random_state),
    "leave_last": lambda ratings, random_state: split_leave_last(ratings, 2),
    "by_time": lambda ratings, random_state: split_by_time(ratings),
    "users": users_parts,
    "kfold": lambda ratings, random_state: next(kfold(ratings, 3, random_state)),
    "repeated_kfold": lambda ratings, random_state: list(repeated_kfold(ratings, 2, 2, random_state))[-1],
}
RANDOM = [name for name in SPLITS if name not in ("leave_last", "by_time")]


def made(seed=0, n_users=40, n_items=30, density=0.2, times=50):
    """Ratings with ids, values that name their entry, and times with ties."""
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random((n_users, n_items)) < density)
    values = np.arange(len(users), dtype=float)
    return Ratings.from_arrays([f"u{u:02}" for u in users], items, values, rng.integers(0, times, len(users)))


def entries(ratings):
    return list(zip(ratings.row_numbers(), ratings.indices, ratings.data, ratings.timestamps, strict=True))


@given(st.sampled_from(sorted(SPLITS)), st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(2, 12))
@settings(max_examples=200, deadline=None)
def test_the_parts_hold_each_entry_exactly_once_with_its_ids(name, seed, n_users, n_items):
    rng = np.random.default_rng(seed)
    users, items = np.nonzero(rng.random((n_users, n_items)) < 0.5)
    assume(len(users) >= 2)
    ratings = Ratings.from_arrays(users, items, np.arange(len(users), dtype=float), rng.integers(0, 9, len(users)))
    try:
        parts = SPLITS[name](ratings, random_state=seed)
    except ValueError:
        assume(False)  # these few ratings cannot be split so
    assert sorted(entry for part in parts for entry in entries(part)) == entries(ratings)
    for part in parts:
        assert part.shape == ratings.shape
        assert part.users is ratings.users
        assert part.items is ratings.items
        assert part.nnz > 0


@given(st.sampled_from(sorted(SPLITS)), st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_nothing_of_the_test_is_in_the_training(name, seed):
    """Neither its pairs nor its values: with other values in the test, the training is the same to the last bit."""
    ratings = made(seed, n_users=12, n_items=10, density=0.5)
    *given, test = SPLITS[name](ratings, random_state=seed)
    seen = {pair for part in given for pair in zip(part.row_numbers(), part.indices, strict=True)}
    assert not seen & set(zip(test.row_numbers(), test.indices, strict=True))
    held_out = np.isin(ratings.data, test.data)
    assert held_out.sum() == test.nnz
    changed = Ratings(
        ratings.indptr,
        ratings.indices,
        np.where(held_out, -7.0 - ratings.data, ratings.data),
        shape=ratings.shape,
        timestamps=ratings.timestamps,
    )
    *again, other = SPLITS[name](changed, random_state=seed)
    assert [entries(part) for part in again] == [entries(part) for part in given]
    np.testing.assert_array_equal(other.data, -7 - test.data)


@pytest.mark.parametrize("name", SPLITS)
def test_facts_about_items_go_with_every_part_and_the_counts_of_the_intake_do_not(name):
    ratings = made().with_item_info({"rank": np.arange(30)})
    for part in SPLITS[name](ratings, random_state=0):
        assert part.item_info["rank"] is ratings.item_info["rank"]
        assert part.intake == {}


def test_no_user_of_the_test_is_in_the_training_of_a_split_by_users():
    train, fold_in, held_out = users_parts(made(), random_state=3)
    assert not (train.user_counts > 0)[(fold_in.user_counts > 0) | (held_out.user_counts > 0)].any()


@pytest.mark.parametrize("name", RANDOM)
def test_a_seed_decides_and_another_seed_decides_otherwise(name):
    ratings = made()
    first, again, other = (SPLITS[name](ratings, random_state=seed) for seed in (1, 1, 2))
    assert [entries(part) for part in first] == [entries(part) for part in again]
    assert [entries(part) for part in first] != [entries(part) for part in other]


@pytest.mark.parametrize("name", RANDOM)
def test_a_generator_is_a_seed_and_none_draws_afresh(name):
    ratings = made()
    same = [SPLITS[name](ratings, random_state=np.random.default_rng(3))[-1] for _ in range(2)]
    assert entries(same[0]) == entries(same[1])
    assert len({tuple(entries(SPLITS[name](ratings, random_state=None)[-1])) for _ in range(3)}) == 3


@pytest.mark.parametrize(("test", "expected"), [(0.2, 200), (0.0001, 1), (0.9999, 999)])
def test_random_takes_the_share_of_entries_and_leaves_one_on_each_side(test, expected):
    ratings = Ratings.from_sparse(sp.csr_array(np.ones((50, 20))))
    assert split_random(ratings, test, 0)[1].nnz == expected


def test_random_treats_all_entries_alike():
    ratings = Ratings.from_sparse(sp.csr_array(np.arange(1.0, 21.0).reshape(4, 5)))
    taken = np.zeros(20)
    for seed in range(2000):
        taken[split_random(ratings, 0.25, seed)[1].data.astype(int) - 1] += 1
    assert np.abs(taken / 2000 - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 2000)


def test_stratified_takes_the_share_of_each_user():
    counts = np.array([0, 1, 2, 3, 10, 19])
    dense = (np.arange(20) < counts[:, None]).astype(float)
    total = np.zeros(len(counts))
    for seed in range(1000):
        train, test = split_stratified(sp.csr_array(dense), 0.25, seed)
        assert (np.abs(test.user_counts - 0.25 * counts) < 1).all()
        assert (train.user_counts[counts > 0] >= 1).all()
        total += test.user_counts
    np.testing.assert_allclose((total / 1000)[2:], 0.25 * counts[2:], atol=0.1)
    assert total[1] == 0  # a user's only entry is always for training


def test_stratified_draws_all_entries_of_a_user_alike():
    taken = np.zeros(8)
    for seed in range(2000):
        taken[split_stratified(sp.csr_array(np.ones((1, 8))), 0.25, seed)[1].indices] += 1
    assert np.abs(taken / 2000 - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 2000)


def test_leave_out_takes_n_of_each_user_who_has_more_and_all_entries_alike():
    counts = np.array([0, 1, 2, 3, 8])
    dense = (np.arange(8) < counts[:, None]).astype(float)
    taken = np.zeros(8)
    for seed in range(2000):
        train, test = split_leave_out(sp.csr_array(dense), 2, seed)
        assert test.user_counts.tolist() == [0, 0, 0, 2, 2]
        assert train.user_counts.tolist() == [0, 1, 2, 1, 6]
        taken[test.rows([4]).indices] += 1
    assert np.abs(taken / 2000 - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 2000)


def test_leave_last_holds_out_the_latest_ties_by_item_and_spares_short_users():
    ratings = Ratings.from_arrays(
        [0, 0, 0, 0, 1, 1, 2, 3, 3, 3], [4, 3, 2, 1, 1, 2, 1, 1, 2, 3], timestamps=[7, 9, 8, 1, 5, 6, 3, 4, 4, 4]
    )
    _, test = split_leave_last(ratings, 2)
    chosen = [(int(u), int(ratings.items.ids[i])) for u, i in zip(test.row_numbers(), test.indices, strict=True)]
    assert chosen == [(0, 2), (0, 3), (3, 2), (3, 3)]


def test_leave_last_leaves_no_later_training_entry():
    ratings = made(times=10)
    train, test = split_leave_last(ratings, 2)
    for user in np.flatnonzero(test.user_counts):
        of = [part.row_numbers() == user for part in (train, test)]
        last_kept = max(zip(train.timestamps[of[0]], train.indices[of[0]], strict=True))
        assert last_kept < min(zip(test.timestamps[of[1]], test.indices[of[1]], strict=True))


@pytest.mark.parametrize("test", [0.01, 0.1, 0.5, 0.9, 0.99])
def test_by_time_parts_at_the_moment_nearest_to_the_share(test):
    ratings = made(times=12)
    train, held_out = split_by_time(ratings, test)
    assert train.timestamps.max() < held_out.timestamps.min()
    wanted = test * ratings.nnz
    possible = [(ratings.timestamps >= moment).sum() for moment in np.unique(ratings.timestamps)[1:]]
    assert abs(held_out.nnz - wanted) == min(abs(count - wanted) for count in possible)


def test_users_of_the_test_are_whole_and_have_both_parts():
    ratings = made()
    train, (fold_in, held_out) = split_users(ratings, test=0.25, held_out=0.3, random_state=0)
    is_test = held_out.user_counts > 0
    assert is_test.sum() == 10
    np.testing.assert_array_equal(fold_in.user_counts > 0, is_test)
    np.testing.assert_array_equal(train.user_counts > 0, ~is_test)
    counts = ratings.user_counts[is_test]
    np.testing.assert_array_equal(held_out.user_counts[is_test], np.clip(np.rint(0.3 * counts), 1, counts - 1))


@pytest.mark.parametrize("held_out", [0.001, 0.999])
def test_users_of_the_test_have_both_parts_and_training_has_a_user_whatever_the_shares(held_out):
    ratings = Ratings.from_sparse(sp.csr_array(np.ones((5, 4))))
    train, (fold_in, judged) = split_users(ratings, test=0.999, held_out=held_out, random_state=0)
    assert (train.user_counts > 0).sum() == 1
    assert ((fold_in.user_counts > 0) & (judged.user_counts > 0)).sum() == 4


def test_users_with_one_entry_are_never_test_users():
    dense = np.zeros((6, 4))
    dense[:, 0] = 1
    dense[2:4, 1] = 1
    for seed in range(20):
        train, (_, held_out) = split_users(sp.csr_array(dense), test=0.9, random_state=seed)
        np.testing.assert_array_equal(np.flatnonzero(held_out.user_counts), [2, 3])
        assert train.nnz == 4


def test_every_entry_is_tested_once_and_folds_are_even():
    ratings = made()
    tests = [test for _, test in kfold(ratings, 7, 0)]
    assert sorted(entry for test in tests for entry in entries(test)) == entries(ratings)
    sizes = [test.nnz for test in tests]
    assert len(tests) == 7
    assert max(sizes) - min(sizes) <= 1


def test_repeats_are_whole_and_different_and_begin_with_kfold():
    ratings = made()
    tests = [test for _, test in repeated_kfold(ratings, 3, 4, random_state=5)]
    assert len(tests) == 12
    for start in range(0, 12, 3):
        assert sorted(entry for test in tests[start : start + 3] for entry in entries(test)) == entries(ratings)
    assert len({tuple(entries(test)) for test in tests}) == 12
    assert [entries(test) for test in tests[:3]] == [entries(test) for _, test in kfold(ratings, 3, 5)]


def test_sparse_matrices_are_taken_and_not_changed():
    matrix = sp.coo_array(np.array([[1.0, 0, 2], [3, 4, 0]]))
    before = matrix.toarray()
    train, test = split_random(matrix, 0.5, 0)
    np.testing.assert_array_equal(train.to_scipy().toarray() + test.to_scipy().toarray(), before)
    np.testing.assert_array_equal(matrix.toarray(), before)


@pytest.mark.parametrize("split", [split_random, split_stratified, split_by_time, split_users])
@pytest.mark.parametrize(
    ("test", "error"), [(0, ValueError), (1.0, ValueError), (np.nan, ValueError), ("x", TypeError)]
)
def test_a_share_outside_0_and_1_is_refused(split, test, error):
    with pytest.raises(error, match="test must be a fraction between 0 and 1"):
        split(made(), test)


@pytest.mark.parametrize("split", [split_leave_last, split_by_time])
def test_a_split_by_time_needs_times(split):
    with pytest.raises(ValueError, match=f"{split.__name__} needs the time of each entry"):
        split(sp.csr_array(np.ones((3, 3))))


@pytest.mark.parametrize(
    "split", [split_random, split_stratified, split_leave_last, split_leave_out, split_by_time, split_users, kfold]
)
def test_what_is_no_ratings_or_too_few_is_refused(split):
    with pytest.raises(TypeError, match=r"ratings must be fastmf.Ratings or a SciPy sparse matrix .* got \[\[1"):
        split([[1, 2], [3, 4]])
    with pytest.raises(ValueError, match="at least two entries to be split, got 1"):
        split(Ratings.from_arrays([1], [2], timestamps=[3]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: split_leave_last(made(), 0), "n must be an integer >= 1, got 0"),
        (lambda: split_leave_last(made(), 500), "n must be less than the entries of some user, got 500"),
        (lambda: split_leave_out(made(), 0), "n must be an integer >= 1, got 0"),
        (lambda: split_leave_out(made(), 500), "n must be less than the entries of some user, got 500"),
        (lambda: split_by_time(made(times=1)), "at least two different times"),
        (lambda: split_stratified(sp.csr_array(np.eye(3)), 0.5), "holds out no entry"),
        (lambda: split_users(made(), held_out=1), "held_out must be a fraction"),
        (lambda: split_users(sp.csr_array(np.eye(3))), "two users with entries, one of them with two"),
        (lambda: split_users(sp.csr_array(np.ones((1, 5)))), "at least two users with entries"),
        (lambda: kfold(made(), 1), "n_splits must be an integer >= 2"),
        (lambda: kfold(sp.csr_array(np.eye(3)), 4), "n_splits must be at most the number of entries, 3, got 4"),
        (lambda: repeated_kfold(made(), 3, 0), "n_repeats must be an integer >= 1"),
        (lambda: split_random(made(), random_state=-1), "random_state must be"),
    ],
)
def test_bad_arguments_are_refused_at_the_call(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_every_use_of_random_numbers_has_a_stream_of_its_own():
    """With one seed throughout, the users drawn again must not hang together with the entries held out."""
    splits = ("RANDOM", "STRATIFIED", "STRATIFIED_ROWS", "USERS", "USERS_ROWS", "FOLDS", "LEAVE_OUT")
    streams = [getattr(holdout, name) for name in splits]
    streams += [crossvalidation.MODEL_SEED, studies.STREAM, sampled.NEGATIVES, statistics.RESAMPLE, statistics.FLIP]
    assert len(set(streams)) == len(streams)
    assert all(stream % (1 << 32) == 0 for stream in streams)  # room for the number of a fold, resample or negative
