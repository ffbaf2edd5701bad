"""What WALS cannot express is refused, with the reason."""

import numpy as np
import pytest
from translations import NO_BIASES, K, biased_mf, cmf, cmf_implicit, implicit_mf

from fastmf import translate


@pytest.mark.parametrize(
    ("function", "given", "reason"),
    [
        (translate.from_implicit, {"use_gpu": True, "alpha": 2.0}, "use_gpu=True with alpha=2 .* ignores alpha"),
        (translate.from_implicit, {"dtype": np.float16}, "dtype must be float32 or float64"),
        (translate.from_implicit, {"alpha": 0.0}, "alpha must be a finite number > 0"),
        (translate.from_spark, {"implicitPrefs": True}, "regParam=0.1 .* number of positive entries"),
        (biased_mf, {"biases_subtracted": False}, "BiasedMFScorer .* biases beforehand"),
        (translate.from_irspack, {"user_features": np.ones((2, 2))}, "user_features .* no features"),
        (translate.from_irspack, {"item_features": np.ones((2, 2))}, "item_features .* no features"),
        (translate.from_irspack, {"lambda_user_feature": 1.0}, "lambda_user_feature .* no features"),
        (translate.from_irspack, {"lambda_item_feature": 1.0}, "lambda_item_feature .* no features"),
        (translate.from_irspack, {"feature_warmup_epochs": 1}, "feature_warmup_epochs .* no features"),
        (translate.from_irspack, {"nu": 3.0}, r"nu must be a finite number in \[0.0, 2.0\]"),
        (translate.from_irspack, {"loss_type": "HINGE"}, "loss_type must be one of"),
        (cmf, {"l1_lambda": 0.1}, "l1_lambda=0.1 .* squares alone"),
        (cmf_implicit, {"l1_lambda": [0, 0, 1, 1, 0, 0]}, "l1_lambda=.* squares alone"),
        (cmf, {"k_user": 2}, "k_user=2 .* side information"),
        (cmf, {"add_implicit_features": True}, "add_implicit_features=True .* side information"),
        (cmf_implicit, {"w_item": 2.0}, "w_item=2.0 .* side information"),
        (cmf, {"scale_lam": True, "scale_bias_const": True}, "scale_bias_const=True .* as it does the factors"),
        (cmf, {"lambda_": [1, 1, 2, 2, 0, 0]}, "lambda_ with 1 and 1 for biases and 2 and 2 for factors"),
        (cmf, {"lambda_": [1, 1]}, "lambda_ must be a one-dimensional array of length 6"),
        (cmf, {"user_bias": False}, "user_bias=False, item_bias=True, center=True .* or none of them"),
        (cmf, {"center": False}, "user_bias=True, item_bias=True, center=False .* or none of them"),
        (cmf, {"user_bias": False, "item_bias": False}, "center=True .* subtracted from the ratings beforehand"),
        (cmf, {"NA_as_zero": True}, "NA_as_zero=True with biases"),
        (cmf, {"NA_as_zero": True, "scale_lam": True, **NO_BIASES}, "NA_as_zero=True with scale_lam=True .* whole row"),
        (cmf, {"nonneg": True}, "nonneg=True with biases"),
        (cmf, {"nthreads": 0}, "nthreads must not be 0"),
    ],
)
def test_refusals_say_why(function, given, reason):
    with pytest.raises(ValueError, match=reason):
        function(**given)


@pytest.mark.parametrize("function", [cmf, cmf_implicit, implicit_mf, biased_mf])
def test_parameters_that_a_class_does_not_have(function):
    with pytest.raises(TypeError, match="has no parameter 'n_factors'"):
        function(n_factors=3)


def test_classes_that_are_not_there():
    with pytest.raises(ValueError, match="model must be one of 'CMF', 'CMF_implicit', got 'OMF_explicit'"):
        translate.from_cmfrec("OMF_explicit")
    with pytest.raises(ValueError, match="scorer must be one of"):
        translate.from_lenskit("FunkSVDScorer")


@pytest.mark.parametrize(
    ("translation", "values", "reason"),
    [
        (translate.from_hu_koren_volinsky(K, 1.0), [1, -2], "values must be >= 0 .* got -2.0 at position 1"),
        (translate.from_irspack(), [1, -2], "values must be >= 0 .* got -2.0 at position 1"),
        (translate.from_irspack(confidence_scaling="log"), [-0.5], "values must be >= 0"),
        (cmf_implicit(alpha=2.0), [1, -0.5, -0.6], "weights >= 0 .* got -0.6 at position 2: -0.19"),
        (cmf_implicit(apply_log_transf=True), [1, 0.5], "values must be >= 1 with apply_log_transf"),
        (implicit_mf(use_ratings=True), [-1], "weights >= 0 .* got -1.0 at position 0: -39"),
        (translate.from_spark(), [1, np.nan], "values must hold finite numbers"),
    ],
)
def test_values_that_a_library_has_no_meaning_for(translation, values, reason):
    with pytest.raises(ValueError, match=reason):
        translation.entries(values)
