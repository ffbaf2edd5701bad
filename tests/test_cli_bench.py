"""fastmf bench: its figures are the library's, everybody takes turns, and what goes wrong stays in its own row."""

import itertools
import json
import re
import sys
import time
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

import fastmf
from fastmf import _optional
from fastmf.cli import bench, contenders, main, turns
from fastmf.cli.contenders import Contender, Settings
from fastmf.translate import from_hu_koren_volinsky

COMMON = ("--factors", 3, "--seed", 4, "--threads", 1)
SETTINGS = Settings(factors=3, iterations=4, alpha=2.0, regularization=0.5, threads=1, seed=0)


def ratings_file(path, n=380, seed=0):
    generator = np.random.default_rng(seed)
    pairs = generator.permutation(30 * 20)[:n]
    lines = [f"u{pair // 20},{pair % 20},{generator.integers(1, 11) / 2}" for pair in pairs.tolist()]
    path.write_text("\n".join(["user,item,stars", *lines]) + "\n")


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run a command in a folder with ratings.csv."""
    monkeypatch.chdir(tmp_path)
    ratings_file(tmp_path / "ratings.csv")

    def run_command(*arguments, code=0):
        capsys.readouterr()
        assert main(["bench", "ratings.csv", *(str(argument) for argument in arguments)]) == code
        out, err = capsys.readouterr()
        if code == 0:
            assert err == ""
        answer = json.loads(out) if "--json" in arguments and code != 1 else out
        return answer if code == 0 else err if code == 1 else (answer, err)

    return run_command


@pytest.fixture
def alone(monkeypatch):
    """No other library is installed."""
    real = _optional.version
    peers = {name for _, others in contenders.TASKS.values() for name in others}
    monkeypatch.setattr(_optional, "version", lambda name: None if name in peers else real(name))


def by_name(document):
    return {result["name"]: result for result in document["results"]}


def parts(seed=4, share=0.25):
    return fastmf.split_random(fastmf.Ratings.from_csv("ratings.csv"), share, random_state=seed)


def test_rankers_have_the_figures_of_the_library(run, alone):
    given = ("--iterations", 4, "--alpha", 2, "--regularization", 0.5, "--k", 3, "--test", 0.25, "--repeats", 2)
    document = run(*COMMON, *given, "--json")
    train, test = parts()
    objective = from_hu_koren_volinsky(3, 0.5, 2.0, sweeps=4)
    models = {f"WALS {s}": objective.model(solver=s, random_state=4) for s in ("cholesky", "cg", "auto")}
    for name, model in {"MostPopular": fastmf.MostPopular(), **models}.items():
        report = fastmf.evaluate(model.fit(train), test, k=3)
        result = by_name(document)[name]
        assert (result["ndcg@3"], result["recall@3"]) == (report["ndcg@3"], report["recall@3"]), name
        J = None if name == "MostPopular" else model.objective(train).total
        assert result["objective"] == J
        assert (len(result["seconds_of_each"]), result["error"], result["library"]) == (2, None, "fastmf")
    assert by_name(document)["WALS cg"]["parameters"]["solver"] == "cg"
    assert (document["fitted_to"], document["judged_by"], document["interrupted"]) == (train.nnz, test.nnz, False)
    assert document["left_out"] == [{"library": name, "why": "not installed"} for name in ("implicit", "irspack")]
    assert document["settings"] == {
        **{"factors": 3, "iterations": 4, "alpha": 2.0, "regularization": 0.5, "threads": 1, "seed": 4},
        **{"test": 0.25, "repeats": 2},
    }


@pytest.mark.parametrize("regularization", [None, 0.2])
def test_raters_have_the_figures_of_the_library(run, alone, regularization):
    more = () if regularization is None else ("--regularization", regularization)
    document = run(*COMMON, "--task", "ratings", "--iterations", 5, "--test", 0.25, "--repeats", 1, *more, "--json")
    train, test = parts()
    changed = {"factors": 3, "random_state": 4} | ({"regularization": regularization} if regularization else {})
    models = {
        "BiasedMF": fastmf.BiasedMF(epochs=5, **changed),
        "SVDpp": fastmf.SVDpp(epochs=5, **changed),
        "WALS biased": fastmf.WALS(iterations=5, unobserved_weight=0, biased=True, **changed),
    }
    assert list(by_name(document)) == list(models)
    for name, model in models.items():
        model.fit(train)
        expected = fastmf.rmse(model, test), fastmf.mae(model, test)
        assert (by_name(document)[name]["rmse"], by_name(document)[name]["mae"]) == expected, name
    assert [each["library"] for each in document["left_out"]] == ["scikit-surprise", "libmf"]
    assert document["settings"]["alpha"] is None


def test_the_regularization_of_rankers_follows_the_ratings():
    ratings = fastmf.Ratings.from_arrays([0, 0, 1, 2, 3], [0, 1, 0, 0, 0], [5, 4, 3, 2, 1.03])
    assert bench.default_regularization(ratings, 1.0) == 1.3  # 15.03 / sqrt(4 x 2) / 4, in two digits
    assert bench.default_regularization(ratings, 10.0) == 13.0


def test_the_defaults(run, alone):
    settings = run("--json", "--repeats", 1, "--only", "popular")["settings"]
    assert settings["threads"] >= 1
    assert {**settings, "threads": 0} == {
        **{"factors": 64, "iterations": 15, "alpha": 1.0, "threads": 0, "seed": 0, "test": 0.2, "repeats": 1},
        "regularization": settings["regularization"],
    }
    train, _ = fastmf.split_random(fastmf.Ratings.from_csv("ratings.csv"), 0.2, 0)
    assert settings["regularization"] == bench.default_regularization(train, 1.0)
    document = run("--json", "--repeats", 1, "--task", "ratings", "--only", "svd")
    assert document["settings"]["iterations"] == 20
    assert list(by_name(document)) == ["SVDpp"]


def test_the_table_says_what_the_document_does(run, alone):
    text = run(*COMMON, "--out", "found.json", "--regularization", 0.5)
    document = json.loads(Path("found.json").read_text())
    assert text.startswith(
        "ratings.csv: 380 ratings, 304 to learn from and 76 to judge by\nranking: 3 factors, 15 iter"
    )
    assert "alpha 1, regularization 0.5, 1 thread (" in text
    for name, result in by_name(document).items():
        J = "-" if result["objective"] is None else f"{result['objective']:,.0f}"
        shown = rf"^{name} +{result['seconds']:.3g} +{result['ndcg@10']:.4f} +{result['recall@10']:.4f} +{J}$"
        assert re.search(shown, text, re.M), text
    assert text.endswith("left out, not installed: implicit, irspack\nsaved in found.json\n")
    assert document["saved"] == "found.json"


def test_json_on_the_screen_is_the_json_in_the_file(run, alone):
    assert run(*COMMON, "--json", "--out", "found.json") == json.loads(Path("found.json").read_text())


def test_the_picture_shows_quality_against_seconds(run, alone, monkeypatch):
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    figures, save = [], Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **more: (figures.append(self), save(self, *a, **more)))
    document = run(*COMMON, "--picture", "found.png", "--json")
    assert Path("found.png").read_bytes()[:4] == b"\x89PNG"
    (ax,) = figures[0].axes
    drawn = {line.get_label(): line for line in ax.lines}
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(drawn)
    assert (ax.get_ylabel(), document["picture"]) == ("ndcg@10", "found.png")
    for name, result in by_name(document).items():
        assert drawn[name].get_ydata()[0] == result["ndcg@10"]
        if name != "MostPopular":
            assert drawn[name].get_xdata().tolist() == [result["seconds"]]


# -- turns --------------------------------------------------------------------------------------------------------


def fake(name, log, fit=None, **more):
    """A contender that writes down what is done with it; it learns how popular items are."""

    def logged(what, do):
        def call(*arguments):
            log.append((name, what))
            return do(*arguments)

        return call

    popular = fastmf.MostPopular()
    return Contender(
        name=name,
        parameters={},
        prepare=logged("prepare", lambda train: train),
        fit=logged("fit", fit or (lambda train: popular.fit(train))),
        model=logged("model", lambda learned, train: learned),
        **more,
    )


def play(monkeypatch, *players):
    monkeypatch.setitem(bench.TASKS, "ranking", (lambda settings: list(players), {}))


def test_they_take_turns_and_are_prepared_and_judged_once(run, monkeypatch):
    log = []
    play(monkeypatch, fake("A", log), fake("B", log))
    document = run("--json")
    once = [("A", "prepare"), ("A", "fit"), ("A", "model"), ("B", "prepare"), ("B", "fit"), ("B", "model")]
    assert log == [*once, *[("A", "fit"), ("B", "fit")] * 2]
    for result in document["results"]:
        assert result["seconds"] == sorted(result["seconds_of_each"])[1]


def test_only_the_fit_is_timed(run, monkeypatch):
    def slowly(do):
        def call(*arguments):
            time.sleep(0.05)
            return do(*arguments)

        return call

    model = fastmf.MostPopular()
    play(
        monkeypatch,
        Contender(
            name="slow around",
            parameters={},
            prepare=slowly(lambda train: train),
            fit=lambda train: model.fit(train),
            model=slowly(lambda learned, train: learned),
        ),
        Contender(name="slow", parameters={}, fit=slowly(lambda train: model.fit(train))),
    )
    around, slow = run("--json", "--repeats", 1)["results"]
    assert around["seconds"] < 0.05 <= slow["seconds"]


def test_one_that_fails_does_not_end_the_run(run, monkeypatch):
    log, fits = [], itertools.count()

    def fails(train):
        raise RuntimeError("no\nluck")

    def fails_later(train):
        if next(fits):
            raise FloatingPointError
        return fastmf.MostPopular().fit(train)

    play(monkeypatch, fake("bad", log, fails), fake("later", log, fails_later), fake("good", log))
    text = run("--out", "found.json")
    bad, later, good = json.loads(Path("found.json").read_text())["results"]
    assert (bad["error"], bad["seconds"], bad["seconds_of_each"]) == ("RuntimeError: no luck", None, [])
    assert (later["error"], len(later["seconds_of_each"])) == ("FloatingPointError", 1)
    assert later["ndcg@10"] == good["ndcg@10"] > 0
    assert (good["error"], len(good["seconds_of_each"])) == (None, 3)
    assert [what for name, what in log if name == "bad"] == ["prepare", "fit"]
    assert "\nbad failed: RuntimeError: no luck\nlater failed: FloatingPointError\n" in text
    assert re.search(r"^bad +- +- +- +-$", text, re.M)


def test_where_all_fail_it_is_an_error(run, monkeypatch):
    def fails(train):
        raise RuntimeError("no luck")

    play(monkeypatch, fake("bad", [], fails))
    err = run("--out", "found.json", code=1)
    assert err == "fastmf: nothing could be measured: bad: RuntimeError: no luck\n"
    assert not Path("found.json").exists()


def test_what_others_print_and_warn_is_not_in_the_answer(run, monkeypatch):
    def noisy(train):
        print("hello")
        warnings.warn("dear me", stacklevel=1)
        return fastmf.MostPopular().fit(train)

    play(monkeypatch, fake("noisy", [], noisy))
    assert run("--json")["results"][0]["error"] is None


# -- interruption -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", [(), ("--out", "found.json")])
def test_ctrl_c_keeps_what_was_measured(run, monkeypatch, out):
    fits = itertools.count(1)

    def interrupted(train):
        if next(fits) == 2:
            raise KeyboardInterrupt
        return fastmf.MostPopular().fit(train)

    play(monkeypatch, fake("A", []), fake("B", [], interrupted))
    document, err = run("--json", *out, code=130)
    where = "in found.json" if out else "on standard output"
    assert err == f"fastmf: interrupted; 3 fits of 6 are {where}\n"
    assert document["interrupted"] is True
    assert [len(result["seconds_of_each"]) for result in document["results"]] == [2, 1]
    assert all(result["ndcg@10"] > 0 and result["error"] is None for result in document["results"])
    if out:
        assert json.loads(Path("found.json").read_text()) == document


def test_ctrl_c_before_anything_was_measured_keeps_nothing(run, monkeypatch):
    def interrupted(train):
        raise KeyboardInterrupt

    play(monkeypatch, fake("A", [], interrupted))
    assert run("--out", "found.json", code=130) == ("", "fastmf: interrupted; nothing was kept\n")
    assert not Path("found.json").exists()


# -- what goes wrong ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "x"], r"--task must be one of 'ranking', 'ratings', got 'x'"),
        (["--factors", "0"], r"--factors must be an integer >= 1, got 0"),
        (["--iterations", "0"], r"--iterations must be an integer >= 1, got 0"),
        (["--repeats", "0"], r"--repeats must be an integer >= 1, got 0"),
        (["--k", "x"], r"--k must be an integer >= 1, got 'x'"),
        (["--alpha", "0"], r"--alpha must be a finite number > 0.* got 0"),
        (["--regularization", "-1"], r"--regularization must be .* got -1"),
        (["--test", "1"], r"--test must be a fraction between 0 and 1, got 1"),
        (["--only", "spark"], r"--only must be part of a name of MostPopular, WALS cholesky, .* got 'spark'"),
        (["--out", "absent/found.json"], r"absent/found\.json: No such file or directory"),
        (["--picture", "absent/found.png"], r"absent/found\.png: No such file or directory"),
        (["--value", "none", "--user", "who"], r"ratings\.csv, line 1: .*'who'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_errors_are_one_line_and_come_before_the_work(run, alone, monkeypatch, arguments, message):
    monkeypatch.setattr(turns.Result, "turn", None)
    err = run(*arguments, code=1)
    assert err.count("\n") == 1
    assert re.match(rf"fastmf: {message}", err), err


def test_a_picture_needs_a_kind_that_can_be_drawn(run, monkeypatch):
    monkeypatch.setattr(turns.Result, "turn", None)
    pytest.importorskip("matplotlib")
    assert "--picture must end in one of " in run("--picture", "found.txt", code=1)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "pip install 'fastmf[plots]'" in run("--picture", "found.png", code=1)


def test_values_that_are_no_confidences_are_refused_once_for_all(run, alone, tmp_path):
    lines = [f"{number % 7},{number // 7},{-1 if number == 5 else 1}" for number in range(40)]
    (tmp_path / "ratings.csv").write_text("\n".join(["user,item,stars", *lines]) + "\n")
    assert "values must be >= 0 in Hu, Koren & Volinsky's model, got -1" in run("--test", 0.1, code=1)
    assert by_name(run("--value", "none", "--factors", 2, "--json"))["WALS cg"]["error"] is None


@pytest.mark.parametrize("option", ["--alpha", "--k"])
def test_options_of_the_other_task_are_a_usage_error(run, capsys, option):
    with pytest.raises(SystemExit) as caught:
        main(["bench", "ratings.csv", "--task", "ratings", option, "3"])
    assert caught.value.code == 2
    assert "--alpha and --k are of --task ranking" in capsys.readouterr().err


# -- other libraries ----------------------------------------------------------------------------------------------


def module(monkeypatch, name, **members):
    """A module, and those it is in."""
    parents = name.split(".")
    for length in range(1, len(parents) + 1):
        path = ".".join(parents[:length])
        if path not in sys.modules or length == len(parents):
            monkeypatch.setitem(sys.modules, path, types.ModuleType(path))
        if length > 1:
            monkeypatch.setattr(
                sys.modules[".".join(parents[: length - 1])], parents[length - 1], sys.modules[path], raising=False
            )
    for member, value in members.items():
        setattr(sys.modules[name], member, value)


def small():
    """Four users, three items; the last user and the last item have nothing. One stored zero."""
    users, items, values = [0, 0, 1, 2, 1], [0, 1, 1, 0, 0], [4.0, 0.0, 0.5, 2.0, 5.0]
    return fastmf.Ratings.from_sparse(sp.coo_array((values, (users, items)), shape=(4, 3)).tocsr())


def alternately(contender, train):
    return contender.model(contender.fit(contender.prepare(train)), train)


def test_implicit_gets_one_plus_alpha_r_and_its_factors_are_judged(monkeypatch):
    got = {}

    class AlternatingLeastSquares:
        def __init__(self, **parameters):
            got.update(parameters)

        def fit(self, matrix, show_progress):
            got.update(matrix=matrix.toarray(), writeable=matrix.data.flags.writeable, shown=show_progress)
            self.user_factors = np.ones((4, 3), np.float32)
            self.item_factors = np.full((3, 3), 0.1, np.float32)

    module(monkeypatch, "implicit.cpu.als", AlternatingLeastSquares=AlternatingLeastSquares)
    limits = []

    class Limits:
        def __init__(self, *limit):
            limits.append(limit)

        __enter__ = __exit__ = lambda *arguments: None

    module(monkeypatch, "threadpoolctl", threadpool_limits=Limits)
    train = small()
    before = train.data.copy()
    model = alternately(contenders.implicit(SETTINGS), train)
    np.testing.assert_array_equal(got.pop("matrix"), [[9, 0, 0], [11, 2, 0], [5, 0, 0], [0, 0, 0]])
    assert got == {
        **{"factors": 3, "iterations": 4, "alpha": 1.0, "regularization": 0.5, "use_cg": True, "num_threads": 1},
        **{"random_state": 0, "writeable": True, "shown": False},
    }
    assert limits == [(1, "blas")]
    np.testing.assert_array_equal(train.data, before)
    # by hand: stored 0.3 against 1 with 9, 11, 2, 5; the other eight pairs against 0; four and three rows of 0.5 |x|^2
    data, weights = SETTINGS.objective.prepare(train)
    J = (9 + 11 + 2 + 5) * 0.7**2 + 8 * 0.3**2 + 0.5 * (4 * 3 + 3 * 0.03)
    assert model.objective(data, weights=weights).total == pytest.approx(J, rel=1e-5)


def test_irspack_gets_alpha_r_and_its_factors_are_judged(monkeypatch):
    got = {}

    class IALSRecommender:
        def __init__(self, matrix, **parameters):
            got.update(parameters, matrix=matrix.toarray())

        def learn(self):
            return self

        get_user_embedding = staticmethod(lambda: np.ones((4, 3), np.float32))
        get_item_embedding = staticmethod(lambda: np.full((3, 3), 0.1, np.float32))

    module(monkeypatch, "irspack", IALSRecommender=IALSRecommender)
    model = alternately(contenders.irspack(SETTINGS), small())
    np.testing.assert_array_equal(got.pop("matrix"), [[8, 0, 0], [10, 1, 0], [4, 0, 0], [0, 0, 0]])
    translated = fastmf.translate.from_irspack(**got)
    expected = SETTINGS.objective
    same = ("factors", "iterations", "regularization", "unobserved_weight", "regularization_exponent", "confidence")
    assert {name: translated.params[name] for name in same} == {name: expected.params[name] for name in same}
    assert (model.predict(0, 0), model.num_threads) == (pytest.approx(0.3), 1)


def test_libmf_predicts_the_mean_where_it_knows_nothing(monkeypatch):
    got = {}
    P = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], np.float32)  # nothing beyond the largest number with a rating
    Q = np.array([[1, 0, 1], [0, 1, 0]], np.float32)

    class MF:
        def __init__(self, **parameters):
            got.update(parameters)

        def fit(self, triples):
            got.update(triples=triples)
            self.model = types.SimpleNamespace(b=2.5)

        p_factors = staticmethod(lambda: np.where(np.arange(3)[:, None] == 2, np.nan, P))
        q_factors = staticmethod(lambda: Q)

    module(monkeypatch, "libmf.mf", MF=MF)
    model = alternately(contenders.libmf(SETTINGS), small())
    assert got["triples"].dtype == np.float32
    assert sorted(map(tuple, got.pop("triples").tolist())) == [(0, 0, 4), (0, 1, 0), (1, 0, 5), (1, 1, 0.5), (2, 0, 2)]
    assert (got["k"], got["nr_iters"], got["nr_threads"]) == (3, 4, 1)
    assert got["lambda_p2"] == got["lambda_q2"] == 0.5
    assert got["lambda_p1"] == got["lambda_q1"] == 0
    expected = np.full((4, 3), 2.5)
    expected[:2, :2] = P[:2] @ Q.T
    users, items = np.indices((4, 3)).reshape(2, -1)
    np.testing.assert_allclose(model.predict(users, items).reshape(4, 3), expected, rtol=1e-6)


def test_surprise_predicts_by_what_it_knows_of_a_pair(monkeypatch):
    got = {}

    class Trainset:
        def __init__(self, by_user, by_item, n_users, n_items, n, scale, *numbers):
            got.update(by_user=dict(by_user), by_item=dict(by_item), shape=(n_users, n_items), n=n, scale=scale)
            self.global_mean = 2.0

    class SVD:
        def __init__(self, **parameters):
            got.update(parameters)

        def fit(self, trainset):
            self.trainset = trainset
            self.pu, self.qi = np.full((4, 3), 0.5), np.full((3, 3), 0.2)
            self.bu, self.bi = np.full(4, 0.25), np.full(3, 0.125)
            return self

    module(monkeypatch, "surprise", Trainset=Trainset, SVD=SVD)
    model = alternately(contenders.surprise(SETTINGS), small())
    assert got["by_user"] == {0: [(0, 4.0), (1, 0.0)], 1: [(0, 5.0), (1, 0.5)], 2: [(0, 2.0)]}
    assert got["by_item"] == {0: [(0, 4.0), (1, 5.0), (2, 2.0)], 1: [(0, 0.0), (1, 0.5)]}
    assert (got["shape"], got["n"], got["scale"]) == ((4, 3), 5, (0.0, 5.0))
    assert (got["n_factors"], got["n_epochs"], got["reg_pu"], got["reg_qi"]) == (3, 4, 0.5, 0.5)
    assert got["reg_bu"] == got["reg_bi"] == fastmf.BiasedMF().bias_regularization
    users, items = [0, 3, 0, 3], [0, 0, 2, 2]
    np.testing.assert_allclose(model.predict(users, items), [2 + 0.375 + 0.3, 2.125, 2.25, 2.0])


@pytest.mark.parametrize(("peer", "limit"), [("surprise", "SURPRISE_MOST"), ("libmf", "LIBMF_MOST")])
def test_data_too_large_for_a_peer_are_refused(monkeypatch, peer, limit):
    module(monkeypatch, "libmf.mf", MF=None)
    module(monkeypatch, "surprise", Trainset=None)
    monkeypatch.setattr(contenders, limit, 3)
    with pytest.raises(ValueError, match="more than 3 "):
        getattr(contenders, peer)(SETTINGS).prepare(small())


def test_an_installed_peer_takes_part_and_one_that_cannot_be_imported_fails(run, alone, monkeypatch):
    monkeypatch.setattr(_optional, "version", lambda name: "1.0")
    monkeypatch.setitem(sys.modules, "implicit", None)
    monkeypatch.setitem(sys.modules, "irspack", None)
    document = run("--json", *COMMON)
    assert document["left_out"] == []
    for name in ("implicit ALS cg", "irspack iALS cg"):
        assert "Error: " in by_name(document)[name]["error"]
    assert by_name(document)["WALS cg"]["error"] is None
    assert document["machine"]["versions"]["irspack"] == "1.0"


@pytest.mark.parametrize("library", ["implicit", "irspack"])
def test_real_rankers_reach_the_same_objective(run, library):
    pytest.importorskip(library)
    document = run("--json", "--iterations", 60, "--factors", 3, "--regularization", 2, "--only", f"cholesky,{library}")
    own, other = document["results"]
    assert other["error"] is None
    assert other["objective"] == pytest.approx(own["objective"], rel=0.02)


@pytest.mark.parametrize(("library", "name"), [("surprise", "Surprise SVD"), ("libmf", "LIBMF")])
def test_real_raters_predict_ratings(run, library, name):
    pytest.importorskip(library)
    (result,) = run("--json", "--task", "ratings", "--factors", 3, "--only", name)["results"]
    assert result["error"] is None
    assert 0.5 < result["rmse"] < 4
