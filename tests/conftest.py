"""Fixtures for all tests; tests/ itself is importable, so that twins are `from reference.x import y`."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))

from fastmf.kernels.simd import table

settings.register_profile("fastmf", deadline=None)  # a busy machine is no failure
settings.load_profile("fastmf")


@pytest.fixture(params=table.supported())
def simd(request):
    """Each instruction set this processor has, in use for the length of a test."""
    before = table.chosen()
    table.use(request.param)
    yield request.param
    table.use(before)


@pytest.fixture
def sparse_file(tmp_path):
    """Makes arrays of zeros larger than memory, in files that take room only for what is written to them."""

    def make(dtype, shape):
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.bin"
        try:
            return np.memmap(path, dtype, "w+", shape=shape)
        except OSError as error:
            pytest.skip(f"no sparse file of this size: {error}")

    return make
