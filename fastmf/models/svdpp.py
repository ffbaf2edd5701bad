"""SVDpp: BiasedMF whose user vectors also say which items a user has rated, high or low."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks, _random
from fastmf._params import param
from fastmf.models._base import FactorModel
from fastmf.models._fitting import Callback, Passes
from fastmf.models._initial import start_of
from fastmf.models._intake import entry_weights, of_fitted, to_fit, weighted_mean
from fastmf.models._objective import Objective, regularization_loss
from fastmf.models._sgd_learn import learn
from fastmf.models._sgd_params import SgdParams, above_zero, not_below_zero
from fastmf.models._sgd_terms import HeldOut, observed_loss, regularization_of, targets, total_of
from fastmf.models._state import State
from fastmf.models._svdpp_fit import Descent, Rule, implicit_parts

Floats = NDArray[Any]


@dataclass(kw_only=True, repr=False, eq=False)
class SVDpp(SgdParams, FactorModel):
    """SVD++ (Koren 2008): matrix factorisation of ratings that also learns from which items a user has rated.

    Minimises, with N(u) the items that user u has, Omega the stored entries and

        yhat_ui = mu + b_u + c_i + q_i . (p_u + |N(u)|^-1/2 sum_{j in N(u)} y_j),

        J = sum_{(u,i) in Omega} w_ui (a_ui - yhat_ui)^2
          + lam_users sum_u n_u |p_u|^2 + lam_items sum_i n_i |q_i|^2 + lam_implicit sum_j n_j |y_j|^2
          + lam_b (sum_u n_u b_u^2 + sum_i n_i c_i^2)

    where n_u and n_i count entries, by stochastic gradient descent, user by user: for each user the sum over N(u) is
    made once and the y_j are moved once, so that an epoch costs a few times one of BiasedMF, not |N(u)| times. mu is
    the weighted mean of the ratings.

    `user_factors` hold the whole vectors, p_u + |N(u)|^-1/2 sum y_j, so that a fitted model predicts and recommends
    like any other; `implicit_factors` hold the y_j.

    Parameters
    ----------
    factors : int, default 64
        Length k of the factor rows.
    epochs : int, default 20
        Passes over the ratings.
    learning_rate : float, default 0.05
        First step size of p_u, q_i and biases; that of y_j is a fifth of it.
    regularization : float or (float, float), default 0.05
        lam, or (lam_users, lam_items).
    bias_regularization : float, default 0.01
        lam_b, of the biases of users and items.
    optimizer : {"adagrad", "sgd"}, default "adagrad"
        "adagrad": each row divides the rate by the root of what it has summed of its mean squared gradients (Chin et
        al. 2015). "sgd": steps of the rate itself, which is then best at 0.01 to 0.03.
    schedule : {"exponential", "inverse_time", "constant", "bold_driver"}, default "exponential"
        How the rate changes after epoch t: times (1 - decay)^t, divided by (1 + decay t), not at all, or by 5 % up
        after an epoch that lowered the loss and by half down after one that did not.
    decay : float, default 0.1
        Of the exponential schedule, where it is less than 1, and the inverse-time schedule.
    rating_range : (float, float), optional
        `predict` clips to this range.
    patience : int, optional
        Stop after so many epochs without a lower validation RMSE and keep the best epoch's factors.
    num_threads : int, optional
        Threads; by default all available. The result is the same for any number.
    random_state : int, Generator, RandomState or None, default None
        Seed of the first factors and of the order of the users.
    dtype : {"float32", "float64"}, default "float32"
        Precision of factors and arithmetic.
    implicit_regularization : float, default 0.05
        lam_implicit, of the y_j.

    References
    ----------
    Koren 2008, "Factorization meets the neighborhood: a multifaceted collaborative filtering model".
    Chin, Zhuang, Juan & Lin 2015, "A learning-rate schedule for stochastic gradient methods to matrix factorization".

    Examples
    --------
    >>> import fastmf
    >>> train, test = fastmf.split_random(fastmf.movielens(), test=0.1, random_state=0)
    >>> model = fastmf.SVDpp(random_state=0).fit(train)
    >>> fastmf.rmse(model, test) < 0.9
    True
    """

    learning_rate: float = param(0.05, above_zero)
    implicit_regularization: float = param(0.05, not_below_zero)

    def fit(
        self,
        ratings: Any,
        *,
        validation: Any = None,
        weights: Any = None,
        initial: SVDpp | None = None,
        progress: bool = False,
        callback: Callback | None = None,
    ) -> SVDpp:
        """Learn mean, biases and factors.

        Parameters
        ----------
        ratings : Ratings or SciPy sparse matrix
            Users x items; stored values are the ratings.
        validation : Ratings or SciPy sparse matrix, optional
            Held-out ratings of the same shape, at least one: `history` gets their RMSE, before any clipping to
            `rating_range`.
        weights : array_like, shape (entries,), optional
            A weight >= 0 for each stored entry of `ratings`, in its order. An entry of weight 0 still counts as an item
            the user has, so that it can stand for an item whose rating is not known.
        initial : SVDpp, optional
            A fitted model to start from, which stays as it is: of as many users and items, the same ids where both have
            them, the same `factors` and dtype. Its mean and biases are taken over, and the accumulators of AdaGrad; the
            schedule of rates begins anew. Users and items it had no rating of begin at random.
        progress : bool, default False
            Show a bar (extra `progress`).
        callback : callable, optional
            Called as callback(epoch, record) after each epoch; returning True ends the fit.
            `EarlyStopping` is one that has the model keep the best epoch by a figure of your choice.

        Returns
        -------
        SVDpp
            The model itself. On an error it stays as it was; on KeyboardInterrupt it holds the last whole epoch.

        Raises
        ------
        ValueError
            An `initial` that is not as above.
        FitDivergedError
            Factors that are not finite: the message has the epoch and the remedy.

        Examples
        --------
        >>> import fastmf
        >>> ratings = fastmf.movielens()
        >>> first = fastmf.SVDpp(factors=8, epochs=5, random_state=0).fit(ratings)
        >>> model = fastmf.SVDpp(factors=8, epochs=2, regularization=0.06).fit(ratings, initial=first)
        >>> len(first.history), len(model.history)
        (5, 2)
        """
        p = self._checked_with(validation)
        data = to_fit(self, ratings)
        start = start_of(initial, SVDpp, data, p)
        held_out = None if validation is None else HeldOut.of(validation, data, "squared", p["dtype"])
        passes = Passes(self, p["epochs"], progress=_checks.flag("progress", progress), callback=callback)
        values = targets("ratings", data.data, "squared", p["dtype"])
        weight = entry_weights(weights, data.nnz, p["dtype"])
        rule = Rule(
            adagrad=p["optimizer"] == "adagrad",
            penalties=(*p["regularization"], p["implicit_regularization"], p["bias_regularization"]),
            mean=weighted_mean(values, weight) if start is None else start.mean,
        )
        seed = _random.seed_from(p["random_state"])
        descent = Descent(data, values, weight, p["factors"], rule, seed, self._threads(None))
        if start is not None:
            descent.resume(start)
        trained = data.user_counts > 0, data.item_counts > 0

        def score(state: State) -> float:
            assert held_out is not None
            z = self._scores(state, held_out.users, held_out.items, self._threads(None))
            return held_out.score(z, "squared")

        learn(
            self,
            descent,
            passes,
            p,
            total_of(weight, data.nnz),
            lambda: State.of(data, **descent.results(*trained)),
            None if held_out is None else score,
        )
        return self

    def _predict(
        self, users: NDArray[np.int64], items: NDArray[np.int64], num_threads: int | None = None
    ) -> NDArray[Any]:
        return self._clipped(super()._predict(users, items, num_threads))

    @property
    def implicit_factors(self) -> NDArray[Any]:
        """Rows y_j, (items, factors): what having rated an item, at any value, adds to a user's vector."""
        return self._fitted.extra["item/implicit_factors"]

    def objective(self, ratings: Any, *, weights: Any = None, num_threads: int | None = None) -> Objective:
        """J of the fitted factors on `ratings`, split into its parts, exactly.

        Parameters
        ----------
        ratings, weights
            As given to `fit`; the shape must be the fitted one. N(u) are the items of the fit.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        Objective
            observed, unobserved (0) and regularization, and their `total`.
        """
        state, p = self._fitted, self.checked()
        data, threads = of_fitted(ratings, state), self._threads(num_threads)
        observed = observed_loss(state, data, weights, threads)
        implicit = self.implicit_factors
        own = state.user_factors - implicit_parts(implicit, state.seen_indptr, state.seen_indices, threads)
        penalty = regularization_of(p, state, data, own, threads)
        ridge = p["implicit_regularization"] * data.item_counts
        penalty += regularization_loss(implicit, ridge, num_threads=threads)
        return Objective(observed, 0.0, penalty)
