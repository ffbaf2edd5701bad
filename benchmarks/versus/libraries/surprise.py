"""Surprise: SVD with its defaults, one thread. Its data are Python lists of tuples, so large tasks are left out."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from benchmarks.versus._harness import Contender, Rerun
from benchmarks.versus._tasks import Explicit, biased_scores

LARGEST = 3_000_000  # ratings; an epoch of them takes several seconds, and gigabytes


class _Session(Rerun):
    def predictions(self, task: Explicit) -> Any:
        model = self.model
        sides = ((model.trainset.ur, model.bu, model.pu), (model.trainset.ir, model.bi, model.qi))
        for known, bias, factors in sides:
            unknown = [number for number in range(len(bias)) if number not in known]
            bias[unknown], factors[unknown] = 0, 0
        return biased_scores(model.trainset.global_mean, model.bu, model.bi, model.pu, model.qi, task)


def explicit(task: Explicit) -> list[Contender]:
    from surprise import SVD, Trainset

    if len(task.values) > LARGEST:
        print(f"surprise: more than {LARGEST} ratings, left out")
        return []
    by_user, by_item = defaultdict(list), defaultdict(list)
    for user, item, value in zip(task.users.tolist(), task.items.tolist(), task.values.tolist(), strict=True):
        by_user[user].append((item, value))
        by_item[item].append((user, value))
    scale = (float(task.values.min()), float(task.values.max()))
    trainset = Trainset(by_user, by_item, *task.shape, len(task.values), scale, {}, {})

    def fit(epochs: int) -> Any:
        return SVD(n_factors=task.factors, n_epochs=epochs, random_state=task.seed).fit(trainset)

    return [Contender("surprise", lambda: _Session(fit))]
