"""What ratings are like, in numbers and as a text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf.data import csr

QUANTILES = {
    "minimum": 0.0,
    "10%": 0.1,
    "25%": 0.25,
    "median": 0.5,
    "75%": 0.75,
    "90%": 0.9,
    "99%": 0.99,
    "maximum": 1.0,
}
MOST_VALUES = 20  # different values that are counted one by one
LIKE_SECONDS = 10**8, 10**11  # times in this range are taken for seconds since 1970, in a text: 1973 to 5138
DAY = 86400
BAR = 40


class Description(dict[str, Any]):
    """The facts of `Ratings.describe`: a dict that prints as a table."""

    def __str__(self) -> str:
        return "\n".join(_text(self))


def described(
    rows: csr.Csr, shape: tuple[int, int], per_item: NDArray[np.int64], intake: dict[str, int]
) -> Description:
    """The work of `Ratings.describe`."""
    data, times = rows.data, rows.timestamps
    pairs, stored, per_user = shape[0] * shape[1], len(data) > 0, np.diff(rows.indptr)
    counted = value_counts(data)
    facts = Description(
        users=shape[0],
        items=shape[1],
        ratings=len(data),
        density=len(data) / pairs if pairs else 0.0,
        mean=float(data.mean(dtype=np.float64)) if stored else None,
        minimum=float(data.min()) if stored else None,
        maximum=float(data.max()) if stored else None,
        value_counts=counted,
        value_quantiles=quantiles(data) if counted is None else None,
        empty_users=int(np.count_nonzero(per_user == 0)),
        empty_items=int(np.count_nonzero(per_item == 0)),
        ratings_per_user=quantiles(per_user),
        ratings_per_item=quantiles(per_item),
        gini_users=gini(per_user),
        gini_items=gini(per_item),
    )
    if times is not None and stored:
        facts["first"], facts["last"] = times.min().item(), times.max().item()
    facts["intake"] = intake
    return facts


def quantiles(numbers: NDArray[Any]) -> dict[str, float]:
    """Quantiles, linear between two numbers; nothing of nothing."""
    if len(numbers) == 0:
        return {}
    return dict(zip(QUANTILES, np.quantile(numbers, list(QUANTILES.values())).tolist(), strict=True))


def value_counts(data: NDArray[Any]) -> dict[float, int] | None:
    """How often each value occurs, in ascending order; None if there are too many different ones."""
    values = np.empty(0, data.dtype)
    pieces = [data[start : start + csr.CHUNK] for start in range(0, len(data), csr.CHUNK)]
    for piece in pieces:
        for part in (piece[: 1 << 12], piece):  # a few say soon enough that there are too many
            known = np.append(values, np.inf)
            fresh = np.unique(part[known[np.searchsorted(values, part)] != part])
            values = np.union1d(values, fresh)
            if len(values) > MOST_VALUES:
                return None
    total = np.zeros(len(values), np.int64)
    for piece in pieces:
        total += np.bincount(np.searchsorted(values, piece), minlength=len(values))
    return dict(zip((values + 0.0).tolist(), total.tolist(), strict=True))  # -0.0 is 0.0


def gini(counts: NDArray[np.int64]) -> float:
    """Gini coefficient of counts, sum_j (2 j - n - 1) x_j / (n sum x) over the sorted x_1 <= ... <= x_n: 0 if all are
    the same, near 1 if few have it all; 0 of nothing."""
    n, total = len(counts), int(counts.sum())
    if not total:
        return 0.0
    weights = 2.0 * np.arange(1, n + 1) - n - 1
    return float(weights @ np.sort(counts) / (n * total))


def _text(facts: dict[str, Any]) -> Iterable[str]:
    """The lines of the table."""
    without = {side: f", {facts[f'empty_{side}']:,} of them without ratings" for side in ("users", "items")}
    yield f"users    {facts['users']:,}{without['users'] if facts['empty_users'] else ''}"
    yield f"items    {facts['items']:,}{without['items'] if facts['empty_items'] else ''}"
    yield f"ratings  {facts['ratings']:,}, {100 * facts['density']:.3g}% of all pairs"
    if facts["mean"] is not None:
        yield f"values   {facts['minimum']:g} to {facts['maximum']:g}, {facts['mean']:.4g} on average"
    if "first" in facts:
        yield f"times    {_span(facts['first'], facts['last'])}"
    done = {"bad_lines": "bad lines left out", "missing": "left out as incomplete", "duplicates": "merged duplicates"}
    told = [f"{facts['intake'][name]:,} {what}" for name, what in done.items() if facts["intake"].get(name)]
    if told:
        yield f"intake   {facts['intake']['read']:,} read: {', '.join(told)}"
    if facts["ratings"]:
        yield ""
        yield from _table(facts)
    if facts["value_counts"]:
        yield ""
        most = max(facts["value_counts"].values())
        cells = [(f"{value:g}", f"{n:,}") for value, n in facts["value_counts"].items()]
        widths = [max(map(len, column)) for column in zip(("value", "ratings"), *cells, strict=True)]
        yield f"{'value':>{widths[0]}}  {'ratings':>{widths[1]}}"
        for (value, n), count in zip(cells, facts["value_counts"].values(), strict=True):
            bar = "#" * max(1, round(BAR * count / most))
            yield f"{value:>{widths[0]}}  {n:>{widths[1]}}  {bar}"


def _table(facts: dict[str, Any]) -> Iterable[str]:
    rows = [["", *QUANTILES, "Gini"]]
    for side in ("user", "item"):
        cells = [f"{number:,.0f}" for number in facts[f"ratings_per_{side}"].values()]
        rows.append([f"ratings per {side}", *cells, f"{facts[f'gini_{side}s']:.3f}"])
    if facts["value_quantiles"]:
        rows.append(["values", *(f"{number:.4g}" for number in facts["value_quantiles"].values()), ""])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join([first.strip().ljust(widths[0]), *rest]).rstrip()


def _span(first: float, last: float) -> str:
    if LIKE_SECONDS[0] <= first and last < LIKE_SECONDS[1]:
        ends = (datetime.fromtimestamp(time, UTC).date().isoformat() for time in (first, last))
        return f"{' to '.join(ends)}, {(last - first) / DAY:,.0f} days"
    return f"{first:g} to {last:g}"
