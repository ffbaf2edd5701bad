"""WALS: weighted alternating least squares for ratings and for implicit feedback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks, _random
from fastmf._errors import FitDivergedError
from fastmf._params import either, none, param
from fastmf.data import Ratings
from fastmf.models._base import FactorModel
from fastmf.models._fitting import Callback, Passes
from fastmf.models._half_step import Entries, half_step
from fastmf.models._intake import of_shape, to_fit, with_columns
from fastmf.models._objective import Objective, objective, squared_norms
from fastmf.models._state import State

INITIAL_SCALE = 0.1  # of a whole factor row (Rendle et al. 2021, section 4)


def pair_of_numbers(name: str, value: Any) -> tuple[float, float]:
    """A number >= 0 for both sides, or a pair (users, items)."""
    if isinstance(value, (tuple, list)):
        if len(value) != 2:
            raise ValueError(f"{name} must be a number or a pair (users, items), got {_checks.shown(value)}")
        return _checks.real(f"{name}[0]", value[0], 0.0), _checks.real(f"{name}[1]", value[1], 0.0)
    number = _checks.real(name, value, 0.0)
    return number, number


def random_state(name: str, value: Any) -> Any:
    """Anything `_random.seed_from` takes; looked at without drawing from a generator."""
    if not isinstance(value, (np.random.Generator, np.random.RandomState)):
        _random.seed_from(value)
    return value


@dataclass(kw_only=True, repr=False, eq=False)
class WALS(FactorModel):
    """Matrix factorisation by weighted alternating least squares, each row solved exactly.

    Minimises, over user rows x_u and item rows y_i, with Omega the stored entries,

        J = sum_{(u,i) in Omega} w_ui (a_ui - x_u.y_i)^2 + w0 sum_{(u,i) not in Omega} (x_u.y_i)^2
          + sum_u lam_u |x_u|^2 + sum_i lam_i |y_i|^2

        lam_u = lam_users (n_u + w0 n_items)^nu        lam_i = lam_items (n_i + w0 n_users)^nu

    where n_u and n_i count stored entries. What w and a are:

    * `unobserved_weight` = 0, explicit ratings: w = 1 and a = r, the stored values.
    * `unobserved_weight` > 0, implicit feedback: a = 1 and w = `confidence` of alpha r. A negative value is a dislike:
      a = 0 with the weight of its absolute value.
    * `weights` given to `fit`: w is what is given and a = r, whatever `unobserved_weight` is.

    Parameters
    ----------
    factors : int, default 64
        Length k of the factor rows.
    iterations : int, default 15
        Sweeps; each solves all items, then all users, so that the users are always optimal for the items.
    regularization : float or (float, float), default 0.01
        lam, or (lam_users, lam_items).
    unobserved_weight : float, default 0.1
        w0, the weight of every pair that is not stored.
    regularization_exponent : float, default 1.0
        nu: 0 regularises all rows alike, 1 in proportion to their weight (Rendle et al. 2021).
    alpha : float, default 1.0
        Slope of the confidence; only where `unobserved_weight` > 0.
    confidence : {"linear", "one_plus", "log"}, default "linear"
        w = alpha |r|, 1 + alpha |r|, or log(1 + alpha |r|).
    track_objective : bool, default False
        Compute J after every iteration; `history` then holds its parts.
    tolerance : float, default 0.0
        Stop when J falls by less than this share of itself in an iteration; 0 never stops early.
    num_threads : int, optional
        Threads; by default all available. The result is the same for any number.
    random_state : int, Generator, RandomState or None, default None
        Seed of the first user factors.
    dtype : {"float32", "float64"}, default "float32"
        Precision of factors and arithmetic.

    References
    ----------
    Hu, Koren & Volinsky 2008, "Collaborative filtering for implicit feedback datasets".
    Rendle, Krichene, Zhang & Koren 2021, "Revisiting the performance of iALS on item recommendation benchmarks".

    Examples
    --------
    >>> import fastmf
    >>> model = fastmf.WALS(factors=16, iterations=5, random_state=0).fit(fastmf.movielens())
    >>> items, scores = model.recommend(1, k=5)
    >>> items.shape
    (5,)
    """

    factors: int = param(64, lambda name, value: _checks.integer(name, value, 1, 4096))
    iterations: int = param(15, lambda name, value: _checks.integer(name, value, 1))
    regularization: float | tuple[float, float] = param(0.01, pair_of_numbers)
    unobserved_weight: float = param(0.1, lambda name, value: _checks.real(name, value, 0.0))
    regularization_exponent: float = param(1.0, lambda name, value: _checks.real(name, value, 0.0, 2.0))
    alpha: float = param(1.0, lambda name, value: _checks.real(name, value, above=0.0))
    confidence: str = param("linear", lambda name, value: _checks.choice(name, value, ("linear", "one_plus", "log")))
    track_objective: bool = param(False, _checks.flag)
    tolerance: float = param(0.0, lambda name, value: _checks.real(name, value, 0.0))
    num_threads: int | None = param(None, either(none, lambda name, value: _checks.integer(name, value, 1)))
    random_state: Any = param(None, random_state)
    dtype: Any = param("float32", _checks.float_dtype)

    @property
    def predicts_ratings(self) -> bool:
        """True in the explicit case, where stored values are the targets and nothing pulls the others to zero."""
        return self.unobserved_weight == 0

    # -- fitting --------------------------------------------------------------------------------------------------

    def fit(
        self, ratings: Any, *, weights: Any = None, progress: bool = False, callback: Callback | None = None
    ) -> WALS:
        """Learn the factors.

        Parameters
        ----------
        ratings : Ratings or SciPy sparse matrix
            Users x items.
        weights : array_like, shape (entries,), optional
            A weight >= 0 for each stored entry of `ratings`, in its order (row by row, items ascending); the stored
            values are then the targets.
        progress : bool, default False
            Show a bar (extra `progress`).
        callback : callable, optional
            Called as callback(iteration, record) after each iteration; returning True ends the fit.

        Returns
        -------
        WALS
            The model itself. On an error it stays as it was; on KeyboardInterrupt it holds the last whole iteration.

        Raises
        ------
        FitDivergedError
            A system that cannot be solved, or factors that are not finite: the message has the remedy.
        """
        p = self.checked()
        data = to_fit(self, ratings)
        threads = self._threads(None)
        entries, by_item = self._both_sides(data, weights)
        ridges = self._ridges(entries, by_item)
        passes = Passes(
            p["iterations"], what="WALS", progress=_checks.flag("progress", progress), callback=callback
        )
        start = _random.normal(_random.seed_from(p["random_state"]), 0, data.n_users * p["factors"])
        X = (start.reshape(data.n_users, -1) * (INITIAL_SCALE / p["factors"] ** 0.5)).astype(p["dtype"])
        del start
        X[entries.counts == 0] = 0
        X_new, Y = np.empty_like(X), np.empty((data.n_items, p["factors"]), p["dtype"])
        whole: tuple[NDArray[Any], NDArray[Any]] | None = None
        last = np.inf
        try:
            with passes.closing():
                for number in passes:
                    half_step(by_item, X, ridges[1], p["unobserved_weight"], Y, num_threads=threads, side="item")
                    Y_now = half_step(
                        entries, Y, ridges[0], p["unobserved_weight"], X_new, num_threads=threads, side="user"
                    )
                    if not (np.isfinite(X_new).all() and np.isfinite(Y_now).all()):
                        raise FitDivergedError(
                            f"factors are not finite after iteration {number}: raise regularization, or scale the values"
                        )
                    X, X_new = X_new, X
                    whole, Y = (X, Y_now), (np.empty_like(Y) if Y_now is Y else Y)
                    record = {}
                    if p["track_objective"] or p["tolerance"]:
                        J = self._objective(entries, X, Y_now, ridges, threads)
                        record = {**J._asdict(), "objective": J.total}
                        passes.stopped = bool(last - J.total < p["tolerance"] * last) if p["tolerance"] else False
                        last = J.total
                    passes.done(**record)
        except KeyboardInterrupt:
            if whole is not None:
                self._keep(data, whole, passes)
            raise
        assert whole is not None
        self._keep(data, whole, passes)
        return self

    def _keep(self, data: Ratings, factors: tuple[NDArray[Any], NDArray[Any]], passes: Passes) -> None:
        self._state = State.of(data, *factors, history=passes.history)

    def _both_sides(self, data: Ratings, weights: Any) -> tuple[Entries, Entries]:
        """Weights and targets of the entries, by user and by item."""
        w, a = self._weights_and_targets(data, weights)
        indptr, indices, order = data.item_major()
        by_item = Entries(
            indptr, indices, w if len(w) == 1 else w[order], a if len(a) == 1 else a[order], data.n_users
        )
        return Entries(data.indptr, data.indices, w, a, data.n_items), by_item

    def _weights_and_targets(self, data: Ratings, weights: Any = None) -> tuple[NDArray[Any], NDArray[Any]]:
        """w and a of each entry; an array of one element stands for the same value everywhere."""
        dtype = _checks.float_dtype("dtype", self.dtype)
        values = data.data.astype(dtype, copy=False)
        if weights is not None:
            return _checks.finite_vector("weights", weights, data.nnz, 0.0).astype(dtype, copy=False), values
        if self.unobserved_weight == 0:
            return np.ones(1, dtype), values
        liked = values > 0
        targets = np.ones(1, dtype) if liked.all() else (values >= 0).astype(dtype)
        if values.size and values.min() == values.max():
            values = values[:1]
        strength = values if liked.all() and self.alpha == 1 else np.abs(values) * dtype.type(self.alpha)
        if self.confidence == "one_plus":
            return 1 + strength, targets
        return (np.log1p(strength) if self.confidence == "log" else strength), targets

    def _ridges(self, *sides: Entries) -> tuple[NDArray[np.float64], ...]:
        """lam (n + w0 n_others)^nu for each row of each side."""
        return tuple(
            lam * (side.counts + self.unobserved_weight * side.n_others) ** float(self.regularization_exponent)
            for lam, side in zip(pair_of_numbers("regularization", self.regularization), sides, strict=True)
        )

    # -- after fitting --------------------------------------------------------------------------------------------

    def objective(self, ratings: Any, *, weights: Any = None, num_threads: int | None = None) -> Objective:
        """J of the fitted factors on `ratings`, split into its parts, exactly.

        Parameters
        ----------
        ratings, weights
            As given to `fit`; the shape must be the fitted one.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        Objective
            observed, unobserved and regularization, and their `total`.
        """
        state = self._fitted
        data = of_shape(ratings, state.shape)
        entries, by_item = self._both_sides(data, weights)
        return self._objective(
            entries, state.user_factors, state.item_factors, self._ridges(entries, by_item), self._threads(num_threads)
        )

    def _objective(
        self,
        entries: Entries,
        X: NDArray[Any],
        Y: NDArray[Any],
        ridges: tuple[NDArray[np.float64], ...],
        threads: int,
    ) -> Objective:
        regularization = squared_norms(X, ridges[0]) + squared_norms(Y, ridges[1])
        return objective(
            entries,
            X,
            Y,
            unobserved_weight=self.unobserved_weight,
            regularization=regularization,
            num_threads=threads,
        )

    def fold_in_users(
        self, rows: Any, *, weights: Any = None, num_threads: int | None = None
    ) -> NDArray[Any]:
        """Factors of users from their entries alone, the model unchanged.

        Each row is the exact solution given the fitted items, so the rows the model was fitted to give `user_factors`
        again, to rounding.

        Parameters
        ----------
        rows : Ratings or SciPy sparse matrix, (users, n_items)
            The users' entries. Columns are the model's items: by id where both have ids, else by number.
        weights : array_like, optional
            As in `fit`.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        ndarray, shape (users, factors)
            In the basis of `item_factors`; zeros for a user without entries.
        """
        state = self._fitted
        data = with_columns(rows, state.shape[1], state.item_ids, "rows", "items")
        w, a = self._weights_and_targets(data, weights)
        entries = Entries(data.indptr, data.indices, w, a, data.n_items)
        lam = pair_of_numbers("regularization", self.regularization)[0]
        ridge = lam * (entries.counts + self.unobserved_weight * entries.n_others) ** self.regularization_exponent
        out = np.empty((data.n_users, state.item_factors.shape[1]), state.item_factors.dtype)
        if data.n_users == 0:
            return out
        half_step(
            entries,
            state.item_factors,
            ridge,
            self.unobserved_weight,
            out,
            form="primal",
            num_threads=self._threads(num_threads),
            side="user",
        )
        return out
