"""Each translation's objective is the one that the library states, at any factors."""

import numpy as np
import pytest
import scipy.sparse as sp
from translations import COUNTS, LIKES, NO_BIASES, SHAPE, STARS, K, dense, fitted, random_factors, sparse

import fastmf
from fastmf import Ratings, translate
from fastmf.models._state import State


def norms(rows, multiplier=1.0):
    return float((multiplier * np.square(rows).sum(axis=1)).sum())


def squares(weights, targets, scores):
    return float((weights * np.square(targets - scores)).sum())


def implicit_objective(r, stored, f, alpha, regularization):
    X, Y = f[:2]
    weights = np.where(stored, np.abs(alpha * r), 1)
    return squares(weights, (r > 0) * 1.0, X @ Y.T) + regularization * (norms(X) + norms(Y))


def hu_koren_volinsky_objective(r, stored, f, confidence, lambda_):
    X, Y = f[:2]
    return squares(confidence(r), (r > 0) * 1.0, X @ Y.T) + lambda_ * (norms(X) + norms(Y))


def spark_objective(r, stored, f, regParam, alpha=None):
    X, Y = f[:2]
    if alpha is not None:
        return squares(1 + alpha * np.abs(r), (r > 0) * 1.0, X @ Y.T)
    return squares(stored, r, X @ Y.T) + regParam * (norms(X, stored.sum(1)) + norms(Y, stored.sum(0)))


def lenskit_implicit_objective(r, stored, f, weight, regularization):
    X, Y = f[:2]
    return squares(1 + weight * r, stored, X @ Y.T) + regularization[0] * norms(X) + regularization[1] * norms(Y)


def irspack_objective(r, stored, f, alpha0, reg, nu, loss_type="IALSPP", epsilon=None):
    X, Y = f[:2]
    c = stored * (r if epsilon is None else np.log(1 + r / epsilon))
    scores = X @ Y.T
    if loss_type == "IALSPP":
        loss = squares(c, 1, scores) + alpha0 * np.square(scores).sum()
    else:
        loss = squares(alpha0 + c, stored, scores)
    users = (stored.sum(1) + alpha0 * SHAPE[1]) ** nu
    items = (stored.sum(0) + alpha0 * SHAPE[0]) ** nu
    return (loss + reg * (norms(X, users) + norms(Y, items))) / 2


def cmf_objective(r, stored, f, lambda_, w_main=1.0, scale_lam=False, NA_as_zero=False):
    X, Y, b, c, mean = f
    error = squares(np.ones(SHAPE) if NA_as_zero else stored, r, mean + b[:, None] + c + X @ Y.T)
    users, items = (stored.sum(1), stored.sum(0)) if scale_lam else (1.0, 1.0)
    A, B = np.column_stack([X, b]), np.column_stack([Y, c])
    return w_main * error + lambda_[0] * norms(A, users) + lambda_[1] * norms(B, items)


def cmf_implicit_objective(x, stored, f, alpha, lambda_, w_main=1.0):
    X, Y = f[:2]
    return w_main * squares(1 + alpha * stored * x, stored, X @ Y.T) + lambda_[0] * norms(X) + lambda_[1] * norms(Y)


SIX = [9.0, 9.0, 0.7, 0.2, 0.0, 0.0]

OBJECTIVES = {
    "implicit": (
        translate.from_implicit(K, regularization=0.3, alpha=2.5),
        LIKES,
        lambda *a: implicit_objective(*a, alpha=2.5, regularization=0.3),
    ),
    "Hu, Koren & Volinsky": (
        translate.from_hu_koren_volinsky(K, 0.3, alpha=7.0),
        [0, *COUNTS],
        lambda *a: hu_koren_volinsky_objective(*a, confidence=lambda r: 1 + 7 * r, lambda_=0.3),
    ),
    "Hu, Koren & Volinsky, logarithmic": (
        translate.from_hu_koren_volinsky(K, 0.3, alpha=7.0, epsilon=0.5),
        [0, *COUNTS],
        lambda *a: hu_koren_volinsky_objective(*a, confidence=lambda r: 1 + 7 * np.log(1 + r / 0.5), lambda_=0.3),
    ),
    "Spark": (
        translate.from_spark(rank=K, regParam=0.07),
        STARS,
        lambda *a: spark_objective(*a, regParam=0.07),
    ),
    "Spark, implicit": (
        translate.from_spark(rank=K, regParam=0, implicitPrefs=True, alpha=2.0),
        LIKES,
        lambda *a: spark_objective(*a, regParam=0, alpha=2.0),
    ),
    "LensKit, implicit": (
        translate.from_lenskit("ImplicitMFScorer", embedding_size=K, weight=6.0, regularization=(0.4, 0.1)),
        COUNTS,
        lambda r, stored, f: lenskit_implicit_objective(stored * 1.0, stored, f, 6.0, (0.4, 0.1)),
    ),
    "LensKit, implicit, ratings": (
        translate.from_lenskit("ImplicitMFScorer", embedding_size=K, weight=0.5, use_ratings=True),
        [-1, 0, 2, 3],
        lambda *a: lenskit_implicit_objective(*a, 0.5, (0.1, 0.1)),
    ),
    "LensKit, explicit": (
        translate.from_lenskit("BiasedMFScorer", embedding_size=K, regularization=0.2, biases_subtracted=True),
        [-2, 0, 1.5],
        lambda *a: spark_objective(*a, regParam=0.2),
    ),
    "irspack": (
        translate.from_irspack(n_components=K, alpha0=0.4, reg=0.02, nu=0.8),
        [0, *COUNTS],
        lambda *a: irspack_objective(*a, alpha0=0.4, reg=0.02, nu=0.8),
    ),
    "irspack, alpha0 = 0": (
        translate.from_irspack(n_components=K, reg=0.02),
        [0, *COUNTS],
        lambda *a: irspack_objective(*a, alpha0=0.0, reg=0.02, nu=1.0),
    ),
    "irspack, logarithmic": (
        translate.from_irspack(n_components=K, alpha0=0.1, nu=0.0, confidence_scaling="log", epsilon=0.2),
        COUNTS,
        lambda *a: irspack_objective(*a, alpha0=0.1, reg=1e-3, nu=0.0, epsilon=0.2),
    ),
    "irspack, original": (
        translate.from_irspack(n_components=K, alpha0=0.4, loss_type="ORIGINAL"),
        [0, *COUNTS],
        lambda *a: irspack_objective(*a, alpha0=0.4, reg=1e-3, nu=1.0, loss_type="ORIGINAL"),
    ),
    "irspack, original, as they are": (
        translate.from_irspack(n_components=K, alpha0=1.0, loss_type="ORIGINAL", nu=0.5),
        COUNTS,
        lambda *a: irspack_objective(*a, alpha0=1.0, reg=1e-3, nu=0.5, loss_type="ORIGINAL"),
    ),
    "cmfrec": (
        translate.from_cmfrec("CMF", k=K, lambda_=0.8, w_main=3.0),
        STARS,
        lambda *a: cmf_objective(*a, lambda_=(0.8, 0.8), w_main=3.0),
    ),
    "cmfrec, lambda of six": (
        translate.from_cmfrec("CMF", k=K, lambda_=[0.7, 0.2, 0.7, 0.2, 1, 1]),
        STARS,
        lambda *a: cmf_objective(*a, lambda_=(0.7, 0.2)),
    ),
    "cmfrec, scale_lam": (
        translate.from_cmfrec("CMF", k=K, lambda_=0.05, scale_lam=True),
        STARS,
        lambda *a: cmf_objective(*a, lambda_=(0.05, 0.05), scale_lam=True),
    ),
    "cmfrec, no biases": (
        translate.from_cmfrec("CMF", k=K - 1, k_main=1, lambda_=SIX, **NO_BIASES),
        STARS,
        lambda *a: cmf_objective(*a, lambda_=(0.7, 0.2)),
    ),
    "cmfrec, NA_as_zero": (
        translate.from_cmfrec("CMF", k=K, lambda_=SIX, NA_as_zero=True, **NO_BIASES),
        STARS,
        lambda *a: cmf_objective(*a, lambda_=(0.7, 0.2), NA_as_zero=True),
    ),
    "cmfrec, implicit": (
        translate.from_cmfrec("CMF_implicit", k=K, lambda_=SIX, alpha=4.0, w_main=2.0),
        [0, *COUNTS],
        lambda *a: cmf_implicit_objective(*a, alpha=4.0, lambda_=(0.7, 0.2), w_main=2.0),
    ),
    "cmfrec, implicit, negative": (
        translate.from_cmfrec("CMF_implicit", k=K, alpha=0.5),
        [-1, 1],
        lambda *a: cmf_implicit_objective(*a, alpha=0.5, lambda_=(1, 1)),
    ),
    "cmfrec, implicit, logarithmic": (
        translate.from_cmfrec("CMF_implicit", k=K, alpha=4.0, apply_log_transf=True),
        COUNTS,
        lambda r, stored, f: cmf_implicit_objective(
            np.log(np.where(stored, r, 1)), stored, f, alpha=4.0, lambda_=(1, 1)
        ),
    ),
}


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("seed", [11, 12])
def test_the_objective_is_the_one_the_library_states(name, seed):
    translation, values, stated = OBJECTIVES[name]
    matrix = sparse(values)
    factors = random_factors(seed, translation.params.get("biased", False))
    model, rows, weights = fitted(translation, matrix, factors)
    J = model.objective(rows, weights=weights).total
    assert translation.scale * (J + translation.constant(matrix.data)) == pytest.approx(
        stated(*dense(matrix), factors), rel=1e-12
    )


@pytest.mark.parametrize("name", OBJECTIVES)
def test_params_are_good_for_a_fit(name):
    translation, values, _ = OBJECTIVES[name]
    matrix = sparse(values)
    model = translation.model(iterations=2, num_threads=1, random_state=0)
    rows, weights = translation.prepare(matrix)
    model.fit(rows, weights=weights)
    assert np.isfinite(model.user_factors).all()
    assert np.abs(model.user_factors).sum() > 0


def test_nu_star_moves_reg_as_irspack_does():
    matrix = sparse(COUNTS)
    n_u, n_i = np.diff(matrix.indptr), np.diff(matrix.tocsc().indptr)

    def scale(nu):
        return ((n_u + 0.3 * SHAPE[1]) ** nu).sum() + ((n_i + 0.3 * SHAPE[0]) ** nu).sum()

    translation = translate.from_irspack(matrix, n_components=K, alpha0=0.3, reg=0.01, nu=0.5, nu_star=1.0)
    assert translation.params["regularization"] == pytest.approx(0.01 * scale(1.0) / scale(0.5), rel=1e-12)
    assert translation.params["regularization_exponent"] == 0.5
    with pytest.raises(ValueError, match="nu_star needs X_train_all"):
        translate.from_irspack(nu_star=1.0)


def test_the_scale_law():
    """Multiplying w, w0 and lam by one number multiplies J by it: what dividing by w_main relies on."""
    factors, matrix = random_factors(3), sparse(COUNTS)
    rows = Ratings.from_sparse(sp.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=SHAPE))
    J = []
    for s in (1.0, 2.5):
        lam = {"regularization": 0.2 * s, "regularization_exponent": 0.0}
        model = fastmf.WALS(factors=K, unobserved_weight=0.4 * s, dtype="float64", **lam)
        model._state = State.of(rows, *factors[:2])
        J.append(model.objective(rows, weights=s * matrix.data).total)
    assert J[1] == pytest.approx(2.5 * J[0])
