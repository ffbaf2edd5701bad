"""The guides: every block of Python runs, in order, and prints what stands in the block of text after it."""

import contextlib
import inspect
import io
import operator
import re
from pathlib import Path

import pytest

import fastmf

FOLDER = Path(fastmf.__file__).parent / "guides"
GUIDES = sorted(FOLDER.glob("*.md"))
PICTURES = sorted(FOLDER.glob("pictures/*.png"))
README = FOLDER.parent.parent / "README.md"
NUMBER = r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?![\w])"


def blocks(text):
    """Pairs of (source, what it prints, or "" where nothing is stated)."""
    pattern = r"^```python\n(.*?)^```$(?:\n+^```text\n(.*?)^```$)?"
    return re.findall(pattern, text, re.DOTALL | re.MULTILINE)


def differences(stated, printed):
    """What is wrong with a print: words must agree and integers too, other numbers to one in the last digit stated."""
    if re.sub(NUMBER, "#", stated).split() != re.sub(NUMBER, "#", printed).split():
        return f"stated:\n{stated}\nprinted:\n{printed}"
    for a, b in zip(re.findall(NUMBER, stated), re.findall(NUMBER, printed), strict=True):
        wanted, got = (float(number.replace(",", "")) for number in (a, b))
        bar = 1.01 * 10.0 ** -len(a.partition(".")[2]) if "." in a else 0
        if not abs(wanted - got) <= bar:
            return f"{a} stated, {b} printed, in:\n{printed}"
    return ""


@pytest.mark.parametrize(
    ("stated", "printed", "same"),
    [
        ("Heat 0.87\n", "Heat  0.88\n", True),
        ("Heat 0.87\n", "Heat 0.89\n", False),
        ("Heat 7 of 10", "Heat 8 of 10", False),
        ("Heat 0.87", "Ronin 0.87", False),
        ("2,010 films", "2,010 films", True),
        ("2,010 films", "2,011 films", False),
        ("-0.10", "0.10", False),
        ("nDCG@10 0.28", "nDCG@20 0.28", False),
        ("ten lines", "", False),
        ("", "ten lines", False),
    ],
)
def test_what_is_printed_is_judged_by_its_words_and_numbers(stated, printed, same):
    assert (differences(stated, printed) == "") is same


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_guide_runs_and_prints_what_it_says(guide, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": guide.stem}
    parts = blocks(guide.read_text(encoding="utf-8"))
    assert parts
    for source, stated in parts:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, str(guide), "exec"), names)
        assert not differences(stated, printed.getvalue()), differences(stated, printed.getvalue())


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_guide_is_short_and_every_block_is_read(guide):
    text = guide.read_text(encoding="utf-8")
    assert 40 <= len(text.splitlines()) <= 160
    assert text.count("```python\n") == len(blocks(text))
    assert text.count("```text\n") == sum(bool(stated) for _, stated in blocks(text)), "a text after no Python"


def resolves(name):
    """Whether the package, a model or its `recommend` has something of this (dotted) name."""
    if name in inspect.signature(fastmf.WALS.recommend).parameters:
        return True
    for home in (fastmf, fastmf.WALS):
        try:
            operator.attrgetter(name.removeprefix("fastmf."))(home)
            return True
        except AttributeError:
            pass
    return False


def test_names_of_other_libraries_have_the_counterparts_that_are_stated():
    text = (FOLDER / "coming_from.md").read_text(encoding="utf-8")
    cells = [line.strip("|").rsplit("|", 1)[-1] for line in text.splitlines() if line.startswith("|")]
    names = {name for cell in cells for name in re.findall(r"`([A-Za-z_][\w.]*)(?:\([^`]*)?`", cell)}
    assert len(names) > 25
    assert sorted(name for name in names if not resolves(name)) == []


def links(path):
    """The files of this project that a page links to."""
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8"))
    return {(path.parent / target).resolve() for target in targets if "://" not in target}


@pytest.mark.parametrize("page", GUIDES, ids=lambda path: path.stem)
def test_links_of_a_guide_lead_somewhere(page):
    assert [str(target) for target in links(page) if not target.exists()] == []


@pytest.mark.skipif(not README.exists(), reason="an installed fastmf has no README beside it")
def test_readme_links_to_every_guide_and_picture():
    assert all(target.exists() for target in links(README))
    assert {path.resolve() for path in (*GUIDES, *PICTURES)} <= links(README)


def test_pictures_are_small():
    assert sorted(path.stem for path in PICTURES) == sorted(fastmf.plots.__all__)
    assert all(path.read_bytes()[:4] == b"\x89PNG" and path.stat().st_size <= 60 * 1024 for path in PICTURES)
