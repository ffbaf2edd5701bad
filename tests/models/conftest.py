"""Fixtures for tests of models."""

import pytest
from all_models import MODELS, matrix, ratings
from small_wals import FAST, SETTINGS


@pytest.fixture(params=MODELS.values(), ids=MODELS.keys())
def make(request):
    return request.param


@pytest.fixture
def numbered(make):
    """A model fitted to a SciPy matrix: row and column numbers are the ids."""
    return make().fit(matrix())


@pytest.fixture
def named(make):
    """The same matrix with ids: text for users, integers for items, neither in order."""
    return make().fit(ratings())


@pytest.fixture(params=SETTINGS.values(), ids=SETTINGS.keys())
def corner(request):
    return {**FAST, "factors": 6, "iterations": 4, **request.param}
