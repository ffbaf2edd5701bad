"""Libraries of an extra: imported where they are used, with one error that names the extra."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
from types import ModuleType

_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)[^;]*;.*\bextra == ['\"]([^'\"]+)['\"]")


def require(module: str, extra: str) -> ModuleType:
    """Import `module`, or say which extra of fastmf brings it; an error inside an installed library is its own."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        library = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != library:
            raise
        raise ImportError(
            f"this needs {library}, which is not installed: pip install 'fastmf[{extra}]'", name=error.name
        ) from error


def version(library: str) -> str | None:
    """Version of an installed library, by the name it has on the package index; None if it is not installed."""
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return None


def extras() -> dict[str, list[str]]:
    """Libraries each extra brings, as the metadata of the installed fastmf says; nothing where it is not installed."""
    brought: dict[str, list[str]] = {}
    try:
        requirements = importlib.metadata.requires("fastmf") or []
    except importlib.metadata.PackageNotFoundError:
        return brought
    for requirement in requirements:
        match = _REQUIREMENT.match(requirement)
        if match is not None:
            brought.setdefault(match[2], []).append(match[1])
    return brought
