"""The terms of WALS's objective for given ratings: the weights, targets and regularisation of each side."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks
from fastmf.data import Ratings
from fastmf.data.csr import picked
from fastmf.models._half_step import Side
from fastmf.models._intake import entry_weights

Floats = NDArray[Any]


def weights_and_targets(
    values: Floats, weights: Any, *, implicit: bool, alpha: float, confidence: str, dtype: np.dtype[Any]
) -> tuple[Floats, Floats]:
    """w and a of each entry; an array of one element stands for the same number everywhere."""
    values = _checks.in_range_of(dtype, "ratings", values)
    if weights is not None:
        return entry_weights(weights, len(values), dtype), values
    if not implicit:
        return np.ones(1, dtype), values
    if values.size and values.min() == values.max() > 0:
        values = values[:1]
    liked = bool((values > 0).all())
    targets = np.ones(1, dtype) if liked else (values >= 0).astype(dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        strength = values if liked and alpha == 1 else np.abs(values) * dtype.type(alpha)
    if not np.isfinite(strength.max(initial=0)):
        raise ValueError(f"alpha must be such that alpha times every rating fits {dtype}, got {alpha}")
    if confidence == "one_plus":
        return 1 + strength, targets
    return (np.log1p(strength) if confidence == "log" else strength), targets


def ridges(
    regularization: float, counts: NDArray[np.int64], unobserved: NDArray[np.float64], exponent: float
) -> NDArray[np.float64]:
    """lam (n + weight of all pairs if unobserved)^nu for each row."""
    return regularization * (counts + unobserved) ** exponent


@dataclass(frozen=True)
class Terms:
    """Both sides of the objective."""

    users: Side
    items: Side

    def less_biases(self, side: str, other_bias: Floats, mean: float) -> Side:
        """One side with the mean and the other side's biases taken off its targets."""
        this = self.users if side == "users" else self.items
        return replace(this, targets=(this.targets - mean - other_bias[this.indices]).astype(this.targets.dtype))


def terms(data: Ratings, weights: Any, p: dict[str, Any]) -> Terms:
    """The terms for `data` under the checked parameters `p` of WALS."""
    unobserved = unobserved_weights(p["unobserved_weight"], data.n_items)
    w, a = entry_terms(data, weights, p)
    by_user = user_side(data, w, a, p)
    indptr, indices, order = data.item_major()
    by_item = item_side(
        indptr,
        indices,
        w if len(w) == 1 else picked(w, order),
        a if len(a) == 1 else picked(a, order),
        n_users=data.n_users,
        unobserved=unobserved,
        p=p,
    )
    return Terms(by_user, by_item)


def entry_terms(data: Ratings, weights: Any, p: dict[str, Any]) -> tuple[Floats, Floats]:
    """w and a of the entries of `data` under the checked parameters `p`."""
    return weights_and_targets(
        data.data,
        weights,
        implicit=bool(np.any(p["unobserved_weight"])),
        alpha=p["alpha"],
        confidence=p["confidence"],
        dtype=p["dtype"],
    )


def user_side(data: Ratings, w: Floats, a: Floats, p: dict[str, Any]) -> Side:
    """The rows of `data` to be solved given the items."""
    unobserved = unobserved_weights(p["unobserved_weight"], data.n_items)
    everywhere = unobserved.sum() if len(unobserved) > 1 else unobserved * data.n_items
    return Side(
        name="user",
        indptr=data.indptr,
        indices=data.indices,
        weights=w,
        targets=a,
        ridge=ridges(p["regularization"][0], data.user_counts, everywhere, p["regularization_exponent"]),
        unobserved=_checks.in_range_of(p["dtype"], "unobserved_weight", unobserved),
        share=np.ones(1),
    )


def item_side(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    w: Floats,
    a: Floats,
    *,
    n_users: int,
    unobserved: NDArray[np.float64],
    p: dict[str, Any],
) -> Side:
    """Items to be solved given the users, from their compressed columns; `unobserved` is one number or one an item."""
    one = len(unobserved) == 1
    return Side(
        name="item",
        indptr=indptr,
        indices=indices,
        weights=w,
        targets=a,
        ridge=ridges(p["regularization"][1], np.diff(indptr), unobserved * n_users, p["regularization_exponent"]),
        unobserved=_checks.in_range_of(p["dtype"], "unobserved_weight", unobserved) if one else np.ones(1, p["dtype"]),
        share=np.ones(1) if one else unobserved,
    )


def number_or_vector(name: str, value: Any) -> Any:
    """A number >= 0, or a vector of them."""
    if isinstance(value, (list, tuple)) or np.ndim(value):
        return _checks.finite_vector(name, value, minimum=0.0)
    return _checks.real(name, value, 0.0)


def unobserved_weights(value: float | NDArray[np.float64], n_items: int) -> NDArray[np.float64]:
    """One weight for all items, or one an item."""
    weights = np.atleast_1d(np.asarray(value, np.float64))
    if np.ndim(value) and len(weights) != n_items:
        raise ValueError(
            f"unobserved_weight must be a number, or one for each of the {n_items} items, got {len(weights)} numbers"
        )
    return weights
