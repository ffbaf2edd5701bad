"""How many threads to use, and why."""

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

_forked = False


def _after_fork() -> None:
    global _forked
    _forked = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


class Threads(NamedTuple):
    """A number of threads and the reason for it."""

    count: int
    reason: str


def available() -> Threads:
    """The least of OMP_NUM_THREADS, the processors this process may run on, and the container's quota."""
    limits = [Threads(_affinity(), "processors this process may run on")]
    environment = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if environment.isdigit() and int(environment) > 0:
        limits.append(Threads(int(environment), "OMP_NUM_THREADS"))
    quota = _container_quota()
    if quota is not None:
        limits.append(Threads(quota, "processor quota of the container"))
    return min(limits, key=lambda limit: limit.count)


def effective(num_threads: object = None) -> Threads:
    """Threads to use for the argument `num_threads`: None, or an integer of at least 1.

    A child made by fork() always runs serially, since the parent's OpenMP team does not survive into it.
    """
    if num_threads is not None and (
        isinstance(num_threads, bool) or not isinstance(num_threads, (int, np.integer)) or num_threads < 1
    ):
        raise ValueError(f"num_threads must be None or an integer >= 1, got {num_threads!r}")
    if _forked:
        return Threads(1, "a forked child runs serially")
    if num_threads is None:
        return available()
    return Threads(int(num_threads), "num_threads")  # type: ignore[call-overload]


def _affinity() -> int:
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def _container_quota(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Whole processors granted by the cgroup of this process (version 2, else version 1), if it has a quota."""
    try:
        quota, period = (root / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:
            quota = (root / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (root / "cpu" / "cpu.cfs_period_us").read_text().strip()
        except OSError:
            return None
    try:
        granted = int(quota) / int(period)
    except ValueError:  # "max": no quota
        return None
    return max(1, int(granted)) if granted > 0 else None
