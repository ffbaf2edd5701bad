"""How many threads to use, and why."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fastmf.kernels.simd import table

MOST = 1024  # OpenMP ends the whole process when it cannot make the threads it was asked for

_forked = False


def _after_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@dataclass(frozen=True)
class Threads:
    """A number of threads and the reason for it."""

    count: int
    reason: str


def argument(name: str, value: Any) -> int | None:
    """The check of every argument and parameter that is a number of threads: None, or an integer in [1, MOST]."""
    is_integer = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if value is None or (is_integer and 1 <= value <= MOST):
        return None if value is None else int(value)
    kind = ValueError if is_integer else TypeError
    raise kind(f"{name} must be None or an integer in [1, {MOST}], got {value!r:.60}")


def effective(num_threads: Any = None) -> Threads:
    """Threads to use for the argument `num_threads`: the number given, or for None all that are available.

    A child made by fork() always runs serially, since the parent's OpenMP team does not survive into it.
    """
    wanted = argument("num_threads", num_threads)
    if not table.openmp():
        return Threads(1, "built without OpenMP")
    if _forked:
        return Threads(1, "a forked child runs serially")
    return available() if wanted is None else Threads(wanted, "num_threads")


def available() -> Threads:
    """The least of OMP_NUM_THREADS, the processors this process may run on, and the container's quota."""
    limits = [Threads(_affinity(), "processors this process may run on"), Threads(MOST, "the most fastmf starts")]
    environment = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if environment.isdecimal() and int(environment) > 0:
        limits.append(Threads(int(environment), "OMP_NUM_THREADS"))
    quota = _container_quota()
    if quota is not None:
        limits.append(Threads(quota, "processor quota of the container"))
    return min(limits, key=lambda limit: limit.count)


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


@functools.cache  # read once: every call of a public function asks for the number of threads
def _container_quota(root: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int | None:
    """Whole processors granted to the cgroups of this process (version 2 or 1), if any of them has a quota."""
    quotas = [quota for folder in _cgroups(root, membership) if (quota := _quota_of(folder)) is not None]
    return max(1, int(min(quotas))) if quotas else None


def _cgroups(root: Path, membership: Path) -> Iterator[Path]:
    """Folders of the cgroups of this process and of those around them; a quota anywhere on the way holds."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        lines = []
    # Inside a container the path of the outside may not exist; the quota is then at the root.
    for line in ["0::/", "1:cpu:/", *lines]:
        _, controllers, path = line.split(":", 2)
        if controllers == "" or "cpu" in controllers.split(","):
            top = root / "cpu" if controllers else root
            folder = top / path.strip("/")
            yield from (step for step in (folder, *folder.parents) if step.is_relative_to(top))


def _quota_of(folder: Path) -> float | None:
    """Processors granted to one cgroup."""
    try:
        quota, period = (folder / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        except OSError:
            return None
    try:
        granted = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):  # "max": no quota
        return None
    return granted if granted > 0 else None  # -1: no quota
