"""The app of another user, who may read a run and nothing more."""

from __future__ import annotations

import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.analysis.robustness import robustness
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.event_log import epochs_trained
from tests.helpers.processes import endless, goes_on, linux
from tests.helpers.pseudo_terminal import COMMAND, Terminal, terminal
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]


NOBODY = ("--reuid=65534", "--regid=65534", "--clear-groups")
READING = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
"""He may then read what is installed for root alone, as in a virtual environment below `/root`."""


@pytest.fixture(scope="module")
def somebody() -> tuple[str, ...]:
    """A command that runs another one as somebody else who can start the program."""
    for rights in (READING, ()):
        prefix = ("setpriv", *NOBODY, *rights, "--")
        try:
            subprocess.run([*prefix, *COMMAND, "--version"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return prefix
    pytest.skip("only root can become somebody else who can start the program")


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of runs that others may look into."""
    folder = Path("/tmp", f"mnistop-shared-app-{os.getpid()}")
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    monkeypatch.setenv("MNISTOP_RUNS", str(folder))
    yield folder
    for run in run_folder.list_runs():
        if process := run.process_id():
            os.kill(process, signal.SIGKILL)
        wait_until(lambda run=run: not run.is_running())
    worker.close()
    shutil.rmtree(folder)


def open_to_all(path: Path) -> None:
    for found in [path, *path.rglob("*")]:
        found.chmod(0o755 if found.is_dir() else 0o644)


def said(shown: Terminal) -> str:
    """The words of the notifications, without what is drawn to the right of them."""
    told = [line.partition("▌")[2].split() for line in shown.text.splitlines() if "▌" in line]
    return " ".join(word for words in told for word in words if word.isascii())


@linux
def test_another_user_sees_a_run_live_on_every_screen_and_can_change_nothing(
    somebody: tuple[str, ...], shared: Path, tmp_path: Path
) -> None:
    run = endless(source="bundled", samples=200)
    open_to_all(run.path)
    goes_on(run)
    places = {"MNISTOP_RUNS": str(shared), "HOME": "/nonexistent"}
    reading = (*somebody, *COMMAND)
    with (
        terminal(tmp_path, "--run", run.name, **places) as owner,
        terminal(tmp_path, "--run", run.name, command=reading, **places) as reader,
    ):
        for shown in (owner, reader):
            shown.wait_for("of 1,000,000")
            shown.wait_for("Validation image ")
            reached = epochs_trained(run)
            shown.wait_for(lambda shown=shown, reached=reached: epoch_shown(shown) > reached)

        for keys in (("s",), (" ",), ("q", "s")):
            reader.send(*keys)
            reader.wait_for(lambda: f"Run {run.name} belongs to another user" in said(reader))
        assert reader.process.isalive()
        goes_on(run)

        owner.send(" ")
        reader.wait_for("paused: Space goes on")
        for key, seen in {
            "2": "taken for",
            "3": "proven",
            "4": "Weights of linear_1",
            "5": "Labels of",
            "6": "Runs: 1",
            "e": "Pen up",
        }.items():
            reader.send(key)
            reader.wait_for(seen)
        reader.send("6")
        reader.wait_for("Runs: 1")
        reader.send("t")
        reader.wait_for("Name:")
        reader.send("mine", "enter")
        reader.wait_for(lambda: "cannot be annotated: it belongs to another user" in said(reader))

        owner.send("s")
        reader.wait_for("■ stopped")
        for key, refused in (("R", "cannot be resumed"), ("d", "")):
            reader.send(key)
            if not refused:
                reader.wait_for("Delete")
                reader.send("y")
                refused = "cannot be deleted"
            reader.wait_for(lambda refused=refused: f"{refused}: it belongs to" in said(reader))
        for shown in (owner, reader):
            shown.send("q")
            assert shown.wait_for_end() == 0
    assert {path.stat().st_uid for path in shared.rglob("*")} == {os.geteuid()}
    assert run.config().source == "bundled"


def epoch_shown(shown: Terminal) -> int:
    found = re.search(r"epoch ([\d,]+) of", shown.text)
    return int(found[1].replace(",", "")) if found else 0


def test_what_a_run_gets_later_is_open_to_those_whom_it_was_opened_to(folder: Path) -> None:
    run = endless(samples=60)
    run.path.chmod(0o755)
    worker.stop(run)
    wait_until(lambda: not run.is_running())
    assert robustness(run, seconds=100).is_complete
    kept = run.path / "robustness"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o755
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept.iterdir()} == {0o644}
