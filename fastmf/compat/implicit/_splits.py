"""implicit's two ways to hold out entries, with its random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.compat.implicit.utils import check_random_state, check_structure

Parts = tuple[sp.csr_matrix, sp.csr_matrix]


def train_test_split(ratings: Any, train_percentage: float = 0.8, random_state: Any = None) -> Parts:
    """Hold out each entry with the same probability.

    Parameters
    ----------
    ratings : sparse matrix or array, users x items
        It stays as it is.
    train_percentage : float, default 0.8
        Probability that an entry is for training, in [0, 1].
    random_state : None, int, Generator or RandomState
        The seed: the same one gives the parts that implicit gives.

    Returns
    -------
    train, test : csr_matrix
        Of the shape and dtype of `ratings`; zeros and negative entries that were held out are in neither.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_matrix
    >>> from fastmf.compat.implicit.evaluation import train_test_split
    >>> train, test = train_test_split(csr_matrix(np.ones((10, 10))), random_state=0)
    >>> train.nnz + test.nnz
    100
    """
    share = _checks.real("train_percentage", train_percentage, 0.0, 1.0)
    entries = _entries(ratings)
    is_train = check_random_state(random_state).random(len(entries.data)) < share
    return _part(entries, is_train), _part(entries, ~is_train & (entries.data > 0))


def leave_k_out_split(ratings: Any, K: int = 1, train_only_size: float = 0.0, random_state: Any = None) -> Parts:
    """Hold out K entries of each user, drawn at random.

    Parameters
    ----------
    ratings : sparse matrix or array, users x items
        It stays as it is.
    K : int, default 1
        Entries to hold out. A user with K + 1 entries or fewer keeps all of them for training.
    train_only_size : float, default 0.0
        Share of the users with entries who keep all of them for training, in [0, 1).
    random_state : None, int, Generator or RandomState
        The seed.

    Returns
    -------
    train, test : csr_matrix
        Of the shape and dtype of `ratings`; each entry is in one of them.

    Raises
    ------
    ValueError
        For K or `train_only_size` out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_matrix
    >>> from fastmf.compat.implicit.evaluation import leave_k_out_split
    >>> train, test = leave_k_out_split(csr_matrix(np.ones((3, 4))), K=2, random_state=0)
    >>> np.diff(test.indptr)
    array([2, 2, 2], dtype=int32)
    """
    K = _checks.integer("K", K, 1)
    share = _checks.real("train_only_size", train_only_size, 0.0)
    if share >= 1:
        raise ValueError(f"train_only_size must be in [0, 1), got {train_only_size}")
    entries = _entries(ratings)
    rng = check_random_state(random_state)
    users, user = np.unique(entries.row, return_inverse=True)  # `user` counts only those with entries
    counts = np.bincount(user, minlength=len(users))
    held_out = np.where(counts > K + 1, K, 0)
    if share > 0 and len(users):
        size = max(1, int(np.float32(len(users)) * np.float32(share)))  # implicit takes the share as a float32
        held_out[rng.choice(len(users), size=size, replace=False)] = 0
    order = np.lexsort((rng.random(len(user)), user))
    place = np.arange(len(user)) - np.repeat(np.cumsum(counts) - counts, counts)
    is_test = np.empty(len(user), bool)
    is_test[order] = place < np.repeat(held_out, counts)
    return _part(entries, ~is_test), _part(entries, is_test)


def _entries(ratings: Any) -> sp.coo_array:
    if not sp.issparse(ratings):
        raise TypeError(f"ratings must be a SciPy sparse matrix or array, got {_checks.shown(ratings)}")
    check_structure("ratings", ratings)
    return ratings.tocoo()


def _part(entries: Any, mask: NDArray[np.bool_]) -> sp.csr_matrix:
    """The entries inside the mask."""
    where = entries.row[mask], entries.col[mask]
    return sp.csr_matrix((entries.data[mask], where), shape=entries.shape, dtype=entries.dtype)
