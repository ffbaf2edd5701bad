"""Optional libraries: one error that names the extra, and what the metadata says of extras."""

import sys

import pytest

from fastmf import _optional


def test_require_gives_the_module():
    assert _optional.require("json.decoder", "progress").JSONDecoder


def test_a_missing_library_names_the_extra():
    with pytest.raises(ImportError, match=r"this needs absent_library, .* pip install 'fastmf\[progress\]'") as caught:
        _optional.require("absent_library.part", "progress")
    assert caught.value.name == "absent_library"


def test_an_error_inside_an_installed_library_is_not_mistaken_for_its_absence(tmp_path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import absent_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="No module named 'absent_library'"):
        _optional.require("half_installed", "progress")
    sys.modules.pop("half_installed", None)


def test_version_is_that_of_the_distribution():
    assert _optional.version("pytest") == pytest.__version__
    assert _optional.version("absent-library") is None


def test_extras_are_those_of_the_metadata():
    extras = _optional.extras()
    assert extras["progress"] == ["tqdm"]
    assert {"pytest", "hypothesis"} <= set(extras["test"])


def test_extras_of_an_uninstalled_fastmf_are_none(monkeypatch):
    def requires(name):
        raise _optional.importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(_optional.importlib.metadata, "requires", requires)
    assert _optional.extras() == {}
