"""Docstrings: every example runs and prints what it says; everything public is described, argument by argument."""

import doctest
import inspect
import pkgutil
import re
from importlib import import_module

import pytest

import fastmf

MODULES = ["fastmf", *(module.name for module in pkgutil.walk_packages(fastmf.__path__, "fastmf."))]
FOUND = {
    name: [test for test in doctest.DocTestFinder().find(import_module(name)) if test.examples] for name in MODULES
}
EXAMPLES = [test for tests in FOUND.values() for test in tests]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda test: test.name)
def test_example(example):
    for library in re.findall(r"^ *>>> import .*\b(pandas|polars|duckdb)\b", example.docstring or "", re.MULTILINE):
        pytest.importorskip(library)
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example, clear_globs=False)
    assert result.failed == 0


def test_examples_are_found_all_over_the_package():
    with_examples = {name for name, tests in FOUND.items() if tests}
    assert len(EXAMPLES) > 30
    assert {"fastmf", "fastmf.data.ids", "fastmf.models.wals", "fastmf.evaluation.splits"} <= with_examples


def public():
    """Public functions and classes, and the public methods and properties they define, by name."""
    things = [(name, getattr(fastmf, name)) for name in fastmf.__all__]
    things += [(f"plots.{name}", getattr(fastmf.plots, name)) for name in fastmf.plots.__all__]
    things += [(f"translate.{name}", getattr(fastmf.translate, name)) for name in fastmf.translate.__all__]
    for module in (import_module(name) for name in MODULES if name.startswith("fastmf.compat.") and "._" not in name):
        own = [name for name, thing in vars(module).items() if getattr(thing, "__module__", "") == module.__name__]
        names = getattr(module, "__all__", [name for name in own if name[0] != "_"])
        things += [(f"{module.__name__}.{name}", getattr(module, name)) for name in names if name[0] != "_"]
    for name, thing in things:
        if inspect.ismodule(thing):
            continue
        yield name, thing
        for owner in thing.__mro__ if isinstance(thing, type) else ():
            if not owner.__module__.startswith("fastmf"):
                continue
            for attribute, value in vars(owner).items():
                value = getattr(value, "__func__", value)
                if not attribute.startswith("_") and (inspect.isfunction(value) or isinstance(value, property)):
                    yield f"{owner.__name__}.{attribute}", value


@pytest.mark.parametrize("name", sorted(dict(public())))
def test_everything_public_is_described_with_all_its_arguments(name):
    thing = dict(public())[name]
    text = inspect.getdoc(thing) or ""
    assert len(text) > 10, "no docstring"
    if isinstance(thing, property) or (isinstance(thing, type) and issubclass(thing, BaseException)):
        return
    for argument in inspect.signature(thing).parameters:
        if argument not in ("self", "cls"):
            assert re.search(rf"\b{argument}\b", text), f"the docstring does not mention {argument}"
