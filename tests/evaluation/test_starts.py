"""Warm starts of a search: who begins where, what is kept, that it can go on, and what pruning compares."""

import copy
import math
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
from all_models import ratings

import fastmf
from fastmf.evaluation import starts as starts_module
from fastmf.evaluation import trials as trials_module
from fastmf.evaluation.starts import KEPT, Start, Starts, distance, kind_of

optuna = pytest.importorskip("optuna")
studies = pytest.importorskip("fastmf.evaluation.studies")

DATA = ratings()
WALS = fastmf.WALS(iterations=2, num_threads=1)
SPACE = {"regularization": (0.001, 1.0, "log"), "unobserved_weight": (0.01, 1.0), "factors": [2, 3]}
FAST = {"metric": "ndcg@5", "random_state": 3}
WARM = {**FAST, "warm_start": True}
Float, Int, Choice = (
    optuna.distributions.FloatDistribution,
    optuna.distributions.IntDistribution,
    optuna.distributions.CategoricalDistribution,
)


def rows(result):
    """The table without the clock."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in result.table]


def place(distributions, **params):
    return SimpleNamespace(number=0, params=params, distributions=distributions)


def start(number, value, model, **params):
    return Start(number, params, {"regularization": Float(0.001, 10, log=True)}, value, 2, model)


def fitted(**params):
    return fastmf.WALS(**{"factors": 2, "iterations": 1, "num_threads": 1, "random_state": 0, **params}).fit(DATA)


def test_each_trial_is_a_fit_from_another_by_hand():
    result = fastmf.tune(WALS, DATA, SPACE, trials=8, prune=False, **WARM)
    train, held_out = fastmf.split_random(DATA, 0.2, random_state=3)
    models, before = {}, {}
    for row in result.table:
        number, begun = row["trial"], row["start"]
        model = fastmf.WALS(iterations=2, num_threads=1, random_state=3, **row["params"])
        models[number] = model.fit(train, initial=None if begun is None else models[begun])
        before[number] = 0 if begun is None else before[begun] + 2
        assert row["value"] == fastmf.evaluate(model, held_out, k=5)["ndcg@5"]
        assert (row["passes"], row["before"]) == (2, before[number])
        alike = [t for t in result.study.trials[:number] if t.params["factors"] == row["params"]["factors"]]
        assert (begun is None) == (not alike)
        if alike:
            assert begun == min(alike, key=lambda t: distance(t, result.study.trials[number])).number
    assert max(before.values()) > 2
    best = max(result.table, key=lambda row: row["value"])
    assert (result.best_params, result.best_value) == (best["params"], best["value"])
    again = fastmf.WALS(iterations=2, num_threads=1, random_state=3, **best["params"])
    again.fit(DATA, initial=models[best["trial"]])
    np.testing.assert_array_equal(result.best_model.item_factors, again.item_factors)
    assert result.best_model.user_ids == DATA.users
    assert list(result.best_model.item_info) == list(DATA.item_info)


@pytest.mark.parametrize(
    ("model", "space"),
    [
        (fastmf.BiasedMF(factors=3, epochs=2, num_threads=1), None),
        (fastmf.SVDpp(factors=3, epochs=2, num_threads=1), None),
        (fastmf.WALS(factors=3, iterations=2, unobserved_weight=0, num_threads=1), {"biased": [False, True]}),
    ],
)
def test_every_model_that_learns_can_begin_with_a_neighbour(model, space):
    result = fastmf.tune(model, DATA, space, trials=6, warm_start=True, random_state=0)
    for row in result.table[1:]:
        same = [other for other in result.table[: row["trial"]] if space is None or other["params"] == row["params"]]
        assert (row["start"] is None) == (not same)
    assert rows(result) == rows(fastmf.tune(model, DATA, space, trials=6, warm_start=True, random_state=0))


def test_without_it_all_begin_at_random():
    table = fastmf.tune(WALS, DATA, SPACE, trials=5, **FAST).table
    assert {(row["start"], row["before"]) for row in table} == {(None, 0)}
    with pytest.raises(ValueError, match="warm_start must be False for MostPopular, which has nothing to start from"):
        fastmf.tune(fastmf.MostPopular(), DATA, {"num_threads": [1, 2]}, **WARM)


def test_a_validation_that_leaves_users_out_is_refused():
    def split(data):
        part = fastmf.Ratings.from_sparse(data.to_scipy()[:20])
        return fastmf.split_random(part, 0.2, random_state=0)

    assert fastmf.tune(WALS, DATA, SPACE, trials=1, validation=split, refit=False, **WARM).best_model is None
    with pytest.raises(ValueError, match="validation must give parts with the users and items of ratings"):
        fastmf.tune(WALS, DATA, SPACE, trials=1, validation=split, **WARM)


def test_a_search_goes_on_with_the_factors_it_had(tmp_path, monkeypatch):
    monkeypatch.setattr(starts_module, "KEPT", 3)
    path, folder = tmp_path / "study.db", tmp_path / "study.db.starts"
    whole = fastmf.tune(WALS, DATA, SPACE, trials=12, **WARM)
    assert fastmf.tune(WALS, DATA, SPACE, trials=2, storage=path, **WARM).best_model is not None
    original = trials_module.Judge.figure_of

    def killed(self, model):
        if len(list(folder.iterdir())) == 3:
            raise KeyboardInterrupt
        return original(self, model)

    monkeypatch.setattr(trials_module.Judge, "figure_of", killed)
    with pytest.raises(KeyboardInterrupt):
        fastmf.tune(WALS, DATA, SPACE, trials=12, storage=path, **WARM)
    monkeypatch.setattr(trials_module.Judge, "figure_of", original)
    fitted().save(folder / "trial-77.fmf")  # as of a process killed before its trial was told
    for trials in (6, 9, 12):
        on = fastmf.tune(WALS, DATA, SPACE, trials=trials, storage=path, **WARM)
    ended = [row for row in rows(on) if row["state"] != "interrupted"]
    assert len(ended) == len(on.table) - 1
    place_of = {None: None, **{row["trial"]: at for at, row in enumerate(ended)}}
    kept = [{**row, "trial": at, "start": place_of[row["start"]]} for at, row in enumerate(ended)]
    assert kept == rows(whole)
    np.testing.assert_array_equal(on.best_model.item_factors, whole.best_model.item_factors)
    best = sorted((row for row in ended if row["state"] == "complete"), key=lambda row: (-row["value"], row["trial"]))
    assert sorted(file.name for file in folder.iterdir()) == sorted(f"trial-{row['trial']}.fmf" for row in best[:3])
    shutil.rmtree(folder)
    without = fastmf.tune(WALS, DATA, SPACE, trials=14, storage=path, **WARM)
    assert without.table[-2]["start"] is None
    assert len(list(folder.iterdir())) <= 2


def test_a_file_goes_only_when_the_study_knows_of_what_takes_its_place(tmp_path, monkeypatch):
    monkeypatch.setattr(starts_module, "KEPT", 1)
    starts, model = Starts(True, tmp_path / "s"), fitted()

    def files():
        return sorted(file.name for file in (tmp_path / "s").iterdir())

    starts.keep(start(0, 2.0, model, regularization=1.0))
    starts.keep(start(1, 3.0, model, regularization=1.0))
    assert files() == ["trial-0.fmf"]
    starts.keep(start(2, 1.0, model, regularization=1.0))
    assert files() == ["trial-0.fmf", "trial-2.fmf"]
    starts.settle()
    assert files() == ["trial-2.fmf"]


def test_the_best_are_kept_and_the_nearest_of_them_is_taken():
    starts, model = Starts(True, None), fitted()
    for number in range(KEPT + 4):
        value = 100.0 if number in (3, 5) else float(number)
        starts.keep(start(number, value, model, regularization=0.01 * 2.0**number))
    held = [number for number in range(KEPT + 4) if starts.of(number) is not None]
    assert held == [number for number in range(KEPT + 2) if number not in (3, 5)]
    for regularization, nearest in ((1e-3, 0), (0.02, 1), (0.029, 2), (0.07, 2), (0.12, 4), (9.0, KEPT + 1)):
        trial = place({"regularization": Float(0.001, 10, log=True)}, regularization=regularization)
        assert starts.nearest(fitted(), trial).number == nearest
    upwards = Starts(False, None)
    for number in range(KEPT + 4):
        upwards.keep(start(number, float(number % (KEPT + 1)), model, regularization=1.0))
    assert [number for number in range(KEPT + 4) if upwards.of(number) is None] == [0, 1, KEPT + 1, KEPT + 2]
    trial = place({"regularization": Float(0.001, 10, log=True)}, regularization=0.5)
    assert upwards.nearest(fitted(), trial).number == KEPT  # of equals the best


def test_factors_that_have_vanished_are_no_start():
    starts = Starts(True, None)
    starts.keep(start(0, 1.0, fitted(regularization=1e7), regularization=1.0))
    assert starts.of(0) is None


@pytest.mark.parametrize(
    "other", [{"factors": 3}, {"dtype": "float64"}, {"nonnegative": True}, {"solver": "cg"}, {"confidence": "log"}]
)
def test_only_the_same_kind_of_model_is_a_start(other):
    starts = Starts(True, None)
    starts.keep(start(0, 1.0, fitted(), regularization=1.0))
    trial = place({"regularization": Float(0.001, 10, log=True)}, regularization=1.0)
    assert starts.nearest(fitted(**other), trial) is None
    numbers = {"regularization": (0.1, 0.2), "unobserved_weight": 0.5, "alpha": 2.0, "iterations": 3, "cg_steps": 2}
    assert starts.nearest(fitted(**numbers, dtype=np.float32, random_state=4), trial).number == 0
    assert kind_of(fitted()) == kind_of(fitted(**numbers))


def test_distances():
    ranges = {"a": Float(0.001, 1.0, log=True), "b": Int(10, 20), "c": Choice(["x", "y"]), "d": Float(2.0, 2.0)}
    here = place(ranges, a=0.01, b=12, c="x", d=2.0)
    assert distance(here, here) == 0
    assert distance(here, place(ranges, a=0.1, b=12, c="x", d=2.0)) == pytest.approx(1 / 3)
    assert distance(here, place(ranges, a=0.01, b=17, c="x", d=2.0)) == pytest.approx(0.5)
    assert distance(here, place(ranges, a=0.01, b=12, c="y", d=2.0)) == 1
    assert distance(here, place(ranges, a=0.01, b=12, c="x")) == 1
    assert distance(place(ranges, a=0.01, b=12, c="x"), here) == 1
    assert distance(here, place(ranges, a=0.1, b=17, c="y", d=2.0)) == pytest.approx(math.sqrt(1 / 9 + 1 / 4 + 1))


def test_what_is_kept_holds_no_ids_and_leaves_the_model_alone():
    starts, model = Starts(True, None), fitted()
    before = copy.copy(model.__dict__)
    starts.keep(start(0, 1.0, model, regularization=1.0))
    assert model.__dict__ == before
    assert (starts.of(0).user_ids, starts.of(0).item_info) == (None, {})
    assert starts.of(0).user_factors is model.user_factors or np.shares_memory(
        starts.of(0).user_factors, model.user_factors
    )


def test_ids_that_no_file_holds_do_not_hinder(tmp_path):
    objects = np.array([(u,) for u in range(DATA.n_users)] + [None], object)[:-1]
    users = fastmf.IdMap(objects)
    data = fastmf.Ratings(DATA.indptr, DATA.indices, DATA.data, shape=DATA.shape, users=users)
    result = fastmf.tune(WALS, data, SPACE, trials=3, storage=tmp_path / "s.db", **WARM)
    assert len(list((tmp_path / "s.db.starts").iterdir())) == 3
    assert result.best_model.user_ids == users


def test_pruning_compares_only_trials_that_began_alike():
    study = optuna.create_study(direction="minimize", pruner=studies.pruner_of(optuna))

    def trial(value, begun, complete=True):
        now = study.ask()
        now.set_user_attr("start", begun)
        now.report(value, 1)
        bad = now.should_prune()
        if complete:
            study.tell(now, value)
        return bad

    for value in range(5):
        assert not trial(float(value), 0)
    assert not trial(9.0, None)  # five complete ones, but none that began at random
    assert trial(9.0, 0)
    assert not trial(1.0, 0)
    for value in range(10, 14):
        assert not trial(float(value), None)
    assert trial(12.5, None)
    assert not trial(10.5, None)
    assert trial(5.0, 2)
