"""README.md: the tour runs, the commands parse, the tables say what the code does."""

import re
import shlex
from importlib.metadata import metadata
from pathlib import Path

import numpy as np
import pytest

import fastmf
from fastmf.cli.main import _parser
from fastmf.evaluation import METRICS

PATH = Path(__file__).parent.parent / "README.md"
README = PATH.read_text(encoding="utf-8") if PATH.exists() else metadata("fastmf").get_payload()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def test_the_tour_runs_and_is_ten_lines(tmp_path, monkeypatch, capsys):
    (tour,) = blocks("python")
    lines = [line for line in tour.splitlines() if line and line != "import fastmf"]
    assert len(lines) == 10
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(tour, names)
    printed = capsys.readouterr().out
    assert re.search(r"^recall +0\.\d+ +0\.\d+$", printed, re.MULTILINE)
    seen = names["train"].rows(names["train"].users.numbers([96])).indices
    assert not set(names["items"]) & set(names["ratings"].items.ids[seen])
    assert names["stars"].shape == names["similar"].shape == (5,)
    assert names["ratings"].item_info["title"][names["ratings"].items.number(1)] == "Toy Story"
    np.testing.assert_array_equal(names["same"].recommend(96, k=5)[0], names["items"])


@pytest.mark.parametrize(
    "line", [line for block in blocks("bash") for line in block.splitlines() if line.startswith("fastmf ")]
)
def test_command_lines_are_ones_the_parser_takes(line):
    arguments = shlex.split(line)[1:]
    assert _parser(arguments).parse_args(arguments).run


def test_options_that_the_text_names_exist():
    arguments = ["train", "ratings.csv", *["--out", "m", "--user", "userId", "--item", "movieId", "--value", "rating"]]
    parsed = _parser(arguments).parse_args(arguments)
    assert (parsed.user, parsed.item, parsed.value) == ("userId", "movieId", "rating")
    assert "`fastmf train --model biasedmf --help`" in README


@pytest.mark.parametrize("name", ["demo", "test"])
def test_both_commands_are_there_for_the_check_of_every_change(name):
    command = re.search(rf"^<!-- run: {name} -->\n```bash\n(.*)\n```$", README, re.MULTILINE)
    assert command, f"no command marked {name}"
    assert command[1].startswith("python3 -m venv .venv && .venv/bin/pip install -e ")
    assert len(command[1].splitlines()) == 1


def test_metrics_are_defined_as_in_the_code():
    rows = dict(re.findall(r"^\| (\w+)(?:@k)? \| (.*) \|$", README, re.MULTILINE))
    assert {name: rows.get(name, "").replace("\\|", "|") for name in METRICS} == {
        name: metric.definition for name, metric in METRICS.items()
    }
    with_cutoff = set(re.findall(r"^\| (\w+)@k \|", README, re.MULTILINE))
    assert with_cutoff == {name for name, metric in METRICS.items() if metric.has_cutoff}


def test_the_map_shows_every_room():
    drawn = re.search(r"## The map of the house\n(.*?)\n\* ", README, re.DOTALL)[1]
    package = Path(fastmf.__file__).parent
    rooms = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms - {"__init__"} <= set(re.findall(r"[\w.]+", drawn))
    assert "kernels.simd" in drawn


def test_variables_of_the_environment_are_ones_that_are_read():
    named = set(re.findall(r"^\| `(\w+)", README, re.MULTILINE))
    package = Path(fastmf.__file__).parent
    sources = [*package.rglob("*.py"), *package.rglob("*.pyx"), package.parent / "setup.py"]
    read = "".join(path.read_text(encoding="utf-8") for path in sources if path.exists())
    if not (package.parent / "setup.py").exists():
        named = {"OMP_NUM_THREADS"}
    assert named
    assert all(f'"{name}"' in read for name in named)


def test_bounds_are_those_of_the_metadata():
    required = " ".join(metadata("fastmf").get_all("Requires-Dist"))
    numpy, scipy = re.search(r"from NumPy (\d\.\d+) and SciPy (\d\.\d+) on", README).groups()
    assert f"numpy>={numpy}" in required
    assert f"scipy>={scipy}" in required
