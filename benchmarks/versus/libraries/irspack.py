"""irspack: IALSRecommender.

With loss_type "ORIGINAL", alpha0 = 1 and nu = 0 its objective is half of the task's: the weight is alpha0 + r, so the
data are weight - 1. It runs one epoch at a call.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from scipy import sparse

from benchmarks.versus._harness import Contender
from benchmarks.versus._tasks import Weighted


class _Session:
    def __init__(self, task: Weighted, solver: str) -> None:
        from irspack import IALSRecommender

        started = time.perf_counter()
        ones = task.matrix
        matrix = sparse.csr_matrix((ones.data * (task.weight - 1), ones.indices, ones.indptr), shape=ones.shape)
        self._model = IALSRecommender(
            matrix,
            n_components=task.factors,
            alpha0=1.0,
            reg=task.regularization,
            nu=0.0,
            loss_type="ORIGINAL",
            solver_type=solver,
            n_threads=task.threads,
            random_seed=task.seed,
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
    return [
        Contender(f"irspack {name}", partial(_Session, task, solver))
        for name, solver in (("cg", "CG"), ("cholesky", "CHOLESKY"), ("ials++", "IALSPP"))
    ]
