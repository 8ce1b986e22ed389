"""A run that has come to its end is tested on the images that it has never seen."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from mnistop.engine import events, worker
from mnistop.engine.analysis.loading import load_model_in
from mnistop.engine.data.dataset import Unseen
from mnistop.engine.data.pixels import Pixels
from mnistop.engine.data.sources import load
from mnistop.engine.events import RunTested
from mnistop.engine.process import train_run
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.sweep import job as sweep_job
from tests.helpers import made_up, made_up_sweeps
from tests.helpers.data_files import unseen_of
from tests.helpers.small_runs import (
    CPU,
    ENDLESS,
    digits_config,
    history_of,
    launched,
    prepared,
    to_the_end,
    until,
)

pytestmark = pytest.mark.process


def results_of(run: Run) -> list[RunTested]:
    return [event for event in read_events(run) if isinstance(event, RunTested)]


def expected(run: Run, file: str) -> tuple[float, float]:
    """Accuracy and mean loss of saved weights on all images but the first ones, in float64."""
    images, labels = unseen_of(load("digits", run.config().samples))
    model = load_model_in(run, run.path / file)[0].double()
    with torch.no_grad():
        logits = model(torch.from_numpy(images).double().flatten(1)).numpy()
    shifted = logits - logits.max(1, keepdims=True)
    said = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return (logits.argmax(1) == labels).mean(), -said[np.arange(len(labels)), labels].mean()


def assert_tested_rightly(run: Run) -> None:
    (tested,) = results_of(run)
    assert tested.images == 1797 - 400
    assert (tested.acc, tested.loss) == pytest.approx(expected(run, "checkpoint.pt"), rel=1e-5)
    assert tested.best_acc is not None
    best = tested.best_acc, tested.best_loss
    assert best == pytest.approx(expected(run, "best.pt"), rel=1e-5)


def interrupt_before_its_test(run: Run) -> None:
    """Turn a finished run into one that was killed after its last epoch."""
    lines = run.events_path.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.startswith(('{"event":"RunT', '{"event":"RunF'))]
    run.events_path.write_text("".join(kept))


@pytest.mark.fast
@pytest.mark.parametrize(
    "values",
    [{}, {"lr": 2.0, "epochs": 12}, {"lr": 1.0, "early_stopping": 1, "epochs": 500}],
    ids=["ends with its best epoch", "ends after it", "stops early"],
)
async def test_a_finished_run_is_tested_with_its_last_and_its_best_weights(
    values: dict[str, Any], runs_folder: Path
) -> None:
    run = await launched(**values)
    history, said = await to_the_end(run)
    assert history.state(False) == "finished"
    assert [type(event) for event in said[-2:]] == [RunTested, events.RunFinished]
    assert history.started is not None
    assert history.started.test_images == 1797 - 400
    assert_tested_rightly(run)
    assert history.test_acc == results_of(run)[0].best_acc


async def test_where_no_image_is_left_there_is_no_test(runs_folder: Path) -> None:
    run = await launched(samples=None)
    history, _ = await to_the_end(run)
    assert history.state(False) == "finished"
    assert history.started is not None
    assert history.started.test_images == 0
    assert results_of(run) == []
    assert history.test_acc is None


async def test_a_diverged_run_is_not_tested(runs_folder: Path) -> None:
    run = await launched(lr=1.0, weight_decay=2.3, epochs=100)
    history, _ = await to_the_end(run)
    assert history.state(False) == "failed"
    assert results_of(run) == []


@pytest.mark.fast
async def test_a_stopped_run_is_tested_once_it_has_come_to_its_end(runs_folder: Path) -> None:
    run = await launched(epochs=ENDLESS)
    await until(run, lambda history: history.epochs)
    worker.stop(run)
    stopped, _ = await to_the_end(run)
    assert stopped.state(False) == "stopped"
    assert results_of(run) == []

    config = json.loads((run.path / "config.json").read_text())
    config["config"]["epochs"] = len(stopped.epochs) + 2
    (run.path / "config.json").write_text(json.dumps(config))
    await asyncio.to_thread(worker.resume, run)
    assert (await until(run, lambda history: history.tested)).tested
    assert_tested_rightly(run)


@pytest.mark.parametrize("damage", ["intact", "missing", "damaged", "of another model"])
async def test_without_the_best_weights_a_run_is_tested_with_its_last_ones(
    damage: str, runs_folder: Path
) -> None:
    run = await launched(lr=2.0, epochs=12)
    history, _ = await to_the_end(run)
    assert history.best is not None
    assert history.best.epoch < 11  # else this tests nothing
    (before,) = results_of(run)
    interrupt_before_its_test(run)
    best = run.path / "best.pt"
    match damage:
        case "missing":
            best.unlink()
        case "damaged":
            best.write_bytes(best.read_bytes()[:300])
        case "of another model":
            torch.save({"linear_1.weight": torch.zeros(2, 2)}, best)

    await asyncio.to_thread(worker.resume, run)
    await to_the_end(run)
    (after,) = results_of(run)
    assert (after.acc, after.loss) == (before.acc, before.loss)
    wanted = (before.best_acc, before.best_loss) if damage == "intact" else (None, None)
    assert (after.best_acc, after.best_loss) == wanted
    assert history_of(run).state(False) == "finished"


async def test_a_run_of_before_there_were_test_images_goes_on_with_the_same_images(
    runs_folder: Path, tmp_path: Path
) -> None:
    digits = load("digits", 500)
    pixels = (digits.images * 255).round().astype(np.uint8)
    source = str(tmp_path / "digits.npz")
    np.savez(
        source,
        x_train=pixels[:400],
        y_train=digits.labels[:400],
        x_test=pixels[400:],
        y_test=digits.labels[400:],
    )
    whole = await launched(source=source, samples=500, split="random", epochs=5)
    await to_the_end(whole)

    old = await launched(source=source, samples=500, split="random", epochs=3)
    await to_the_end(old)
    interrupt_before_its_test(old)
    said = old.events_path.read_text().replace(',"test_images":0,"samples":500', "")
    old.events_path.write_text(said)
    manifest = json.loads((old.path / "config.json").read_text())
    manifest["config"] |= {"samples": None, "epochs": 5}
    del manifest["config"]["split"]
    (old.path / "config.json").write_text(json.dumps(manifest))
    await asyncio.to_thread(worker.resume, old)
    await to_the_end(old)

    assert results_of(old) == []  # it has seen them all
    one, other = ([epoch.val_loss for epoch in history_of(run).epochs] for run in (old, whole))
    assert one == other


def test_a_stop_ends_a_long_test(monkeypatch: pytest.MonkeyPatch) -> None:
    training, *_ = prepared(digits_config())
    images = np.zeros((9000, 8, 8), np.uint8)
    unseen = Unseen([images], [np.zeros(9000, np.int64)], Pixels("uint8", 0, 16, 0, 16))
    said: list[type] = []
    asked: list[bool] = []

    def wants_stop() -> bool:
        asked.append(True)
        return len(asked) > 1

    def record(kind: type, **values: Any) -> None:
        said.append(kind)

    recorder: Any = SimpleNamespace(best_weights=lambda: None, record=record)
    control: Any = SimpleNamespace(wait_while_paused=lambda: 0.0, wants_stop=wants_stop)
    assert training.device == CPU
    assert not train_run.evaluate_on_unseen(training, unseen, recorder, control)
    assert said == []

    monkeypatch.setattr(train_run, "PROGRESS_SECONDS", -1.0)
    control.wants_stop = lambda: False
    assert train_run.evaluate_on_unseen(training, unseen, recorder, control)
    assert said == [*[events.Preparing] * 3, RunTested]


def test_members_of_an_old_sweep_take_as_many_images_as_those_before_them(tmp_path: Path) -> None:
    configs = [digits_config(samples=None, seed=seed) for seed in range(3)]
    configs.append(digits_config(samples=300))
    sweep = made_up_sweeps.create(tmp_path, configs)
    first = sweep.member(1)
    made_up.write_run(tmp_path, [made_up.started(first.name)], configs[0], first.name)
    members = [(sweep.member(number), config) for number, config in enumerate(configs, 1)]
    taken = [config.samples for _, config in sweep_job._with_same_images(members)]
    assert taken == [1000, 1000, 1000, 300]
    assert first.config_to_resume().samples == 1000

    now = json.loads(first.events_path.read_text()) | {"test_images": 7}
    first.events_path.write_text(json.dumps(now) + "\n")
    assert sweep_job._with_same_images(members) == members
