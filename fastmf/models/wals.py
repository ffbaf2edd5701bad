"""WALS: weighted alternating least squares for ratings and for implicit feedback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastmf import _checks, _random, _threads
from fastmf._errors import FitDivergedError
from fastmf._params import either, none, param
from fastmf.models._base import FactorModel
from fastmf.models._fitting import Callback, Passes
from fastmf.models._initial import start_of
from fastmf.models._intake import entry_weights, of_fitted, to_fit
from fastmf.models._new_entries import NewEntries
from fastmf.models._objective import Objective
from fastmf.models._state import State
from fastmf.models._wals_explain import Explains
from fastmf.models._wals_fit import Factorization
from fastmf.models._wals_params import solver_of, together
from fastmf.models._wals_terms import number_or_vector, terms
from fastmf.models._wals_update import Update

FORMS = ("auto", "primal", "dual", "iterated")


@dataclass(kw_only=True, repr=False, eq=False)
class WALS(Explains, FactorModel):
    """Matrix factorisation by weighted alternating least squares.

    Minimises, over user rows x_u and item rows y_i, with Omega the stored entries,

        J = sum_{(u,i) in Omega} w_ui (a_ui - x_u.y_i)^2 + sum_{(u,i) not in Omega} c_i (x_u.y_i)^2
          + sum_u lam_u |x_u|^2 + sum_i lam_i |y_i|^2

        lam_u = lam_users (n_u + sum_i c_i)^nu        lam_i = lam_items (n_i + c_i n_users)^nu

    where n_u and n_i count stored entries. What w and a are:

    * `unobserved_weight` = 0, explicit ratings: w = 1 and a = r, the stored values.
    * `unobserved_weight` > 0, implicit feedback: a = 1 and w = `confidence` of alpha r. A negative value is a dislike:
      a = 0 with the weight of its absolute value.
    * `weights` given to `fit`: w is what is given and a = r, whatever `unobserved_weight` is.

    With `biased`, mu + b_u + c_i + x_u.y_i takes the place of x_u.y_i; the biases are regularised like the factors.

    Parameters
    ----------
    factors : int, default 64
        Length k of the factor rows.
    iterations : int, default 15
        Sweeps; each solves all items, then all users, so that the users are always optimal for the items.
    regularization : float or (float, float), optional
        lam, or (lam_users, lam_items); by default 0.001, and 0.1 where `unobserved_weight` is 0.
    unobserved_weight : float or array_like of shape (n_items,), default 0.3
        c, the weight of every pair that is not stored: one for all, or one for each item.
    regularization_exponent : float, default 1.0
        nu: 0 regularises all rows alike, 1 in proportion to their weight (Rendle et al. 2021).
    alpha : float, default 1.0
        Slope of the confidence; only where `unobserved_weight` > 0.
    confidence : {"linear", "one_plus", "log"}, default "linear"
        w = alpha |r|, 1 + alpha |r|, or log(1 + alpha |r|).
    biased : bool, default False
        Learn the mean and a bias for each user and item; only where `unobserved_weight` is 0.
    nonnegative : bool, default False
        Keep all factors at 0 or above, by coordinate descent on each row's normal equations.
    solver : {"auto", "cholesky", "cg", "subspace"}, default "auto"
        How rows are solved. "cholesky": exactly, each row by the cheapest of its k x k system (primal), its n x n
        system in the eigenbasis of the Gramian (dual; n is its number of entries), and conjugate gradient that goes on
        until rounding stops it (iterated; float32 and implicit feedback only). "cg": `cg_steps` of conjugate gradient,
        preconditioned in that eigenbasis. "subspace": one sweep over blocks of `block_size` factors (iALS++). These
        two still solve exactly the rows for which that is cheaper. "auto": exactly, but for rows where it would take
        half as long again as the quicker of the two others, which need hardly more sweeps.
    form : {"auto", "primal", "dual", "iterated"}, default "auto"
        Force one of these for exact rows, where it applies (dual: to rows with at most `factors` entries). The solution
        is the same.
    cg_steps : int, default 3
        Steps of conjugate gradient a row and sweep.
    block_size : int, default 64
        Factors in a block of the subspace method.
    relaxation : float, optional
        omega of successive over-relaxation, from 1 to 1.9; by default 1.6 where `solver` is "auto", else 1. A sweep
        goes omega times the way from each row to its solution, which takes a fit to a given J in a half to a quarter of
        the sweeps; the first sweeps rise to omega by steps. The users are kept as the solutions they are. 1 is plain
        alternating least squares, in which J never rises; above, it may by a little, near its end. Not for non-negative
        factors.
    track_objective : bool, default False
        Compute J after every iteration; `history` then holds its parts.
    tolerance : float, default 0.0
        Stop when J changes by less than this share of itself in an iteration; 0 never stops early.
    num_threads : int, optional
        Threads; by default all available. The result is the same for any number.
    random_state : int, Generator, RandomState or None, default None
        Seed of the item factors that the first users are solved against.
    dtype : {"float32", "float64"}, default "float32"
        Precision of factors and arithmetic.

    References
    ----------
    Young 1954, "Iterative methods for solving partial difference equations of elliptic type" (over-relaxation).
    Hu, Koren & Volinsky 2008, "Collaborative filtering for implicit feedback datasets".
    Rendle, Krichene, Zhang & Koren 2021, "Revisiting the performance of iALS on item recommendation benchmarks".
    Rendle, Krichene, Zhang & Koren 2021, "iALS++: speeding up matrix factorization with subspace optimization".
    He, Zhang, Kan & Chua 2016, "Fast matrix factorization for online recommendation with implicit feedback" (c_i).

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
    regularization: float | tuple[float, float] | None = param(None, either(none, _checks.pair))
    unobserved_weight: Any = param(0.3, number_or_vector)
    regularization_exponent: float = param(1.0, lambda name, value: _checks.real(name, value, 0.0, 2.0))
    alpha: float = param(1.0, lambda name, value: _checks.real(name, value, above=0.0))
    confidence: str = param("linear", lambda name, value: _checks.choice(name, value, ("linear", "one_plus", "log")))
    biased: bool = param(False, _checks.flag)
    nonnegative: bool = param(False, _checks.flag)
    solver: str = param("auto", lambda name, value: _checks.choice(name, value, ("auto", "cholesky", "cg", "subspace")))
    form: str = param("auto", lambda name, value: _checks.choice(name, value, FORMS))
    cg_steps: int = param(3, lambda name, value: _checks.integer(name, value, 1))
    block_size: int = param(64, lambda name, value: _checks.integer(name, value, 1, 4096))
    relaxation: float | None = param(None, either(none, lambda name, value: _checks.real(name, value, 1.0, 1.9)))
    track_objective: bool = param(False, _checks.flag)
    tolerance: float = param(0.0, lambda name, value: _checks.real(name, value, 0.0))
    num_threads: int | None = param(None, _threads.argument)
    random_state: Any = param(None, _random.argument)
    dtype: Any = param("float32", _checks.float_dtype)

    @property
    def predicts_ratings(self) -> bool:
        """True in the explicit case, where stored values are the targets and nothing pulls the others to zero."""
        return not np.any(self.unobserved_weight)

    # -- fitting --------------------------------------------------------------------------------------------------

    def fit(
        self,
        ratings: Any,
        *,
        weights: Any = None,
        initial: WALS | None = None,
        progress: bool = False,
        callback: Callback | None = None,
    ) -> WALS:
        """Learn the factors.

        Parameters
        ----------
        ratings : Ratings or SciPy sparse matrix
            Users x items.
        weights : array_like, shape (entries,), optional
            A weight >= 0 for each stored entry of `ratings`, in its order (row by row, items ascending); the stored
            values are then the targets.
        initial : WALS, optional
            A fitted model to start from, which stays as it is: of as many users and items, the same ids where both have
            them, the same `factors` and dtype; with its biases and mean, if it has any and `biased` is True. Users it
            had no entry of are solved first. With `relaxation` 1, n iterations and m from there are n + m iterations
            bit by bit; above, the m begin to rise to it anew.
        progress : bool, default False
            Show a bar (extra `progress`).
        callback : callable, optional
            Called as callback(iteration, record) after each iteration; returning True ends the fit.
            `EarlyStopping` is one that has the model keep the best iteration by a figure of your choice.

        Returns
        -------
        WALS
            The model itself. On an error it stays as it was; on KeyboardInterrupt it holds the last whole iteration.

        Raises
        ------
        ValueError
            An `initial` that is not as above, or has factors below 0 where `nonnegative` allows none.
        FitDivergedError
            A system that cannot be solved, or factors that are not finite: the message has the remedy.

        Examples
        --------
        >>> import fastmf
        >>> ratings = fastmf.movielens()
        >>> first = fastmf.WALS(factors=16, iterations=5, random_state=0).fit(ratings)
        >>> len(fastmf.WALS(factors=16, iterations=2, regularization=0.002).fit(ratings, initial=first).history)
        2
        """
        p = self._checked_together()
        data = to_fit(self, ratings)
        start = start_of(initial, WALS, data, p)
        passes = Passes(self, p["iterations"], progress=_checks.flag("progress", progress), callback=callback)
        fitted = Factorization(
            terms(data, weights, p),
            p["factors"],
            biased=p["biased"],
            solver=solver_of(p),
            relaxation=p["relaxation"],
            seed=_random.seed_from(p["random_state"]),
            dtype=p["dtype"],
            tracked=p["track_objective"] or p["tolerance"] > 0,
            num_threads=self._threads(None),
        )
        if start is not None:
            fitted.resume(start)

        def state_of() -> State:
            kept = weights
            if kept is not None:
                kept = entry_weights(kept, data.nnz, fitted.X.dtype).copy()  # the caller's own may change
            return State.of(data, **fitted.results(), keep_values=True, weights=kept)

        last = np.inf
        try:
            with passes.closing():
                for number in passes:
                    fitted.sweep()
                    if not fitted.is_finite():
                        raise FitDivergedError(
                            f"factors are not finite after iteration {number}: raise regularization, or scale the "
                            "values"
                        )
                    record = {}
                    if p["track_objective"] or p["tolerance"]:
                        J = fitted.objective()
                        record = {**J._asdict(), "objective": J.total}
                        passes.stopped = p["tolerance"] > 0 and abs(last - J.total) < p["tolerance"] * last
                        last = J.total
                    passes.done(state_of, **record)
        except KeyboardInterrupt:
            if passes.history:
                self._state = passes.with_history(state_of())
            raise
        self._state = passes.outcome(state_of)
        return self

    def partial_fit(self, ratings: Any, *, weights: Any = None) -> WALS:
        """Take new entries up: solve their items again, then their users, from stored and new entries; fit if unfitted.

        Every row solved is exact given the other side, as in a half-step of `fit`; all other rows, the mean and
        `history` stay as they are. A `fit` to all entries from time to time does better than many of these.

        Parameters
        ----------
        ratings : Ratings or SciPy sparse matrix
            The new entries alone. One that is stored already replaces the stored one, value and weight. By id where the
            model has ids: those it does not know get rows after the others. Else by number: the shape is at least the
            fitted one, and what goes beyond it are new users and items. `item_info` gets their columns and keeps its
            own, with NaN, NaT or no text where neither says anything.
        weights : array_like, shape (entries,), optional
            As in `fit`: for a model that was fitted with weights, and only for such.

        Returns
        -------
        WALS
            The model itself. Meanwhile it answers, also in other threads, as it was, and stays so after an error; one
            call of this at a time.

        Raises
        ------
        ValueError
            Ids for a model without, or none for new rows of one with ids; a smaller shape; weights that do not go with
            the fit; an `unobserved_weight` by item without one for a new item; a model from a file of an earlier
            version, without values.
        TypeError
            A column of `item_info` that the model has in another kind or shape.
        FitDivergedError
            A system that cannot be solved.

        Notes
        -----
        A new user whose items are all new, and have nobody else, gets zeros: nothing says yet where they belong.

        Examples
        --------
        >>> import fastmf
        >>> model = fastmf.WALS(factors=16, iterations=3, random_state=0).fit(fastmf.movielens())
        >>> model = model.partial_fit(fastmf.Ratings.from_arrays([15, 100_000], [260, 260], [5.0, 4.0]))
        >>> items, scores = model.recommend(100_000, k=3)
        """
        if self._state is None:
            return self.fit(ratings, weights=weights)
        state = self._fitted
        p = self._checked_for(state)
        self._state = Update(NewEntries.of(state, ratings), weights, p, self._threads(None)).run()
        return self

    def _checked_together(self) -> dict[str, Any]:
        """Checked parameters that also go together."""
        return together(self.checked())

    # -- after fitting --------------------------------------------------------------------------------------------

    def objective(self, ratings: Any, *, weights: Any = None, num_threads: int | None = None) -> Objective:
        """J of the fitted factors on `ratings`, split into its parts, exactly.

        Parameters
        ----------
        ratings, weights
            As given to `fit`; the shape must be the fitted one, and the ids where there are any.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        Objective
            observed, unobserved and regularization, and their `total`.
        """
        state, p, threads = self._fitted, self._checked_together(), self._threads(num_threads)
        p["dtype"] = state.user_factors.dtype  # whatever it is now for the next fit
        data = of_fitted(ratings, state)
        fitted = Factorization.of(
            terms(data, weights, p), state, biased=p["biased"], solver=solver_of(p), num_threads=threads
        )
        return fitted.objective()
