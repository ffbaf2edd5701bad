"""Where a library is installed: its own minimum is one of WALS under the translation, and its parameters are as said.

A half-step of WALS from the factors that a library has found, after many of its iterations, must leave them where they
are. That is a sharper test than the value reached: it sees each row's weights, targets and regularisation.
"""

import inspect

import numpy as np
import pytest
import scipy.sparse as sp
from translations import COUNTS, LIKES, NO_BIASES, STARS, K, fitted, no_biases, sparse, without_gaps

from fastmf import translate
from fastmf.models._wals_fit import Factorization
from fastmf.models._wals_params import solver_of
from fastmf.models._wals_terms import terms
from fastmf.translate._cmfrec import DEFAULTS as CMFREC_DEFAULTS


def moved(translation, matrix, factors, given_weights=None, **changes):
    """How far one exact half-step of WALS moves a library's factors: the larger of both sides, relative."""
    model, rows, weights = fitted(translation, matrix, [np.asarray(f, float) for f in factors[:4]] + [factors[4]])
    model.set_params(solver="auto" if model.nonnegative else "cholesky", **changes)
    p, k = model._checked_together(), model.factors
    at = Factorization.of(
        terms(rows, weights if given_weights is None else given_weights, p),
        model._state,
        biased=model.biased,
        solver=solver_of(p),
        num_threads=1,
    )
    found = []
    for side, given, solved in (("users", at.Y, at.X), ("items", at.X, at.Y)):
        others, out = given.copy(), solved.copy()
        this = getattr(at.terms, side)
        if model.biased:
            this = at.terms.less_biases(side, given[:, k], at.mean)
            others[:, k] = 1
        at._half(this, others, out)
        found.append(np.linalg.norm(out - solved) / np.linalg.norm(solved))
    return max(found)


def assert_same_minimum(translation, matrix, X, Y, *biases, tolerance=1e-6):
    """A half-step leaves the factors where they are; with a slightly different lam, or weights, it would not."""
    factors = X, Y, *(biases or no_biases(matrix.shape))
    assert moved(translation, matrix, factors) < tolerance
    more = 1.05 * np.asarray(translation.params["regularization"])
    more = tuple(more) if more.ndim else float(more)
    assert moved(translation, matrix, factors, regularization=more) > 5 * tolerance
    assert moved(translation, 1.1 * matrix, factors) > 5 * tolerance


peer = pytest.mark.filterwarnings("ignore")  # what a peer warns of is its own affair


@peer
@pytest.mark.parametrize("use_cg", [False, True])
def test_minimum_of_implicit(use_cg):
    als = pytest.importorskip("implicit.cpu.als")
    given = {
        "factors": K,
        "regularization": 0.4,
        "alpha": 2.5,
        "dtype": np.float64,
        "use_cg": use_cg,
        "iterations": 600,
        "num_threads": 1,
        "random_state": 0,
    }
    matrix = sparse(LIKES)
    theirs = als.AlternatingLeastSquares(**given)
    theirs.fit(sp.csr_matrix(matrix), show_progress=False)
    assert_same_minimum(translate.from_implicit(**given), matrix, theirs.user_factors, theirs.item_factors)


@peer
def test_defaults_of_implicit():
    als = pytest.importorskip("implicit.als")
    check_signature(translate.from_implicit, als.AlternatingLeastSquares, differs={"use_gpu"})


IRSPACK = {
    "plain": {"alpha0": 0.4, "reg": 0.01},
    "alpha0 = 0": {"reg": 3.0, "nu": 0.0},
    "nu": {"alpha0": 0.2, "reg": 0.05, "nu": 0.5},
    "nu_star": {"alpha0": 0.2, "reg": 0.01, "nu": 0.5, "nu_star": 1.0},
    "log": {"alpha0": 0.3, "reg": 0.01, "confidence_scaling": "log", "epsilon": 0.2},
    "original": {"alpha0": 0.4, "reg": 0.01, "loss_type": "ORIGINAL"},
    "original, as they are": {"alpha0": 1.0, "reg": 0.3, "nu": 0.0, "loss_type": "ORIGINAL"},
    "original, log": {"alpha0": 0.7, "reg": 0.01, "loss_type": "ORIGINAL", "confidence_scaling": "log"},
    "ials++": {"alpha0": 0.4, "reg": 0.01, "solver_type": "IALSPP", "ialspp_subspace_dimension": 2},
}


@peer
@pytest.mark.parametrize("name", IRSPACK)
def test_minimum_of_irspack(name):
    irspack = pytest.importorskip("irspack")
    given = {"n_components": K, "solver_type": "CHOLESKY", "n_threads": 1, "random_seed": 3, **IRSPACK[name]}
    matrix = sparse(COUNTS)
    theirs = irspack.IALSRecommender(sp.csr_matrix(matrix), **given)
    theirs.start_learning()
    for _ in range(600):
        theirs.run_epoch()
    X, Y = theirs.get_user_embedding(), theirs.get_item_embedding()
    translation = translate.from_irspack(matrix, **given)
    assert_same_minimum(translation, matrix, X, Y, tolerance=1e-4)
    model, rows, weights = fitted(translation, matrix, (X.astype(float), Y.astype(float), *no_biases()))
    J = model.objective(rows, weights=weights).total
    assert translation.scale * (J + translation.constant(matrix.data)) == pytest.approx(
        theirs.trainer.compute_loss(), rel=1e-5
    )


@peer
def test_defaults_of_irspack():
    irspack = pytest.importorskip("irspack")
    check_signature(translate.from_irspack, irspack.IALSRecommender, differs={"X_train_all"})


CMFREC = {
    "biases": ("CMF", {"lambda_": 2.0}),
    "lambda of six": ("CMF", {"lambda_": [2.0, 1.0, 2.0, 1.0, 0.0, 0.0], "w_main": 2.0}),
    "scale_lam": ("CMF", {"lambda_": 0.1, "scale_lam": True}),
    "no biases": ("CMF", {"lambda_": 2.0, "k": K - 1, "k_main": 1, **NO_BIASES}),
    "NA_as_zero": ("CMF", {"lambda_": [0, 0, 2.0, 1.0, 0, 0], "NA_as_zero": True, **NO_BIASES}),
    "nonneg": ("CMF", {"lambda_": 2.0, "nonneg": True, **NO_BIASES}),
    "lbfgs": ("CMF", {"lambda_": 2.0, "method": "lbfgs", "w_main": 2.0}),
    "implicit": ("CMF_implicit", {"lambda_": [0, 0, 2.0, 1.0, 0, 0], "alpha": 3.0, "w_main": 2.0}),
    "implicit, log": ("CMF_implicit", {"alpha": 3.0, "apply_log_transf": True}),
    "implicit, nonneg": ("CMF_implicit", {"alpha": 3.0, "nonneg": True}),
}


@pytest.fixture
def cmfrec(monkeypatch):
    cmfrec = pytest.importorskip("cmfrec")
    # it looks through all loaded libraries for their threads in each half-step, which takes most of its time here
    monkeypatch.setattr("threadpoolctl.threadpool_limits", lambda **limits: None)
    monkeypatch.setattr("threadpoolctl.threadpool_info", list)
    return cmfrec


def cmfrec_fitted(cmfrec, model, given, values, W=None):
    """A translation, its data and cmfrec's minimum."""
    given = {"k": K, "niter": 2000, "use_cg": False, "use_float": False, "nthreads": 1, "verbose": False, **given}
    matrix = without_gaps(values)  # since it leaves rows without entries where they started
    users, items = matrix.tocoo().coords
    order = np.lexsort((users, items))  # by column: else it mistakes weights on the items' side
    theirs = getattr(cmfrec, model)(**given)
    theirs.fit(
        sp.coo_matrix((matrix.data[order], (users[order], items[order])), shape=matrix.shape),
        **({} if W is None else {"W": W[order]}),
    )
    biases = theirs.user_bias_, theirs.item_bias_, theirs.glob_mean_
    factors = theirs.A_, theirs.B_, *(biases if len(theirs.user_bias_) else no_biases(matrix.shape))
    return translate.from_cmfrec(model, **given), matrix, factors


@peer
@pytest.mark.parametrize("name", CMFREC)
def test_minimum_of_cmfrec(name, cmfrec):
    model, given = CMFREC[name]
    translation, matrix, factors = cmfrec_fitted(cmfrec, model, given, COUNTS if model == "CMF_implicit" else STARS)
    assert translation.params["biased"] == bool(factors[2].any())
    assert_same_minimum(translation, matrix, *factors, tolerance=1e-5)


@peer
@pytest.mark.parametrize("given", [{}, NO_BIASES, {"NA_as_zero": True, **NO_BIASES}])
def test_weights_of_cmfrec(given, cmfrec):
    W = np.random.default_rng(5).uniform(0.2, 3, without_gaps(STARS).nnz)
    translation, matrix, factors = cmfrec_fitted(cmfrec, "CMF", {"lambda_": 2.0, **given}, STARS, W)
    assert moved(translation, matrix, factors, W) < 1e-5
    assert moved(translation, matrix, factors) > 1e-3


@peer
@pytest.mark.parametrize("model", ["CMF", "CMF_implicit"])
def test_defaults_of_cmfrec(model, cmfrec):
    signature = inspect.signature(getattr(cmfrec, model).__init__).parameters
    theirs = {name: parameter.default for name, parameter in signature.items() if name != "self"}
    assert theirs == CMFREC_DEFAULTS[model]


@peer
@pytest.mark.parametrize(
    ("model", "given"), [("CMF", {}), ("CMF", {"scale_lam": True}), ("CMF_implicit", {"lambda_": [0, 0, 2, 1, 0, 0]})]
)
def test_what_a_fitted_model_of_cmfrec_says_of_itself(model, given, cmfrec):
    theirs = getattr(cmfrec, model)(k=K, niter=2, nthreads=1, verbose=False, **given)
    expected = translate.from_cmfrec(model, **{**theirs.get_params()})
    theirs.fit(sp.coo_matrix(without_gaps(COUNTS)))
    assert translate.from_cmfrec(model, **theirs.get_params()).params == expected.params


@peer
@pytest.mark.parametrize("use_ratings", [False, True])
def test_minimum_of_implicit_lenskit(use_ratings):
    als, training = pytest.importorskip("lenskit.als"), pytest.importorskip("lenskit.training")
    given = {"embedding_size": K, "epochs": 300, "regularization": 0.5, "weight": 2.0, "use_ratings": use_ratings}
    matrix, dataset = lenskit_data(COUNTS)
    theirs = als.ImplicitMFScorer(**given)
    theirs.train(dataset, training.TrainingOptions(rng=1))
    translation = translate.from_lenskit("ImplicitMFScorer", **given)
    X, Y = theirs.user_embeddings, theirs.item_embeddings
    if use_ratings:
        assert_same_minimum(translation, matrix, X, Y, tolerance=1e-4)
    else:  # where the values do not matter
        factors = X, Y, *no_biases(matrix.shape)
        assert moved(translation, matrix, factors) < 1e-4
        assert moved(translation, 3 * matrix, factors) < 1e-4
        assert moved(translation, matrix, factors, regularization=0.55) > 5e-4


@peer
def test_minimum_of_explicit_lenskit():
    als, training = pytest.importorskip("lenskit.als"), pytest.importorskip("lenskit.training")
    given = {"embedding_size": K, "epochs": 600, "regularization": 0.1}
    matrix, dataset = lenskit_data(STARS)
    theirs = als.BiasedMFScorer(**given, damping=3.0)
    theirs.train(dataset, training.TrainingOptions(rng=1))
    left = theirs.bias.transform_matrix(sp.coo_array(matrix)).tocsr()
    translation = translate.from_lenskit("BiasedMFScorer", **given, biases_subtracted=True)
    assert_same_minimum(translation, left, theirs.user_embeddings, theirs.item_embeddings, tolerance=1e-4)


def lenskit_data(values):
    """A matrix and LensKit's form of it, which has only users and items with entries."""
    data, frames = pytest.importorskip("lenskit.data"), pytest.importorskip("pandas")
    matrix = without_gaps(values)
    entries = matrix.tocoo()
    frame = frames.DataFrame({"user_id": entries.coords[0], "item_id": entries.coords[1], "rating": entries.data})
    return matrix, data.from_interactions_df(frame)


@peer
def test_defaults_of_spark():
    recommendation = pytest.importorskip("pyspark.ml.recommendation")
    check_signature(translate.from_spark, recommendation.ALS)


def check_signature(function, theirs, differs=()):
    """A function takes the parameters of the library's class, in its order and with its defaults."""
    ours = {name: p.default for name, p in inspect.signature(function).parameters.items()}
    expected = {name: p.default for name, p in inspect.signature(theirs).parameters.items() if name != "self"}
    assert [n for n in ours if n not in differs] == [n for n in expected if n not in differs]
    assert {n: v for n, v in ours.items() if n not in differs} == {
        n: v for n, v in expected.items() if n not in differs
    }
