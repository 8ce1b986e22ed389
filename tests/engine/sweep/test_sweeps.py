"""A sweep: started, watched, stopped, killed and resumed, and what becomes of its members."""

import contextlib
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistop.engine import events, worker
from mnistop.engine.config import RunConfig
from mnistop.engine.errors import ConfigError, DataError, RunError
from mnistop.engine.events import MemberFailed
from mnistop.engine.runs import sweep_folder
from mnistop.engine.runs.event_log import EventLog, read_events
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.run_folder import Run, list_runs
from mnistop.engine.runs.sweep_folder import Plan, Sweep
from mnistop.engine.sweep.known_data import DataCheck
from mnistop.engine.sweep.member_server import MemberServer
from mnistop.engine.sweep.members import ThisMachine
from tests.faults.kills import results
from tests.helpers.data_files import openml_answers, write_openml_cache
from tests.helpers.processes import linux, session_of
from tests.helpers.small_runs import (
    ENDLESS,
    digits_config,
    ever_more,
    history_of,
    run_script,
    state_of,
)
from tests.helpers.waiting import wait_until

pytestmark = pytest.mark.process


def swept(configs: list[RunConfig], **options: Any) -> Sweep:
    return worker.launch_sweep(configs, **options)


def wait_for_end(sweep: Sweep) -> None:
    wait_until(lambda: not sweep.is_running())


def with_epochs(sweep: Sweep, count: int) -> list[Run]:
    """The members in training that have finished an epoch, once there are so many."""
    found: list[Run] = []

    def enough() -> bool:
        found[:] = [run for run in sweep.members() if run.is_running() and history_of(run).epochs]
        return len(found) >= count or not sweep.is_running()

    wait_until(enough)
    return found


def held(seeds: int, count: int) -> tuple[Sweep, list[Run]]:
    """A sweep, and its first members, each paused after an epoch: none comes to its end."""
    for epochs in ever_more(800):
        configs = [digits_config(seed=seed, epochs=epochs, hidden=(64,)) for seed in range(seeds)]
        sweep = swept(configs, jobs=count)
        members = [sweep.member(number) for number in range(1, count + 1)]
        with contextlib.suppress(RunError):  # one has come to its end
            for run in members:
                wait_until(lambda run=run: run.is_there() and history_of(run).epochs)
                worker.pause(run)
            return sweep, members
        wait_for_end(sweep)
    raise AssertionError


def states(sweep: Sweep) -> list[str]:
    return [state_of(run) for run in sweep.members()]


def never_killed(config: RunConfig) -> dict[str, Any]:
    """The result of a run outside a sweep."""
    run = worker.launch(config)
    wait_until(lambda: not run.is_running())
    return results(run)


def rates(*rates: float, **values: Any) -> list[RunConfig]:
    return [digits_config(lr=lr, **values) for lr in rates]


@pytest.mark.fast
def test_the_members_of_a_sweep_are_ordinary_runs(runs_folder: Path) -> None:
    configs = rates(0.01, 0.1, 1.0, epochs=4)
    sweep = swept(configs, title="three rates")
    wait_for_end(sweep)
    assert sweep.state() == "finished"
    assert (sweep.title, list(sweep.plan().configs)) == ("three rates", configs)
    members = sweep.members()
    assert [run.name for run in members] == [f"{sweep.name}.{number:02}" for number in (1, 2, 3)]
    assert [run.config() for run in members] == configs
    assert {run.sweep for run in members} == {sweep.name}
    assert states(sweep) == ["finished"] * 3
    assert results(members[1]) == never_killed(configs[1])
    listed = list_all()
    assert listed.problems == {}
    assert {row.run.name for row in listed.runs} == {run.name for run in list_runs()}
    assert {run.name for run in list_runs()} >= {run.name for run in members}
    assert [one.path for one in sweep_folder.list_sweeps()] == [sweep.path]
    assert sweep.log_path.read_text() == ""


@pytest.mark.fast
def test_a_member_that_diverges_is_a_result_and_ends_nothing(runs_folder: Path) -> None:
    sweep = swept([digits_config(lr=1000, weight_decay=100), digits_config()], jobs=1)
    wait_for_end(sweep)
    assert states(sweep) == ["failed", "finished"]
    assert sweep.state() == "finished"
    assert not [said for said in read_events(sweep) if isinstance(said, MemberFailed)]
    with pytest.raises(RunError, match="is finished: there is nothing left"):
        worker.resume_sweep(sweep)


def test_a_sweep_killed_before_its_last_word_is_known_as_finished_once_resumed(
    runs_folder: Path,
) -> None:
    sweep = swept([digits_config()])
    wait_for_end(sweep)
    said = sweep.path / "events.jsonl"
    said.write_bytes(b"".join(said.read_bytes().splitlines(keepends=True)[:-1]))
    assert sweep.state() == "interrupted"
    for _ in range(2):
        with pytest.raises(RunError, match="is finished: there is nothing left"):
            worker.resume_sweep(sweep)
        assert sweep.state() == "finished"
    assert sum(isinstance(event, events.SweepFinished) for event in read_events(sweep)) == 1


def test_what_is_wrong_is_said_before_anything_starts(runs_folder: Path) -> None:
    with pytest.raises(DataError, match="There is no data source digitz: did you mean digits"):
        swept([digits_config(), digits_config(source="digitz")])
    with pytest.raises(DataError, match="leaves none of the 3 images to train on"):
        swept([digits_config(), digits_config(samples=3, val_fraction=0.9)])
    with pytest.raises(RunError, match="A sweep is of 1 to 10,000 runs, not of 0"):
        swept([])
    with pytest.raises(ConfigError, match="finds no"):
        swept([digits_config(), digits_config(device="mps")])
    assert list(runs_folder.glob("*")) == []


def test_data_that_are_not_at_hand_are_made_so_once_for_all_members(
    tmp_path: Path, runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files fetched by scikit-learn must be read once, which takes half a minute for all MNIST."""
    monkeypatch.setenv("MNISTOP_CACHE", str(tmp_path))
    labels = (np.arange(40) % 2).astype(np.uint8)
    images = np.random.default_rng(0).integers(0, 256, (40, 784), np.uint8)
    write_openml_cache(tmp_path, openml_answers(images, labels))
    config = digits_config(source="openml", samples=None)
    sweep, lock = sweep_folder.create(Plan(configs=(config, config)), runs_folder)
    machine = ThisMachine(MemberServer.executed(), DataCheck({}))
    with lock:
        members = [(sweep.member(number), config) for number in (1, 2)]
        told = machine.train_all(members, 2, EventLog(sweep.path))
        assert list(told) == ["finished", "finished"]
    waited = [said.message for said in read_events(sweep) if isinstance(said, events.Preparing)]
    assert any("reading mnist_784, about half a minute" in message for message in waited)
    for run, _ in members:
        assert not [said for said in read_events(run) if isinstance(said, events.Preparing)]


def test_a_sweep_is_stopped_and_goes_on_to_the_same_bits(runs_folder: Path) -> None:
    sweep, running = held(seeds=3, count=2)
    assert sweep.state() == "running"
    with pytest.raises(RunError, match="is already being trained"):
        worker.resume_sweep(sweep)
    worker.stop(sweep)
    wait_for_end(sweep)
    assert sweep.state() == "stopped"
    assert states(sweep) == ["stopped", "stopped"]
    with pytest.raises(RunError, match="is not being trained"):
        worker.stop(sweep)

    worker.resume_sweep(sweep)
    wait_for_end(sweep)
    assert sweep.state() == "finished"
    assert states(sweep) == ["finished"] * 3
    assert history_of(running[0]).resumed is not None
    assert results(running[0]) == never_killed(running[0].config())


@linux
def test_a_killed_sweep_leaves_no_process_and_goes_on_to_the_same_bits(runs_folder: Path) -> None:
    sweep, running = held(seeds=3, count=2)
    process = sweep.process_id()
    assert process
    assert session_of(process) > {process}
    os.kill(process, signal.SIGKILL)
    wait_until(lambda: not any(run.is_running() for run in running))
    wait_until(lambda: not session_of(process))
    assert sweep.state() == "interrupted"
    assert states(sweep) == ["interrupted", "interrupted"]

    worker.resume_sweep(sweep)
    wait_for_end(sweep)
    assert states(sweep) == ["finished"] * 3
    assert results(running[1]) == never_killed(running[1].config())


def test_a_killed_member_is_tried_again_and_that_is_told(runs_folder: Path) -> None:
    for epochs in ever_more(1500):
        sweep = swept(rates(0.1, 0.2, epochs=epochs, hidden=(64,)), jobs=2)
        for killed in with_epochs(sweep, 1)[:1]:
            if process := killed.process_id():
                os.kill(process, signal.SIGKILL)
        wait_for_end(sweep)
        assert sweep.state() == "finished"
        assert states(sweep) == ["finished"] * 2
        if failed := [said for said in read_events(sweep) if isinstance(said, MemberFailed)]:
            break
    (said,) = failed
    assert (said.member, said.retried) == (killed.name, True)
    assert "killed" in said.message
    assert results(killed) == never_killed(killed.config())


def test_a_member_that_dies_every_time_is_given_up_and_tried_anew_by_resuming(
    runs_folder: Path,
) -> None:
    sweep = swept([digits_config(epochs=ENDLESS), digits_config()], jobs=1)
    member, dead = sweep.member(1), None
    for _ in range(3):
        wait_until(lambda dead=dead: member.is_there() and member.process_id() not in (None, dead))
        dead = member.process_id()
        assert dead
        os.kill(dead, signal.SIGKILL)
    wait_for_end(sweep)
    assert states(sweep) == ["interrupted", "finished"]
    assert sweep.state() == "stopped"
    said = read_events(sweep)
    assert [each.retried for each in said if isinstance(each, MemberFailed)] == [True, True, False]
    assert isinstance(said[-1], events.SweepStopped)
    assert said[-1].message.startswith("1 of 2 runs is not trained to its end")

    worker.resume_sweep(sweep)
    (running,) = with_epochs(sweep, 1)
    assert running == member


@pytest.mark.fast
def test_a_sweep_of_one_job_is_stopped_in_its_first_member(runs_folder: Path) -> None:
    sweep = swept([digits_config(epochs=ENDLESS, seed=seed) for seed in range(3)], jobs=1)
    with_epochs(sweep, 1)
    worker.stop(sweep)
    wait_for_end(sweep)
    assert (sweep.state(), states(sweep)) == ("stopped", ["stopped"])


@pytest.mark.fast
def test_a_member_stopped_by_hand_stays_so_until_the_sweep_is_resumed(runs_folder: Path) -> None:
    sweep = swept([digits_config(epochs=ENDLESS), digits_config(seed=1)], jobs=1)
    (first,) = with_epochs(sweep, 1)
    worker.stop(first)
    wait_for_end(sweep)
    assert states(sweep) == ["stopped", "finished"]
    assert sweep.state() == "stopped"


PROGRAM = """if True:
    import time
    from mnistop.engine import worker
    from mnistop.engine.config import RunConfig

    configs = [
        RunConfig(source="digits", samples=400, epochs=1_000_000, hidden=(64,), seed=seed)
        for seed in range(3)
    ]
    print(worker.launch_sweep(configs, jobs=1).name, flush=True)
    time.sleep(100)
    """


def test_a_sweep_outlives_a_killed_program_and_its_closed_terminal(runs_folder: Path) -> None:
    program = run_script(PROGRAM, runs_folder, start_new_session=True)
    assert program.stdout
    name = program.stdout.readline().strip()
    os.killpg(program.pid, signal.SIGHUP)
    os.killpg(program.pid, signal.SIGKILL)
    program.communicate()
    (sweep,) = sweep_folder.list_sweeps()
    assert sweep.name == name
    for count in (1, 2):
        (member,) = with_epochs(sweep, 1)
        assert member.name.endswith(f".0{count}")
        worker.stop(member)
        wait_until(lambda member=member: not member.is_running())
    (last,) = with_epochs(sweep, 1)
    assert last.name.endswith(".03")
    worker.stop(sweep)
    wait_for_end(sweep)
    assert states(sweep) == ["stopped"] * 3


def test_no_more_members_are_trained_at_once_than_the_quota_of_the_container_pays_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mnistop.engine.cores.cpu_quota", lambda: 1.0)
    here = ThisMachine(MemberServer(None), DataCheck({}))  # type: ignore[arg-type]
    assert here.places([digits_config(threads=1)]) == 1
