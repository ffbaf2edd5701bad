"""NumPy alone: a product of matrices, the seen pairs at minus infinity, and argpartition, in blocks of users."""

from __future__ import annotations

from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.versus._harness import Contender
from benchmarks.versus._tasks import Retrieval

BLOCK = 1024  # users


def retrieval(task: Retrieval) -> list[Contender]:
    def search(users: Any, seen: Any) -> Any:
        best = np.empty((len(users), task.k), np.int64)
        with threadpool_limits(task.threads, "blas"):
            for start in range(0, len(users), BLOCK):
                rows = seen[start : start + BLOCK]
                scores = users[start : start + BLOCK] @ task.items.T
                scores[np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr)), rows.indices] = -np.inf
                part = np.argpartition(-scores, task.k, axis=1)[:, : task.k]
                order = np.argsort(-np.take_along_axis(scores, part, axis=1), axis=1)
                best[start : start + BLOCK] = np.take_along_axis(part, order, axis=1)
        return best

    return [Contender("NumPy, seen filtered", lambda: search)]
