"""What a command gives back: one document for programs, the same as text for people, an exit code."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


class CommandError(Exception):
    """Something the user can mend, in one line."""


@dataclass(frozen=True)
class Answer:
    """The result of a command: `document` for --json, `text` without, and the code the process ends with."""

    document: dict[str, Any]
    text: str
    code: int = 0


def table(rows: Iterable[Sequence[str]], right: Iterable[int] = (), gap: str = "  ") -> list[str]:
    """Lines of aligned columns; the columns whose numbers are in `right` end at the same place instead."""
    cells = [list(row) for row in rows]
    right = set(right)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return [
        gap.join(
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]


def fit(text: str, width: int) -> str:
    """`text` in at most `width` characters, with an ellipsis where it is cut."""
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


def share(value: float) -> str:
    """A share of a whole in percent, with two digits that say something: 83%, 1.6%, 0.024%."""
    return f"{value:.0%}" if value >= 0.1 else f"{100 * value:.2g}%"
