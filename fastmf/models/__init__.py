"""Models: each learns from ratings and recommends through one face."""

from fastmf.models._base import FactorModel, load
from fastmf.models.biased import BiasedMF
from fastmf.models.popular import MostPopular
from fastmf.models.svdpp import SVDpp
from fastmf.models.wals import WALS

__all__ = ["WALS", "BiasedMF", "FactorModel", "MostPopular", "SVDpp", "load"]
