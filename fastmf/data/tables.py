"""Ratings from tables: data frames, Parquet files and databases."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Self

from fastmf import _checks
from fastmf.data import frames, intake, parquet, query
from fastmf.data.ids import IdMap
from fastmf.data.transforms import Transformable


class FromTables(Transformable):
    """Adds to a matrix the ways to make one of a table; `Ratings` is the class to use."""

    __slots__ = ()

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        user: int | str,
        item: int | str,
        value: int | str | None = None,
        timestamp: int | str | None = None,
        missing: str = "error",
        duplicates: str = "error",
        dtype: Any = "float32",
    ) -> Self:
        """Ratings from a data frame: one rating a row. Needs the extra ``frames``.

        Parameters
        ----------
        frame : data frame
            Of pandas, Polars (also lazy), PyArrow or another library that narwhals knows, or anything with the Arrow
            stream interface, such as a relation of DuckDB, which is read in batches.
        user, item : str or int
            Columns of the ids, by name or by number from 0: integers, text, categories of these, or objects such as
            UUIDs, all of one type. Numbers with a fraction, dates and booleans are refused; floating-point numbers
            without a fraction become integers, as pandas makes them of integers with a gap; from 2^53 on, where they
            may stand for several integers, they are refused.
        value, timestamp : str, int or None, default None
            Columns of the values and of the times. None: all values are 1; no times. Dates, of the library's own types
            or as Python's objects, become seconds since 1970 as float64, to a microsecond; those without a time zone
            are taken as UTC.
        missing : {"error", "drop"}, default "error"
            What to do with rows that lack an id, a value or a time, or have NaN there. "error" says how many in which
            column; "drop" leaves them out, and `Ratings.intake` says how many.
        duplicates, dtype
            As in `Ratings.from_arrays`.

        Returns
        -------
        Ratings
            Users and items in ascending order of their ids if these are integers or text, else as they first appear.

        Raises
        ------
        ImportError
            If narwhals, or for an Arrow stream PyArrow, is not installed.
        TypeError, ValueError
            For what is no frame, columns that are not there or hold something else, ids of several types, and as
            `Ratings.from_arrays` for the rest.

        Examples
        --------
        >>> import pandas
        >>> from fastmf.data import Ratings
        >>> frame = pandas.DataFrame({"who": ["ann", "ann", "bob"], "film": [10, 30, 30], "stars": [4.0, 5.0, None]})
        >>> r = Ratings.from_frame(frame, user="who", item="film", value="stars", missing="drop")
        >>> r, r.intake
        (Ratings(1 users x 2 items, 2 entries, float32), {'read': 3, 'missing': 1, 'duplicates': 0})
        """
        kind = intake.check_options(duplicates, dtype)
        return cls._of(
            intake.from_columns(
                frames.read(frame, user, item, value, timestamp, missing, kind), duplicates, kind, owned=True
            )
        )

    @classmethod
    def from_parquet(
        cls,
        path: str | os.PathLike[str],
        *,
        user: int | str,
        item: int | str,
        value: int | str | None = None,
        timestamp: int | str | None = None,
        missing: str = "error",
        duplicates: str = "error",
        dtype: Any = "float32",
    ) -> Self:
        """Ratings from a Parquet file, or from all ``*.parquet`` files below a folder. Needs the extra ``parquet``.

        Only the columns asked for are read, a batch of rows at a time: the memory needed at most is less than three
        times that of the result.

        Parameters
        ----------
        path : str or path
            The file or folder; files of a folder are read in the order of their names.
        user, item, value, timestamp, missing, duplicates, dtype
            As in `Ratings.from_frame`.

        Raises
        ------
        RatingsFileError
            For a file that is not Parquet or lacks a column, and for missing values; the message names the file.
        ImportError
            If PyArrow or narwhals is not installed.
        OSError, TypeError, ValueError
            If the file cannot be opened, and as `Ratings.from_frame`.

        Examples
        --------
        >>> import pathlib, tempfile, pandas
        >>> from fastmf.data import Ratings
        >>> path = pathlib.Path(tempfile.mkdtemp(), "plays.parquet")
        >>> pandas.DataFrame({"user": [1, 1, 2], "song": ["a", "b", "a"]}).to_parquet(path)
        >>> Ratings.from_parquet(path, user="user", item="song")
        Ratings(2 users x 2 items, 3 entries, float32)
        """
        kind = intake.check_options(duplicates, dtype)
        return cls._of(
            intake.from_columns(
                parquet.read(path, user, item, value, timestamp, missing, kind), duplicates, kind, owned=True
            )
        )

    @classmethod
    def from_query(
        cls,
        connection: Any,
        sql: str,
        *,
        user: int | str,
        item: int | str,
        value: int | str | None = None,
        timestamp: int | str | None = None,
        parameters: Any = None,
        missing: str = "error",
        duplicates: str = "error",
        dtype: Any = "float32",
    ) -> Self:
        """Ratings from the rows that a database gives for a query, fetched in pieces.

        Parameters
        ----------
        connection : DB-API 2.0 connection or cursor
            Such as one of sqlite3. Where the driver gives Arrow batches (DuckDB, ADBC) and PyArrow and narwhals are
            installed, the rows come that way. The connection stays open.
        sql : str
            A query that gives one rating a row.
        user, item, value, timestamp
            Columns of its result, as in `Ratings.from_frame`.
        parameters : sequence or mapping, optional
            What the driver puts into the query's placeholders.
        missing, duplicates, dtype
            As in `Ratings.from_frame`.

        Raises
        ------
        TypeError, ValueError
            As `Ratings.from_frame`; what the driver raises is passed on.

        Examples
        --------
        >>> import sqlite3
        >>> from fastmf.data import Ratings
        >>> connection = sqlite3.connect(":memory:")
        >>> _ = connection.execute("create table plays (who text, song integer, times integer)")
        >>> _ = connection.execute("insert into plays values ('ann', 7, 3), ('bob', 7, 1), ('bob', 8, 2)")
        >>> sql = "select who, song, times from plays where times >= ?"
        >>> Ratings.from_query(connection, sql, user="who", item="song", value="times", parameters=(2,))
        Ratings(2 users x 2 items, 2 entries, float32)
        """
        kind = intake.check_options(duplicates, dtype)
        return cls._of(
            intake.from_columns(
                query.read(connection, sql, parameters, user, item, value, timestamp, missing, kind),
                duplicates,
                kind,
                owned=True,
            )
        )

    def with_item_info(self, info: Any, item: int | str | None = None) -> Self:
        """The same ratings with other facts about their items, in `Ratings.item_info`.

        Parameters
        ----------
        info : dict of arrays, or data frame
            Arrays of length n_items in the order of the items; or a frame, as `Ratings.from_frame` takes it, with a
            row for each item and perhaps for more, in any order. Text that is missing becomes "".
        item : str or int, optional
            The column of the frame that holds the ids of the items.

        Examples
        --------
        >>> import pandas
        >>> from fastmf.data import Ratings
        >>> r = Ratings.from_arrays([1, 1, 2], [10, 30, 30])
        >>> films = pandas.DataFrame({"film": [30, 20, 10], "title": ["Heat", "Sabrina", "GoldenEye"]})
        >>> r.with_item_info(films, item="film").item_info["title"]
        array(['GoldenEye', 'Heat'], dtype='<U9')
        """
        if isinstance(info, Mapping):
            if item is not None:
                raise ValueError("item must be None where info is a dict, whose arrays are in the order of the items")
            columns = {name: _checks.vector(f"info[{name!r}]", info[name], self.n_items).copy() for name in info}
        else:
            if item is None:
                raise ValueError("item must name the column of info that holds the ids of the items")
            columns = frames.facts(info, item, IdMap(range(self.n_items)) if self.items is None else self.items)
        return self._made(self._rows(), self.shape, self.users, self.items, columns, self.intake)
