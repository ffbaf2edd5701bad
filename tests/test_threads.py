"""How many threads: the least of three limits, the argument, the fork, the build."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fastmf import _threads
from fastmf._threads import Threads
from fastmf.kernels.simd import table

serial_build = pytest.mark.skipif(not table.openmp(), reason="built without OpenMP: one thread whatever is asked")


@pytest.fixture
def limits(monkeypatch):
    """Set the three limits: processors, quota of the container, OMP_NUM_THREADS."""

    def set_limits(processors, quota, variable):
        monkeypatch.setattr(_threads, "_affinity", lambda: processors)
        monkeypatch.setattr(_threads, "_container_quota", lambda: quota)
        if variable is None:
            monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        else:
            monkeypatch.setenv("OMP_NUM_THREADS", variable)

    return set_limits


@pytest.mark.parametrize(
    ("processors", "quota", "variable", "count", "reason"),
    [
        (4, None, None, 4, "processors this process may run on"),
        (4, 2, None, 2, "processor quota of the container"),
        (4, 8, "3", 3, "OMP_NUM_THREADS"),
        (4, 2, "3", 2, "processor quota of the container"),
        (4, None, "16", 4, "processors this process may run on"),
        (4, None, " 2,4 ", 2, "OMP_NUM_THREADS"),
        (5000, None, None, _threads.MOST, "the most fastmf starts"),
        *((4, None, bad, 4, "processors this process may run on") for bad in ("", "0", "-2", "two", "2.5", "²")),
    ],
)
def test_available_is_the_least_limit_and_says_which(limits, processors, quota, variable, count, reason):
    limits(processors, quota, variable)
    assert _threads.available() == Threads(count, reason)


@serial_build
def test_effective_takes_the_argument_or_what_is_available(limits):
    limits(3, None, None)
    assert _threads.effective() == Threads(3, "processors this process may run on")
    assert _threads.effective(8) == _threads.effective(np.int64(8)) == Threads(8, "num_threads")


def test_effective_is_one_after_a_fork_and_without_openmp(monkeypatch):
    monkeypatch.setattr(_threads, "_forked", True)
    assert _threads.effective(8).count == 1
    monkeypatch.setattr(_threads, "_forked", False)
    monkeypatch.setattr(_threads.table, "openmp", lambda: False)
    assert _threads.effective(8) == Threads(1, "built without OpenMP")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (_threads.MOST + 1, ValueError),
        (True, TypeError),
        (2.0, TypeError),
        ("2", TypeError),
    ],
)
def test_bad_numbers_of_threads_are_refused_by_name(value, error, monkeypatch):
    with pytest.raises(error, match=r"^workers must be None or an integer in \[1, 1024\], got"):
        _threads.argument("workers", value)
    for forked in (False, True):  # a bad argument is an error everywhere, not only where it would be used
        monkeypatch.setattr(_threads, "_forked", forked)
        with pytest.raises(error, match="^num_threads must be"):
            _threads.effective(value)


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs sched_setaffinity")
def test_affinity_is_respected():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from fastmf import _threads; print(_threads.available().count)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert result.stdout.strip() == "1"


# -- quotas: folders like those of the kernel ---------------------------------------------------------------------


def quota(tmp_path, membership, files):
    root, lines = tmp_path / "cgroup", tmp_path / "membership"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text + "\n")
    lines.write_text(membership)
    return _threads._container_quota.__wrapped__(root, lines)  # without its cache


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max 100000", None),
        ("200000 100000", 2),
        ("250000 100000", 2),  # whole processors: more threads than that would be stopped in turn
        ("50000 100000", 1),
        ("0 100000", None),
        ("nonsense", None),
        ("1 0", None),
    ],
)
def test_quota_of_cgroup_version_2(tmp_path, text, expected):
    assert quota(tmp_path, "0::/\n", {"cpu.max": text}) == expected


def test_quota_of_an_outer_cgroup_holds_too(tmp_path):
    files = {"user.slice/cpu.max": "300000 100000", "user.slice/session/cpu.max": "max 100000"}
    assert quota(tmp_path, "0::/user.slice/session\n", files) == 3
    files["user.slice/session/cpu.max"] = "200000 100000"
    assert quota(tmp_path, "0::/user.slice/session\n", files) == 2


def test_quota_inside_a_container_that_does_not_see_its_own_path(tmp_path):
    assert quota(tmp_path, "0::/docker/0123abc\n", {"cpu.max": "200000 100000"}) == 2


def test_quota_of_cgroup_version_1(tmp_path):
    def files(quota):
        return {"cpu/box/cpu.cfs_quota_us": quota, "cpu/box/cpu.cfs_period_us": "100000"}

    membership = "4:memory:/elsewhere\n3:cpu,cpuacct:/box\n0::/\n"
    assert quota(tmp_path, membership, files("400000")) == 4
    assert quota(tmp_path, membership, files("-1")) is None


def test_no_quota_where_there_are_no_cgroups(tmp_path):
    assert _threads._container_quota.__wrapped__(tmp_path / "none", tmp_path / "no file") is None
