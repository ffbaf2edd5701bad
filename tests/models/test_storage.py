"""Copies of models and models in files: whole, or refused."""

import copy
import pickle

import numpy as np
import pytest
from all_models import N_ITEMS, N_USERS, K, matrix, ratings, user_ids

import fastmf
from fastmf import WALS, ModelFileError, NotFittedError, Ratings, _file


def same(model, other):
    for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
        mine, its = getattr(model, name), getattr(other, name)
        assert mine.dtype == its.dtype
        np.testing.assert_array_equal(mine, its)
    assert model.mean == other.mean
    assert model.user_ids == other.user_ids
    assert model.item_ids == other.item_ids
    assert model.get_params() == other.get_params()
    assert repr(model) == repr(other)
    assert model.item_info.keys() == other.item_info.keys()
    for name, column in model.item_info.items():
        assert column.dtype == other.item_info[name].dtype
        np.testing.assert_array_equal(column, other.item_info[name])
    users = np.arange(N_USERS) if model.user_ids is None else user_ids()
    for mine, its in zip(model.recommend(users, K), other.recommend(users, K), strict=True):
        np.testing.assert_array_equal(mine, its)


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_whole(named, duplicate):
    same(named, duplicate(named))
    assert duplicate(named).history == named.history


def test_a_copy_of_a_model_that_is_not_fitted(make):
    with pytest.raises(NotFittedError):
        _ = copy.deepcopy(make()).mean


@pytest.mark.parametrize("mmap", [False, True])
@pytest.mark.parametrize("data", [matrix, ratings])
def test_a_saved_model_comes_back_whole(make, data, mmap, tmp_path):
    model = make().fit(data())
    model.save(tmp_path / "model")
    loaded = fastmf.load(tmp_path / "model", mmap=mmap)
    assert type(loaded) is type(model)
    same(model, loaded)
    assert loaded.history == model.history
    assert not loaded.user_factors.flags.writeable
    loaded.save(str(tmp_path / "again"))
    assert (tmp_path / "again").read_bytes() == (tmp_path / "model").read_bytes()
    loaded.fit(data())
    same(model, loaded)


def test_ids_a_file_cannot_hold_are_refused_and_nothing_is_written(make, tmp_path):
    model = make().fit(Ratings.from_arrays([("a", 1), ("b", 2)], [1, 2]))
    with pytest.raises(TypeError, match="integer and text ids"):
        model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())
    assert model.predict([("a", 1), ("b", 2)], 1).shape == (2,)


def rewritten(path, change):
    """A sound file whose contents do not fit together."""
    header, arrays = _file.read(path)
    change(header, arrays)
    _file.write(path, header, arrays)


DAMAGE = {
    "no model": lambda h, a: h.pop("model"),
    "a list for a model": lambda h, a: h.update(model=["WALS"]),
    "unknown model": lambda h, a: h.update(model="Oracle"),
    "no parameters": lambda h, a: h.pop("params"),
    "a list of parameters": lambda h, a: h.update(params=[1]),
    "unknown parameter": lambda h, a: h["params"].update(colour=1),
    "bad parameter": lambda h, a: h["params"].update(num_threads=-1),
    "no mean": lambda h, a: h.pop("mean"),
    "text for a mean": lambda h, a: h.update(mean="much"),
    "an infinite mean": lambda h, a: h.update(mean="inf"),
    "no history": lambda h, a: h.pop("history"),
    "text for a history": lambda h, a: h.update(history="long"),
    "no factors": lambda h, a: a.pop("item_factors"),
    "a user too few": lambda h, a: a.update(user_factors=a["user_factors"][:-1]),
    "factors of other widths": lambda h, a: a.update(item_factors=np.zeros((N_ITEMS, 99), a["item_factors"].dtype)),
    "flat factors": lambda h, a: a.update(user_factors=a["user_factors"].ravel()),
    "another precision": lambda h, a: a.update(user_factors=a["user_factors"].astype(np.float16)),
    "integers for factors": lambda h, a: a.update(
        {n: a[n].astype(np.int64) for n in a if n.endswith(("factors", "bias"))}
    ),
    "a bias too few": lambda h, a: a.update(item_bias=a["item_bias"][1:]),
    "seen items out of range": lambda h, a: a["seen_indices"].__setitem__(3, N_ITEMS),
    "seen items below zero": lambda h, a: a["seen_indices"].__setitem__(3, -1),
    "seen items in two dimensions": lambda h, a: a.update(seen_indices=np.stack([a["seen_indices"]] * 2, 1)),
    "seen items in 64 bits": lambda h, a: a.update(seen_indices=a["seen_indices"].astype(np.int64)),
    "seen rows that fall": lambda h, a: a["seen_indptr"].__setitem__(3, 10**9),
    "seen rows that end early": lambda h, a: a.update(seen_indices=a["seen_indices"][:-1]),
    "too few seen rows": lambda h, a: a.update(seen_indptr=a["seen_indptr"][:-1]),
    "an id too few": lambda h, a: a.update({"item_ids/ids": a["item_ids/ids"][1:]}),
    "an id twice": lambda h, a: a["item_ids/ids"].__setitem__(1, a["item_ids/ids"][0]),
    "no offsets of ids": lambda h, a: a.pop("user_ids/offsets"),
    "a title too few": lambda h, a: a.update({"item_info/title/offsets": a["item_info/title/offsets"][:-1]}),
    "titles that are no text": lambda h, a: a["item_info/title/utf8"].__setitem__(slice(None), 255),
    "no offsets of titles": lambda h, a: a.pop("item_info/title/offsets"),
}


@pytest.mark.parametrize("change", DAMAGE.values(), ids=DAMAGE.keys())
@pytest.mark.parametrize("mmap", [False, True])
def test_contents_that_do_not_fit_together_are_refused(named, change, mmap, tmp_path):
    named.save(tmp_path / "model")
    rewritten(tmp_path / "model", lambda header, arrays: None)
    same(named, fastmf.load(tmp_path / "model", mmap=mmap))
    rewritten(tmp_path / "model", change)
    with pytest.raises(ModelFileError, match="model"):
        fastmf.load(tmp_path / "model", mmap=mmap)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("item/implicit_factors", np.zeros((N_ITEMS - 1, 6), np.float32)),
        ("user/accumulators", np.zeros((N_ITEMS, 2), np.float32)),
        ("item/accumulators", np.zeros((N_ITEMS, 2))),
        ("item/accumulators", np.zeros(N_ITEMS, np.float32)),
        ("town/accumulators", np.zeros((N_ITEMS, 2), np.float32)),
    ],
)
def test_rows_of_one_model_alone_that_do_not_fit_are_refused(name, array, tmp_path):
    fastmf.SVDpp(factors=6, epochs=1).fit(matrix()).save(tmp_path / "model")
    rewritten(tmp_path / "model", lambda header, arrays: arrays.update({f"extra/{name}": array}))
    with pytest.raises(ModelFileError, match="model"):
        fastmf.load(tmp_path / "model")


def test_damaged_bytes_are_refused(named, tmp_path):
    named.save(tmp_path / "model")
    whole = (tmp_path / "model").read_bytes()
    for at in np.linspace(0, len(whole) - 1, 40).astype(int):
        damaged = bytearray(whole)
        damaged[at] ^= 4
        (tmp_path / "model").write_bytes(damaged)
        with pytest.raises(ModelFileError):
            fastmf.load(tmp_path / "model")
        (tmp_path / "model").write_bytes(whole[:at])
        with pytest.raises(ModelFileError):
            fastmf.load(tmp_path / "model")


def test_a_failed_save_leaves_the_earlier_file(make, named, tmp_path):
    named.save(tmp_path / "model")
    whole = (tmp_path / "model").read_bytes()
    bad = make().fit(Ratings.from_arrays([("a", 1)], [1]))
    with pytest.raises(TypeError):
        bad.save(tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == whole
    assert len(list(tmp_path.iterdir())) == 1


def weighted():
    return WALS(factors=3, iterations=1, num_threads=1, random_state=0).fit(matrix(), weights=np.ones(matrix().nnz))


KEPT_DAMAGE = {
    "a value too few": lambda h, a: a.update(seen_values=a["seen_values"][1:]),
    "values in two dimensions": lambda h, a: a.update(seen_values=np.stack([a["seen_values"]] * 2)),
    "integers for values": lambda h, a: a.update(seen_values=a["seen_values"].astype(np.int32)),
    "a value that is not finite": lambda h, a: a["seen_values"].__setitem__(0, np.inf),
    "a weight too few": lambda h, a: a.update(seen_weights=a["seen_weights"][1:]),
    "a weight below 0": lambda h, a: a["seen_weights"].__setitem__(0, -1),
    "weights without values": lambda h, a: a.pop("seen_values"),
    "later contents": lambda h, a: h.update(contents=3),
    "text for contents": lambda h, a: h.update(contents="2"),
    "contents before the first": lambda h, a: h.update(contents=0),
}


@pytest.mark.parametrize("change", KEPT_DAMAGE.values(), ids=KEPT_DAMAGE.keys())
def test_kept_values_that_do_not_fit_are_refused(change, tmp_path):
    weighted().save(tmp_path / "model")
    rewritten(tmp_path / "model", lambda header, arrays: None)
    loaded = fastmf.load(tmp_path / "model")
    assert loaded._state.training_values().tolist() == matrix().data.tolist()
    assert loaded._state.seen_weights.tolist() == [1.0] * matrix().nnz
    rewritten(tmp_path / "model", change)
    with pytest.raises(ModelFileError, match="model"):
        fastmf.load(tmp_path / "model")


def test_a_file_without_values_is_read_and_written_without(make, tmp_path):
    """As an earlier version wrote it."""
    model = make().fit(matrix())
    model.save(tmp_path / "model")

    def earlier(header, arrays):
        assert header.pop("contents") == 2
        arrays.pop("seen_values", None)

    rewritten(tmp_path / "model", earlier)
    loaded = fastmf.load(tmp_path / "model")
    same(model, loaded)
    loaded.save(tmp_path / "again")
    assert "seen_values" not in _file.read(tmp_path / "again")[1]
    same(model, fastmf.load(tmp_path / "again"))


@pytest.mark.parametrize("again", [lambda model: model, copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_what_was_learned_is_read_only(make, again):
    model = again(make().fit(matrix()))
    for name in ("user_factors", "item_factors", "user_bias", "item_bias"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(model, name)[...] = 1
