"""partial_fit: new entries join the stored ones, their rows are solved again, and nothing else changes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from small_wals import FAST, implicit, near, same_factors

import fastmf
from fastmf import WALS, FitDivergedError, IdMap, Ratings
from fastmf.models._state import State


def fresh_entries(shape=(44, 28), n=14, seed=3, signed=False):
    """Entries for few users and items, some stored already, some new; user 1 and item 2 had none before."""
    rng = np.random.default_rng(seed)
    users, items = rng.integers(0, shape[0], n), rng.integers(0, shape[1], n)
    users = np.concatenate([users, [1, 1, shape[0] - 1, 0, 5]])
    items = np.concatenate([items, [2, 7, 3, 0, shape[1] - 1]])
    users, items = np.divmod(np.unique(users * shape[1] + items), shape[1])
    values = rng.integers(1, 6, len(users)) * (rng.choice([1, -1], len(users)) if signed else 1)
    return sp.csr_array((values.astype(np.float32), (users, items)), shape=shape)


def together(old, new, old_numbers=None, new_numbers=None):
    """Both matrices in one of the larger shape, the new entries in place of the old, and numbers alike."""
    dense, stored, numbers = (np.zeros(new.shape) for _ in range(3))
    for matrix, aligned in ((old, old_numbers), (new, new_numbers)):
        rows, columns = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), matrix.indices
        dense[rows, columns], stored[rows, columns] = matrix.data, 1
        if aligned is not None:
            numbers[rows, columns] = aligned
    rows, columns = np.nonzero(stored)
    merged = sp.csr_array((dense[rows, columns].astype(np.float32), (rows, columns)), shape=new.shape)
    merged.sort_indices()
    return merged, numbers[rows, columns]


def padded(array, n):
    return np.concatenate([array, np.zeros((n - len(array), *array.shape[1:]), array.dtype)])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(44, 28), (40, 25)])
def test_rows_with_new_entries_are_solved_from_all_their_entries(corner, weighted, shape):
    old, new = implicit(signed=True), fresh_entries(shape, signed=True)
    if shape == (44, 28) and np.ndim(corner.get("unobserved_weight", 0)):
        corner = {**corner, "unobserved_weight": np.linspace(0.1, 0.5, 25)}
    if corner.get("regularization") == 0:
        corner = {**corner, "regularization": 1e-3}
    draw = np.random.default_rng(1).uniform
    weights = [draw(0.5, 3, matrix.nnz).astype(np.float32) if weighted else None for matrix in (old, new)]
    model = WALS(**corner).fit(old, weights=weights[0])
    before = model._state
    if np.ndim(model.unobserved_weight):
        model.set_params(unobserved_weight=np.linspace(0.1, 0.5, shape[1]))
    assert model.partial_fit(new, weights=weights[1]) is model
    merged, all_weights = together(old, new, *weights)
    all_weights = all_weights if weighted else None
    users, items = np.unique(new.nonzero()[0]), np.unique(new.nonzero()[1])

    meanwhile = WALS(**model.get_params())  # as it was when the items were solved
    meanwhile._state = replace(
        State.of(Ratings.from_sparse(merged), *(padded(f, n) for f, n in zip(factors_of(before), shape, strict=True))),
        user_bias=padded(before.user_bias, shape[0]).copy(),
        item_bias=padded(before.item_bias, shape[1]).copy(),
        mean=before.mean,
    )
    first = [u for u in users if u >= 40 or u == 1]
    folded = meanwhile.fold_in_users(merged, weights=all_weights, with_bias=True)
    X, b = meanwhile.user_factors.copy(), meanwhile.user_bias.copy()
    X[first], b[first] = folded[0][first], folded[1][first]
    meanwhile._state = replace(meanwhile._state, user_factors=X, user_bias=b)
    assert np.diff(merged.indptr)[first].all()
    slack = 100 if model.nonnegative else 1

    def check(got, expected, numbers, kept):
        for mine, its, earlier in zip(got, expected, kept, strict=True):
            tolerance = 10 * slack * near(model, 1 + abs(its).max())
            assert abs(mine[numbers] - its[numbers]).max() <= tolerance
            others = np.setdiff1d(np.arange(len(earlier)), numbers)
            assert mine[others].tobytes() == earlier[others].tobytes()
            assert not mine[np.setdiff1d(np.arange(len(earlier), len(mine)), numbers)].any()

    expected = meanwhile.fold_in_items(merged, weights=all_weights, with_bias=True)
    check((model.item_factors, model.item_bias), expected, items, (before.item_factors, before.item_bias))
    expected = model.fold_in_users(merged, weights=all_weights, with_bias=True)
    check((model.user_factors, model.user_bias), expected, users, (before.user_factors, before.user_bias))
    assert model.mean == before.mean
    assert model.history == before.history
    assert model.objective(merged, weights=all_weights).total < meanwhile.objective(merged, weights=all_weights).total


def factors_of(state):
    return state.user_factors, state.item_factors


def test_new_entries_are_seen_and_explain_scores():
    old, new = implicit(), fresh_entries()
    model = WALS(**FAST, factors=5, dtype="float64").fit(old).partial_fit(new)
    merged, _ = together(old, new)
    for u in range(44):
        items, _ = model.recommend(u, 28)
        assert set(items[items >= 0].tolist()) == set(range(28)) - set(merged[[u]].indices.tolist())
    for u in (0, 1, 43):
        why = model.explain(u, 3)
        assert sorted(why.items.tolist()) == merged[[u]].indices.tolist()
        assert why.score == pytest.approx(model.predict(u, 3), abs=1e-9)


def named(matrix, users, items, **info):
    r = Ratings.from_sparse(matrix)
    ids = {"users": IdMap(users[: r.n_users]), "items": IdMap(items[: r.n_items])}
    return Ratings(r.indptr, r.indices, r.data, shape=r.shape, **ids, item_info=info)


USERS, ITEMS = [f"u{u}" for u in range(44)], [200 - i for i in range(28)]


def test_new_ids_get_rows_after_the_others():
    old, new = implicit(), fresh_entries()
    settings = {"factors": 5, "regularization_exponent": 0.0}  # so that users without entries are no matter
    numbered = WALS(**FAST, **settings).fit(old).partial_fit(new)
    model = WALS(**FAST, **settings).fit(named(old, USERS, ITEMS))
    rows, columns = new.nonzero()
    sparse_ids = Ratings.from_arrays([USERS[u] for u in rows], [ITEMS[i] for i in columns], new[rows, columns])
    model.partial_fit(sparse_ids)
    assert model.user_ids.ids[:40].tolist() == USERS[:40]
    assert model.item_ids.ids[:25].tolist() == ITEMS[:25]
    assert set(model.user_ids.ids[40:].tolist()) == {USERS[u] for u in np.unique(rows) if u >= 40}
    u, i = model.user_ids.numbers([USERS[u] for u in np.unique(rows)]), model.item_ids.numbers(ITEMS[:25])
    np.testing.assert_allclose(model.user_factors[u], numbered.user_factors[np.unique(rows)], atol=near(model, 10))
    np.testing.assert_allclose(model.item_factors[i], numbered.item_factors[:25], atol=near(model, 10))
    items, _ = model.recommend(USERS[43], 3)
    assert set(items.tolist()) <= set(model.item_ids.ids.tolist())


def test_all_ids_in_order_and_no_ids_are_the_same():
    old, new = implicit(), fresh_entries((40, 25))
    shuffled = np.random.default_rng(0).permutation(25)
    turned = new[:, shuffled]
    turned.sort_indices()
    by_id = named(turned, USERS, [ITEMS[i] for i in shuffled])
    numbers = sp.csr_array((np.arange(1.0, new.nnz + 1), new.indices, new.indptr), shape=new.shape)
    turned_numbers = numbers[:, shuffled]
    turned_numbers.sort_indices()
    for weighted in (False, True):
        weights = np.ones(old.nnz) if weighted else None
        models = [WALS(**FAST, factors=5).fit(named(old, USERS, ITEMS), weights=weights) for _ in range(3)]
        given = [numbers.data, numbers.data, turned_numbers.data] if weighted else [None] * 3
        for model, more, of_more in zip(models, (new, named(new, USERS, ITEMS), by_id), given, strict=True):
            model.partial_fit(more, weights=of_more)
            assert same_factors(model, models[0])
            assert model.item_ids.ids.tolist() == ITEMS[:25]


@pytest.mark.parametrize(("old", "more"), [([1, 2], ["1"]), (["a", "b"], [7]), ([1, 2], [("c", 3)]), ([1, 2], [2**70])])
def test_ids_of_another_kind_stay_what_they_are(old, more):
    model = WALS(**FAST, factors=2).fit(Ratings.from_arrays(old, [0, 1], [1.0, 2.0]))
    model.partial_fit(Ratings.from_arrays(more, [0], [3.0]))
    assert model.user_ids.ids.tolist() == [*old, *more]
    assert model.recommend(more, 1)[0].shape == (1, 1)


def test_facts_about_new_items():
    facts = {"title": np.array([f"film {i}" for i in range(25)]), "year": np.arange(25)}
    model = WALS(**FAST, factors=2).fit(named(implicit(), USERS, ITEMS, **facts))
    more = {"title": np.array([f"a longer title {i}" for i in range(28)]), "score": np.linspace(0, 1, 28)}
    model.partial_fit(named(fresh_entries(), USERS, ITEMS, **more))
    info = model.item_info
    assert info["title"].tolist() == [f"film {i}" for i in range(25)] + [f"a longer title {i}" for i in (25, 26, 27)]
    np.testing.assert_array_equal(info["year"], [*range(25), np.nan, np.nan, np.nan])
    np.testing.assert_array_equal(info["score"], more["score"])


def test_a_model_that_is_not_fitted_is_fitted():
    weights = np.random.default_rng(0).uniform(1, 2, implicit().nnz)
    for w in (None, weights):
        model = WALS(**FAST, factors=3).partial_fit(implicit(), weights=w)
        assert same_factors(model, WALS(**FAST, factors=3).fit(implicit(), weights=w))


def test_no_new_entries_change_nothing_but_the_shape():
    model = WALS(**FAST, factors=3).fit(implicit())
    before = model._state
    model.partial_fit(sp.csr_array((42, 25)))
    assert model.user_factors[:40].tobytes() == before.user_factors.tobytes()
    assert not model.user_factors[40:].any()
    assert model.item_factors.tobytes() == before.item_factors.tobytes()
    assert (model.recommend(41, 2)[1] == 0).all()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("mmap", [False, True])
def test_a_saved_model_goes_on_as_the_one_in_memory(tmp_path, weighted, mmap):
    parts = [fresh_entries(seed=seed) for seed in (3, 4)]
    draw = np.random.default_rng(1).uniform
    weights = [draw(0.5, 3, part.nnz) if weighted else None for part in parts]
    model = WALS(**FAST, factors=4).fit(implicit(), weights=draw(0.5, 3, implicit().nnz) if weighted else None)
    model.partial_fit(parts[0], weights=weights[0]).save(tmp_path / "model")
    loaded = fastmf.load(tmp_path / "model", mmap=mmap)
    for one in (model, loaded):
        one.partial_fit(parts[1], weights=weights[1])
    assert same_factors(model, loaded)
    loaded.save(tmp_path / "again")
    model.save(tmp_path / "model")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()


WITH_IDS = Ratings.from_arrays(["a"], ["b"])


@pytest.mark.parametrize(
    ("ids", "more", "weights", "error", "says"),
    [
        (False, implicit()[:30], None, ValueError, r"at least the 40 users of the model, got shape \(30, 25\)"),
        (False, sp.csr_array(implicit().T), None, ValueError, "at least the 40 users .*transposed"),
        (False, implicit()[:, :9], None, ValueError, "at least the 25 items"),
        (False, WITH_IDS, None, ValueError, "ratings must have no ids of users"),
        (
            True,
            fresh_entries((41, 25)),
            None,
            ValueError,
            "must have exactly the 40 users of the model",
        ),
        (True, implicit()[:9], None, ValueError, "must have exactly the 40 users of the model"),
        (False, implicit().toarray(), None, TypeError, "ratings must be fastmf.Ratings or a SciPy"),
        (False, implicit(), np.ones(implicit().nnz), ValueError, "fitted with no weights, so give none"),
        (
            False,
            implicit().astype(np.float64) * 1e39,
            None,
            ValueError,
            "ratings must hold finite numbers that fit float32",
        ),
    ],
)
def test_what_cannot_be_taken_up_is_refused_and_changes_nothing(ids, more, weights, error, says):
    model = WALS(**FAST, factors=3).fit(named(implicit(), USERS, ITEMS) if ids else implicit())
    before = model._state
    with pytest.raises(error, match=says):
        model.partial_fit(more, weights=weights)
    assert model._state is before


def test_weights_are_asked_for_where_the_fit_had_them():
    model = WALS(**FAST, factors=3).fit(implicit(), weights=np.ones(implicit().nnz))
    before = model._state
    for weights, says in (
        (None, "fitted with weights, so give some"),
        ([1.0], "weights must be .* of length"),
        (np.full(implicit().nnz, -1.0), "weights must hold finite numbers >= 0"),
        (np.full(implicit().nnz, 1e300), "weights must hold finite numbers that fit float32"),
    ):
        with pytest.raises(ValueError, match=says):
            model.partial_fit(implicit(), weights=weights)
    assert model._state is before


def test_a_new_item_needs_its_unobserved_weight():
    model = WALS(**FAST, factors=3, unobserved_weight=np.full(25, 0.1)).fit(implicit())
    with pytest.raises(ValueError, match="unobserved_weight must be a number, or one for each of the 28 items"):
        model.partial_fit(fresh_entries())
    model.set_params(unobserved_weight=np.full(28, 0.1)).partial_fit(fresh_entries())
    assert model.item_factors.shape == (28, 3)


def test_a_system_that_cannot_be_solved_changes_nothing():
    model = WALS(**FAST, factors=6, unobserved_weight=0).fit(implicit())
    before = model._state
    model.set_params(regularization=0.0)
    with pytest.raises(FitDivergedError):
        model.partial_fit(fresh_entries())
    assert model._state is before


def test_the_callers_arrays_stay_as_they_are():
    new = fresh_entries()
    weights = np.ones(new.nnz)
    copies = new.copy(), weights.copy()
    model = WALS(**FAST, factors=3).fit(implicit(), weights=np.ones(implicit().nnz, np.float32))
    model.partial_fit(new, weights=weights)
    assert (new != copies[0]).nnz == 0
    assert weights.tolist() == copies[1].tolist()
    assert not np.shares_memory(model._state.seen_weights, weights)
    assert model._state.seen_weights.dtype == np.float32


def test_the_model_answers_meanwhile():
    """Every answer is one of the state before or of a state after, whole."""
    model = WALS(factors=8, iterations=2, num_threads=1, random_state=0).fit(implicit(300, 200))
    parts = [fresh_entries((300 + 5 * n, 200 + 5 * n), n=60, seed=n) for n in range(1, 8)]
    users, states, done = np.arange(300), [model._state], threading.Event()
    for part in parts:
        after = WALS(**model.get_params())
        after._state = states[-1]
        states.append(after.partial_fit(part)._state)

    def answers(state):
        asked = WALS(**model.get_params())
        asked._state = state
        return asked.recommend(users, 5)[0].tobytes(), asked.predict(users, users % 200).tobytes()

    allowed = [{answer[n] for answer in map(answers, states)} for n in (0, 1)]

    def ask():
        count = 0
        while not done.is_set() or count == 0:
            assert model.recommend(users, 5)[0].tobytes() in allowed[0]
            assert model.predict(users, users % 200).tobytes() in allowed[1]
            count += 1
        return count

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(ask) for _ in range(3)]
        for part in parts:
            model.partial_fit(part)
        done.set()
        assert all(future.result() for future in asking)
    assert model.user_factors.tobytes() == states[-1].user_factors.tobytes()
