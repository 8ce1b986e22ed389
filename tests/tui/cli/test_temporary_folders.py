"""Temporary folders: which one is taken, and what happens when it is full, long or cleaned up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.command_line import COMMAND, Place
from tests.helpers.disks import fill, fill_with_files, long_folder
from tests.helpers.small_runs import ROOT

pytestmark = [pytest.mark.process, pytest.mark.slow]


CHOOSING = """
import os, socket, sys
from multiprocessing.connection import arbitrary_address
from mnistop.engine.process.fork_server import temporary_folder

folder = temporary_folder()
assert folder == temporary_folder()
with socket.socket(socket.AF_UNIX) as listener:
    listener.bind(arbitrary_address("AF_UNIX"))
assert os.stat(folder).st_mode & 0o777 == 0o700
print(os.fsencode(folder).decode())
"""


def chosen(folder: Path, **environ: str) -> Path:
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", CHOOSING],
        env={name: text for name, text in os.environ.items() if "TMP" not in name}
        | {"PYTHONPATH": str(ROOT)}
        | environ,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = Path(done.stdout.strip())
    assert not found.exists()
    return found


@pytest.mark.parametrize("name", ["with blanks", "Ünïcode ✓", "relative"])
def test_a_temporary_folder_of_any_name_is_taken(short: Path, name: str) -> None:
    (short / name).mkdir()
    asked = name if name == "relative" else str(short / name)
    assert chosen(short, TMPDIR=asked).parent == short / name


@pytest.mark.parametrize("kind", ["missing", "a file", "too long"])
def test_instead_of_a_temporary_folder_that_is_no_use_another_one_is_taken(
    short: Path, kind: str
) -> None:
    (short / "a file").touch()
    asked = long_folder(short) if kind == "too long" else short / kind
    (short / "run").mkdir()
    found = chosen(short, TMPDIR=str(asked), XDG_RUNTIME_DIR=str(short / "run"))
    assert found.parent == short / "run"


@pytest.mark.parametrize("options", ["size=16k", "size=16k,nr_inodes=4", "size=16k,ro"])
def test_a_full_or_read_only_temporary_folder_is_passed_over(
    short: Path, small_disk: Callable[[str], Path], options: str
) -> None:
    disk = small_disk(options)
    if "inodes" in options:
        fill_with_files(disk, but=0)
    elif not options.endswith("ro"):
        fill(disk)
    (short / "run").mkdir()
    found = chosen(short, TMPDIR=str(disk), XDG_RUNTIME_DIR=str(short / "run"))
    if options != "size=16k":  # a socket needs no room for content
        assert found.parent == short / "run"


def test_a_temporary_folder_that_was_cleaned_up_is_made_again() -> None:
    script = """
import shutil
from mnistop.engine.process import fork_server
from mnistop.engine.process.fork_server import temporary_folder

for _ in range(2):
    helper = fork_server.context.Process(target=fork_server._do_nothing)
    fork_server.begin(helper)
    helper.join()
    assert helper.exitcode == 0
    shutil.rmtree(temporary_folder())
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=ROOT)


def test_a_command_that_a_hang_up_ends_leaves_no_temporary_folder(
    place: Place, short: Path
) -> None:
    command = [*COMMAND, "train", "--source", "digits", "--epochs", "1000000", "--hidden", "4"]
    with subprocess.Popen(
        command,
        env=place.environ | {"TMPDIR": str(short)},
        stdout=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    ) as training:
        assert training.stdout
        training.stdout.readline()  # it is followed
        assert os.listdir(short)
        training.send_signal(signal.SIGHUP)
        training.wait()  # before the pipe closes, which would end it too
    assert training.returncode == 128 + signal.SIGHUP
    assert os.listdir(short) == []
