"""Ratings: a users x items matrix of ratings or interactions, checked once and never changed after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data import csr, intake, sparse
from fastmf.data.csr import Csr
from fastmf.data.ids import IdMap


class Ratings:
    """A users x items matrix of stored entries, in compressed rows. Rows are users, columns are items.

    Made by `from_arrays`, `from_sparse` or `from_csv`. The constructor takes canonical compressed rows, checks them in
    O(nnz) and copies them.

    Parameters
    ----------
    indptr : integer array, shape (n_users + 1,)
        Row `u` holds the entries from ``indptr[u]`` to ``indptr[u + 1]``.
    indices : integer array, shape (nnz,)
        Item numbers, rising strictly within a row.
    data : array, shape (nnz,)
        Finite values; float64 stays float64, other real types become float32. A zero is an entry like any other.
    shape : (int, int)
        Number of users and of items, each at most 2^31 - 1.
    timestamps : array, shape (nnz,), optional
        Time of each entry: integers, finite floats, or datetime64, which becomes seconds since 1970.
    users, items : IdMap, optional
        Ids of rows and columns; without them the row and column numbers are the ids.
    item_info : dict of arrays, optional
        Facts about items by name, each of length n_items, such as "title".

    Attributes
    ----------
    indptr, indices, data, timestamps, shape, users, items, item_info
        As above, with indptr in int64, indices in int32 and timestamps in int64 or float64. All arrays are read-only.

    Raises
    ------
    TypeError, ValueError
        If an argument breaks one of the rules above; the message names it.

    Examples
    --------
    >>> from fastmf.data import Ratings
    >>> ratings = Ratings.from_arrays(["ann", "ann", "bob"], [10, 30, 30], [4.0, 5.0, 1.0])
    >>> ratings
    Ratings(2 users x 2 items, 3 entries, float32)
    >>> ratings.to_scipy().toarray()
    array([[4., 5.],
           [0., 1.]], dtype=float32)
    """

    __slots__ = ("data", "indices", "indptr", "item_info", "items", "shape", "timestamps", "users")

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    data: NDArray[Any]
    timestamps: NDArray[Any] | None
    shape: tuple[int, int]
    users: IdMap | None
    items: IdMap | None
    item_info: Mapping[str, NDArray[Any]]

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
        self._keep(rows, (int(shape[0]), int(shape[1])), users, items, info)

    def _keep(
        self,
        rows: Csr,
        shape: tuple[int, int],
        users: IdMap | None,
        items: IdMap | None,
        item_info: Mapping[str, NDArray[Any]],
    ) -> Ratings:
        for array in (*rows, *item_info.values()):
            if array is not None:
                array.flags.writeable = False
        values = (*rows, shape, users, items, dict(item_info))
        for name, value in zip((*Csr._fields, "shape", "users", "items", "item_info"), values, strict=True):
            object.__setattr__(self, name, value)
        return self

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"Ratings never change: {name} cannot be set")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"Ratings never change: {name} cannot be deleted")

    def __reduce__(self) -> tuple[Any, ...]:
        rows = Csr(self.indptr, self.indices, self.data, self.timestamps)
        return _made, (rows, self.shape, self.users, self.items, self.item_info)

    @classmethod
    def from_arrays(
        cls,
        users: Any,
        items: Any,
        values: Any = None,
        timestamps: Any = None,
        *,
        duplicates: str = "error",
        dtype: Any = "float32",
    ) -> Ratings:
        """Ratings from columns: entry `n` says that user ``users[n]`` gave item ``items[n]`` the value ``values[n]``.

        Parameters
        ----------
        users, items : sequences or one-dimensional arrays of one length
            Ids: integers, text, or anything hashable; see `IdMap`.
        values : array, optional
            Finite numbers; booleans count as 1 and 0. None makes every value 1.
        timestamps : array, optional
            Times: integers, finite floats, or datetime64, which becomes seconds since 1970 as float64.
        duplicates : {"error", "last", "first", "sum", "mean", "max"}, default "error"
            What to do with several entries of one user and item. "last" and "first" go by time if there are
            timestamps; without them, and among equal times, by the order given. The sum, mean or maximum of
            entries gets the latest of their timestamps.
        dtype : {"float32", "float64"}, default "float32"
            Type of the stored values.

        Returns
        -------
        Ratings
            Users and items in ascending order of their ids if these are integers or text, else as they first appear.

        Raises
        ------
        TypeError, ValueError
            For arrays of different lengths or wrong types, NaN, infinity, values too large for `dtype`, missing ids,
            and duplicates with ``duplicates="error"``, of which the message names one.

        Examples
        --------
        >>> r = Ratings.from_arrays([7, 7], ["x", "x"], [2.0, 3.0], timestamps=[20, 10], duplicates="last")
        >>> r.data, r.timestamps
        (array([2.], dtype=float32), array([20]))
        """
        rows, user_ids, item_ids = intake.from_arrays(users, items, values, timestamps, duplicates, dtype)
        return _made(rows, (len(user_ids), len(item_ids)), user_ids, item_ids)

    @classmethod
    def from_sparse(cls, matrix: Any, *, duplicates: str = "error", dtype: Any = None) -> Ratings:
        """Ratings from a SciPy sparse matrix or array of any format; row and column numbers are the ids.

        Parameters
        ----------
        matrix : scipy.sparse matrix or array, shape (n_users, n_items)
            Stored entries are the ratings, and a stored zero is one of them; only BSR and DIA, which fill up blocks
            and diagonals with zeros, lose theirs. Unsorted indices are sorted in a copy. Booleans count as 1 and 0.
        duplicates : {"error", "last", "first", "sum", "mean", "max"}, default "error"
            What to do with several entries of one row and column, in the order in which they are stored.
        dtype : {"float32", "float64"}, optional
            Type of the stored values; None keeps float64 and makes float32 of anything else.

        Raises
        ------
        TypeError, ValueError
            For anything but a two-dimensional sparse matrix of real numbers, for index arrays that point outside the
            matrix, NaN, infinity, values too large for `dtype`, and duplicates with ``duplicates="error"``.

        Examples
        --------
        >>> import scipy.sparse as sp
        >>> Ratings.from_sparse(sp.coo_array([[5.0, 0.0], [3.0, 1.0]]))
        Ratings(2 users x 2 items, 3 entries, float64)
        """
        rows, shape = sparse.from_sparse(matrix, duplicates, dtype)
        return _made(rows, shape, None, None)

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

    def select(self, entries: Any) -> Ratings:
        """Only some of the entries, in a matrix of the same shape and ids.

        Parameters
        ----------
        entries : boolean array of shape (nnz,), or integer array
            A mask, or the positions of the entries to keep, in any order, each once.

        Examples
        --------
        >>> r = Ratings.from_arrays([1, 1, 2], [1, 2, 2], [4.0, 5.0, 3.0])
        >>> r.select(r.data >= 4)
        Ratings(2 users x 2 items, 2 entries, float32)
        """
        chosen = np.asarray(entries)
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
        return _made(rows, self.shape, self.users, self.items, self.item_info)

    def rows(self, user_numbers: Any) -> Ratings:
        """Only some of the users, in the order given; row `n` of the result is row ``user_numbers[n]``.

        Parameters
        ----------
        user_numbers : integer array
            Row numbers, each at most once. All items stay.

        Examples
        --------
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
        return _made(rows, (len(numbers), self.n_items), users, self.items, self.item_info)

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
        >>> r = Ratings.from_arrays([0, 0, 1], [0, 1, 0], [4.0, 5.0, 3.0])
        >>> indptr, users, order = r.item_major()
        >>> indptr, users, r.data[order]
        (array([0, 2, 3]), array([0, 1, 0], dtype=int32), array([4., 3., 5.], dtype=float32))
        """
        return csr.transposed(self.indptr, self.indices, self.n_items, num_threads)

    def to_scipy(self) -> sp.csr_array:
        """A new `scipy.sparse.csr_array` of shape (n_users, n_items), whose arrays are its own."""
        return sp.csr_array((self.data.copy(), self.indices.copy(), self.indptr.copy()), shape=self.shape)

    def describe(self) -> dict[str, Any]:
        """Facts about the matrix.

        Returns
        -------
        dict
            "users", "items", "ratings": numbers of rows, columns and entries; "density": share of pairs that have an
            entry; "mean", "minimum", "maximum" of the values (None without entries); "empty_users", "empty_items":
            rows and columns without an entry; "ratings_per_user", "ratings_per_item": a dict of "minimum", "25%",
            "median", "75%", "maximum"; with timestamps also "first" and "last", the range of them.

        Examples
        --------
        >>> Ratings.from_arrays([1, 1, 2], [1, 2, 2], [4.0, 5.0, 3.0]).describe()["density"]
        0.75
        """
        pairs, stored = self.n_users * self.n_items, self.nnz > 0
        per_user, per_item = self.user_counts, self.item_counts
        facts: dict[str, Any] = {
            "users": self.n_users,
            "items": self.n_items,
            "ratings": self.nnz,
            "density": self.nnz / pairs if pairs else 0.0,
            "mean": float(self.data.mean(dtype=np.float64)) if stored else None,
            "minimum": float(self.data.min()) if stored else None,
            "maximum": float(self.data.max()) if stored else None,
            "empty_users": int(np.count_nonzero(per_user == 0)),
            "empty_items": int(np.count_nonzero(per_item == 0)),
            "ratings_per_user": _quartiles(per_user),
            "ratings_per_item": _quartiles(per_item),
        }
        if self.timestamps is not None and stored:
            facts["first"], facts["last"] = self.timestamps.min().item(), self.timestamps.max().item()
        return facts

    def __repr__(self) -> str:
        extra = "" if self.timestamps is None else ", with timestamps"
        return f"Ratings({self.n_users} users x {self.n_items} items, {self.nnz} entries, {self.data.dtype}{extra})"

    def _rows(self) -> Csr:
        return Csr(self.indptr, self.indices, self.data, self.timestamps)


def _made(
    rows: Csr,
    shape: tuple[int, int],
    users: IdMap | None,
    items: IdMap | None,
    item_info: Mapping[str, NDArray[Any]] | None = None,
) -> Ratings:
    """Ratings of rows already known to be canonical, without another check."""
    return Ratings.__new__(Ratings)._keep(rows, shape, users, items, item_info or {})


def _quartiles(entry_counts: NDArray[np.int64]) -> dict[str, float]:
    if len(entry_counts) == 0:
        return {}
    values = np.quantile(entry_counts, [0, 0.25, 0.5, 0.75, 1])
    return dict(zip(("minimum", "25%", "median", "75%", "maximum"), values.tolist(), strict=True))
