"""LensKit: the ALS scorers."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastmf import _checks
from fastmf.translate._translation import Entries, Floats, Translation, filled, refusal

COMMON = {"embedding_size": 50, "epochs": 10, "regularization": 0.1, "user_embeddings": True}
DEFAULTS: dict[str, dict[str, Any]] = {
    "ImplicitMFScorer": {**COMMON, "weight": 40.0, "use_ratings": False},
    "BiasedMFScorer": {**COMMON, "damping": 5.0, "biases_subtracted": False},
}


def from_lenskit(scorer: str, /, **parameters: Any) -> Translation:
    """Translate `lenskit.als.ImplicitMFScorer` or `BiasedMFScorer` (2025 and 2026).

    "ImplicitMFScorer" minimises, with r = 1 unless `use_ratings`,

        sum_{stored} (1 + weight r) (1 - x.y)^2 + sum_{not stored} (x.y)^2
          + regularization (sum_u |x_u|^2 + sum_i |y_i|^2)

    "BiasedMFScorer" first works out a mean and damped biases and leaves them as they are; then it minimises, with e
    the ratings less these and n_u and n_i numbers of ratings,

        sum_{stored} (e - x.y)^2 + regularization (sum_u n_u |x_u|^2 + sum_i n_i |y_i|^2)

    WALS has no biases that stay as they are: the second can be translated only for ratings that are already less
    LensKit's biases (`BiasModel.transform_matrix` there), and the model then predicts what is left.

    Parameters
    ----------
    scorer : {"ImplicitMFScorer", "BiasedMFScorer"}
        The component.
    **parameters
        Those of its configuration, which follow.
    embedding_size : int, default 50
        Factors; LensKit's other ways to say it, `features` and `embedding_size_exp` (a power of two), work as well.
    epochs : int, default 10
        Iterations.
    regularization : float, (float, float) or UIPair, default 0.1
        One number, or one for users and one for items.
    weight : float, default 40.0
        ImplicitMFScorer: the slope of the confidence; must be above 0.
    use_ratings : bool, default False
        ImplicitMFScorer: take the stored values for r.
    damping : float or dict, default 5.0
        BiasedMFScorer: belongs to the biases, which are not translated.
    biases_subtracted : bool, default False
        BiasedMFScorer, and not a parameter of LensKit: the ratings will be less its biases.
    user_embeddings : bool or "prefer", default True
        What LensKit keeps for prediction: WALS keeps the users' factors, and there is nothing to translate.

    Returns
    -------
    Translation
        Takes values as they are, except for values other than 1 without `use_ratings`, and negative ones with it,
        for which it gives `entries`.

    Raises
    ------
    ValueError
        For "BiasedMFScorer" unless `biases_subtracted`.
    TypeError
        For a parameter that the scorer does not have.

    Notes
    -----
    LensKit solves users, then items; WALS items, then users. Both solve rows exactly.

    Examples
    --------
    >>> import fastmf
    >>> translation = fastmf.translate.from_lenskit("ImplicitMFScorer", embedding_size=16, weight=10.0)
    >>> translation.model().alpha
    10.0
    >>> translation.entries([4.0, 1.0])
    (array([1., 1.]), array([11., 11.]))
    """
    defaults = DEFAULTS[_checks.choice("scorer", scorer, tuple(DEFAULTS))]
    p = filled(scorer, _one_size(parameters), defaults)
    params = {
        "factors": _checks.integer("embedding_size", p["embedding_size"], 1),
        "iterations": _checks.integer("epochs", p["epochs"], 1),
        "regularization": _for_both_sides(p["regularization"]),
        "unobserved_weight": float(scorer == "ImplicitMFScorer"),
        "regularization_exponent": float(scorer == "BiasedMFScorer"),
        "solver": "cholesky",
        "dtype": "float32",
    }
    source = f"lenskit.als.{scorer}"
    if scorer == "BiasedMFScorer":
        if not _checks.flag("biases_subtracted", p["biases_subtracted"]):
            raise refusal(
                "BiasedMFScorer",
                "LensKit works out biases beforehand and leaves them as they are, and WALS learns its own; subtract "
                "LensKit's from the ratings and pass biases_subtracted=True for the rest of the model",
            )
        return Translation(
            source=source,
            params=params,
            notes=("the model predicts what LensKit's biases leave of a rating: add them to its predictions",),
        )
    weight = _checks.real("weight", p["weight"], above=0.0)
    use_ratings = _checks.flag("use_ratings", p["use_ratings"])

    def rule(r: Floats) -> Entries:
        return np.ones_like(r), 1 + weight * (r if use_ratings else np.ones_like(r))

    def plain(r: Floats) -> bool:
        return bool((r >= 0).all() if use_ratings else (r == 1).all())

    return Translation(
        source=source, params={**params, "alpha": weight, "confidence": "one_plus"}, _rule=rule, _plain=plain
    )


def _one_size(parameters: dict[str, Any]) -> dict[str, Any]:
    """The parameters with the size under one name."""
    names = [name for name in ("embedding_size", "features", "embedding_size_exp") if name in parameters]
    if len(names) > 1:
        raise TypeError(f"{' and '.join(names)} are one parameter: give one of them")
    if names in (["features"], ["embedding_size_exp"]):
        rest = {name: value for name, value in parameters.items() if name != names[0]}
        size = parameters[names[0]]
        return {
            **rest,
            "embedding_size": size if names == ["features"] else 2 ** _checks.integer(names[0], size, 0, 12),
        }
    return parameters


def _for_both_sides(value: Any) -> float | tuple[float, float]:
    """A number, or numbers for users and items from a pair, a dictionary or LensKit's UIPair."""
    if isinstance(value, dict) and set(value) == {"user", "item"}:
        value = value["user"], value["item"]
    elif hasattr(value, "user") and hasattr(value, "item") and not np.isscalar(value):
        value = value.user, value.item
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return tuple(
            _checks.real(f"regularization of {side}", number, 0.0)
            for side, number in zip(("users", "items"), value, strict=True)
        )  # type: ignore[return-value]
    return _checks.real("regularization", value, 0.0)
