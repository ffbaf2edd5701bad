"""What a fitted ALS model of implicit does with single rows: recalculate them, store them, explain a score."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks
from fastmf._errors import FitDivergedError
from fastmf.compat.implicit import _sweeps
from fastmf.compat.implicit._arguments import columns_within, interactions, is_scalar, numbers, threads_of
from fastmf.compat.implicit._solvers import gram
from fastmf.compat.implicit.cpu.matrix_factorization_base import MatrixFactorizationBase
from fastmf.compat.implicit.recommender_base import ModelFitError
from fastmf.compat.implicit.utils import check_csr

Explanation = tuple[Any, list[tuple[Any, Any]], tuple[NDArray[Any], bool]]
MOST_ROWS = int(np.iinfo(np.int32).max)


class Updates(MatrixFactorizationBase):
    """Rows solved exactly, by themselves, against the factors of the other side."""

    regularization: float
    alpha: float
    dtype: Any

    @property
    def YtY(self) -> NDArray[Any]:
        """Y'Y of the item factors, (factors, factors); kept until they change."""
        if self._YtY is None:
            self._YtY = gram(self._fitted("item_factors"), threads_of(self.num_threads))
        found: NDArray[Any] = self._YtY
        return found

    @property
    def XtX(self) -> NDArray[Any]:
        """X'X of the user factors, (factors, factors); kept until they change."""
        if self._XtX is None:
            self._XtX = gram(self._fitted("user_factors"), threads_of(self.num_threads))
        found: NDArray[Any] = self._XtX
        return found

    def recalculate_user(self, userid: ArrayLike, user_items: Any) -> NDArray[Any]:
        """Factors of users from their entries alone, exactly; nothing is stored.

        Parameters
        ----------
        userid : int or array_like of int
            The users; only how many they are matters.
        user_items : csr_matrix or csr_array
            A row for each user in `userid`.

        Returns
        -------
        array of shape (factors,), or (users, factors) for several

        Raises
        ------
        ValueError, IndexError
            Another number of rows, or items that the model does not have.
        ModelFitError
            Entries that are not finite, or equations that cannot be solved.
        """
        items = self._fitted("item_factors")
        found = self._rows(("userid", userid), ("user_items", user_items), items, self.YtY, "items")
        return found[0] if is_scalar(userid) else found

    def recalculate_item(self, itemid: ArrayLike, item_users: Any) -> NDArray[Any]:
        """Factors of items from their entries alone, exactly; nothing is stored.

        Parameters
        ----------
        itemid : int or array_like of int
            The items; only how many they are matters.
        item_users : csr_matrix or csr_array
            A row for each item in `itemid`.

        Returns
        -------
        array of shape (factors,), or (items, factors) for several

        Raises
        ------
        ValueError, IndexError, ModelFitError
            As `recalculate_user`.
        """
        users = self._fitted("user_factors")
        found = self._rows(("itemid", itemid), ("item_users", item_users), users, self.XtX, "users")
        return found[0] if is_scalar(itemid) else found

    def partial_fit_users(self, userids: ArrayLike, user_items: Any) -> None:
        """Store recalculated factors of some users, known or new.

        Parameters
        ----------
        userids : array_like of int
            The users. A new one may have any number; users between it and the last known one get zeros.
        user_items : csr_matrix or csr_array
            A row for each user in `userids`, with all entries of that user, old ones too.

        Raises
        ------
        ValueError, IndexError, ModelFitError
            As `recalculate_user`.
        """
        ids = numbers("userids", np.atleast_1d(userids), MOST_ROWS, "users")
        self.user_factors = _stored(self._fitted("user_factors"), ids, self.recalculate_user(ids, user_items))

    def partial_fit_items(self, itemids: ArrayLike, item_users: Any) -> None:
        """Store recalculated factors of some items, known or new.

        Parameters
        ----------
        itemids : array_like of int
            The items. A new one may have any number; items between it and the last known one get zeros.
        item_users : csr_matrix or csr_array
            A row for each item in `itemids`, with all entries of that item, old ones too.

        Raises
        ------
        ValueError, IndexError, ModelFitError
            As `recalculate_user`.
        """
        ids = numbers("itemids", np.atleast_1d(itemids), MOST_ROWS, "items")
        self.item_factors = _stored(self._fitted("item_factors"), ids, self.recalculate_item(ids, item_users))

    def _rows(
        self, ids: tuple[str, Any], given: tuple[str, Any], others: NDArray[Any], gramian: NDArray[Any], what: str
    ) -> NDArray[Any]:
        (ids_name, wanted), (name, matrix) = ids, given
        matrix = check_csr(matrix)
        n = 1 if is_scalar(wanted) else len(wanted)
        if matrix.shape[0] != n:
            raise ValueError(f"{name} must contain 1 row for every number in {ids_name}, {n}, got {matrix.shape[0]}")
        columns_within(name, matrix, len(others), what)
        regularization = _checks.real("regularization", self.regularization, 0.0)
        dtype = _sweeps.working_dtype(regularization, _checks.float_dtype("dtype", self.dtype))
        side = _sweeps.row_side(interactions(name, matrix, self.alpha), regularization, dtype)
        try:
            found = _sweeps.fold_in(side, others, gramian, threads_of(self.num_threads))
        except FitDivergedError as error:
            raise ModelFitError(str(error)) from error
        return found.astype(self.dtype, copy=False)

    def explain(self, userid: int, user_items: Any, itemid: int, user_weights: Any = None, N: int = 10) -> Explanation:
        """Which of a user's items carry the score of an item, as Hu, Koren & Volinsky 2008, section 5, take it apart.

        Parameters
        ----------
        userid : int
            The user.
        user_items : csr_matrix or csr_array
            Entries of all users, or of this one alone in a single row.
        itemid : int
            The item.
        user_weights : tuple, optional
            What an earlier call returned for the same user: it saves most of the work.
        N : int, default 10
            How many contributions to give.

        Returns
        -------
        total_score : float
            The score with recalculated factors of the user: the sum over all the user's liked items.
        top_contributions : list of (itemid, float)
            The N largest contributions, in descending order.
        user_weights : tuple
            The Cholesky factor of the user's equations.

        Raises
        ------
        IndexError
            A user or item that there is not.
        """
        import scipy.linalg  # half as long to import as all the rest

        matrix, factors = check_csr(user_items), self._fitted("item_factors")
        columns_within("user_items", matrix, len(factors), "items")
        row = 0 if matrix.shape[0] == 1 else int(numbers("userid", userid, matrix.shape[0], "users")[0])
        query = factors[int(numbers("itemid", itemid, len(factors), "items")[0])]
        N = _checks.integer("N", N, 1)
        entries = interactions("user_items", matrix[[row]], self.alpha)
        signed = entries.data.astype(np.float64)
        known = factors[entries.indices].astype(np.float64)
        if user_weights is None:
            ridge, gramian = _checks.real("regularization", self.regularization, 0.0), self.YtY
            if not ridge:  # as in a fit: the shortest of all solutions, which float32 cannot tell
                gramian = gram(factors.astype(np.float64), threads_of(self.num_threads))
                ridge = _sweeps.AS_NOTHING * float(np.trace(gramian))
            A = gramian + (known.T * (np.abs(signed) - 1)) @ known
            A[np.diag_indices(len(A))] += ridge
            try:
                user_weights = scipy.linalg.cho_factor(A)
            except np.linalg.LinAlgError as error:
                raise ModelFitError(f"the equations of user {userid} have no unique solution: {error}") from error
        liked = signed > 0
        scores = (known @ scipy.linalg.cho_solve(user_weights, query.astype(np.float64)) * signed)[liked]
        best = np.argsort(-scores, kind="stable")[:N]
        return scores.sum(), list(zip(entries.indices[liked][best], scores[best], strict=True)), user_weights


def _stored(factors: NDArray[Any], ids: NDArray[np.int64], rows: NDArray[Any]) -> NDArray[Any]:
    """A copy of the factors with these rows in it, longer where a number is new."""
    longer = np.zeros((max(len(factors), int(ids.max(initial=-1)) + 1), factors.shape[1]), factors.dtype)
    longer[: len(factors)] = factors
    longer[ids] = rows
    return longer
