"""The steps by hand are those of the textbook, in every configuration."""

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.config import RunConfig
from mnistop.engine.model import MLP
from mnistop.engine.training.by_hand import Backprop, ManualBackpropStep, used_pixels
from mnistop.engine.training.loop import train
from mnistop.engine.training.packing import Packing
from mnistop.engine.training.state import Epoch, Labelled, TrainState
from tests.helpers.selection import one_in
from tests.helpers.small_runs import Listener, QuietListener, digits_config, prepared


@st.composite
def models(draw: st.DrawFn) -> tuple[MLP, Tensor]:
    """A model with weights of some size, and the pixels of it that get a column."""
    random = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    sizes = [draw(st.integers(1, 20)), *draw(st.lists(st.integers(1, 12), max_size=3))]
    model = MLP(
        (*sizes, draw(st.integers(2, 6))), draw(st.sampled_from(list(ACTIVATIONS))), 0.0, random
    )
    scale = draw(st.sampled_from([0.1, 1.0, 10.0]))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    used = torch.rand(sizes[0], generator=random) < draw(st.sampled_from([0.3, 1.0]))
    return model, used.nonzero()[:, 0]


@settings(max_examples=100, deadline=None)
@given(made=models(), batch=st.integers(1, 9), more=st.integers(0, 3), seed=st.integers(0, 2**32))
def test_gradients_by_hand_are_those_of_autograd(
    made: tuple[MLP, Tensor], batch: int, more: int, seed: int
) -> None:
    model, used = made
    random = torch.Generator().manual_seed(seed)
    images = torch.zeros(batch, model.sizes[0])
    images[:, used] = torch.rand(batch, len(used), generator=random)
    labels = torch.randint(0, model.sizes[-1], (batch,), generator=random)
    parameters = list(model.parameters())

    expected_logits = model(images)
    loss = functional.cross_entropy(expected_logits, labels)
    expected = torch.autograd.grad(loss, parameters)

    packing = Packing(model.sizes, used)
    matrices = packing.pack(parameters)
    passes = Backprop(model, packing, matrices, batch + more)
    inputs = packing.inputs(0, batch)
    inputs.values.copy_(packing.pixels_of(images))
    logits = passes.forward(inputs, 0.0).t()
    error = (logits.softmax(1) - torch.eye(model.sizes[-1])[labels]) / batch
    products = [below @ delta for _, below, delta in passes.backward(error.t())]
    gradients = [torch.zeros_like(parameter) for parameter in parameters]
    packing.unpack(products[::-1], gradients)

    torch.testing.assert_close(logits, expected_logits.detach(), rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(gradients, expected, strict=True):
        rounding = 1e-5 * max(1.0, theirs.abs().max().item())
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=rounding)


@given(made=models())
def test_packed_numbers_come_out_as_they_went_in(made: tuple[MLP, Tensor]) -> None:
    model, used = made
    packing = Packing(model.sizes, used)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    matrices = packing.pack(before)
    assert all(matrix.shape[0] % 8 == 0 for matrix in matrices)
    after = [values.clone() for values in before]
    after[0][:, used] = torch.nan
    for values in after[1:]:
        values.fill_(torch.nan)
    packing.unpack(matrices, after)
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


OPTIONS: dict[str, dict[str, Any]] = {
    "notebook": {},
    "no hidden layer": {"hidden": ()},
    "three hidden layers": {"hidden": (32, 17, 9)},
    "tanh": {"activation": "tanh", "hidden": (32, 16)},
    "sigmoid": {"activation": "sigmoid", "lr": 1.0},
    "gelu": {"activation": "gelu", "hidden": (32, 16)},
    "silu": {"activation": "silu", "hidden": (32, 16)},
    "manual, weight decay": {"weight_decay": 0.01},
    "manual, clipping": {"clip_norm": 0.5},
    "momentum": {"optimizer": "sgd", "lr": 0.03},
    "momentum, decay, clipping": {
        "optimizer": "sgd",
        "lr": 0.03,
        "weight_decay": 0.01,
        "clip_norm": 0.5,
    },
    "adam": {"optimizer": "adam", "lr": 0.002},
    "adam, decay": {"optimizer": "adam", "lr": 0.002, "weight_decay": 0.01},
    "rmsprop": {"optimizer": "rmsprop", "lr": 0.0005},
    "adamw, cosine": {
        "optimizer": "adamw",
        "lr": 0.002,
        "weight_decay": 0.1,
        "schedule": "cosine",
    },
    "dropout": {"dropout": 0.3, "hidden": (32, 16)},
    "dropout, gelu": {"dropout": 0.3, "activation": "gelu"},
    "dropout, sigmoid, adam": {
        "dropout": 0.3,
        "activation": "sigmoid",
        "optimizer": "adam",
        "lr": 0.002,
    },
    "shift": {"shift": 2},
    "shift, momentum, step": {"shift": 1, "optimizer": "sgd", "lr": 0.03, "schedule": "step"},
    "adversarial": {"adversarial_epsilon": 0.1},
    "adversarial, shift, dropout": {"adversarial_epsilon": 0.1, "shift": 1, "dropout": 0.2},
    "class weights": {"class_weights": "balanced", "batch_size": 7, "epochs": 4},
    "class weights, adversarial, shift, momentum": {
        "class_weights": "balanced",
        "adversarial_epsilon": 0.1,
        "shift": 1,
        "optimizer": "sgd",
        "lr": 0.03,
    },
    "balanced sampler, dropout": {"sampler": "balanced", "dropout": 0.2},
    "batches of 7": {"batch_size": 7, "epochs": 4},
    "one batch": {"batch_size": 5000},
}


def gone_through(config: RunConfig, by_hand: bool) -> tuple[TrainState, list[Epoch]]:
    training, *images = prepared(config)
    assert training.by_hand
    training.by_hand = by_hand
    listener = QuietListener()
    train(training, *images, listener, listener)
    return training, listener.epochs


@pytest.mark.parametrize("values", one_in(3, OPTIONS.values()), ids=OPTIONS)
def test_a_run_by_hand_is_one_by_autograd(values: dict[str, Any]) -> None:
    config = digits_config(**({"epochs": 8, "hidden": (32,)} | values))
    ours, our_epochs = gone_through(config, True)
    theirs, their_epochs = gone_through(config, False)
    for one, other in zip(our_epochs, their_epochs, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-3)
        assert one.val_loss == pytest.approx(other.val_loss, rel=1e-3)
        assert one.dead == other.dead
    for name, weights in theirs.weights.items():
        torch.testing.assert_close(ours.weights[name], weights, rtol=1e-3, atol=1e-4)
    assert ours.optimizer.steps == theirs.optimizer.steps
    for mine, autograds in zip(ours.optimizer.buffers, theirs.optimizer.buffers, strict=True):
        for one, other in zip(mine, autograds, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-4)


@pytest.mark.parametrize("values", one_in(3, OPTIONS.values()), ids=OPTIONS)
def test_a_run_goes_on_by_the_other_way_from_a_checkpoint_of_the_one(
    values: dict[str, Any],
) -> None:
    """A run from a machine with a GPU may be continued on one without."""
    config = digits_config(**({"epochs": 4, "hidden": (32,)} | values))
    expected, _ = gone_through(config, False)
    first, *images = prepared(config)
    steps = expected.optimizer.steps * 3 // 8
    listener = Listener(stop_after=steps)
    train(first, *images, listener, listener)
    assert first.optimizer.steps == steps

    second, *images = prepared(config)
    second.load_state_dict(first.state_dict())
    second.by_hand = False
    train(second, *images, QuietListener(), QuietListener())
    for name, weights in expected.weights.items():
        torch.testing.assert_close(second.weights[name], weights, rtol=1e-3, atol=1e-4)


# Pixels that are left out.


def test_mnist_has_pixels_that_are_left_out_and_their_weights_stay() -> None:
    training, images, validation = prepared(RunConfig(epochs=2, device="cpu"))
    unused = (images.pixels == 0).all(0)
    assert unused.sum() > 100
    assert validation.pixels[:, unused].any()
    before = training.weights["linear_1.weight"].clone()
    listener = QuietListener()
    train(training, images, validation, listener, listener)
    after = training.weights["linear_1.weight"]
    assert torch.equal(after[:, unused], before[:, unused])
    assert (after != before)[:, ~unused].any(0).all()


@pytest.mark.parametrize(
    "values", [{"weight_decay": 0.1}, {"shift": 1}, {"adversarial_epsilon": 0.1}], ids=str
)
def test_no_pixel_is_left_out_where_its_weights_may_change(values: dict[str, Any]) -> None:
    training, images, _ = prepared(RunConfig(device="cpu", **values))
    assert used_pixels(training.config, images.pixels) is None


@pytest.mark.parametrize("optimizer", ["manual", "sgd", "adam", "adamw"])
def test_leaving_pixels_out_changes_nothing(optimizer: str) -> None:
    config = RunConfig(
        optimizer=optimizer, lr=0.1 if optimizer == "manual" else 0.001, epochs=5, device="cpu"
    )
    ours, our_epochs = gone_through(config, True)
    theirs, their_epochs = gone_through(config, False)
    for one, other in zip(our_epochs, their_epochs, strict=True):
        assert one.val_loss == pytest.approx(other.val_loss, rel=1e-4)
    for name, weights in theirs.weights.items():
        torch.testing.assert_close(ours.weights[name], weights, rtol=1e-3, atol=1e-4)
    _, images, _ = prepared(config)
    assert used_pixels(config, images.pixels) is not None


def test_images_are_not_copied_to_leave_out_a_few_pixels() -> None:
    pixels = torch.rand(50, 16) + 0.01
    pixels[:, 3] = 0
    assert used_pixels(RunConfig(), pixels) is None
    assert Packing((16, 4, 2)).pixels_of(pixels) is pixels


# What others see of a training while it goes on.


def test_after_every_step_the_model_is_the_one_that_has_learned_from_it() -> None:
    class Watcher(QuietListener):
        def __init__(self) -> None:
            super().__init__()
            self.weights: list[dict[str, Tensor]] = []

        def step_done(self, training: TrainState, labels: Tensor) -> None:
            self.weights.append(copy.deepcopy(training.weights))

    def seen(by_hand: bool) -> list[dict[str, Tensor]]:
        training, *images = prepared(digits_config(optimizer="adam", lr=0.003, epochs=1))
        training.by_hand = by_hand
        watcher = Watcher()
        train(training, *images, watcher, watcher)
        return watcher.weights

    for ours, theirs in zip(seen(True), seen(False), strict=True):
        for name in ours:
            torch.testing.assert_close(ours[name], theirs[name], rtol=1e-3, atol=1e-4)


def test_a_second_training_call_goes_on_where_the_first_one_stopped() -> None:
    config = digits_config()
    expected, _ = gone_through(config, True)
    training, *images = prepared(config)
    listener = Listener(stop_after=14)
    train(training, *images, listener, listener)
    train(training, *images, QuietListener(), QuietListener())
    for name, weights in expected.weights.items():
        assert torch.equal(training.weights[name], weights)


def test_the_last_batch_may_be_smaller() -> None:
    training, *_ = prepared(digits_config(batch_size=32))
    images = Labelled(torch.rand(40, 64), torch.randint(0, 10, (40,)))
    hand = ManualBackpropStep(training, images)
    training.begin_epoch(images.labels)
    for rows, size in zip(training.batches(), (32, 8), strict=True):
        training.record_logits(hand.step(rows))
        assert training.logits[-1].shape == (size, 10)
