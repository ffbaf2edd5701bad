"""The metric of TensorFlow Recommenders, by its name and by its rules."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from fastmf.evaluation.alignment import in_numbers_of
from fastmf.evaluation.metrics import checked_cutoffs
from fastmf.evaluation.predictions import checked_model
from fastmf.models._base import FactorModel
from fastmf.retrieval import rank_of


def factorized_top_k(
    model: FactorModel, test: Any, ks: ArrayLike = (1, 5, 10, 50, 100), *, num_threads: int | None = None
) -> dict[str, float]:
    """Top-k categorical accuracy over the whole corpus, as `tfrs.metrics.FactorizedTopK` computes it by scores.

    For each test entry, of user u and item i, a hit at k means that fewer than k items of the whole catalogue score
    higher than i for u; the figure is the share of hits among all entries. Nothing is left out of the catalogue, so
    items the user has in the training data take places too, and users with many test entries count more: both unlike
    `evaluate`. Items with the score of i do not count as higher.

    Parameters
    ----------
    model : FactorModel
        A fitted model.
    test : Ratings or SciPy sparse matrix
        Entries held out, treated as `evaluate` treats them; their values play no part.
    ks : int or sequence of int, default (1, 5, 10, 50, 100)
        Cut-offs, each at least 1.
    num_threads : int, optional
        Threads; by default the model's own `num_threads`. The figures are the same for any number.

    Returns
    -------
    dict of float
        "factorized_top_k/top_1_categorical_accuracy" and so on, as TensorFlow Recommenders names them.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    TypeError, ValueError
        If an argument is not as above, or no entry is left.

    Examples
    --------
    >>> import fastmf
    >>> train, test = fastmf.split_random(fastmf.movielens(), random_state=0)
    >>> model = fastmf.WALS(factors=16, iterations=5, random_state=0).fit(train)
    >>> accuracy = fastmf.evaluation.factorized_top_k(model, test, ks=(10, 100))
    >>> 0 < accuracy["factorized_top_k/top_10_categorical_accuracy"] < 0.2
    True
    """
    model = checked_model(model)
    cutoffs = checked_cutoffs(ks, "ks")
    held_out, _ = in_numbers_of(model, "test", test)
    if held_out.nnz == 0:
        raise ValueError("test must have at least one entry, got none")
    state = model._fitted
    higher, _ = rank_of(
        state.user_factors,
        state.item_factors,
        (held_out.indptr, held_out.indices),
        item_bias=state.item_bias,
        num_threads=model._threads(num_threads),
    )
    return {f"factorized_top_k/top_{k}_categorical_accuracy": float(np.mean(higher < k)) for k in cutoffs}
