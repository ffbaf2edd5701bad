"""The search for parameters: what a trial is, that it can stop and go on, and that nothing it holds out is learned."""

import sqlite3
from contextlib import closing

import numpy as np
import pytest
from all_models import ratings

import fastmf
from fastmf.evaluation import trials as trials_module
from fastmf.evaluation.spaces import checked_space, default_space
from fastmf.evaluation.trials import is_looked_at

optuna = pytest.importorskip("optuna")

DATA = ratings()
WALS = fastmf.WALS(factors=4, iterations=4, num_threads=1)
SPACE = {"regularization": (0.001, 1.0, "log"), "unobserved_weight": (0.01, 1.0), "factors": (2, 6)}
FAST = {"metric": "ndcg@5", "random_state": 3}


def rows(result):
    """The table without the clock."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in result.table]


def test_a_trial_is_a_fit_and_an_evaluation_by_hand():
    result = fastmf.tune(WALS, DATA, SPACE, trials=4, prune=False, exclude_seen=False, relevant_from=3, **FAST)
    train, held_out = fastmf.split_random(DATA, 0.2, random_state=3)
    assert [row["trial"] for row in result.table] == [0, 1, 2, 3]
    for row in result.table:
        assert row["params"].keys() == SPACE.keys()
        model = fastmf.WALS(iterations=4, num_threads=1, random_state=3, **row["params"]).fit(train)
        report = fastmf.evaluate(model, held_out, k=5, exclude_seen=False, relevant_from=3)
        assert row["value"] == report["ndcg@5"]
        assert (row["state"], row["passes"]) == ("complete", 4)
        assert row["seconds"] > 0
    assert result.best_value == max(row["value"] for row in result.table)
    best = next(row for row in result.table if row["value"] == result.best_value)
    assert result.best_params == best["params"]
    again = fastmf.WALS(iterations=4, num_threads=1, random_state=3, **best["params"]).fit(DATA)
    np.testing.assert_array_equal(result.best_model.item_factors, again.item_factors)
    assert result.best_model.user_ids is DATA.users


def test_the_model_given_is_not_changed_and_its_own_seed_is_kept():
    model = fastmf.BiasedMF(factors=3, epochs=2, num_threads=1, random_state=8).fit(DATA)
    params, state = model.get_params(), model._state
    result = fastmf.tune(model, DATA, {"regularization": (0.01, 1.0)}, trials=4, random_state=0)
    assert model.get_params() == params
    assert model._state is state
    assert result.best_model.random_state == 8
    assert result.metric == "rmse"
    assert result.best_value == min(row["value"] for row in result.table)


def test_one_seed_one_search():
    first, second = (fastmf.tune(WALS, DATA, SPACE, trials=12, **FAST) for _ in range(2))
    assert rows(first) == rows(second)
    other = fastmf.tune(WALS, DATA, SPACE, trials=12, metric="ndcg@5", random_state=4)
    assert rows(first) != rows(other)
    assert len({row["params"]["unobserved_weight"] for row in first.table}) == 12


def test_a_search_goes_on_from_its_storage_as_if_it_had_never_stopped(tmp_path):
    whole = fastmf.tune(WALS, DATA, SPACE, trials=14, **FAST)
    path = tmp_path / "study.db"
    part = fastmf.tune(WALS, DATA, SPACE, trials=5, storage=path, **FAST)
    assert rows(part) == rows(whole)[:5]
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("select count(*) from trials").fetchone() == (5,)
    on = fastmf.tune(WALS, DATA, SPACE, trials=14, storage=str(path), metric="ndcg@5")  # with the seed it had
    assert rows(on) == rows(whole)
    assert on.best_params == whole.best_params
    assert len(fastmf.tune(WALS, DATA, SPACE, trials=3, storage=path, **FAST).table) == 14


def test_an_interruption_loses_one_trial_and_changes_nothing(tmp_path, monkeypatch):
    path = tmp_path / "study.db"
    whole = fastmf.tune(WALS, DATA, SPACE, trials=12, **FAST)
    original = trials_module.Judge.value

    def interrupted(self, params, trial):
        if trial.number == 6:
            raise KeyboardInterrupt
        return original(self, params, trial)

    monkeypatch.setattr(trials_module.Judge, "value", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fastmf.tune(WALS, DATA, SPACE, trials=12, storage=path, **FAST)
    monkeypatch.undo()
    study = optuna.load_study(study_name="fastmf", storage=f"sqlite:///{path}")
    study.ask()  # as of a process that was killed
    on = fastmf.tune(WALS, DATA, SPACE, trials=12, storage=path, **FAST)
    assert [row["state"] for row in on.table].count("interrupted") == 2
    kept = [{**row, "trial": number} for number, row in enumerate(r for r in rows(on) if r["state"] != "interrupted")]
    assert kept == rows(whole)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"metric": "recall@5"}, "metric"),
        ({"space": {"factors": (2, 6)}}, "space"),
        ({"ratings": DATA.select(np.arange(DATA.nnz - 1))}, "ratings"),
        ({"model": fastmf.WALS(factors=5)}, "model"),
        ({"validation": 0.3}, "validation"),
        ({"random_state": 4}, "seed"),
        ({"relevant_from": 3}, "relevant_from"),
        ({"warm_start": True}, "warm_start"),
    ],
)
def test_the_storage_of_another_search_is_refused(tmp_path, change, what):
    arguments = {"model": WALS, "ratings": DATA, "space": SPACE, "trials": 1, "storage": tmp_path / "s.db", **FAST}
    fastmf.tune(**arguments)
    with pytest.raises(ValueError, match=rf"storage must be a file of the same search .* {what} = "):
        fastmf.tune(**{**arguments, **change})
    assert len(fastmf.tune(**arguments).table) == 1


@pytest.mark.parametrize("name", ["absent/s.db", ".", "text.db"])
def test_a_storage_that_is_none_is_an_error_of_the_system(tmp_path, name):
    (tmp_path / "text.db").write_text("not a database, but long enough to look at " * 100)
    with pytest.raises(OSError, match="storage .* cannot be used: "):
        fastmf.tune(WALS, DATA, SPACE, trials=1, storage=tmp_path / name, **FAST)


def test_any_letter_may_be_in_the_path_of_a_storage(tmp_path):
    path = tmp_path / "a?b #c%20 é.db"
    fastmf.tune(WALS, DATA, SPACE, trials=1, storage=path, **FAST)
    assert list(tmp_path.iterdir()) == [path]
    assert len(fastmf.tune(WALS, DATA, SPACE, trials=2, storage=path, **FAST).table) == 2


def test_bad_trials_are_pruned_by_what_they_show_on_the_way():
    space = {"iterations": [8], "regularization": [0.01, 300.0], "unobserved_weight": [0.1]}
    result = fastmf.tune(WALS, DATA, space, trials=20, **FAST)
    pruned = [row for row in result.table if row["state"] == "pruned"]
    assert pruned
    worse = 0.01  # these ratings have nothing but popularity to be learned, and 300 leaves just that
    assert all(row["passes"] < 8 and row["params"]["regularization"] == worse for row in pruned)
    assert all(row["passes"] == 8 for row in result.table if row["state"] == "complete")
    trial = result.study.best_trial
    assert sorted(trial.intermediate_values) == [1, 2, 3, 4, 6, 8]
    assert trial.intermediate_values[8] == trial.value
    assert trial.intermediate_values[1] != trial.value
    assert fastmf.tune(WALS, DATA, space, trials=20, prune=False, **FAST).table[-1]["passes"] == 8


def test_it_is_looked_at_often_at_first():
    assert [n for n in range(1, 70) if is_looked_at(n)] == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]


def test_what_a_pruned_fit_showed_is_what_a_shorter_fit_has():
    result = fastmf.tune(WALS, DATA, {"regularization": [0.1]}, trials=1, **FAST)
    for model_class, passes in ((fastmf.WALS, "iterations"), (fastmf.BiasedMF, "epochs")):
        model = model_class(factors=4, num_threads=1, **{passes: 4})
        metric = "ndcg@5"
        result = fastmf.tune(model, DATA, {"regularization": [0.1]}, trials=1, **FAST)
        shown = result.study.get_trials()[0].intermediate_values
        train, held_out = fastmf.split_random(DATA, 0.2, random_state=3)
        for number, value in shown.items():
            model = model_class(factors=4, num_threads=1, regularization=0.1, random_state=3, **{passes: number})
            assert fastmf.evaluate(model.fit(train), held_out, k=5)[metric] == value


def test_nothing_held_out_is_learned_from(monkeypatch):
    seen = []

    def split(data):
        seen.append(data)
        return fastmf.split_random(data, 0.3, random_state=1)

    train, held_out = fastmf.split_random(DATA, 0.3, random_state=1)
    fitted, judged = [], []
    fit, evaluate = fastmf.WALS.fit, trials_module.figures
    monkeypatch.setattr(fastmf.WALS, "fit", lambda self, data, **more: fitted.append(data) or fit(self, data, **more))
    monkeypatch.setattr(trials_module, "figures", lambda m, t, n, **o: judged.append(t) or evaluate(m, t, n, **o))
    fastmf.tune(WALS, DATA, SPACE, trials=3, validation=split, refit=False, **FAST)
    assert seen == [DATA]
    assert len(fitted) == 3
    for data in fitted:
        np.testing.assert_array_equal(data.indices, train.indices)
    for data in judged:
        np.testing.assert_array_equal(data.indices, held_out.indices)


def test_spaces_of_every_form():
    regularizations = [(0.1, 0.2), 0.3, np.float32(0.5)]
    space = {
        "factors": (2, 5),
        "alpha": (1, 100, "log"),
        "unobserved_weight": (0.1, 0.2),
        "regularization": regularizations,
        "nonnegative": [False, True],
        "tolerance": lambda trial: trial.suggest_float("how near", 0, 1) / 1000,
    }
    result = fastmf.tune(WALS, DATA, space, trials=25, **FAST)
    table = [row["params"] for row in result.table]
    assert {row["factors"] for row in table} == {2, 3, 4, 5}
    assert all(type(row["alpha"]) is int and 1 <= row["alpha"] <= 100 for row in table)
    distributions = result.study.get_trials()[0].distributions
    assert distributions["alpha"] == optuna.distributions.IntDistribution(1, 100, log=True)
    assert distributions["factors"] == optuna.distributions.IntDistribution(2, 5)
    assert distributions["unobserved_weight"] == optuna.distributions.FloatDistribution(0.1, 0.2)
    assert all(0.1 <= row["unobserved_weight"] <= 0.2 for row in table)
    assert {repr(row["regularization"]) for row in table} == {"(0.1, 0.2)", "0.3", "0.5"}
    assert {row["nonnegative"] for row in table} == {True, False}
    assert all(0 <= row["tolerance"] <= 0.001 for row in table)
    assert len({row["tolerance"] for row in table}) == 25


@pytest.mark.parametrize("explicit", [False, True])
def test_there_is_a_space_for_the_models_that_learn(explicit):
    model = WALS if not explicit else fastmf.WALS(factors=3, iterations=2, unobserved_weight=0)
    names = set(fastmf.tune(model, DATA, trials=1, random_state=0).best_params)
    assert names == {"regularization"} | (set() if explicit else {"unobserved_weight"})
    result = fastmf.tune(fastmf.BiasedMF(factors=3, epochs=2), DATA, trials=1, random_state=0)
    assert set(result.best_params) == {"learning_rate", "regularization", "bias_regularization"}
    with pytest.raises(ValueError, match="space must be given for MostPopular"):
        fastmf.tune(fastmf.MostPopular(), DATA)


def test_a_fit_that_diverges_is_a_row_of_the_table():
    model = fastmf.BiasedMF(factors=3, epochs=3, optimizer="sgd", num_threads=1)
    result = fastmf.tune(model, DATA, {"learning_rate": [0.01, 1e18]}, trials=8, random_state=0)
    states = {row["params"]["learning_rate"]: row["state"] for row in result.table}
    assert states == {0.01: "complete", 1e18: "diverged"}
    assert result.best_params == {"learning_rate": 0.01}
    with pytest.raises(ValueError, match="no trial came to an end: diverged, diverged"):
        fastmf.tune(model, DATA, {"learning_rate": [1e18]}, trials=2, random_state=0)


def test_a_model_without_passes_is_not_pruned():
    result = fastmf.tune(fastmf.MostPopular(), DATA, {"num_threads": [1, 2]}, trials=7, **FAST)
    assert {(row["state"], row["passes"]) for row in result.table} == {("complete", 0)}
    assert result.best_model.item_bias.sum() == DATA.nnz


def test_the_clock_ends_the_search():
    result = fastmf.tune(WALS, DATA, SPACE, trials=10**6, seconds=0.2, **FAST)
    assert 1 <= len(result.table) < 1000


def test_as_text_and_as_plain_values():
    result = fastmf.tune(WALS, DATA, SPACE, trials=12, prune=False, refit=False, **FAST)
    assert result.best_model is None
    first, heading, best, *others = str(result).splitlines()
    assert first == "12 trials: 12 complete; the best 10:"
    assert heading.split() == ["trial", "ndcg@5", "passes", "seconds", *SPACE]
    assert best.split()[1] == f"{result.best_value:.4f}"
    assert len(others) == 9
    values = [row["value"] for row in result.ranked()]
    assert values == sorted(values, reverse=True)
    assert result.to_dict()["best_params"] == result.best_params
    assert result.to_dict()["trials"] == result.table
    assert "ndcg@5" in repr(result)


def test_optuna_is_left_as_it_was(capfd):
    before = optuna.logging.get_verbosity()
    fastmf.tune(WALS, DATA, SPACE, trials=1, **FAST)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == before


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"model": None}, TypeError, "model must be a model of fastmf"),
        ({"model": fastmf.BiasedMF(patience=3)}, ValueError, "patience=None"),
        ({"ratings": 3}, TypeError, "ratings must be"),
        ({"space": {}}, TypeError, "space must be a dict"),
        ({"space": [1]}, TypeError, "space must be a dict"),
        ({"space": {"colour": [1]}}, ValueError, "space must name parameters of WALS, .* got 'colour'"),
        ({"space": {"factors": 3}}, TypeError, r"space\['factors'\] must be \(low, high\)"),
        ({"space": {"factors": (3,)}}, TypeError, r"space\['factors'\] must be \(low, high\)"),
        ({"space": {"factors": (3, 4, "lin")}}, TypeError, r"space\['factors'\] must be \(low, high\)"),
        ({"space": {"solver": ("cg", "cholesky")}}, TypeError, r"space\['solver'\] must be \(low, high\)"),
        ({"space": {"factors": (0, 4)}}, ValueError, r"space\['factors'\] must be an integer in"),
        ({"space": {"factors": (1.0, 4.0)}}, TypeError, r"space\['factors'\] must be an integer in"),
        ({"space": {"factors": (4, 4)}}, ValueError, r"space\['factors'\] must have low < high"),
        ({"space": {"regularization": (0.0, 1.0, "log")}}, ValueError, "must have 0 < low < high"),
        ({"space": {"factors": []}}, ValueError, "at least one choice"),
        ({"space": {"factors": [3, 3]}}, ValueError, "each choice once"),
        ({"space": {"solver": ["cg", "magic"]}}, ValueError, r"space\['solver'\] must be one of"),
        ({"trials": 0}, ValueError, "trials must be an integer >= 1"),
        ({"seconds": 0}, ValueError, "seconds must be a finite number > 0"),
        ({"metric": "rmse"}, ValueError, "metric: rmse needs a model that predicts ratings"),
        ({"metric": "ndcg"}, ValueError, "metric must be one of"),
        ({"validation": 1}, ValueError, "validation must be a fraction"),
        ({"validation": lambda data: data}, TypeError, "validation must give a pair"),
        ({"prune": 1}, TypeError, "prune must be True or False"),
        ({"warm_start": 1}, TypeError, "warm_start must be True or False"),
        ({"refit": 1}, TypeError, "refit must be True or False"),
        ({"progress": 1}, TypeError, "progress must be True or False"),
        ({"storage": 3}, TypeError, "storage must be a str"),
        ({"random_state": -1}, ValueError, "random_state must be"),
    ],
)
def test_bad_arguments_are_named(arguments, error, message):
    with pytest.raises(error, match=message):
        fastmf.tune(**{"model": WALS, "ratings": DATA, "space": SPACE, **arguments})


def test_a_bar_counts_the_trials_on_a_terminal(tmp_path, monkeypatch):
    bars = []

    class Bar:
        def __init__(self, total, initial, desc, disable):
            bars.append(self)
            self.total, self.count, self.disable = total, initial, disable

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.closed = True

        def update(self):
            self.count += 1

    tqdm = pytest.importorskip("tqdm")
    monkeypatch.setattr(tqdm, "tqdm", Bar)
    path = tmp_path / "s.db"
    for trials in (2, 5):
        fastmf.tune(WALS, DATA, SPACE, trials=trials, storage=path, progress=True, **FAST)
    assert [(bar.total, bar.count, bar.closed, bar.disable) for bar in bars] == [(2, 2, True, None), (5, 5, True, None)]


@pytest.mark.parametrize(("optimizer", "usual"), [("adagrad", 0.05), ("sgd", 0.02)])
def test_the_default_space_of_svdpp_holds_its_defaults(optimizer, usual):
    space = default_space(fastmf.SVDpp(optimizer=optimizer))
    assert list(space) == ["learning_rate", "regularization", "implicit_regularization", "bias_regularization"]
    wanted = fastmf.SVDpp().get_params() | {"learning_rate": usual}
    for name, (low, high, scale) in space.items():
        assert (low < wanted[name] < high, scale) == (True, "log"), name
    checked_space(space, fastmf.SVDpp())
