"""implicit's progress bar, where there can be one."""

from __future__ import annotations

from typing import Any

from fastmf._optional import require


def progress_bar(total: int, show: bool) -> Any:
    """A bar of tqdm's, or None where none is wanted or tqdm is not installed: implicit shows one unless told not to."""
    if not show:
        return None
    try:
        return require("tqdm.auto", "progress").tqdm(total=total)
    except ImportError:
        return None
