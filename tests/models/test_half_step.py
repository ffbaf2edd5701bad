"""The driver of a half-step: the methods it gives to the rows, and the scratch it makes for them."""

import numpy as np
import pytest
import scipy.sparse as sp
from small_wals import FAST, implicit

from fastmf import WALS
from fastmf.kernels import wals as kernel
from fastmf.models import _cost, _half_step


@pytest.fixture
def methods(monkeypatch):
    """The methods that rows are solved by, of each call of the kernel: first the users to start from."""
    seen, solve_rows = [], kernel.solve_rows

    def listening(*arguments):
        given = next(a for a in arguments if isinstance(a, np.ndarray) and a.dtype == np.uint8)
        seen.append(set(given.tolist()))
        solve_rows(*arguments)

    monkeypatch.setattr(kernel, "solve_rows", listening)
    return seen


def test_a_user_without_ratings_does_not_keep_the_others_from_the_dual_form(methods):
    """Nothing regularises that user where unobserved pairs have no weight, and nothing has to."""
    matrix = sp.csr_array(np.vstack([np.ones((40, 2)), np.zeros((1, 2))]))
    WALS(**FAST, factors=60, unobserved_weight=0, form="dual", solver="cholesky").fit(matrix)
    assert len(methods) > 2
    assert set().union(*methods[1:]) == {kernel.DUAL}


def test_blocks_are_no_larger_than_the_factors(monkeypatch):
    sizes, workspace = [], kernel.workspace

    def listening(factors, block_size, *rest):
        sizes.append(block_size)
        return workspace(factors, block_size, *rest)

    monkeypatch.setattr(kernel, "workspace", listening)
    WALS(**FAST, factors=5, solver="subspace", block_size=4096).fit(implicit())
    assert 0 < max(sizes) <= kernel.padded(5, np.empty(0, np.float32))


@pytest.mark.parametrize(("worth", "threads"), [(_cost.TEAM_SECONDS, 1), (0.0, 4)])
def test_little_work_is_for_one_thread(monkeypatch, worth, threads):
    """Waiting for others takes longer, and on a busy machine much longer."""
    seen = set()

    def listening(name, call):
        def called(*arguments):
            seen.add((name, arguments[-1]))
            return call(*arguments)

        return called

    for name in ("gramian", "eigenbasis", "rotate"):
        monkeypatch.setattr(_half_step, name, listening(name, getattr(_half_step, name)))
    monkeypatch.setattr(_cost, "TEAM_SECONDS", worth)
    WALS(**FAST | {"num_threads": 4}, factors=5, solver="cg").fit(implicit())
    assert seen == {(name, threads) for name in ("gramian", "eigenbasis", "rotate")}


def test_rows_that_iterate_too_slowly_are_factorised_from_then_on(methods):
    """Weights of four decades, of which conjugate gradient takes one after the other."""
    matrix = implicit(60, 200, density=0.9)
    matrix.data[:] = np.geomspace(1, 1e4, matrix.nnz)[np.random.default_rng(0).permutation(matrix.nnz)]
    params = {"factors": 64, "unobserved_weight": 0.01, "regularization": 0.1}  # float32 suffices
    WALS(**FAST, **params, solver="cholesky", form="iterated", iterations=3).fit(matrix)
    items, users = methods[1::2], methods[2::2]  # after the users to start from
    assert items[0] == users[0] == {kernel.ITERATED}
    assert kernel.PRIMAL in items[1] | users[1]
