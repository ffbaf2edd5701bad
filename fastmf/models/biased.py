"""BiasedMF: ratings as mean, biases and factors, learned by stochastic gradient descent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf._params import param
from fastmf.models._base import FactorModel
from fastmf.models._biased_fit import train
from fastmf.models._fitting import Callback
from fastmf.models._initial import start_of
from fastmf.models._intake import of_fitted, to_fit
from fastmf.models._new_entries import NewEntries
from fastmf.models._objective import Objective
from fastmf.models._sgd_params import SgdParams, one_of
from fastmf.models._sgd_terms import observed_loss, regularization_of


@dataclass(kw_only=True, repr=False, eq=False)
class BiasedMF(SgdParams, FactorModel):
    """Matrix factorisation of ratings with mean and biases, by stochastic gradient descent on the stored entries.

    Minimises, with yhat_ui = mu + b_u + c_i + x_u.y_i and Omega the stored entries,

        J = sum_{(u,i) in Omega} w_ui loss(a_ui, yhat_ui)
          + lam_users sum_u n_u |x_u|^2 + lam_items sum_i n_i |y_i|^2 + lam_b (sum_u n_u b_u^2 + sum_i n_i c_i^2)

    where n_u and n_i count entries: every step on a rating also shrinks its two rows a little. mu is fixed at the
    start: the weighted mean of the ratings (squared loss), their median (absolute), or the log-odds of the positive
    ones (logistic).

    Ratings are cut into a grid of cells whose rows stay in cache, and shuffled within a cell.

    Parameters
    ----------
    factors : int, default 64
        Length k of the factor rows.
    epochs : int, default 20
        Passes over the ratings.
    learning_rate : float, default 0.1
        First step size.
    regularization : float or (float, float), default 0.05
        lam, or (lam_users, lam_items).
    bias_regularization : float, default 0.01
        lam_b, of the biases of users and items.
    optimizer : {"adagrad", "sgd"}, default "adagrad"
        "adagrad": each row divides the rate by the root of what it has summed of its mean squared gradients (Chin et
        al. 2015). "sgd": steps of the rate itself, which is then best at 0.01 to 0.05.
    schedule : {"exponential", "inverse_time", "constant", "bold_driver"}, default "exponential"
        How the rate changes after epoch t: times (1 - decay)^t, divided by (1 + decay t), not at all, or by 5 % up
        after an epoch that lowered the loss and by half down after one that did not.
    decay : float, default 0.1
        Of the exponential schedule, where it is less than 1, and the inverse-time schedule.
    rating_range : (float, float), optional
        `predict` clips to this range.
    patience : int, optional
        Stop after so many epochs without a lower validation RMSE (or loss) and keep the best epoch's factors.
    num_threads : int, optional
        Threads; by default all available.
    random_state : int, Generator, RandomState or None, default None
        Seed of the first factors and of all orders.
    dtype : {"float32", "float64"}, default "float32"
        Precision of factors and arithmetic.
    loss : {"squared", "absolute", "logistic"}, default "squared"
        (a - z)^2, |a - z|, or log(1 + exp(-a z)) for values -1 and 1 (or 0 and 1, where 0 counts as -1);
        `predict` then gives the probability of 1.
    nonnegative : bool, default False
        Set factors below 0 to 0 after each step.
    parallel : {"blocked", "hogwild"}, default "blocked"
        "blocked": cells that share no row at a time; the same result for any number of threads. "hogwild": threads own
        users and race on items, without barriers; the result varies a little from run to run with several threads.

    Notes
    -----
    The defaults were chosen on held-out parts of MovieLens data of 100 thousand ratings and of 20 million synthetic
    ones, as a compromise: large data want less regularization (0.03), small data more (0.06).

    References
    ----------
    Chin, Zhuang, Juan & Lin 2015, "A learning-rate schedule for stochastic gradient methods to matrix factorization".
    Koren, Bell & Volinsky 2009, "Matrix factorization techniques for recommender systems".
    Gemulla, Nijkamp, Haas & Sismanis 2011, "Large-scale matrix factorization with distributed stochastic gradient
    descent".
    Recht, Re, Wright & Niu 2011, "Hogwild!: a lock-free approach to parallelizing stochastic gradient descent".

    Examples
    --------
    >>> import fastmf
    >>> train, test = fastmf.split_random(fastmf.movielens(), test=0.1, random_state=0)
    >>> model = fastmf.BiasedMF(random_state=0).fit(train)
    >>> fastmf.rmse(model, test) < 0.9
    True
    """

    loss: str = param("squared", one_of("squared", "absolute", "logistic"))
    nonnegative: bool = param(False, _checks.flag)
    parallel: str = param("blocked", one_of("blocked", "hogwild"))

    def fit(
        self,
        ratings: Any,
        *,
        validation: Any = None,
        weights: Any = None,
        initial: BiasedMF | None = None,
        progress: bool = False,
        callback: Callback | None = None,
    ) -> BiasedMF:
        """Learn mean, biases and factors.

        Parameters
        ----------
        ratings : Ratings or SciPy sparse matrix
            Users x items; stored values are the ratings.
        validation : Ratings or SciPy sparse matrix, optional
            Held-out ratings of the same shape, at least one: `history` gets their RMSE, before any clipping to
            `rating_range` (log loss for the logistic loss).
        weights : array_like, shape (entries,), optional
            A weight >= 0 for each stored entry of `ratings`, in its order.
        initial : BiasedMF, optional
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
        BiasedMF
            The model itself. On an error it stays as it was; on KeyboardInterrupt it holds the last whole epoch.

        Raises
        ------
        ValueError
            An `initial` that is not as above, has another scale of loss, or factors below 0 where `nonnegative` allows
            none.
        FitDivergedError
            Factors that are not finite: the message has the epoch and the remedy.

        Examples
        --------
        >>> import fastmf
        >>> ratings = fastmf.movielens()
        >>> first = fastmf.BiasedMF(factors=8, epochs=5, random_state=0).fit(ratings)
        >>> model = fastmf.BiasedMF(factors=8, epochs=2, regularization=0.06).fit(ratings, initial=first)
        >>> len(first.history), len(model.history)
        (5, 2)
        """
        p = self._checked_with(validation)
        data = to_fit(self, ratings)
        start = start_of(initial, BiasedMF, data, p)
        if initial is not None and (initial.loss == "logistic") != (p["loss"] == "logistic"):
            raise ValueError(f"initial must be a fit whose loss has the scale of {p['loss']!r}, got {initial.loss!r}")
        train(self, p, data, None, start, validation=validation, weights=weights, progress=progress, callback=callback)
        return self

    def partial_fit(
        self,
        ratings: Any,
        *,
        epochs: int | None = None,
        validation: Any = None,
        weights: Any = None,
        progress: bool = False,
        callback: Callback | None = None,
    ) -> BiasedMF:
        """Go on learning from new ratings, which may be of new users and new items; without a fit before, `fit`.

        Only these ratings are learned from: rows of users and items that are not among them stay as they are, and what
        was learned of the others from old ratings fades as the epochs go on. Pass old and new ratings together to keep
        both. The mean stays, as do the accumulators of AdaGrad; the schedule of rates begins anew. New users and items
        begin with random rows.

        Parameters
        ----------
        ratings : Ratings or SciPy sparse matrix
            At least one rating. With ids, if the model has ids: ids that it does not know are put behind those it
            knows. Without, if it has none: at least its rows and columns, those beyond them being new; for a model with
            ids, exactly its rows and columns. `item_info` gets their columns and keeps its own, with NaN, NaT or no
            text where neither says anything.
        epochs : int, optional
            Passes over these ratings; by default a quarter of the model's own `epochs`, and all of them without a fit
            before. Few are best for what was learned before, many for new users and items.
        validation : Ratings or SciPy sparse matrix, optional
            As in `fit`. Ids may be in any order; the model or `ratings` must know them.
        weights, progress, callback
            As in `fit`; `callback` counts the epochs of this call.

        Returns
        -------
        BiasedMF
            The model itself, with a longer `history`; `recommend` leaves out what users have in old or new ratings. On
            an error it stays as it was; on KeyboardInterrupt it holds the last whole epoch.

        Raises
        ------
        ValueError
            `factors` or `dtype` are not those of the fit, or the ids or the shape of the ratings do not go with it.
        TypeError
            A column of `item_info` that the model has in another kind or shape.
        UnknownIdError
            Validation ratings of an id that neither the model nor `ratings` know.
        FitDivergedError
            As in `fit`.

        Examples
        --------
        >>> import fastmf
        >>> old = fastmf.Ratings.from_arrays(["ann", "ann", "bob"], ["x", "y", "x"], [5.0, 1.0, 4.0])
        >>> new = fastmf.Ratings.from_arrays(["bob", "cid"], ["y", "z"], [2.0, 3.0])
        >>> model = fastmf.BiasedMF(random_state=0).fit(old).partial_fit(new, epochs=5)
        >>> list(model.user_ids), list(model.item_ids), len(model.history)
        (['ann', 'bob', 'cid'], ['x', 'y', 'z'], 25)
        """
        p = self._checked_with(validation)
        data, new = to_fit(self, ratings), None
        if self._state is not None:
            learned = self._state.user_factors
            for name, fitted in (("factors", learned.shape[1]), ("dtype", learned.dtype)):
                if p[name] != fitted:
                    raise ValueError(f"{name} must be that of the fit, {fitted}, for partial_fit, got {p[name]}")
            new = NewEntries.of(self._state, data)
            data = new.ratings
            validation = None if validation is None else new.aligned(validation, "validation")
            p["epochs"] = max(1, p["epochs"] // 4)
        if epochs is not None:
            p["epochs"] = _checks.integer("epochs", epochs, 1)
        train(self, p, data, new, None, validation=validation, weights=weights, progress=progress, callback=callback)
        return self

    def _predict(
        self, users: NDArray[np.int64], items: NDArray[np.int64], num_threads: int | None = None
    ) -> NDArray[Any]:
        z = super()._predict(users, items, num_threads)
        if self.loss == "logistic":
            return (0.5 + 0.5 * np.tanh(0.5 * z)).astype(z.dtype)
        return self._clipped(z)

    @property
    def predicts_ratings(self) -> bool:
        """False for the logistic loss, whose predictions are probabilities."""
        return self.loss != "logistic"

    def objective(self, ratings: Any, *, weights: Any = None, num_threads: int | None = None) -> Objective:
        """J of the fitted factors on `ratings` for the squared loss, split into its parts, exactly.

        Parameters
        ----------
        ratings, weights
            As given to `fit`; the shape must be the fitted one.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        Objective
            observed, unobserved (0) and regularization, and their `total`.
        """
        state, p = self._fitted, self.checked()
        if p["loss"] != "squared":
            raise ValueError(f"objective is there for loss='squared' only, got {p['loss']!r}")
        data, threads = of_fitted(ratings, state), self._threads(num_threads)
        observed = observed_loss(state, data, weights, threads)
        return Objective(observed, 0.0, regularization_of(p, state, data, state.user_factors, threads))
