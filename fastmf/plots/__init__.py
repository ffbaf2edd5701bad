"""Pictures of models and of how they were judged (extra `plots`, on matplotlib); each returns the Axes it drew on.

training.py    how a fit went, pass by pass    popularity.py    how often items are shown, by how well known they are
comparing.py   models side by side             embedding.py     items in the plane of two factors, with titles
"""

from fastmf.plots.comparing import metric_against_k, metric_against_seconds
from fastmf.plots.embedding import embedding_map
from fastmf.plots.popularity import popularity_bias
from fastmf.plots.training import training_curve

__all__ = ["embedding_map", "metric_against_k", "metric_against_seconds", "popularity_bias", "training_curve"]
