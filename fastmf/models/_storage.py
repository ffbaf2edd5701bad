"""A fitted model as a header and named arrays, and back; `_file` keeps these in a file."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _file
from fastmf._errors import ModelFileError
from fastmf.data import IdMap
from fastmf.models._state import State

ARRAYS = ("user_factors", "item_factors", "user_bias", "item_bias", "seen_indptr", "seen_indices")
OPTIONAL = ("seen_values", "seen_weights")  # of models that keep them, since contents 2
IDS = ("user_ids", "item_ids")
CONTENTS = 2  # what is in the container that `_file` keeps; goes up when a reader has to know of something new
Arrays = dict[str, NDArray[Any]]


def save(path: str | Path, name: str, params: dict[str, Any], state: State) -> None:
    """Write the state of a model called `name` to a file, whole or not at all."""
    arrays = {array: getattr(state, array) for array in ARRAYS}
    arrays |= {array: getattr(state, array) for array in OPTIONAL if getattr(state, array) is not None}
    for side in IDS:
        ids = getattr(state, side)
        arrays |= _over(side, {} if ids is None else ids.to_arrays())
    for title, column in state.item_info.items():
        arrays |= _over(f"item_info/{title}", column_to_arrays(column))
    arrays |= _over("extra", dict(state.extra))
    header = {
        "contents": CONTENTS,
        "model": name,
        "params": {param: plain(value) for param, value in params.items()},
        "mean": state.mean,
        "history": state.history,
    }
    _file.write(path, header, arrays)


def load(path: str | Path, *, mmap: bool) -> tuple[str, dict[str, Any], State]:
    """Name, parameters and state of the model in a file."""
    header, arrays = _file.read(path, mmap=mmap)
    contents = header.get("contents", 1)
    if type(contents) is not int or not 1 <= contents <= CONTENTS:
        raise ModelFileError(
            f"{path} has contents of version {contents!r}, and this fastmf reads versions up to {CONTENTS}"
        )
    try:
        titles = {
            name.removeprefix("item_info/").rpartition("/")[0] for name in arrays if name.startswith("item_info/")
        }
        state = State(
            user_factors=arrays["user_factors"],
            item_factors=arrays["item_factors"],
            user_bias=arrays["user_bias"],
            item_bias=arrays["item_bias"],
            seen_indptr=arrays["seen_indptr"],
            seen_indices=arrays["seen_indices"],
            seen_values=arrays.get("seen_values"),
            seen_weights=arrays.get("seen_weights"),
            user_ids=_ids(_under("user_ids", arrays)),
            item_ids=_ids(_under("item_ids", arrays)),
            item_info={title: column_from_arrays(_under(f"item_info/{title}", arrays)) for title in sorted(titles)},
            mean=float(header["mean"]),
            history=header["history"],
            extra=_under("extra", arrays),
        )
        _check(state)
        return str(header["model"]), {name: as_given(value) for name, value in header["params"].items()}, state
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise ModelFileError(f"{path} does not hold a whole fastmf model: {error!r}") from error


def column_to_arrays(column: NDArray[Any]) -> Arrays:
    """A column of numbers or of text as arrays without pickled objects."""
    if column.dtype.kind in "biuf":
        return {"values": column}
    encoded = [str(value).encode("utf-8", "surrogatepass") for value in column]
    return {
        "utf8": np.frombuffer(b"".join(encoded), np.uint8),
        "offsets": np.concatenate([[0], np.cumsum([len(text) for text in encoded])]).astype(np.int64),
    }


def column_from_arrays(arrays: Arrays) -> NDArray[Any]:
    """The column that `column_to_arrays` took apart."""
    if "values" in arrays:
        return arrays["values"]
    text, offsets = arrays["utf8"].tobytes(), arrays["offsets"].tolist()
    return np.array([text[a:b].decode("utf-8", "surrogatepass") for a, b in pairwise(offsets)], dtype=str)


def plain(value: Any) -> Any:
    """A parameter as JSON can hold it."""
    if isinstance(value, (np.random.Generator, np.random.RandomState)):
        return None  # its position cannot be kept, and the fitted factors do not need it
    if isinstance(value, (np.dtype, type)):
        return np.dtype(value).name
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, (tuple, list)):
        return [plain(part) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def as_given(value: Any) -> Any:
    """A parameter as a constructor takes it: JSON has no tuples."""
    return tuple(as_given(part) for part in value) if isinstance(value, list) else value


def _check(state: State) -> None:
    """Shapes that go together, so that no kernel reads beyond an array."""
    n_users, n_items = state.shape
    ok = (
        state.user_factors.ndim == state.item_factors.ndim == 2
        and state.user_factors.shape[1] == state.item_factors.shape[1]
        and len({a.dtype for a in (state.user_factors, state.item_factors, state.user_bias, state.item_bias)}) == 1
        and state.user_factors.dtype in (np.float32, np.float64)
        and np.isfinite(state.mean)
        and state.user_bias.shape == (n_users,)
        and state.item_bias.shape == (n_items,)
        and state.seen_indptr.shape == (n_users + 1,)
        and state.seen_indptr.dtype == np.int64
        and state.seen_indices.ndim == 1
        and state.seen_indices.dtype == np.int32
        and state.seen_indptr[0] == 0
        and state.seen_indptr[-1] == len(state.seen_indices)
        and bool(np.all(np.diff(state.seen_indptr) >= 0))
        and (len(state.seen_indices) == 0 or (state.seen_indices.min() >= 0 and state.seen_indices.max() < n_items))
        and _are_of_entries(state.seen_values, len(state.seen_indices))
        and _are_of_entries(state.seen_weights, len(state.seen_indices))
        and (state.seen_weights is None or (state.seen_values is not None and not (state.seen_weights < 0).any()))
        and (state.user_ids is None or len(state.user_ids) == n_users)
        and (state.item_ids is None or len(state.item_ids) == n_items)
        and all(column.shape[:1] == (n_items,) for column in state.item_info.values())
        and isinstance(state.history, list)
        and all(
            array.ndim == 2
            and array.dtype == state.user_factors.dtype
            and len(array) == {"user": n_users, "item": n_items}[array_name.partition("/")[0]]
            for array_name, array in state.extra.items()
        )
    )
    if not ok:
        raise ValueError("arrays whose shapes or types do not go together")


def _are_of_entries(numbers: NDArray[Any] | None, entries: int) -> bool:
    """Whether these are finite numbers, one for each entry or one for all; or nothing."""
    if numbers is None:
        return True
    return (
        numbers.shape in ((entries,), (1,))
        and numbers.dtype in (np.float32, np.float64)
        and bool(np.isfinite(numbers).all())
    )


def _ids(arrays: Arrays) -> IdMap | None:
    return IdMap.from_arrays(arrays) if arrays else None


def _over(prefix: str, arrays: Arrays) -> Arrays:
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def _under(prefix: str, arrays: Arrays) -> Arrays:
    return {name[len(prefix) + 1 :]: array for name, array in arrays.items() if name.startswith(prefix + "/")}
