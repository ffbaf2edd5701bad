"""Splits of ratings into training and test, and the metrics that judge a model on the test."""

from fastmf.evaluation.crossvalidation import CrossValidation, cross_validate
from fastmf.evaluation.factorized import factorized_top_k
from fastmf.evaluation.folds import kfold, repeated_kfold
from fastmf.evaluation.lists import evaluate_lists
from fastmf.evaluation.metrics import METRICS, Metric
from fastmf.evaluation.predictions import mae, rmse
from fastmf.evaluation.report import Report
from fastmf.evaluation.run import evaluate
from fastmf.evaluation.sampled import SampledMetricsWarning, evaluate_sampled
from fastmf.evaluation.splits import (
    split_by_time,
    split_leave_last,
    split_leave_out,
    split_random,
    split_stratified,
    split_users,
)
from fastmf.evaluation.statistics import Comparison
from fastmf.evaluation.stopping import EarlyStopping
from fastmf.evaluation.tuned import Tuning
from fastmf.evaluation.tuning import tune

__all__ = [
    "METRICS",
    "Comparison",
    "CrossValidation",
    "EarlyStopping",
    "Metric",
    "Report",
    "SampledMetricsWarning",
    "Tuning",
    "cross_validate",
    "evaluate",
    "evaluate_lists",
    "evaluate_sampled",
    "factorized_top_k",
    "kfold",
    "mae",
    "repeated_kfold",
    "rmse",
    "split_by_time",
    "split_leave_last",
    "split_leave_out",
    "split_random",
    "split_stratified",
    "split_users",
    "tune",
]
