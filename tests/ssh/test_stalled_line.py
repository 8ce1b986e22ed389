"""Nobody reads the terminal: nothing waits for that, and afterwards the newest state is drawn."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from mnistop.engine.runs.event_log import epochs_trained
from mnistop.tui.terminal.flow import Writer
from tests.helpers.processes import goes_on, kilobytes_of, linux, the_run
from tests.helpers.pseudo_terminal import Terminal, terminal
from tests.helpers.waiting import wait_until

STALLED_SECONDS = 3


def epoch_shown(shown: Terminal) -> int:
    found = re.search(r"epoch ([\d,]+) of", shown.text)
    return int(found[1].replace(",", "")) if found else 0


@pytest.mark.process
@pytest.mark.pty
@pytest.mark.slow
@linux
def test_a_stalled_line_slows_nothing_then_shows_the_newest_state_and_hinders_no_signal(
    folder: Path,
) -> None:
    with terminal(folder, "--epochs", "1000000", "--samples", "400", "--hidden", "16") as shown:
        shown.wait_for("Press r to train")
        shown.send("r")
        shown.wait_for("Validation image ")
        run = the_run()
        before = kilobytes_of(shown.process.pid)
        time.sleep(STALLED_SECONDS)
        goes_on(run)
        assert kilobytes_of(shown.process.pid) - before < 10_000
        reached, read = epochs_trained(run), len(shown.written)
        shown.wait_for(lambda: epoch_shown(shown) >= reached)
        assert len(shown.written) - read < 200_000
        time.sleep(STALLED_SECONDS / 2)
        os.kill(shown.process.pid, signal.SIGTERM)
        wait_until(lambda: not shown.process.isalive())
        assert shown.process.exitstatus == 128 + signal.SIGTERM
    goes_on(run)


def test_what_is_written_comes_in_order_and_nobody_waits_for_it() -> None:
    read, write = os.pipe()
    written: list[bool] = []
    writer = Writer(write, "ascii", lambda: written.append(True), lambda: written.append(False))
    much = ["x" * 100_000, "é", "end"]
    for text in much:
        writer.write(text)
    assert writer.is_behind
    assert written == []
    found = b""
    while not found.endswith(b"end"):
        found += os.read(read, 1 << 16)
    assert found == ("x" * 100_000 + "?end").encode()
    assert writer.close()
    assert written[-1] is True
    assert not writer.is_behind
    os.close(read)
    os.close(write)


def test_a_reader_that_is_gone_is_told_and_one_that_does_not_read_is_left() -> None:
    read, write = os.pipe()
    gone: list[bool] = []
    stalled = Writer(write, "utf-8", lambda: None, lambda: gone.append(True))
    stalled.write("x" * 1_000_000)
    assert not stalled.close()
    assert not gone
    os.close(read)
    stalled._thread.join()
    assert gone
    os.close(write)
