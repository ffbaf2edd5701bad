"""implicit.cpu: the models that run on the processor, and the search for the best items."""

from fastmf.compat.implicit.cpu import als, matrix_factorization_base, topk

__all__ = ["als", "matrix_factorization_base", "topk"]
