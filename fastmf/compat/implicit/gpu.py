"""implicit.gpu: what implicit is without CUDA.

>>> from fastmf.compat.implicit.gpu import HAS_CUDA
>>> HAS_CUDA
False
"""

HAS_CUDA = False
HAS_RMM = False
