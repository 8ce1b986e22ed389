"""The line drops, or the interface is killed or left: training goes on and can be watched again."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.event_log import epochs_trained
from mnistop.engine.runs.run_folder import Run
from tests.helpers.processes import (
    endless,
    fork_server_of,
    goes_on,
    is_at_rest,
    linux,
    session_of,
    standing_still,
    the_run,
)
from tests.helpers.pseudo_terminal import COMMAND, Terminal, terminal
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]


def kill(shown: Terminal) -> None:
    os.kill(shown.process.pid, signal.SIGKILL)


def leave(shown: Terminal) -> None:
    shown.send("q")
    shown.wait_for("Esc stay")
    shown.send("d")


@linux
@pytest.mark.parametrize(
    ("end", "code"),
    [
        (Terminal.hang_up, 128 + signal.SIGHUP),
        (kill, -signal.SIGKILL),
        (leave, 0),
    ],
)
def test_training_goes_on_without_the_interface_which_leaves_nothing_behind(
    folder: Path, end: Callable[[Terminal], None], code: int
) -> None:
    with terminal(folder, "--epochs", "1000000") as shown:
        shown.wait_for("Press r to train")
        shown.send("r")
        shown.wait_for("Validation image ")
        process = shown.process.pid
        assert len(session_of(process)) >= 3
        end(shown)
        assert shown.wait_for_end() == code
        wait_until(lambda: not session_of(process))
    goes_on(the_run())


@linux
def test_training_goes_on_when_the_line_drops_while_the_interface_is_suspended(
    folder: Path,
) -> None:
    with terminal(folder, command=("sh", "-i"), PS1="the-shell-is-here$", ENV="") as shown:
        shown.wait_for("the-shell-is-here$")
        shown.type(f"{' '.join(COMMAND)} --epochs 1000000\r")
        shown.wait_for("Press r to train")
        shown.send("r")
        shown.wait_for("Validation image ")
        shown.send("\x1a")
        shown.wait_for(lambda: shown.text.rstrip().endswith("the-shell-is-here$"))
        shell = shown.process.pid
        shown.hang_up()
        shown.wait_for_end()
        wait_until(lambda: not session_of(shell))
    goes_on(the_run())


def test_whoever_comes_back_sees_what_is_training_and_watches_it_with_one_key(
    folder: Path,
) -> None:
    older, newest = endless(), endless()
    with terminal(folder, size=(80, 24)) as shown:
        shown.wait_for(f"Run {words_of(newest)} is training (epoch")
        on_top = " ".join(line.strip() for line in shown.text.splitlines()[:3])
        assert "1 more in training): press o to watch it" in on_top
        assert "o Watch" in shown.text

        worker.stop(newest)
        shown.wait_for(f"Run {words_of(older)} is training (epoch")
        shown.send("o")
        shown.wait_until_gone("press o to watch it")
        shown.wait_for("of 1,000,000")
        assert "o Watch" not in shown.text
        shown.send("tab", "home")
        shown.wait_for("Log, untrained")
        shown.send("q")
        shown.wait_for("Esc stay")
        shown.send("d")
        assert shown.wait_for_end() == 0
        assert f"run {older.name} is still training" in shown.text.replace("\n", "")
    goes_on(older)


def words_of(run: Run) -> str:
    return run.name.split("-", 2)[-1]


@linux
def test_a_terminal_that_goes_without_a_signal_ends_the_app_too(folder: Path) -> None:
    """A program without a controlling terminal hears no SIGHUP."""
    ours, theirs = os.openpty()
    environ = os.environ | {
        "TERM": "xterm-256color",
        "XDG_CONFIG_HOME": str(folder),
        "PYTHONUTF8": "1",
    }
    with subprocess.Popen(
        COMMAND, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, env=environ
    ) as process:
        os.close(theirs)
        written = b""
        while b"Press r to train" not in written:
            written += os.read(ours, 1 << 16)
        os.close(ours)
        process.wait(100)
    assert process.returncode == 128 + signal.SIGHUP
    wait_until(lambda: not session_of(process.pid))


@linux
def test_a_hang_up_while_a_run_is_being_started_does_not_lose_the_run(folder: Path) -> None:
    with terminal(folder, "--epochs", "1000000") as shown:
        shown.wait_for("Press r to train")
        shown.wait_until_gone("PyTorch is loading meanwhile")
        shown.send("r")
        wait_until(lambda: (folder / "mnistop_runs").exists())
        shown.hang_up()
        shown.wait_for_end()
    wait_until(lambda: run_folder.list_runs() and epochs_trained(the_run()) > 0)


@linux
@pytest.mark.parametrize("end", [Terminal.hang_up, kill])
def test_a_start_that_waits_for_pytorch_survives_the_end_of_the_interface(
    folder: Path, end: Callable[[Terminal], None]
) -> None:
    with terminal(folder, "--epochs", "1000000") as shown:
        shown.wait_for("Press r to train")
        process = shown.process.pid
        with standing_still(fork_server_of(process)):
            shown.send("r")
            shown.wait_for("training starts by itself")
            shown.wait_for(lambda: is_at_rest(process))
            end(shown)
        shown.wait_for_end()
    wait_until(lambda: run_folder.list_runs() and epochs_trained(the_run()) > 0)
    wait_until(lambda: not session_of(process))
