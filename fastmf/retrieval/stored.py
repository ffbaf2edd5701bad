"""What an index holds, as a header and named arrays in a file, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks, _file
from fastmf._errors import ModelFileError
from fastmf.data import IdMap
from fastmf.retrieval import ann
from fastmf.retrieval.approximate import Approximate, unit

CONTENTS = 1  # what is in the container that `_file` keeps; goes up when a reader has to know of something new


class Contents(NamedTuple):
    """The arrays that were given, and what is needed to search them approximately, if that is asked."""

    items: NDArray[Any]
    item_bias: NDArray[Any] | None
    ids: IdMap | None
    metric: str
    approximate: Approximate | None

    @property
    def kind(self) -> str:
        return "exact" if self.approximate is None else self.approximate.kind


def scored_rows(items: NDArray[Any], metric: str) -> NDArray[Any]:
    """The rows whose inner products are the scores."""
    return unit(items) if metric == "cosine" else items


def write(path: str | Path, contents: Contents) -> None:
    """Write an index to a file, whole or not at all."""
    arrays = {"items": contents.items}
    if contents.item_bias is not None:
        arrays["item_bias"] = contents.item_bias
    if contents.ids is not None:
        arrays |= {f"ids/{name}": array for name, array in contents.ids.to_arrays().items()}
    about: dict[str, Any] = {"contents": CONTENTS, "metric": contents.metric, "kind": contents.kind}
    if contents.approximate is not None:
        about["parameters"] = contents.approximate.parameters
        arrays |= {"sample": contents.approximate.sample, "best": contents.approximate.best}
        if contents.approximate.found is not None:
            arrays["faiss"] = ann.to_array(contents.approximate.found)
    _file.write(path, {"index": about}, arrays)


def read(path: str | Path, *, mmap: bool) -> Contents:
    """What `write` wrote."""
    header, arrays = _file.read(path, mmap=mmap)
    try:
        about = header["index"]
        if about["contents"] != CONTENTS:
            raise ValueError(f"contents of version {about['contents']!r}, and this fastmf reads version {CONTENTS}")
        return _contents(about, arrays)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
        raise ModelFileError(f"{path} does not hold a whole fastmf index: {error!r}") from error


def _contents(about: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Contents:
    items, bias = arrays["items"], arrays.get("item_bias")
    ids = {name.removeprefix("ids/"): array for name, array in arrays.items() if name.startswith("ids/")}
    id_map = IdMap.from_arrays(ids) if ids else None
    metric = _checks.choice("metric", about["metric"], ("dot", "cosine"))
    kind = _checks.choice("kind", about["kind"], tuple(ann.PARAMETERS))
    if (
        items.ndim != 2
        or items.dtype not in (np.float32, np.float64)
        or (bias is not None and (bias.shape != items.shape[:1] or bias.dtype != items.dtype or metric == "cosine"))
        or (id_map is not None and len(id_map) != len(items))
    ):
        raise ValueError("arrays whose shapes or types do not go together")
    if kind == "exact":
        return Contents(items, bias, id_map, metric, None)
    sample, best = arrays["sample"], arrays["best"]
    if (
        (sample.shape, sample.dtype) != ((len(best), items.shape[1]), items.dtype)
        or best.ndim != 2
        or best.shape[1] < 1
        or best.dtype != items.dtype
    ):
        raise ValueError("a sample of queries that does not go with the items")
    parameters = ann.parameters_of(kind, len(items), about["parameters"])
    found, columns = None, items.shape[1] + (bias is not None)
    if len(items) * columns:
        found = ann.from_array(arrays["faiss"], kind, len(items), columns)
    approximate = Approximate(kind, scored_rows(items, metric), bias, parameters, found, sample, best)
    return Contents(items, bias, id_map, metric, approximate)
