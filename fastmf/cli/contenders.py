"""What `fastmf bench` compares: models of fastmf, and other libraries that are installed, each with the same settings.

A contender is prepared (the ratings in the form it takes), fitted, and turned into a model of fastmf that holds what
was learned; only the fit is timed. All rankers minimise the objective of `Settings.objective`, so that its value tells
how far each got. Peers are imported where they are used, and told what their own documentation says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse

from fastmf.data import Ratings
from fastmf.evaluation.scoring import unfitted
from fastmf.models import WALS, BiasedMF, FactorModel, MostPopular, SVDpp
from fastmf.models._given import with_factors
from fastmf.translate import Translation, from_hu_koren_volinsky

SURPRISE_MOST = 3_000_000  # ratings: it holds them as Python tuples, twice, and an epoch of more takes too long to wait
LIBMF_MOST = 1 << 24  # users or items: its Python face passes their numbers as float32


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all contenders are given; without a `regularization`, raters take the default of fastmf's models."""

    factors: int
    iterations: int
    alpha: float | None  # rankers only
    regularization: float | None
    threads: int
    seed: int

    @property
    def objective(self) -> Translation:
        """What the rankers minimise: weight 1 + alpha r for a stored r, 1 for all other pairs, constant lambda."""
        assert self.alpha is not None
        assert self.regularization is not None
        return from_hu_koren_volinsky(self.factors, self.regularization, self.alpha, sweeps=self.iterations)


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A library with one way to fit."""

    name: str
    parameters: dict[str, Any]  # as the library calls them
    fit: Callable[[Any], Any]  # from what `prepare` gives: timed
    prepare: Callable[[Ratings], Any] = lambda train: train
    model: Callable[[Any, Ratings], FactorModel] = lambda learned, train: learned
    library: str = "fastmf"  # the name it has on the package index
    baseline: bool = False  # what every model must beat; its seconds say nothing


# -- ranking ------------------------------------------------------------------------------------------------------


def rankers(settings: Settings) -> list[Contender]:
    """The baseline and WALS with each solver."""
    objective, common = settings.objective, {"num_threads": settings.threads, "random_state": settings.seed}
    popular = MostPopular(num_threads=settings.threads)
    models = [objective.model(**common, solver=solver) for solver in ("cholesky", "cg", "auto")]
    return [
        replace(_own("MostPopular", popular), baseline=True),
        *(_weighted(f"WALS {model.solver}", model, objective) for model in models),
    ]


def implicit(settings: Settings) -> Contender:
    """Its weight is |alpha r| alone, so the data are 1 + alpha r and its own alpha is 1."""
    parameters = {
        "factors": settings.factors,
        "iterations": settings.iterations,
        "alpha": 1.0,
        "regularization": settings.regularization,
        "use_cg": True,
        "num_threads": settings.threads,
        "random_state": settings.seed,
    }

    def prepare(train: Ratings) -> Any:
        import implicit.cpu.als  # noqa: F401  not timed

        matrix = _confidences(train, settings)
        matrix.data += 1
        return matrix

    def fit(matrix: Any) -> Any:
        from implicit.cpu.als import AlternatingLeastSquares
        from threadpoolctl import threadpool_limits

        model = AlternatingLeastSquares(**parameters)
        with threadpool_limits(1, "blas"):  # it calls BLAS from its own threads, and asks for this
            model.fit(matrix, show_progress=False)
        return model

    def model(learned: Any, train: Ratings) -> WALS:
        return with_factors(_wals(settings), train, learned.user_factors, learned.item_factors)

    name = "implicit ALS cg"
    return Contender(name=name, parameters=parameters, prepare=prepare, fit=fit, model=model, library="implicit")


def irspack(settings: Settings) -> Contender:
    """With loss_type "ORIGINAL", alpha0 = 1 and nu = 0 its weight is 1 + r, so the data are alpha r."""
    parameters = {
        "n_components": settings.factors,
        "train_epochs": settings.iterations,
        "alpha0": 1.0,
        "reg": settings.regularization,
        "nu": 0.0,
        "loss_type": "ORIGINAL",
        "solver_type": "CG",
        "n_threads": settings.threads,
        "random_seed": settings.seed,
    }

    def prepare(train: Ratings) -> Any:
        import irspack  # noqa: F401  not timed

        return _confidences(train, settings)

    def fit(matrix: Any) -> Any:
        from irspack import IALSRecommender

        return IALSRecommender(matrix, **parameters).learn()

    def model(learned: Any, train: Ratings) -> WALS:
        return with_factors(_wals(settings), train, learned.get_user_embedding(), learned.get_item_embedding())

    name = "irspack iALS cg"
    return Contender(name=name, parameters=parameters, prepare=prepare, fit=fit, model=model, library="irspack")


def _weighted(name: str, model: WALS, objective: Translation) -> Contender:
    def fit(prepared: Any) -> WALS:
        data, weights = prepared
        fitted: WALS = unfitted(model).fit(data, weights=weights)
        return fitted

    return Contender(name=name, parameters=model.get_params(), prepare=objective.prepare, fit=fit)


def _wals(settings: Settings) -> WALS:
    return settings.objective.model(num_threads=settings.threads)


def _confidences(train: Ratings, settings: Settings) -> Any:
    """alpha r as a CSR matrix. A stored 0 has the weight and the target of a pair that is not stored."""
    arrays = (
        train.data * settings.alpha,
        train.indices,
        train.indptr,
    )  # copied: they are read-only, peers may not like it
    matrix = scipy.sparse.csr_matrix(arrays, train.shape, dtype=np.float32, copy=True)
    matrix.eliminate_zeros()
    return matrix


# -- ratings ------------------------------------------------------------------------------------------------------


def raters(settings: Settings) -> list[Contender]:
    """The models that predict ratings."""
    common: dict[str, Any] = {
        "factors": settings.factors,
        "num_threads": settings.threads,
        "random_state": settings.seed,
        **({} if settings.regularization is None else {"regularization": settings.regularization}),
    }
    return [
        _own("BiasedMF", BiasedMF(epochs=settings.iterations, **common)),
        _own("SVDpp", SVDpp(epochs=settings.iterations, **common)),
        _own("WALS biased", WALS(iterations=settings.iterations, unobserved_weight=0, biased=True, **common)),
    ]


def surprise(settings: Settings) -> Contender:
    """It minimises what BiasedMF does; its rate is its own default. It has one thread."""
    regularization, bias_regularization = _regularization(settings)
    parameters = {
        "n_factors": settings.factors,
        "n_epochs": settings.iterations,
        "reg_pu": regularization,
        "reg_qi": regularization,
        "reg_bu": bias_regularization,
        "reg_bi": bias_regularization,
        "random_state": settings.seed,
    }

    def prepare(train: Ratings) -> Any:
        from surprise import Trainset

        if train.nnz > SURPRISE_MOST:
            raise ValueError(f"not tried on more than {SURPRISE_MOST:,} ratings, which it holds as Python tuples")
        by_user, by_item = defaultdict(list), defaultdict(list)
        entries = (train.row_numbers().tolist(), train.indices.tolist(), train.data.tolist())
        for user, item, value in zip(*entries, strict=True):
            by_user[user].append((item, value))
            by_item[item].append((user, value))
        scale = float(train.data.min()), float(train.data.max())
        return Trainset(by_user, by_item, *train.shape, train.nnz, scale, {}, {})

    def fit(trainset: Any) -> Any:
        from surprise import SVD

        return SVD(**parameters).fit(trainset)

    def model(learned: Any, train: Ratings) -> BiasedMF:
        users, items = train.user_counts > 0, train.item_counts > 0  # it predicts by what it knows of a pair alone
        return with_factors(
            BiasedMF(num_threads=settings.threads),
            train,
            learned.pu * users[:, None],
            learned.qi * items[:, None],
            user_bias=learned.bu * users,
            item_bias=learned.bi * items,
            mean=float(learned.trainset.global_mean),
        )

    return Contender(
        name="Surprise SVD", parameters=parameters, prepare=prepare, fit=fit, model=model, library="scikit-surprise"
    )


def libmf(settings: Settings) -> Contender:
    """Squared error and factors without biases, on the scale of the ratings regularised as BiasedMF's factors."""
    regularization, _ = _regularization(settings)
    parameters = {
        "k": settings.factors,
        "nr_iters": settings.iterations,
        "nr_threads": settings.threads,
        "lambda_p2": regularization,
        "lambda_q2": regularization,
        "lambda_p1": 0.0,
        "lambda_q1": 0.0,
        "quiet": True,
    }

    def prepare(train: Ratings) -> Any:
        import libmf.mf  # noqa: F401  not timed

        if max(train.shape) > LIBMF_MOST:
            raise ValueError(f"its Python package mixes up the numbers of more than {LIBMF_MOST:,} users or items")
        return np.stack([train.row_numbers(), train.indices, train.data], axis=1, dtype=np.float32, casting="unsafe")

    def fit(triples: Any) -> Any:
        from libmf.mf import MF

        model = MF(**parameters)
        model.fit(triples)
        return model

    def model(learned: Any, train: Ratings) -> BiasedMF:
        # Where it has no row for the user or the item it predicts the mean. With one more column, 1 for known users
        # and minus the mean for known items, the mean in front cancels for the pairs that it knows.
        mean = float(learned.model.b)
        P = _known_rows(learned.p_factors(), train.n_users, 1.0)
        Q = _known_rows(learned.q_factors(), train.n_items, -mean)
        return with_factors(BiasedMF(num_threads=settings.threads), train, P, Q, mean=mean)

    return Contender(name="LIBMF", parameters=parameters, prepare=prepare, fit=fit, model=model, library="libmf")


def _own(name: str, model: Any) -> Contender:
    return Contender(name=name, parameters=model.get_params(), fit=lambda train: unfitted(model).fit(train))


def _regularization(settings: Settings) -> tuple[float, float]:
    """Of factors and of biases, as BiasedMF has it."""
    model = BiasedMF()
    factors = model.regularization if settings.regularization is None else settings.regularization
    assert isinstance(factors, float)
    return factors, model.bias_regularization


def _known_rows(factors: Any, n: int, last: float) -> Any:
    """LIBMF's rows with one more column; zeros for rows without ratings, which it has as NaN or, the last ones, not."""
    rows = np.zeros((n, factors.shape[1] + 1), np.float32)
    known = np.flatnonzero(~np.isnan(factors).any(axis=1))
    rows[known, :-1] = factors[known]
    rows[known, -1] = last
    return rows


TASKS: dict[str, tuple[Callable[[Settings], list[Contender]], dict[str, Callable[[Settings], Contender]]]] = {
    "ranking": (rankers, {"implicit": implicit, "irspack": irspack}),
    "ratings": (raters, {"scikit-surprise": surprise, "libmf": libmf}),
}
