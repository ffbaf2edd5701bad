"""Recommendations for all users of a fitted model, a batch at a time: one after another, or into a file."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.models import _export
from fastmf.models._export import Block
from fastmf.models._filters import Filters
from fastmf.models._names import named
from fastmf.models._recommend import Recommends

BATCH_SIZE = 16384


class RecommendsAll(Recommends):
    """The part of a model that recommends to everybody."""

    def recommend_all(
        self,
        k: int = 10,
        *,
        batch_size: int = BATCH_SIZE,
        exclude_seen: Any = True,
        exclude: Any = None,
        candidates: Any = None,
        num_threads: int | None = None,
    ) -> Iterator[Block]:
        """`recommend` for all users, a batch at a time, so that memory holds the lists of one batch.

        Parameters
        ----------
        k : int, default 10
            Length of each list.
        batch_size : int, default 16384
            Users at once. The lists do not depend on it.
        exclude_seen, exclude, candidates
            As in `recommend`; items by user have a row for every user of the model.
        num_threads : int, optional
            Threads; by default the model's own `num_threads`.

        Returns
        -------
        iterator of (users, items, scores)
            Ids (or numbers) of the users of a batch, in the order of the rows of `user_factors`, and what `recommend`
            gives for them. All batches are those of the model as it is now, whatever is done to it meanwhile.

        Examples
        --------
        >>> import fastmf
        >>> model = fastmf.MostPopular().fit(fastmf.movielens())
        >>> [items.shape for users, items, scores in model.recommend_all(k=5, batch_size=500)]
        [(500, 5), (171, 5)]
        """
        k, batch_size = _checks.integer("k", k, 1), _checks.integer("batch_size", batch_size, 1)
        threads = self._threads(num_threads)
        model = self._still()
        filters = Filters.of(model._fitted, None, exclude_seen, exclude, candidates)
        n = len(model.user_factors)
        return (
            model._batch(start, min(n, start + batch_size), k, filters, threads) for start in range(0, n, batch_size)
        )

    def write_recommendations(
        self,
        path: str | Path,
        k: int = 10,
        *,
        format: str | None = None,
        batch_size: int = BATCH_SIZE,
        exclude_seen: Any = True,
        exclude: Any = None,
        candidates: Any = None,
        num_threads: int | None = None,
    ) -> int:
        """Write the lists of all users to a file, whole or not at all.

        The file has a line for each item of each list, and the columns user, item, rank (from 1) and score. A list
        with fewer than `k` items has fewer lines.

        Parameters
        ----------
        path : str or Path
            The file; one that was there before is replaced when the new one is whole.
        format : {"csv", "parquet"}, optional
            By default as the name of the file ends: .csv or .parquet, which needs pyarrow (extra `parquet`). CSV is
            UTF-8 with a header, text in quotes where it needs them, and scores with as many digits as tell them apart.
        k, batch_size, exclude_seen, exclude, candidates, num_threads
            As in `recommend_all`.

        Returns
        -------
        int
            The number of lines, without the header.

        Raises
        ------
        TypeError
            Ids that a file cannot hold: it holds integers or text.
        ImportError
            Parquet without pyarrow.
        OSError
            The file cannot be written; a file that was there before stays as it was.

        Examples
        --------
        >>> import pathlib, tempfile, fastmf
        >>> model = fastmf.MostPopular().fit(fastmf.Ratings.from_arrays(["ann", "bob", "bob"], [7, 7, 9]))
        >>> path = pathlib.Path(tempfile.mkdtemp(), "lists.csv")
        >>> model.write_recommendations(path, k=2)
        1
        >>> print(path.read_text().strip())
        user,item,rank,score
        ann,9,1,1
        """
        target = _checks.path("path", path)
        form = _export.format_of(target, format)
        model = self._still()
        _export.check_ids("users", model.user_ids)
        _export.check_ids("items", model.item_ids)
        blocks = model.recommend_all(
            k,
            batch_size=batch_size,
            exclude_seen=exclude_seen,
            exclude=exclude,
            candidates=candidates,
            num_threads=num_threads,
        )
        nobody = model._batch(0, 0, k, Filters(), 1)
        return _export.write(target, form, chain([nobody], blocks))

    def _batch(self, start: int, stop: int, k: int, filters: Filters, threads: int) -> Block:
        """Users from `start` to `stop` with their lists; the filters are those of all users."""
        numbers = np.arange(start, stop)
        top, scores = self._top(numbers, k, **filters.part(start, stop)._asdict(), num_threads=threads)
        users: NDArray[Any] = numbers if self.user_ids is None else self.user_ids.ids[start:stop]
        return (users, *named(top, scores, self.item_ids, False))
