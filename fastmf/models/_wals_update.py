"""WALS brought up to date with new entries: their items are solved again, then their users."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf.data import Ratings
from fastmf.data.csr import Csr, picked, positions_of
from fastmf.models._intake import entry_weights
from fastmf.models._merged_entries import MergedEntries
from fastmf.models._new_entries import NewEntries
from fastmf.models._state import State
from fastmf.models._wals_folding import solved
from fastmf.models._wals_terms import entry_terms, item_side, unobserved_weights, user_side

Floats = NDArray[Any]


class Update:
    """Copies of a model's factors and biases, with room for new rows, that are brought up to date with its entries."""

    def __init__(self, new: NewEntries, weights: Any, p: dict[str, Any], num_threads: int) -> None:
        self.new, self.p, self.num_threads = new, p, num_threads
        self.state = state = new.state
        self.ratings, self.weights = all_entries(new, weights)
        n_users, n_items = self.ratings.shape
        self.unobserved = unobserved_weights(p["unobserved_weight"], n_items)
        self.user_factors, self.user_bias = _longer(state.user_factors, n_users), _longer(state.user_bias, n_users)
        self.item_factors, self.item_bias = _longer(state.item_factors, n_items), _longer(state.item_bias, n_items)

    def run(self) -> State:
        """The state in which the items with new entries are optimal for the users, and then their users for the items.

        Users who had no entry before are solved first as well: without rows of theirs, what they chose would not reach
        the items.
        """
        users = np.flatnonzero(self.new.ratings.user_counts)
        self.solve_users(users[~self.new.before[0][users]])
        self.solve_items(np.flatnonzero(self.new.ratings.item_counts))
        self.solve_users(users)
        return State.of(
            self.ratings,
            self.user_factors,
            self.item_factors,
            user_bias=self.user_bias,
            item_bias=self.item_bias,
            mean=self.state.mean,
            history=self.state.history,
            keep_values=True,
            weights=self.weights,
        )

    def solve_users(self, numbers: NDArray[np.int64]) -> None:
        """Solve these users given the items."""
        ratings, weights = self.ratings, self.weights
        indptr, positions = positions_of(ratings.indptr, numbers)
        rows = Csr(indptr, ratings.indices[positions], ratings.data[positions], None)
        part = Ratings._made(rows, (len(numbers), ratings.n_items), None, None)
        side = user_side(part, *entry_terms(part, None if weights is None else weights[positions], self.p), self.p)
        self.user_factors[numbers], self.user_bias[numbers] = solved(
            side, self.item_factors, self.item_bias, self.state.mean, self.p, self.num_threads
        )

    def solve_items(self, numbers: NDArray[np.int64]) -> None:
        """Solve these items given the users."""
        ratings, weights = self.ratings, self.weights
        wanted = np.zeros(ratings.n_items, bool)
        wanted[numbers] = True
        positions = np.flatnonzero(wanted[ratings.indices])
        part = ratings.select(positions)
        w, a = entry_terms(part, None if weights is None else weights[positions], self.p)
        indptr, users, order = part.item_major(self.num_threads)
        side = item_side(
            np.append(indptr[numbers], indptr[-1]),  # the items between these have no entries here
            users,
            w if len(w) == 1 else picked(w, order),
            a if len(a) == 1 else picked(a, order),
            n_users=ratings.n_users,
            unobserved=self.unobserved if len(self.unobserved) == 1 else self.unobserved[numbers],
            p=self.p,
        )
        self.item_factors[numbers], self.item_bias[numbers] = solved(
            side, self.user_factors, self.user_bias, self.state.mean, self.p, self.num_threads
        )


def all_entries(new: NewEntries, weights: Any) -> tuple[Ratings, Floats | None]:
    """The entries of the fit with the new ones among them, and the weights of all, where the fit had weights."""
    state, ratings = new.state, new.ratings
    if (weights is None) != (state.seen_weights is None):
        had, want = ("no weights", "none") if weights is not None else ("weights", "some")
        raise ValueError(f"weights must go with those of the fit: the model was fitted with {had}, so give {want}")
    values, merged = state.training_values(), MergedEntries.of(state, ratings)
    rows = Csr(merged.indptr, merged.indices, merged.numbers(values, ratings.data), None)
    together = Ratings._made(rows, ratings.shape, ratings.users, ratings.items, ratings.item_info)
    if state.seen_weights is None:
        return together, None
    weights = entry_weights(weights, ratings.nnz, state.seen_weights.dtype)[new.order]
    return together, merged.numbers(state.seen_weights, weights)


def _longer(rows: Floats, n: int) -> Floats:
    """A copy with zeros for new rows."""
    out = np.zeros((n, *rows.shape[1:]), rows.dtype)
    out[: len(rows)] = rows
    return out
