"""implicit.cpu.als: alternating least squares for implicit feedback."""

from __future__ import annotations

import logging
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf._errors import FitDivergedError
from fastmf.compat.implicit import _files, _sweeps
from fastmf.compat.implicit._arguments import interactions, threads_of
from fastmf.compat.implicit._progress import progress_bar
from fastmf.compat.implicit._solvers import calculate_loss, least_squares, least_squares_cg, solver_of
from fastmf.compat.implicit.cpu._updates import Updates
from fastmf.compat.implicit.recommender_base import Callback, ModelFitError
from fastmf.compat.implicit.utils import check_random_state
from fastmf.models._cost import Solver

__all__ = ["AlternatingLeastSquares", "calculate_loss", "least_squares", "least_squares_cg"]

START = 0.01  # first factors are uniform in [0, START)
SAVED = (
    "user_factors",
    "item_factors",
    "regularization",
    "factors",
    "num_threads",
    "iterations",
    "use_native",
    "use_cg",
    "cg_steps",
    "calculate_training_loss",
    "random_state",
    "alpha",
)
log = logging.getLogger("implicit")


class AlternatingLeastSquares(Updates):
    """Alternating least squares for implicit feedback.

    Minimises, with a = 1 for a stored r > 0 and a = 0 for r <= 0,

        sum_{stored} |alpha r| (a - x.y)^2 + sum_{not stored} (x.y)^2 + regularization (sum_u |x_u|^2 + sum_i |y_i|^2)

    Parameters
    ----------
    factors : int, default 100
        Length of the factor rows.
    regularization : float, default 0.01
    alpha : float, default 1.0
        Above 0.
    dtype : {float32, float64}, default float32
        Of the factors and of the arithmetic.
    use_native : bool, default True
        False solves in float64 whatever the `dtype`, as implicit's Python solver does; it is compiled all the same.
    use_cg : bool, default True
        True: `cg_steps` of conjugate gradient a row, from where the row is; rows that are cheaper to solve exactly are.
        False: every row exactly.
    iterations : int, default 15
        Sweeps over all users, then all items.
    calculate_training_loss : bool, default False
        Compute the loss after each iteration, for the callback, the bar and the log.
    num_threads : int, default 0
        Threads; 0 uses all there are. The results are the same for any number.
    random_state : None, int, numpy.random.Generator or numpy.random.RandomState
        The seed of the first factors, which are implicit's for the same seed.

    Attributes
    ----------
    user_factors, item_factors : array of shape (users, factors), (items, factors), or None
        Before a fit: where it starts.
    cg_steps : int
        3.
    fit_callback : callable or None
        What `fit` calls where it is given no callback.

    Examples
    --------
    >>> from fastmf.compat.implicit.cpu.als import AlternatingLeastSquares
    >>> from scipy.sparse import csr_matrix
    >>> model = AlternatingLeastSquares(factors=2, random_state=0)
    >>> model.fit(csr_matrix([[1, 0], [1, 1]]), show_progress=False)
    >>> model.user_factors.shape
    (2, 2)
    """

    def __init__(
        self,
        factors: int = 100,
        regularization: float = 0.01,
        alpha: float = 1.0,
        dtype: Any = np.float32,
        use_native: bool = True,
        use_cg: bool = True,
        iterations: int = 15,
        calculate_training_loss: bool = False,
        num_threads: int = 0,
        random_state: Any = None,
    ) -> None:
        super().__init__(num_threads=num_threads)
        self.factors = factors
        self.regularization = regularization
        self.alpha = alpha
        self.dtype = np.dtype(dtype)
        self.use_native = use_native
        self.use_cg = use_cg
        self.iterations = iterations
        self.calculate_training_loss = calculate_training_loss
        self.random_state = random_state
        self.cg_steps = 3
        self.fit_callback: Callback | None = None

    @property
    def solver(self) -> Any:
        """A function of Cui, X, Y, regularization and num_threads that solves X in place, as a fit does."""
        return solver_of(self.use_cg, self.use_native, self.cg_steps)

    def fit(self, user_items: Any, show_progress: bool = True, callback: Callback | None = None) -> None:
        """Learn the factors; where some are there already, from an earlier fit or set by the caller, go on from them.

        Parameters
        ----------
        user_items : csr_matrix or csr_array, users x items
            Confidences; a negative one is a dislike. Entries of one pair are added. Other formats are converted, with
            a ParameterWarning. Users and items beyond those that there are factors of start at random.
        show_progress : bool, default True
            Show a bar, if tqdm (extra `progress`) is there.
        callback : callable, optional
            Called as callback(iteration, seconds, loss) after each iteration, from 0; the loss is None unless
            `calculate_training_loss` is set. The model then has the factors of this iteration, and goes on from them
            as the callback leaves them.

        Raises
        ------
        ModelFitError
            Values or factors that are not finite, or equations that cannot be solved. The model stays as it was, or
            as the callback last saw it.
        ValueError
            A parameter is out of its range, or there are factors of more users or items than the matrix has.
        """
        iterations = _checks.integer("iterations", self.iterations, 0)
        callback = callback or self.fit_callback
        with_loss = _checks.flag("calculate_training_loss", self.calculate_training_loss)
        sweeps, loss, done = self._begin(user_items), None, 0
        bar = progress_bar(iterations, show_progress)
        try:
            for iteration in range(iterations):
                started = time.perf_counter()
                self._sweep(sweeps, iteration)
                done = iteration + 1
                if with_loss:
                    loss = sweeps.loss()
                    if bar is None:
                        log.info("loss %.4f", loss)
                    else:
                        bar.set_postfix({"loss": loss})
                if bar is not None:
                    bar.update(1)
                if callback is not None:
                    self.user_factors, self.item_factors = sweeps.factors(self.dtype)
                    callback(iteration, time.perf_counter() - started, loss)
                    sweeps.restart(self.user_factors, self.item_factors)
        except KeyboardInterrupt:
            if done:
                self.user_factors, self.item_factors = sweeps.factors(self.dtype)
            raise
        finally:
            if bar is not None:
                bar.close()
        if loss is not None:
            log.info("Final training loss %.4f", loss)
        self.user_factors, self.item_factors = sweeps.factors(self.dtype)

    def _begin(self, user_items: Any) -> _sweeps.Sweeps:
        """All checks of a fit, and the factors it starts from."""
        factors = _checks.integer("factors", self.factors, 1, 4096)
        regularization = _checks.real("regularization", self.regularization, 0.0)
        dtype = _checks.float_dtype("dtype", self.dtype)
        steps = _checks.integer("cg_steps", self.cg_steps, 1)
        solver = Solver("cg", cg_steps=steps) if _checks.flag("use_cg", self.use_cg) else _sweeps.EXACT
        threads = threads_of(self.num_threads)
        native = _checks.flag("use_native", self.use_native)
        ratings = interactions("user_items", user_items, self.alpha)
        rng = check_random_state(self.random_state)
        return _sweeps.Sweeps(
            ratings,
            _start("user_factors", self.user_factors, (ratings.n_users, factors), rng, dtype),
            _start("item_factors", self.item_factors, (ratings.n_items, factors), rng, dtype),
            regularization=regularization,
            solver=solver,
            dtype=_sweeps.working_dtype(regularization, dtype, native),
            num_threads=threads,
        )

    @staticmethod
    def _sweep(sweeps: _sweeps.Sweeps, iteration: int) -> None:
        try:
            sweeps.sweep()
        except FitDivergedError as error:
            raise ModelFitError(f"in iteration {iteration}: {error}") from error
        if not sweeps.is_finite():
            raise ModelFitError(
                f"factors are not finite after iteration {iteration}: raise regularization, or scale the values"
            )

    def to_gpu(self) -> None:
        """Refused: fastmf runs on the processor."""
        raise ValueError("to_gpu cannot be done: fastmf has no CUDA code, it runs on the processor")

    def save(self, fileobj_or_path: Any) -> None:
        """Write the model in NumPy's .npz format, under implicit's names.

        Parameters
        ----------
        fileobj_or_path : str, os.PathLike or binary file
            A path gets ".npz" where it does not end so; the file is written whole or not at all.
        """
        values = {name: getattr(self, name) for name in SAVED} | {"dtype": np.dtype(self.dtype).name}
        state = values["random_state"]
        if state is not None and np.asarray(state).dtype.kind not in "iu":
            del values["random_state"]  # a generator: only unpickling would bring it back
        _files.write(fileobj_or_path, {name: value for name, value in values.items() if value is not None})


def _start(
    name: str, given: Any, shape: tuple[int, int], rng: np.random.Generator, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """What a fit starts from on one side: the rows given, if any, and random ones for the rest."""
    if given is None:
        given = np.empty((0, shape[1]), dtype)
    given = _checks.matrix(name, given)
    if given.shape[1] != shape[1] or len(given) > shape[0]:
        raise ValueError(
            f"{name} must have {shape[1]} columns and at most {shape[0]} rows, as factors and user_items say, got "
            f"shape {given.shape}; set it to None to start afresh"
        )
    if not np.isfinite(given).all():
        raise ModelFitError(f"{name} must be finite to start from, got NaN or infinity")
    drawn = rng.random((shape[0] - len(given), shape[1]), dtype=dtype.type) * dtype.type(START)
    return np.concatenate([given.astype(dtype, copy=False), drawn])
