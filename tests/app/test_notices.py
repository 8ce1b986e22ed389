"""Copies to the clipboard, and what the app does when the run that it shows has ended."""

import base64
import re
from pathlib import Path

import pytest

from mnistop.engine.config import RunConfig
from mnistop.tui.features.runs.screen import RunsScreen
from tests.helpers import made_up
from tests.helpers.dashboard import Opened, Workers
from tests.helpers.pseudo_terminal import Terminal, places, terminal
from tests.helpers.selection import one_in

pytestmark = [pytest.mark.process, pytest.mark.pty]


NAME = "20260101-120000-calm-otter"


def clipboard(text: str) -> bytes:
    return b"\x1b]52;c;" + base64.b64encode(text.encode()) + b"\x07"


def quit_app(shown: Terminal) -> None:
    shown.send("q")
    assert shown.wait_for_end() == 0


@pytest.mark.parametrize("size", one_in(3, [(120, 40), (80, 24)]))
def test_y_copies_the_name_of_a_run_and_shift_y_a_command(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    made_up.write_run(
        tmp_path / "mnistop_runs", [*made_up.story(5), made_up.finished(5)], RunConfig(), NAME
    )
    with terminal(tmp_path, size=size) as shown:
        shown.wait_for("Press r")
        shown.send("6")
        shown.wait_for("calm-otter")
        shown.send("y")
        shown.wait_for(lambda: clipboard(NAME) in shown.written)
        shown.wait_for(f"Copied {NAME}")
        shown.send("Y")
        shown.wait_for(lambda: clipboard(f"mnistop show {NAME}") in shown.written)
        quit_app(shown)


@pytest.mark.fast
async def test_a_terminal_without_a_clipboard_gets_no_copy(
    opened: Opened, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up.write_run(workers.folder, [*made_up.story(5), made_up.finished(5)], RunConfig(), NAME)
    monkeypatch.setenv("TERM", "linux")
    async with opened() as shown:
        await shown.press("6")
        await shown.until_shown("calm-otter")
        assert isinstance(shown.app.screen, RunsScreen)
        await shown.press("y")
        await shown.until(lambda: "no clipboard" in " ".join(shown.notices))
        assert shown.app.clipboard == ""


@pytest.mark.fast
async def test_what_is_typed_into_the_filter_copies_nothing(
    opened: Opened, workers: Workers
) -> None:
    made_up.write_run(workers.folder, [*made_up.story(5), made_up.finished(5)], RunConfig(), NAME)
    async with opened() as shown:
        await shown.press("6")
        await shown.until_shown("calm-otter")
        await shown.press("slash", "y", "Y")
        assert shown.app.clipboard == ""


def configured(tmp_path: Path, text: str) -> None:
    folder = Path(places(tmp_path)["XDG_CONFIG_HOME"]) / "mnistop"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(text)


@pytest.mark.slow
def test_a_bell_and_a_command_at_the_end_of_the_run_that_is_shown(tmp_path: Path) -> None:
    told = tmp_path / "told"
    command = f'echo "$MNISTOP_RUN $MNISTOP_STATE" > {told}.new; mv {told}.new {told}'
    configured(tmp_path, f"bell = true\nnotify = '{command}'\n")
    flags = ("--epochs", "3", "--samples", "400", "--hidden", "16")
    with terminal(tmp_path, *flags, TERM="xterm-kitty") as shown:
        shown.wait_for("Press r")
        shown.send("r")
        shown.wait_for(told.exists)
        [run] = [path.name for path in (tmp_path / "mnistop_runs").glob("2*")]
        assert told.read_text() == f"{run} finished\n"
        notice = rb"\x1b\]9;run %b finished after 3 epochs of 3[^\x1b]*\x1b\\\x07"
        shown.wait_for(lambda: re.search(notice % run.encode(), shown.written))
        quit_app(shown)
    told.unlink()
    with terminal(tmp_path, "--run", "last", TERM="xterm-kitty") as shown:  # it has ended long ago
        shown.wait_for("3 epochs in")
        quit_app(shown)
        assert b"\x1b]9;" not in shown.written
        assert not told.exists()


@pytest.mark.slow
def test_the_command_is_run_also_when_the_app_has_been_quit_before(tmp_path: Path) -> None:
    told = tmp_path / "told"
    configured(tmp_path, f"notify = 'echo $MNISTOP_STATE > {told}.new; mv {told}.new {told}'\n")
    with terminal(tmp_path, "--epochs", "1000000", "--samples", "400") as shown:
        shown.wait_for("Press r")
        shown.send("r")
        shown.wait_for("epoch 3")
        shown.send("q")
        shown.wait_for("training goes on")
        shown.send("d")
        assert shown.wait_for_end() == 0
        with terminal(tmp_path, "stop", "--all") as stopping:
            assert stopping.wait_for_end() == 0
        shown.wait_for(told.exists)
    assert told.read_text() == "stopped\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [('bell = "yes"', "must be true or false"), ("notify = 7", "must be a command")],
)
def test_a_wrong_setting_is_a_sentence(tmp_path: Path, text: str, problem: str) -> None:
    configured(tmp_path, text)
    with terminal(tmp_path) as shown:
        shown.wait_for(lambda: all(word in shown.text for word in problem.split()))
        quit_app(shown)
