"""From factors to lists: the best items of a query by inner product or cosine, and the ranks of given items.

exact, among, pairs     all items; candidates by query; counts of pairs         over  arguments, longest
index                   Index: exact or approximate, with ids, in a file        over  approximate, ann (faiss)
"""

from fastmf.retrieval.among import top_k_among
from fastmf.retrieval.exact import rank_of, top_k
from fastmf.retrieval.index import Index
from fastmf.retrieval.longest import LongestFirst, longest_first
from fastmf.retrieval.pairs import lost_pairs, top_k_and_lost_pairs

__all__ = [
    "Index",
    "LongestFirst",
    "longest_first",
    "lost_pairs",
    "rank_of",
    "top_k",
    "top_k_among",
    "top_k_and_lost_pairs",
]
