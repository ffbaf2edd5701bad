"""WALS as a transformer of scikit-learn (extra `sklearn`): users x items in, user factors out."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from fastmf import _checks
from fastmf._optional import require
from fastmf.evaluation import evaluate, split_stratified
from fastmf.models import WALS

_base: Any = require("sklearn.base", "sklearn")
_validation: Any = require("sklearn.utils.validation", "sklearn")

_DEFAULT = WALS().get_params()
_OWN = ("k", "held_out")  # parameters of `score`; the others are those of WALS

__all__ = ["WALSTransformer"]


class WALSTransformer(
    _base.ClassNamePrefixFeaturesOutMixin,  # type: ignore[misc]
    _base.TransformerMixin,  # type: ignore[misc]
    _base.BaseEstimator,  # type: ignore[misc]
):
    """Turn rows of ratings or interactions into user factors, by weighted alternating least squares.

    `fit` learns the item factors from the rows of X, which are users; `transform` folds rows in: each user's factors
    are the exact least-squares solution given the items, whether or not the user was in the data of `fit`. What is
    minimised, and what the parameters mean, is said by `fastmf.WALS`.

    Parameters
    ----------
    factors, iterations, regularization, unobserved_weight, regularization_exponent, alpha, confidence, nonnegative
        As in `fastmf.WALS`, with the same defaults.
    solver, tolerance, num_threads, random_state
        As in `fastmf.WALS`, with the same defaults.
    k : int, default 10
        Cut-off of `score`.
    held_out : float, default 0.2
        Share of each row that `score` holds out, between 0 and 1 exclusive.

    Attributes
    ----------
    model_ : WALS
        The fitted model, for `recommend`, `similar_items` and all the rest.
    components_ : ndarray of shape (factors, n_features)
        The item factors.
    n_features_in_ : int
        Number of items.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the items; only where X has names of columns that are all text.

    Notes
    -----
    X is a SciPy sparse matrix or a dense array. Of a dense array the values other than 0 are the entries; of a sparse
    one all that are stored. The factors have X's dtype, float32 or float64: float32 is about twice as fast.

    Examples
    --------
    >>> import fastmf
    >>> from fastmf.sklearn import WALSTransformer
    >>> from sklearn.model_selection import GridSearchCV
    >>> X = fastmf.movielens().to_scipy()
    >>> search = GridSearchCV(WALSTransformer(factors=8, iterations=3, random_state=0), {"alpha": [0.1, 1.0]}, cv=2)
    >>> search.fit(X).best_estimator_.transform(X[:3]).shape
    (3, 8)
    """

    def __init__(
        self,
        *,
        factors: int = _DEFAULT["factors"],
        iterations: int = _DEFAULT["iterations"],
        regularization: Any = _DEFAULT["regularization"],
        unobserved_weight: Any = _DEFAULT["unobserved_weight"],
        regularization_exponent: float = _DEFAULT["regularization_exponent"],
        alpha: float = _DEFAULT["alpha"],
        confidence: str = _DEFAULT["confidence"],
        nonnegative: bool = _DEFAULT["nonnegative"],
        solver: str = _DEFAULT["solver"],
        tolerance: float = _DEFAULT["tolerance"],
        num_threads: int | None = _DEFAULT["num_threads"],
        random_state: Any = _DEFAULT["random_state"],
        k: int = 10,
        held_out: float = 0.2,
    ) -> None:
        self.factors = factors
        self.iterations = iterations
        self.regularization = regularization
        self.unobserved_weight = unobserved_weight
        self.regularization_exponent = regularization_exponent
        self.alpha = alpha
        self.confidence = confidence
        self.nonnegative = nonnegative
        self.solver = solver
        self.tolerance = tolerance
        self.num_threads = num_threads
        self.random_state = random_state
        self.k = k
        self.held_out = held_out

    def fit(self, X: Any, y: Any = None) -> WALSTransformer:
        """Learn the item factors.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n_samples, n_features)
            Users x items.
        y : ignored
            There for scikit-learn.

        Returns
        -------
        WALSTransformer
            The transformer itself.
        """
        rows = self._rows(X, reset=True)
        params = {name: value for name, value in self.get_params(deep=False).items() if name not in _OWN}
        self.model_ = WALS(**params, dtype=rows.dtype).fit(rows)
        self.components_ = np.ascontiguousarray(self.model_.item_factors.T)
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Factors of users from their rows alone.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n_samples, n_features)
            Users x items; the items are those of `fit`.

        Returns
        -------
        ndarray of shape (n_samples, factors)
            Zeros for a row without entries.
        """
        _validation.check_is_fitted(self)
        rows = self._rows(X, reset=False)
        factors: NDArray[Any] = self.model_.fold_in_users(rows)
        return factors.astype(rows.dtype, copy=False)

    def inverse_transform(self, X: Any) -> NDArray[Any]:
        """Scores of all items, x_u.y_i, for users given by their factors.

        Parameters
        ----------
        X : array_like of shape (n_samples, factors)
            User factors, as `transform` gives them.

        Returns
        -------
        ndarray of shape (n_samples, n_features)
        """
        _validation.check_is_fitted(self)
        factors = _validation.check_array(X, dtype=[np.float64, np.float32])
        if factors.shape[1] != len(self.components_):
            raise ValueError(f"X must have {len(self.components_)} columns, one a factor, got shape {factors.shape}")
        return np.asarray(factors @ self.components_)

    def score(self, X: Any, y: Any = None) -> float:
        """How well lists made from a part of each row find the rest of it: nDCG at `k`, the higher the better.

        A share `held_out` of each row's entries, drawn at random, is to be found; the user is folded in from the
        others, which are left out of the list. The draw depends on nothing but X and `random_state` where that is an
        integer (0 is taken where it is not), so that candidates of a search get the same task.

        Parameters
        ----------
        X : array_like or sparse matrix of shape (n_samples, n_features)
            Users x items.
        y : ignored
            There for scikit-learn.

        Returns
        -------
        float
            Between 0 and 1; the mean over the rows of which something is held out.
        """
        _validation.check_is_fitted(self)
        rows = self._rows(X, reset=False)
        k = _checks.integer("k", self.k, 1)
        seed = self.random_state if _checks.is_integer(self.random_state) else 0
        given, wanted = split_stratified(rows, _checks.fraction("held_out", self.held_out), random_state=seed)
        return evaluate(self.model_, wanted, fold_in=given, k=k, metrics="ndcg")[f"ndcg@{k}"]

    def _rows(self, X: Any, reset: bool) -> Any:
        """X, checked, as a sparse array of float32 or float64."""
        checked = _validation.validate_data(self, X, reset=reset, accept_sparse="csr", dtype=[np.float64, np.float32])
        return scipy.sparse.csr_array(checked)

    @property
    def _n_features_out(self) -> int:
        return len(self.components_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
