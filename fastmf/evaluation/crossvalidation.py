"""Cross-validation of a model: a figure for each fold, and how far their mean can be trusted."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks, _random
from fastmf.data import Ratings
from fastmf.evaluation.folds import kfold
from fastmf.evaluation.scoring import checked_figures, checked_to_choose, figures, has_no_seed, unfitted
from fastmf.models._base import FactorModel

MODEL_SEED = 8 << 32  # stream of random numbers


class CrossValidation(Mapping[str, float]):
    """Figures of a cross-validation: a mapping from names such as "rmse" or "ndcg@10" to their mean over the folds.

    Made by `cross_validate`; `print` shows it as a table.

    Attributes
    ----------
    model : str
        What was evaluated.
    folds : int
        How many folds there were.
    by_fold : dict of float64 arrays of length `folds`
        The figures of the folds, by name.
    test_share : float
        Entries of a test part over those of its training part, on average.
    fit_seconds, evaluate_seconds : float64 array of length `folds`
        How long each fold took.

    Examples
    --------
    >>> import fastmf
    >>> ratings = fastmf.synthetic(80, 40, 1200, random_state=0)
    >>> result = fastmf.cross_validate(fastmf.MostPopular(), ratings, folds=3, metrics="recall@5", random_state=0)
    >>> result.values_of("recall@5").shape
    (3,)
    >>> low, high = result.confidence_interval("recall@5")
    >>> low < result["recall@5"] < high
    True
    """

    def __init__(
        self,
        model: str,
        by_fold: dict[str, NDArray[np.float64]],
        test_share: float,
        fit_seconds: NDArray[np.float64],
        evaluate_seconds: NDArray[np.float64],
    ) -> None:
        self.model, self.fit_seconds, self.evaluate_seconds = model, fit_seconds, evaluate_seconds
        self.by_fold, self.test_share = by_fold, test_share
        for column in by_fold.values():
            column.flags.writeable = False

    @property
    def folds(self) -> int:
        """How many folds there were."""
        return len(self.fit_seconds)

    def __getitem__(self, name: str) -> float:
        return float(self.values_of(name).mean())

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_fold)

    def __len__(self) -> int:
        return len(self.by_fold)

    def values_of(self, name: str) -> NDArray[np.float64]:
        """The figure of each fold.

        Parameters
        ----------
        name : str
            "rmse", "ndcg@10": one of the metrics asked for.

        Returns
        -------
        values : float64 array of length `folds`
            In the order of the folds; read-only.

        Raises
        ------
        KeyError
            If the name is not among the metrics asked for.
        """
        if name not in self.by_fold:
            raise KeyError(f"there is no {name!r}; there is {', '.join(self.by_fold)}")
        return self.by_fold[name]

    def standard_error(self, name: str) -> float:
        """Standard deviation of the folds' values, divided by the root of their number.

        It takes the folds for independent and is too small to that extent; `confidence_interval` does not.

        Parameters
        ----------
        name : str
            As in `values_of`.
        """
        return float(self.values_of(name).std(ddof=1)) / math.sqrt(self.folds)

    def confidence_interval(self, name: str, level: float = 0.95) -> tuple[float, float]:
        """Interval of the mean by Student's t, corrected for training parts that overlap.

        With s the standard deviation of J folds and r the entries of a test part over those of its training part, the
        interval is mean +- t_(J-1) s sqrt(1/J + r); without the r, folds of one data set would count as independent
        samples.

        Parameters
        ----------
        name : str
            As in `values_of`.
        level : float, default 0.95
            Between 0 and 1 exclusive.

        Returns
        -------
        low, high : float

        References
        ----------
        Nadeau & Bengio 2003, "Inference for the generalization error".
        """
        from scipy.special import stdtrit

        values = self.values_of(name)
        t = float(stdtrit(self.folds - 1, (1 + _checks.fraction("level", level)) / 2))
        half = t * float(values.std(ddof=1)) * math.sqrt(1 / self.folds + self.test_share)
        return float(values.mean()) - half, float(values.mean()) + half

    def to_dict(self) -> dict[str, Any]:
        """Plain Python values: for each figure its "values", "mean", "standard_error", "low" and "high" (of 95 %)."""
        document: dict[str, Any] = {"model": self.model, "folds": self.folds}
        for name, values in self.by_fold.items():
            low, high = self.confidence_interval(name)
            document[name] = {
                "values": values.tolist(),
                "mean": self[name],
                "standard_error": self.standard_error(name),
                "low": low,
                "high": high,
            }
        document["fit_seconds"] = self.fit_seconds.tolist()
        document["evaluate_seconds"] = self.evaluate_seconds.tolist()
        return document

    def __str__(self) -> str:
        label = max(len("seconds"), *map(len, self.by_fold))
        numbers = "".join(f"{f'fold {number}':>10}" for number in range(1, self.folds + 1)) if self.folds <= 10 else ""
        lines = [
            f"{self.model}: {self.folds} folds, {self.fit_seconds.mean():.2f} s to fit and "
            f"{self.evaluate_seconds.mean():.2f} s to evaluate one",
            " " * label + f"{'mean':>10}{'std. err.':>11}{'95 % interval':>19}" + numbers,
        ]
        for name, values in self.by_fold.items():
            low, high = self.confidence_interval(name)
            each = "".join(f"{value:>10.4f}" for value in values) if numbers else ""
            lines.append(
                f"{name:<{label}}{self[name]:>10.4f}{self.standard_error(name):>11.4f}"
                f"{f'{low:.4f} .. {high:.4f}':>19}{each}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        means = ", ".join(f"{name} {value:.4f}" for name, value in self.items())
        return f"<CrossValidation of {self.model}: {self.folds} folds, {means}>"


def cross_validate(
    model: FactorModel,
    ratings: Any,
    folds: Any = 5,
    *,
    metrics: str | Iterable[str] | None = None,
    exclude_seen: bool = True,
    relevant_from: float | None = None,
    random_state: object = None,
) -> CrossValidation:
    """Fit copies of a model to the training part of each fold and judge them by its test part.

    Parameters
    ----------
    model : FactorModel
        Says which class and parameters; it is neither fitted nor changed. Where its `random_state` is None, each fold
        gets a seed drawn from the one below.
    ratings : Ratings or SciPy sparse matrix
        Users x items, to cut into folds; may be None if `folds` are pairs.
    folds : int or iterable of (train, test), default 5
        A number of folds by `kfold`, or the parts themselves, at least two pairs: those of `repeated_kfold`, or of any
        split several times. A test part may itself be a pair (fold_in, held_out), as of `split_users`.
    metrics : str or sequence of str, optional
        Figures with their cut-offs, such as ("ndcg@10", "recall@20") or "rmse"; by default RMSE and MAE for a model
        that predicts ratings, else nDCG and recall at 10.
    exclude_seen, relevant_from
        As in `evaluate`.
    random_state : None, int >= 0, numpy.random.Generator or numpy.random.RandomState
        The seed of the folds; None draws a fresh one.

    Returns
    -------
    CrossValidation
        ``result["rmse"]`` is a mean over the folds; ``values_of``, ``standard_error`` and ``confidence_interval``.

    Raises
    ------
    TypeError, ValueError
        If an argument is not as above, or the model has no such figure.

    Examples
    --------
    >>> import fastmf
    >>> model = fastmf.BiasedMF(factors=8, epochs=5)
    >>> result = fastmf.cross_validate(model, fastmf.movielens(), folds=3, metrics="rmse", random_state=0)
    >>> 0.85 < result["rmse"] < 0.95
    True
    """
    model = checked_to_choose(model)
    names = checked_figures(metrics, model)
    seed = _random.seed_from(random_state)
    values: dict[str, list[float]] = {name: [] for name in names}
    fit_seconds, evaluate_seconds, shares = [], [], []
    for number, (train, test, fold_in) in enumerate(_parts(ratings, folds, seed)):
        copy = unfitted(model, **_seeded(model, seed, number))
        started = time.perf_counter()
        copy.fit(train)
        fitted = time.perf_counter()
        found = figures(copy, test, names, fold_in=fold_in, exclude_seen=exclude_seen, relevant_from=relevant_from)
        fit_seconds.append(fitted - started)
        evaluate_seconds.append(time.perf_counter() - fitted)
        shares.append(test.nnz / train.nnz)
        for name, value in found.items():
            values[name].append(value)
    if len(shares) < 2:
        raise ValueError(f"folds must be at least two pairs (train, test), got {len(shares)}")
    columns = {name: np.array(column) for name, column in values.items()}
    return CrossValidation(
        repr(model), columns, float(np.mean(shares)), np.array(fit_seconds), np.array(evaluate_seconds)
    )


def _parts(ratings: Any, folds: Any, seed: int) -> Iterator[tuple[Any, Any, Any]]:
    """Training part, test part and entries to fold in, or None, of each fold."""
    if _checks.is_integer(folds):
        pairs: Iterable[Any] = kfold(ratings, _checks.integer("folds", folds, 2), seed)
    elif isinstance(folds, Iterable) and not isinstance(folds, (str, bytes, Ratings)):
        pairs = folds
    else:
        raise TypeError(f"folds must be an integer >= 2 or pairs (train, test), got {_checks.shown(folds)}")
    for pair in pairs:
        if not isinstance(pair, (tuple, list)) or len(pair) != 2:
            raise TypeError(f"folds must be pairs (train, test), got {_checks.shown(pair)} among them")
        train, test = pair
        fold_in, test = test if isinstance(test, (tuple, list)) and len(test) == 2 else (None, test)
        yield train, test, fold_in


def _seeded(model: FactorModel, seed: int, number: int) -> dict[str, Any]:
    """A seed of its own for a fold, where the model has none."""
    if not has_no_seed(model):
        return {}
    return {"random_state": int(_random.bits(seed, MODEL_SEED, 1, number)[0] >> 1)}
