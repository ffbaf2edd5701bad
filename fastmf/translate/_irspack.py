"""irspack: IALSRecommender."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks, _threads
from fastmf.models._intake import as_ratings
from fastmf.translate._translation import Entries, Floats, Translation, refusal, refuse_negative

SOLVERS = {"CG": "cg", "CHOLESKY": "cholesky", "IALSPP": "subspace"}
INIT_STD = 0.1  # irspack's default, and the length of a first row of WALS


def from_irspack(
    X_train_all: Any = None,
    n_components: int = 20,
    alpha0: float = 0.0,
    reg: float = 1e-3,
    nu: float = 1.0,
    confidence_scaling: str = "none",
    epsilon: float = 1.0,
    init_std: float = INIT_STD,
    solver_type: str = "CG",
    max_cg_steps: int = 3,
    ialspp_subspace_dimension: int = 64,
    loss_type: str = "IALSPP",
    nu_star: float | None = None,
    random_seed: int = 42,
    n_threads: int | None = None,
    train_epochs: int = 16,
    prediction_time_max_cg_steps: int = 5,
    prediction_time_ialspp_iteration: int = 7,
    user_features: Any = None,
    item_features: Any = None,
    lambda_user_feature: float = 0.0,
    lambda_item_feature: float = 0.0,
    feature_warmup_epochs: int = 0,
) -> Translation:
    """Translate `irspack.IALSRecommender` (0.5).

    It minimises half of, with c = r, or log(1 + r / epsilon) with `confidence_scaling` "log",

        sum_{stored} c (1 - x.y)^2 + alpha0 sum_{all pairs} (x.y)^2 + regularisation            (loss_type "IALSPP")
        sum_{stored} (alpha0 + c) (1 - x.y)^2 + alpha0 sum_{not stored} (x.y)^2 + regularisation      ("ORIGINAL")

        regularisation = sum_u reg (n_u + alpha0 n_items)^nu |x_u|^2 + sum_i reg (n_i + alpha0 n_users)^nu |y_i|^2

    In "IALSPP" a stored pair has two squares, c (1 - yhat)^2 + alpha0 yhat^2. They make one, with the weight w = c +
    alpha0 and the target a = c / w, and the constant c alpha0 / w is left over (`Translation.constant`).

    Parameters
    ----------
    X_train_all : Ratings or SciPy sparse matrix, optional
        Needed for `nu_star` alone, which depends on the numbers of entries; the translation then fits this matrix.
    n_components, alpha0, reg, nu, confidence_scaling, epsilon, loss_type
        As there. The default of `alpha0`, 0, is that of the class; `IALSConfig` has 1.
    nu_star : float, optional
        `reg` is meant at this exponent: it becomes  reg scale(nu_star) / scale(nu),  where scale(nu) is the sum of
        (n_u + alpha0 n_items)^nu and (n_i + alpha0 n_users)^nu over all rows of both sides.
    solver_type : {"CG", "CHOLESKY", "IALSPP"}
        WALS's "cg" (with `max_cg_steps`; 0 there means as many as factors), "cholesky", and "subspace" with blocks of
        `ialspp_subspace_dimension`.
    train_epochs, random_seed, n_threads
        Iterations, seed and threads; None: all there are.
    init_std : float
        WALS starts from users of this length only at the default, 0.1; another value is noted and changes nothing.
    prediction_time_max_cg_steps, prediction_time_ialspp_iteration
        Nothing to translate: WALS folds new users in exactly.
    user_features, item_features, lambda_user_feature, lambda_item_feature, feature_warmup_epochs
        WALS has no features of users and items: anything but the defaults is refused.

    Returns
    -------
    Translation
        Gives `entries`; only with "ORIGINAL", alpha0 = 1 and no scaling it takes values >= 0 as they are.

    Raises
    ------
    ValueError
        For features, for `nu_star` without `X_train_all`, and later for stored values below 0.

    Notes
    -----
    irspack solves users, then items; WALS items, then users.

    Examples
    --------
    >>> import fastmf
    >>> translation = fastmf.translate.from_irspack(n_components=16, alpha0=0.5, reg=0.003, solver_type="CHOLESKY")
    >>> translation.entries([1.0, 4.5])
    (array([0.66666667, 0.9       ]), array([1.5, 5. ]))
    >>> round(translation.constant([1.0, 4.5]), 4)
    0.7833
    """
    features = {
        "user_features": (user_features, None),
        "item_features": (item_features, None),
        "lambda_user_feature": (lambda_user_feature, 0.0),
        "lambda_item_feature": (lambda_item_feature, 0.0),
        "feature_warmup_epochs": (feature_warmup_epochs, 0),
    }
    for name, (value, default) in features.items():
        if value is not default and (default is None or value != default):
            raise refusal(name, "WALS has no features of users and items")
    k = _checks.integer("n_components", n_components, 1)
    alpha0, reg = _checks.real("alpha0", alpha0, 0.0), _checks.real("reg", reg, 0.0)
    nu = _checks.real("nu", nu, 0.0, 2.0)
    log = _checks.choice("confidence_scaling", confidence_scaling, ("none", "log")) == "log"
    epsilon = _checks.real("epsilon", epsilon, above=0.0)
    original = _checks.choice("loss_type", loss_type, ("IALSPP", "ORIGINAL")) == "ORIGINAL"
    if nu_star is not None:
        if X_train_all is None:
            raise ValueError("nu_star needs X_train_all: what it makes of reg depends on the numbers of entries")
        data, nu_star = as_ratings(X_train_all, "X_train_all"), _checks.real("nu_star", nu_star)
        reg *= _scale(data.user_counts, data.item_counts, alpha0, nu_star)
        reg /= _scale(data.user_counts, data.item_counts, alpha0, nu)
    for name, steps in (
        ("prediction_time_max_cg_steps", prediction_time_max_cg_steps),
        ("prediction_time_ialspp_iteration", prediction_time_ialspp_iteration),
    ):
        _checks.integer(name, steps, 0)
    notes: tuple[str, ...] = ()
    if _checks.real("init_std", init_std, 0.0) != INIT_STD:
        notes = (f"init_std={init_std:g} is left out: WALS starts from users of length {INIT_STD}",)

    def rule(values: Floats) -> Entries:
        refuse_negative(values, "irspack")
        c = np.log1p(values / epsilon) if log else values
        w = alpha0 + c
        return np.ones_like(w) if original else np.divide(c, w, out=np.zeros_like(w), where=w > 0), w

    def plain(values: Floats) -> bool:
        return original and alpha0 == 1 and not log and bool((values >= 0).all())

    def constant(values: Floats) -> float:  # sum of c alpha0 / w
        return 0.0 if original else float(alpha0 * rule(values)[0].sum())

    return Translation(
        source="irspack.IALSRecommender",
        params={
            "factors": k,
            "iterations": _checks.integer("train_epochs", train_epochs, 1),
            "regularization": reg,
            "unobserved_weight": alpha0,
            "regularization_exponent": nu,
            "alpha": 1.0,
            "confidence": "one_plus",
            "solver": SOLVERS[_checks.choice("solver_type", solver_type, tuple(SOLVERS))],
            "cg_steps": _checks.integer("max_cg_steps", max_cg_steps, 0) or k,
            "block_size": _checks.integer("ialspp_subspace_dimension", ialspp_subspace_dimension, 1),
            "num_threads": _threads.argument("n_threads", n_threads),
            "random_state": _checks.integer("random_seed", random_seed, 0),
            "dtype": "float32",
        },
        scale=0.5,
        notes=notes,
        _rule=rule,
        _plain=plain,
        _constant=constant,
    )


def _scale(user_counts: NDArray[np.int64], item_counts: NDArray[np.int64], alpha0: float, nu: float) -> float:
    """The sum of all rows' multipliers of reg."""
    return float(
        ((user_counts + alpha0 * len(item_counts)) ** nu).sum()
        + ((item_counts + alpha0 * len(user_counts)) ** nu).sum()
    )
