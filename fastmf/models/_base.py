"""The face all models share: what they hold, predict and recommend, parameters, save and load.

A fitted model scores a pair by  yhat_ui = mu + b_u + c_i + x_u . y_i ; subclasses fill in `fit`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf._errors import ModelFileError
from fastmf.kernels.predict import pair_scores
from fastmf.models import _storage
from fastmf.models._names import pairs_of
from fastmf.models._recommend_all import RecommendsAll
from fastmf.models._similar import FindsSimilar
from fastmf.models._state import State


class FactorModel(RecommendsAll, FindsSimilar):
    """Base of all models; see the subclasses for what each one minimises."""

    _registry: ClassVar[dict[str, type[FactorModel]]] = {}

    def __init_subclass__(cls) -> None:
        FactorModel._registry[cls.__name__] = cls

    # -- prediction -----------------------------------------------------------------------------------------------

    def predict(self, users: ArrayLike, items: ArrayLike, *, num_threads: int | None = None) -> Any:
        """Scores of given pairs.

        Parameters
        ----------
        users, items : array_like or scalar
            Ids (or row and column numbers) of the pairs; a scalar goes with every element of the other.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        ndarray or float
            One score a pair, in the model's dtype; a float if both are scalars.

        Raises
        ------
        UnknownIdError, IndexError
            An id (or number) the model does not know.
        """
        model = self._still()
        numbers, both_scalar = pairs_of(users, items, model._fitted)
        scores = model._predict(*numbers, num_threads)
        return float(scores[0]) if both_scalar else scores

    def _predict(
        self, users: NDArray[np.int64], items: NDArray[np.int64], num_threads: int | None = None
    ) -> NDArray[Any]:
        """What `predict` gives, for row and column numbers."""
        return self._scores(self._fitted, users, items, self._threads(num_threads))

    @staticmethod
    def _scores(state: State, users: NDArray[np.int64], items: NDArray[np.int64], num_threads: int) -> NDArray[Any]:
        """mu + b_u + c_i + x_u.y_i of pairs."""
        out = np.empty(len(users), state.user_factors.dtype)
        pair_scores(
            state.user_factors,
            state.item_factors,
            state.user_bias,
            state.item_bias,
            state.mean,
            users,
            items,
            out,
            num_threads,
        )
        return out

    # -- files ----------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the fitted model to a file, whole or not at all; `fastmf.load` reads it.

        Parameters
        ----------
        path : str or Path
            The file; one that was there before is replaced.

        Raises
        ------
        TypeError
            Ids or parameters that a file cannot hold (ids must be integers or text).
        OSError
            The file cannot be written; a file that was there before stays as it was.
        """
        _storage.save(path, type(self).__name__, self.get_params(), self._fitted)


def load(path: str | Path, *, mmap: bool = False) -> FactorModel:
    """Read a model that `save` wrote.

    Parameters
    ----------
    path : str or Path
        The file.
    mmap : bool, default False
        Map the arrays instead of reading them: they are then shared between processes.

    Raises
    ------
    ModelFileError
        The file is damaged, cut short, or not a model file.
    OSError
        The file is missing or cannot be read.
    """
    name, params, state = _storage.load(path, mmap=mmap)
    if name not in FactorModel._registry:
        raise ModelFileError(f"{path} holds a {name!r}, which this version of fastmf does not know")
    try:
        model = FactorModel._registry[name](**params)
        model.checked()
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"{path} holds parameters that {name} does not take: {error}") from error
    model._state = state
    return model
