"""`threads auto`: how many a model gets, and that a run keeps them."""

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mnistop.engine import worker
from mnistop.engine.config import PRESETS, RunConfig
from mnistop.engine.cores import choose_threads, usable_cores
from mnistop.engine.process import train_run
from mnistop.engine.report.facts import Facts
from mnistop.engine.runs import run_folder
from mnistop.engine.runs.event_log import epochs_trained
from mnistop.engine.runs.filters import parse
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.sweep.members import ThisMachine
from tests.helpers.small_runs import digits_config, history_of, to_the_end
from tests.helpers.waiting import wait_until

pytestmark = [pytest.mark.process, pytest.mark.slow]


LARGE = {"hidden": (2048,), "batch_size": 400, "epochs": 1, "source": "bundled", "samples": 500}
"""A model whose products are worth several threads, in a run of a step."""

sizes = st.integers(1, 4096)


def test_the_notebooks_run_and_its_presets_have_one_thread_on_any_machine() -> None:
    for changes in PRESETS.values():
        config = RunConfig(**changes)
        layers = (784, *config.hidden, 10)
        images = config.samples or 70_000
        chosen = choose_threads(layers, config.batch_size, images * 4 // 5, images // 5, 128)
        assert config.threads == "auto"
        assert chosen == 1


def test_large_products_get_several_threads_and_small_ones_none_of_many_cores() -> None:
    assert choose_threads((784, 2048, 2048, 10), 512, 50_000, 10_000, 64) > 4
    assert choose_threads((784, 512, 10), 512, 50_000, 10_000, 2) == 2
    assert choose_threads((64, 16, 10), 32, 1_000, 200, 64) == 1


@given(st.lists(sizes, min_size=2, max_size=5), sizes, sizes, sizes, st.integers(1, 200))
def test_no_more_threads_than_cores_are_chosen_and_never_none(
    layers: list[int], batch: int, training: int, validation: int, cores: int
) -> None:
    assert 1 <= choose_threads(layers, batch, training, validation, cores) <= cores


def test_what_was_chosen_is_recorded_and_shown(runs_folder: Path) -> None:
    run = worker.launch(RunConfig(**LARGE))
    wait_until(lambda: not run.is_running())
    started = history_of(run).started
    assert started
    expected = choose_threads((784, 2048, 10), 400, 400, 100, usable_cores())
    assert started.threads == expected
    assert run.config().threads == "auto"
    facts = Facts.of(run).as_json()
    assert facts["threads"] == facts["facts"]["threads"] == expected
    [listed] = list_all().runs
    assert parse(f"threads:{expected}")(listed)
    assert not parse(f"threads>{expected}")(listed)


def test_a_run_that_goes_on_keeps_its_threads_whatever_the_machine(
    runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = worker.launch(digits_config(epochs=4))
    wait_until(lambda: not run.is_running())
    _edit_event(run, "RunStarted", threads=7)
    assert run.config_to_resume().threads == 7
    _edit_event(run, "RunStarted", threads=None)  # as before threads were kept
    assert run.config_to_resume().threads == 1


BESIDE = 1
"""Threads of a training process that compute nothing: one gives signs of life by its lock."""


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs /proc")
async def test_as_many_threads_compute_as_are_recorded(runs_folder: Path) -> None:
    many = await _threads_of(RunConfig(**{**LARGE, "epochs": 1000}, threads=3))
    one = await _threads_of(digits_config(epochs=1_000_000))
    assert (one, many) == (1 + BESIDE, 3 + BESIDE)


async def _threads_of(config: RunConfig) -> int:
    """The system's threads of a run's process, once it has finished an epoch."""
    run = await asyncio.to_thread(worker.launch, config)
    async for _ in worker.follow(run):
        if epochs_trained(run):
            break
    process = run.process_id()
    assert process
    found = len(os.listdir(f"/proc/{process}/task"))
    worker.stop(run)
    await to_the_end(run)
    return found


def test_members_share_the_cores_between_them(
    runs_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alone a member has all of them; one of as many as there are cores has one."""
    cores = usable_cores()
    alone = worker.launch_sweep([RunConfig(**LARGE)])
    together = worker.launch_sweep(
        [RunConfig(**LARGE, seed=seed) for seed in range(2)], jobs=2 * cores
    )
    wait_until(lambda: not (alone.is_running() or together.is_running()))
    [only] = alone.members()
    assert [_chosen(only)] == [choose_threads((784, 2048, 10), 400, 400, 100, cores)]
    share = max(1, cores // 2)
    expected = choose_threads((784, 2048, 10), 400, 400, 100, share)
    assert [_chosen(run) for run in together.members()] == [expected] * 2
    assert {run.config().threads for run in together.members()} == {"auto"}


def test_members_that_choose_their_threads_fill_the_cores_with_one_each() -> None:
    executor = ThisMachine.__new__(ThisMachine)
    config = RunConfig(**LARGE)
    assert executor.places([config] * 100) == executor.places([replace(config, threads=1)] * 100)


def _chosen(run: Run) -> int | None:
    started = history_of(run).started
    return started and started.threads


def test_one_thread_in_a_run_of_before_is_what_was_usual_then(runs_folder: Path) -> None:
    run, lock = run_folder.create(RunConfig(), runs_folder)
    lock.close()
    manifest = json.loads((run.path / "config.json").read_text())
    assert manifest["config"]["threads"] == "auto"
    for version, threads, read in ((2, 1, "auto"), (1, 4, 4), (3, 1, 1)):
        manifest["format"], manifest["config"]["threads"] = version, threads
        (run.path / "config.json").write_text(json.dumps(manifest))
        assert run.config().threads == read


def test_other_devices_need_no_threads_beside_one() -> None:
    config = digits_config(hidden=(4096,), batch_size=4096)
    examples = train_run.load_examples(config)
    assert train_run.choose_threads(config, torch.device("cuda"), examples, cores=64) == 1
    assert train_run.choose_threads(config, torch.device("cpu"), examples, cores=64) > 1


def _edit_event(run: Run, kind: str, **values: object) -> None:
    lines = [json.loads(line) for line in run.events_path.read_text().splitlines()]
    for line in lines:
        if line["event"] == kind:
            line |= values
    run.events_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
