"""Entries that lack an id, a value or a time: counted by column, then refused or left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastmf import _checks

POLICIES = ("error", "drop")


class Missing:
    """What entries that come in pieces lack; `labels` names the columns by their roles in errors."""

    def __init__(self, labels: dict[str, str], policy: Any) -> None:
        self.labels = labels
        self.policy = _checks.choice("missing", policy, POLICIES)
        self.entries = self.dropped = 0
        self._lacking = dict.fromkeys(labels, 0)
        self._first: dict[str, int] = {}
        self._places = range(0), np.empty(0, bool)

    def present(self, masks: dict[str, NDArray[np.bool_]]) -> NDArray[np.bool_] | None:
        """Which entries of a piece lack nothing, or None if all of them; `masks` says where each column lacks it."""
        length = len(next(iter(masks.values())))
        some = np.zeros(length, bool)
        for role, mask in masks.items():
            if mask.any():
                self._first.setdefault(role, self.entries + int(np.argmax(mask)))
                self._lacking[role] += int(mask.sum())
                some |= mask
        self._places = range(self.entries, self.entries + length), ~some
        self.entries += length
        self.dropped += int(some.sum())
        return ~some if some.any() else None

    def places(self) -> Sequence[int]:
        """The positions of the entries of the last piece that lack nothing, counted over all pieces."""
        every, kept = self._places
        return every if kept.all() else (np.flatnonzero(kept) + every.start).tolist()

    def left_out(self) -> dict[str, int]:
        """The count of the entries left out, once all have come; ValueError if none may be."""
        if self.dropped and self.policy == "error":
            found = "; ".join(
                f"{self.labels[role]} lacks {n} of {self.entries}, the first at position {self._first[role]}"
                for role, n in self._lacking.items()
                if n
            )
            raise ValueError(f"missing must be 'drop' where ids, values or times are missing: {found}")
        return {"missing": self.dropped} if self.policy == "drop" else {}
