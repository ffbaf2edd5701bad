"""fastmf tune: what it finds is what the library finds, and an interrupted search goes on."""

import json
import re

import numpy as np
import pytest

import fastmf
from fastmf.cli import main
from fastmf.cli.main import _parser

pytest.importorskip("optuna")

SPACE = {"unobserved_weight": (0.01, 1.0, "log"), "factors": [2, 3], "iterations": (1, 4)}
OPTIONS = ("--space", "unobserved-weight=0.01:1.0:log", "--space", "factors=2,3", "--space", "iterations=1:4")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command in a folder with ratings.csv."""
    monkeypatch.chdir(tmp_path)
    pairs = np.random.default_rng(0).permutation(30 * 20)[:350]
    lines = [f"u{pair // 20},{pair % 20},{1 + pair % 5}" for pair in pairs.tolist()]
    (tmp_path / "ratings.csv").write_text("\n".join(["user,item,stars", *lines]) + "\n")

    def run_command(*arguments, code=0):
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == code
        out, err = capsys.readouterr()
        if code == 0:
            assert err == ""
            return json.loads(out) if "--json" in arguments else out
        return err

    return run_command


def without_clock(table):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in table]


def test_it_finds_what_the_library_finds(run):
    given = ("--regularization", 0.2, "--trials", 6, "--metric", "recall@3", "--validation", 0.3, "--seed", 5)
    more = ("--test", 0.25, "--k", "2,4", "--relevant-from", 2, "--out", "best.fmf")
    document = run("tune", "ratings.csv", *OPTIONS, *given, *more, "--json")
    train, test = fastmf.split_random(fastmf.Ratings.from_csv("ratings.csv"), 0.25, random_state=5)
    model = fastmf.WALS(regularization=0.2, random_state=5)
    search = {"trials": 6, "metric": "recall@3", "validation": 0.3, "random_state": 5, "relevant_from": 2}
    found = fastmf.tune(model, train, SPACE, **search)
    assert without_clock(document["trials"]) == without_clock(found.table)
    assert (document["best_params"], document["best_value"]) == (found.best_params, found.best_value)
    assert (document["searched_with"], document["saved"], document["interrupted"]) == (train.nnz, "best.fmf", False)
    report = fastmf.evaluate(found.best_model, test, k=(2, 4), relevant_from=2)
    assert {name: document["evaluation"][name] for name in report} == dict(report)
    np.testing.assert_array_equal(fastmf.load("best.fmf").item_factors, found.best_model.item_factors)
    assert fastmf.load("best.fmf").regularization == 0.2


def test_the_text_says_how_to_train_the_best_and_how_good_it_is(run):
    text = run("tune", "ratings.csv", *OPTIONS, "--trials", 5, "--no-prune", "--test", 0.2)
    assert "350 ratings, 280 of them searched with" in text
    assert "5 trials: 5 complete; the best 5:" in text
    (best,) = re.findall(r"^the best: (.*)$", text, re.M)
    arguments = ["train", "ratings.csv", "--out", "m", *best.split()]
    assert _parser(arguments).parse_args(arguments).run
    assert "on the 70 kept apart:" in text
    assert re.search(r"^ndcg +0\.\d+", text, re.M)


@pytest.mark.parametrize("given", [False, True])
def test_options_reach_the_search(run, monkeypatch, given):
    asked = {}

    def search(model, ratings, space, **more):
        asked.update(more)
        raise KeyboardInterrupt

    monkeypatch.setattr("fastmf.cli.tune.tune", search)
    options = ("--no-prune", "--seconds", 9, "--out", "m", "--warm-start")
    run("tune", "ratings.csv", *(options if given else ()), code=130)
    assert (asked["prune"], asked["seconds"], asked["refit"]) == ((False, 9, True) if given else (True, None, False))
    assert asked["warm_start"] is given
    assert (asked["trials"], asked["validation"], asked["storage"], asked["progress"]) == (30, 0.2, None, False)


def test_another_model_with_its_own_space(run):
    document = run("tune", "ratings.csv", "--model", "biasedmf", "--trials", 2, "--epochs", 2, "--json")
    assert (document["model"], document["metric"]) == ("BiasedMF", "rmse")
    assert set(document["best_params"]) == {"learning_rate", "regularization", "bias_regularization"}
    assert [row["passes"] for row in document["trials"]] == [2, 2]
    assert document["evaluation"] is None


def test_a_search_that_was_interrupted_goes_on(run, monkeypatch):
    arguments = ("tune", "ratings.csv", *OPTIONS, "--trials", 5, "--test", 0.2, "--storage", "s.db", "--json")
    whole = run(*(argument for argument in arguments if argument not in ("--storage", "s.db")))
    fit, fits = fastmf.WALS.fit, []

    def interrupted(self, data, **more):
        fits.append(data)
        if len(fits) == 3:
            raise KeyboardInterrupt
        return fit(self, data, **more)

    with monkeypatch.context() as patched:
        patched.setattr(fastmf.WALS, "fit", interrupted)
        assert run(*arguments, code=130) == "fastmf: interrupted; the trials that ended are kept in s.db\n"
    on = run(*arguments)
    assert [row["state"] for row in on["trials"]].count("interrupted") == 1
    kept = [{**row, "trial": 0} for row in without_clock(on["trials"]) if row["state"] != "interrupted"]
    assert kept == [{**row, "trial": 0} for row in without_clock(whole["trials"])]
    assert on["evaluation"]["ndcg@10"] == whole["evaluation"]["ndcg@10"]


def test_ctrl_c_without_a_storage_keeps_nothing(run, monkeypatch):
    def interrupted(self, data, **more):
        raise KeyboardInterrupt

    monkeypatch.setattr(fastmf.WALS, "fit", interrupted)
    assert run("tune", "ratings.csv", code=130) == "fastmf: interrupted; nothing was kept\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--space", "factors"], "--space must be NAME=LOW:HIGH, .* got 'factors'"),
        (["--space", "factors="], "--space must be NAME=LOW:HIGH"),
        (["--space", "factors=1:2:3:4"], "--space must be NAME=LOW:HIGH"),
        (["--space", "alpha=1:2:lin"], "--space must be NAME=LOW:HIGH"),
        (["--space", "colour=1:2"], "space must name parameters of WALS, .* got 'colour'"),
        (["--space", "factors=0:2"], r"space\['factors'\] must be an integer in \[1"),
        (["--space", "factors=few,many"], r"space\['factors'\] must be an integer in \[1"),
        (["--trials", "0"], "--trials must be an integer >= 1"),
        (["--seconds", "0"], "--seconds must be a finite number > 0"),
        (["--validation", "1"], "--validation must be a fraction"),
        (["--metric", "rmse"], "metric: rmse needs a model that predicts ratings"),
        (["--metric", "best"], "metric must be one of"),
        (["--model", "popular"], "space must be given for MostPopular"),
        (["--storage", "absent/s.db"], "storage absent/s.db cannot be used"),
    ],
)
def test_errors_are_one_line(run, arguments, message):
    err = run("tune", "ratings.csv", *arguments, code=1)
    assert err.count("\n") == 1
    assert re.match(rf"fastmf: {message}", err), err
