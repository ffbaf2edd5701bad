"""What a search for parameters found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastmf.models._base import FactorModel

SHOWN = 10  # trials in the text


class Tuning:
    """The result of `tune`.

    Attributes
    ----------
    metric : str
        What was judged by, such as "ndcg@10".
    lower_is_better : bool
        Whether the best value is the lowest.
    best_params : dict
        The parameters that were searched, at their best.
    best_value : float
        The metric of the best trial on the held-out part of the ratings. It is the best of many and so a little
        optimistic: judge `best_model` on data that `tune` has not seen. Figures of lists do not compare between the
        two: in a trial the lists may hold a user's entries of that data too, which count as misses there.
    best_model : FactorModel or None
        The model with the best parameters, fitted to all ratings; None with refit=False.
    table : list of dict
        Each trial in its order: "trial", "state" ("complete", "pruned", "diverged" or "interrupted"), "value" (None
        where there is none; of a pruned trial the last one), "passes", "seconds", "start" (the trial whose factors it
        began with; None if it began at random), "before" (the passes behind those) and "params", a dict.
    study : optuna.Study
        Everything Optuna knows, for its own plots and importances.

    Examples
    --------
    >>> import fastmf
    >>> space = {"num_threads": [1, 2]}
    >>> result = fastmf.tune(fastmf.MostPopular(), fastmf.movielens(), space, trials=2, random_state=0)
    >>> [row["state"] for row in result.table]
    ['complete', 'complete']
    """

    def __init__(
        self,
        metric: str,
        lower_is_better: bool,
        best_params: Mapping[str, Any],
        best_value: float,
        best_model: FactorModel | None,
        table: list[dict[str, Any]],
        study: Any,
    ) -> None:
        self.metric, self.lower_is_better = metric, lower_is_better
        self.best_params, self.best_value, self.best_model = dict(best_params), best_value, best_model
        self.table, self.study = table, study

    def ranked(self) -> list[dict[str, Any]]:
        """The rows of `table` that are complete, the best first; equal ones in their order."""
        complete = [row for row in self.table if row["state"] == "complete"]
        return sorted(complete, key=lambda row: row["value"], reverse=not self.lower_is_better)

    def to_dict(self) -> dict[str, Any]:
        """Plain values: "metric", "best_params", "best_value" and "trials", which is `table`."""
        return {
            "metric": self.metric,
            "best_params": self.best_params,
            "best_value": self.best_value,
            "trials": self.table,
        }

    def __str__(self) -> str:
        states = [row["state"] for row in self.table]
        counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
        rows = self.ranked()[:SHOWN]
        names = list(self.best_params)
        cells = [["trial", self.metric, "passes", "seconds", *names]]
        for row in rows:
            values = [_short(row["params"][name]) for name in names]
            cells.append(
                [str(row["trial"]), f"{row['value']:.4f}", str(row["passes"]), f"{row['seconds']:.2f}", *values]
            )
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(f"{cell:>{width}}" for cell, width in zip(line, widths, strict=True)) for line in cells]
        return "\n".join([f"{len(self.table)} trials: {counts}; the best {len(rows)}:", *lines])

    def __repr__(self) -> str:
        return f"<Tuning: {self.metric} {self.best_value:.4f} of {len(self.table)} trials at {self.best_params}>"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
