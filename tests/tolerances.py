"""The one place that says how far a kernel may be from its float64 twin."""

import numpy as np


def tolerance(dtype, terms=1):
    """Relative tolerance for results in `dtype` that sum `terms` rounded terms: the error of such a sum grows like
    its square root, and 8 covers the constant."""
    return 8 * float(np.finfo(dtype).eps) * max(1.0, terms) ** 0.5
