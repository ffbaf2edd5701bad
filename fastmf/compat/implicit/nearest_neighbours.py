"""implicit.nearest_neighbours: weights for stored entries, as used before a fit.

The recommenders by nearest neighbours are not here: their names are, and refuse.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fastmf.compat.implicit.utils import check_structure


def tfidf_weight(X: Any) -> sp.coo_matrix:
    """Weigh the entries of a matrix by TF-IDF: sqrt(x) (log N - log(1 + n_c)).

    Parameters
    ----------
    X : sparse matrix or array of shape (N, columns)
        Documents x terms, or items x users: values of at least 0. It stays as it is.

    Returns
    -------
    coo_matrix
        n_c is the number of entries in a column.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> from fastmf.compat.implicit.nearest_neighbours import tfidf_weight
    >>> tfidf_weight(csr_matrix([[4.0, 1.0], [0.0, 1.0], [0.0, 0.0]])).toarray().round(3)
    array([[0.811, 0.   ],
           [0.   , 0.   ],
           [0.   , 0.   ]])
    """
    X = _entries("X", X, least=0.0)
    return _with(X, np.sqrt(X.data) * _rarity(X)[X.col])


def normalize(X: Any) -> sp.coo_matrix:
    """Scale the rows of a matrix to length 1.

    Parameters
    ----------
    X : sparse matrix or array
        It stays as it is.

    Returns
    -------
    coo_matrix
        A row of stored zeros stays zero.

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> from fastmf.compat.implicit.nearest_neighbours import normalize
    >>> normalize(csr_matrix([[3.0, 4.0], [0.0, 2.0]])).toarray()
    array([[0.6, 0.8],
           [0. , 1. ]])
    """
    X = _entries("X", X)
    lengths = np.sqrt(np.bincount(X.row, np.square(X.data, dtype=np.float64), minlength=X.shape[0]))
    lengths[lengths == 0] = 1.0
    return _with(X, X.data / lengths[X.row])


def bm25_weight(X: Any, K1: float = 100, B: float = 0.8) -> sp.coo_matrix:
    """Weigh the entries of a matrix by BM25: x (K1 + 1) / (K1 l_r + x) (log N - log(1 + n_c)).

    Parameters
    ----------
    X : sparse matrix or array of shape (N, columns)
        Documents x terms, or items x users: values of at least 0. It stays as it is.
    K1 : float, default 100
        How slowly large values saturate.
    B : float, default 0.8
        How much the sum of a row counts: l_r = 1 - B + B (sum of row r) / (mean of these sums).

    Returns
    -------
    coo_matrix
        n_c is the number of entries in a column.

    References
    ----------
    Robertson & Zaragoza 2009, "The probabilistic relevance framework: BM25 and beyond".

    Examples
    --------
    >>> from scipy.sparse import csr_matrix
    >>> from fastmf.compat.implicit.nearest_neighbours import bm25_weight
    >>> bm25_weight(csr_matrix([[4.0, 1.0], [0.0, 1.0], [0.0, 0.0]])).toarray().round(3)
    array([[0.731, 0.   ],
           [0.   , 0.   ],
           [0.   , 0.   ]])
    """
    X = _entries("X", X, least=0.0)
    sums = np.bincount(X.row, X.data, minlength=X.shape[0])
    mean = sums.mean() if len(sums) else 0.0
    if mean == 0:  # no entry, or zeros only: there is nothing to weigh
        return _with(X, np.zeros(len(X.data)))
    lengths = (1.0 - B) + B * sums / mean
    return _with(X, X.data * (K1 + 1.0) / (K1 * lengths[X.row] + X.data) * _rarity(X)[X.col])


def _entries(name: str, X: Any, least: float | None = None) -> sp.coo_matrix:
    """The entries of a matrix, each pair once."""
    if sp.issparse(X):
        check_structure(name, X)
    X = sp.coo_matrix(X)
    X.sum_duplicates()
    if not np.isfinite(X.data).all() or (least is not None and (X.data < least).any()):
        wanted = "finite numbers" if least is None else "finite numbers of at least 0"
        raise ValueError(f"{name} must hold {wanted}, got others")
    return X


def _with(X: sp.coo_matrix, data: NDArray[Any]) -> sp.coo_matrix:
    return sp.coo_matrix((data, (X.row, X.col)), shape=X.shape)


def _rarity(X: sp.coo_matrix) -> NDArray[np.float64]:
    """log N - log(1 + n_c) of each column."""
    rarity: NDArray[np.float64] = np.log(float(max(X.shape[0], 1))) - np.log1p(np.bincount(X.col, minlength=X.shape[1]))
    return rarity


class ItemItemRecommender:
    """Recommendations by the nearest neighbours of items: not in fastmf.

    Parameters
    ----------
    args, kwargs
        Whatever implicit takes.

    Raises
    ------
    NotImplementedError
        Always.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError(
            f"fastmf has no {type(self).__name__}: it factorises matrices. Use implicit itself for nearest neighbours"
        )


class CosineRecommender(ItemItemRecommender):
    """Not in fastmf: refuses its args and kwargs as `ItemItemRecommender` does."""


class TFIDFRecommender(ItemItemRecommender):
    """Not in fastmf: refuses its args and kwargs as `ItemItemRecommender` does."""


class BM25Recommender(ItemItemRecommender):
    """Not in fastmf: refuses its args and kwargs as `ItemItemRecommender` does."""
