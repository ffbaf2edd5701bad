"""Small matrices and fits of WALS, and its objective by definition."""

import numpy as np
import scipy.sparse as sp
from tolerances import tolerance

FAST = {"num_threads": 1, "random_state": 0}  # one thread, since a team costs more than these small fits


SETTINGS = {  # corners of the objective
    "implicit": {},
    "implicit-float64": {"dtype": "float64"},
    "constant-regularization": {"regularization_exponent": 0.0, "regularization": 3.0},
    "two-regularizations": {"regularization": (0.5, 0.02), "regularization_exponent": 0.5},
    "one-plus": {"confidence": "one_plus", "alpha": 4.0},
    "log": {"confidence": "log", "alpha": 2.0},
    "heavy-unobserved": {"unobserved_weight": 3.0},
    "light-unobserved": {"unobserved_weight": 1e-3, "alpha": 10.0},
    "explicit": {"unobserved_weight": 0, "regularization": 0.05},
    "explicit-constant": {"unobserved_weight": 0.0, "regularization_exponent": 0.0, "regularization": 0.5},
    "no-regularization": {"regularization": 0.0, "unobserved_weight": 1.0},
    "unobserved-by-item": {"unobserved_weight": np.linspace(0, 0.5, 25)},
    "biased": {"unobserved_weight": 0, "regularization": 0.05, "biased": True},
    "nonnegative": {"nonnegative": True},
    "nonnegative-explicit": {"nonnegative": True, "unobserved_weight": 0, "regularization": 0.05},
    "primal": {"solver": "cholesky", "form": "primal"},
    "dual": {"solver": "cholesky", "form": "dual"},
    "dual-explicit": {"solver": "cholesky", "form": "dual", "unobserved_weight": 0, "regularization": 0.05},
}


def implicit(n_users=40, n_items=25, seed=0, *, signed=False, density=0.25):
    """Counts from 1 to 5, some negative if `signed`; row 1 and column 2 are empty if there are so many."""
    rng = np.random.default_rng(seed)
    dense = rng.integers(1, 6, (n_users, n_items)) * (rng.random((n_users, n_items)) < density)
    if signed:
        dense *= rng.choice([1, 1, -1], dense.shape)
    dense[1:2], dense[:, 2:3] = 0, 0
    dense[0, 0] = 3
    return sp.csr_array(dense.astype(np.float32))


def dense_objective(model, matrix, weights=None):
    """J by its definition: one term for each pair of a user and an item."""
    p = model._checked_together()
    r, stored, w = matrix.toarray().astype(np.float64), np.zeros(matrix.shape, bool), np.zeros(matrix.shape)
    rows, columns = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr)), matrix.indices
    stored[rows, columns] = True
    strength = p["alpha"] * abs(r)
    if weights is not None:
        w[rows, columns], a = weights, r
    elif not np.any(p["unobserved_weight"]):
        w, a = stored.astype(float), r
    else:
        w = {"linear": strength, "one_plus": 1 + strength, "log": np.log(1 + strength)}[p["confidence"]]
        a = (r >= 0).astype(float)
    x, y = model.user_factors.astype(np.float64), model.item_factors.astype(np.float64)
    b, c = model.user_bias.astype(np.float64), model.item_bias.astype(np.float64)
    scores = model.mean + b[:, None] + c + x @ y.T
    w0 = np.broadcast_to(p["unobserved_weight"], matrix.shape)
    observed = (np.where(stored, w, 0) * (a - scores) ** 2).sum()
    unobserved = (np.where(stored, 0, w0) * scores**2).sum()
    lam = np.broadcast_to(p["regularization"], 2)
    ridges = [lam[i] * (stored.sum(1 - i) + w0.sum(1 - i)) ** p["regularization_exponent"] for i in (0, 1)]
    return observed, unobserved, ridges[0] @ ((x**2).sum(1) + b**2) + ridges[1] @ ((y**2).sum(1) + c**2)


def near(model, scale=1.0):
    return tolerance(model.user_factors.dtype, 1000) * scale


def same_factors(model, other):
    return (
        model.user_factors.tobytes() == other.user_factors.tobytes()
        and model.item_factors.tobytes() == other.item_factors.tobytes()
    )


def products(model):
    return model.user_factors @ model.item_factors.T


def check_fold_in(model, rows, expected=None, slack=1, **keywords):
    folded = model.fold_in_users(rows, **keywords)
    expected = model.user_factors if expected is None else expected
    assert folded.dtype == model.user_factors.dtype
    assert folded.shape == expected.shape
    scale = np.linalg.norm(expected, axis=1, keepdims=True)
    assert (abs(folded - expected) <= 10 * slack * near(model, scale)).all()
