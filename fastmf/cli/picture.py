"""What bench found as a picture: quality against seconds."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from fastmf import _optional, plots
from fastmf._atomic import replacing
from fastmf.cli.answer import CommandError
from fastmf.cli.turns import Result


class Picture:
    """A file to draw in. What is wrong with it is an error when it is made, before the work."""

    def __init__(self, path: str) -> None:
        _optional.require("matplotlib", "plots")
        self._path = Path(path)
        self._figure = _optional.require("matplotlib.figure", "plots").Figure(layout="constrained")
        known = self._figure.canvas.get_supported_filetypes()
        if self._path.suffix[1:].lower() not in known:
            raise CommandError(f"--picture must end in one of {', '.join('.' + name for name in known)}; got {path!r}")

    def draw(self, results: list[Result]) -> bool:
        """The figure that counts against the seconds of a fit, a baseline as a line; False where there is nothing."""
        judged = [result for result in results if result.figures]
        points = {each.contender.name: each for each in judged if not each.contender.baseline}
        if not points:
            return False
        metric = next(iter(judged[0].figures))
        ax = self._figure.subplots()
        runs = {name: ([each.median], [each.figures[metric]]) for name, each in points.items()}
        plots.metric_against_seconds(runs, metric, ax=ax)
        for each in judged:
            if each.contender.baseline:
                ax.axhline(each.figures[metric], color="0.45", linestyle="--", label=each.contender.name)
        ax.legend(frameon=False)
        seconds = [each.median for each in points.values() if each.median]
        if max(seconds) > 10 * min(seconds):
            ax.set_xlim(min(seconds) / 2, max(seconds) * 2)
            ax.set_xscale("log")
        drawn = BytesIO()
        self._figure.savefig(drawn, format=self._path.suffix[1:].lower())
        with replacing(self._path) as write:
            write(drawn.getvalue())
        return True
