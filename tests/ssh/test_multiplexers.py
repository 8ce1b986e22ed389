"""Inside tmux and GNU screen: left, resized and found again, and the shell given back."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.runs.event_log import epochs_trained
from tests.helpers.processes import goes_on, the_run
from tests.helpers.pseudo_terminal import COMMAND, Terminal, terminal

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]


PROMPT = "the-shell-is-here$"
SHELL = ("sh", "-i")


@dataclass(frozen=True)
class Multiplexer:
    """The commands that open, leave and find a session with a plain shell."""

    name: str
    open: tuple[str, ...]
    leave: str
    find: tuple[str, ...]
    end: tuple[str, ...]


SESSION = f"mnistop-{os.getpid()}"
TMUX = ("tmux", "-L", SESSION, "-f", "/dev/null")
SCREEN = ("screen", "-c", "/dev/null", "-U")
MULTIPLEXERS = [
    Multiplexer(
        "tmux",
        (*TMUX, "new-session", *SHELL),
        "\x02d",
        (*TMUX, "attach-session"),
        (*TMUX, "kill-server"),
    ),
    Multiplexer(
        "screen",
        (*SCREEN, "-S", SESSION, *SHELL),
        "\x01d",
        (*SCREEN, "-r", SESSION),
        ("screen", "-S", SESSION, "-X", "quit"),
    ),
]


@pytest.fixture(params=MULTIPLEXERS, ids=lambda each: each.name)
def multiplexer(request: pytest.FixtureRequest) -> Iterator[Multiplexer]:
    chosen: Multiplexer = request.param
    if not shutil.which(chosen.name):
        pytest.skip(f"{chosen.name} is not installed")
    yield chosen
    subprocess.run(chosen.end, capture_output=True, check=False)


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder with a short name: that of a socket may have some 100 bytes."""
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def test_a_session_is_left_and_found_again_with_training_going_on(
    folder: Path, multiplexer: Multiplexer, sockets: Path
) -> None:
    places = {
        "PS1": PROMPT,
        "TMUX_TMPDIR": str(sockets),
        "SCREENDIR": str(sockets),
        "LC_ALL": "C.UTF-8",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in places.items():
            patch.setenv(name, value)
        with terminal(folder, command=multiplexer.open, **places) as first:
            first.wait_for(PROMPT)
            first.type(f" echo TERM=$TERM; {' '.join(COMMAND)} --epochs 1000000\r")
            first.wait_for("Press r to train")
            first.send("r")
            first.wait_for("Validation image ")
            assert {"─", "▀", "▶"} <= set(first.text)
            assert len(colours(first)) > 4
            first.send(multiplexer.leave)
            first.wait_for_end()
        goes_on(the_run())
        reached = epochs_trained(the_run())
        with terminal(folder, command=multiplexer.find, size=(80, 24), **places) as again:
            again.wait_for("of 1,000,000")
            again.wait_for("? Help")
            again.resize(132, 43)
            again.wait_for("Validation image ")
            assert epochs_trained(the_run()) > reached
            worker.pause(the_run())
            again.wait_for("paused: Space goes on")
            again.send("q")
            again.wait_for("Esc stay")
            again.send("d")
            again.wait_for("open it in the app")
            again.wait_for(lambda: PROMPT in again.text.rpartition("open it in the app")[2])
            assert "Confusion matrix" not in again.text
            again.type("echo echoed and drawn with $(tput cols) columns\r")
            again.wait_for("\nechoed and drawn with 132 columns")
            again.type("exit\r")
            again.wait_for_end()


def test_without_a_locale_it_is_drawn_in_ascii_and_says_how_to_change_that(
    folder: Path, multiplexer: Multiplexer, sockets: Path
) -> None:
    places = {"TMUX_TMPDIR": str(sockets), "SCREENDIR": str(sockets), "PYTHONUTF8": ""}
    places |= {"PS1": PROMPT, "LC_ALL": "", "LC_CTYPE": "", "LANG": ""}
    command = [word for word in multiplexer.open if word != "-U"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in places.items():
            patch.setenv(name, value)
        with terminal(folder, command=command, **places) as shown:
            shown.wait_for(PROMPT)
            shown.type(f" {' '.join(COMMAND)}\r")
            shown.wait_for("Press r to train")
            shown.wait_for("LC_ALL=C.UTF-8")
            shown.wait_for("-- Epoch log ---")
            assert shown.written.isascii()
            assert "__" not in shown.text
            shown.send("q")
            shown.wait_for(lambda: "mnistop" not in after_prompt(shown))
            shown.type("exit\r")
            shown.wait_for_end()


def after_prompt(shown: Terminal) -> str:
    """The text behind the shell's last prompt: the command as long as it runs."""
    _, prompt, text = shown.text.rpartition(PROMPT)
    return text if prompt else "no prompt: mnistop"


def colours(shown: Terminal) -> set[str]:
    return {cell.fg for row in shown.cells.values() for cell in row.values()}
