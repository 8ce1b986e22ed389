"""Behind a line that buffers without limit the picture stays young, and a key is answered soon."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mnistop.engine.runs.event_log import epochs_trained
from tests.helpers.processes import the_run
from tests.helpers.pseudo_terminal import COMMAND, Terminal, terminal
from tests.ssh.slow_line import slow_line

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]


LONG = ("--epochs", "1000000", "--samples", "400", "--hidden", "16")
RATE = 1000
"""Bytes a second."""
MOST = 3 * RATE
"""Bytes that may be under way."""


def epoch_shown(shown: Terminal) -> int:
    found = re.search(r"epoch ([\d,]+) of", shown.text)
    return int(found[1].replace(",", "")) if found else 0


def begin_long_run(shown: Terminal) -> None:
    shown.wait_for("Press r to train")
    shown.send("r")
    shown.wait_for(lambda: epoch_shown(shown) > 50)


def test_training_never_has_more_under_way_than_the_line_passes_on_in_seconds(
    folder: Path,
) -> None:
    with slow_line(folder, *LONG, rate=RATE) as shown:
        begin_long_run(shown)
        run = the_run()
        backlogs: list[int] = []

        def has_trained_on(since: int = epochs_trained(run)) -> bool:
            backlogs.append(shown.backlog)
            return epochs_trained(run) > since + 3000

        shown.wait_for(lambda: shown.backlog < MOST)
        shown.wait_for(has_trained_on)
        assert max(backlogs) < MOST
        trained = epochs_trained(run)
        shown.wait_for(lambda: epoch_shown(shown) >= trained)


def test_a_key_is_answered_before_all_that_was_drawn_unasked_and_a_newer_key_drops_the_rest(
    folder: Path,
) -> None:
    with slow_line(folder, *LONG, rate=RATE) as shown:
        begin_long_run(shown)
        shown.wait_for(lambda: shown.backlog < MOST)
        before = shown.arrived
        shown.send("?")
        shown.wait_for("mnistop trains a classifier")
        assert shown.arrived - before < MOST
        shown.send("escape")
        shown.wait_until_gone("mnistop trains a classifier")
        assert "Suspend" not in shown.text  # the help's last rows never came


def test_after_a_stall_the_newest_state_comes_and_no_backlog(folder: Path) -> None:
    with slow_line(folder, *LONG, rate=RATE) as shown:
        begin_long_run(shown)
        run = the_run()
        shown.rate = 0
        stalled = epochs_trained(run)
        shown.wait_for(lambda: epochs_trained(run) > stalled + 3000)
        assert shown.backlog < MOST
        reached, before = epochs_trained(run), shown.arrived
        shown.rate = 1_000_000
        shown.wait_for(lambda: epoch_shown(shown) >= reached)
        assert shown.arrived - before < 20_000


def test_a_terminal_that_answers_nothing_is_used_all_the_same(folder: Path) -> None:
    with terminal(folder, *LONG, answers=False) as shown:
        begin_long_run(shown)
        shown.send("?")
        shown.wait_for("mnistop trains a classifier")


def test_no_answer_is_left_to_the_shell_and_none_is_a_key(folder: Path) -> None:
    program = " ".join(COMMAND)
    script = f'{program} {" ".join(LONG)}; IFS= read -r -t 3 -n 1 key; echo "the shell got [$key]"'
    with slow_line(folder, command=("bash", "-c", script), rate=RATE, delay=0.2) as shown:
        begin_long_run(shown)
        shown.send("2")
        shown.wait_for("2 Mistakes")
        shown.send("1", "q")
        shown.wait_for("training goes on")
        shown.send("d")
        shown.wait_for("the shell got [")
        assert "the shell got []" in shown.text
