"""Fast matrix factorisation for recommender systems: user and item embeddings from ratings or interactions.

>>> import fastmf
>>> ratings = fastmf.movielens()
>>> model = fastmf.WALS(factors=16, random_state=0).fit(ratings)
>>> items, scores = model.recommend(1, k=3)
"""

from fastmf import plots, translate
from fastmf._errors import FitDivergedError, ModelFileError, NotFittedError, RatingsFileError, UnknownIdError
from fastmf.data import IdMap, Ratings, movielens, read_movielens, synthetic
from fastmf.evaluation import (
    CrossValidation,
    EarlyStopping,
    Report,
    Tuning,
    cross_validate,
    evaluate,
    kfold,
    mae,
    repeated_kfold,
    rmse,
    split_by_time,
    split_leave_last,
    split_leave_out,
    split_random,
    split_stratified,
    split_users,
    tune,
)
from fastmf.models import WALS, BiasedMF, FactorModel, MostPopular, SVDpp, load

__version__ = "0.1.0"

__all__ = [
    "WALS",
    "BiasedMF",
    "CrossValidation",
    "EarlyStopping",
    "FactorModel",
    "FitDivergedError",
    "IdMap",
    "ModelFileError",
    "MostPopular",
    "NotFittedError",
    "Ratings",
    "RatingsFileError",
    "Report",
    "SVDpp",
    "Tuning",
    "UnknownIdError",
    "cross_validate",
    "evaluate",
    "kfold",
    "load",
    "mae",
    "movielens",
    "plots",
    "read_movielens",
    "repeated_kfold",
    "rmse",
    "split_by_time",
    "split_leave_last",
    "split_leave_out",
    "split_random",
    "split_stratified",
    "split_users",
    "synthetic",
    "translate",
    "tune",
]
