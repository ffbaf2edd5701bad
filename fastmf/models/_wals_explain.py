"""Why WALS scores an item as it does: the share of each of the user's entries in the score, exactly."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmf._errors import FitDivergedError
from fastmf.data import Ratings
from fastmf.data.csr import positions_of
from fastmf.models._half_step import weighted_gramian
from fastmf.models._names import numbers_of
from fastmf.models._state import State
from fastmf.models._wals_folding import FoldsIn
from fastmf.models._wals_terms import entry_terms, user_side


class Explanation(NamedTuple):
    """A score taken apart: ``score == baseline + contributions.sum()``, to rounding.

    `items` are ids (or numbers) of the user's entries, `contributions` (float64) their shares, largest first;
    `baseline` is what does not depend on them: mean and bias of the item, or 0.
    """

    items: NDArray[Any]
    contributions: NDArray[np.float64]
    baseline: float
    score: float


class Explains(FoldsIn):
    """The part of WALS that explains scores."""

    def explain(self, user: Any, item: Any, *, num_threads: int | None = None) -> Explanation:
        """The score of an item for a user as a sum over the user's entries.

        A user's row is x_u = A^-1 sum_j w_j a_j y_j over the user's entries j, with the matrix A of the user's normal
        equations. So the score is a sum as well, and what entry j adds to it is

            w_j a_j y_j' A^-1 y_i

        Parameters
        ----------
        user, item
            An id (or row and column number) each.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        Explanation
            (items, contributions, baseline, score), the largest contribution first. The score is that of `predict`, to
            rounding, where the user's row is exact for the item factors and the parameters as they are.

        Raises
        ------
        UnknownIdError, IndexError
            An id (or number) the model does not know.
        ValueError
            A model whose file, of an earlier version, holds no values of its training entries.

        Notes
        -----
        All in float64. With `biased`, (y_j, 1) takes the place of y_j and a_j - mu - c_j that of a_j. With
        `nonnegative`, only the factors count that are above 0 for the user, and the score is that of `predict` as far
        as the descent that found them has converged. A disliked entry (a negative value where `unobserved_weight` > 0)
        contributes 0: its target is 0, and it works through A.

        References
        ----------
        Hu, Koren & Volinsky 2008, "Collaborative filtering for implicit feedback datasets", section 5.

        Examples
        --------
        >>> import fastmf
        >>> model = fastmf.WALS(factors=16, iterations=3, random_state=0, dtype="float64").fit(fastmf.movielens())
        >>> why = model.explain(15, 260)
        >>> abs(why.score - model.predict(15, 260)) < 1e-9
        True
        >>> bool(why.contributions[0] == why.contributions.max())
        True
        """
        state = self._fitted
        p = self._checked_for(state)
        u, i = (
            _one(name, id, ids, size)
            for name, id, ids, size in (
                ("user", user, state.user_ids, state.shape[0]),
                ("item", item, state.item_ids, state.shape[1]),
            )
        )
        numbers, shares = _contributions(state, p, u, i, self._threads(num_threads))
        order = np.argsort(-shares, kind="stable")
        items, shares = numbers[order], shares[order]
        baseline = state.mean + float(state.item_bias[i])
        known = items if state.item_ids is None else state.item_ids.take(items)
        return Explanation(known, shares, baseline, baseline + float(shares.sum()))


def _one(name: str, id: Any, ids: Any, size: int) -> int:
    numbers, _ = numbers_of(name, id if isinstance(id, np.ndarray) and id.ndim == 0 else [id], ids, size)
    return int(numbers[0])


def _contributions(
    state: State, p: dict[str, Any], u: int, i: int, num_threads: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Items of the entries of user u, and what each adds to the score of item i."""
    values = state.training_values()
    indptr, positions = positions_of(state.seen_indptr, np.array([u]))
    items = state.seen_indices[positions]
    row = Ratings(indptr, items, values[positions], shape=(1, state.shape[1]))
    weights = None if state.seen_weights is None else state.seen_weights[positions]
    side = user_side(row, *entry_terms(row, weights, p), p)
    w, a = (np.broadcast_to(part.astype(np.float64), len(items)) for part in (side.weights, side.targets))
    c = np.broadcast_to(side.unobserved.astype(np.float64), state.shape[1])[items]

    A = weighted_gramian(side, state.item_factors, num_threads)
    Y, y = state.item_factors[items].astype(np.float64), state.item_factors[i].astype(np.float64)
    if p["biased"]:  # where no pair that is not stored weighs anything
        A = np.zeros((len(y) + 1, len(y) + 1))
        Y, y = np.hstack([Y, np.ones((len(items), 1))]), np.append(y, 1.0)
        a = a - state.mean - state.item_bias[items]
    if p["nonnegative"]:
        free = state.user_factors[u] > 0
        A, Y, y = A[free][:, free], Y[:, free], y[free]
    A = A + side.ridge[0] * np.eye(len(y)) + Y.T @ ((w - c)[:, None] * Y)
    if len(items) == 0:
        return items, np.zeros(0)
    try:
        return items, w * a * (Y @ np.linalg.solve(A, y))
    except np.linalg.LinAlgError:
        raise FitDivergedError(
            f"the normal equations of user {u} have no single solution: raise regularization or unobserved_weight"
        ) from None
