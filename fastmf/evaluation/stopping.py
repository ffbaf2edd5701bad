"""Early stopping by any figure: a fit ends when held-out entries say so, and the model keeps its best pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastmf import _checks
from fastmf.evaluation.metrics import figure_of
from fastmf.evaluation.scoring import checked_figure, default_figures, figures
from fastmf.models._base import FactorModel
from fastmf.models._state import State


class EarlyStopping:
    """A callback of `fit` that ends it when a figure gets no better, and has the model keep the pass that was best.

    It writes the figure into the model's `history`, under its name. Where a fit is interrupted, the model has its last
    whole pass.

    Parameters
    ----------
    validation : Ratings or SciPy sparse matrix
        Entries held out of those that the model is fitted to. They choose the pass, so they are no test any more.
    metric : str, optional
        The figure, with its cut-off: "ndcg@10", "rmse". By default RMSE for a model that predicts ratings, else nDCG at
        10.
    patience : int, default 3
        How many looks without a better figure end the fit.
    every : int, default 1
        Look after so many passes, as each look costs an evaluation.
    exclude_seen, relevant_from
        As in `evaluate`.

    Attributes
    ----------
    best_pass : int or None
        The pass that the model kept in the last fit, from 1; None before there was a look.
    best_value : float or None
        Its figure: the best of several, and so a little optimistic.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above; in `fit`, if the model has no such figure or `validation` does not go with it.

    Examples
    --------
    >>> import fastmf
    >>> train, test = fastmf.split_random(fastmf.movielens(), random_state=0)
    >>> fitting, validation = fastmf.split_random(train, test=0.1, random_state=1)
    >>> stopping = fastmf.EarlyStopping(validation, "ndcg@10", patience=2)
    >>> model = fastmf.WALS(factors=64, iterations=50, random_state=0).fit(fitting, callback=stopping)
    >>> len(model.history) == stopping.best_pass + 2 < 50
    True
    """

    wants_model = True  # of Passes

    def __init__(
        self,
        validation: Any,
        metric: str | None = None,
        *,
        patience: int = 3,
        every: int = 1,
        exclude_seen: bool = True,
        relevant_from: float | None = None,
    ) -> None:
        if metric is not None:
            figure_of("metric", metric)
        self._validation, self._metric = validation, metric
        self._patience = _checks.integer("patience", patience, 1)
        self._every = _checks.integer("every", every, 1)
        self._options = {
            "exclude_seen": _checks.flag("exclude_seen", exclude_seen),
            "relevant_from": None if relevant_from is None else _checks.real("relevant_from", relevant_from),
        }
        self._begin()

    def _begin(self) -> None:
        self.best_pass: int | None = None
        self.best_value: float | None = None
        self.best: State | None = None
        self._waited = 0

    def __call__(self, number: int, record: dict[str, float], now: Callable[[], FactorModel]) -> bool:
        """Look at a pass; True when it is enough."""
        if number == 1:
            self._begin()
        if number % self._every:
            return False
        model = now()
        name = default_figures(model)[0] if self._metric is None else checked_figure("metric", self._metric, model)
        record[name] = value = figures(model, self._validation, (name,), **self._options)[name]
        sign = 1 if figure_of("metric", name)[0].lower_is_better else -1
        if self.best_value is None or sign * value < sign * self.best_value:
            self.best_pass, self.best_value, self.best, self._waited = number, value, model._fitted.copied(), 0
        else:
            self._waited += 1
        return self._waited >= self._patience
