"""Ratings in memory: ids, the users x items matrix, and where it comes from.

ids        IdMap: people's ids and the numbers arrays use          over  factorise
ratings    Ratings: the matrix, from arrays, matrices and files    over  matrix (what it is), csr (its layout)
intake, sparse, text, plain       the doors: columns, SciPy matrices, text files, plain text files
movielens, synthetic              data that comes with the library, and data made up
"""

from fastmf.data.ids import IdMap
from fastmf.data.movielens import movielens
from fastmf.data.ratings import Ratings
from fastmf.data.synthetic import synthetic

__all__ = ["IdMap", "Ratings", "movielens", "synthetic"]
