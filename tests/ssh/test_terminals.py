"""Terminals of all kinds: colours, sizes, signals, the mouse, and faults."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from mnistop.engine.runs import entry
from tests.helpers.processes import paused
from tests.helpers.pseudo_terminal import COMMAND, terminal
from tests.helpers.terminal_modes import assert_given_back

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]


@pytest.mark.parametrize(
    ("environ", "colours", "is_ascii"),
    [
        ({"TERM": "tmux-256color", "LC_ALL": "C.UTF-8"}, {"16", "256"}, False),
        ({"TERM": "vt100"}, set(), True),
        ({"TERM": "screen", "STY": "1.pts", "NO_COLOR": "1", "LANG": "C.UTF-8"}, set(), False),
        ({"TERM": "xterm-256color", "LC_ALL": "C", "PYTHONUTF8": ""}, {"16", "256"}, True),
    ],
    ids=["tmux", "vt100", "screen without colour", "C locale"],
)
def test_a_terminal_gets_the_colours_and_characters_that_it_can_show(
    folder: Path, environ: dict[str, str], colours: set[str], is_ascii: bool
) -> None:
    run = paused()
    with terminal(folder, "--run", run.name, **environ) as shown:
        shown.wait_for("of 1,000,000")
        shown.wait_for("Confusion matrix, epoch")
        for key, expected in {"?": "The focused pane alone", "5": "Labels of"}.items():
            shown.send(key)
            shown.wait_for(expected)
            shown.send("escape")
            shown.wait_until_gone(expected)
        shown.send("q")
        shown.wait_for("Esc stay")
        shown.send("d")
        assert shown.wait_for_end() == 0
        assert f"mnistop --run {run.name}" in shown.text
        assert_given_back(shown)
        assert shown.written.isascii() == is_ascii
        assert colours_in(shown.written) <= colours


def test_in_ascii_mode_no_other_byte_leaves_on_any_screen_or_dialog(folder: Path) -> None:
    for _ in range(2):
        run = paused()
        entry.write_about(run, entry.About("größer ▶ 文字", "ünï"))
    with terminal(folder, "--ascii", "--run", run.name, COLORTERM="truecolor") as shown:
        shown.wait_for("of 1,000,000")
        for keys, seen in WALK:
            shown.send(*keys)
            shown.wait_for(seen)
            assert shown.written.isascii(), keys
        shown.send("escape")
        os.kill(shown.process.pid, signal.SIGTERM)
        assert shown.wait_for_end() == 128 + signal.SIGTERM
        assert shown.written.isascii()


WALK: list[tuple[tuple[str, ...], str]] = [
    (("tab", "z"), "Loss and accuracy"),
    (("z", "tab", "z"), "Epoch log"),
    (("z", "2"), "taken for"),
    (("g",), "Gallery of"),
    (("c",), "recall"),
    (("3",), "proven"),
    (("m",), "Linf"),
    (("4",), "Weights of linear_1"),
    (("enter",), "Its weights to the classes"),
    (("5",), "Labels of"),
    (("6",), "Runs: 2"),
    (("t",), "Name:"),
    (("escape",), "o Order"),
    (("space", "down", "space"), "c Compare"),
    (("c",), "2 runs: loss and accuracy"),
    (("x",), "Confusion matrices: a less b"),
    (("e",), "Pen up"),
    (("space", "down", "right"), "Pen down"),
    (("?",), "pad.thinner"),
    (("q",), "Pen down"),
    (("q",), "Esc stay"),
]
"""Keys, and what is seen then."""


def colours_in(written: bytes) -> set[str]:
    """The kinds of colours that are asked for."""
    kinds = {"5": "256", "2": "true"}
    found = set()
    for codes in re.findall(rb"\x1b\[([\d;]*)m", written):
        numbers = codes.decode().split(";")
        for before, number in pairwise(numbers):
            if before in ("38", "48"):
                found.add(kinds[number])
        if any(re.fullmatch("[349][0-7]|10[0-7]", number) for number in numbers):
            found.add("16")
    return found


def test_resizing_during_training_always_draws_what_fits(folder: Path) -> None:
    run = paused()
    with terminal(folder, "--run", run.name) as shown:
        shown.wait_for("of 1,000,000")
        for width, height in ((80, 24), (59, 15), (300, 100), (20, 5), (100, 34), (120, 40)):
            shown.resize(width, height)
            fits = width >= 60
            shown.wait_for("of 1,000,000" if fits else "needs" if width > 40 else "Training is not")
            if (width, height) == (59, 15):
                assert "59×15 cells" in shown.text
                assert "60×16" in shown.text
        os.kill(shown.process.pid, signal.SIGTERM)
        assert shown.wait_for_end() == 128 + signal.SIGTERM
        assert_given_back(shown)


@pytest.mark.parametrize("seconds", [0, 0.02], ids=["at once", "after a moment"])
def test_a_terminal_that_is_made_small_and_large_again_shows_all_again(
    folder: Path, seconds: float
) -> None:
    with terminal(folder) as shown:
        shown.wait_for("Press r to train")
        for key, text, in_the_last_line in (
            ("2", "then r to train", "c Classes"),
            ("6", "There are no runs yet", "S New sweep"),
        ):
            shown.send(key)
            shown.wait_for(in_the_last_line)
            shown.wait_for(text)
            before = shown.text
            shown.resize(80, 24)
            time.sleep(seconds)
            shown.resize(120, 40)
            assert shown.text != before
            shown.wait_for(lambda before=before: shown.text == before)


EMPTY_PANES = (
    "Loss: press r to train",
    "A row per epoch: press r to train",
    "Which class is taken for which: press r to train",
    "An image, and how little it takes to fool the model: press r to train",
)
RESIZED_MEANWHILE = """
import fcntl, os, struct, sys, termios
from textual.drivers.linux_driver import LinuxDriver
read = LinuxDriver._get_terminal_size
def read_while_it_changes(driver):
    size = read(driver)
    if size == (80, 24):
        fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    return size
LinuxDriver._get_terminal_size = read_while_it_changes
from mnistop.tui.cli.entry import exit_code_of
sys.exit(exit_code_of(sys.argv[1:]))
"""


def test_a_size_that_changes_again_while_it_is_read_is_the_one_that_is_drawn(folder: Path) -> None:
    with terminal(folder, command=(sys.executable, "-c", RESIZED_MEANWHILE)) as shown:
        for text in ("z Zoom", "Press r to train", *EMPTY_PANES):  # which come in pieces
            shown.wait_for(text)
        before = shown.text
        shown.process.setwinsize(24, 80)
        shown.send("down")
        shown.wait_for("› source")
        shown.send("up")
        shown.wait_for(lambda: shown.text == before)


def test_a_sighup_while_the_terminal_lives_gives_it_back(folder: Path) -> None:
    with terminal(folder) as shown:
        shown.wait_for("Press r to train")
        os.kill(shown.process.pid, signal.SIGHUP)
        assert shown.wait_for_end() == 128 + signal.SIGHUP
        assert_given_back(shown)


def test_the_terminals_own_size_wins_over_the_environment(folder: Path) -> None:
    with terminal(folder, COLUMNS="70", LINES="20") as shown:
        shown.wait_for("Epoch log")
        shown.wait_for("Press r to train")
        assert "Train" in shown.text.splitlines()[0]
        assert "? Help" in shown.text.splitlines()[39]


def test_a_command_takes_the_terminals_own_width(folder: Path) -> None:
    with terminal(folder, "zzz", size=(40, 24), COLUMNS="200") as shown:
        assert shown.wait_for_end() == 2
        shown.wait_for("There is no command zzz")
        assert max(map(len, shown.written.decode().splitlines())) <= 40


@pytest.mark.parametrize("how", ["flag", "file"])
def test_the_mouse_is_left_to_the_terminal_if_wanted(folder: Path, how: str) -> None:
    if how == "file":
        path = folder / "xdg_config_home" / "mnistop" / "config.toml"
        path.parent.mkdir(parents=True)
        path.write_text("mouse = false\n")
    with terminal(folder, *(["--no-mouse"] if how == "flag" else [])) as shown:
        shown.wait_for("Press r to train")
        shown.send("q")
        assert shown.wait_for_end() == 0
        assert not re.search(rb"\x1b\[\?10(0[02356]|1[56])h", shown.written)


def test_moves_of_the_mouse_without_a_button_are_not_asked_for(folder: Path) -> None:
    with terminal(folder) as shown:
        shown.wait_for("Press r to train")
        shown.type("\x1b[?2048;2$y\x1b[48;40;120;800;1200t")  # a terminal that tells pixels
        shown.type("\x1b[<0;12;1M\x1b[<0;12;1m")
        shown.wait_for("The images that a model gets wrong")
        shown.send("q")
        assert shown.wait_for_end() == 0
        assert not re.search(rb"\x1b\[\?(1003|1015|1016)h", shown.written)


CRASHING = """
import sys
from mnistop.tui.app import MnistopApp
from mnistop.tui.toolkit.dialogs import HelpScreen
def crash(part):
    raise ZeroDivisionError("a made-up fault")
{part}
from mnistop.tui.cli.entry import exit_code_of
sys.exit(exit_code_of(sys.argv[1:]))
"""


def test_after_a_fault_of_the_program_the_terminal_is_given_back_and_training_goes_on(
    folder: Path,
) -> None:
    run = paused()
    crashing = CRASHING.format(part="HelpScreen.compose = crash")
    command = (sys.executable, "-c", crashing)
    with terminal(folder, "--run", run.name, "--ascii", command=command) as shown:
        shown.wait_for("of 1,000,000")
        shown.send("?")
        assert shown.wait_for_end() == 1
        said = shown.text.replace("\n", "")
        assert "fault of the program, ZeroDivisionError: a made-up fault" in said
        assert "Training is not affected" in said
        assert f"mnistop --run {run.name}" in said
        assert_given_back(shown)
        assert shown.written.isascii()
    assert run.is_running()


def test_a_fault_in_a_key_is_told_and_the_app_goes_on(folder: Path) -> None:
    crashing = CRASHING.format(part="MnistopApp.action_help = crash")
    with terminal(folder, "--ascii", command=(sys.executable, "-c", crashing)) as shown:
        shown.wait_for("Press r to train")
        shown.send("?")
        shown.wait_for("ZeroDivisionError")
        shown.send("q")
        assert shown.wait_for_end() == 0
        assert_given_back(shown)


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_without_a_cursor_is_told_how_to_train(folder: Path, term: str) -> None:
    with terminal(folder, command=COMMAND, TERM=term) as shown:
        assert shown.wait_for_end() == 2
        assert "Use mnistop train and mnistop show last here" in " ".join(shown.text.split())
        assert b"\x1b" not in shown.written
