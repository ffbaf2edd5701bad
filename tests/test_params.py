"""Parameters: stored as given, checked all together, shown where they differ from their defaults."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from fastmf import _checks
from fastmf._params import HasParams, either, none, param


@dataclass(kw_only=True, repr=False, eq=False)
class Box(HasParams):
    width: int = param(2, lambda name, value: _checks.integer(name, value, 1))
    weight: float = param(0.1, lambda name, value: _checks.real(name, value, 0.0))
    lid: Any = param(None, either(none, _checks.flag))
    colour: str = "red"  # a field, and no parameter


def test_the_constructor_only_stores():
    width = np.int16(3)
    assert Box(width=width).width is width
    assert Box(width="nonsense").width == "nonsense"
    with pytest.raises(TypeError):
        Box(2)  # by name only
    with pytest.raises(TypeError):
        Box(height=2)


def test_get_params_has_the_parameters_in_order_and_nothing_else():
    assert Box(width=3).get_params() == {"width": 3, "weight": 0.1, "lid": None}
    assert Box.param_names() == tuple(Box().get_params(deep=False))


def test_set_params_sets_all_or_nothing():
    box = Box()
    assert box.set_params(width=5, lid=True) is box
    assert box.get_params() == {"width": 5, "weight": 0.1, "lid": True}
    with pytest.raises(ValueError, match="Box has no parameter 'colour'; it has width, weight, lid"):
        box.set_params(width=6, colour="blue")
    assert box.width == 5


def test_checked_cleans_all_parameters_and_changes_nothing():
    box = Box(width=np.int16(3), weight=1)
    cleaned = box.checked()
    assert cleaned == {"width": 3, "weight": 1.0, "lid": None}
    assert type(cleaned["width"]) is int
    assert type(cleaned["weight"]) is float
    assert type(box.width) is np.int16


@pytest.mark.parametrize(
    ("params", "error", "text"),
    [
        ({"width": 0}, ValueError, "width must be an integer >= 1, got 0"),
        ({"width": 1.5}, TypeError, "width must be an integer >= 1, got 1.5"),
        ({"weight": -1}, ValueError, "weight must be a finite number >= 0.0, got -1"),
        ({"lid": 1}, TypeError, "lid must be True or False, got 1"),
    ],
)
def test_checked_names_the_parameter_and_the_bound(params, error, text):
    with pytest.raises(error) as caught:
        Box(**params).checked()
    assert str(caught.value) == text


def test_either_takes_what_one_of_its_checks_takes():
    check = either(none, _checks.flag)
    assert check("x", None) is None
    assert check("x", np.True_) is True


def test_repr_shows_what_differs_from_the_defaults():
    assert repr(Box()) == "Box()"
    assert repr(Box(width=2, weight=float("0.1"))) == "Box()"  # equal, whether or not it is the same object
    assert repr(Box(weight=0.5, lid=False)) == "Box(weight=0.5, lid=False)"
    assert repr(Box(lid=np.arange(2))) == "Box(lid=array([0, 1]))"
