"""Processes as the system tells of them, and runs as their folders do."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.process.child import HELPER
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.event_log import epochs_trained, read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run
from tests.helpers.waiting import wait_until

linux = pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")


def session_of(process: int) -> set[int]:
    """The living processes of a session, by the one that leads it."""
    return {
        number
        for number, fields in _all_in(Path("/proc")).items()
        if fields[3] == str(process) and fields[0] != "Z"
    }


def children_of(process: int) -> set[int]:
    """The living children of a process."""
    return {
        number
        for number, fields in _all_in(Path("/proc")).items()
        if fields[1] == str(process) and fields[0] != "Z"
    }


def command_of(process: int) -> str:
    """The command line of a process; nothing if it has just ended."""
    try:
        return Path("/proc", str(process), "cmdline").read_text()
    except OSError:
        return ""


def states_of(process: int) -> set[str]:
    """The states of the threads of a process, as in proc_pid_stat(5)."""
    return {fields[0] for fields in _all_in(Path("/proc", str(process), "task")).values()}


@contextmanager
def standing_still(process: int) -> Iterator[None]:
    """Suspend a process, so that nothing that waits for it can go on."""
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


def fork_server_of(interface: int) -> int:
    """The process that loads PyTorch for an interface, once it is there.

    What is forked off it looks like it.
    """

    def servers() -> list[int]:
        return [
            number
            for number, fields in _all_in(Path("/proc")).items()
            if fields[1] == str(interface)
            and ("forkserver" in command_of(number) or command_of(number).startswith(HELPER))
        ]

    wait_until(servers)
    [server] = servers()
    return server


def process_of(run: Run) -> int:
    """The process that trains a run, which must be in training: to 0, a signal goes to us all."""
    process = run.process_id()
    assert process, f"{run.name} is not in training"
    return process


def kill_helpers_of(interface: int) -> None:
    """Kills all other processes in the session of an interface."""
    for process in session_of(interface) - {interface}:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def is_at_rest(process: int) -> bool:
    """Return whether every thread of a process sleeps, in each of several samples."""
    for _ in range(10):
        if states_of(process) != {"S"}:
            return False
        time.sleep(0.01)
    return True


def kilobytes_of(process: int) -> int:
    """The memory that a process has."""
    lines = Path("/proc", str(process), "status").read_text().splitlines()
    [size] = [line.split()[1] for line in lines if line.startswith("VmRSS")]
    return int(size)


def _all_in(folder: Path) -> dict[int, list[str]]:
    """Return the system's records of all processes, or all threads of one, that are still alive."""
    found = {}
    for path in folder.glob("[0-9]*"):
        try:
            found[int(path.name)] = _fields(path)
        except OSError:
            continue
    return found


def _fields(path: Path) -> list[str]:
    """State, parent, group, session, … as in proc_pid_stat(5)."""
    return (path / "stat").read_text().rpartition(")")[2].split()


def endless(**values: object) -> Run:
    """A run in training that does not end by itself, with some epochs done."""
    config = {"source": "digits", "samples": 400, "hidden": (16,), "epochs": 1_000_000} | values
    run = worker.launch(RunConfig(**config))
    wait_until(lambda: epochs_trained(run) > 3)
    return run


def paused() -> Run:
    """A run with some epochs done that leaves the processor to others."""
    run = endless()
    worker.pause(run)
    wait_until(lambda: reduce(History(), read_events(run)).paused)
    return run


def goes_on(run: Run) -> None:
    """Waits until a run has trained some more."""
    before = epochs_trained(run)
    wait_until(lambda: epochs_trained(run) > before + 1)
    assert run.is_running()


def the_run() -> Run:
    [run] = run_folder.list_runs()
    return run
