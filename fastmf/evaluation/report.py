"""The result of an evaluation: figures by name, a table to read, values per user, and how far to trust them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks, _random
from fastmf.evaluation.metrics import METRICS
from fastmf.evaluation.statistics import Comparison, Shares, bootstrap_interval, compared


class Report(Mapping[str, float]):
    """The figures of one evaluation: a mapping from names such as "ndcg@10", "coverage@20", "auc" or "rmse" to numbers.

    Made by `evaluate` and `evaluate_lists`; `print` shows it as a table. A metric that does not apply is not a key, and
    `notes` says why. Of the errors of ratings, RMSE and MAE, it also has what each user with test entries adds to them,
    for `confidence_interval` and `compare`.

    Attributes
    ----------
    model : str
        What was evaluated.
    cutoffs : tuple of int
        The cut-offs k, ascending.
    users : int
        Users with at least one relevant item: those the ranking metrics are means over.
    user_ids : array
        Their ids (row numbers, if the data carry no ids), in the order of `per_user`.
    entries : int
        Test entries evaluated.
    seconds : float
        How long the evaluation took.
    notes : tuple of str
        What was left out and why.

    Examples
    --------
    >>> import fastmf
    >>> test = fastmf.Ratings.from_arrays(["ann", "bob"], ["x", "y"])
    >>> report = fastmf.evaluation.evaluate_lists([[0, 1], [0, 1]], test, k=(1, 2))
    >>> report["recall@1"], report["recall@2"]
    (0.5, 1.0)
    >>> report.per_user("mrr@2").tolist()
    [1.0, 0.5]
    """

    def __init__(
        self,
        model: str,
        cutoffs: tuple[int, ...],
        figures: dict[str, float],
        per_user: dict[str, NDArray[np.float64]],
        user_ids: NDArray[Any],
        entries: int,
        seconds: float,
        notes: Iterable[str],
        errors: Mapping[str, Shares] | None = None,
    ) -> None:
        self.model, self.cutoffs, self.user_ids = model, cutoffs, user_ids
        self.entries, self.seconds, self.notes = entries, seconds, tuple(notes)
        self._figures, self._per_user, self._errors = figures, per_user, dict(errors or {})
        for values in per_user.values():
            values.flags.writeable = False

    @property
    def users(self) -> int:
        """Users with at least one relevant item."""
        return len(self.user_ids)

    def __getitem__(self, name: str) -> float:
        if name not in self._figures:
            raise KeyError(f"the report has no {name!r}; it has {', '.join(self._figures)}{self._reasons()}")
        return self._figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)

    def to_dict(self) -> dict[str, float]:
        """The figures, and beside them "users", "entries" and "seconds"; plain Python numbers throughout."""
        return {**self._figures, "users": self.users, "entries": self.entries, "seconds": self.seconds}

    def per_user(self, name: str) -> NDArray[np.float64]:
        """The values whose mean is a figure.

        Parameters
        ----------
        name : str
            A metric of users, with its cut-off if it has one: "ndcg@10", "auc".

        Returns
        -------
        values : float64 array of length `users`
            In the order of `user_ids`; read-only.

        Raises
        ------
        KeyError
            If the report has no such metric, or it is not one of users (coverage, gini, rmse, mae).
        """
        if name not in self._per_user:
            self[name]  # says so if it is not there at all
            raise KeyError(f"{name!r} is one figure for all users; values per user: {', '.join(self._per_user)}")
        return self._per_user[name]

    def confidence_interval(
        self, name: str, level: float = 0.95, n_resamples: int = 1000, random_state: object = None
    ) -> tuple[float, float]:
        """Bootstrap interval of a figure: had we met other users, where would it lie?

        Parameters
        ----------
        name : str
            A metric of users, as in `per_user`, or "rmse" or "mae", for which users are drawn with all their entries.
        level : float, default 0.95
            Between 0 and 1 exclusive.
        n_resamples : int, default 1000
            How often the users are drawn again.
        random_state : None, int >= 0, numpy.random.Generator or numpy.random.RandomState
            The seed; None draws a fresh one.

        Returns
        -------
        low, high : float
            The percentile interval.

        Raises
        ------
        KeyError, TypeError, ValueError
            If an argument is not as above.
        """
        shares = self._shares(name)
        level = _checks.fraction("level", level)
        n_resamples = _checks.integer("n_resamples", n_resamples, 1)
        return bootstrap_interval(shares.figure, len(shares.sums), level, n_resamples, _random.seed_from(random_state))

    def compare(
        self,
        other: Report,
        name: str,
        level: float = 0.95,
        n_resamples: int = 10_000,
        random_state: object = None,
    ) -> Comparison:
        """Whether this model is better than another on the same users: a paired randomisation test.

        Parameters
        ----------
        other : Report
            Of the other model on the same test, so that both have the same users.
        name : str
            A metric of users, or "rmse" or "mae", as in `confidence_interval`.
        level : float, default 0.95
            Of the confidence interval of the difference, between 0 and 1 exclusive.
        n_resamples : int, default 10000
            Random sign patterns; the smallest p-value possible is 1 / (n_resamples + 1). The interval takes a tenth
            as many resamples, at least 1000.
        random_state : None, int >= 0, numpy.random.Generator or numpy.random.RandomState
            The seed; None draws a fresh one.

        Returns
        -------
        comparison : Comparison
            difference (this minus other: of an error, less than 0 where this model is better), low, high, p_value,
            users.

        Raises
        ------
        KeyError, TypeError, ValueError
            If an argument is not as above, or the two reports are of different users or test entries.
        """
        if not isinstance(other, Report):
            raise TypeError(f"other must be a Report, got {_checks.shown(other)}")
        mine, theirs = self._shares(name), other._shares(name)
        here, there = mine.user_ids, theirs.user_ids
        if not np.array_equal(here, there):
            raise ValueError(
                f"other must be a report on the same users in the same order, got {len(there):,} users, of which "
                f"{len(set(there.tolist()) & set(here.tolist())):,} are among the {len(here):,} here"
            )
        if mine.entries is not None and theirs.entries is not None:
            differ = int((mine.entries != theirs.entries).sum())
            if differ:
                raise ValueError(
                    f"other must be a report on the same test entries, got another number of them for {differ:,} users"
                )
        level = _checks.fraction("level", level)
        n_resamples = _checks.integer("n_resamples", n_resamples, 1)
        return compared(mine, theirs, level, n_resamples, _random.seed_from(random_state))

    def __str__(self) -> str:
        entries = f"{self.entries:,} test {'entry' if self.entries == 1 else 'entries'}"
        lines = [f"{self.model}: {self.users:,} user{'s' * (self.users != 1)}, {entries}, {self.seconds:.2f} s"]
        with_cutoff = [name for name in METRICS if f"{name}@{self.cutoffs[0]}" in self._figures]
        if with_cutoff:
            label = max(map(len, with_cutoff))
            width = max(9, len(f"@{self.cutoffs[-1]}") + 2)
            lines.append(" " * label + "".join(f"{f'@{k}':>{width}}" for k in self.cutoffs))
            lines += [
                f"{name:<{label}}" + "".join(f"{self[f'{name}@{k}']:>{width}.4f}" for k in self.cutoffs)
                for name in with_cutoff
            ]
        alone = [f"{name} {self[name]:.4f}" for name in METRICS if name in self._figures]
        if alone:
            lines.append("   ".join(alone))
        return "\n".join(lines + [f"({note})" for note in self.notes])

    def __repr__(self) -> str:
        return f"<Report of {self.model}: {len(self)} figures, {self.users:,} users>"

    def _shares(self, name: str) -> Shares:
        """What each user has in a figure."""
        return self._errors[name] if name in self._errors else Shares(self.user_ids, self.per_user(name))

    def _reasons(self) -> str:
        return "".join(f" ({note})" for note in self.notes)
