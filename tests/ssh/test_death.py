"""The training process dies, or what it writes to goes away: said in words, and mended."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mnistop.engine import events, worker
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.runs.event_log import epochs_trained, read_events
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.run_folder import Run
from tests.helpers.processes import endless, kill_helpers_of, linux, process_of, standing_still
from tests.helpers.pseudo_terminal import COMMAND, Terminal, terminal
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.pty, pytest.mark.slow]


LAST_LINES = 5
"""Lines of the screen in which the app says how a run stands."""


def said_below(shown: Terminal) -> str:
    lines = [line.strip() for line in shown.text.splitlines()[-LAST_LINES:]]
    return " ".join(lines)


def test_the_death_of_a_run_is_said_with_what_is_safe_and_what_to_do(folder: Path) -> None:
    run = endless()
    name = run.name.split("-", 2)[-1]
    with terminal(folder, "--run", run.name) as shown:
        shown.wait_for("of 1,000,000")
        wait_until((run.path / "checkpoint.pt").exists)
        os.kill(process_of(run), signal.SIGKILL)
        shown.wait_for(lambda: f"mnistop resume {name} goes on" in said_below(shown))
        assert f"{name}: the training process died after" in said_below(shown)
        assert "what is shown is safe" in said_below(shown)
        assert "ln 10" in shown.text

        listed = subprocess.run([*COMMAND, "runs"], capture_output=True, text=True, check=True)
        assert "interrupted" in listed.stdout

        worker.resume(run)
        shown.wait_for(lambda: "died after" not in said_below(shown))
        shown.send("q")
        shown.wait_for("quit, training goes on")
        shown.send("\r")
        assert shown.wait_for_end() == 0
        assert f"mnistop stop {run.name}" in shown.text
    [resumed] = [event for event in read_events(run) if isinstance(event, events.RunResumed)]
    wait_until(lambda: epochs_trained(run) > resumed.epoch)


@linux
def test_without_memory_a_run_ends_in_words_and_resumed_it_has_the_same_bits(folder: Path) -> None:
    config = RunConfig(
        source="digits", samples=1500, batch_size=512, hidden=(256,), epochs=1_000_000
    )
    undisturbed, run = worker.launch(config), worker.launch(config)
    wait_until(lambda: epochs_trained(run) > 3)
    process = process_of(run)
    resource.prlimit(process, resource.RLIMIT_AS, (1 << 20, resource.RLIM_INFINITY))
    wait_until(lambda: not run.is_running())
    last = read_events(run)[-1]
    assert isinstance(last, events.RunFailed)
    assert last.message.startswith("The memory is full: free some, then resume the run.")
    enough = epochs_trained(run) + 20
    worker.resume(run)
    for each in (run, undisturbed):
        wait_until(lambda each=each: epochs_trained(each) > enough)
        worker.stop(each)
        wait_until(lambda each=each: not each.is_running())
    assert measured(run)[:enough] == measured(undisturbed)[:enough]


def measured(run: Run) -> list[tuple[float, ...]]:
    """The results of each epoch, to the last bit."""
    epochs = reduce(History(), read_events(run)).epochs
    return [(each.train_loss, each.val_loss, each.train_acc, each.val_acc) for each in epochs]


@linux
def test_helping_processes_that_were_killed_are_replaced(folder: Path) -> None:
    """Killed as by a system without memory, which takes the large ones first."""
    with terminal(folder, "--samples", "100", "--epochs", "3") as shown:
        shown.wait_for("Press r to train")
        shown.wait_until_gone("PyTorch is loading meanwhile")
        kill_helpers_of(shown.process.pid)
        shown.send("r")
        shown.wait_for("FGSM ε 0.125, epoch 2")
        kill_helpers_of(shown.process.pid)
        shown.send("3")
        shown.wait_for("fooled from")
        shown.send("q")
        assert shown.wait_for_end() == 0


def test_a_run_folder_that_vanishes_is_said_and_its_training_ends(folder: Path) -> None:
    run = endless()
    process = process_of(run)
    with terminal(folder, "--run", run.name) as shown:
        shown.wait_for("of 1,000,000")
        with standing_still(shown.process.pid):  # it need not see the folder half gone
            wait_until(lambda: _is_removed(run.path))
        shown.wait_for(lambda: "its folder is gone" in said_below(shown))
        shown.wait_for(lambda: "training has ended" in said_below(shown))
        shown.send("q")
        assert shown.wait_for_end() == 0
        assert "is gone" in shown.text
    wait_until(lambda: not _is_training(process))


def _is_training(process: int) -> bool:
    try:
        state = Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of 3 MB for the runs."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("only root can make a small disk here")
    monkeypatch.setenv("MNISTOP_RUNS", str(disk / "runs"))
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Fills a disk to the last byte, again if there is room again."""
    filler = disk / "filler"
    with open(filler, "ab", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
    return filler


def test_a_full_disk_ends_a_run_in_words_and_it_goes_on_when_there_is_room(
    folder: Path, small_disk: Path
) -> None:
    run = endless()
    filler = fill(small_disk)
    wait_until(lambda: not run.is_running())
    last = read_events(run)[-1]
    assert isinstance(last, events.RunFailed)
    assert last.message == "The disk is full: free some space, then resume the run."
    fill(small_disk)  # also the room of a checkpoint that was being written
    with pytest.raises(RunError, match=r"cannot be made .* No space left on device"):
        worker.launch(RunConfig(source="digits", samples=100, epochs=1))

    reached = epochs_trained(run)
    filler.unlink()
    worker.resume(run)
    wait_until(lambda: epochs_trained(run) > reached)
    worker.stop(run)
    wait_until(lambda: not run.is_running())
    assert isinstance(read_events(run)[-1], events.RunStopped)


def _is_removed(path: Path) -> bool:
    """Removes a folder, into which the training may be writing just now."""
    shutil.rmtree(path, ignore_errors=True)
    return not path.exists()
