"""fastmf info: what this installation is made of and what it uses of this machine."""

from __future__ import annotations

import argparse
import platform
from typing import Any

import fastmf
from fastmf import _optional, _threads
from fastmf.cli import options
from fastmf.cli.answer import Answer, table
from fastmf.kernels.simd import table as leaves

FOR_DEVELOPMENT = ("dev", "style", "test")  # extras that add nothing to what fastmf can do


def add(commands: Any) -> None:
    """The command."""
    parser = commands.add_parser(
        "info",
        help="versions, instruction set, threads",
        description="Versions, instruction set, OpenMP, threads, and the optional libraries found.",
        allow_abbrev=False,
    )
    options.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> Answer:
    """Ask everything that knows something."""
    threads = _threads.effective()
    document = {
        "fastmf": fastmf.__version__,
        "instruction_set": {"used": leaves.chosen(), "supported": leaves.supported(), "built": leaves.built()},
        "openmp": leaves.openmp(),
        "threads": {"count": threads.count, "reason": threads.reason},
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        **{library: _optional.version(library) for library in ("numpy", "scipy")},
        "extras": {
            extra: {library: _optional.version(library) for library in libraries}
            for extra, libraries in sorted(_optional.extras().items())
            if extra not in FOR_DEVELOPMENT
        },
    }
    return Answer(document, "\n".join(table(_rows(document))))


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    sets = facts["instruction_set"]
    used = f"{sets['used']}; this processor has {', '.join(sets['supported'])}; built: {', '.join(sets['built'])}"
    extras = [
        (f"extra {extra}", ", ".join(f"{name} {version or 'not installed'}" for name, version in libraries.items()))
        for extra, libraries in facts["extras"].items()
    ]
    return [
        ("fastmf", facts["fastmf"]),
        ("instruction set", used),
        ("OpenMP", "yes" if facts["openmp"] else "no"),
        ("threads", f"{facts['threads']['count']} ({facts['threads']['reason']})"),
        ("python", f"{facts['python']} on {facts['platform']}"),
        ("numpy", facts["numpy"]),
        ("scipy", facts["scipy"]),
        *extras,
    ]
