"""Every parameter of every library has a meaning, a refusal, or a line that says why it has neither."""

import inspect
from types import SimpleNamespace

import numpy as np
import pytest
from translations import COUNTS, biased_mf, cmf, cmf_implicit, implicit_mf, sparse

from fastmf import translate
from fastmf.translate import _cmfrec, _lenskit

# Another value for each parameter, and the parameters that only say how the library works or predicts.
OTHERS = {
    translate.from_implicit: (
        {
            "factors": 7,
            "regularization": 1.0,
            "alpha": 2.0,
            "dtype": "float64",
            "use_native": False,
            "use_cg": False,
            "use_gpu": True,
            "iterations": 3,
            "calculate_training_loss": True,
            "num_threads": 1,
            "random_state": 5,
        },
        {"use_native", "use_gpu"},
    ),
    translate.from_hu_koren_volinsky: ({"alpha": 2.0, "epsilon": 0.5, "sweeps": 3}, set()),
    translate.from_spark: (
        {
            "rank": 7,
            "maxIter": 3,
            "regParam": 1.0,
            "numUserBlocks": 2,
            "numItemBlocks": 2,
            "implicitPrefs": True,
            "alpha": 2.0,
            "userCol": "u",
            "itemCol": "i",
            "seed": 5,
            "ratingCol": "r",
            "nonnegative": True,
            "checkpointInterval": 2,
            "intermediateStorageLevel": "DISK_ONLY",
            "finalStorageLevel": "DISK_ONLY",
            "coldStartStrategy": "drop",
            "blockSize": 2,
        },
        {
            "alpha",  # of explicit ratings
            "numUserBlocks",
            "numItemBlocks",
            "userCol",
            "itemCol",
            "ratingCol",
            "checkpointInterval",
            "intermediateStorageLevel",
            "finalStorageLevel",
            "coldStartStrategy",
            "blockSize",
        },
    ),
    translate.from_irspack: (
        {
            "X_train_all": sparse(COUNTS),
            "n_components": 7,
            "alpha0": 0.5,
            "reg": 1.0,
            "nu": 0.5,
            "confidence_scaling": "log",
            "epsilon": 2.0,
            "init_std": 0.5,
            "solver_type": "IALSPP",
            "max_cg_steps": 0,
            "ialspp_subspace_dimension": 2,
            "loss_type": "ORIGINAL",
            "nu_star": 0.5,
            "random_seed": 5,
            "n_threads": 1,
            "train_epochs": 3,
            "prediction_time_max_cg_steps": 1,
            "prediction_time_ialspp_iteration": 1,
            "user_features": np.ones((2, 2)),
            "item_features": np.ones((2, 2)),
            "lambda_user_feature": 1.0,
            "lambda_item_feature": 1.0,
            "feature_warmup_epochs": 1,
        },
        {"X_train_all", "epsilon", "loss_type", "prediction_time_max_cg_steps", "prediction_time_ialspp_iteration"},
    ),
    implicit_mf: (
        {
            "embedding_size": 7,
            "features": 7,
            "embedding_size_exp": 3,
            "epochs": 3,
            "regularization": SimpleNamespace(user=1.0, item=2.0),
            "weight": 2.0,
            "use_ratings": True,
            "user_embeddings": "prefer",
        },
        {"user_embeddings"},
    ),
    biased_mf: (
        {
            "embedding_size": 7,
            "epochs": 3,
            "regularization": {"user": 1.0, "item": 2.0},
            "damping": 1.0,
            "biases_subtracted": False,
            "user_embeddings": False,
        },
        {"damping", "user_embeddings"},
    ),
}
CMF_BOTH = {
    "k": 7,
    "lambda_": 2.0,
    "use_cg": False,
    "k_user": 1,
    "k_item": 1,
    "k_main": 1,
    "w_main": 2.0,
    "w_user": 3.0,
    "w_item": 3.0,
    "l1_lambda": 1.0,
    "center_U": False,
    "center_I": False,
    "niter": 3,
    "NA_as_zero_user": True,
    "NA_as_zero_item": True,
    "nonneg": True,
    "nonneg_C": True,
    "nonneg_D": True,
    "max_cd_steps": 3,
    "precompute_for_predictions": False,
    "use_float": False,
    "max_cg_steps": 2,
    "precondition_cg": True,
    "finalize_chol": True,
    "random_state": 5,
    "verbose": True,
    "handle_interrupt": False,
    "produce_dicts": True,
    "nthreads": 1,
    "n_jobs": 1,
}
CMF_IN_SILENCE = {
    "max_cd_steps",
    "precompute_for_predictions",
    "precondition_cg",
    "verbose",
    "handle_interrupt",
    "produce_dicts",
}
OTHERS[cmf_implicit] = {**CMF_BOTH, "alpha": 2.0, "apply_log_transf": True}, CMF_IN_SILENCE
OTHERS[cmf] = (
    {
        **CMF_BOTH,
        "finalize_chol": False,
        "verbose": False,
        "method": "lbfgs",
        "user_bias": False,
        "item_bias": False,
        "center": False,
        "add_implicit_features": True,
        "scale_lam": True,
        "scale_lam_sideinfo": True,
        "scale_bias_const": True,
        "w_implicit": 1.0,
        "maxiter": 3,
        "parallelize": "single",
        "corr_pairs": 3,
        "NA_as_zero": True,
        "include_all_X": False,
        "print_every": 3,
    },
    CMF_IN_SILENCE | {"scale_bias_const", "maxiter", "parallelize", "corr_pairs", "print_every"},
)
REQUIRED = {translate.from_hu_koren_volinsky: {"f": 4, "lambda_": 1.0}}


def facts(function, given):
    """All that a translation says, or that it was refused."""
    values = np.array([1.0, 2.0, 5.0])
    try:
        made = function(**REQUIRED.get(function, {}), **given)
    except ValueError as error:
        return str(error)
    entries = made.entries(values)
    return made.params, made.scale, made.notes, made.constant(values), entries and [list(part) for part in entries]


@pytest.mark.parametrize("function", OTHERS, ids=lambda function: function.__name__)
def test_no_parameter_is_ignored_but_those_documented(function):
    others, in_silence = OTHERS[function]
    usual = facts(function, {})
    assert {name for name, value in others.items() if facts(function, {name: value}) == usual} == in_silence


@pytest.mark.parametrize("function", OTHERS, ids=lambda function: function.__name__)
def test_every_parameter_is_tried_and_documented(function):
    tables = {cmf: _cmfrec.DEFAULTS["CMF"], cmf_implicit: _cmfrec.DEFAULTS["CMF_implicit"]}
    tables |= {implicit_mf: _lenskit.DEFAULTS["ImplicitMFScorer"], biased_mf: _lenskit.DEFAULTS["BiasedMFScorer"]}
    names = set(tables.get(function, inspect.signature(function).parameters)) - set(REQUIRED.get(function, {}))
    assert names <= set(OTHERS[function][0])
    document = {cmf: translate.from_cmfrec, cmf_implicit: translate.from_cmfrec}.get(function, function)
    document = {implicit_mf: translate.from_lenskit, biased_mf: translate.from_lenskit}.get(function, document).__doc__
    section = document[document.index("Parameters\n") : document.index("Returns\n")]
    assert {name for name in names if name not in section.replace(",", " ").replace("`", " ").split()} == set()


def test_parameters_that_depend_on_others():
    irspack = translate.from_irspack
    assert irspack(confidence_scaling="log", epsilon=2.0).entries([4.0])[1] == pytest.approx(np.log(3))
    assert facts(irspack, {"alpha0": 0.5}) != facts(irspack, {"alpha0": 0.5, "loss_type": "ORIGINAL"})
    assert irspack(solver_type="CG", n_components=9, max_cg_steps=0).params["cg_steps"] == 9
    assert translate.from_implicit(use_gpu=True, use_cg=False).params["solver"] == "cg"
    assert cmf_implicit(nonneg=True).params["solver"] == "auto"
    assert cmf(n_jobs=2, nthreads=1).params["num_threads"] == 2
    assert cmf(nthreads=-1).params["num_threads"] is None
    assert cmf(nthreads=-10_000).params["num_threads"] == 1
    assert implicit_mf(embedding_size_exp=5).params["factors"] == 32
    for pair in ((1, 2), {"user": 1, "item": 2}, SimpleNamespace(user=1, item=2)):
        assert implicit_mf(regularization=pair).params["regularization"] == (1.0, 2.0)
    with pytest.raises(TypeError, match="embedding_size and features are one parameter"):
        implicit_mf(embedding_size=3, features=3)
