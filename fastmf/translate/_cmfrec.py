"""cmfrec: CMF (explicit) and CMF_implicit."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from fastmf import _checks, _threads
from fastmf.translate._translation import Entries, Floats, Translation, always, as_they_are, filled, never, refusal

# What only side information gives a meaning to: in both models, and in CMF alone.
SIDE_INFORMATION: dict[str, Any] = {
    "k_user": 0,
    "k_item": 0,
    "center_U": True,
    "center_I": True,
    "NA_as_zero_user": False,
    "NA_as_zero_item": False,
    "nonneg_C": False,
    "nonneg_D": False,
}
SIDE_INFORMATION_OF_CMF: dict[str, Any] = {
    "w_user": 1.0,
    "w_item": 1.0,
    "w_implicit": 0.5,
    "add_implicit_features": False,
    "scale_lam_sideinfo": False,
    "include_all_X": True,
}
COMMON: dict[str, Any] = {
    **SIDE_INFORMATION,
    "use_cg": True,
    "k_main": 0,
    "w_main": 1.0,
    "l1_lambda": 0.0,
    "niter": 10,
    "max_cg_steps": 3,
    "precondition_cg": False,
    "nonneg": False,
    "max_cd_steps": 100,
    "precompute_for_predictions": True,
    "use_float": True,
    "random_state": 1,
    "handle_interrupt": True,
    "produce_dicts": False,
    "nthreads": -1,
    "n_jobs": None,
}
DEFAULTS: dict[str, dict[str, Any]] = {
    "CMF": {
        **COMMON,
        **SIDE_INFORMATION_OF_CMF,
        "k": 40,
        "lambda_": 10.0,
        "method": "als",
        "user_bias": True,
        "item_bias": True,
        "center": True,
        "scale_lam": False,
        "scale_bias_const": False,
        "maxiter": 800,
        "parallelize": "separate",
        "corr_pairs": 4,
        "finalize_chol": True,
        "NA_as_zero": False,
        "verbose": False,
        "print_every": 10,
    },
    "CMF_implicit": {
        **COMMON,
        "w_user": 10.0,
        "w_item": 10.0,
        "k": 50,
        "lambda_": 1.0,
        "alpha": 1.0,
        "apply_log_transf": False,
        "finalize_chol": False,
        "verbose": False,
    },
}


def from_cmfrec(model: str, /, **parameters: Any) -> Translation:
    """Translate `cmfrec.CMF` or `cmfrec.CMF_implicit` (3.5), fitted without side information.

    "CMF" minimises, with `user_bias`, `item_bias` and `center`,

        w_main sum_{stored} (r - mu - b_u - c_i - x.y)^2
          + sum_u lambda_u (|x_u|^2 + b_u^2) + sum_i lambda_i (|y_i|^2 + c_i^2)

    where mu stays at the mean rating; lambda is `lambda_`, with `scale_lam` times the row's number of ratings.
    "CMF_implicit" minimises

        w_main (sum_{stored} (1 + alpha r) (1 - x.y)^2 + sum_{not stored} (x.y)^2)
          + lambda_ (sum_u |x_u|^2 + sum_i |y_i|^2)

    with log(r) in the place of r where `apply_log_transf` is set. A `w_main` other than 1 divides lambda_.

    Parameters
    ----------
    model : {"CMF", "CMF_implicit"}
        The class.
    **parameters
        Those of the class, which follow, or all that an object of it says: ``from_cmfrec("CMF", **cmf.get_params())``.
    k, k_main : int
        Factors: their sum.
    lambda_ : float or array of 6
        Of which those of the biases, where there are any, must be those of their side's factors.
    alpha, apply_log_transf, w_main, scale_lam
        As in the formulas above.
    user_bias, item_bias, center : bool, default True
        All three or none: WALS learns a mean and both kinds of biases together. Its mean is part of the minimisation,
        whose minimum can only be lower than with the mean that cmfrec takes beforehand.
    NA_as_zero : bool
        CMF: missing entries are zeros of weight 1; without biases, centring and `scale_lam`.
    nonneg : bool
        WALS's `nonnegative`; not together with biases. `max_cd_steps` has no counterpart.
    use_cg, max_cg_steps
        WALS's "cg" and its steps, or "cholesky".
    precondition_cg, finalize_chol
        WALS always preconditions, and its last iteration is like the others: what `finalize_chol` asks for is noted.
    method : {"als", "lbfgs"}
        CMF: "lbfgs" minimises the same in another way, for which WALS has "cholesky" and `niter`: this is noted.
        `maxiter`, `corr_pairs`, `parallelize` and `print_every` belong to it alone.
    niter, nthreads, n_jobs, random_state, use_float
        Iterations, threads (-1: all there are), seed, and float32 or float64.
    k_user, k_item, w_user, w_item, w_implicit, center_U, center_I, NA_as_zero_user, NA_as_zero_item, nonneg_C,
    nonneg_D, add_implicit_features, scale_lam_sideinfo, include_all_X
        Side information, which WALS has not: anything but the defaults is refused, except for `scale_lam_sideinfo`
        with `scale_lam`, which implies it.
    l1_lambda, scale_bias_const
        WALS has no such regularisation: they are refused, the second where there are biases and `scale_lam`.
    verbose, handle_interrupt, produce_dicts, precompute_for_predictions
        What is printed and kept: there is nothing to translate.

    Returns
    -------
    Translation
        "CMF" takes values as they are, and gives `entries` with `NA_as_zero`. "CMF_implicit" takes values >= 0 as they
        are, and gives `entries` for others and with `apply_log_transf`.

    Raises
    ------
    ValueError
        For what is refused above.
    TypeError
        For a parameter that the class does not have.

    Notes
    -----
    Weights that cmfrec's `fit` takes as `W` go to `WALS.fit` as `weights`, in the order of the ratings there (by row,
    then column). Only with `scale_lam` they do not: cmfrec then scales with the sum of the weights, WALS with the
    number of ratings. (cmfrec 3.5.1 itself mistakes `W` on the items' side unless the entries are sorted by column.)

    cmfrec's CMF leaves users and items without ratings where they started; in WALS they are zero, as they are where the
    objective is least.

    The documentation of cmfrec gives alpha = 1 as the value that matches implicit; its weight is 1 + alpha r where
    implicit's is alpha r.

    Examples
    --------
    >>> import fastmf
    >>> fastmf.translate.from_cmfrec("CMF_implicit", k=16, lambda_=5.0, use_cg=False).model().confidence
    'one_plus'
    >>> fastmf.translate.from_cmfrec("CMF", k=16, scale_lam=True, lambda_=0.05, use_cg=False).notes
    ('cmfrec keeps the mean at that of the ratings; WALS learns it',)
    """
    p = filled(model, parameters, DEFAULTS[_checks.choice("model", model, tuple(DEFAULTS))])
    _refuse_side_information(p, DEFAULTS[model])
    w_main = _checks.real("w_main", p["w_main"], above=0.0)
    factors = _checks.integer("k", p["k"], 1) + _checks.integer("k_main", p["k_main"], 0)
    nonnegative = _checks.flag("nonneg", p["nonneg"])
    explicit = model == "CMF"
    biased = explicit and _biased(p)
    if biased and nonnegative:
        raise refusal("nonneg=True with biases", "WALS has no biases where factors must not be negative")
    regularization = _regularization(p["lambda_"], biased)
    solver, notes = _solver(p, nonnegative)
    if biased:
        notes = ("cmfrec keeps the mean at that of the ratings; WALS learns it", *notes)
    scaled, missing_are_zeros = _scaling(p, biased) if explicit else (False, False)
    params = {
        "factors": factors,
        "iterations": _checks.integer("niter", p["niter"], 1),
        "regularization": _both(*(number / w_main for number in regularization)),
        "unobserved_weight": float(missing_are_zeros or not explicit),
        "regularization_exponent": float(scaled),
        "biased": biased,
        "nonnegative": nonnegative,
        "solver": solver,
        "cg_steps": _checks.integer("max_cg_steps", p["max_cg_steps"], 1),
        "num_threads": _num_threads(p["nthreads"] if p["n_jobs"] is None else p["n_jobs"]),
        "random_state": p["random_state"],
        "dtype": "float32" if _checks.flag("use_float", p["use_float"]) else "float64",
    }
    source = f"cmfrec.{model}"
    if explicit:
        plain = never if missing_are_zeros else always
        return Translation(source=source, params=params, scale=w_main, notes=notes, _rule=as_they_are, _plain=plain)
    alpha = _checks.real("alpha", p["alpha"], above=0.0)
    log = _checks.flag("apply_log_transf", p["apply_log_transf"])

    def rule(r: Floats) -> Entries:
        if log and (r < 1).any():
            raise ValueError(f"values must be >= 1 with apply_log_transf, as cmfrec wants them, got {r.min()}")
        return np.ones_like(r), 1 + alpha * (np.log(r) if log else r)

    def plain_implicit(r: Floats) -> bool:
        return not log and bool((r >= 0).all())

    return Translation(
        source=source,
        params={**params, "alpha": alpha, "confidence": "one_plus"},
        scale=w_main,
        notes=notes,
        _rule=rule,
        _plain=plain_implicit,
    )


def _refuse_side_information(p: dict[str, Any], defaults: dict[str, Any]) -> None:
    for name in (*SIDE_INFORMATION, *SIDE_INFORMATION_OF_CMF):
        if name == "scale_lam_sideinfo" and p.get("scale_lam"):
            continue  # a fitted CMF says so of itself
        if name in p and p[name] != defaults[name]:
            raise refusal(f"{name}={p[name]!r}", "it concerns side information, which WALS does not have")
    if np.any(p["l1_lambda"]):
        raise refusal(f"l1_lambda={p['l1_lambda']!r}", "WALS regularises with squares alone")


def _biased(p: dict[str, Any]) -> bool:
    """Whether there are biases: with a mean and for both sides, or not at all."""
    parts = [_checks.flag(name, p[name]) for name in ("user_bias", "item_bias", "center")]
    if any(parts) and not all(parts):
        raise refusal(
            "user_bias={}, item_bias={}, center={}".format(*parts),
            "WALS learns a mean and both kinds of biases, or none of them; a mean alone can be subtracted from the "
            "ratings beforehand",
        )
    return all(parts)


def _scaling(p: dict[str, Any], biased: bool) -> tuple[bool, bool]:
    """scale_lam and NA_as_zero of CMF."""
    scaled, zeros = _checks.flag("scale_lam", p["scale_lam"]), _checks.flag("NA_as_zero", p["NA_as_zero"])
    if _checks.flag("scale_bias_const", p["scale_bias_const"]) and scaled and biased:
        raise refusal("scale_bias_const=True", "WALS regularises a bias as it does the factors of its row")
    if zeros and biased:
        raise refusal("NA_as_zero=True with biases", "WALS has no biases where unobserved pairs have a weight")
    if zeros and scaled:
        raise refusal(
            "NA_as_zero=True with scale_lam=True",
            "cmfrec then multiplies lambda_ by the length of a whole row; multiply it yourself, and give it for each "
            "side as an array of 6",
        )
    return scaled, zeros


def _regularization(value: Any, biased: bool) -> tuple[float, float]:
    """Of users and items, from one number or from those of user bias, item bias, A, B, C and D."""
    if np.ndim(value) == 0:
        number = _checks.real("lambda_", value, 0.0)
        return number, number
    all_of_them = _checks.finite_vector("lambda_", value, 6, 0.0)
    user_bias, item_bias, users, items = (float(number) for number in all_of_them[:4])
    if biased and (user_bias, item_bias) != (users, items):
        raise refusal(
            f"lambda_ with {user_bias:g} and {item_bias:g} for biases and {users:g} and {items:g} for factors",
            "WALS regularises a bias as it does the factors of its row",
        )
    return users, items


def _both(users: float, items: float) -> float | tuple[float, float]:
    """One number where it serves both sides."""
    return users if users == items else (users, items)


def _solver(p: dict[str, Any], nonnegative: bool) -> tuple[str, tuple[str, ...]]:
    """WALS's solver, and notes on what it leaves out."""
    use_cg, finish, _ = (_checks.flag(name, p[name]) for name in ("use_cg", "finalize_chol", "precondition_cg"))
    if nonnegative:
        return "auto", ()
    if "method" in p and _checks.choice("method", p["method"], ("als", "lbfgs")) == "lbfgs":
        return "cholesky", ("method='lbfgs' becomes exact alternating least squares, with niter iterations",)
    notes = ("finalize_chol=True is left out: the last iteration is like the others",) if use_cg and finish else ()
    return ("cg" if use_cg else "cholesky"), notes


def _num_threads(value: Any) -> int | None:
    """-1: all there are; -2: all but one, and so on, as in joblib."""
    number = _checks.integer("nthreads", value)
    if number == 0:
        raise ValueError("nthreads must not be 0")
    if number >= -1:
        return None if number == -1 else _threads.argument("nthreads", number)
    return max(1, (os.cpu_count() or 1) + 1 + number)
