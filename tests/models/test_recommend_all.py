"""Lists of all users: batches are `recommend`, and a file holds them whole or is not there."""

import csv
from importlib.util import find_spec

import numpy as np
import pytest
import scipy.sparse as sp
from all_models import N_ITEMS, N_USERS, K, matrix, ratings, unseen, user_ids

from fastmf import IdMap, MostPopular, NotFittedError, Ratings, _optional

MASK = np.random.default_rng(5).random((N_USERS, N_ITEMS)) < 0.4
FILTERS = {
    "none": {},
    "seen too": {"exclude_seen": False},
    "seen by user": {"exclude_seen": sp.csr_array(MASK)},
    "for all": {"exclude": [3, 4], "candidates": [1, 2, 3, 4, 5, 6, 7]},
    "by user": {"exclude": [np.flatnonzero(~row) for row in MASK], "exclude_seen": False},
    "candidates by user": {"candidates": sp.csr_array(MASK), "exclude": [2]},
}
NEEDS_PYARROW = pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed")
SUFFIXES = ["csv", pytest.param("parquet", marks=NEEDS_PYARROW)]


@pytest.mark.parametrize("batch_size", [1, 7, N_USERS, 1000])
@pytest.mark.parametrize("filters", FILTERS.values(), ids=FILTERS.keys())
def test_batches_are_recommend_for_all(numbered, batch_size, filters):
    batches = list(numbered.recommend_all(K, batch_size=batch_size, **filters))
    assert [len(users) for users, _, _ in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert all(len(part) == len(users) for users, *parts in batches for part in parts)
    expected = numbered.recommend(np.arange(N_USERS), K, **filters)
    np.testing.assert_array_equal(np.concatenate([users for users, _, _ in batches]), np.arange(N_USERS))
    for n in (0, 1):
        got = np.concatenate([batch[1 + n] for batch in batches])
        assert got.dtype == expected[n].dtype
        assert got.tobytes() == expected[n].tobytes()


def test_batches_have_ids_and_masks(named):
    batches = list(named.recommend_all(K, batch_size=8))
    assert np.concatenate([users for users, _, _ in batches]).tolist() == user_ids().tolist()
    expected = named.recommend(user_ids(), K)[0]
    np.testing.assert_array_equal(
        np.ma.getmaskarray(np.ma.concatenate([items for _, items, _ in batches])), np.ma.getmaskarray(expected)
    )
    np.testing.assert_array_equal(np.ma.concatenate([items for _, items, _ in batches]), expected)


def test_batches_are_those_of_the_model_at_the_call(make):
    model = make().fit(matrix())
    expected = model.recommend(np.arange(N_USERS), K)
    batches = model.recommend_all(K, batch_size=10)
    first = next(batches)
    model.fit(matrix()[::-1])
    assert np.concatenate([first[1], *(items for _, items, _ in batches)]).tobytes() == expected[0].tobytes()


def test_arguments_are_looked_at_before_the_first_batch(make, named):
    with pytest.raises(NotFittedError):
        make().recommend_all()
    for keywords, error, says in (
        ({"k": 0}, ValueError, "k must"),
        ({"batch_size": 0}, ValueError, "batch_size must be an integer >= 1"),
        ({"exclude_seen": 3}, TypeError, "exclude_seen must"),
        ({"exclude": [[100]]}, ValueError, "exclude must have a row for each of the 30 users"),
        ({"num_threads": 0}, ValueError, "num_threads"),
    ):
        with pytest.raises(error, match=says):
            named.recommend_all(**keywords)


# -- files --------------------------------------------------------------------------------------------------------


def expected_lines(model):
    """user, item, rank, score of each place that is filled."""
    users = np.arange(N_USERS) if model.user_ids is None else model.user_ids.ids
    items, scores = model.recommend(users, K)
    return [
        (user, items[u, j], j + 1, scores[u, j])
        for u, user in enumerate(users.tolist())
        for j in range(K)
        if scores[u, j] > -np.inf
    ]


@pytest.mark.parametrize("data", [matrix, ratings])
def test_a_csv_file_holds_every_line(make, data, tmp_path):
    model = make().fit(data())
    expected = expected_lines(model)
    assert model.write_recommendations(tmp_path / "lists.csv", K, batch_size=7) == len(expected) < N_USERS * K
    with open(tmp_path / "lists.csv", newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    assert header == ["user", "item", "rank", "score"]
    number = model.user_factors.dtype.type
    read = [(u, int(i), int(r), number(s)) for u, i, r, s in lines]
    assert read == [(str(u), int(i), r, s) for u, i, r, s in expected]


@pytest.mark.parametrize("data", [matrix, ratings])
def test_a_parquet_file_holds_every_line(make, data, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    model = make().fit(data())
    expected = expected_lines(model)
    assert model.write_recommendations(tmp_path / "lists", K, batch_size=7, format="parquet") == len(expected)
    table = parquet.read_table(tmp_path / "lists")
    assert table.column_names == ["user", "item", "rank", "score"]
    assert str(table.schema.field("user").type) == ("string" if model.user_ids is not None else "int64")
    assert str(table.schema.field("rank").type) == "int32"
    assert str(table.schema.field("score").type) == {4: "float", 8: "double"}[model.user_factors.itemsize]
    assert [tuple(line.values()) for line in table.to_pylist()] == expected


AWKWARD = ["a,b", 'say "so"', "two\nlines", " blank ", "", "été", "-", "end\r"]


def awkward():
    """Every id is written as such, whatever is in it."""
    rows = Ratings.from_sparse(sp.csr_array(np.eye(len(AWKWARD))))
    ids = IdMap(AWKWARD)
    return MostPopular().fit(Ratings(rows.indptr, rows.indices, rows.data, shape=rows.shape, users=ids, items=ids))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_ids_of_any_text_come_back(tmp_path, suffix):
    path = tmp_path / f"lists.{suffix.upper()}"
    assert awkward().write_recommendations(path, 100) == len(AWKWARD) * (len(AWKWARD) - 1)
    if suffix == "csv":
        with open(path, newline="", encoding="utf-8") as file:
            pairs = [tuple(line[:2]) for line in csv.reader(file)][1:]
    else:
        import pyarrow.parquet as parquet

        pairs = [(line["user"], line["item"]) for line in parquet.read_table(path).to_pylist()]
    assert set(pairs) == {(u, i) for u in AWKWARD for i in AWKWARD if u != i}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (2, 1)])
def test_nobody_and_nothing_make_a_file_without_lines(tmp_path, suffix, shape):
    full = MostPopular().fit(sp.csr_array(np.ones(shape)))
    assert full.write_recommendations(tmp_path / f"lists.{suffix}") == 0
    if suffix == "csv":
        assert (tmp_path / "lists.csv").read_text() == "user,item,rank,score\n"
    else:
        import pyarrow.parquet as parquet

        table = parquet.read_table(tmp_path / "lists.parquet")
        assert table.num_rows == 0
        assert [str(field.type) for field in table.schema] == ["int64", "int32", "int32", "double"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_failure_half_way_leaves_the_earlier_file(numbered, tmp_path, monkeypatch, suffix):
    path = tmp_path / f"lists.{suffix}"
    path.write_text("earlier")
    whole = type(numbered)._batch

    def failing(self, start, *rest):
        if start > 0:
            raise KeyboardInterrupt
        return whole(self, start, *rest)

    monkeypatch.setattr(type(numbered), "_batch", failing)
    with pytest.raises(KeyboardInterrupt):
        numbered.write_recommendations(path, K, batch_size=7)
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_written_is_refused_and_nothing_is_left(named, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"path must end in \.csv or \.parquet.*lists\.txt"):
        named.write_recommendations(tmp_path / "lists.txt")
    with pytest.raises(ValueError, match="format must be one of 'csv', 'parquet', got 'json'"):
        named.write_recommendations(tmp_path / "lists.csv", format="json")
    with pytest.raises(TypeError, match="path"):
        named.write_recommendations(7)
    with pytest.raises(FileNotFoundError, match="no such"):
        named.write_recommendations(tmp_path / "no such" / "lists.csv")
    for users, items, name in (([("a", 1)], ["x"], "users"), (["a"], [1.5], "items")):
        strange = MostPopular().fit(Ratings.from_arrays(users, items))
        with pytest.raises(TypeError, match=f"{name} must have integer or text ids"):
            strange.write_recommendations(tmp_path / "lists.csv")

    def absent(module, extra):
        raise ImportError(f"fastmf[{extra}]")

    monkeypatch.setattr("fastmf.models._export.require", absent)
    with pytest.raises(ImportError, match=r"fastmf\[parquet\]"):
        named.write_recommendations(tmp_path / "lists.parquet")
    assert not list(tmp_path.iterdir())


def test_the_extra_brings_pyarrow():
    assert "pyarrow" in _optional.extras().get("parquet", ["pyarrow"])


def test_long_text_ids_can_be_written(tmp_path):
    """They are kept as objects."""
    model = MostPopular().fit(Ratings.from_arrays(["u" * 200, "v"], ["x", "y"]))
    assert model.user_ids.ids.dtype == object
    assert model.write_recommendations(tmp_path / "lists.csv") == 2
    assert (tmp_path / "lists.csv").read_text().splitlines()[1] == f"{'u' * 200},y,1,1"


# -- ranks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_ranks_are_places_in_the_lists(numbered, exclude_seen):
    items, _ = numbered.recommend(np.arange(N_USERS), N_ITEMS, exclude_seen=exclude_seen)
    users, places = np.nonzero(items >= 0)
    shuffled = np.random.default_rng(0).permutation(len(users))
    users, places = users[shuffled], places[shuffled]
    ranks = numbered.rank(users, items[users, places], exclude_seen=exclude_seen)
    assert ranks.dtype == np.int64
    np.testing.assert_array_equal(ranks, places + 1)


def test_a_seen_item_gets_the_place_it_would_take(numbered):
    free = unseen()
    users, items = np.nonzero(~free)
    expected = []
    for u, i in zip(users, items, strict=True):
        full = numbered.recommend(u, N_ITEMS, exclude_seen=False)[0]
        before = full[: int(np.flatnonzero(full == i)[0])]
        expected.append(1 + int(free[u, before].sum()))
    np.testing.assert_array_equal(numbered.rank(users, items), expected)


def test_ranks_go_by_ids_and_scalars(named):
    items, _ = named.recommend("user 5", 4)
    assert named.rank("user 5", items).tolist() == [1, 2, 3, 4]
    one = named.rank("user 5", items[2])
    assert type(one) is int
    assert one == 3
    assert named.rank(["user 5"] * 2, items[2]).tolist() == [3, 3]
    assert named.rank([], []).shape == (0,)
    with pytest.raises(ValueError, match="one length"):
        named.rank(["user 5", "user 6"], items)
    with pytest.raises(TypeError, match="exclude_seen must be True or False"):
        named.rank("user 5", items, exclude_seen=matrix())
