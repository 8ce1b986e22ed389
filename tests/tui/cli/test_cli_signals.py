import os
import re
import signal
import subprocess
import sys
import textwrap

import pytest

from mnistop.engine.runs.run_folder import Run
from tests.helpers.command_line import Place
from tests.helpers.processes import process_of, standing_still
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]


LONG = ("--epochs", "1000000")


def test_ctrl_c_stops_saves_and_tells_how_to_go_on(place: Place):
    terminal = place.in_terminal("train", *LONG)
    terminal.expect("loading PyTorch")
    terminal.expect("left")
    terminal.sendintr()
    last = place.last_words(terminal)
    assert terminal.exitstatus == 130
    (folder,) = place.folder.iterdir()
    assert f"run {folder.name} stopped and saved after" in last
    assert f"mnistop resume {folder.name}" in last
    assert (folder / "checkpoint.pt").exists()
    assert place.events(folder.name)[-1]["event"] == "RunStopped"


def test_ctrl_c_while_loading_still_leaves_a_saved_run(place: Place):
    terminal = place.in_terminal("train", *LONG)
    terminal.expect("loading PyTorch")
    terminal.sendintr()
    last = place.last_words(terminal)
    assert terminal.exitstatus == 130
    assert re.search(r"stopped and saved after \d+ epochs? of 1,000,000", last)
    assert "Traceback" not in last


def test_a_second_ctrl_c_leaves_at_once_and_the_run_stops_by_itself(place: Place):
    terminal = place.in_terminal("train", *LONG)
    terminal.expect("left")
    (folder,) = place.folder.iterdir()
    with standing_still(process_of(Run(folder))):
        terminal.sendintr()
        terminal.expect("stopping and saving")
        terminal.sendintr()
        last = place.last_words(terminal)
    assert terminal.exitstatus == 130
    assert "mnistop resume" in " ".join(last.split())
    wait_until(lambda: place.state(folder.name)["state"] == "stopped")


def test_sigterm_stops_and_saves_and_a_narrow_terminal_has_a_short_line(place: Place):
    terminal = place.in_terminal("train", *LONG, width=40)
    terminal.expect(r"epoch [\d,]+ of 1,000,000")
    terminal.kill(signal.SIGTERM)
    assert "stopped and saved" in place.last_words(terminal)
    assert terminal.exitstatus == 128 + signal.SIGTERM


def test_when_the_terminal_goes_away_training_goes_on_and_can_be_followed(place: Place):
    terminal = place.in_terminal("train", *LONG)
    terminal.expect("left")
    terminal.ptyproc.fileobj.close()
    wait_until(lambda: not terminal.isalive())
    (folder,) = place.folder.iterdir()
    assert place.state(folder.name)["state"] == "running"

    second = place.in_terminal("follow", "last")
    second.expect("left")
    second.sendintr()
    last = place.last_words(second)
    assert second.exitstatus == 130
    assert f"run {folder.name} continues" in last
    assert place.state(folder.name)["state"] == "running"


WARNINGS = [signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU]
"""What batch systems send before they end a job: Slurm's `--signal=USR1@60`, SGE, `ulimit -t`."""


@pytest.mark.parametrize("number", WARNINGS)
def test_the_warning_before_the_end_of_a_batch_job_stops_and_saves(
    place: Place, number: signal.Signals
):
    terminal = place.in_terminal("train", *LONG)
    terminal.expect("left")
    (folder,) = place.folder.iterdir()
    process = process_of(Run(folder))
    os.killpg(terminal.pid, number)  # Slurm sends it to every process of the step
    os.kill(process, number)
    last = place.last_words(terminal)
    assert terminal.exitstatus == 128 + number
    assert f"run {folder.name} stopped and saved after" in last
    assert place.state(folder.name)["state"] == "stopped"


def test_the_warning_before_the_end_of_a_batch_job_stops_a_sweep_and_saves_its_runs(place: Place):
    terminal = place.in_terminal("sweep", "--lr", "0.1,0.2", "--jobs", "2", *LONG)
    wait_until(lambda: len(list(place.folder.glob("*.*/checkpoint.pt"))) == 2)
    (sweep,) = place.folder.glob("*/sweep.json")
    members = sorted(place.folder.glob("*.*/lock"))
    os.killpg(terminal.pid, signal.SIGUSR1)
    for lock in (sweep.parent / "lock", *members):
        os.kill(int(lock.read_text().split()[0]), signal.SIGUSR1)
    last = place.last_words(terminal)
    assert terminal.exitstatus == 128 + signal.SIGUSR1, last
    assert [place.state(lock.parent.name)["state"] for lock in members] == ["stopped"] * 2


def test_a_stop_that_ends_the_start_as_well_is_no_failure_to_start(place: Place):
    """`timeout` or a batch system ends all processes of a job while PyTorch loads."""
    script = """
        import asyncio, os, signal, time
        from mnistop.engine.errors import RunError
        from mnistop.tui.cli.options import EndNotice
        from mnistop.tui.cli.output import Printer
        from mnistop.tui.cli.train import RunView
        from mnistop.tui.cli.watch import Watch

        def start():
            os.kill(os.getpid(), signal.SIGTERM)
            while not watch.asked:
                time.sleep(0.01)
            raise RunError("No training process could be started.")

        watch = Watch(RunView(Printer.detect()), EndNotice(), stops=True)
        asyncio.run(watch.launch(start, "loading"))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=place.environ,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in done.stderr
