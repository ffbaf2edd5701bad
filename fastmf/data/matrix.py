"""The matrix under `Ratings`: entries in canonical compressed rows, with ids, which never change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data import csr, sparse
from fastmf.data.csr import Csr
from fastmf.data.ids import IdMap
from fastmf.data.intake import Made
from fastmf.data.summary import Description, described


class Matrix:
    """A users x items matrix of stored entries; `Ratings` adds the ways to make one, and the documentation."""

    __slots__ = ("data", "indices", "indptr", "intake", "item_info", "items", "shape", "timestamps", "users")

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    data: NDArray[Any]
    timestamps: NDArray[Any] | None
    shape: tuple[int, int]
    users: IdMap | None
    items: IdMap | None
    item_info: Mapping[str, NDArray[Any]]
    intake: Mapping[str, int]

    def __init__(
        self,
        indptr: Any,
        indices: Any,
        data: Any,
        *,
        shape: tuple[int, int],
        timestamps: Any = None,
        users: IdMap | None = None,
        items: IdMap | None = None,
        item_info: Mapping[str, Any] | None = None,
    ) -> None:
        rows = sparse.from_canonical(indptr, indices, data, shape, timestamps)
        for name, ids, n in (("users", users, shape[0]), ("items", items, shape[1])):
            if ids is not None and (not isinstance(ids, IdMap) or len(ids) != n):
                raise ValueError(f"{name} must be an IdMap of {n} ids or None, got {_checks.shown(ids)}")
        info = {
            name: _checks.vector(f"item_info[{name!r}]", column, shape[1]).copy()
            for name, column in (item_info or {}).items()
        }
        self._keep(rows, (int(shape[0]), int(shape[1])), users, items, info, {})

    @classmethod
    def _made(
        cls,
        rows: Csr,
        shape: tuple[int, int],
        users: IdMap | None,
        items: IdMap | None,
        item_info: Mapping[str, NDArray[Any]] | None = None,
        intake: Mapping[str, int] | None = None,
    ) -> Self:
        """A matrix of rows already known to be canonical, without another check."""
        return cls.__new__(cls)._keep(rows, shape, users, items, item_info or {}, intake or {})

    @classmethod
    def _of(cls, made: Made, item_info: Mapping[str, NDArray[Any]] | None = None) -> Self:
        """A matrix of what one of the doors gave."""
        shape = len(made.users), len(made.items)
        return cls._made(made.rows, shape, made.users, made.items, item_info, made.intake)

    def _keep(
        self,
        rows: Csr,
        shape: tuple[int, int],
        users: IdMap | None,
        items: IdMap | None,
        item_info: Mapping[str, NDArray[Any]],
        intake: Mapping[str, int],
    ) -> Self:
        for array in (*rows, *item_info.values()):
            if array is not None:
                array.flags.writeable = False
        values = (*rows, shape, users, items, dict(item_info), dict(intake))
        for name, value in zip((*Csr._fields, "shape", "users", "items", "item_info", "intake"), values, strict=True):
            object.__setattr__(self, name, value)
        return self

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Ratings never change: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Ratings never change: {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        rows = Csr(self.indptr, self.indices, self.data, self.timestamps)
        return type(self)._made, (rows, self.shape, self.users, self.items, self.item_info, self.intake)

    @property
    def n_users(self) -> int:
        """Number of rows."""
        return self.shape[0]

    @property
    def n_items(self) -> int:
        """Number of columns."""
        return self.shape[1]

    @property
    def nnz(self) -> int:
        """Number of stored entries."""
        return len(self.data)

    @property
    def user_counts(self) -> NDArray[np.int64]:
        """Number of entries of each user, shape (n_users,)."""
        return np.diff(self.indptr)

    @property
    def item_counts(self) -> NDArray[np.int64]:
        """Number of entries of each item, shape (n_items,)."""
        return csr.counts(self.indices, self.n_items)

    def row_numbers(self) -> NDArray[np.int32]:
        """The user number of each entry, shape (nnz,)."""
        return csr.row_numbers(self.indptr)

    def select(self, entries: Any) -> Self:
        """Only some of the entries, in a matrix of the same shape and ids.

        Parameters
        ----------
        entries : boolean array of shape (nnz,), or integer array
            A mask, or the positions of the entries to keep, in any order, each once.

        Examples
        --------
        >>> from fastmf.data import Ratings
        >>> r = Ratings.from_arrays([1, 1, 2], [1, 2, 2], [4.0, 5.0, 3.0])
        >>> r.select(r.data >= 4)
        Ratings(2 users x 2 items, 2 entries, float32)
        """
        chosen = _checks.vector("entries", entries)
        if chosen.dtype == np.bool_:
            positions = np.flatnonzero(_checks.vector("entries", chosen, self.nnz))
        else:
            positions = _checks.positions("entries", chosen, self.nnz, "entries")
            if np.any(positions[1:] <= positions[:-1]):
                positions = np.sort(positions)
                same = positions[1:] == positions[:-1]
                if same.any():
                    raise ValueError(f"entries must name each entry once, got {positions[int(np.argmax(same))]} again")
        rows = csr.taken(self._rows(), positions, np.searchsorted(positions, self.indptr))
        return self._made(rows, self.shape, self.users, self.items, self.item_info)

    def rows(self, user_numbers: Any) -> Self:
        """Only some of the users, in the order given; row `n` of the result is row ``user_numbers[n]``.

        Parameters
        ----------
        user_numbers : integer array
            Row numbers, each at most once. All items stay.

        Examples
        --------
        >>> from fastmf.data import Ratings
        >>> r = Ratings.from_arrays(["ann", "bob"], [10, 30])
        >>> r.rows([1]).users.ids
        array(['bob'], dtype='<U3')
        """
        numbers = _checks.positions("user_numbers", user_numbers, self.n_users, "users")
        if len(np.unique(numbers)) < len(numbers):
            raise ValueError("user_numbers must name each user once, got some user again")
        row_counts = self.user_counts[numbers]
        indptr = csr.starts(row_counts)
        positions = np.arange(indptr[-1]) + np.repeat(self.indptr[numbers] - indptr[:-1], row_counts)
        users = None if self.users is None else IdMap(self.users.ids[numbers])
        rows = csr.taken(self._rows(), positions, indptr)
        return self._made(rows, (len(numbers), self.n_items), users, self.items, self.item_info)

    def item_major(
        self, num_threads: int | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
        """The same entries by item, and by user within an item.

        Parameters
        ----------
        num_threads : int, optional
            None uses the processors this process may use. The result is the same for any number.

        Returns
        -------
        indptr : int64 array, shape (n_items + 1,)
            Item `i` holds the entries from ``indptr[i]`` to ``indptr[i + 1]``.
        indices : int32 array, shape (nnz,)
            User numbers, rising within an item.
        order : int64 array, shape (nnz,)
            Positions: ``data[order]`` are the values in this order.

        Examples
        --------
        >>> from fastmf.data import Ratings
        >>> r = Ratings.from_arrays([0, 0, 1], [0, 1, 0], [4.0, 5.0, 3.0])
        >>> indptr, users, order = r.item_major()
        >>> indptr, users, r.data[order]
        (array([0, 2, 3]), array([0, 1, 0], dtype=int32), array([4., 3., 5.], dtype=float32))
        """
        return csr.transposed(self.indptr, self.indices, self.n_items, num_threads)

    def to_scipy(self) -> sp.csr_array:
        """A new `scipy.sparse.csr_array` of shape (n_users, n_items), whose arrays are its own."""
        return sp.csr_array((self.data.copy(), self.indices.copy(), self.indptr.copy()), shape=self.shape)

    def describe(self) -> Description:
        """Facts about the matrix.

        Returns
        -------
        Description
            A dict that prints as a table. "users", "items", "ratings": numbers of rows, columns and entries;
            "density": share of pairs that have an entry; "mean", "minimum", "maximum" of the values (None without
            entries); "value_counts": how often each value occurs if there are at most 20 different ones, else None, and
            then "value_quantiles" of them; "empty_users", "empty_items": rows and columns without an entry;
            "ratings_per_user", "ratings_per_item": a dict of "minimum", "10%", "25%", "median", "75%", "90%", "99%",
            "maximum"; "gini_users", "gini_items": the Gini coefficients of these, 0 if all are equally active or
            popular, near 1 if few have nearly all entries; with timestamps "first" and "last"; "intake": what was done
            to the entries on the way in, as in `Ratings.intake`.

        Examples
        --------
        >>> from fastmf.data import Ratings
        >>> facts = Ratings.from_arrays([1, 1, 2, 2], [1, 2, 2, 3], [4.0, 5.0, 3.0, 4.0]).describe()
        >>> facts["density"], facts["value_counts"]
        (0.6666666666666666, {3.0: 1, 4.0: 2, 5.0: 1})
        >>> print(str(facts).partition("\\n\\n")[0])
        users    2
        items    3
        ratings  4, 66.7% of all pairs
        values   3 to 5, 4 on average
        """
        return described(self._rows(), self.shape, self.item_counts, dict(self.intake))

    def __repr__(self) -> str:
        kind = f"{self.data.dtype}{'' if self.timestamps is None else ', with timestamps'}"
        return f"Ratings({self.n_users} users x {self.n_items} items, {self.nnz} entries, {kind})"

    def _rows(self) -> Csr:
        return Csr(self.indptr, self.indices, self.data, self.timestamps)
