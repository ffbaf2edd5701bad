"""implicit: AlternatingLeastSquares."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastmf import _checks
from fastmf.translate._translation import Translation, refusal


def from_implicit(
    factors: int = 100,
    regularization: float = 0.01,
    alpha: float = 1.0,
    dtype: Any = np.float32,
    use_native: bool = True,
    use_cg: bool = True,
    use_gpu: bool = False,
    iterations: int = 15,
    calculate_training_loss: bool = False,
    num_threads: int = 0,
    random_state: Any = None,
) -> Translation:
    """Translate `implicit.als.AlternatingLeastSquares` (0.7).

    It minimises, with a = 1 for a stored r > 0 and a = 0 for r <= 0,

        sum_{stored} |alpha r| (a - x.y)^2 + sum_{not stored} (x.y)^2 + regularization (sum_u |x_u|^2 + sum_i |y_i|^2)

    The weight is |alpha r|, not the 1 + alpha r of Hu, Koren & Volinsky. The loss it reports for positive data is this
    divided by the sum of all weights.

    Parameters
    ----------
    factors, regularization, alpha, iterations
        As there; `alpha` must be above 0.
    dtype : {float32, float64}
        As there.
    use_cg : bool
        True: WALS's "cg" with the 3 steps that implicit takes; False: "cholesky".
    use_gpu : bool, default False
        There the default is True wherever there is a GPU. Its `fit` on a GPU ignores `alpha`, so that only alpha = 1
        can be translated; it also solves by conjugate gradient, whatever `use_cg` is.
    calculate_training_loss : bool
        WALS's `track_objective`.
    num_threads : int
        0: all there are.
    random_state
        The seed of WALS's own start, which is another one.
    use_native : bool
        Which code does the same arithmetic there: there is nothing to translate.

    Returns
    -------
    Translation
        Takes the stored values as they are, negative ones (dislikes) and zeros included.

    Raises
    ------
    ValueError
        For `use_gpu` with an `alpha` other than 1, and for 16-bit factors.

    Notes
    -----
    implicit solves users, then items; WALS items, then users.

    Examples
    --------
    >>> import fastmf
    >>> fastmf.translate.from_implicit(factors=16, alpha=40.0, random_state=0).model()
    WALS(factors=16, regularization=0.01, unobserved_weight=1.0, regularization_exponent=0.0, alpha=40.0, solver='cg',
         random_state=0)
    """
    alpha = _checks.real("alpha", alpha, above=0.0)
    _checks.flag("use_native", use_native)
    gpu, use_cg = _checks.flag("use_gpu", use_gpu), _checks.flag("use_cg", use_cg)
    if gpu and alpha != 1:
        raise refusal(
            f"use_gpu=True with alpha={alpha:g}",
            "implicit's fit on a GPU ignores alpha; pass alpha=1 for what it minimises there, use_gpu=False for what "
            "was asked",
        )
    threads = _checks.integer("num_threads", num_threads, 0)
    return Translation(
        source="implicit.als.AlternatingLeastSquares",
        params={
            "factors": _checks.integer("factors", factors, 1),
            "iterations": _checks.integer("iterations", iterations, 1),
            "regularization": _checks.real("regularization", regularization, 0.0),
            "unobserved_weight": 1.0,
            "regularization_exponent": 0.0,
            "alpha": alpha,
            "confidence": "linear",
            "solver": "cg" if use_cg or gpu else "cholesky",
            "cg_steps": 3,
            "track_objective": _checks.flag("calculate_training_loss", calculate_training_loss),
            "num_threads": threads or None,
            "random_state": random_state,
            "dtype": _checks.float_dtype("dtype", dtype).name,
        },
    )
