"""Resuming on data that have changed, as the command tells it."""

import json
from pathlib import Path

import pytest

from mnistop.engine import worker
from mnistop.engine.runs.run_folder import Run
from tests.helpers.command_line import Place
from tests.helpers.small_data import DataFile
from tests.helpers.small_runs import history_of
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.slow]


@pytest.fixture
def data(tmp_path: Path) -> DataFile:
    return DataFile(tmp_path / "d.npz")


def stopped(place: Place, data: DataFile) -> Run:
    """A run that was stopped after some epochs."""
    flags = ("--samples", str(DataFile.USED), "--hidden", "16", "--epochs", "3000")
    run = Run(place.folder / place.train_detached("--source", data.source, *flags))
    wait_until(lambda: history_of(run).epochs)
    worker.stop(run)
    wait_until(lambda: not run.is_running())
    return run


def test_resuming_on_other_data_is_bad_input_and_leaves_the_run_as_it_was(
    place: Place, data: DataFile
) -> None:
    run = stopped(place, data)
    before = place.state(run.name), place.events(run.name), place.run("show", run.name).stdout
    data.write("permuted")
    refused = place.run("resume", run.name)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert (
        f"mnistop: Run {run.name} cannot go on, since the data in {data.source} have changed "
        "(other images and labels, or another order): put the original data back, or start a new "
        "run with them as they are.\n"
    ) in refused.stderr
    assert before == (
        place.state(run.name),
        place.events(run.name),
        place.run("show", run.name).stdout,
    )

    data.write()
    assert place.run("resume", run.name).returncode == 0
    assert place.state(run.name)["state"] == "finished"


def older(run: Run) -> None:
    """Turn a run into one that an older mnistop has written."""
    events = [json.loads(line) for line in run.events_path.read_text().splitlines()]
    lines = [json.dumps({k: v for k, v in event.items() if k != "data"}) for event in events]
    run.events_path.write_text("\n".join([*lines, ""]))


WARNING = "was begun by an older mnistop, which kept no fingerprint of its data"


def test_the_warning_on_a_run_without_a_fingerprint_goes_to_stderr(
    place: Place, data: DataFile
) -> None:
    run = stopped(place, data)
    older(run)
    resumed = place.run("resume", run.name, "--json")
    assert resumed.returncode == 0
    assert f"Run {run.name} {WARNING}" in resumed.stderr
    assert WARNING not in resumed.stdout


@pytest.mark.pty
@pytest.mark.parametrize("width", [80, 120])
def test_the_warning_stays_on_the_terminal_above_what_is_live(
    place: Place, data: DataFile, width: int
) -> None:
    run = stopped(place, data)
    older(run)
    words = place.last_words(place.in_terminal("resume", run.name, width=width))
    assert WARNING in " ".join(words.split())
    assert "finished: 3,000 epochs" in words
