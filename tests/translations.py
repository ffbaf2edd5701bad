"""Small data, factors and shorthands that the tests of translations share."""

import numpy as np
import scipy.sparse as sp

from fastmf import translate
from fastmf.models._state import State

SHAPE, K = (40, 25), 3
COUNTS, LIKES, STARS = [1, 2, 3, 8], [-3, -1, 0, 1, 4], [0.5, 1, 2, 3, 4, 5]
NO_BIASES = {"user_bias": False, "item_bias": False, "center": False}


def sparse(values, seed=1):
    """A matrix with a third of its entries stored, with values drawn from `values`; user 7 and item 4 have none."""
    rng = np.random.default_rng(seed)
    stored = rng.random(SHAPE) < 1 / 3
    stored[7], stored[:, 4] = False, False
    users, items = np.nonzero(stored)
    return sp.csr_array((rng.choice(np.asarray(values, float), len(users)), (users, items)), shape=SHAPE)


def without_gaps(values):
    """The same without user 7 and item 4."""
    matrix = sparse(values)
    return matrix[np.diff(matrix.indptr) > 0][:, np.diff(matrix.tocsc().indptr) > 0].tocsr()


def dense(matrix):
    """The values and a mask of what is stored, zeros included."""
    mask = sp.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=SHAPE).toarray() > 0
    return matrix.toarray(), mask


def no_biases(shape=SHAPE):
    return np.zeros(shape[0]), np.zeros(shape[1]), 0.0


def random_factors(seed, biased=False):
    rng = np.random.default_rng(seed)
    X, Y = rng.normal(0, 0.6, (SHAPE[0], K)), rng.normal(0, 0.6, (SHAPE[1], K))
    if not biased:
        return X, Y, *no_biases()
    return X, Y, rng.normal(0, 0.5, SHAPE[0]), rng.normal(0, 0.5, SHAPE[1]), 3.1


def fitted(translation, matrix, factors):
    """A model in float64 that holds given factors, and what its data have become."""
    X, Y, user_bias, item_bias, mean = factors
    rows, weights = translation.prepare(matrix)
    model = translation.model(dtype="float64", num_threads=1)
    model._state = State.of(rows, X, Y, user_bias=user_bias, item_bias=item_bias, mean=mean)
    return model, rows, weights


def cmf(**given):
    return translate.from_cmfrec("CMF", **given)


def cmf_implicit(**given):
    return translate.from_cmfrec("CMF_implicit", **given)


def implicit_mf(**given):
    return translate.from_lenskit("ImplicitMFScorer", **given)


def biased_mf(**given):
    return translate.from_lenskit("BiasedMFScorer", **{"biases_subtracted": True, **given})
