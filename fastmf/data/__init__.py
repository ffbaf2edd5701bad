"""Ratings in memory: ids, the users x items matrix, and where it comes from."""

from fastmf.data.ids import IdMap
from fastmf.data.ratings import Ratings

__all__ = ["IdMap", "Ratings"]
