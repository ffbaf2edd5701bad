"""cmfrec: CMF_implicit for weighted factorisation and CMF (explicit ALS with biases) for ratings.

Implicit: the weight is 1 + alpha r, so alpha = weight - 1 and the data are ones. Explicit: `scale_lam` multiplies the
regularisation of a row by its count, as SGD does. Neither stops on the way; the final Cholesky step that CG can be
followed by is left out.
"""

from __future__ import annotations

from typing import Any

from scipy import sparse

from benchmarks.versus._harness import Contender, Rerun
from benchmarks.versus._tasks import Explicit, Weighted, biased_scores

REGULARIZATION = 0.05  # of explicit ratings


class _Weighted(Rerun):
    @property
    def factors(self) -> tuple[Any, Any]:
        return self.model.A_, self.model.B_


class _Explicit(Rerun):
    def predictions(self, task: Explicit) -> Any:
        model = self.model
        return biased_scores(model.glob_mean_, model.user_bias_, model.item_bias_, model.A_, model.B_, task)


def weighted(task: Weighted) -> list[Contender]:
    from cmfrec import CMF_implicit

    matrix = task.matrix.tocoo()

    def fit(iterations: int, use_cg: bool) -> Any:
        return CMF_implicit(
            k=task.factors,
            lambda_=task.regularization,
            alpha=task.weight - 1,
            use_cg=use_cg,
            niter=iterations,
            precompute_for_predictions=False,
            random_state=task.seed + 1,
            verbose=False,
            nthreads=task.threads,
        ).fit(matrix)

    return _both(_Weighted, fit)


def explicit(task: Explicit) -> list[Contender]:
    from cmfrec import CMF

    matrix = sparse.coo_matrix((task.values, (task.users, task.items)), shape=task.shape)

    def fit(iterations: int, use_cg: bool) -> Any:
        return CMF(
            k=task.factors,
            lambda_=REGULARIZATION,
            scale_lam=True,
            use_cg=use_cg,
            finalize_chol=False,
            niter=iterations,
            precompute_for_predictions=False,
            random_state=task.seed + 1,
            verbose=False,
            nthreads=task.threads,
        ).fit(matrix)

    return _both(_Explicit, fit)


def _both(session: type[Rerun], fit: Any) -> list[Contender]:
    return [
        Contender("cmfrec cg", lambda: session(lambda iterations: fit(iterations, True))),
        Contender("cmfrec cholesky", lambda: session(lambda iterations: fit(iterations, False))),
    ]
