"""From factors to lists: the best items of a query by inner product or cosine, and the ranks of given items."""

from fastmf.retrieval.among import top_k_among
from fastmf.retrieval.exact import rank_of, top_k
from fastmf.retrieval.pairs import lost_pairs

__all__ = ["lost_pairs", "rank_of", "top_k", "top_k_among"]
