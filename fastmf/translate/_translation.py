"""What a translation holds: the parameters of WALS, and what the library makes of the stored values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf.data import Ratings
from fastmf.models import WALS
from fastmf.models._fitting import Callback
from fastmf.models._intake import as_ratings

Floats = NDArray[Any]
Entries = tuple[Floats, Floats]  # targets and weights


def always(values: Floats) -> bool:
    return True


def never(values: Floats) -> bool:
    return False


def as_they_are(values: Floats) -> Entries:
    return values, np.ones_like(values)


def no_constant(values: Floats) -> float:
    return 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Translation:
    """WALS parameters that minimise another library's objective, and how to treat the data for it.

    The functions of `fastmf.translate` make translations; `_rule`, `_plain` and `_constant` are what they give
    `entries` and `constant` to work with.

    Attributes
    ----------
    source : str
        The model translated, such as "irspack.IALSRecommender".
    params : dict
        Keyword arguments of `fastmf.WALS`.
    scale : float
        The library's objective, as its documentation writes it, is ``scale * (J + constant(values))``, where J is that
        of WALS.
    notes : tuple of str
        What WALS leaves out or does in another way, where it was asked for. Empty where there is nothing to say.

    Examples
    --------
    >>> import scipy.sparse as sp
    >>> from fastmf import translate
    >>> plays = sp.csr_array([[3.0, 0.0, 1.0], [0.0, 2.0, 1.0]])
    >>> translation = translate.from_irspack(n_components=2, alpha0=0.5, reg=0.01, train_epochs=5, random_seed=1)
    >>> targets, weights = translation.entries(plays.data)
    >>> weights
    array([3.5, 1.5, 2.5, 1.5])
    >>> model = translation.fit(plays)
    >>> model.unobserved_weight
    0.5
    """

    source: str
    params: dict[str, Any]
    scale: float = 1.0
    notes: tuple[str, ...] = ()
    _rule: Callable[[Floats], Entries] = as_they_are  # the library's targets and weights
    _plain: Callable[[Floats], bool] = always  # whether WALS makes the same of these values by itself
    _constant: Callable[[Floats], float] = no_constant

    def __repr__(self) -> str:
        notes = f", notes={self.notes}" if self.notes else ""
        return f"Translation({self.source!r}, params={self.params}, scale={self.scale}{notes})"

    def entries(self, values: ArrayLike) -> Entries | None:
        """Targets and weights that the library makes of stored values.

        Parameters
        ----------
        values : array_like, shape (n,)
            Values of stored entries, as the library would get them.

        Returns
        -------
        (targets, weights) : two ndarrays of shape (n,), or None
            The values to store instead, and the `weights` to give to `WALS.fit` with them, in the dtype of `values`
            (float64 unless that is float32). None: WALS makes the same of the values by itself.

        Raises
        ------
        ValueError
            Where the library's weight for a value is negative, or the library does not define it.
        """
        values = _checks.finite_vector("values", values)
        if self._plain(values):
            return None
        targets, weights = self._rule(values.astype(np.float64))
        bad = weights < 0
        if bad.any():
            at = int(np.argmax(bad))
            raise ValueError(
                f"values must have weights >= 0 in {self.source}, got {values[at]} at position {at}: {weights[at]}"
            )
        return targets.astype(values.dtype), weights.astype(values.dtype)

    def constant(self, values: ArrayLike) -> float:
        """What the library's objective has on top of J, before `scale`, for given stored values."""
        return self._constant(_checks.finite_vector("values", values).astype(np.float64))

    def prepare(self, ratings: Any) -> tuple[Ratings, Floats | None]:
        """Ratings and weights as the model's `fit`, `objective` and `fold_in_users` want them.

        Parameters
        ----------
        ratings : Ratings or SciPy sparse matrix
            Users x items, with the values the library would get.

        Returns
        -------
        ratings : Ratings
            With the targets of `entries` for values; as given, where `entries` is None.
        weights : ndarray, shape (entries,), or None
            To go with them as `weights`.

        Examples
        --------
        >>> import scipy.sparse as sp
        >>> from fastmf import translate
        >>> plays = sp.csr_array([[3.0, 0.0, 1.0], [0.0, 2.0, 1.0]])
        >>> translation = translate.from_irspack(n_components=2, alpha0=0.5)
        >>> model = translation.fit(plays)
        >>> rows, weights = translation.prepare(sp.csr_array([[0.0, 0.0, 4.0]]))
        >>> model.fold_in_users(rows, weights=weights).shape
        (1, 2)
        """
        data = as_ratings(ratings)
        made = self.entries(data.data)
        if made is None:
            return data, None
        targets, weights = made
        replaced = Ratings(
            data.indptr,
            data.indices,
            targets,
            shape=data.shape,
            timestamps=data.timestamps,
            users=data.users,
            items=data.items,
            item_info=data.item_info,
        )
        return replaced, weights

    def model(self, **changes: Any) -> WALS:
        """An unfitted WALS with `params`.

        Parameters
        ----------
        **changes
            Parameters of WALS to set otherwise, or on top, such as ``num_threads=2``. The objective stays the library's
            where they only concern how it is minimised.
        """
        return WALS(**{**self.params, **changes})

    def fit(self, ratings: Any, *, progress: bool = False, callback: Callback | None = None) -> WALS:
        """A model fitted to what the library would be fitted to.

        Parameters
        ----------
        ratings : Ratings or SciPy sparse matrix
            Users x items, with the values the library would get.
        progress, callback
            As in `WALS.fit`.

        Returns
        -------
        WALS
            The fitted model. Where `entries` is not None, later rows must go through `prepare` as well.
        """
        data, weights = self.prepare(ratings)
        return self.model().fit(data, weights=weights, progress=progress, callback=callback)


def refusal(what: str, why: str) -> ValueError:
    """The error for what WALS cannot express."""
    return ValueError(f"{what} cannot be translated: {why}")


def refuse_negative(values: Floats, where: str) -> None:
    """Raise for a value that a model of confidences has no meaning for."""
    if (values < 0).any():
        at = int(np.argmax(values < 0))
        raise ValueError(f"values must be >= 0 in {where}, got {values[at]} at position {at}")


def filled(source: str, given: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """All parameters of `source`, those not given at their defaults."""
    for name in given:
        if name not in defaults:
            raise TypeError(f"{source} has no parameter {name!r}; it has {', '.join(defaults)}")
    return {**defaults, **given}
