"""Commands, errors and exit codes: 0 fine, 1 an error in one line, 2 a command that makes no sense, 130 interrupted."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence

import fastmf
from fastmf._errors import FitDivergedError, UnknownIdError
from fastmf.cli import bench, demo, describe, evaluate, info, recommend, train, tune
from fastmf.cli.answer import CommandError

EXPECTED = (CommandError, OSError, ValueError, UnknownIdError, FitDivergedError, MemoryError, ImportError)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; by default those of the process.

    Returns
    -------
    int
        0; 1 after an error that the user can mend, with one line on standard error; 130 after Ctrl-C.

    Raises
    ------
    SystemExit
        With code 2 for a command that makes no sense, 0 after --help and --version.

    Examples
    --------
    >>> from fastmf.cli import main
    >>> main(["recommend", "absent.fmf", "--user", "42"])
    1
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a title must not fail on a terminal that lacks its letters
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        options = _parser(arguments).parse_args(arguments)
        answer = options.run(options)
        print(json.dumps(answer.document, indent=2, allow_nan=False) if options.json else answer.text)
        sys.stdout.flush()
        return int(answer.code)
    except KeyboardInterrupt:
        return _failed("interrupted; nothing was kept", 130)
    except BrokenPipeError:  # whoever read the output has had enough; the interpreter must not flush into the pipe
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except EXPECTED as error:
        return _failed(_one_line(error), 1)


def _parser(arguments: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fastmf", description="Fast matrix factorisation for recommendations.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"fastmf {fastmf.__version__}")
    commands = parser.add_subparsers(title="commands", dest="command", required=True, metavar="COMMAND")
    demo.add(commands)
    describe.add(commands)
    train.add(commands, arguments)
    tune.add(commands, arguments)
    recommend.add(commands)
    recommend.add_similar(commands)
    evaluate.add(commands)
    bench.add(commands)
    info.add(commands)
    return parser


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        return f"{os.fsdecode(error.filename)}: {error.strerror}"
    return " ".join(str(error).split()) or type(error).__name__


def _failed(message: str, code: int) -> int:
    print(f"fastmf: {message}", file=sys.stderr)
    return code
