"""All members of a sweep are trained on the data that it began with."""

import contextlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from mnistop.engine import worker
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load
from mnistop.engine.errors import RunError
from mnistop.engine.events import MemberFailed
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.engine.sweep.known_data import DataCheck, key_of, recorded_data
from tests.engine.sweep.test_sweeps import states, swept, wait_for_end
from tests.helpers.small_data import DataFile
from tests.helpers.small_runs import digits_config, ever_more, history_of
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.process


@pytest.fixture
def data(tmp_path: Path) -> DataFile:
    return DataFile(tmp_path / "d.npz")


def members(data: DataFile, epochs: int, count: int = 3) -> list[RunConfig]:
    """Each has a split of its own, so that its data are loaded anew; the first has these epochs."""
    return [
        digits_config(
            source=data.source,
            samples=DataFile.USED,
            split_seed=seed,
            epochs=3 if seed else epochs,
            hidden=(64,),
        )
        for seed in range(count)
    ]


def held(data: DataFile) -> tuple[Sweep, Run]:
    """A sweep whose first member is paused after an epoch."""
    for epochs in ever_more(800):
        sweep = swept(members(data, epochs), jobs=1)
        first = sweep.member(1)
        wait_until(lambda run=first: run.is_there() and history_of(run).epochs)
        with contextlib.suppress(RunError):  # it has come to its end
            worker.pause(first)
            return sweep, first
        wait_for_end(sweep)
    raise AssertionError


def stopped(data: DataFile) -> Sweep:
    """A sweep that was stopped while its first member was trained."""
    sweep, _ = held(data)
    worker.stop(sweep)
    wait_for_end(sweep)
    assert states(sweep) == ["stopped"]
    return sweep


def contents(sweep: Sweep) -> list[bytes]:
    return [folder.events_path.read_bytes() for folder in (sweep, *sweep.members())]


@pytest.mark.slow
@pytest.mark.parametrize("change", DataFile.REFUSED)
def test_a_sweep_does_not_go_on_with_other_data(
    runs_folder: Path, data: DataFile, change: str
) -> None:
    sweep = stopped(data)
    before = contents(sweep)
    data.write(change)
    with pytest.raises(RunError) as refused:
        worker.resume_sweep(sweep)
    assert str(refused.value) == (
        f"Sweep {sweep.name} cannot go on, since the data in {data.source} have changed "
        f"({DataFile.REFUSED[change]}): put the original data back, or start a new sweep with "
        "them as they are."
    )
    assert (contents(sweep), sweep.state()) == (before, "stopped")

    data.write("compressed")
    assert worker.resume_sweep(sweep) == ""
    wait_for_end(sweep)
    assert states(sweep) == ["finished"] * 3


def test_members_that_would_begin_on_other_data_are_refused_while_the_others_go_on(
    runs_folder: Path, data: DataFile
) -> None:
    sweep, first = held(data)
    data.write("a label of a training image")
    worker.resume(first)
    wait_for_end(sweep)
    assert states(sweep) == ["finished"]
    assert sweep.state() == "stopped"
    failed = {
        said.member: said.message for said in read_events(sweep) if isinstance(said, MemberFailed)
    }
    sentence = (
        f"The data in {data.source} have changed (other labels) since the sweep began: put the "
        "original data back and resume the sweep, or start a new one with them as they are."
    )
    assert failed == {sweep.member(number).name: sentence for number in (2, 3)}
    assert sweep.problem() == f"2 of 3 runs are not trained to their end. {sentence}"

    data.write()
    worker.resume_sweep(sweep)
    wait_for_end(sweep)
    assert states(sweep) == ["finished"] * 3
    fingerprints = {history_of(run).started.data.labels for run in sweep.members()}  # type: ignore[union-attr]
    assert len(fingerprints) == 1


def test_a_member_alone_does_not_go_on_with_other_data(runs_folder: Path, data: DataFile) -> None:
    sweep = stopped(data)
    data.write("inverted")
    with pytest.raises(RunError, match=f"Run {sweep.name}.01 cannot go on"):
        worker.resume(sweep.member(1))
    assert states(sweep) == ["stopped"]


def test_members_of_other_sample_counts_have_data_of_their_own(
    runs_folder: Path, data: DataFile
) -> None:
    configs = [
        digits_config(source=data.source, samples=count, epochs=2) for count in (100, 200, 400)
    ]
    sweep = swept(configs)
    wait_for_end(sweep)
    assert states(sweep) == ["finished"] * 3
    known = recorded_data(sweep)
    assert [known[key_of(config)].images for config in configs] == [100, 200, 400]


def test_a_sweep_of_before_fingerprints_compares_its_members_and_warns(
    runs_folder: Path, data: DataFile
) -> None:
    sweep = stopped(data)
    for folder in (sweep, *sweep.members()):
        said = [json.loads(line) for line in folder.events_path.read_text().splitlines()]
        kept = [event for event in said if event["event"] != "SweepData"]
        lines = [json.dumps({k: v for k, v in event.items() if k != "data"}) for event in kept]
        folder.events_path.write_text("\n".join([*lines, ""]))
    before = contents(sweep)
    data.write("permuted")
    with pytest.raises(RunError, match="cannot go on, since the data in"):
        worker.resume_sweep(sweep)
    assert contents(sweep) == before

    data.write()
    assert "what it trains on could not be compared" in worker.resume_sweep(sweep)
    wait_until(lambda: recorded_data(sweep))
    wait_for_end(sweep)
    assert states(sweep) == ["finished"] * 3


def test_a_sweep_of_before_test_images_were_kept_apart_goes_on_with_the_images_it_began_with(
    runs_folder: Path, tmp_path: Path
) -> None:
    digits = load("digits", 500)
    pixels = (digits.images * 255).round().astype(np.uint8)
    path = tmp_path / "with a test part.npz"
    np.savez(
        path,
        x_train=pixels[:400],
        y_train=digits.labels[:400],
        x_test=pixels[400:],
        y_test=digits.labels[400:],
    )
    for epochs in ever_more(800):
        configs = [
            digits_config(
                source=str(path),
                samples=500,
                split="random",
                seed=seed,
                epochs=3 if seed else epochs,
            )
            for seed in range(3)
        ]
        sweep = swept(configs, jobs=1)
        first = sweep.member(1)
        wait_until(lambda run=first: run.is_there() and history_of(run).epochs)
        worker.stop(sweep)
        wait_for_end(sweep)
        if states(sweep) == ["stopped"]:
            break
    for folder in (sweep, *sweep.members()):
        said = [json.loads(line) for line in folder.events_path.read_text().splitlines()]
        kept = [event for event in said if event["event"] != "SweepData"]
        for event in kept:
            event.pop("data", None)
            event.pop("test_images", None)
            event.pop("samples", None)
        folder.events_path.write_text("".join(json.dumps(event) + "\n" for event in kept))
    for manifest in (sweep.path / "sweep.json", first.path / "config.json"):
        text = manifest.read_text()
        assert '"samples": 500' in text
        text = text.replace('"samples": 500', '"samples": null').replace(
            '"format": 3', '"format": 2'
        )
        manifest.write_text(re.sub(r'\s*"split": "random",', "", text))
    worker.resume_sweep(sweep)
    wait_for_end(sweep)
    assert states(sweep) == ["finished"] * 3
    used = [history_of(run).started for run in sweep.members()]
    assert {one and one.training_images + one.validation_images for one in used} == {500}


def test_a_worker_with_other_data_than_this_machine_is_refused(data: DataFile) -> None:
    config = digits_config(source=data.source, samples=DataFile.USED)
    here = load(data.source, DataFile.USED).fingerprint
    data.write("inverted")
    there = load(data.source, DataFile.USED).fingerprint
    check = DataCheck({key_of(config): here})
    found = {"tcp://a": {key_of(config): here}, "tcp://b": {key_of(config): there}}
    with pytest.raises(RunError) as refused:
        check.check_workers(found, [config])
    assert str(refused.value) == (
        f"The Dask worker tcp://b has other data in {data.source} than this machine (other "
        "pixels): put the same data where all workers find them, or start a new sweep with those "
        "that are there."
    )


def test_a_size_to_resize_to_is_part_of_what_data_are_known_by() -> None:
    plain = RunConfig(source="digits")
    assert "resize" not in key_of(plain)
    assert "resize=28 28" in key_of(RunConfig(source="digits", resize=(28, 28)))
