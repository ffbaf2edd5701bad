"""The functions beside implicit's ALS model: solve one side in place, and the loss."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf._errors import FitDivergedError
from fastmf.compat.implicit import _sweeps
from fastmf.compat.implicit._arguments import interactions, threads_of
from fastmf.compat.implicit.recommender_base import ModelFitError
from fastmf.data import Ratings
from fastmf.kernels.gramian import gramian
from fastmf.models._cost import Solver

Floats = NDArray[Any]


def least_squares(Cui: Any, X: Floats, Y: Floats, regularization: float, num_threads: int = 0) -> None:
    """Solve every row of `X` exactly for given `Y`, in place.

    Parameters
    ----------
    Cui : csr_matrix or csr_array, rows of X x rows of Y
        Weights of the stored pairs; a pair with a positive one has the target 1, others 0 (with the absolute value as
        their weight).
    X : array of shape (n, factors), float32 or float64
        Written.
    Y : array of shape (m, factors)
        Of the dtype of `X`; it stays as it is.
    regularization : float
    num_threads : int, default 0
        0 uses all there are.

    Raises
    ------
    ModelFitError
        `Cui` holds NaN or infinity, or the equations cannot be solved.
    ValueError
        Arrays of other types or shapes.
    """
    _solve(Cui, X, Y, regularization, num_threads, solver=_sweeps.EXACT)


def least_squares_cg(
    Cui: Any, X: Floats, Y: Floats, regularization: float, num_threads: int = 0, cg_steps: int = 3
) -> None:
    """Improve every row of `X` for given `Y` by conjugate gradient from where it is, in place.

    The steps are preconditioned in the eigenbasis of Y'Y, and rows for which that is cheaper are solved exactly.

    Parameters
    ----------
    Cui, X, Y, regularization, num_threads
        As in `least_squares`.
    cg_steps : int, default 3
        Steps a row.

    Raises
    ------
    ModelFitError, ValueError
        As `least_squares`.
    """
    _solve(
        Cui, X, Y, regularization, num_threads, solver=Solver("cg", cg_steps=_checks.integer("cg_steps", cg_steps, 1))
    )


def solver_of(use_cg: bool, use_native: bool, cg_steps: int) -> partial[None]:
    """A function of Cui, X, Y, regularization and num_threads that solves X in place."""
    solver = Solver("cg", cg_steps=cg_steps) if use_cg else _sweeps.EXACT
    return partial(_solve, solver=solver, native=use_native)


def _solve(
    Cui: Any,
    X: Floats,
    Y: Floats,
    regularization: float,
    num_threads: int = 0,
    *,
    solver: Solver,
    native: bool = True,
) -> None:
    rows, regularization = _checked(Cui, X, Y, regularization)
    dtype = _sweeps.working_dtype(regularization, X.dtype, native)
    try:
        X[:] = _sweeps.solved(_sweeps.row_side(rows, regularization, dtype), Y, X, solver, threads_of(num_threads))
    except FitDivergedError as error:
        raise ModelFitError(str(error)) from error


def calculate_loss(Cui: Any, X: Floats, Y: Floats, regularization: float, num_threads: int = 0) -> float:
    """The objective for these factors, divided by the sum of all weights.

    Parameters
    ----------
    Cui, X, Y, regularization, num_threads
        As in `least_squares`; nothing is written.

    Returns
    -------
    float
        (sum over stored pairs of w (a - x.y)^2 + sum over the others of (x.y)^2 + regularization (sum |x|^2 +
        sum |y|^2)) / (sum of w + number of the others).

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse import csr_matrix
    >>> from fastmf.compat.implicit.cpu.als import calculate_loss
    >>> calculate_loss(csr_matrix([[1.0, 0.0]]), np.array([[1.0]]), np.array([[0.0], [1.0]]), regularization=0)
    1.0
    """
    rows, regularization = _checked(Cui, X, Y, regularization)
    sweeps = _sweeps.Sweeps(
        rows,
        X,
        Y,
        regularization=regularization,
        solver=_sweeps.EXACT,
        dtype=X.dtype,
        num_threads=threads_of(num_threads),
    )
    return sweeps.loss()


def _checked(Cui: Any, X: Floats, Y: Floats, regularization: float) -> tuple[Ratings, float]:
    for name, factors in (("X", X), ("Y", Y)):
        if not isinstance(factors, np.ndarray) or factors.ndim != 2 or factors.dtype not in (np.float32, np.float64):
            raise ValueError(
                f"{name} must be a two-dimensional array of float32 or float64, got {_checks.shown(factors)}"
            )
    rows = interactions("Cui", Cui)
    if rows.shape != (len(X), len(Y)) or X.shape[1] != Y.shape[1]:
        raise ValueError(
            f"Cui, X and Y must have the shapes (n, m), (n, factors) and (m, factors), got {rows.shape}, {X.shape} "
            f"and {Y.shape}"
        )
    return rows, _checks.real("regularization", regularization, 0.0)


def gram(factors: Floats, num_threads: int) -> Floats:
    """Y'Y, summed in float64, in the dtype of the factors."""
    factors = _checks.matrix("factors", factors)
    return gramian(factors, np.empty(0, factors.dtype), num_threads).astype(factors.dtype)
