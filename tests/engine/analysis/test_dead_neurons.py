"""Hidden ReLU neurons that are silent on all validation images, counted the plain way."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from mnistop.engine import events, worker
from mnistop.engine.events import EpochFinished
from mnistop.engine.model import MLP
from mnistop.engine.training.state import Labelled, TrainState, evaluate
from tests.helpers.coached import event
from tests.helpers.small_runs import digits_config, prepared, to_the_end, trained


def counted(training: TrainState, images: Labelled) -> float:
    """The share, neuron by neuron."""
    silent = []
    values = images.pixels
    with torch.no_grad():
        for layer in training.model.layers[:-1]:
            values = torch.relu(layer(values))
            silent += [bool((values[:, unit] == 0).all()) for unit in range(values.shape[1])]
    return sum(silent) / len(silent)


@pytest.mark.parametrize(
    "values", [{}, {"lr": 3.0}, {"hidden": (16, 8), "lr": 2.0}, {"lr": 1.0}], ids=str
)
def test_the_share_is_that_of_a_plain_count(values: dict[str, Any]) -> None:
    config = digits_config(**values)
    training, epochs = trained(config)
    _, _, validation = prepared(config)
    assert epochs[-1].dead == pytest.approx(counted(training, validation))


def test_neurons_that_are_made_silent_are_counted() -> None:
    training, _, validation = prepared(digits_config(hidden=(16,)))
    before = counted(training, validation)
    with torch.no_grad():
        first = training.model.layers[0]
        first.weight[:5] = 0
        first.bias[:5] = -1
        first.bias[5:] = 1e6
    _, _, dead = evaluate(training.model, validation)
    assert before < 5 / 16
    assert dead == pytest.approx(5 / 16)


def test_a_neuron_that_speaks_on_one_image_of_many_lives() -> None:
    model = MLP((1, 1, 2))
    with torch.no_grad():
        model.layers[0].weight.fill_(1)
        model.layers[0].bias.fill_(-0.5)
    pixels = torch.zeros(10_000, 1)
    labels = torch.zeros(10_000, dtype=torch.int64)
    assert evaluate(model, Labelled(pixels, labels))[2] == 1
    pixels[9_999] = 1  # in the last of the parts that are judged one after the other
    assert evaluate(model, Labelled(pixels, labels))[2] == 0


@pytest.mark.parametrize(
    "values", [{"hidden": ()}, {"activation": "tanh"}, {"activation": "gelu"}], ids=str
)
def test_without_relus_there_is_none_to_die(values: dict[str, Any]) -> None:
    assert {epoch.dead for epoch in trained(digits_config(**values))[1]} == {None}


@pytest.mark.process
async def test_a_run_records_the_share_with_each_epoch(runs_folder: Path) -> None:
    run = worker.launch(digits_config())
    history, _ = await to_the_end(run)
    _, epochs = trained(digits_config())
    assert [each.dead for each in history.epochs] == [each.dead for each in epochs]


def test_epochs_of_runs_that_did_not_record_it_can_be_read() -> None:
    values = {"train_loss": 1.0, "val_loss": 1.0, "train_acc": 0.5, "val_acc": 0.5}
    line = event(EpochFinished, epoch=0, lr=0.1, seconds=0.1, **values).to_json()
    old = json.loads(line)
    assert old.pop("dead", "missing") is None
    read = events.from_json(json.dumps(old).encode())
    assert isinstance(read, EpochFinished)
    assert read.dead is None


@pytest.mark.process
async def test_a_run_that_diverges_says_that_it_did(runs_folder: Path) -> None:
    run = worker.launch(digits_config(hidden=(64, 64, 64), lr=1000.0, epochs=20))
    history, _ = await to_the_end(run)
    assert isinstance(history.ended, events.RunFailed)
    assert history.ended.diverged
