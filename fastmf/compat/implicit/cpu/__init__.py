"""implicit.cpu: the models that run on the processor."""

from fastmf.compat.implicit.cpu import als, matrix_factorization_base

__all__ = ["als", "matrix_factorization_base"]
