"""implicit: AlternatingLeastSquares.

Its objective is the task's with weight = |alpha r| (not 1 + alpha r), so alpha is the weight and the data are ones.
`fit` goes on from the factors it finds and tells the seconds of each iteration to a callback, without set-up.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

import numpy as np

from benchmarks.versus._harness import Contender
from benchmarks.versus._tasks import Retrieval, Weighted


class _Session:
    def __init__(self, task: Weighted, use_cg: bool) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        self.matrix = task.matrix
        self.seconds: list[float] = []
        self.setup = 0.0
        self._model = AlternatingLeastSquares(
            task.factors,
            regularization=task.regularization,
            alpha=task.weight,
            use_cg=use_cg,
            num_threads=task.threads,
            random_state=task.seed,
        )

    def advance(self, to: int) -> None:
        from threadpoolctl import threadpool_limits

        first = not self.seconds
        self._model.iterations = to - len(self.seconds)
        with threadpool_limits(1, "blas"):  # it calls BLAS from its own threads, and asks for this
            started = time.perf_counter()
            self._model.fit(self.matrix, show_progress=False, callback=lambda *record: self.seconds.append(record[1]))
            total = time.perf_counter() - started
        if first:
            self.setup = total - sum(self.seconds)

    @property
    def factors(self) -> tuple[Any, Any]:
        return self._model.user_factors, self._model.item_factors


def weighted(task: Weighted) -> list[Contender]:
    return [
        Contender("implicit cg", partial(_Session, task, True)),
        Contender("implicit cholesky", partial(_Session, task, False)),
    ]


def retrieval(task: Retrieval) -> list[Contender]:
    from implicit.cpu.als import AlternatingLeastSquares
    from threadpoolctl import threadpool_limits

    model = AlternatingLeastSquares(task.items.shape[1], num_threads=task.threads)
    model.item_factors = task.items

    def search(users: Any, seen: Any, filtered: bool) -> Any:
        model.user_factors = users
        with threadpool_limits(1, "blas"):
            return model.recommend(np.arange(len(users)), seen, N=task.k, filter_already_liked_items=filtered)[0]

    return [
        Contender("implicit, seen filtered", lambda: lambda users, seen: search(users, seen, True)),
        Contender("implicit, no filter", lambda: lambda users, seen: search(users, seen, False)),
    ]
