"""Parameters of other libraries, turned into those of `fastmf.WALS` that minimise the same objective.

Each function takes a library's own parameter names and defaults and returns a `Translation`; where the library
minimises something that WALS does not have, it raises ValueError and says what.

Two objectives count as the same where they differ by a constant or a factor. In particular multiplying all weights,
the unobserved weight and lam by one number leaves the minimiser where it is.

What a translation does not promise is the same factors: objectives of this kind do not change when both sides are
rotated, the minimum reached depends on the start, and WALS ends its sweeps with the users where most libraries end
with the items.

>>> from fastmf import translate
>>> translate.from_implicit(factors=32, alpha=2.0, use_cg=False).params["regularization"]
0.01
"""

from fastmf.translate._cmfrec import from_cmfrec
from fastmf.translate._hu_koren_volinsky import from_hu_koren_volinsky
from fastmf.translate._implicit import from_implicit
from fastmf.translate._irspack import from_irspack
from fastmf.translate._lenskit import from_lenskit
from fastmf.translate._spark import from_spark
from fastmf.translate._translation import Translation

__all__ = [
    "Translation",
    "from_cmfrec",
    "from_hu_koren_volinsky",
    "from_implicit",
    "from_irspack",
    "from_lenskit",
    "from_spark",
]
