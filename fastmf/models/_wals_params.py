"""Parameters of WALS that depend on one another."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastmf.models._cost import Solver

# For both sides, where none is given. benchmarks/defaults_wals.py finds the first; the second was the best from 0.02 to
# 0.15, with biases, for a held-out fifth of the embedded MovieLens ratings.
REGULARIZATION, EXPLICIT_REGULARIZATION = (0.001, 0.001), (0.1, 0.1)

RELAXATION = 1.6  # of 1.3 to 1.7 the least sweeps to J near its end, on sparse and dense implicit data and on ratings


def together(p: dict[str, Any]) -> dict[str, Any]:
    """Checked parameters with the defaults that depend on others; an error if they do not go together."""
    if p["regularization"] is None:
        p["regularization"] = REGULARIZATION if np.any(p["unobserved_weight"]) else EXPLICIT_REGULARIZATION
    if p["biased"] and np.any(p["unobserved_weight"]):
        raise ValueError(
            "biased=True needs unobserved_weight=0: against a weight on all pairs a bias is one more factor"
        )
    if p["nonnegative"] and p["biased"]:
        raise ValueError("biased=True and nonnegative=True do not go together: a bias may be negative")
    if p["nonnegative"] and (p["solver"] not in ("auto", "cholesky") or p["form"] == "dual"):
        raise ValueError("nonnegative=True has a solver of its own: leave solver and form at 'auto'")
    if p["relaxation"] is None:
        p["relaxation"] = RELAXATION if p["solver"] == "auto" and not p["nonnegative"] else 1.0
    if p["nonnegative"] and p["relaxation"] > 1:
        raise ValueError("nonnegative=True is not relaxed, as that may go below 0: leave relaxation at None")
    return p


def solver_of(p: dict[str, Any]) -> Solver:
    """How rows are solved under the parameters `p`."""
    name = "nonnegative" if p["nonnegative"] else p["solver"]
    return Solver(name, p["form"], p["cg_steps"], p["block_size"])
