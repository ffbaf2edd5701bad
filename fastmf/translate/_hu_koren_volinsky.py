"""The paper that implicit-feedback factorisation comes from, in its own letters."""

from __future__ import annotations

import numpy as np

from fastmf import _checks
from fastmf.translate._translation import Entries, Floats, Translation, refuse_negative


def from_hu_koren_volinsky(
    f: int, lambda_: float, alpha: float = 40.0, epsilon: float | None = None, sweeps: int = 10
) -> Translation:
    """Translate the model of Hu, Koren & Volinsky 2008, "Collaborative filtering for implicit feedback datasets".

    Its equation 3, over all users and items, with p = 1 where r > 0 and p = 0 where r = 0:

        sum_{u,i} c (p - x.y)^2 + lambda (sum_u |x_u|^2 + sum_i |y_i|^2)

        c = 1 + alpha r, or with `epsilon` (equation 6) c = 1 + alpha log(1 + r / epsilon)

    Parameters
    ----------
    f : int
        Factors; the paper tries 10 to 200.
    lambda_ : float
        Left to cross-validation in the paper.
    alpha : float, default 40.0
        What the paper found good.
    epsilon : float, optional
        Take the logarithmic confidence, with this scale of r.
    sweeps : int, default 10
        Of users and items, each row solved exactly: the paper's own number.

    Returns
    -------
    Translation
        Takes positive values as they are without `epsilon`; gives `entries` with it, and where there are stored zeros.

    Notes
    -----
    The paper solves users, then items; WALS items, then users.

    Examples
    --------
    >>> import fastmf
    >>> translation = fastmf.translate.from_hu_koren_volinsky(f=16, lambda_=150.0)
    >>> translation.model().confidence
    'one_plus'
    >>> translation.entries([1.0, 3.0]) is None
    True
    >>> translation.entries([1.0, 0.0])
    (array([1., 0.]), array([41.,  1.]))
    """
    alpha = _checks.real("alpha", alpha, above=0.0)
    scale = None if epsilon is None else _checks.real("epsilon", epsilon, above=0.0)

    def rule(r: Floats) -> Entries:
        refuse_negative(r, "Hu, Koren & Volinsky's model")
        return (r > 0).astype(r.dtype), 1 + alpha * (r if scale is None else np.log1p(r / scale))

    def plain(r: Floats) -> bool:
        return scale is None and bool((r > 0).all())

    return Translation(
        source="Hu, Koren & Volinsky 2008",
        params={
            "factors": _checks.integer("f", f, 1),
            "iterations": _checks.integer("sweeps", sweeps, 1),
            "regularization": _checks.real("lambda_", lambda_, 0.0),
            "unobserved_weight": 1.0,
            "regularization_exponent": 0.0,
            "alpha": alpha,
            "confidence": "one_plus",
            "solver": "cholesky",
        },
        _rule=rule,
        _plain=plain,
    )
