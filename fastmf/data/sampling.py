"""Distinct items for every user, drawn in proportion to popularity: one item after another, without replacement.

Two ways draw from that same law. Few items: draw with replacement and keep the first distinct ones. Many items: give
every item an exponential waiting time at the rate of its weight and keep those that come first (Efraimidis & Spirakis
2006, "Weighted random sampling with a reservoir").
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastmf import _random
from fastmf.data import csr

DRAWS = 1 << 21  # made at a time, which bounds the memory
FEW = 0.25  # draws, as a share of the items, up to which drawing with replacement is quicker


def distinct_items(
    counts: NDArray[np.int64], weights: NDArray[np.float64], seed: int, stream: int
) -> NDArray[np.int32]:
    """Item numbers of user 0, of user 1, ...: ``counts[u]`` distinct ones for user `u`, in ascending order.

    The draws of a user depend on the seed, the stream and the user's number alone. `weights` are positive, no count
    is more than there are items, and there are fewer than 2^31 items.
    """
    indptr = csr.starts(counts)
    items = np.empty(indptr[-1], np.int32)
    shares = weights / weights.sum()
    draws = _draws_needed(counts, shares)
    few = draws <= FEW * len(weights)
    for users in _batches(np.flatnonzero(~few), np.full(np.count_nonzero(~few), len(weights))):
        items[_places(indptr, users)] = _race(users, counts[users], shares, seed, stream)
    ends = np.cumsum(shares)
    left, needed = np.flatnonzero(few & (counts > 0)), draws[few & (counts > 0)]
    while len(left):
        short = np.zeros(len(left), bool)
        at = 0
        for users in _batches(left, needed):
            part = slice(at, at + len(users))
            at += len(users)
            done, found = _first_distinct(users, counts[users], needed[part], ends, seed, stream)
            items[_places(indptr, users[done])] = found
            short[part] = ~done
        left, needed = left[short], 2 * needed[short]
    return items


def _draws_needed(counts: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """About how many draws with replacement give so many distinct items, with some to spare."""
    most = 4.0 * len(shares)
    draws = np.geomspace(1.0, most, 64)
    with np.errstate(divide="ignore"):
        misses = np.log1p(-np.minimum(shares, 1.0))
    distinct = np.array([-np.expm1(n * misses).sum() for n in draws])
    needed = np.interp(counts, distinct, draws, right=most)
    spared: NDArray[np.float64] = np.ceil(needed + 3 * np.sqrt(needed))
    return spared.astype(np.int64)


def _batches(users: NDArray[np.int64], draws: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Users in pieces of about DRAWS draws."""
    if len(users) == 0:
        return []
    piece = np.cumsum(draws) // DRAWS
    return np.split(users, np.flatnonzero(np.diff(piece)) + 1)


def _places(indptr: NDArray[np.int64], users: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of all entries of some users."""
    sizes = indptr[users + 1] - indptr[users]
    local = csr.starts(sizes)
    places: NDArray[np.int64] = np.arange(local[-1]) + np.repeat(indptr[users] - local[:-1], sizes)
    return places


def _race(
    users: NDArray[np.int64], counts: NDArray[np.int64], shares: NDArray[np.float64], seed: int, stream: int
) -> NDArray[np.int64]:
    """The items of some users, by waiting times of all items."""
    numbers = np.arange(len(shares), dtype=np.uint64)
    counters = (users.astype(np.uint64)[:, None] << np.uint64(32)) + numbers
    draws = _random.uniform_at(seed, stream, counters.ravel()).reshape(counters.shape)
    waits = -np.log1p(-draws) / shares
    last = np.sort(waits, axis=1)[np.arange(len(users)), counts - 1]
    chosen = waits <= last[:, None]
    for tied in np.flatnonzero(chosen.sum(axis=1) != counts):
        chosen[tied] = False
        chosen[tied, np.argsort(waits[tied], kind="stable")[: counts[tied]]] = True
    return np.nonzero(chosen)[1]


def _first_distinct(
    users: NDArray[np.int64],
    counts: NDArray[np.int64],
    draws: NDArray[np.int64],
    ends: NDArray[np.float64],
    seed: int,
    stream: int,
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Which users have enough distinct items among their draws, and the items of those users.

    Everything about a draw is packed in one integer, so that plain sorting groups equal items of a user, puts the
    distinct ones back in the order in which they were drawn, and at last puts them in ascending order.
    """
    item_bits, draw_bits = len(ends).bit_length(), int(draws.max()).bit_length()
    user = np.repeat(np.arange(len(users)), draws)
    draw = np.arange(len(user)) - np.repeat(np.cumsum(draws) - draws, draws)
    points = _random.uniform_at(seed, stream, (users[user].astype(np.uint64) << np.uint64(32)) + draw.astype(np.uint64))
    item = np.minimum(np.searchsorted(ends, points, side="right"), len(ends) - 1)

    packed = np.sort((((user << item_bits) | item) << draw_bits) | draw)
    pair, draw = packed >> draw_bits, packed & ((1 << draw_bits) - 1)
    new = np.append(True, pair[1:] != pair[:-1])
    user, item, draw = pair[new] >> item_bits, pair[new] & ((1 << item_bits) - 1), draw[new]

    packed = np.sort((((user << draw_bits) | draw) << item_bits) | item)
    user, item = packed >> (draw_bits + item_bits), packed & ((1 << item_bits) - 1)
    distinct = np.bincount(user, minlength=len(users))
    done = distinct >= counts
    place = np.arange(len(user)) - np.repeat(np.cumsum(distinct) - distinct, distinct)
    kept = (place < counts[user]) & done[user]
    return done, np.sort((user[kept] << item_bits) | item[kept]) & ((1 << item_bits) - 1)
