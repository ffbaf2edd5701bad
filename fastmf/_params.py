"""Parameters of models: each is one line, a typed dataclass field that holds its default and its bounds.

The constructor only stores what it is given; `checked` looks at all of it when a fit begins.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Self

Check = Callable[[str, Any], Any]


def param(default: Any, check: Check) -> Any:
    """A dataclass field: its default and the check its values must pass, called as check(name, value)."""
    return dataclasses.field(default=default, metadata={"check": check})


def either(*checks: Check) -> Check:
    """A value that passes any one of several checks; the error is that of the last one."""

    def passes(name: str, value: Any) -> Any:
        for check in checks[:-1]:
            try:
                return check(name, value)
            except (TypeError, ValueError):
                pass
        return checks[-1](name, value)

    return passes


def none(name: str, value: Any) -> None:
    """None and nothing else; the first of two in `either`."""
    if value is not None:
        raise TypeError(f"{name} must be None")


class HasParams:
    """scikit-learn's get_params and set_params over the fields of a dataclass."""

    @classmethod
    def param_names(cls) -> tuple[str, ...]:
        """Names of the parameters, in the order of their definition."""
        return tuple(field.name for field in dataclasses.fields(cls) if "check" in field.metadata)  # type: ignore[arg-type]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters by name, as given to the constructor. `deep` is there for scikit-learn and changes nothing."""
        return {name: getattr(self, name) for name in self.param_names()}

    def set_params(self, **params: Any) -> Self:
        """Set `params` by name and return the object; an unknown name raises ValueError and sets nothing."""
        for name in params:
            if name not in self.param_names():
                raise ValueError(
                    f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(self.param_names())}"
                )
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def checked(self) -> dict[str, Any]:
        """All parameters, cleaned; the first bad one raises an error that names it."""
        return {
            field.name: field.metadata["check"](field.name, getattr(self, field.name))
            for field in dataclasses.fields(self)  # type: ignore[arg-type]
            if "check" in field.metadata
        }

    def __repr__(self) -> str:
        default = {field.name: repr(field.default) for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        shown = {name: repr(value) for name, value in self.get_params().items()}
        changed = [f"{name}={text}" for name, text in shown.items() if text != default[name]]
        return f"{type(self).__name__}({', '.join(changed)})"
