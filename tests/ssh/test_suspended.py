"""A suspended app: it gives the terminal back, and draws all when it goes on."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.helpers.processes import command_of, linux, session_of, states_of
from tests.helpers.pseudo_terminal import COMMAND, Terminal, terminal
from tests.helpers.terminal_modes import ENTERED, LEFT, assert_given_back, assert_modes_given_back
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]

PROMPT = "the-shell-is-here$"
SHELL = ("sh", "-i")


@pytest.mark.parametrize("command", ["{}", "sh -c '{}; true'"])
@linux
def test_a_suspended_app_gives_the_terminal_back_and_draws_all_when_it_goes_on(
    folder: Path, command: str
) -> None:
    with terminal(folder, command=SHELL, PS1=PROMPT, ENV="") as shown:
        shown.wait_for(PROMPT)
        settings = shown.settings()
        shown.type(command.format(" ".join(COMMAND)) + "\r")
        shown.wait_for("Press r to train")
        shown.send("\x1a")
        shown.wait_for(lambda: shown.text.rstrip().endswith(PROMPT))
        assert shown.settings() == settings
        continue_after_another_program(shown)
        app = app_below(shown.process.pid)
        if command != "{}":  # the shell would take the terminal of a job of its own
            os.kill(app, signal.SIGSTOP)
            wait_until(lambda: "T" in states_of(app))
            shown.clear()
            os.kill(app, signal.SIGCONT)
            assert_all_is_drawn(shown)
        shown.send("down")
        shown.wait_for("› source")
        shown.send("q")
        shown.wait_for(lambda: shown.text.rstrip().endswith(PROMPT))
        assert shown.settings() == settings
        shown.type("exit\r")
        assert shown.wait_for_end() == 0
        assert_modes_given_back(shown)


def continue_after_another_program(shown: Terminal) -> None:
    shown.clear()
    shown.type("fg\r")
    assert_all_is_drawn(shown)


def assert_all_is_drawn(shown: Terminal) -> None:
    for text in ("Press r to train", "hidden layers", "Epoch log"):
        shown.wait_for(text)


def app_below(process: int) -> int:
    """The app that some process has started, or one that this one has."""
    [app] = [
        number for number in session_of(process) if command_of(number).split("\0")[0] == "mnistop"
    ]
    return app


ORPHAN = """
import os, signal, sys
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
ready, go = os.pipe()
if not os.fork():
    if not os.fork():
        os.setpgid(0, 0)
        os.tcsetpgrp(0, os.getpid())
        signal.signal(signal.SIGTTOU, signal.SIG_DFL)
        os.write(go, b"1")
        os.execvp("sh", ["sh", "-c", f"{sys.executable} -m mnistop; true"])
    os.read(ready, 1)
    os._exit(0)
os.wait()
while True:
    signal.pause()
"""
"""Starts the app in a group of the foreground whose parent then ends."""


@pytest.mark.parametrize(
    "command",
    [
        COMMAND,
        ("sh", "-c", " ".join(COMMAND)),
        ("sh", "-c", f"{' '.join(COMMAND)}; true"),
        (sys.executable, "-c", ORPHAN),
    ],
    ids=["session leader", "sh -c", "sh -c and more", "orphan"],
)
def test_where_no_shell_could_continue_it_the_app_says_so_and_goes_on(
    folder: Path, command: tuple[str, ...]
) -> None:
    with terminal(folder, command=command) as shown:
        shown.wait_for("Press r to train")
        shown.send("\x1a")
        shown.wait_for("There is no shell here that could")
        assert_all_is_drawn(shown)
        shown.send("down")
        shown.wait_for("› source")
        shown.send("q")
        shown.wait_for(lambda: shown.written.rfind(LEFT) > shown.written.rfind(ENTERED))
        shown.wait_for(lambda: shown.settings() == shown.settings_before)
        assert_given_back(shown)
