"""An index over arrays of factors: exact, or approximate with a measured recall, under the contract of `top_k`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastmf import _checks, _random, _threads
from fastmf._errors import UnknownIdError
from fastmf.data import IdMap
from fastmf.retrieval import ann, stored
from fastmf.retrieval.approximate import Approximate, share_found
from fastmf.retrieval.arguments import Lists, check_finite, lists_of, rows_of
from fastmf.retrieval.exact import top_k
from fastmf.retrieval.held import RECALL_AT, Held
from fastmf.retrieval.stored import Contents, scored_rows

SAMPLE = 1000  # queries that recall is measured on


class Index(Held):
    """The best items of queries, from arrays of factors: exact, or approximate with a measured recall.

    Parameters
    ----------
    items : array of shape (n_items, factors)
        One row an item. Finite. Copied; float32 stays float32, everything else becomes float64.
    item_bias : array of shape (n_items,), optional
        Added to the scores of an item. Only for ``metric="dot"``.
    ids : IdMap or sequence, optional
        Unique ids of the items, which `search` then takes and returns. By default their numbers.
    metric : {"dot", "cosine"}, default "dot"
        The score, as in `top_k`: ``item_bias[i] + queries[q] @ items[i]``, or that of both rows scaled to length 1.
    kind : {"exact", "hnsw", "ivf"}, default "exact"
        How to search. "exact" compares a query with all items, as `top_k`. The others are approximate and need faiss
        (extra `ann`): "hnsw" walks a graph of neighbours (Malkov & Yashunin 2020, IEEE TPAMI 42(4)), "ivf" looks
        through the clusters nearest to the query.
    m, ef_construction, ef_search : int, optional
        Of "hnsw": links of an item, twice as many on the lowest level of the graph (at least 2; default 16);
        candidates held while an item is linked (200), and during a search (128: raise it for recall).
    n_lists, n_probe : int, optional
        Of "ivf": clusters (at most n_items; about ``2 * sqrt(n_items)``), and how many of them a search looks through
        (32: raise it for recall).
    sample : array of shape (n, factors), optional
        Queries of the kind to come, such as user factors: recall is measured on up to 1,000 of them. By default on
        items.
    verbose : bool, default False
        Print the index, with its recall, when it is built.
    num_threads : int, optional
        To build, and to search unless `search` is given a number; by default as many as the process may use.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong kind, shape or range, holds NaN or infinity, or is a parameter of another kind.
    ImportError
        "hnsw" or "ivf" without faiss.

    Notes
    -----
    Approximate kinds look for candidates in float32. Scores of what they return are computed from the factors, in the
    dtype of `items`; they may differ in the last digits from those of "exact". A query whose list the filters leave
    short is searched for more and more, and in the end among all items: no list is short while items remain.

    "hnsw" built with several threads is another graph each time; with ``num_threads=1`` it is the same.

    Examples
    --------
    >>> from fastmf.retrieval import Index
    >>> index = Index([[3.0, 0.0], [0.0, 3.0], [2.0, 2.0]], ids=["a", "b", "c"])
    >>> index
    Index(3 items, 2 factors, dot, exact)
    >>> ids, scores = index.search([[1.0, 0.0], [0.5, 0.0]], k=2, exclude=["a"])
    >>> ids
    array([['c', 'b'],
           ['c', 'b']], dtype='<U1')
    >>> scores
    array([[2., 0.],
           [1., 0.]])
    """

    def __init__(
        self,
        items: ArrayLike,
        *,
        item_bias: ArrayLike | None = None,
        ids: Any = None,
        metric: str = "dot",
        kind: str = "exact",
        m: int | None = None,
        ef_construction: int | None = None,
        ef_search: int | None = None,
        n_lists: int | None = None,
        n_probe: int | None = None,
        sample: ArrayLike | None = None,
        verbose: bool = False,
        num_threads: int | None = None,
    ) -> None:
        given = {"m": m, "ef_construction": ef_construction, "ef_search": ef_search}
        given |= {"n_lists": n_lists, "n_probe": n_probe}
        Y, bias = _checked_items(items, item_bias)
        ids = ids if ids is None or isinstance(ids, IdMap) else IdMap(ids)
        if ids is not None and len(ids) != len(Y):
            raise ValueError(f"ids must have one id for each of the {len(Y)} items, got {len(ids)}")
        if _checks.choice("metric", metric, ("dot", "cosine")) == "cosine" and bias is not None:
            raise ValueError("item_bias must be None for the metric 'cosine', got an array")
        parameters = ann.parameters_of(_checks.choice("kind", kind, tuple(ann.PARAMETERS)), len(Y), given)
        _checks.flag("verbose", verbose)
        threads = _threads.effective(num_threads).count
        self._hold(Contents(Y, bias, ids, metric, None), num_threads)
        queries = Y if sample is None else self._queries("sample", sample)
        if kind != "exact":
            rows = scored_rows(Y, metric)
            found = ann.build(kind, rows, bias, parameters, threads)
            chosen = np.sort(_random.permutation(0, 0, len(queries))[:SAMPLE])
            queries = scored_rows(queries[chosen], metric)
            best = self._exact(queries, RECALL_AT, None, None, threads)[1]
            approximate = Approximate(kind, rows, bias, parameters, found, queries, best)
            self._hold(self._contents._replace(approximate=approximate), num_threads)
            _ = self.recall
        if verbose:
            print(self)

    def search(
        self,
        queries: ArrayLike,
        k: int = 10,
        *,
        seen: tuple[ArrayLike, ArrayLike] | None = None,
        exclude: ArrayLike | None = None,
        num_threads: int | None = None,
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        """The k items with the highest scores for each query; of an approximate kind, those it finds.

        Parameters
        ----------
        queries : array of shape (n, factors)
            One row a query. Finite. Converted to the dtype of `items`.
        k : int, default 10
            Items a query. It may exceed the number of items.
        seen : (indptr, indices), optional
            As in a CSR matrix with a row a query and a column an item: what the query must not get. Item numbers,
            strictly ascending in each row, also where the index has ids.
        exclude : array_like, optional
            Ids (or numbers) of items that no query may get.
        num_threads : int, optional
            By default the index's own.

        Returns
        -------
        ids : array of shape (n, k)
            Score descending, equal scores by ascending number; no item twice. Where fewer than k items remain, the row
            ends in -1 (numbers) or masked elements (ids).
        scores : array of shape (n, k), float32 or float64
            Their scores; minus infinity where there is no item.

        Raises
        ------
        UnknownIdError, IndexError
            An excluded id (or number) that the index does not have; a seen number out of range.
        TypeError, ValueError
            An argument is of the wrong kind, shape or order, or not finite; a score exceeds the range of the dtype.
        """
        Q, k = self._queries("queries", queries), _checks.integer("k", k, minimum=1)
        lists = lists_of("seen", seen, len(Q), len(self.items))
        rows_of("seen", lists, slice(0, len(Q)), len(self.items))
        excluded = None if exclude is None else self._numbers("exclude", exclude)
        found, scores = self._search(Q, k, lists, excluded, self._team(num_threads))
        return (found if self.ids is None else self.ids.take(found)), scores

    def _search(
        self, Q: NDArray[Any], k: int, seen: Lists | None, excluded: NDArray[np.int64] | None, threads: int
    ) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Numbers and scores for checked queries."""
        approximate = self._contents.approximate
        if approximate is None:
            return self._exact(Q, k, seen, excluded, threads)
        return approximate.search(scored_rows(Q, self.metric), k, seen, excluded, threads)

    def _exact(
        self, Q: NDArray[Any], k: int, seen: Lists | None, excluded: NDArray[np.int64] | None, threads: int
    ) -> tuple[NDArray[np.int32], NDArray[Any]]:
        filters: dict[str, Any] = {"seen": seen, "exclude": excluded, "num_threads": threads}
        return top_k(Q, self.items, k, item_bias=self.item_bias, metric=self.metric, order=self._order, **filters)

    def measure_recall(self, queries: ArrayLike, k: int = RECALL_AT) -> float:
        """Share of the k best items that `search` finds, on average over queries of one's own; nan without any.

        Parameters
        ----------
        queries : array of shape (n, factors)
            As in `search`.
        k : int, default 10
            Length of the lists.
        """
        Q, k = self._queries("queries", queries), _checks.integer("k", k, minimum=1)
        found, best = (search(Q, k, None, None, self._team(None))[1] for search in (self._search, self._exact))
        return share_found(found, best)

    # -- files ----------------------------------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write the index to a file of its own, whole or not at all; `Index.load` reads it.

        Parameters
        ----------
        path : str or Path
            The file; one that was there before is replaced.

        Raises
        ------
        TypeError
            Ids that a file cannot hold (ids must be integers or text).
        OSError
            The file cannot be written; a file that was there before stays as it was.
        """
        stored.write(path, self._contents)

    @classmethod
    def load(cls, path: str | Path, *, mmap: bool = False) -> Index:
        """Read an index that `save` wrote.

        Parameters
        ----------
        path : str or Path
            The file.
        mmap : bool, default False
            Map the arrays instead of reading them; faiss reads its own all the same.

        Raises
        ------
        ModelFileError
            The file is damaged, cut short, or holds no index.
        ImportError
            The index is "hnsw" or "ivf", and faiss is not installed.
        OSError
            The file is missing or cannot be read.
        """
        index = cls.__new__(cls)
        index._hold(stored.read(path, mmap=mmap), None)
        return index

    # -- arguments ------------------------------------------------------------------------------------------------

    def _queries(self, name: str, value: ArrayLike) -> NDArray[Any]:
        Q = _checks.matrix(name, value)
        if Q.shape[1] != self.items.shape[1]:
            raise ValueError(f"{name} must have as many columns as items, {self.items.shape[1]}, got {Q.shape[1]}")
        check_finite(name, Q)
        with np.errstate(over="ignore"):
            Q = Q.astype(self.items.dtype, copy=False)
        if not np.isfinite(Q).all():
            raise ValueError(f"{name} must fit {self.items.dtype}, the dtype of items, got larger numbers")
        return Q

    def _numbers(self, name: str, items: ArrayLike) -> NDArray[np.int64]:
        if self.ids is None:
            return _checks.positions(name, items, len(self.items), "items")
        try:
            return self.ids.numbers(items)
        except (TypeError, ValueError, UnknownIdError) as error:
            raise type(error)(f"{name}: {error}") from None


def _checked_items(items: ArrayLike, item_bias: ArrayLike | None) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Copies in one dtype, finite."""
    Y = _checks.matrix("items", items)
    if len(Y) > np.iinfo(np.int32).max:
        raise ValueError(f"items must have fewer than 2**31 rows, got {len(Y)}")
    check_finite("items", Y)
    if item_bias is None:
        return Y.copy(), None
    bias = _checks.finite_vector("item_bias", item_bias, len(Y))
    return Y.copy(), _checks.in_range_of(Y.dtype, "item_bias", bias).copy()
