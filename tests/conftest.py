"""Fixtures for all tests; tests/ itself is importable, so that twins are `from reference.x import y`."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fastmf.kernels.simd import table


@pytest.fixture(params=table.supported())
def simd(request):
    """Each instruction set this processor has, in use for the length of a test."""
    before = table.chosen()
    table.use(request.param)
    yield request.param
    table.use(before)
