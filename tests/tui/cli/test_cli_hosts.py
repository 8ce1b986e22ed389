"""Hosts as they are: long paths, limits, full disks, and users without a home."""

from __future__ import annotations

import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mnistop.engine.runs.run_folder import Run
from tests.helpers.command_line import COMMAND, Place
from tests.helpers.disks import fill_with_files, long_folder
from tests.helpers.processes import linux, process_of, states_of
from tests.helpers.small_runs import ROOT
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.slow]

SMALL = ("--epochs", "1", "--samples", "100", "--hidden", "4", "--source", "digits")
STRANGER = 54321
"""A user whom the system does not know."""


def test_training_and_questions_work_where_the_temporary_folder_has_a_long_path(
    place: Place, tmp_path: Path
) -> None:
    folder = str(long_folder(tmp_path))
    with pytest.raises(OSError, match="too long"), socket.socket(socket.AF_UNIX) as one:
        one.bind(f"{folder}/pymp-12345678/listener-12345678")
    done = place.run("train", *SMALL, TMPDIR=folder)
    assert done.returncode == 0, done.stderr
    assert place.run("rates", *SMALL, TMPDIR=folder).returncode in (0, 1)
    assert os.listdir(folder) == []


def test_questions_need_nothing_that_may_fail_while_python_ends() -> None:
    """A process pool would join its threads then."""
    script = """
import asyncio, os, sys, threading
from mnistop.engine import worker

assert asyncio.run(worker.ask(os.getpid)) != os.getpid()
assert "concurrent.futures.process" not in sys.modules
assert all(one.daemon for one in threading.enumerate() if one is not threading.main_thread())
worker.close()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def limited(place: Place, limit: int, value: int, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *words],
        env=place.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        preexec_fn=lambda: resource.setrlimit(limit, (value, value)),
    )


def is_a_sentence(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if not line.startswith("loading PyTorch")]
    assert len(lines) == 1, done.stderr
    line = lines[0]
    assert line.startswith("mnistop: "), done.stderr
    assert any(word in line for word in words), line
    assert "fault of the program" not in line


@linux
@pytest.mark.parametrize("megabytes", [160, 300, 500])
def test_too_little_memory_is_one_sentence(place: Place, megabytes: int) -> None:
    done = limited(place, resource.RLIMIT_AS, megabytes << 20, "train", *SMALL)
    if done.returncode:  # whatever the size of PyTorch
        is_a_sentence(done, "memory")


def test_too_few_open_files_are_one_sentence(place: Place) -> None:
    done = limited(place, resource.RLIMIT_NOFILE, 10, "train", *SMALL)
    is_a_sentence(done, "ulimit -n")


@linux
@pytest.mark.parametrize("command", ["train", "rates"])
@pytest.mark.parametrize("processes", [1, 2, 4, 6])
def test_too_few_processes_are_one_sentence(
    short: Path, stranger: tuple[str, ...], command: str, processes: int
) -> None:
    """Another user each time: processes that have just ended count for a while."""
    user = str(STRANGER + processes + 10 * len(command))
    short.chmod(0o777)
    words = [word.replace(str(STRANGER), user) for word in stranger]
    done = subprocess.run(
        [*words, "prlimit", f"--nproc={processes}", *COMMAND, command, *SMALL],
        env=Place(short / "runs").environ,
        capture_output=True,
        text=True,
        timeout=100,
    )
    if done.returncode == 2 or processes < 3:  # how many it needs may change
        is_a_sentence(done, "ulimit -u")
    else:
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("files", [1, 3, 6, 9])
def test_a_disk_without_inodes_is_called_that(
    place: Place, small_disk: Callable[[str], Path], files: int
) -> None:
    disk = small_disk("size=30m,nr_inodes=60")
    (disk / "runs").mkdir()
    fill_with_files(disk, but=files)
    done = place.run("train", *SMALL, MNISTOP_RUNS=str(disk / "runs"))
    assert done.returncode in (1, 2)
    assert "no inode left" in done.stderr
    assert "memory" not in done.stderr


@pytest.fixture(scope="module")
def stranger() -> tuple[str, ...]:
    """A command that runs another one as a user whom the system does not know."""
    who = (f"--reuid={STRANGER}", f"--regid={STRANGER}", "--clear-groups")
    for rights in (("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"), ()):
        prefix = ("setpriv", *who, *rights, "--")
        try:
            subprocess.run([*prefix, *COMMAND, "--version"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return prefix
    pytest.skip("only root can become somebody else who can start the program")


def as_stranger(
    stranger: tuple[str, ...], *words: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*stranger, *COMMAND, *words],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | environ,
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.parametrize(
    ("words", "setting"),
    [
        (["runs"], "MNISTOP_RUNS"),
        (["train", *SMALL], "MNISTOP_RUNS"),
        (["data", "openml"], "MNISTOP_CACHE"),
        (["train", "--source", "~/images.npz"], "~/images.npz"),
    ],
)
def test_a_user_without_a_home_is_told_what_to_set(
    stranger: tuple[str, ...], words: list[str], setting: str
) -> None:
    done = as_stranger(stranger, *words)
    is_a_sentence(done, "no home folder")
    assert setting in done.stderr


def test_a_user_without_a_home_trains_where_the_runs_have_a_folder(
    stranger: tuple[str, ...], short: Path
) -> None:
    short.chmod(0o777)
    done = as_stranger(stranger, "train", *SMALL, MNISTOP_RUNS=str(short / "runs"))
    assert done.returncode == 0, done.stderr


def test_a_home_that_cannot_be_written_is_said_with_the_remedy(stranger: tuple[str, ...]) -> None:
    done = as_stranger(stranger, "train", *SMALL, HOME="/")
    is_a_sentence(done, "Set MNISTOP_RUNS to a folder that can be written")


@linux
def test_a_suspended_training_is_continued_to_be_stopped_and_that_is_said(place: Place) -> None:
    name = place.train_detached("--source", "digits", "--epochs", "1000000", "--hidden", "4")
    process = process_of(Run(place.folder / name))
    os.kill(process, signal.SIGSTOP)
    wait_until(lambda: states_of(process) == {"T"})
    listed = place.run("runs")
    assert "suspended" in listed.stdout
    assert name in place.run("runs", "state:suspended").stdout
    done = place.run("stop", name)
    assert done.returncode == 0, done.stderr
    assert "is suspended (SIGSTOP): resumed so it can save" in done.stderr
    assert "stopped and saved" in done.stdout
