"""The command line: every command in both forms, every error in one line, interruption, pipes and terminals."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import fields
from functools import partial
from importlib.metadata import entry_points

import numpy as np
import pytest
import scipy.sparse as sp

import fastmf
from fastmf import _optional, _threads
from fastmf.cli import main
from fastmf.cli import options as cli_options
from fastmf.cli.answer import fit, share, table
from fastmf.kernels.simd import table as leaves

COMMAND = [sys.executable, "-m", "fastmf"]


def entries(n=600, n_users=40, n_items=25, seed=0):
    """Users, items and ratings, each pair once, with text for ids of users."""
    generator = np.random.default_rng(seed)
    pairs = generator.permutation(n_users * n_items)[:n]
    return [
        (
            f"u{pair // n_items}",
            int(pair % n_items) + 100,
            float(generator.integers(1, 11)) / 2,
            int(generator.integers(10**9)),
        )
        for pair in pairs
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a file of ratings, a smaller one to test on, and a model of each kind."""
    path = tmp_path_factory.mktemp("cli")
    lines = [",".join(map(str, entry)) for entry in entries()]
    path.joinpath("ratings.csv").write_text("\n".join(["user,item,stars,time", *lines[:500]]) + "\n")
    path.joinpath("test.csv").write_text("\n".join(["user,item,stars,time", *lines[500:]]) + "\n")
    for name in cli_options.MODELS:
        assert main(["train", str(path / "ratings.csv"), "--model", name, "--out", str(path / f"{name}.fmf")]) == 0
    return path


@pytest.fixture
def run(capsys, folder, monkeypatch):
    """Run a command in the folder; what it printed must be all there is."""
    monkeypatch.chdir(folder)

    def run_command(*arguments, code=0):
        capsys.readouterr()
        assert main([str(argument) for argument in arguments]) == code
        out, err = capsys.readouterr()
        if code == 0:
            assert err == ""
        return json.loads(out) if "--json" in arguments and code in (0, 130) else out if code == 0 else err

    return run_command


# -- train --------------------------------------------------------------------------------------------------------


def test_train_saves_the_model_the_library_would_fit(run):
    given = ("--factors", 3, "--iterations", 4, "--regularization", "0.5,0.25", "--confidence", "log")
    text = run("train", "ratings.csv", *given, "--dtype", "float64", "--seed", 7, "--track-objective", "--out", "a.fmf")
    assert "500 ratings by 40 users of 25 items, 50% of all pairs" in text
    assert text.endswith("saved in a.fmf\n")
    saved = fastmf.load("a.fmf")
    expected = fastmf.WALS(
        factors=3,
        iterations=4,
        regularization=(0.5, 0.25),
        confidence="log",
        dtype="float64",
        random_state=7,
        track_objective=True,
    )
    expected.fit(fastmf.Ratings.from_csv("ratings.csv"))
    assert {**saved.get_params(), "regularization": (0.5, 0.25)} == expected.get_params()
    np.testing.assert_array_equal(saved.item_factors, expected.item_factors)
    assert [record["objective"] for record in saved.history] == [record["objective"] for record in expected.history]


@pytest.mark.parametrize("name", cli_options.MODELS)
def test_every_parameter_is_an_option_with_a_description_and_its_default(name, capsys):
    model = cli_options.MODELS[name]
    described = cli_options.descriptions(model)
    with pytest.raises(SystemExit) as caught:
        main(["train", "--model", name, "--help"])
    assert caught.value.code == 0
    text = " ".join(capsys.readouterr().out.split())
    for field in fields(model):
        assert len(described[field.name]) > 10
        if field.name in cli_options.SHARED:
            continue
        words = re.escape(f"{described[field.name]} (default: {field.default})").replace(r"\ ", r"\s?")
        assert re.search(f"--{field.name.replace('_', '-')} .*{words}", text), field.name


def test_a_model_has_only_its_own_options(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["train", "x.csv", "--model", "popular", "--factors", "3", "--out", "m.fmf"])
    assert caught.value.code == 2
    assert "unrecognized arguments: --factors 3" in capsys.readouterr().err


@pytest.mark.parametrize("name", cli_options.MODELS)
def test_train_with_a_test_share_reports_what_the_library_would(run, name):
    document = run("train", "ratings.csv", "--model", name, "--test", 0.25, "--seed", 3, "--k", "2,5", "--json")
    train, test = fastmf.split_random(fastmf.Ratings.from_csv("ratings.csv"), 0.25, random_state=3)
    model = cli_options.MODELS[name]()
    if name != "popular":
        model.set_params(random_state=3)
    expected = fastmf.evaluate(model.fit(train), test, k=(2, 5))
    for figure in expected:
        assert document["evaluation"][figure] == expected[figure]
    assert (document["fitted_to"], document["saved"], document["interrupted"]) == (train.nnz, None, False)
    assert document["model"] == type(model).__name__
    assert document["parameters"] == model.get_params()
    assert document["history"] == [] or len(document["history"]) == len(model.history)


def test_train_finds_columns_by_name_or_number(run, folder):
    expected = fastmf.Ratings.from_csv("ratings.csv")
    rows = [line.split(",") for line in (folder / "ratings.csv").read_text().splitlines()[1:]]
    (folder / "other.tsv").write_text("".join("\t".join([t, v, i, u]) + "\n" for u, i, v, t in rows))
    (folder / "named.csv").write_text(
        "".join("when;stars;film;who\n" + "".join(";".join([t, v, i, u]) + "\n" for u, i, v, t in rows))
    )
    by_number = ("--user", 3, "--item", 2, "--value", 1, "--timestamp", 0)
    by_name = ("--user", "who", "--item", "film", "--value", "stars", "--timestamp", "when")
    for arguments in (
        ("other.tsv", *by_number, "--separator", "tab", "--no-header"),
        ("named.csv", *by_name, "--separator", ";"),
    ):
        described = run("train", *arguments, "--model", "popular", "--out", "c.fmf", "--json")["ratings"]
        assert described["ratings"] == expected.nnz
        assert described["mean"] == expected.describe()["mean"]
        assert described["last"] > 10**8
        assert fastmf.load("c.fmf").item_ids == expected.items


def test_train_without_values_and_with_duplicates(run, folder):
    (folder / "log.csv").write_text("a,x,1\na,x,2\nb,y,3\n")
    arguments = ("train", "log.csv", "--no-header", "--model", "popular", "--out", "d.fmf", "--json")
    none = run(*arguments, "--value", "none", "--duplicates", "sum")["ratings"]
    assert (none["ratings"], none["minimum"], none["maximum"]) == (2, 1, 2)
    assert run(*arguments, "--duplicates", "max")["ratings"]["maximum"] == 3
    assert "is there 2 times" in run(*arguments, code=1) or "duplicate" in run(*arguments, code=1)


# -- recommend and similar ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", cli_options.MODELS)
def test_recommend_lists_what_the_library_does(run, name):
    model = fastmf.load(f"{name}.fmf")
    document = run("recommend", f"{name}.fmf", "--user", "u3", "--user", "u0", "--k", 4, "--json")
    items, scores = model.recommend(["u3", "u0"], 4)
    assert document["model"] == type(model).__name__
    for row, answer in enumerate(document["recommendations"]):
        assert answer["user"] == ("u3", "u0")[row]
        assert answer["items"] == [
            {"item": item, "score": score}
            for item, score in zip(items[row].tolist(), scores[row].tolist(), strict=True)
        ]
    text = run("recommend", f"{name}.fmf", "--user", "u3", "--k", 4).splitlines()
    assert text[0] == "For user u3"
    assert [line.split()[2] for line in text[1:]] == [str(item) for item in items[0]]


def test_recommend_leaves_out_what_was_seen_and_never_shows_padding(run):
    seen = {item for user, item, *_ in entries()[:500] if user == "u3"}
    without = run("recommend", "wals.fmf", "--user", "u3", "--k", 1000, "--json")["recommendations"][0]["items"]
    everything = run("recommend", "wals.fmf", "--user", "u3", "--k", 1000, "--include-seen", "--json")
    everything = everything["recommendations"][0]["items"]
    assert {entry["item"] for entry in without} == set(range(100, 125)) - seen
    assert {entry["item"] for entry in everything} == set(range(100, 125))


def test_recommend_says_when_nothing_is_left(run, folder):
    (folder / "full.csv").write_text("a,x,1\na,y,2\nb,y,3\n")
    run("train", "full.csv", "--no-header", "--model", "popular", "--out", "full.fmf")
    assert "nothing is left" in run("recommend", "full.fmf", "--user", "a")


@pytest.mark.parametrize("seen", [[], ["--include-seen"]])
def test_recommend_writes_the_lists_of_all_users(run, tmp_path, seen):
    model, path = fastmf.load("wals.fmf"), tmp_path / "lists.csv"
    lines = model.write_recommendations(tmp_path / "expected.csv", 4, exclude_seen=not seen)
    document = run("recommend", "wals.fmf", "--all", "--k", 4, "--out", path, *seen, "--json")
    assert document == {"model": "WALS", "users": 40, "lines": lines, "file": str(path)}
    assert path.read_text() == (tmp_path / "expected.csv").read_text()
    assert run("recommend", "wals.fmf", "--all", "--k", 1, "--out", path) == f"40 lines for 40 users are in {path}\n"


def test_similar_lists_what_the_library_does(run):
    document = run("similar", "wals.fmf", "--item", 101, "--item", 110, "--k", 3, "--json")
    items, scores = fastmf.load("wals.fmf").similar_items([101, 110], 3)
    assert [answer["item"] for answer in document["similar"]] == [101, 110]
    for row, answer in enumerate(document["similar"]):
        assert [entry["item"] for entry in answer["items"]] == items[row].tolist()
        assert [entry["score"] for entry in answer["items"]] == scores[row].tolist()
    assert run("similar", "wals.fmf", "--item", 101).startswith("Like item 101\n")


def test_titles_are_shown_where_the_model_has_them(run):
    fastmf.WALS(factors=4, iterations=2, random_state=0).fit(fastmf.movielens()).save("films.fmf")
    assert re.search(
        r"^Like item 1 +Toy Story \(1995\)\n +1 .*\(\d{4}\)$", run("similar", "films.fmf", "--item", 1), re.M
    )
    document = run("recommend", "films.fmf", "--user", 15, "--k", 2, "--json")
    assert all(entry["title"] and entry["year"] > 1900 for entry in document["recommendations"][0]["items"])


def test_a_year_is_whole_or_absent_after_items_without_one_came(run):
    ratings = fastmf.Ratings.from_arrays([1, 1], [1, 2]).with_item_info({"year": np.array([1990, 1991])})
    fastmf.WALS(factors=2).fit(ratings).partial_fit(fastmf.Ratings.from_arrays([2], [3])).save("films.fmf")
    answer = run("recommend", "films.fmf", "--user", 1, "--include-seen", "--json")["recommendations"][0]
    assert {entry["item"]: entry.get("year") for entry in answer["items"]} == {1: 1990, 2: 1991, 3: None}
    text = run("recommend", "films.fmf", "--user", 1, "--include-seen")
    assert "(1990)" in text
    assert "nan" not in text


def test_a_model_without_ids_is_asked_by_number(run):
    fastmf.WALS(factors=2, random_state=0).fit(sp.csr_array(np.eye(5))).save("numbers.fmf")
    answer = run("recommend", "numbers.fmf", "--user", 4, "--json")["recommendations"][0]
    assert answer["user"] == 4
    assert len(answer["items"]) == 4
    for text in ("5", "-1", "x"):
        assert f"knows no user '{text}'; it has 5, such as 0 and 4" in run(
            "recommend", "numbers.fmf", f"--user={text}", code=1
        )


# -- evaluate -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", cli_options.MODELS)
def test_evaluate_reports_what_the_library_does(run, name):
    model, test = fastmf.load(f"{name}.fmf"), fastmf.Ratings.from_csv("test.csv")
    expected = fastmf.evaluate(model, test)
    document = run("evaluate", f"{name}.fmf", "test.csv", "--json")
    assert {figure: document[figure] for figure in expected} == dict(expected)
    assert ("rmse" in document) == model.predicts_ratings
    assert document["notes"] == list(expected.notes)
    text = run("evaluate", f"{name}.fmf", "test.csv")
    assert f"{expected['ndcg@10']:.4f}" in text
    assert "@20" in text


def test_evaluate_passes_its_options_on(run):
    model, test = fastmf.load("wals.fmf"), fastmf.Ratings.from_csv("test.csv")
    given = ("--k", 3, "--relevant-from", 4, "--include-seen", "--threads", 1)
    document = run("evaluate", "wals.fmf", "test.csv", *given, "--json")
    expected = fastmf.evaluate(model, test, k=3, relevant_from=4, exclude_seen=False)
    assert {figure: document[figure] for figure in expected} == dict(expected)
    assert dict(expected) != dict(fastmf.evaluate(model, test, k=3))


# -- info ---------------------------------------------------------------------------------------------------------


def test_info_says_what_is_used_and_why(run):
    document = run("info", "--json")
    assert document["fastmf"] == fastmf.__version__
    assert document["instruction_set"] == {
        "used": leaves.chosen(),
        "supported": list(leaves.supported()),
        "built": list(leaves.built()),
    }
    assert document["openmp"] is leaves.openmp()
    threads = _threads.effective()
    assert document["threads"] == {"count": threads.count, "reason": threads.reason}
    assert document["numpy"] == np.__version__
    assert document["extras"]["progress"] == {"tqdm": _optional.version("tqdm")}
    assert not {"test", "dev", "style"} & set(document["extras"])
    text = run("info")
    assert re.search(rf"^instruction set +{leaves.chosen()}; .*{', '.join(leaves.built())}$", text, re.M)
    assert re.search(rf"^threads +{threads.count} \({threads.reason}\)$", text, re.M)
    assert re.search(rf"^OpenMP +{'yes' if leaves.openmp() else 'no'}$", text, re.M)


def test_info_follows_the_environment():
    def info(**variables):
        return subprocess.run(
            [*COMMAND, "info", "--json"], env={**os.environ, **variables}, capture_output=True, text=True, timeout=60
        )

    document = json.loads(info(FASTMF_SIMD="baseline", OMP_NUM_THREADS="1").stdout)
    assert document["instruction_set"]["used"] == "baseline"
    assert document["threads"]["count"] == 1
    refused = info(FASTMF_SIMD="mmx")
    assert refused.returncode == 1
    assert f"FASTMF_SIMD: instruction set must be one of {', '.join(leaves.built())}, got 'mmx'" in refused.stderr


# -- demo ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def demo():
    """What `fastmf demo` prints in a pipe, and its document."""
    both = [
        subprocess.run([*COMMAND, "demo", *more], capture_output=True, encoding="utf-8", timeout=300)
        for more in ((), ("--json",))
    ]
    assert [(result.returncode, result.stderr) for result in both] == [(0, ""), (0, "")]
    return both[0].stdout, json.loads(both[1].stdout)


def test_demo_compares_three_models(demo):
    popular, biased, wals = demo[1]["models"]
    assert [model["model"] for model in demo[1]["models"]] == ["MostPopular", "BiasedMF", "WALS"]
    assert popular["rmse"] is None
    assert wals["rmse"] is None
    assert 0.8 < biased["rmse"] < 0.9
    assert wals["recall@10"] > 2 * popular["recall@10"]
    assert wals["ndcg@10"] > 1.5 * popular["ndcg@10"]
    assert min(wals["coverage@10"], biased["coverage@10"]) > popular["coverage@10"] > 0


def test_demo_recommends_films_nobody_had_rated(demo):
    ratings = fastmf.movielens()
    assert len(demo[1]["for_you"]) == len(demo[1]["similar"]) == 3
    for person in demo[1]["for_you"]:
        row = ratings.rows(ratings.users.numbers([person["user"]]))
        rated = {title.partition(" (")[0] for title in ratings.item_info["title"][row.indices]}
        assert person["rated"] == row.nnz
        assert all(film["stars"] >= 4 for film in person["liked"])
        assert all(0.5 < film["stars"] < 5.5 for film in person["for_you"])
        assert not {film["title"] for film in person["for_you"]} & rated


def test_demo_text_fits_a_terminal_and_says_what_the_document_does(demo):
    text, document = demo
    assert max(map(len, text.splitlines())) <= 100
    assert "100,004 ratings of 9,066 films by 671 people, 1995 to 2016" in text
    for model in document["models"]:  # two runs, one result: the demo is deterministic
        assert re.search(rf"^ +{model['model']} .*{model['recall@10']:.4f} +{model['ndcg@10']:.4f} ", text, re.M)
    for person in document["for_you"]:
        assert f"{person['for_you'][0]['stars']:.1f}  {person['for_you'][0]['title'][:20]}" in text
    for film in document["similar"]:
        assert f"{film['similar'][0]['cosine']:.2f}  {film['similar'][0]['title'][:20]}" in text


# -- what goes wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "absent.csv", "--out", "m"], r"absent\.csv: No such file or directory"),
        (["train", ".", "--out", "m"], r"movies\.csv must be beside ratings\.csv, and is missing in \."),
        (["train", "bad.csv", "--out", "m"], r"bad\.csv, line 3, column 2 \(value\): .*'five'"),
        (["train", "empty.csv", "--out", "m"], r"empty\.csv, line 1: "),
        (["train", "ratings.csv", "--user", "who", "--out", "m"], r"ratings\.csv, line 1: .*'who'"),
        (["train", "ratings.csv", "--separator", "::", "--out", "m"], r"separator must be one character"),
        (["train", "ratings.csv", "--duplicates", "x", "--out", "m"], r"duplicates must be one of 'error', .* got 'x'"),
        (["train", "ratings.csv", "--model", "svd", "--out", "m"], r"--model must be one of 'wals', .* got 'svd'"),
        (["train", "ratings.csv", "--factors", "0", "--out", "m"], r"--factors must be an integer in \[1, .* got 0"),
        (["train", "ratings.csv", "--factors", "many", "--out", "m"], r"--factors must be an integer in .* got 'many'"),
        (["train", "ratings.csv", "--regularization", "1,2,3", "--out", "m"], r"--regularization must be .*1, 2, 3"),
        (["train", "ratings.csv", "--alpha", "nan", "--out", "m"], r"--alpha must be a finite number > 0.* got nan"),
        (["train", "ratings.csv", "--confidence", "x", "--out", "m"], r"--confidence must be one of .* got 'x'"),
        (["train", "ratings.csv", "--dtype", "int8", "--out", "m"], r"--dtype must be float32 or float64, got 'int8'"),
        (["train", "ratings.csv", "--threads", "0", "--out", "m"], r"--threads must be None or an integer in"),
        (["train", "ratings.csv", "--seed", "-1", "--out", "m"], r"--seed must be None, an integer in"),
        (["train", "ratings.csv", "--test", "1"], r"--test must be a fraction between 0 and 1, got 1"),
        (["train", "ratings.csv", "--test", "0.5", "--k", "0"], r"--k must be an integer >= 1, got 0"),
        (["train", "ratings.csv", "--out", "absent/m.fmf"], r"absent/m\.fmf: No such file or directory"),
        # before any work
        (["train", "absent.csv", "--out", "away/m.fmf"], r"away/m\.fmf: No such file or directory"),
        (["tune", "absent.csv", "--out", "away/m.fmf"], r"away/m\.fmf: No such file or directory"),
        (["recommend", "absent.fmf", "--user", "1"], r"absent\.fmf: No such file or directory"),
        (["recommend", "damaged.fmf", "--user", "u1"], r"damaged\.fmf is "),
        (["recommend", "ratings.csv", "--user", "u1"], r"ratings\.csv is not a fastmf model file"),
        (["recommend", "wals.fmf", "--user", "zoe"], r"wals\.fmf knows no user 'zoe'; it has 40, such as u0 and u9"),
        (["recommend", "wals.fmf", "--user", "u1", "--k", "-3"], r"--k must be an integer >= 1, got -3"),
        (["recommend", "wals.fmf", "--all", "--out", "m"], r"path must end in \.csv or \.parquet"),
        (["recommend", "wals.fmf", "--all", "--out", "absent/m.csv"], r"absent/m\.csv: No such file or directory"),
        (["similar", "wals.fmf", "--item", "7"], r"wals\.fmf knows no item '7'; it has 25, such as 100 and 124"),
        (["similar", "wals.fmf", "--item", "x"], r"wals\.fmf knows no item 'x'"),
        (["evaluate", "wals.fmf", "absent.csv"], r"absent\.csv: No such file or directory"),
        (["evaluate", "wals.fmf", "test.csv", "--k", "x"], r"--k must be an integer >= 1, got 'x'"),
        (["evaluate", "wals.fmf", "strangers.csv"], r"test must have users and items the model knows"),
        (["demo", "--threads", "x"], r"--threads must be None or an integer in"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_one_line_and_leave_nothing_behind(run, folder, arguments, message):
    (folder / "bad.csv").write_text("user,item,stars\na,b,1\na,c,five\n")
    (folder / "empty.csv").write_text("")
    (folder / "strangers.csv").write_text("user,item,stars\nnobody,nothing,1\n")
    damaged = bytearray((folder / "wals.fmf").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (folder / "damaged.fmf").write_bytes(damaged)
    err = run(*arguments, code=1)
    assert err.count("\n") == 1
    assert re.match(rf"fastmf: {message}", err), err
    assert not (folder / "m").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["paint"],
        ["train"],
        ["train", "x.csv"],
        ["train", "x.csv", "--outt", "m"],
        ["train", "x.csv", "--ou", "m"],
        ["recommend", "m.fmf"],
        ["recommend", "m.fmf", "--all"],
        ["recommend", "m.fmf", "--user", "u1", "--out", "x.csv"],
        ["recommend", "m.fmf", "--user", "u1", "--all", "--out", "x.csv"],
        ["similar", "m.fmf", "--all"],
        ["evaluate", "m.fmf"],
        ["info", "extra"],
    ],
    ids=" ".join,
)
def test_a_command_that_makes_no_sense_is_a_usage_error(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: fastmf")


def test_a_missing_extra_is_one_line(run, monkeypatch):
    def load(path):
        _optional.require("absent_library", "progress")

    monkeypatch.setattr(fastmf, "load", load)
    assert "pip install 'fastmf[progress]'" in run("recommend", "wals.fmf", "--user", "u1", code=1)


def test_an_error_nobody_expected_keeps_its_traceback(run, monkeypatch):
    def load(path):
        raise TypeError("a mistake in fastmf")

    monkeypatch.setattr(fastmf, "load", load)
    with pytest.raises(TypeError, match="a mistake in fastmf"):
        main(["recommend", "wals.fmf", "--user", "u1"])


# -- interruption, pipes, terminals -------------------------------------------------------------------------------


def interrupted_after(passes, monkeypatch):
    """Make Ctrl-C come after so many whole iterations of WALS."""
    original = fastmf.WALS.fit

    def stop(number, record):
        if number == passes:
            raise KeyboardInterrupt

    def fit(self, ratings, **more):
        if passes == 0:
            raise KeyboardInterrupt
        return original(self, ratings, callback=stop, **more)

    monkeypatch.setattr(fastmf.WALS, "fit", fit)


def test_ctrl_c_keeps_the_whole_iterations(run, monkeypatch):
    interrupted_after(2, monkeypatch)
    err = run("train", "ratings.csv", "--iterations", 50, "--test", 0.2, "--out", "kept.fmf", code=130)
    assert re.fullmatch(r"fastmf: interrupted; WALS\(.*\) after 2 passes saved in kept\.fmf\n", err)
    assert len(fastmf.load("kept.fmf").history) == 2
    assert "not saved" in run("train", "ratings.csv", "--test", 0.2, code=130)
    document = run("train", "ratings.csv", "--test", 0.2, "--json", code=130)
    assert document["interrupted"] is True
    assert document["evaluation"] is None


def test_ctrl_c_before_the_first_iteration_keeps_nothing(run, monkeypatch, folder):
    interrupted_after(0, monkeypatch)
    assert run("train", "ratings.csv", "--out", "none.fmf", code=130) == "fastmf: interrupted; nothing was kept\n"
    assert not (folder / "none.fmf").exists()


def shown_on(terminal, pattern, seconds=120):
    """What a terminal shows until the pattern is there."""
    shown, end = b"", time.monotonic() + seconds
    while not re.search(pattern, shown):
        assert time.monotonic() < end, shown
        if select.select([terminal], [], [], 1)[0]:
            shown += os.read(terminal, 4096)
    return shown


def test_a_terminal_gets_a_progress_bar_and_ctrl_c_works_there(folder):
    termios = pytest.importorskip("termios")
    mine, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    arguments = ["train", "ratings.csv", "--iterations", "1000000", "--out", "long.fmf"]
    heeding = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background ignores it
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, stdout=subprocess.DEVNULL, stderr=theirs, preexec_fn=heeding
    )
    os.close(theirs)
    try:
        shown_on(mine, rb"WALS.* [1-9]\d*/1000000")  # a whole iteration is done
        process.send_signal(signal.SIGINT)
        shown_on(mine, rb"interrupted; WALS\(.*\) after \d+ passes saved in long.fmf")
        assert process.wait(60) == 130
    finally:
        process.kill()
        process.wait()
        os.close(mine)
    assert len(fastmf.load(folder / "long.fmf").history) >= 1


def test_a_pipe_gets_no_progress_bar(folder):
    result = subprocess.run(
        [*COMMAND, "train", "ratings.csv", "--out", "pipe.fmf"], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")


def test_a_reader_who_has_had_enough_is_no_error(folder):
    arguments = ["recommend", "wals.fmf", *["--user", "u1"] * 9000, "--k", "25"]
    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 1


def test_a_terminal_without_the_letters_of_an_id_still_gets_the_list(folder):
    (folder / "été.csv").write_text("René,x,1\nb,y,1\nb,x,2\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    for arguments in (["train", "été.csv", "--out", "rene.fmf"], ["recommend", "rene.fmf", "--user", "René"]):
        result = subprocess.run(
            [*COMMAND, *arguments], cwd=folder, env=environment, capture_output=True, encoding="ascii", timeout=60
        )
        assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("For user Ren?\n  1  ")


def test_the_installed_command_is_this_one(capsys):
    (script,) = (script for script in entry_points(group="console_scripts") if script.name == "fastmf")
    assert script.load() is main
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"fastmf {fastmf.__version__}\n"


# -- pieces -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("0.5", 0.5),
        ("1e-3", 0.001),
        ("none", None),
        ("True", True),
        ("false", False),
        ("auto", "auto"),
        ("1,0.5", (1, 0.5)),
        ("5,10,20", (5, 10, 20)),
    ],
)
def test_literal(text, value):
    assert cli_options.literal(text) == value
    assert type(cli_options.literal(text)) is type(value)


def test_table_aligns_columns():
    assert table([("a", "bb", "1"), ("aaa", "b", "10")], right=[2]) == ["a    bb   1", "aaa  b   10"]


def test_fit_cuts_with_an_ellipsis():
    assert fit("abc", 3) == "abc"
    assert fit("ab cd", 4) == "ab…"


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "50%"), (0.0164, "1.6%"), (0.00024, "0.024%"), (1, "100%"), (0, "0%")]
)
def test_share(value, text):
    assert share(value) == text
