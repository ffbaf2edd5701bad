"""The transformer in scikit-learn's house: its own checks, pipelines, searches, and a recommender's score."""

import numpy as np
import pytest
import scipy.sparse as sp
from all_models import matrix

import fastmf

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from fastmf.sklearn import WALSTransformer

X = matrix()


def transformer(**more):
    return WALSTransformer(**{"factors": 4, "iterations": 3, "num_threads": 1, "random_state": 0, **more})


@parametrize_with_checks([WALSTransformer(factors=3, iterations=3, num_threads=1)])  # none is expected to fail
def test_the_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_its_parameters_are_those_of_wals_with_their_defaults():
    defaults = fastmf.WALS().get_params()
    own = WALSTransformer().get_params()
    assert {name: own[name] for name in own if name in defaults} == {
        name: value for name, value in defaults.items() if name in own
    }
    assert set(own) - set(defaults) == {"k", "held_out"}
    # a bias is no part of a row's factors, dtype is that of X, and the rest changes seconds, not the minimum
    assert set(defaults) - set(own) == {
        "biased",
        "dtype",
        "form",
        "cg_steps",
        "block_size",
        "relaxation",
        "track_objective",
    }


def test_every_parameter_reaches_the_model():
    given = {
        "factors": 3,
        "iterations": 2,
        "regularization": (0.1, 0.2),
        "unobserved_weight": 0.3,
        "regularization_exponent": 0.5,
        "alpha": 2.0,
        "confidence": "log",
        "nonnegative": True,
        "solver": "cholesky",
        "tolerance": 1e-9,
        "num_threads": 1,
        "random_state": 4,
    }
    assert set(given) == set(WALSTransformer().get_params()) - {"k", "held_out"}
    params = WALSTransformer(**given).fit(X).model_.get_params()
    assert {name: params[name] for name in given} == given


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_transform_folds_rows_in(dtype):
    data = X.astype(dtype)
    fitted = transformer(regularization=0.1).fit(data)
    model = fastmf.WALS(factors=4, iterations=3, num_threads=1, random_state=0, regularization=0.1, dtype=dtype)
    model.fit(data)
    np.testing.assert_array_equal(fitted.components_, model.item_factors.T)
    np.testing.assert_array_equal(fitted.transform(data[5:9]), model.fold_in_users(data[5:9]))
    np.testing.assert_allclose(fitted.transform(data), model.user_factors, atol=1e-5)
    assert fitted.transform(data).dtype == dtype
    assert not fitted.transform(data)[1].any()  # a row without entries
    np.testing.assert_allclose(
        fitted.inverse_transform(fitted.transform(data)), model.user_factors @ model.item_factors.T, atol=1e-5
    )


def test_dense_and_sparse_rows_are_the_same_and_stored_zeros_are_entries():
    fitted = transformer().fit(X)
    np.testing.assert_array_equal(transformer().fit(X.toarray()).components_, fitted.components_)
    np.testing.assert_array_equal(fitted.transform(X.toarray()), fitted.transform(X.tocsc()))
    zero = sp.csr_array((np.zeros(1, np.float32), ([0], [5])), shape=(1, X.shape[1]))
    model = transformer(confidence="one_plus").fit(X)
    assert model.transform(zero).any()
    assert not model.transform(zero.toarray()).any()


def test_names_of_the_columns_that_come_out():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X.toarray(), columns=[f"film {i}" for i in range(X.shape[1])])
    out = transformer().set_output(transform="pandas").fit_transform(frame)
    assert list(out.columns) == [f"walstransformer{factor}" for factor in range(4)]
    with pytest.raises(ValueError, match="feature names"):
        transformer().fit(frame).transform(frame.rename(columns={"film 3": "film x"}))


def test_score_is_the_evaluation_of_a_recommender_among_people_it_has_not_met():
    fitted = transformer(k=3, held_out=0.4).fit(X[:20])
    given, wanted = fastmf.split_stratified(X[20:], 0.4, random_state=0)
    by_hand = fastmf.evaluate(fitted.model_, wanted, fold_in=given, k=3)["ndcg@3"]
    assert fitted.score(X[20:]) == by_hand == fitted.score(X[20:].toarray())
    for other in ({"k": 4}, {"held_out": 0.3}, {"random_state": 1}):
        before = fitted.get_params()
        assert fitted.set_params(**other).score(X[20:]) != by_hand
        fitted.set_params(**before)


def test_in_a_pipeline_and_a_search_with_the_score_of_a_recommender():
    pipeline = make_pipeline(FunctionTransformer(abs, accept_sparse=True), transformer(held_out=0.5))
    grid = {"walstransformer__unobserved_weight": [1e-4, 0.3], "walstransformer__factors": [2, 5]}
    search = GridSearchCV(pipeline, grid, cv=KFold(3)).fit(X)
    by_hand = [
        cross_val_score(clone(pipeline).set_params(**params), X, cv=KFold(3)).mean()
        for params in search.cv_results_["params"]
    ]
    np.testing.assert_allclose(search.cv_results_["mean_test_score"], by_hand)
    assert search.best_score_ == max(by_hand) > min(by_hand)
    assert search.best_estimator_.transform(X).shape == (X.shape[0], search.best_params_["walstransformer__factors"])
    assert len(set(make_pipeline(transformer(), KMeans(3, random_state=0, n_init=1)).fit_predict(X))) == 3


def test_bad_arguments_are_named():
    fitted = transformer().fit(X)
    with pytest.raises(ValueError, match="factors must be an integer"):
        transformer(factors=0).fit(X)
    with pytest.raises(ValueError, match="k must be an integer >= 1"):
        transformer(k=0).fit(X).score(X)
    with pytest.raises(ValueError, match="held_out must be a fraction"):
        transformer(held_out=1).fit(X).score(X)
    with pytest.raises(ValueError, match="X must have 4 columns, one a factor"):
        fitted.inverse_transform(np.ones((2, 3)))
    with pytest.raises(ValueError, match="at least one entry"):
        transformer().fit(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="X has 3 features, but WALSTransformer is expecting 20"):
        fitted.transform(np.ones((2, 3)))
