"""The search for parameters, on Optuna: trials on a part of the ratings, judged by a held-out part of the same."""

from __future__ import annotations

import os
import sqlite3
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fastmf import _checks, _random
from fastmf._errors import FitDivergedError
from fastmf._optional import require
from fastmf.data import Ratings
from fastmf.evaluation.holdout import to_split
from fastmf.evaluation.metrics import figure_of
from fastmf.evaluation.scoring import checked_figure, checked_to_choose, default_figures, has_no_seed, takes, unfitted
from fastmf.evaluation.spaces import checked_space, default_space, described
from fastmf.evaluation.splits import split_random
from fastmf.evaluation.trials import Judge, PrunedError
from fastmf.evaluation.tuned import Tuning
from fastmf.models._base import FactorModel

STREAM = 9 << 32  # of random numbers: the seed of each trial's choice
NAME = ATTRIBUTE = "fastmf"  # of the study in a storage, and of what it keeps about the search
STARTUP = 5  # complete trials before one is pruned


def tune(
    model: FactorModel,
    ratings: Any,
    space: Mapping[str, Any] | None = None,
    *,
    trials: int = 30,
    seconds: float | None = None,
    metric: str | None = None,
    validation: float | Callable[[Ratings], tuple[Ratings, Ratings]] = 0.2,
    exclude_seen: bool = True,
    relevant_from: float | None = None,
    prune: bool = True,
    refit: bool = True,
    storage: str | os.PathLike[str] | None = None,
    progress: bool = False,
    random_state: object = None,
) -> Tuning:
    """Search for the parameters that do best on a held-out part of the ratings (extra `tune`).

    The tree-structured Parzen estimator of Optuna proposes the values. A trial whose intermediate figure, looked at
    after passes 1, 2, 3, 4, 6, 8, 12, 16, 24 and so on, is worse than the median of the trials before it at the same
    pass is pruned. Keep test data apart before: nothing of it may be in `ratings`.

    Parameters
    ----------
    model : FactorModel
        Says which class, and the parameters that are not searched; it is neither fitted nor changed. Where its
        `random_state` is None, all trials use the seed below.
    ratings : Ratings or SciPy sparse matrix
        Users x items; a part of them is held out to judge by.
    space : dict, optional
        From names of parameters to (low, high), (low, high, "log") (integers if both are), a list of choices, or a
        function that takes the Optuna trial and gives the value. By default the regularization of WALS and its
        unobserved weight, or the learning rate and all regularizations of BiasedMF and SVDpp.
    trials : int, default 30
        How many trials there are to be, those that `storage` already holds included.
    seconds : float, optional
        Begin no trial after so long; the one that runs is finished.
    metric : str, optional
        The figure to improve, with its cut-off: "ndcg@10", "rmse". By default RMSE for a model that predicts ratings,
        else nDCG at 10.
    validation : float or callable, default 0.2
        Share of the entries to hold out at random; or a split, called as validation(ratings), that gives the pair
        (train, held-out), such as `split_leave_last`.
    exclude_seen, relevant_from
        As in `evaluate`.
    prune : bool, default True
        End trials early that do worse than the median.
    refit : bool, default True
        Fit the best parameters to all ratings in the end.
    storage : str or path, optional
        SQLite file to keep the trials in. A later call with the same arguments goes on where this one ended, also after
        an interruption, and finds what one call without interruption would have found.
    progress : bool, default False
        Show a bar (extra `progress`).
    random_state : None, int >= 0, numpy.random.Generator or numpy.random.RandomState
        The seed; with one seed and one process at a time the search is the same every time, but for `seconds`. None
        draws a fresh one, or takes that of `storage`.

    Returns
    -------
    Tuning
        best_params, best_value, best_model, table.

    Raises
    ------
    ImportError
        If Optuna is not installed.
    TypeError, ValueError
        If an argument is not as above, the parameters of a trial do not go together, no trial came to an end, or
        `storage` holds another search.
    OSError
        If `storage` can be neither made nor read.

    References
    ----------
    Bergstra, Bardenet, Bengio & Kegl 2011, "Algorithms for hyper-parameter optimization".
    Akiba, Sano, Yanase, Ohta & Koyama 2019, "Optuna: a next-generation hyperparameter optimization framework".

    Examples
    --------
    >>> import fastmf
    >>> train, test = fastmf.split_random(fastmf.movielens(), random_state=0)
    >>> model = fastmf.BiasedMF(factors=8, epochs=5)
    >>> space = {"regularization": (0.01, 0.3, "log"), "optimizer": ["adagrad"]}
    >>> result = fastmf.tune(model, train, space, trials=3, random_state=0)
    >>> len(result.table), result.best_model.regularization == result.best_params["regularization"]
    (3, True)
    >>> fastmf.rmse(result.best_model, test) < 1
    True
    """
    optuna = require("optuna", "tune")
    model = checked_to_choose(model)
    if getattr(model, "patience", None) is not None:
        raise ValueError("model must have patience=None to be tuned: bad trials are pruned, and epochs can be searched")
    data = to_split(ratings)
    space = default_space(model) if space is None else space
    suggest = checked_space(space, model)
    trials = _checks.integer("trials", trials, 1)
    limit = float("inf") if seconds is None else _checks.real("seconds", seconds, above=0.0)
    figure = default_figures(model)[0] if metric is None else checked_figure("metric", metric, model)
    prune, refit = _checks.flag("prune", prune), _checks.flag("refit", refit)
    bar = require("tqdm", "progress").tqdm if _checks.flag("progress", progress) else None
    share = None if callable(validation) else _checks.fraction("validation", validation)
    lower = figure_of("metric", figure)[0].lower_is_better
    searched = {
        "model": {name: repr(value) for name, value in model.get_params().items() if name != "num_threads"},
        "class": type(model).__name__,
        "space": described(space),
        "metric": figure,
        "validation": "function" if share is None else share,
        "exclude_seen": _checks.flag("exclude_seen", exclude_seen),
        "relevant_from": relevant_from,
        "prune": prune,
        "ratings": [*data.shape, data.nnz, *(zlib.crc32(part.data) for part in (data.indices, data.data))],
    }
    with _quiet(optuna):
        study, seed = _study(optuna, storage, searched, lower, prune, random_state)
        train, held_out = _parts(data, validation, seed)
        judge = Judge(
            model=unfitted(model, **({"random_state": seed} if has_no_seed(model) else {})),
            train=train,
            held_out=held_out,
            figure=figure,
            options={"exclude_seen": exclude_seen, "relevant_from": relevant_from},
            looks=prune and takes(model, "callback"),
        )
        started = time.perf_counter()
        with _shown(bar, trials, _finished(study)) as done:
            while (number := _finished(study)) < trials and time.perf_counter() - started < limit:
                study.sampler = _sampler(optuna, seed, number)
                _run(optuna, study, judge, suggest)
                done()
        return _result(optuna, study, judge, suggest, data if refit else None, figure, lower)


def _run(optuna: Any, study: Any, judge: Judge, suggest: Mapping[str, Any]) -> None:
    """One trial, told to the study however it ends."""
    trial = study.ask()
    states, started = optuna.trial.TrialState, time.perf_counter()
    try:
        value = judge.value({name: choose(trial) for name, choose in suggest.items()}, trial)
        outcome = {"values": value, "state": states.COMPLETE}
    except PrunedError:
        outcome = {"state": states.PRUNED}
    except FitDivergedError:
        trial.set_user_attr("ended", "diverged")
        outcome = {"state": states.FAIL}
    except BaseException:
        trial.set_user_attr("ended", "interrupted")
        study.tell(trial, state=states.FAIL)
        raise
    trial.set_user_attr("passes", judge.passes)
    trial.set_user_attr("seconds", time.perf_counter() - started)
    study.tell(trial, **outcome)


def _study(
    optuna: Any, storage: Any, searched: dict[str, Any], lower: bool, prune: bool, random_state: object
) -> tuple[Any, int]:
    """The study, new or found in the storage, and its seed."""
    # A trial is compared with those before it at the same pass, once there are a few.
    pruner = optuna.pruners.MedianPruner(n_startup_trials=STARTUP) if prune else optuna.pruners.NopPruner()
    direction = "minimize" if lower else "maximize"
    if storage is None:
        study = optuna.create_study(direction=direction, pruner=pruner)
    else:
        path = _checks.path("storage", storage)
        # Connections of our own, so that any letter may be in a path; closed after each use, so that none is left open.
        engine = {"creator": lambda: sqlite3.connect(path), "poolclass": require("sqlalchemy.pool", "tune").NullPool}
        try:
            study = optuna.create_study(
                storage=optuna.storages.RDBStorage("sqlite://", engine_kwargs=engine),
                study_name=NAME,
                load_if_exists=True,
                direction=direction,
                pruner=pruner,
            )
        except Exception as error:
            if isinstance(error.__cause__, sqlite3.Error):
                raise OSError(f"storage {path} cannot be used: {error.__cause__}") from error
            raise
    known = study.user_attrs.get(ATTRIBUTE)
    if known is None:
        seed = _random.seed_from(random_state)
        study.set_user_attr(ATTRIBUTE, {**searched, "seed": seed})
        return study, seed
    seed = known["seed"] if random_state is None else _random.seed_from(random_state)
    for name, value in {**searched, "seed": seed}.items():
        if known.get(name) != value:
            raise ValueError(
                f"storage must be a file of the same search or a new one; {os.fspath(storage)} holds one with "
                f"{name} = {_checks.shown(known.get(name))}, not {_checks.shown(value)}"
            )
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        study._storage.set_trial_user_attr(trial._trial_id, "ended", "interrupted")  # its process was killed
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    return study, seed


def _sampler(optuna: Any, seed: int, number: int) -> Any:
    """The sampler of one trial: seeded by its number, so that a search that goes on is one that never stopped."""
    drawn = int(_random.bits(seed, STREAM, 1, number)[0] >> 33)
    return optuna.samplers.TPESampler(seed=drawn)


def _finished(study: Any) -> int:
    """How many trials have ended by themselves."""
    return sum(trial.user_attrs.get("ended") != "interrupted" for trial in study.get_trials(deepcopy=False))


def _parts(data: Ratings, validation: Any, seed: int) -> tuple[Any, Any]:
    if not callable(validation):
        return split_random(data, validation, seed)
    parts = validation(data)
    if not isinstance(parts, tuple) or len(parts) != 2 or not all(isinstance(part, Ratings) for part in parts):
        raise TypeError(f"validation must give a pair (train, held-out) of Ratings, got {_checks.shown(parts)}")
    return parts


def _result(
    optuna: Any, study: Any, judge: Judge, suggest: Mapping[str, Any], data: Ratings | None, figure: str, lower: bool
) -> Tuning:
    table = []
    for trial in study.get_trials(deepcopy=False):
        same = optuna.trial.FixedTrial(trial.params)
        state = trial.user_attrs.get("ended", trial.state.name.lower())
        table.append(
            {
                "trial": trial.number,
                "state": state,
                "value": trial.value,
                "passes": trial.user_attrs.get("passes"),
                "seconds": trial.user_attrs.get("seconds"),
                "params": {} if state == "interrupted" else {name: choose(same) for name, choose in suggest.items()},
            }
        )
    complete = [row for row in table if row["state"] == "complete"]
    if not complete:
        raise ValueError(f"no trial came to an end: {', '.join(row['state'] for row in table)}")
    best = (min if lower else max)(complete, key=lambda row: row["value"])
    fitted = None if data is None else unfitted(judge.model, **best["params"]).fit(data)
    return Tuning(figure, lower, best["params"], best["value"], fitted, table, study)


@contextmanager
def _quiet(optuna: Any) -> Iterator[None]:
    """Without Optuna's lines about every trial."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)


@contextmanager
def _shown(bar: Any, total: int, done: int) -> Iterator[Callable[[], object]]:
    """A progress bar of trials, or none; gives the function to call after each."""
    if bar is None:
        yield lambda: None
        return
    with bar(total=total, initial=done, desc="tune", disable=None) as shown:
        yield shown.update
