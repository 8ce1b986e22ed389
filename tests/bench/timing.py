"""Timing: in turns, against a baseline in the same run, as medians."""

import importlib.metadata
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from threadpoolctl import threadpool_limits

_PACKAGES = ("torch", "numpy", "scikit-learn", "skorch", "lightning", "keras")


def print_machine(repetitions: int) -> None:
    """Print the machine that the numbers come from."""
    versions = []
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(", ".join(versions))
    print(f"one thread where nothing else is said, medians of {repetitions} repetitions")


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def alternated(
    contestants: dict[str, Callable[[], float]], repetitions: int
) -> dict[str, list[float]]:
    """Seconds of each, taken in turns, after a first turn that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(repetitions + 1):
        for name, run in contestants.items():
            passed = run()
            if turn:
                seconds[name].append(passed)
    return seconds


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of the ratios within each repetition."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Set the number of threads of PyTorch and NumPy, then restore one."""
    torch.set_num_threads(count)
    try:
        with threadpool_limits(count):
            yield
    finally:
        torch.set_num_threads(1)


def best_threads(work: Callable[[], object]) -> int:
    """Return the fastest number of threads in three tries: one, or one for each core."""
    work()  # what is imported, is imported here
    tries: dict[int, list[float]] = {1: [], os.cpu_count() or 1: []}
    for _ in range(3):
        for count, seconds in tries.items():
            with threads(count):
                seconds.append(timed(work))
    return min(tries, key=lambda count: min(tries[count]))
