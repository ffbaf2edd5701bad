"""LIBMF: squared error, no biases, its reduced AdaGrad.

The package's Python face turns ids into float32 and loses memory at each fit, so its C functions are called directly.
The regularisation acts at every rating, so in units of the ratings it is lam n_u |p_u|^2. Without the flags
-DUSEAVX -DUSEOMP of its Makefile in CFLAGS, and -fopenmp in LDFLAGS, a build from its sdist has no SIMD: no bar.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.versus._harness import Contender, Rerun
from benchmarks.versus._tasks import Explicit, pair_scores

# (learning rate, regularisation) with the least RMSE on a validation part of synthetic("ml-20m") at 64 factors,
# after 5 and after 15 epochs: no pair is best at both.
SETTINGS = ((0.1, 0.02), (0.06, 0.03))
BINS = 26  # its default

NODE = np.dtype([("u", np.int32), ("v", np.int32), ("r", np.float32)])


class _Problem(ctypes.Structure):
    _fields_ = (("m", ctypes.c_int), ("n", ctypes.c_int), ("nnz", ctypes.c_longlong), ("R", ctypes.c_void_p))


class _Parameter(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in ("fun", "k", "nr_threads", "nr_bins", "nr_iters")),
        *((name, ctypes.c_float) for name in ("lambda_p1", "lambda_p2", "lambda_q1", "lambda_q2", "eta")),
        *((name, ctypes.c_bool) for name in ("do_nmf", "quiet", "copy_data")),
    )


class _Model(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_int) for name in ("fun", "m", "n", "k")),
        ("b", ctypes.c_float),
        ("P", ctypes.POINTER(ctypes.c_float)),
        ("Q", ctypes.POINTER(ctypes.c_float)),
    )


@cache
def _library() -> ctypes.CDLL:
    import importlib.util

    found = importlib.util.find_spec("libmf")
    (path,) = Path(found.origin).parent.parent.glob("libmf*.so")
    library = ctypes.CDLL(str(path))
    library.mf_train.argtypes = (ctypes.POINTER(_Problem), _Parameter)
    library.mf_train.restype = ctypes.POINTER(_Model)
    library.mf_destroy_model.argtypes = (ctypes.POINTER(ctypes.POINTER(_Model)),)
    return library


class _Session(Rerun):
    def predictions(self, task: Explicit) -> Any:
        mean, P, Q = self.model
        scores = pair_scores(P, Q, task.test_users, task.test_items)
        scores[np.isnan(scores)] = mean  # rows without ratings
        return scores


def explicit(task: Explicit) -> list[Contender]:
    nodes = np.empty(len(task.values), NODE)
    nodes["u"], nodes["v"], nodes["r"] = task.users, task.items, task.values

    def fit(epochs: int, learning_rate: float, regularization: float) -> Any:
        parameter = _Parameter(
            fun=0,
            k=task.factors,
            nr_threads=task.threads,
            nr_bins=BINS,
            nr_iters=epochs,
            lambda_p2=regularization,
            lambda_q2=regularization,
            eta=learning_rate,
            quiet=True,
            copy_data=True,
        )
        problem = _Problem(*task.shape, len(nodes), nodes.ctypes.data)
        pointer = _library().mf_train(problem, parameter)
        model = pointer.contents
        mean = model.b
        P = np.ctypeslib.as_array(model.P, (model.m, model.k)).copy()
        Q = np.ctypeslib.as_array(model.Q, (model.n, model.k)).copy()
        _library().mf_destroy_model(pointer)
        return mean, P, Q

    return [
        Contender(f"libmf {rate} {lam}", lambda rate=rate, lam=lam: _Session(lambda epochs: fit(epochs, rate, lam)))
        for rate, lam in SETTINGS
    ]
