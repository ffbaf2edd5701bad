"""Spark: pyspark.ml.recommendation.ALS."""

from __future__ import annotations

import numpy as np

from fastmf import _checks
from fastmf.translate._translation import Entries, Floats, Translation, refusal


def from_spark(
    *,
    rank: int = 10,
    maxIter: int = 10,
    regParam: float = 0.1,
    numUserBlocks: int = 10,
    numItemBlocks: int = 10,
    implicitPrefs: bool = False,
    alpha: float = 1.0,
    userCol: str = "user",
    itemCol: str = "item",
    seed: int | None = None,
    ratingCol: str = "rating",
    nonnegative: bool = False,
    checkpointInterval: int = 10,
    intermediateStorageLevel: str = "MEMORY_AND_DISK",
    finalStorageLevel: str = "MEMORY_AND_DISK",
    coldStartStrategy: str = "nan",
    blockSize: int = 4096,
) -> Translation:
    """Translate `pyspark.ml.recommendation.ALS` (2 to 4).

    With explicit ratings it minimises, n_u and n_i being numbers of ratings,

        sum_{stored} (r - x.y)^2 + regParam (sum_u n_u |x_u|^2 + sum_i n_i |y_i|^2)

    and with `implicitPrefs`, a being 1 for r > 0, else 0, and p_u and p_i numbers of *positive* entries,

        sum_{stored} (1 + alpha |r|) (a - x.y)^2 + sum_{not stored} (x.y)^2
          + regParam (sum_u p_u |x_u|^2 + sum_i p_i |y_i|^2)

    WALS has no regularisation in proportion to a row's entries alone where unobserved pairs have a weight, so the
    second form can be translated only without regularisation.

    Parameters
    ----------
    rank, maxIter, regParam, alpha, nonnegative
        As there; `alpha` is used by `implicitPrefs` alone, and must be above 0 with it.
    implicitPrefs : bool
        True only with regParam = 0.
    seed : int, optional
        The seed of WALS's own start, which is another one. None: no fixed seed, where Spark has one.
    numUserBlocks, numItemBlocks, blockSize, checkpointInterval, intermediateStorageLevel, finalStorageLevel
        How Spark spreads and stores its work: there is nothing to translate.
    userCol, itemCol, ratingCol, coldStartStrategy
        Names of columns and the answer for unknown ids belong to the data and to prediction, not to the objective.

    Returns
    -------
    Translation
        Takes explicit ratings, and implicit values other than 0, as they are.

    Raises
    ------
    ValueError
        For `implicitPrefs` with a `regParam` other than 0.

    Examples
    --------
    >>> import fastmf
    >>> fastmf.translate.from_spark(rank=16, regParam=0.05, seed=0).model().regularization_exponent
    1.0
    """
    regularization = _checks.real("regParam", regParam, 0.0)
    implicit = _checks.flag("implicitPrefs", implicitPrefs)
    nonnegative = _checks.flag("nonnegative", nonnegative)
    if implicit and regularization:
        raise refusal(
            f"implicitPrefs=True with regParam={regularization:g}",
            "Spark multiplies regParam by the number of positive entries of each row; WALS scales its regularization "
            "with the weight of a whole row, unobserved pairs included, or not at all",
        )
    params = {
        "factors": _checks.integer("rank", rank, 1),
        "iterations": _checks.integer("maxIter", maxIter, 1),
        "regularization": regularization,
        "unobserved_weight": float(implicit),
        "regularization_exponent": 1.0,
        "nonnegative": nonnegative,
        "solver": "auto" if nonnegative else "cholesky",
        "random_state": seed,
        "dtype": "float32",
    }
    source = "pyspark.ml.recommendation.ALS"
    if not implicit:
        return Translation(source=source, params=params)
    alpha = _checks.real("alpha", alpha, above=0.0)

    def rule(r: Floats) -> Entries:
        return (r > 0).astype(r.dtype), 1 + alpha * np.abs(r)

    def plain(r: Floats) -> bool:
        return bool((r != 0).all())

    return Translation(
        source=source, params={**params, "alpha": alpha, "confidence": "one_plus"}, _rule=rule, _plain=plain
    )
