"""How many processor cores this process may use: its affinity, and the CPU quota of its cgroup."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_V2 = "cgroup2"
_V1 = "cgroup"


def usable_cores() -> int:
    """Return how many cores this process can keep busy, at least 1.

    The cores that it may run on (taskset, Slurm, cpusets), and no more than the CPU quota of its
    cgroup pays for (containers, systemd), rounded up.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    allowed = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = cpu_quota()
    return allowed if quota is None else max(1, min(allowed, math.ceil(quota)))


def cpu_quota(root: Path = Path("/")) -> float | None:
    """Return the CPU quota of this process's cgroups in cores; None if there is no limit.

    A cgroup may use no more than each of those above it, in version 1 and 2, so the least holds.

    Args:
        root: where `proc` and the mounted cgroups are found.
    """
    quotas = [quota for folder in _folders(root) if (quota := _quota_of(folder))]
    return min(quotas, default=None)


def _folders(root: Path) -> Iterator[Path]:
    """The folders of this process's cgroup and of those above it, of each mounted hierarchy."""
    groups = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            groups[_V2] = path
        elif "cpu" in controllers.split(","):
            groups[_V1] = path
    for line in _lines(root / "proc/self/mountinfo"):
        mount, _, system = (words.split() for words in line.partition(" - "))
        if len(mount) < 5 or not system or system[0] not in groups:
            continue
        if system[0] == _V1 and "cpu" not in system[-1].split(","):
            continue
        top = root / mount[4].lstrip("/")
        own = PurePosixPath(groups[system[0]])
        # In a container the mount may begin at its own cgroup, and the path at the host's.
        within = own.relative_to(mount[3]) if own.is_relative_to(mount[3]) else PurePosixPath()
        if ".." not in within.parts:
            yield from (top / part for part in (within, *within.parents))


def _quota_of(folder: Path) -> float | None:
    """The quota of one cgroup in cores; None if it has none."""
    words = " ".join(_lines(folder / "cpu.max")).split()
    if not words:
        names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        words = [word for name in names for word in _lines(folder / name)]
    try:
        quota, period = map(int, words)
    except ValueError:  # none there, or "max"
        return None
    return quota / period if quota > 0 < period else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return []
