"""What `fit` and `partial_fit` of BiasedMF do once their arguments are settled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from numpy.typing import NDArray

from fastmf import _checks, _random
from fastmf.data import Ratings
from fastmf.models._base import FactorModel
from fastmf.models._fitting import Callback, Passes
from fastmf.models._intake import entry_weights
from fastmf.models._merged_entries import MergedEntries
from fastmf.models._new_entries import NewEntries
from fastmf.models._sgd_fit import Descent, Rule
from fastmf.models._sgd_grid import make_grid
from fastmf.models._sgd_learn import learn
from fastmf.models._sgd_terms import HeldOut, centre, targets, total_of
from fastmf.models._state import State

INITIAL_LENGTH = 0.3  # expected length of a first factor row


def train(
    model: FactorModel,
    p: dict[str, Any],
    data: Ratings,
    new: NewEntries | None,
    start: State | None,
    *,
    validation: Any,
    weights: Any,
    progress: bool,
    callback: Callback | None,
) -> None:
    """Learn from `data` under the checked parameters `p`: from nothing, as the new entries of a fitted state, or from
    `start`, a state of the same shape."""
    threads = model._threads(None)
    held_out = None if validation is None else HeldOut.of(validation, data, p["loss"], p["dtype"])
    passes = Passes(model, p["epochs"], progress=_checks.flag("progress", progress), callback=callback)
    values = targets("ratings", data.data, p["loss"], p["dtype"])
    weight = entry_weights(weights, data.nnz, p["dtype"])
    trained = data.user_counts > 0, data.item_counts > 0
    if new is None:
        mean = centre(values, weight, p["loss"]) if start is None else start.mean
        descent = _descent(data, values, weight, mean, p, threads)
        if start is not None:
            descent.resume(start, start.known(data.shape))
    else:
        weight = weight[new.order] if len(weight) > 1 else weight
        descent = _descent(data, values, weight, new.state.mean, p, threads)
        before = new.before
        descent.resume(new.state, before)
        trained = trained[0] | before[0], trained[1] | before[1]
        seen = MergedEntries.of(new.state, data)

    def state_of() -> State:
        state = State.of(data, **descent.results(*trained))
        if new is None:
            return state
        return replace(state, seen_indptr=seen.indptr, seen_indices=seen.indices, history=new.state.history)

    def score(state: State) -> float:
        assert held_out is not None
        return held_out.score(model._scores(state, held_out.users, held_out.items, threads), p["loss"])

    learn(model, descent, passes, p, total_of(weight, data.nnz), state_of, None if held_out is None else score)


def _descent(
    data: Ratings, values: NDArray[Any], weight: NDArray[Any], mean: float, p: dict[str, Any], num_threads: int
) -> Descent:
    seed = _random.seed_from(p["random_state"])
    rule = Rule(
        loss=p["loss"],
        adagrad=p["optimizer"] == "adagrad",
        nonnegative=p["nonnegative"],
        hogwild=p["parallel"] == "hogwild",
        penalties=(*p["regularization"], p["bias_regularization"]),
        mean=mean,
    )
    grid = make_grid(data, values, weight, p["factors"] * p["dtype"].itemsize, seed, num_threads)
    return Descent(grid, p["factors"], rule, INITIAL_LENGTH, seed, num_threads)
