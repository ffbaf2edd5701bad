"""IdMap: the ids that people use for users and items, and the numbers 0, 1, ... that arrays use."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from itertools import pairwise, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf._errors import UnknownIdError
from fastmf.data.factorise import (
    CHUNK,
    INT64,
    as_id_array,
    compact,
    each,
    factorise,
    first_seen,
    is_plain_integer,
    number_table,
    without_booleans,
)


class IdMap:
    """The ids of users or items in the order of their numbers: id number `n` is `ids[n]`.

    Parameters
    ----------
    ids : sequence or one-dimensional array
        Unique ids. Integers are kept as an int64 array, text as a NumPy `U` array, and anything else that is hashable
        (tuples, UUIDs, bytes, floats; also integers beyond 64 bits and text of more than 128 characters) as objects.

    Raises
    ------
    ValueError
        If an id is repeated or is missing (None, NaN, NaT), or `ids` is not one-dimensional.
    TypeError
        If an id is not hashable, or is True or False.

    Notes
    -----
    Two ids are the same when Python says so: 1 and 1.0 are one id, 1 and "1" are two. True would be the id 1 and a mask
    pass for ids, so booleans are refused, here and in every question to the map. The map never changes, and its
    array is read-only.

    Examples
    --------
    >>> from fastmf.data import IdMap
    >>> m = IdMap(["ann", "bob", "zoe"])
    >>> m.numbers(["zoe", "ann"])
    array([2, 0])
    >>> m.take([1, -1])
    masked_array(data=['bob', --],
                 mask=[False,  True],
           fill_value='',
                dtype='<U3')
    """

    __slots__ = ("_dictionary", "_order", "_table", "ids")

    ids: NDArray[Any]

    def __init__(self, ids: Any) -> None:
        given = as_id_array("ids", ids)
        kept, numbers = (given.copy(), given) if given.dtype.kind == "i" else first_seen("ids", given)
        first = np.unique(numbers, return_index=True)[1]
        if len(first) < len(given):
            repeated = np.ones(len(given), bool)
            repeated[first] = False
            at = int(np.argmax(repeated))
            raise ValueError(f"ids must be unique, got {given[at : at + 1].tolist()[0]!r} again at position {at}")
        self._keep(kept)

    def _keep(self, ids: NDArray[Any]) -> IdMap:
        ids.flags.writeable = False
        self.ids = ids
        self._dictionary: dict[Hashable, int] | None = None
        self._table: tuple[int, NDArray[np.int32]] | None = None
        self._order: NDArray[np.int64] | None = None
        return self

    @classmethod
    def from_values(cls, values: Any) -> tuple[IdMap, NDArray[np.int64]]:
        """Find the distinct ids among `values`, and the number of each value.

        Parameters
        ----------
        values : sequence or one-dimensional array
            Ids with repetitions, of the kinds the constructor takes.

        Returns
        -------
        map : IdMap
            Integers and text in ascending order, other ids in the order in which they appear first.
        numbers : int64 array of the length of `values`
            ``map.ids[numbers]`` equals `values`.

        Examples
        --------
        >>> m, numbers = IdMap.from_values([30, 10, 30])
        >>> m.ids, numbers
        (array([10, 30]), array([1, 0, 1]))
        """
        ids, numbers = factorise("values", values)
        return restored(ids), numbers.astype(np.int64)

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, id: Hashable) -> bool:
        return bool(self._find(_one(id))[0] >= 0)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.ids.tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IdMap):
            return NotImplemented
        if self.ids.dtype.kind == other.ids.dtype.kind == "i":
            return np.array_equal(self.ids, other.ids)
        return bool(self.ids.tolist() == other.ids.tolist())

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return restored, (self.ids,)

    def __repr__(self) -> str:
        ends = self.ids[[0, -1] if len(self) > 1 else slice(None)].tolist()
        return f"IdMap({len(self)} ids{': ' if ends else ''}{' ... '.join(map(repr, ends))})"

    def numbers(self, ids: Any, unknown: str = "error") -> NDArray[np.int64]:
        """Numbers of `ids`.

        Parameters
        ----------
        ids : sequence or one-dimensional array
            Ids, repeated or not.
        unknown : {"error", "skip"}, default "error"
            What an id that is not in the map does: raise, or give the number -1.

        Returns
        -------
        int64 array of the length of `ids`

        Raises
        ------
        UnknownIdError
            For an unknown id with ``unknown="error"``; the message names the first and says how many there are.
        """
        _checks.choice("unknown", unknown, ("error", "skip"))
        array = as_id_array("ids", ids)
        numbers = self._find(array)
        if unknown == "error" and len(numbers) and numbers.min() < 0:
            unknown_at = np.flatnonzero(numbers < 0)
            first = array[unknown_at[:1]].tolist()[0]
            raise UnknownIdError(f"ids must be known: {first!r} is not ({len(unknown_at)} of {len(array)} are unknown)")
        return numbers

    def number(self, id: Hashable) -> int:
        """The number of one id; UnknownIdError if it is not in the map.

        Examples
        --------
        >>> IdMap([("a", 1), ("b", 2)]).number(("b", 2))
        1
        """
        found = int(self._find(_one(id))[0])
        if found < 0:
            raise UnknownIdError(f"id must be known, got {id!r}, which is not among these {len(self)}")
        return found

    def take(self, numbers: Any) -> NDArray[Any]:
        """Ids of `numbers`, an integer array of any shape, in which -1 stands for no id.

        Returns
        -------
        array of ids of the shape of `numbers`
            A `numpy.ma.MaskedArray`, masked where a number is -1, if there is any; a plain array otherwise.

        Raises
        ------
        IndexError
            If a number is below -1 or not below ``len(self)``.
        """
        array = np.asarray(numbers)
        if array.size == 0:
            return np.empty(array.shape, self.ids.dtype)
        if array.dtype.kind not in "iu":
            raise TypeError(f"numbers must be integers, got {_checks.shown(array)}")
        if array.min() < -1 or array.max() >= len(self):
            worst = array.min() if array.min() < -1 else array.max()
            raise IndexError(f"numbers must be in [-1, {len(self)}), got {worst}")
        absent = array == -1
        if not absent.any():
            chosen: NDArray[Any] = self.ids[array]
            return chosen
        filler: Any = {"i": INT64.min, "U": ""}.get(self.ids.dtype.kind)
        data = np.full(array.shape, filler, self.ids.dtype)
        data[~absent] = self.ids[array[~absent]]
        masked: NDArray[Any] = np.ma.array(data, mask=absent, fill_value=filler)
        return masked

    def parse(self, text: str) -> Any:
        """The id that a user writes as `text`: an integer if the ids are integers and `text` is one, else `text`.

        Examples
        --------
        >>> IdMap([7, 42]).parse("42"), IdMap(["7", "42"]).parse("42")
        (42, '42')
        """
        return int(text) if self.ids.dtype.kind == "i" and is_plain_integer(text) else text

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Plain arrays that hold the map, for a file without pickle.

        Returns
        -------
        dict
            ``{"ids": int64}`` for integers; ``{"utf8": uint8, "offsets": int64}`` for text, id `n` being the UTF-8
            bytes from ``offsets[n]`` to ``offsets[n + 1]``.

        Raises
        ------
        TypeError
            If the ids are neither 64-bit integers nor text.
        """
        if self.ids.dtype.kind == "i":
            return {"ids": self.ids}
        listed = self.ids.tolist()
        for id in listed:
            if not isinstance(id, str):
                raise TypeError(f"only integer and text ids can be written to a file, got {_checks.shown(id)}")
        encoded = [id.encode("utf-8", "surrogatepass") for id in listed]
        offsets = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(piece) for piece in encoded], out=offsets[1:])
        return {"utf8": np.frombuffer(b"".join(encoded), np.uint8), "offsets": offsets}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> IdMap:
        """The map whose `to_arrays` gave `arrays`; ValueError if they cannot be such.

        Examples
        --------
        >>> m = IdMap(["été", "hiver"])
        >>> IdMap.from_arrays(m.to_arrays()) == m
        True
        """
        if set(arrays) == {"ids"} and arrays["ids"].dtype.kind == "i":
            return cls(arrays["ids"])
        if set(arrays) != {"utf8", "offsets"}:
            raise ValueError(f"arrays must be 'ids' of integers, or 'utf8' and 'offsets', got {sorted(arrays)}")
        offsets = _checks.positions("offsets", arrays["offsets"], len(arrays["utf8"]) + 1, "bytes")
        if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(arrays["utf8"]) or np.any(np.diff(offsets) < 0):
            raise ValueError("offsets must rise from 0 to the number of bytes")
        text = np.asarray(arrays["utf8"], np.uint8).tobytes()
        bounds = offsets.tolist()
        return cls([text[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(bounds)])

    def _find(self, array: NDArray[Any]) -> NDArray[np.int64]:
        """Numbers of ids as `as_id_array` gives them, -1 for an unknown one."""
        if self.ids.dtype.kind == "i" and array.dtype.kind == "i":
            return self._find_integers(array)
        if self._dictionary is None:
            self._dictionary = dict(zip(self.ids.tolist(), range(len(self)), strict=True))
        get = self._dictionary.get
        return each("ids", array, np.int64, lambda ids: map(get, ids, repeat(-1)))

    def _find_integers(self, array: NDArray[np.int64]) -> NDArray[np.int64]:
        if len(self) == 0:
            return np.full(len(array), -1, np.int64)
        low, high = int(self.ids.min()), int(self.ids.max())
        if high - low < 4 * len(self) + CHUNK:  # dense enough for a table of every integer in the range
            if self._table is None:
                self._table = low, number_table(self.ids, low, high)
            table = self._table[1]
            found = np.full(len(array), -1, np.int64)
            within = (array >= low) & (array <= high)
            found[within] = table[array[within] - low]
            return found
        if self._order is None:
            self._order = np.argsort(self.ids, kind="stable")
        at = np.searchsorted(self.ids, array, sorter=self._order)
        number = self._order[np.minimum(at, len(self) - 1)]
        return np.where(self.ids[number] == array, number, -1)


def restored(ids: NDArray[Any]) -> IdMap:
    """A map over an array of ids already known to be good."""
    return IdMap.__new__(IdMap)._keep(ids)


def _one(id: Hashable) -> NDArray[Any]:
    without_booleans("id", [id])
    return compact([id])
