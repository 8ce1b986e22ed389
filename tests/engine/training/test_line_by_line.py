"""The loop line by line makes the steps that a training makes, in every option."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load
from mnistop.engine.training.examples import make_examples
from mnistop.engine.training.line_by_line import LineByLine
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import TrainState
from tests.engine.training.test_backprop import OPTIONS
from tests.helpers.small_runs import QuietListener, digits_config, prepared

LINES, STEPS = 5, 10
_load = functools.cache(load)


class FirstSteps(QuietListener):
    """A collector of each batch's loss, and of the weights after the last step."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []
        self.weights: dict[str, Tensor] = {}

    def step_done(self, training: TrainState, labels: Tensor) -> None:
        size = training.config.batch_size
        rows = training.order[(training.step - 1) * size : training.step * size]
        weights = training.class_weights
        loss = functional.cross_entropy(training.logits[-1], labels[rows], weights)
        self.losses.append(loss.item())
        self.weights = {name: weight.clone() for name, weight in training.weights.items()}

    def wants_stop(self) -> bool:
        return len(self.losses) == STEPS


def loop_of(config: RunConfig) -> LineByLine:
    return LineByLine(config, make_examples(_load(config.source, config.samples), config))


@pytest.mark.parametrize(
    "values",
    [
        *OPTIONS.values(),
        {
            "optimizer": "adam",
            "schedule": "cosine",
            "adversarial_epsilon": 0.1,
            "dropout": 0.3,
            "shift": 1,
            "clip_norm": 0.5,
            "weight_decay": 0.01,
            "hidden": (16, 12),
            "batch_size": 100,
        },
    ],
    ids=[*OPTIONS, "everything"],
)
def test_the_first_ten_steps_are_those_of_a_training(values: dict[str, Any]) -> None:
    config = digits_config(**({"epochs": 12, "hidden": (32,)} | values))
    training, *images = prepared(config)
    listener = FirstSteps()
    train(training, *images, listener, listener)

    loop, losses = loop_of(config), []
    for _ in range(STEPS):
        for _ in range(LINES):
            loop.run_line()
        clean = loop.step.clean_logits
        labels, weights = loop.step.labels[: len(clean)], loop.training.class_weights
        losses.append(functional.cross_entropy(clean, labels, weights).item())

    assert losses == pytest.approx(listener.losses, abs=1e-5)
    if not config.adversarial_epsilon:  # else they are of adversarial images too
        assert loop.losses == pytest.approx(listener.losses, abs=1e-5)
    for name, weights in loop.training.weights.items():
        torch.testing.assert_close(weights, listener.weights[name], rtol=0, atol=1e-4)
    assert [epoch.val_loss for epoch in loop.epochs] == pytest.approx(
        [epoch.val_loss for epoch in listener.epochs], abs=1e-4
    )


@pytest.mark.parametrize(
    ("values", "ended"),
    [
        ({"epochs": 2}, "2 epochs of 2: training is over."),
        ({"epochs": 500, "lr": 1.0, "early_stopping": 1}, "Early stopping"),
        (
            {"lr": 1000.0, "hidden": (64, 64, 64), "batch_size": 32},
            "The loss is no longer a number",
        ),
    ],
)
def test_the_loop_ends_where_a_training_does(values: dict[str, Any], ended: str) -> None:
    loop = loop_of(digits_config(**({"batch_size": 100} | values)))
    while not loop.ended:
        loop.run_line()
    assert loop.ended.startswith(ended)
    assert loop.lines_run % LINES == 0


def test_gradients_stay_until_they_are_cleared() -> None:
    loop = loop_of(digits_config())
    seen = []
    for _ in range(2 * LINES):
        loop.run_line()
        seen.append(loop.gradients is not None)
    assert seen == [False, False, False, True, True, True, True, False, True, True]
