"""The whole story in a real terminal: open, set, train, watch, pause, stop, quit, come back."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.config import NAMES, RunConfig
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run
from tests.helpers.processes import (
    fork_server_of,
    goes_on,
    linux,
    process_of,
    standing_still,
    the_run,
)
from tests.helpers.pseudo_terminal import COMMAND, terminal
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]


SMALL = ("--samples", "300", "--hidden", "16")
"""Flags of a run of which more does not matter."""

AND_TELL_ITS_MODULES = """
import sys
from mnistop.tui.cli.entry import exit_code_of
code = exit_code_of(sys.argv[1:])
heavy = {"torch", "sklearn", "scipy", "pandas"} & {name.partition(".")[0] for name in sys.modules}
print("imported by the app:", sorted(heavy))
sys.exit(code)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder of the runs; those still training are ended afterwards."""
    monkeypatch.setenv("MNISTOP_RUNS", str(tmp_path / "mnistop_runs"))
    yield tmp_path
    for run in run_folder.list_runs():
        if process := run.process_id():
            os.kill(process, signal.SIGKILL)


def history_of(run: Run) -> History:
    return reduce(History(), read_events(run))


def assert_whole(run: Run) -> None:
    history = history_of(run)
    assert history.started
    assert history.ended
    assert history.best
    assert [epoch.epoch for epoch in history.epochs] == list(range(len(history.epochs)))
    assert run.predictions().shape == (len(history.epochs) + 1, history.started.validation_images)
    for name in ("config.json", "checkpoint.pt", "best.pt", "log.txt"):
        assert (run.path / name).exists(), name
    assert (run.path / "log.txt").read_text() == ""


def test_the_whole_story(folder: Path) -> None:
    command = (sys.executable, "-c", AND_TELL_ITS_MODULES)
    with terminal(folder, command=command) as shown:
        # Open, and change a field.
        shown.wait_for("Press r to train")
        shown.send(*["down"] * (1 + NAMES.index("epochs")))
        shown.wait_for("› epochs")
        shown.send("enter")
        shown.wait_for("Keep")
        shown.type("1000000")
        shown.send("enter")
        shown.wait_for("*epochs")

        # Train, and watch.
        shown.send("r")
        shown.wait_for("of 1,000,000")
        shown.wait_for("Confusion matrix, epoch")
        shown.wait_for("Validation image ")
        shown.wait_for("adversarial: ")
        assert "ln 10" in shown.text
        assert "locked" in shown.text
        maps = Path(f"/proc/{shown.process.pid}/maps")
        assert "torch" not in maps.read_text()

        # Pause, and go on.
        shown.send("space")
        shown.wait_for("paused: Space goes on")
        reached = len(history_of(the_run()).epochs)
        shown.send("tab", "left", "left")
        shown.wait_for(f"Log, epoch {reached - 3}")
        shown.wait_for(f"Confusion matrix, epoch {reached - 3}")
        shown.send("escape")
        shown.wait_until_gone("Log, ")
        shown.wait_for(f"Confusion matrix, epoch {reached - 1}")
        shown.wait_for("Validation image ")
        [image] = re.findall(r"Validation image \d+,", shown.text)
        shown.send("n")
        shown.wait_for(lambda: image not in shown.text and "Validation image" in shown.text)
        assert len(history_of(the_run()).epochs) == reached
        shown.send("space")
        shown.wait_for("images/s")

        # In every size, and with the help.
        for size in ((80, 24), (40, 10), (100, 34), (120, 40)):
            shown.resize(*size)
            shown.wait_for("needs 60×16" if size[0] < 60 else "of 1,000,000")
        shown.send("?")
        shown.wait_for("The focused pane alone, and back")
        shown.send("escape")
        shown.wait_until_gone("The focused pane alone, and back")

        # Stop, and quit.
        shown.send("s")
        shown.wait_for("stopped and saved after")
        shown.send("q")
        assert shown.wait_for_end() == 0
        after = shown.text

    run = the_run()
    assert f"run {run.name} stopped and saved after" in after
    assert "best: epoch" in after
    assert f"mnistop resume {run.name}" in after
    assert f"mnistop --run {run.name}" in after
    assert "imported by the app: []" in after
    assert run.config() == RunConfig(epochs=1000000)
    assert_whole(run)

    told = subprocess.run(
        [*COMMAND, "show", "last"], capture_output=True, text=True, timeout=100, check=True
    ).stdout
    assert run.name in told

    # Come back.
    with terminal(folder, "--run", "last", size=(100, 34)) as shown:
        shown.wait_for("stopped and saved after")
        shown.wait_for("Epoch log")
        shown.send("q")
        assert shown.wait_for_end() == 0


@linux
def test_pressed_at_once_r_says_that_it_warms_up_and_starts_by_itself_and_d_leaves_it_running(
    folder: Path,
) -> None:
    with terminal(folder, "--epochs", "1000000") as shown:
        shown.wait_for("PyTorch is loading meanwhile")
        with standing_still(fork_server_of(shown.process.pid)):
            shown.send("r")
            shown.wait_for("Warming up")
        shown.wait_for("of 1,000,000")
        with standing_still(process_of(the_run())):
            shown.send("q")
            shown.wait_for("Esc stay")
            shown.send("d")
            assert shown.wait_for_end() == 0
        after = shown.text

    run = the_run()
    assert f"run {run.name} is still training" in after
    assert f"mnistop --run {run.name}" in after
    goes_on(run)
    worker.stop(run)
    wait_until(lambda: not run.is_running())
    assert_whole(run)


def test_a_missing_source_is_said_at_its_field_and_leaves_no_run(folder: Path) -> None:
    with terminal(folder, size=(80, 24)) as shown:
        shown.wait_for("Press r to train")
        shown.send("down", "enter")
        shown.wait_for("Keep")
        shown.type("/no/such/file.npz")
        shown.send("enter", "r")
        shown.wait_for("!source")
        shown.wait_for("/no/such/file.npz")
        assert "! " in shown.text
        shown.send("q")
        shown.wait_for_end()
    assert run_folder.list_runs() == []


def test_sigterm_gives_the_terminal_back_and_leaves_the_run_training(folder: Path) -> None:
    with terminal(folder, *SMALL, "--epochs", "1000000") as shown:
        shown.wait_for("Press r to train")
        shown.send("r")
        shown.wait_for("  val ")
        os.kill(shown.process.pid, signal.SIGTERM)
        assert shown.wait_for_end() == 128 + signal.SIGTERM
        assert shown.settings() == shown.settings_before
        end = shown.written.rpartition(b"\x1b[?1049h")[2]
        for taken, given_back in (
            (b"\x1b[?1049h", b"\x1b[?1049l"),
            (b"\x1b[?25l", b"\x1b[?25h"),
            (b"\x1b[?1000h", b"\x1b[?1000l"),
            (b"\x1b[?2004h", b"\x1b[?2004l"),
        ):
            assert taken in shown.written
            assert given_back in end
        assert end.rindex(b"\x1b[?25h") > end.rindex(b"\x1b[?25l")
    run = the_run()
    assert run.is_running()
    goes_on(run)


@pytest.mark.parametrize(("arguments", "term"), [((), "linux"), (("--ascii",), "xterm-256color")])
def test_a_terminal_without_unicode_gets_ascii_alone(
    folder: Path, arguments: tuple[str, ...], term: str
) -> None:
    with terminal(folder, *SMALL, "--epochs", "60", *arguments, TERM=term) as shown:
        shown.wait_for("Press r to train")
        shown.send("r")
        shown.wait_for("adversarial: ")
        shown.send("tab", "tab", "up", "tab", "left", "tab", "n", "z", "z")
        shown.wait_for("done: ")
        shown.send("?")
        shown.wait_for("The focused pane alone, and back")
        shown.send("escape")
        shown.wait_until_gone("The focused pane alone, and back")
        shown.send("w")
        shown.wait_for("Written to")
        shown.send("\x10")
        shown.wait_for("Search for commands")
        shown.send("escape")
        shown.wait_until_gone("Search for commands")
        shown.send("q")
        assert shown.wait_for_end() == 0
        assert shown.written.isascii()
        assert "mnistop --run" in shown.text
