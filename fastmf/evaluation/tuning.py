"""The search for parameters, on Optuna: trials on a part of the ratings, judged by a held-out part of the same."""

from __future__ import annotations

import os
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastmf import _checks
from fastmf._errors import FitDivergedError
from fastmf._optional import require
from fastmf.data import Ratings
from fastmf.evaluation.holdout import to_split
from fastmf.evaluation.metrics import figure_of
from fastmf.evaluation.scoring import checked_figure, checked_to_choose, default_figures, has_no_seed, takes, unfitted
from fastmf.evaluation.spaces import checked_space, default_space, described
from fastmf.evaluation.splits import split_random
from fastmf.evaluation.starts import Starts
from fastmf.evaluation.studies import finished, sampler_of, study_of
from fastmf.evaluation.trials import Judge, PrunedError
from fastmf.evaluation.tuned import Tuning
from fastmf.models._base import FactorModel


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
    warm_start: bool = False,
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
    warm_start : bool, default False
        Begin each trial with the factors of the nearest finished one, so that a few passes do; see Notes. By default
        each begins at random, so that its figure is that of its parameters alone.
    refit : bool, default True
        Fit the best parameters to all ratings in the end; with `warm_start`, from the factors of the best trial.
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
    ModelFileError
        If a file of factors beside `storage` is damaged.

    Notes
    -----
    With `warm_start` the factors of the eight best complete trials are kept: no more, for memory's sake, and the best,
    since the search goes on near them. A trial begins (`initial` of `fit`) with those of the nearest of them that has
    the same `factors`, dtype, words and flags; if there is none, at random. Nearest is by the Euclidean distance of
    what is searched: a range is 1 wide, on a logarithmic scale where the space has one, and choices that differ are 1
    apart. With `storage` they are also kept as files in the folder STORAGE.starts; a search that goes on without those
    files begins at random again, and so finds something else.

    A trial's figure is then that of all passes behind it ("before" and "passes" of the table), not of `iterations` or
    `epochs` alone, and after only one or two it is still partly that of its neighbour's parameters. Give the model few:
    for ratings 3 iterations of WALS do for 15; for implicit feedback compare with a search without. `best_model` begins
    with the factors of the best trial and so has more passes behind it than `best_value` has; the best parameters in a
    `fit` from random factors need more of them to get there. With SGD passes add up to overfitting. Pruning compares a
    trial only with those that began as it did, at random or not.

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
    warm_start = _checks.flag("warm_start", warm_start)
    if warm_start and not takes(model, "initial"):
        raise ValueError(
            f"warm_start must be False for {type(model).__name__}, which has nothing to start from, got True"
        )
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
        "warm_start": warm_start,
        "ratings": [*data.shape, data.nnz, *(zlib.crc32(part.data) for part in (data.indices, data.data))],
    }
    with _quiet(optuna):
        study, seed = study_of(optuna, storage, searched, lower, prune, random_state)
        train, held_out = _parts(data, validation, seed)
        judge = Judge(
            model=unfitted(model, **({"random_state": seed} if has_no_seed(model) else {})),
            train=train,
            held_out=held_out,
            figure=figure,
            options={"exclude_seen": exclude_seen, "relevant_from": relevant_from},
            looks=prune and takes(model, "callback"),
            starts=_starts(optuna, study, storage, lower) if warm_start else None,
        )
        if warm_start and refit and (train.shape, train.users, train.items) != (data.shape, data.users, data.items):
            raise ValueError(
                "validation must give parts with the users and items of ratings for warm_start=True, got others"
            )
        started = time.perf_counter()
        with _shown(bar, trials, finished(study)) as done:
            while (number := finished(study)) < trials and time.perf_counter() - started < limit:
                study.sampler = sampler_of(optuna, seed, number)
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
    if judge.starts is not None:
        judge.starts.settle()


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
                "start": trial.user_attrs.get("start"),
                "before": trial.user_attrs.get("before"),
                "params": {} if state == "interrupted" else {name: choose(same) for name, choose in suggest.items()},
            }
        )
    complete = [row for row in table if row["state"] == "complete"]
    if not complete:
        raise ValueError(f"no trial came to an end: {', '.join(row['state'] for row in table)}")
    best = (min if lower else max)(complete, key=lambda row: row["value"])
    more = {} if judge.starts is None else {"initial": judge.starts.of(best["trial"])}
    fitted = None if data is None else unfitted(judge.model, **best["params"]).fit(data, **more)
    return Tuning(figure, lower, best["params"], best["value"], fitted, table, study)


def _starts(optuna: Any, study: Any, storage: Any, lower: bool) -> Starts:
    """Factors to start from: those that an earlier call has left beside the storage, or none yet."""
    starts = Starts(lower, None if storage is None else Path(f"{os.fspath(storage)}.starts"))
    starts.restore(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)))
    return starts


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
