"""Ratings in memory: ids, the users x items matrix, and where it comes from.

ids        IdMap: people's ids and the numbers arrays use          over  factorise
ratings    Ratings: the matrix and the ways to make one            over  tables, transforms, matrix, each over the next
matrix     what it is                                              over  csr (its layout)
summary    what it is like: the facts of `Ratings.describe`
transforms                        filters and weights              over  filters (their arithmetic)
intake, sparse, text, plain       the doors: columns, SciPy matrices, text files, plain text files
frames, parquet, query            the doors for tables             over  gathering (ids that come in pieces), missing
movielens, releases, synthetic    data that comes with the library, MovieLens's releases, and data made up
"""

from fastmf.data.ids import IdMap
from fastmf.data.movielens import movielens
from fastmf.data.ratings import Ratings
from fastmf.data.releases import read_movielens
from fastmf.data.synthetic import synthetic

__all__ = ["IdMap", "Ratings", "movielens", "read_movielens", "synthetic"]
