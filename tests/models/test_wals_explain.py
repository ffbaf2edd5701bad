"""explain: the contributions of a user's entries are the score, and the right ones."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from small_wals import FAST, implicit, near

import fastmf
from fastmf import WALS, FitDivergedError, IdMap, NotFittedError, Ratings, UnknownIdError, _file


@pytest.mark.parametrize("weighted", [False, True])
def test_contributions_sum_to_the_score(corner, weighted):
    matrix = implicit(signed=True)
    weights = np.random.default_rng(1).uniform(0.5, 3, matrix.nnz) if weighted else None
    if corner.get("nonnegative"):
        corner = {**corner, "iterations": 150}  # or the rows, found by descent, are not exact yet
    model = WALS(**corner).fit(matrix, weights=weights)
    for u in (0, 1, 5, 39):
        for i in (0, 2, 24):
            if corner.get("regularization") == 0 and u == 1:
                continue
            why = model.explain(u, i)
            assert why.score == pytest.approx(why.baseline + why.contributions.sum(), rel=1e-12, abs=1e-12)
            assert why.score == pytest.approx(model.predict(u, i), rel=10 * near(model), abs=near(model, 10))
            assert sorted(why.items.tolist()) == matrix[[u]].indices.tolist()
            assert (np.diff(why.contributions) <= 0).all()
            assert why.contributions.dtype == np.float64


@pytest.mark.parametrize("biased", [False, True])
def test_a_contribution_is_what_the_target_of_its_entry_brings(biased):
    """The score is linear in the targets, so that without one entry's target it falls by its contribution."""
    settings = {"unobserved_weight": 0, "regularization": 0.3, "biased": biased, "dtype": "float64"}
    matrix = implicit(signed=True)
    model = WALS(**FAST, factors=4, **settings).fit(matrix)
    why = model.explain(5, 3)
    row = matrix[[5]].astype(np.float64)
    for item, share in zip(why.items, why.contributions, strict=True):
        without = row.copy()
        without.data[without.indices == item] = model.mean + model.item_bias[item]  # nothing is left of its target
        x, b = model.fold_in_users(without, with_bias=True)
        score = model.mean + b[0] + model.item_bias[3] + x[0] @ model.item_factors[3]
        assert why.score - score == pytest.approx(share, rel=1e-9, abs=1e-12)


def test_dislikes_contribute_nothing():
    model = WALS(**FAST, factors=4).fit(sp.csr_array([[1.0, -2.0, 0.0], [1.0, 1.0, 1.0]]))
    why = model.explain(0, 2)
    assert why.contributions[why.items == 1].tolist() == [0.0]
    assert why.contributions[why.items == 0] != 0


def test_ids_in_and_ids_out(tmp_path):
    full = Ratings.from_sparse(implicit())
    users, items = IdMap([f"u{u}" for u in range(40)]), IdMap(np.arange(25)[::-1] + 100)
    named = WALS(**FAST, factors=4).fit(
        Ratings(full.indptr, full.indices, full.data, shape=full.shape, users=users, items=items)
    )
    numbered = WALS(**FAST, factors=4).fit(implicit())
    why, same = named.explain("u5", 121), numbered.explain(np.int64(5), np.array(3))
    assert why.items.tolist() == items.ids[same.items].tolist()
    assert why.contributions.tolist() == same.contributions.tolist()
    named.save(tmp_path / "model")
    for mmap in (False, True):
        loaded = fastmf.load(tmp_path / "model", mmap=mmap).explain("u5", 121)
        assert loaded.contributions.tolist() == why.contributions.tolist()
    nobody = named.explain("u1", 121)
    assert (nobody.items.tolist(), nobody.contributions.tolist(), nobody.score) == ([], [], 0.0)
    for user, item, says in (("x", 121, "user.*'x'"), ("u5", 3, "item.*3"), (["u5"], 121, "user")):
        with pytest.raises((UnknownIdError, TypeError), match=says):
            named.explain(user, item)
    for user, item in ((40, 0), (0, 25), (-1, 0)):
        with pytest.raises(IndexError):
            numbered.explain(user, item)


def test_values_that_are_all_the_same_are_kept_once():
    model = WALS(**FAST, factors=4).fit(sp.csr_array(np.triu(np.full((9, 9), 3.0))))
    assert model._state.seen_values.tolist() == [3.0]
    why = model.explain(2, 5)
    assert why.score == pytest.approx(model.predict(2, 5), abs=near(model, 10))
    assert len(why.contributions) == 7


def test_the_weights_that_are_kept_are_no_longer_the_callers():
    matrix = implicit()
    weights = np.ones(matrix.nnz, np.float32)
    model = WALS(**FAST, factors=4).fit(matrix, weights=weights)
    before = model.explain(5, 3)
    weights[:] = 7
    assert model.explain(5, 3).contributions.tolist() == before.contributions.tolist()


def test_what_cannot_be_explained_is_refused():
    with pytest.raises(NotFittedError):
        WALS().explain(0, 0)
    flat = WALS(**FAST, factors=6, unobserved_weight=0).fit(implicit())
    flat.set_params(regularization=0)
    flat._state = replace(flat._state, item_factors=np.ones_like(flat.item_factors))
    with pytest.raises(FitDivergedError, match="user 3 have no single solution"):
        flat.explain(3, 0)


def test_a_file_of_an_earlier_version_is_read_and_cannot_explain(tmp_path):
    model = WALS(**FAST, factors=4).fit(implicit())
    model.save(tmp_path / "model")
    header, arrays = _file.read(tmp_path / "model")
    assert header.pop("contents") == 2
    arrays.pop("seen_values")
    _file.write(tmp_path / "model", header, arrays)
    loaded = fastmf.load(tmp_path / "model")
    assert loaded.recommend(5)[0].tolist() == model.recommend(5)[0].tolist()
    with pytest.raises(ValueError, match="values the model was fitted to.*fit it again"):
        loaded.explain(0, 0)
    with pytest.raises(ValueError, match="values the model was fitted to.*fit it again"):
        loaded.partial_fit(implicit())
    loaded.save(tmp_path / "again")
    assert fastmf.load(tmp_path / "again").recommend(5)[0].tolist() == model.recommend(5)[0].tolist()
