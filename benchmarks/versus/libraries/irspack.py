"""irspack: IALSRecommender, which runs one epoch at a call.

With loss_type "ORIGINAL", alpha0 = 1 and nu = 0 its objective is half of Weighted's: the weight is alpha0 + r, so the
data are weight - 1. For Ranking it has its own form, "IALSPP" with nu = 1: weight 1 on stored pairs and alpha0 more on
all pairs, stored ones among them; regularisation in proportion to the counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from scipy import sparse

from benchmarks.versus._harness import Contender
from benchmarks.versus._tasks import Ranking, Weighted


class _Session:
    def __init__(self, task: Weighted | Ranking, matrix: Callable[[], sparse.csr_matrix], **settings: Any) -> None:
        from irspack import IALSRecommender

        started = time.perf_counter()
        self._model = IALSRecommender(
            matrix(), n_components=task.factors, n_threads=task.threads, random_seed=task.seed, **settings
        )
        self._model.start_learning()
        self.setup = time.perf_counter() - started
        self.seconds: list[float] = []

    def advance(self, to: int) -> None:
        while len(self.seconds) < to:
            started = time.perf_counter()
            self._model.run_epoch()
            self.seconds.append(time.perf_counter() - started)

    @property
    def factors(self) -> tuple[Any, Any]:
        trainer = self._model.trainer.core_trainer
        return trainer.user, trainer.item


def weighted(task: Weighted) -> list[Contender]:
    def matrix() -> sparse.csr_matrix:
        ones = task.matrix
        return sparse.csr_matrix((ones.data * (task.weight - 1), ones.indices, ones.indptr), shape=ones.shape)

    settings = {"alpha0": 1.0, "reg": task.regularization, "nu": 0.0, "loss_type": "ORIGINAL"}
    return [
        Contender(f"irspack {name}", partial(_Session, task, matrix, solver_type=solver, **settings))
        for name, solver in (("cg", "CG"), ("cholesky", "CHOLESKY"), ("ials++", "IALSPP"))
    ]


def ranking(task: Ranking, settings: dict[str, Any]) -> _Session:
    return _Session(task, lambda: task.train, nu=1.0, loss_type="IALSPP", **settings)
