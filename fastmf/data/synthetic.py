"""Made-up ratings with the shape of real ones, from a truth that is known to be of low rank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks, _random
from fastmf.data import csr
from fastmf.data.ratings import Ratings
from fastmf.data.sampling import distinct_items

CHUNK = 1 << 19  # ratings made at a time
MEAN, SPREAD, SIGNAL = 3.6, 0.5, 0.45  # mean rating, deviation of the biases, deviation of x . y
KNOWN, SEEN = 0.8, 0.5  # share of users who would know the best known item; of items that the busiest user knows
ACTIVITY, ITEMS, USER_BIAS, ITEM_BIAS, USER_FACTORS, ITEM_FACTORS, ORDER, NOISE = (0xDA7A00 + n for n in range(8))
STARS = {"whole": (1.0, 1.0, 5.0), "half": (0.5, 0.5, 5.0), "real": None}  # least, step, greatest


@dataclass(frozen=True)
class Shape:
    """What sets one data set apart from another; see `synthetic` for the meaning of each."""

    n_users: int
    n_items: int
    n_ratings: int
    minimum: int
    stars: str
    noise: float
    activity: float
    popularity: float = 2.2
    rank: int = 16


NAMED = {
    "ml-100k": Shape(943, 1_682, 100_000, 20, "whole", 0.82, 1.14),
    "ml-1m": Shape(6_040, 3_706, 1_000_209, 20, "whole", 0.78, 1.14),
    "ml-20m": Shape(138_493, 26_744, 20_000_263, 20, "half", 0.75, 1.38),
}


def synthetic(
    shape: str | int,
    n_items: int | None = None,
    n_ratings: int | None = None,
    *,
    rank: int | None = None,
    noise: float | None = None,
    popularity: float | None = None,
    activity: float | None = None,
    minimum: int | None = None,
    stars: str | None = None,
    random_state: Any = 0,
    dtype: Any = "float32",
) -> Ratings:
    r"""Ratings drawn from a known model, with the shape of a well-known data set or any other.

    Parameters
    ----------
    shape : {"ml-100k", "ml-1m", "ml-20m"} or int
        A data set whose numbers of users, items and ratings, spread of activity and popularity, and grid of ratings to
        take; or the number of users, for which `n_items` and `n_ratings` must be given too.
    n_items, n_ratings : int, optional
        Numbers of items and of ratings, all of different pairs. Only with a number of users.
    rank : int, default 16
        Number of factors of the truth.
    noise : float, optional
        Standard deviation of the noise, before rounding. Default 0.82, 0.78 and 0.75 for the named shapes, else 0.75.
    popularity : float, default 2.2
        Exponent of the power law of item popularity; 0 makes all items alike.
    activity : float, optional
        Deviation of the logarithm of user activity; 0 makes all users alike. Default 1.14, 1.14 and 1.38 for the
        named shapes, else 1.2.
    minimum : int, optional
        Least number of ratings of a user. Default 20, or half the mean number if that is less.
    stars : {"whole", "half", "real"}, optional
        Round to whole stars from 1 to 5, to half stars from 0.5 to 5, or not at all and without limits. Default as in
        the named data set, else "half".
    random_state : None, int, Generator or RandomState, default 0
        Seed. The same seed gives the same ratings everywhere; None gives others each time.
    dtype : {"float32", "float64"}, default "float32"
        Type of the values.

    Returns
    -------
    Ratings
        Without ids and timestamps. Items are not in order of popularity.

    Raises
    ------
    TypeError, ValueError
        If an argument is of a wrong type or out of range, or the ratings do not fit: fewer than the minimum for every
        user, or more than there are pairs.

    Notes
    -----
    With independent standard normal :math:`z`, in this order:

    * user `u` has :math:`n_u = \min(n_{min} + c \, e^{\sigma z_u}, n_{max})` ratings, rounded, where :math:`\sigma` is
      `activity` and `c` makes the sum of them `n_ratings`; :math:`n_{max}` is half the items, or twice the mean
      number if that is more;
    * the item of popularity rank `r` has weight :math:`w_r = (r + s)^{-a}`, `a` being `popularity` (a Zipf-Mandelbrot
      law); `s` is such that ``n_ratings * w_1 / sum(w)`` is 0.8 of the users; each user draws items one after another
      without replacement in proportion to weight, so that the most popular ones are rated less often than by the law;
    * :math:`r_{ui} = 3.6 + b_u + c_i + \sum_f x_{uf} y_{if} + \epsilon_{ui}`, where :math:`b_u` and :math:`c_i` have
      deviation 0.5, :math:`x_{uf}` has deviation 1, :math:`y_{if}` has variance proportional to `1/f` and in all
      :math:`0.45^2`, and :math:`\epsilon` has deviation `noise`; then rounded to the nearest star and clipped.

    Who rates what does not depend on taste, so rankings learned from these ratings know popularity and little else.

    Examples
    --------
    >>> from fastmf.data import synthetic
    >>> synthetic("ml-100k")
    Ratings(943 users x 1682 items, 100000 entries, float32)
    >>> synthetic(50, 40, 600, minimum=5)
    Ratings(50 users x 40 items, 600 entries, float32)
    """
    chosen = _shape(shape, n_items, n_ratings)
    given: dict[str, Any] = {
        "rank": rank,
        "noise": noise,
        "popularity": popularity,
        "activity": activity,
        "minimum": minimum,
        "stars": stars,
    }
    chosen = _checked(replace(chosen, **{name: value for name, value in given.items() if value is not None}))
    dtype = _checks.float_dtype("dtype", dtype)
    seed = _random.seed_from(random_state)

    counts = _user_counts(chosen, seed)
    items = distinct_items(counts, _item_weights(chosen, seed), seed, ITEMS)
    indptr = csr.starts(counts)
    data = _values(chosen, csr.row_numbers(indptr), items, seed, dtype)
    rows = csr.Csr(indptr, items, data, None)
    return Ratings._made(rows, (chosen.n_users, chosen.n_items), None, None)


def _shape(shape: Any, n_items: Any, n_ratings: Any) -> Shape:
    if isinstance(shape, str):
        if shape not in NAMED:
            raise ValueError(f"shape must be a number of users or one of {', '.join(map(repr, NAMED))}, got {shape!r}")
        if n_items is not None or n_ratings is not None:
            raise ValueError(f"n_items and n_ratings must not be given with the shape {shape!r}")
        return NAMED[shape]
    n_users = _checks.integer("shape", shape, 1, csr.MOST)
    n_items = _checks.integer("n_items", n_items, 1, csr.MOST)
    n_ratings = _checks.integer("n_ratings", n_ratings, 0, n_users * n_items)
    return Shape(n_users, n_items, n_ratings, min(20, n_ratings // (2 * n_users)), "half", 0.75, 1.2)


def _checked(shape: Shape) -> Shape:
    _checks.integer("rank", shape.rank, 0)
    _checks.real("noise", shape.noise, 0)
    _checks.real("popularity", shape.popularity, 0, 10)
    _checks.real("activity", shape.activity, 0, 5)
    _checks.integer("minimum", shape.minimum, 0, shape.n_ratings // shape.n_users)
    _checks.choice("stars", shape.stars, tuple(STARS))
    return shape


def _user_counts(shape: Shape, seed: int) -> NDArray[np.int64]:
    """Numbers of ratings of the users: a log-normal law above the minimum, up to a maximum, with the exact sum."""
    mean = shape.n_ratings / shape.n_users
    maximum = min(shape.n_items, max(int(SEEN * shape.n_items), int(np.ceil(2 * mean)), shape.minimum))
    law = np.exp(shape.activity * _random.normal(seed, ACTIVITY, shape.n_users))

    def total(c: float) -> float:
        return float(np.minimum(shape.minimum + c * law, maximum).sum())

    wanted = np.minimum(shape.minimum + _root(total, shape.n_ratings) * law, maximum)
    counts = np.floor(wanted).astype(np.int64)
    # The users nearest to their next whole number share out what rounding down has left over.
    spare = np.where(counts < maximum, wanted - counts, -1.0)
    counts[np.argsort(-spare, kind="stable")[: shape.n_ratings - int(counts.sum())]] += 1
    return counts


def _item_weights(shape: Shape, seed: int) -> NDArray[np.float64]:
    """Weights of the items, in a random order of popularity."""
    rank = np.arange(1.0, shape.n_items + 1)

    def law(s: float) -> NDArray[np.float64]:  # relative to the most popular item
        weights: NDArray[np.float64] = ((rank + s) / (1 + s)) ** -shape.popularity
        return weights

    wanted = shape.n_ratings / (KNOWN * shape.n_users)
    s = _root(lambda s: float(law(s).sum()), min(wanted, 0.99 * shape.n_items))
    return law(s)[_random.permutation(seed, ORDER, shape.n_items)]


def _root(rising: Callable[[float], float], target: float) -> float:
    """The greatest x >= 0 found by halving with rising(x) <= target; 0 if there is none."""
    low, high = 0.0, 1.0
    while rising(high) < target and high < 1e300:
        low, high = high, 2 * high
    while (middle := (low + high) / 2) not in (low, high):
        low, high = (middle, high) if rising(middle) <= target else (low, middle)
    return low


def _values(
    shape: Shape, users: NDArray[np.int32], items: NDArray[np.int32], seed: int, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Mean, biases, low-rank taste and noise of each entry, on the grid of stars.

    Factor by factor, so that no machine adds up in another order.
    """
    user_bias = SPREAD * _random.normal(seed, USER_BIAS, shape.n_users)
    item_bias = SPREAD * _random.normal(seed, ITEM_BIAS, shape.n_items)
    X = _random.normal(seed, USER_FACTORS, shape.rank * shape.n_users).reshape(shape.rank, shape.n_users)
    Y = _random.normal(seed, ITEM_FACTORS, shape.rank * shape.n_items).reshape(shape.rank, shape.n_items)
    variance = 1.0 / np.arange(1, shape.rank + 1)
    Y *= SIGNAL * np.sqrt(variance / variance.sum())[:, None]

    data = np.empty(len(items), dtype)
    for start in range(0, len(items), CHUNK):
        user, item = users[start : start + CHUNK], items[start : start + CHUNK]
        value = MEAN + user_bias[user] + item_bias[item]
        for x, y in zip(X, Y, strict=True):
            value += x[user] * y[item]
        value += shape.noise * _random.normal(seed, NOISE, len(user), start)
        grid = STARS[shape.stars]
        if grid is not None:
            least, step, greatest = grid
            value = np.clip(np.rint(value / step) * step, least, greatest)
        data[start : start + CHUNK] = value
    return data
