"""The Optuna study of a search: made, or found in a storage and gone on with; its sampler and its pruner."""

from __future__ import annotations

import os
from typing import Any

from fastmf import _checks, _random
from fastmf._optional import require

STREAM = 9 << 32  # of random numbers: the seed of each trial's choice
NAME = ATTRIBUTE = "fastmf"  # of the study in a storage, and of what it keeps about the search
STARTUP = 5  # complete trials before one is pruned


def study_of(
    optuna: Any, storage: Any, searched: dict[str, Any], lower: bool, prune: bool, random_state: object
) -> tuple[Any, int]:
    """The study, new or found in the storage, and its seed."""
    pruner = pruner_of(optuna) if prune else optuna.pruners.NopPruner()
    direction = "minimize" if lower else "maximize"
    if storage is None:
        study = optuna.create_study(direction=direction, pruner=pruner)
    else:
        import sqlite3  # some builds of Python are without it

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


def sampler_of(optuna: Any, seed: int, number: int) -> Any:
    """The sampler of one trial: seeded by its number, so that a search that goes on is one that never stopped."""
    drawn = int(_random.bits(seed, STREAM, 1, number)[0] >> 33)
    return optuna.samplers.TPESampler(seed=drawn)


def finished(study: Any) -> int:
    """How many trials have ended by themselves."""
    return sum(trial.user_attrs.get("ended") != "interrupted" for trial in study.get_trials(deepcopy=False))


def pruner_of(optuna: Any) -> Any:
    """Prunes a trial that is worse than the median of those before it at the same pass, once there are a few: of those
    that began as it did, from random factors or from those of another trial."""

    class AlikeMedianPruner(optuna.pruners.MedianPruner):  # type: ignore[misc]
        def prune(self, study: Any, trial: Any) -> bool:
            return bool(super().prune(Alike(study, trial), trial))

    return AlikeMedianPruner(n_startup_trials=STARTUP)


class Alike:
    """A study as a pruner looks at it, without the trials that began in another way than this one."""

    def __init__(self, study: Any, trial: Any) -> None:
        self._study, self._is_warm = study, is_warm(trial)
        self.direction = study.direction

    def get_trials(self, **options: Any) -> list[Any]:
        """Those that it may be compared with."""
        return [trial for trial in self._study.get_trials(**options) if is_warm(trial) == self._is_warm]


def is_warm(trial: Any) -> bool:
    """Whether a trial began from the factors of another."""
    return trial.user_attrs.get("start") is not None
