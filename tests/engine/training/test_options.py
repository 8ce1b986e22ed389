"""Every hyperparameter does what it says, shown by its effect."""

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor, nn
from torch.nn import functional

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.attacks import FGSM
from mnistop.engine.config import RunConfig
from mnistop.engine.data.sources import load, split
from mnistop.engine.errors import ConfigError
from mnistop.engine.learning_rate import lr_of_epoch
from mnistop.engine.model import MLP
from mnistop.engine.training.examples import find_device
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import TrainState
from tests.helpers.small_runs import (
    BatchListener,
    QuietListener,
    digits_config,
    numbers,
    prepared,
    trained,
)

# The update: what PyTorch itself makes of the same batches.


def reference_model(model: MLP, activation: str) -> nn.Sequential:
    """A model of PyTorch's own parts with the same weights."""
    module = getattr(nn, ACTIVATIONS[activation].module)
    parts: list[nn.Module] = []
    for layer in model.layers:
        linear = nn.Linear(layer.in_features, layer.out_features)
        linear.load_state_dict(layer.state_dict())
        parts += [linear, module()]
    return nn.Sequential(*parts[:-1])


def reference_optimizer(config: RunConfig, model: nn.Module) -> torch.optim.Optimizer:
    decay = {"weight_decay": config.weight_decay}
    match config.optimizer:
        case "manual":
            return torch.optim.SGD(model.parameters(), config.lr, **decay)
        case "sgd":
            return torch.optim.SGD(model.parameters(), config.lr, config.momentum, **decay)
        case "adam":
            return torch.optim.Adam(model.parameters(), config.lr, **decay)
        case "adamw":
            return torch.optim.AdamW(model.parameters(), config.lr, **decay)
        case "rmsprop":
            return torch.optim.RMSprop(model.parameters(), config.lr, **decay)


@pytest.mark.parametrize(
    "values",
    [
        {"optimizer": "manual"},
        {"optimizer": "manual", "weight_decay": 0.1},
        {"optimizer": "manual", "schedule": "cosine"},
        {"optimizer": "manual", "clip_norm": 0.3},
        {"optimizer": "sgd", "momentum": 0.0},
        {"optimizer": "sgd", "momentum": 0.9},
        {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.01, "schedule": "step"},
        {"optimizer": "adam", "lr": 0.01},
        {"optimizer": "adam", "lr": 0.01, "weight_decay": 0.1},
        {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.1},
        {"optimizer": "rmsprop", "lr": 0.001},
        {"optimizer": "rmsprop", "lr": 0.001, "weight_decay": 0.1, "clip_norm": 0.3},
        {"activation": "tanh"},
        {"activation": "sigmoid", "lr": 1.0},
        {"activation": "gelu"},
        {"hidden": ()},
        {"hidden": (16, 12)},
        {"hidden": (16, 12, 8), "activation": "tanh"},
        {"hidden": (16, 12, 8), "optimizer": "adam", "lr": 0.01},
        {"sampler": "balanced"},
        {"class_weights": "balanced"},
        {"class_weights": "balanced", "optimizer": "sgd", "batch_size": 7, "epochs": 2},
        {"batch_size": 1, "samples": 60},
        {"batch_size": 7, "epochs": 2},
        {"batch_size": 5000, "epochs": 5},
    ],
    ids=lambda values: " ".join(f"{name}={value}" for name, value in values.items()),
)
def test_training_is_what_pytorch_makes_of_the_same_batches(values: dict[str, Any]) -> None:
    config = digits_config(**values)
    training, images, validation = prepared(config)
    reference = reference_model(training.model, config.activation)
    optimizer = reference_optimizer(config, reference)

    listener = BatchListener()
    train(training, images, validation, listener, listener)

    class_weights = None
    if config.class_weights == "balanced":
        known = compute_class_weight("balanced", classes=np.arange(10), y=images.labels.numpy())
        class_weights = torch.tensor(known, dtype=torch.float32)
    losses: list[list[float]] = [[] for _ in range(config.epochs)]
    for epoch, rows in listener.batches:
        optimizer.param_groups[0]["lr"] = lr_of_epoch(config, epoch)
        logits, labels = reference(images.pixels[rows]), images.labels[rows]
        optimizer.zero_grad()
        functional.cross_entropy(logits, labels, class_weights).backward()
        if config.clip_norm:
            nn.utils.clip_grad_norm_(reference.parameters(), config.clip_norm)
        optimizer.step()
        losses[epoch] += functional.cross_entropy(logits, labels, reduction="none").tolist()

    for ours, theirs in zip(training.model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
    for finished, expected in zip(listener.epochs, losses, strict=True):
        assert finished.train_loss == pytest.approx(np.mean(expected), rel=1e-4)


@pytest.mark.parametrize("samples", [400, 397])
def test_each_epoch_learns_once_from_each_training_image_in_a_new_order(samples: int) -> None:
    training, images, validation = prepared(digits_config(samples=samples))
    listener = BatchListener()
    train(training, images, validation, listener, listener)
    orders = [
        torch.cat([rows for number, rows in listener.batches if number == epoch]).tolist()
        for epoch in range(3)
    ]
    for order in orders:
        assert sorted(order) == list(range(len(images)))
    assert orders[0] != orders[1] != orders[2]


@pytest.mark.parametrize("optimizer", ["manual", "sgd", "adam", "adamw", "rmsprop"])
def test_weight_decay_keeps_weights_small(optimizer: str) -> None:
    def length(weight_decay: float) -> float:
        config = digits_config(optimizer=optimizer, lr=0.01, weight_decay=weight_decay, epochs=5)
        return math.hypot(*(p.norm().item() for p in trained(config)[0].model.parameters()))

    assert length(0.5) < 0.97 * length(0.0)


@pytest.mark.parametrize("optimizer", ["manual", "sgd", "adamw"])
def test_weight_decay_alone_shrinks_each_weight_by_its_share(optimizer: str) -> None:
    """Without a gradient; adamw does it apart from the gradient (Loshchilov and Hutter 2019)."""
    config = digits_config(optimizer=optimizer, lr=0.1, weight_decay=0.5, momentum=0.0)
    training, *_ = prepared(config)
    before = copy.deepcopy(training.weights)
    gradients = [torch.zeros_like(parameter) for parameter in training.model.parameters()]
    training.optimizer.step(gradients, 0.1)
    for name, weight in training.weights.items():
        torch.testing.assert_close(weight, before[name] * (1 - 0.1 * 0.5))


def test_adam_takes_weight_decay_as_a_part_of_the_gradient() -> None:
    training, *_ = prepared(digits_config(optimizer="adam", lr=0.01, weight_decay=0.5))
    before = training.weights["linear_1.weight"].clone()
    gradients = [torch.zeros_like(parameter) for parameter in training.model.parameters()]
    training.optimizer.step(gradients, 0.01)
    moved = before - training.weights["linear_1.weight"]
    torch.testing.assert_close(moved, 0.01 * before.sign(), rtol=1e-3, atol=1e-5)


def test_clipping_bounds_every_update() -> None:
    class Updates(QuietListener):
        def __init__(self, start: dict[str, Tensor]) -> None:
            super().__init__()
            self.lengths: list[float] = []
            self._last = start

        def step_done(self, training: TrainState, labels: Tensor) -> None:
            now = copy.deepcopy(training.weights)
            moves = [(now[name] - self._last[name]).norm().item() for name in now]
            self.lengths.append(math.hypot(*moves))
            self._last = now

    def lengths(clip_norm: float) -> list[float]:
        training, *images = prepared(digits_config(clip_norm=clip_norm, lr=0.5))
        listener = Updates(copy.deepcopy(training.weights))
        train(training, *images, listener, listener)
        return listener.lengths

    assert max(lengths(0.0)) > 0.5 * 0.2
    assert max(lengths(0.2)) <= 0.5 * 0.2 * 1.001


# The course of a training.


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("constant", [0.2] * 8),
        ("cosine", [0.1 * (1 + math.cos(math.pi * k / 8)) for k in range(8)]),
        ("step", [0.2] * 4 + [0.02] * 2 + [0.002] * 2),
    ],
)
def test_a_schedule_sets_the_learning_rate_of_each_epoch(
    schedule: str, expected: list[float]
) -> None:
    _, epochs = trained(digits_config(schedule=schedule, lr=0.2, epochs=8))
    assert [epoch.lr for epoch in epochs] == pytest.approx(expected)


# Robustness.


@pytest.mark.slow
def test_adversarial_training_withstands_fgsm() -> None:
    def fooled(epsilon: float) -> float:
        config = RunConfig(adversarial_epsilon=epsilon, epochs=20, device="cpu")
        training, *images = prepared(config)
        listener = QuietListener()
        train(training, *images, listener, listener)
        attacked = FGSM()(training.model, images[1].pixels, images[1].labels, 0.1)
        return attacked.success.float().mean().item()

    assert fooled(0.1) < 0.6 * fooled(0.0)


def test_adversarial_training_learns_from_clean_and_attacked_images_by_halves() -> None:
    config = digits_config(adversarial_epsilon=0.1, epochs=1, batch_size=5000)
    training, images, validation = prepared(config)
    reference = reference_model(training.model, "relu")
    attacked = FGSM()(reference, images.pixels, images.labels, 0.1).images

    listener = QuietListener()
    train(training, images, validation, listener, listener)

    losses = [
        functional.cross_entropy(reference(pixels), images.labels)
        for pixels in (images.pixels, attacked)
    ]
    optimizer = torch.optim.SGD(reference.parameters(), config.lr)
    (sum(losses) / 2).backward()
    optimizer.step()
    for ours, theirs in zip(training.model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert listener.epochs[0].train_loss == pytest.approx(losses[0].item(), rel=1e-5)


# Data and seeds.


def test_samples_and_validation_share_decide_the_number_of_images() -> None:
    for samples, fraction, expected in [(400, 0.2, (320, 80)), (397, 0.25, (297, 100))]:
        _, images, validation = prepared(digits_config(samples=samples, val_fraction=fraction))
        assert (len(images), len(validation)) == expected
    _, images, validation = prepared(digits_config(samples=None))
    assert len(images) + len(validation) == 1797


def test_the_split_seed_decides_which_images_are_kept_for_validation() -> None:
    digits = load("digits", 400)
    rows = [set(split(digits, 0.2, seed)[1].tolist()) for seed in (42, 42, 43)]
    assert rows[0] == rows[1] != rows[2]
    labels = [prepared(digits_config(split_seed=seed))[2].labels.tolist() for seed in (42, 43)]
    assert labels[0] != labels[1]


@pytest.mark.parametrize(
    "values",
    [{}, {"dropout": 0.3}, {"shift": 1}, {"optimizer": "adam", "adversarial_epsilon": 0.1}],
)
def test_the_same_seed_gives_the_same_bits_and_another_others(values: dict[str, Any]) -> None:
    runs = [trained(digits_config(seed=seed, **values)) for seed in (5, 5, 6)]
    same, again, other = (
        [weight.numpy().tobytes() for weight in training.weights.values()] for training, _ in runs
    )
    assert same == again
    assert all(one != two for one, two in zip(same, other, strict=True))
    assert numbers(runs[0][1]) == numbers(runs[1][1])


def test_the_seed_decides_the_first_weights_and_nothing_outside_does() -> None:
    first = prepared(digits_config(seed=3))[0].weights
    torch.manual_seed(99)
    second = prepared(digits_config(seed=3))[0].weights
    assert all(torch.equal(first[name], second[name]) for name in first)


# The device.


def test_auto_takes_what_there_is() -> None:
    assert find_device("cpu") == torch.device("cpu")
    assert find_device("auto").type in ("cpu", "cuda", "mps")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_a_missing_device_is_told_in_one_sentence() -> None:
    with pytest.raises(ConfigError) as caught:
        find_device("cuda")
    assert caught.value.problems == {
        "device": "PyTorch finds no cuda device here: choose auto or cpu instead."
    }
