"""implicit.als: AlternatingLeastSquares, wherever it runs."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastmf.compat.implicit.cpu import als
from fastmf.compat.implicit.gpu import HAS_CUDA


class AlternatingLeastSquares(als.AlternatingLeastSquares):
    """`cpu.als.AlternatingLeastSquares`, which see, with implicit's switch between processor and graphics card.

    Parameters
    ----------
    factors, regularization, alpha, dtype, use_native, use_cg, iterations, calculate_training_loss, num_threads
        As there.
    random_state
        As there.
    use_gpu : bool, default False
        True is refused: fastmf runs on the processor.

    Raises
    ------
    ValueError
        For `use_gpu`, as implicit raises it where there is no CUDA.

    Examples
    --------
    >>> import fastmf.compat.implicit as implicit
    >>> from scipy.sparse import csr_matrix
    >>> likes = csr_matrix([[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [0, 0, 1, 1]])
    >>> model = implicit.als.AlternatingLeastSquares(factors=2, regularization=0.1, random_state=0)
    >>> model.fit(likes, show_progress=False)
    >>> ids, scores = model.recommend(0, likes[0], N=2)
    >>> ids
    array([2, 3], dtype=int32)
    """

    def __init__(
        self,
        factors: int = 100,
        regularization: float = 0.01,
        alpha: float = 1.0,
        dtype: Any = np.float32,
        use_native: bool = True,
        use_cg: bool = True,
        use_gpu: bool = HAS_CUDA,
        iterations: int = 15,
        calculate_training_loss: bool = False,
        num_threads: int = 0,
        random_state: Any = None,
    ) -> None:
        if use_gpu:
            raise ValueError("use_gpu must be False: fastmf has no CUDA code, it runs on the processor")
        super().__init__(
            factors,
            regularization,
            alpha,
            dtype,
            use_native,
            use_cg,
            iterations,
            calculate_training_loss,
            num_threads,
            random_state,
        )
