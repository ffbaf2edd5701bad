"""New ratings of old ones: fewer entries, or other values. Nothing is ever changed in place."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data import csr, filters
from fastmf.data.csr import Csr
from fastmf.data.ids import IdMap
from fastmf.data.matrix import Matrix


class Transformable(Matrix):
    """Adds filters and weights to a matrix; `Ratings` is the class to use."""

    __slots__ = ()

    def filter_counts(self, min_user: int = 1, min_item: int = 1) -> Self:
        """Only users and items with enough entries, counted among those that stay: a k-core.

        Leaving out an item may leave a user with too few entries, and so on: it is repeated until all have enough.

        Parameters
        ----------
        min_user, min_item : int, default 1
            Fewest entries of each user and of each item, at least 0.

        Returns
        -------
        Ratings
            Without the users and items that have too few; the others keep their ids, order and facts, and get new row
            and column numbers. Where rows or columns had no ids, their numbers become their ids.

        Examples
        --------
        >>> from fastmf.data import Ratings
        >>> r = Ratings.from_arrays([1, 1, 2, 2, 3, 3], [7, 8, 7, 8, 8, 9])
        >>> r.filter_counts(min_user=2, min_item=2).users.ids
        array([1, 2])
        """
        min_user = _checks.integer("min_user", min_user, 0)
        min_item = _checks.integer("min_item", min_item, 0)
        users, items = filters.core(self._rows(), self.n_items, min_user, min_item)
        positions = np.flatnonzero(users[self.row_numbers()] & items[self.indices])
        part = csr.taken(self._rows(), positions, np.searchsorted(positions, self.indptr))
        number = np.cumsum(items, dtype=np.int32) - np.int32(1)
        indptr = csr.starts(np.diff(part.indptr)[users])
        rows = Csr(indptr, number[part.indices], part.data, part.timestamps)
        return self._made(
            rows,
            (int(users.sum()), int(items.sum())),
            _kept(self.users, users),
            _kept(self.items, items),
            {name: column[items] for name, column in self.item_info.items()},
        )

    def threshold(self, at_least: float) -> Self:
        """Implicit feedback of ratings: entries of at least so much, all with the value 1.

        Parameters
        ----------
        at_least : float
            The least value to keep, such as 4 of 5 stars.

        Returns
        -------
        Ratings
            Of the same shape and ids: users and items may be left without entries; `filter_counts` drops them.

        Examples
        --------
        >>> from fastmf.data import Ratings
        >>> r = Ratings.from_arrays([1, 1, 2], [7, 8, 8], [4.0, 2.0, 5.0]).threshold(at_least=4)
        >>> r.shape, r.data
        ((2, 2), array([1., 1.], dtype=float32))
        """
        at_least = _checks.real("at_least", at_least)
        kept = self.select(self.data >= at_least)
        return kept._weighted(np.ones(kept.nnz))

    def time_decay(self, half_life: float, now: float | None = None) -> Self:
        """Values that lose half of their weight in each half-life: value * 2^(-(now - time) / half_life).

        Parameters
        ----------
        half_life : float
            In the unit of the timestamps, mostly seconds: 30 days are ``30 * 86400``. Above 0.
        now : float, optional
            The time at which an entry has its full weight, not before the last of them, which is the default.

        Returns
        -------
        Ratings
            Of the same shape, ids and times; no entry is dropped.

        Examples
        --------
        >>> from fastmf.data import Ratings
        >>> Ratings.from_arrays([1, 1], [7, 8], [4.0, 4.0], timestamps=[100, 110]).time_decay(half_life=10).data
        array([2., 4.], dtype=float32)
        """
        half_life = _checks.real("half_life", half_life, above=0)
        if self.timestamps is None:
            raise ValueError("time_decay needs the time of each entry; these ratings were made without timestamps")
        last = self.timestamps.max().item() if self.nnz else 0.0
        now = last if now is None else _checks.real("now", now, last)
        return self._weighted(self.data * np.exp2((self.timestamps - now) / half_life))

    def bm25(self, k1: float = 1.2, b: float = 0.75) -> Self:
        """Okapi BM25 weights, which make less of popular items, large counts and active users.

        An entry r of user u and item i becomes idf_i r (k1 + 1) / (r + k1 (1 - b + b L_u / mean L)), where L_u is the
        sum of the user's values, idf_i = log(1 + (N - n_i + 0.5) / (n_i + 0.5)), n_i the number of users of the item
        and N that of users with entries.

        Parameters
        ----------
        k1 : float, default 1.2
            How slowly the weight grows with the value, at least 0; 0 makes it the same for all values.
        b : float, default 0.75
            How much less the entries of active users weigh, from 0 to 1.

        Returns
        -------
        Ratings
            Of the same shape, ids and times; no entry is dropped. Values must be at least 0.

        References
        ----------
        S. Robertson and H. Zaragoza (2009), "The probabilistic relevance framework: BM25 and beyond".

        Examples
        --------
        >>> from fastmf.data import Ratings
        >>> Ratings.from_arrays([1, 1, 2], [7, 8, 8], [3.0, 1.0, 1.0]).bm25(b=0).data.round(3)
        array([1.089, 0.182, 0.182], dtype=float32)
        """
        k1, b = _checks.real("k1", k1, 0), _checks.real("b", b, 0, 1)
        filters.not_negative(self.data, "bm25")
        return self._weighted(filters.bm25(self._rows(), self.n_items, k1, b))

    def tfidf(self) -> Self:
        """Values times the rarity of their items: r (1 + log((1 + N) / (1 + n_i))).

        n_i is the number of users of item i, and N that of users with entries.

        Returns
        -------
        Ratings
            Of the same shape, ids and times; no entry is dropped.

        Examples
        --------
        >>> from fastmf.data import Ratings
        >>> Ratings.from_arrays([1, 1, 2], [7, 8, 8], [3.0, 1.0, 1.0]).tfidf().data.round(3)
        array([4.216, 1.   , 1.   ], dtype=float32)
        """
        return self._weighted(filters.tfidf(self._rows(), self.n_items))

    def log(self, epsilon: float = 1.0) -> Self:
        """Logarithms of counts: log(1 + r / epsilon), as in Hu, Koren & Volinsky (2008), section 6.

        Parameters
        ----------
        epsilon : float, default 1.0
            The value from which on counts are dampened, above 0.

        Returns
        -------
        Ratings
            Of the same shape, ids and times; no entry is dropped. Values must be at least 0.

        Examples
        --------
        >>> from fastmf.data import Ratings
        >>> Ratings.from_arrays([1, 1], [7, 8], [0.0, 9.0]).log().data.round(3)
        array([0.   , 2.303], dtype=float32)
        """
        epsilon = _checks.real("epsilon", epsilon, above=0)
        filters.not_negative(self.data, "log")
        return self._weighted(np.log1p(self.data / np.float64(epsilon)))

    def power(self, exponent: float) -> Self:
        """Values to a power; one between 0 and 1 dampens large counts.

        Parameters
        ----------
        exponent : float
            Above 0.

        Returns
        -------
        Ratings
            Of the same shape, ids and times; no entry is dropped. Values must be at least 0.

        Examples
        --------
        >>> from fastmf.data import Ratings
        >>> Ratings.from_arrays([1, 1], [7, 8], [4.0, 9.0]).power(0.5).data
        array([2., 3.], dtype=float32)
        """
        exponent = _checks.real("exponent", exponent, above=0)
        filters.not_negative(self.data, "power")
        with np.errstate(over="ignore"):
            return self._weighted(self.data.astype(np.float64) ** exponent)

    def _weighted(self, values: NDArray[Any]) -> Self:
        """The same entries with other values, in the type of those they have."""
        data = _checks.in_range_of(self.data.dtype, "the new values", values)
        if not np.isfinite(data).all():
            raise ValueError(f"the new values must fit {data.dtype}, and some are not finite")
        return self._made(self._rows()._replace(data=data), self.shape, self.users, self.items, self.item_info)


def _kept(ids: IdMap | None, mask: NDArray[np.bool_]) -> IdMap:
    return IdMap(np.flatnonzero(mask) if ids is None else ids.ids[mask])
