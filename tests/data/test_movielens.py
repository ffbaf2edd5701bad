"""The embedded data set is whole and right."""

import io
from importlib import resources

import numpy as np
from data_strategies import assert_canonical

from fastmf.data import movielens


def test_the_numbers_of_the_release():
    ratings = movielens()
    assert_canonical(ratings)
    facts = ratings.describe()
    assert (facts["users"], facts["items"], facts["ratings"]) == (671, 9_066, 100_004)
    assert (facts["minimum"], facts["maximum"]) == (0.5, 5.0)
    assert facts["ratings_per_user"]["minimum"] == 20
    assert facts["empty_items"] == 0
    assert (facts["first"], facts["last"]) == (789_652_009, 1_476_640_644)
    assert round(facts["mean"], 5) == 3.54361
    assert set(np.unique(ratings.data).tolist()) == {half / 2 for half in range(1, 11)}
    assert ratings.data.dtype == np.float32
    assert ratings.timestamps.dtype == np.int64
    assert ratings.users.ids.tolist() == list(range(1, 672))


def test_the_first_lines_of_the_release():
    ratings = movielens()
    first = slice(0, 4)
    assert ratings.items.ids[ratings.indices[first]].tolist() == [31, 1029, 1061, 1129]
    assert ratings.data[first].tolist() == [2.5, 3.0, 3.0, 2.0]
    assert ratings.timestamps[first].tolist() == [1260759144, 1260759179, 1260759182, 1260759185]


def test_films():
    ratings = movielens()
    films = {
        id: tuple(ratings.item_info[name][ratings.items.number(id)] for name in ("title", "genres", "year"))
        for id in (1, 296, 318, 293, 162376)
    }
    assert films == {
        1: ("Toy Story", "Adventure|Animation|Children|Comedy|Fantasy", 1995),
        296: ("Pulp Fiction", "Comedy|Crime|Drama|Thriller", 1994),
        318: ("Shawshank Redemption, The", "Crime|Drama", 1994),
        293: ("Léon: The Professional (a.k.a. The Professional) (Léon)", "Action|Crime|Drama|Thriller", 1994),
        162376: ("(no title)", "Drama", 0),
    }
    info = ratings.item_info
    assert set(info) == {"title", "genres", "year"}
    assert all(len(column) == ratings.n_items for column in info.values())
    assert (info["title"] == "(no title)").sum() == (info["year"] == 0).sum() == 5
    assert not any(title != title.strip() for title in info["title"].tolist())
    assert info["genres"].dtype.kind == info["title"].dtype.kind == "U"
    assert info["year"][info["year"] > 0].min() == 1902
    assert info["year"].max() == 2016


def test_the_file_is_small_holds_no_pickle_and_comes_with_its_terms():
    folder = resources.files("fastmf.data").joinpath("embedded")
    packed = folder.joinpath("movielens.npz").read_bytes()
    assert len(packed) < 1_000_000
    with np.load(io.BytesIO(packed), allow_pickle=False) as arrays:
        assert all(arrays[name].dtype.kind == "u" for name in arrays.files)
    terms = folder.joinpath("TERMS.md").read_text(encoding="utf-8")
    for words in ("research", "commercial", "10.1145/2827872", "same conditions", "GroupLens", "MIT"):
        assert words in terms
