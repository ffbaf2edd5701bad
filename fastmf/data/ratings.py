"""Ratings: a users x items matrix of ratings or interactions, and where it may come from."""

from __future__ import annotations

import os
from typing import Any, Self

from fastmf.data import intake, sparse, text
from fastmf.data.tables import FromTables


class Ratings(FromTables):
    """A users x items matrix of stored entries, in compressed rows. Rows are users, columns are items.

    Made by `from_arrays`, `from_frame`, `from_csv`, `from_parquet`, `from_query` or `from_sparse`. The constructor
    takes canonical compressed rows, checks them in O(nnz) and copies them.

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
        Time of each entry, as `from_arrays` takes it.
    users, items : IdMap, optional
        Ids of rows and columns; without them the row and column numbers are the ids.
    item_info : dict of arrays, optional
        Facts about items by name, each of length n_items, such as "title".

    Attributes
    ----------
    indptr, indices, data, timestamps, shape, users, items, item_info
        As above, with indptr in int64, indices in int32 and timestamps in int64 or float64. All arrays are read-only.
    intake : dict of int
        What was done to the entries on the way in: how many were "read", how many of them left out as "bad_lines" or
        "missing" where such a policy was chosen, and how many "duplicates" were merged into others. Empty for ratings
        made of compressed rows, a sparse matrix or other ratings.

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

    __slots__ = ()

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
    ) -> Self:
        """Ratings from columns: entry `n` says that user ``users[n]`` gave item ``items[n]`` the value ``values[n]``.

        Parameters
        ----------
        users, items : sequences or one-dimensional arrays of one length
            Ids: integers, text, or anything hashable but booleans; see `IdMap`.
        values : array, optional
            Finite numbers; booleans count as 1 and 0. None makes every value 1.
        timestamps : array, optional
            Times: integers, finite floats, or dates (datetime64; objects of datetime, pandas or Arrow), which become
            seconds since 1970 as float64. Those without a time zone are taken as UTC.
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
            For arrays of different lengths or wrong types, NaN, infinity, values too large for `dtype`, missing ids or
            times, and duplicates with ``duplicates="error"``, of which the message names one.

        Examples
        --------
        >>> r = Ratings.from_arrays([7, 7], ["x", "x"], [2.0, 3.0], timestamps=[20, 10], duplicates="last")
        >>> r.data, r.timestamps
        (array([2.], dtype=float32), array([20]))
        """
        return cls._of(intake.from_arrays(users, items, values, timestamps, duplicates, dtype))

    @classmethod
    def from_sparse(cls, matrix: Any, *, duplicates: str = "error", dtype: Any = None) -> Self:
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
        return cls._made(rows, shape, None, None)

    @classmethod
    def from_csv(
        cls,
        path: str | os.PathLike[str],
        *,
        user: int | str = 0,
        item: int | str = 1,
        value: int | str | None = 2,
        timestamp: int | str | None = None,
        separator: str = ",",
        header: bool | str = "auto",
        id_type: str = "auto",
        bad_lines: str = "error",
        duplicates: str = "error",
        dtype: Any = "float32",
    ) -> Self:
        """Ratings from a text file: one rating a line, in columns.

        Parameters
        ----------
        path : str or path
            A file in UTF-8. Fields may be quoted with ``"``; blank lines are skipped. What a pipe gives, such as
            /dev/stdin, is first copied into the folder for temporary files.
        user, item : int or str, default 0 and 1
            Columns of the ids: their number, counted from 0, or their name in the header.
        value, timestamp : int, str or None, default 2 and None
            Columns of the values and of the times. None: all values are 1; no times. Times are int64 if all of them
            are integers, else float64.
        separator : str, default ","
            The one character between fields.
        header : bool or "auto", default "auto"
            Whether the first line is a header. "auto": it is if a column is given by name, or if there is text where
            its value or its timestamp should be. A missing or infinite value or NaN makes it a bad line, not a header.
        id_type : {"auto", "int", "text"}, default "auto"
            What ids become. "auto", for users and items apart: int64 if each of them is a 64-bit integer in plain
            decimal digits (``42``, not ``042`` or ``42.0``), else text. "int" raises if one is not; "text" never looks.
        bad_lines : {"error", "skip"}, default "error"
            What to do with a line with a wrong number of columns, a number that is none, not finite or too large for
            `dtype`, or an empty id. "error" names the first and counts them; "skip" leaves them out, and
            `Ratings.intake` says how many.
        duplicates, dtype
            As in `from_arrays`.

        Raises
        ------
        RatingsFileError
            For a bad line, and always for a quote that does not end, bytes that are not UTF-8, a column that is not
            there, a file without ratings. The message gives file and line, and the column, counted from 0.
        OSError
            If the file cannot be opened.
        TypeError, ValueError
            For the other arguments, and as `from_arrays` for duplicates.

        Examples
        --------
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "ratings.csv")
        >>> _ = path.write_text("userId,movieId,rating\\n1,31,2.5\\n1,1029,3.0\\n2,31,4.0\\n")
        >>> Ratings.from_csv(path, user="userId", item="movieId", value="rating").items.ids
        array([  31, 1029])
        """
        kind = intake.check_options(duplicates, dtype)
        return cls._of(
            intake.from_columns(
                text.read(path, user, item, value, timestamp, separator, header, id_type, bad_lines, kind),
                duplicates,
                dtype,
                owned=True,
            )
        )
