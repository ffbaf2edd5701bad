"""A child made by fork() runs serially and finishes: the parent's OpenMP team does not survive into it."""

import os
import subprocess
import sys

import pytest

from fastmf.kernels.simd import table

CODE = """
import os, signal, sys, warnings
import numpy as np
import scipy.sparse as sp
import fastmf
from fastmf import _threads

warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of any fork of a process with threads
ratings = fastmf.Ratings.from_sparse(sp.random_array((300, 200), density=0.1, random_state=0) * 5)
models = [fastmf.WALS(factors=8, iterations=2, random_state=0), fastmf.BiasedMF(factors=8, epochs=2, random_state=0)]


def work():
    results = []
    for model in models:
        model.set_params(num_threads=2).fit(ratings)
        results += [model.user_factors, model.predict(np.arange(300), np.arange(300) % 200)]
        results += [*model.recommend(np.arange(300), 5), *model.similar_items(np.arange(50), 3)]
        results += [np.array(list(fastmf.evaluate(model, ratings, exclude_seen=False, num_threads=2).values()))]
    return results


expected = work()
assert _threads.effective(2).count == TEAM, "the parent must have had a team"
child = os.fork()
if child == 0:
    signal.alarm(30)  # a hung child ends, with a signal
    try:
        assert _threads.effective(2).count == 1
        assert all(np.array_equal(a, b) for a, b in zip(expected, work(), strict=True))
        os._exit(0)
    except BaseException as error:
        print(repr(error), file=sys.stderr, flush=True)
        os._exit(1)
sys.exit(os.waitpid(child, 0)[1])  # 0 if it ended well, else its signal or code
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_gives_the_same_results_and_finishes():
    code = CODE.replace("TEAM", "2" if table.openmp() else "1")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stderr) == (0, "")
