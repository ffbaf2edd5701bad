"""The embedded data set: MovieLens latest-small of October 2016, under GroupLens's terms (embedded/TERMS.md)."""

from __future__ import annotations

import io
from importlib import resources

import numpy as np

from fastmf.data.intake import from_arrays
from fastmf.data.ratings import Ratings

NO_TITLE = "(no title)"


def movielens() -> Ratings:
    """MovieLens latest-small (2016-10): 100,004 ratings of 9,066 films by 671 people, with titles and genres.

    Returns
    -------
    Ratings
        Half-star ratings from 0.5 to 5 in float32, with timestamps in seconds since 1970. Ids are MovieLens's userId
        and movieId, which other releases share for films but not for people. ``item_info`` holds "title", without the
        year and "(no title)" for the five films whose title the source lacks; "genres", separated by ``|``, which may
        be empty; and "year", an int16 that is 0 where it is unknown.

    Notes
    -----
    Everybody in the data has rated at least 20 films. For research, not for commercial use: see
    ``fastmf/data/embedded/TERMS.md``.

    References
    ----------
    F. M. Harper and J. A. Konstan (2015), "The MovieLens datasets: history and context", ACM Transactions on
    Interactive Intelligent Systems 5(4), 19:1-19:19, https://doi.org/10.1145/2827872

    Examples
    --------
    >>> from fastmf.data import movielens
    >>> ratings = movielens()
    >>> ratings
    Ratings(671 users x 9066 items, 100004 entries, float32, with timestamps)
    >>> film = ratings.items.number(1)
    >>> print(ratings.item_info["title"][film], ratings.item_info["year"][film])
    Toy Story 1995
    """
    packed = resources.files("fastmf.data").joinpath("embedded", "movielens.npz").read_bytes()
    with np.load(io.BytesIO(packed), allow_pickle=False) as file:
        rows, users, items, intake = from_arrays(
            file["user"], file["movie"], file["half_stars"] * np.float32(0.5), file["timestamp"], "error", np.float32
        )
        titles, genres = (file[name].tobytes().decode("utf-8").split("\n") for name in ("title", "genres"))
        info = {
            "title": np.array([title.strip() or NO_TITLE for title in titles]),
            "genres": np.array(genres),
            "year": file["year"].astype(np.int16),
        }
    return Ratings._made(rows, (len(users), len(items)), users, items, info, intake)
