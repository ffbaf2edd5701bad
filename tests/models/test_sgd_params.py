"""The parameters that BiasedMF and SVDpp share: one table of what they refuse, and of where they begin."""

import inspect

import numpy as np
import pytest
from all_models import matrix

from fastmf import BiasedMF, SVDpp
from fastmf.models._sgd_params import SgdParams

SHARED = tuple(SgdParams.param_names())
MODELS = pytest.mark.parametrize("model", [BiasedMF, SVDpp])


@MODELS
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"factors": 5000}, ValueError, r"factors must be an integer in \[1, 4096\]"),
        ({"epochs": 0}, ValueError, "epochs must be an integer >= 1"),
        ({"learning_rate": 0}, ValueError, "learning_rate must be a finite number > 0"),
        ({"regularization": -1}, ValueError, "regularization must be a finite number >= 0"),
        ({"bias_regularization": np.nan}, ValueError, "bias_regularization must be a finite number >= 0"),
        ({"bias_regularization": -1}, ValueError, "bias_regularization must be a finite number >= 0"),
        ({"optimizer": "adam"}, ValueError, "optimizer must be one of"),
        ({"schedule": "cosine"}, ValueError, "schedule must be one of"),
        ({"decay": -0.1}, ValueError, "decay must be a finite number >= 0"),
        ({"decay": 1.0}, ValueError, "decay must be less than 1 for schedule='exponential'"),
        ({"rating_range": (5, 1)}, ValueError, "rating_range must be a pair"),
        ({"rating_range": 5}, TypeError, "rating_range must be None or a pair"),
        ({"patience": 0}, ValueError, "patience must be an integer >= 1"),
        ({"patience": 2}, ValueError, "patience needs validation"),
        ({"num_threads": 0}, ValueError, "num_threads must be"),
        ({"random_state": "x"}, TypeError, "random_state must be"),
        ({"dtype": "int8"}, ValueError, "dtype must be float32 or float64"),
    ],
    ids=str,
)
def test_bad_parameters(model, options, error, message):
    with pytest.raises(error, match=message):
        model(**options).fit(matrix())


@MODELS
def test_a_decay_that_only_one_schedule_bounds(model):
    assert model(factors=2, epochs=1, schedule="inverse_time", decay=1.5).fit(matrix()).history


@MODELS
def test_shared_parameters_come_first_in_the_signature_and_own_ones_after(model):
    names = tuple(inspect.signature(model).parameters)
    assert names == model.param_names()
    assert names[: len(SHARED)] == SHARED
    assert {"BiasedMF": ("loss", "nonnegative", "parallel"), "SVDpp": ("implicit_regularization",)}[
        model.__name__
    ] == names[len(SHARED) :]


@MODELS
def test_predictions_are_clipped_to_the_range_of_ratings(model):
    users, items = np.arange(30).repeat(20), np.tile(np.arange(20), 30)
    fitted = model(factors=2, epochs=2, random_state=0).fit(matrix())
    free = fitted.predict(users, items)
    assert free.min() < 2.5 < 3.0 < free.max()
    np.testing.assert_array_equal(
        fitted.set_params(rating_range=(2.5, 3)).predict(users, items), np.clip(free, 2.5, 3.0)
    )
