"""Processor cores and memory that this process may use, and how many threads train a model where
`threads` is `auto`.

Nearly all the time of a training goes into matrix products. More threads make a large one shorter,
but after each they wait for one another, which costs more than a small product takes. Both are
constants here, not measured at the start: the number decides the bits, and is to be the same
whenever a run is trained on the same machine. `python -m tests.bench.threads` prints the choice
beside what is fastest.
"""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
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
    quotas = [quota for folder in _folders("cpu", root) if (quota := _quota_of(folder))]
    return min(quotas, default=None)


def available_memory(root: Path = Path("/")) -> int:
    """Return how many bytes of memory processes can still take.

    Those that the machine has without swapping, and no more than the limits of this process's
    cgroups leave (containers, Slurm). Caches of files count as available.

    Args:
        root: where `proc` and the mounted cgroups are found.
    """
    machine = _statistics(root / "proc/meminfo").get("MemAvailable:", 0) * 1024
    left = [machine or os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2]
    for folder in _folders("memory", root):
        caches = _statistics(folder / "memory.stat")
        for limit, usage, cache in _MEMORY_FILES:
            with contextlib.suppress(ValueError):  # none there, or "max"
                used = int("".join(_lines(folder / usage))) - caches.get(cache, 0)
                left.append(int("".join(_lines(folder / limit))) - used)
    return max(0, min(left))


_MEMORY_FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)
"""Files with the limit and the usage of a cgroup, version 2 and 1, and the name of the caches in
its `memory.stat`."""


def _statistics(path: Path) -> dict[str, int]:
    """Return the numbers of a file with a name and a number in each line."""
    rows = [line.split() for line in _lines(path)]
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdecimal()}


def _folders(controller: str, root: Path) -> Iterator[Path]:
    """The folders of this process's cgroup and of those above it, of each mounted hierarchy."""
    groups = {}
    for line in _lines(root / "proc/self/cgroup"):
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if not controllers:
            groups[_V2] = path
        elif controller in controllers.split(","):
            groups[_V1] = path
    for line in _lines(root / "proc/self/mountinfo"):
        mount, _, system = (words.split() for words in line.partition(" - "))
        if len(mount) < 5 or not system or system[0] not in groups:
            continue
        if system[0] == _V1 and controller not in system[-1].split(","):
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


MULTIPLICATIONS_PER_SECOND = 60e9
"""Of one core, in float32."""
WAIT_SECONDS = 80e-6
"""After a product, for each thread beside the first. An idle machine needs some 15; on one that is
shared, threads wait for others that are not running, and several are soon slower than one."""
EVALUATION_ROWS = 4096
"""Images that are evaluated at once."""
_WORTH = 1.1
"""A training may take this much longer than at best if that takes fewer threads."""


def choose_threads(
    layers: Sequence[int], batch_size: int, training: int, validation: int, cores: int
) -> int:
    """Return how many threads train a model well.

    Args:
        layers: numbers of inputs, hidden neurons and outputs, in order.
        batch_size: images of a step.
        training: images to train on.
        validation: images to evaluate after each epoch.
        cores: as many may be used.
    """
    products = list(_products(layers, batch_size, training, validation))
    seconds = [
        sum(
            count * (size / threads / MULTIPLICATIONS_PER_SECOND + (threads - 1) * WAIT_SECONDS)
            for size, count in products
        )
        for threads in range(1, max(1, cores) + 1)
    ]
    return next(i for i, each in enumerate(seconds, 1) if each <= _WORTH * min(seconds))


def _products(
    layers: Sequence[int], batch_size: int, training: int, validation: int
) -> Iterator[tuple[int, float]]:
    """The multiplications of each matrix product of an epoch, and how often it is computed."""
    batch, rows = min(batch_size, training), min(EVALUATION_ROWS, validation)
    for number, (inputs, outputs) in enumerate(pairwise(layers)):
        passes = 3 if number else 2  # no gradient of the images is needed
        yield batch * inputs * outputs, passes * training / batch
        yield rows * inputs * outputs, validation / rows
