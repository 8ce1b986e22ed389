"""The captured steps are those of the textbook, in every configuration.

On the processor a `Recording` stands in for the CUDA graph; with a GPU the graph itself is tested.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from mnistop.engine.config import RunConfig
from mnistop.engine.training import captured
from mnistop.engine.training.captured import CudaGraphStep
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import Epoch, Labelled, TrainState
from mnistop.engine.training.textbook import step_by_autograd
from tests.engine.training.recording import Recording
from tests.engine.training.test_backprop import OPTIONS
from tests.helpers.selection import one_in
from tests.helpers.small_runs import (
    Listener,
    QuietListener,
    digits_config,
    from_bytes,
    numbers,
    prepared,
    to_bytes,
)


class Eager:
    """A graph that does the work anew each time, with nothing captured."""

    def __init__(self, work: Callable[[], Tensor], generator: torch.Generator) -> None:
        self.replay = work


@pytest.fixture(autouse=True)
def on_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captured, "CudaGraph", Recording)


def fresh(config: RunConfig, capturing: bool = True) -> tuple[TrainState, Labelled, Labelled]:
    training, images, validation = prepared(config)
    training.by_hand, training.captured = False, capturing
    return training, images, validation


def gone_through(config: RunConfig, capturing: bool = True) -> tuple[TrainState, list[Epoch]]:
    training, images, validation = fresh(config, capturing)
    listener = QuietListener()
    train(training, images, validation, listener, listener)
    return training, listener.epochs


def state_of(training: TrainState) -> bytes:
    return to_bytes(training.state_dict())


@pytest.mark.parametrize("values", one_in(3, OPTIONS.values()), ids=OPTIONS)
def test_replayed_steps_are_to_the_bit_those_made_anew(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = digits_config(**({"epochs": 4, "hidden": (32,)} | values))
    ours, our_epochs = gone_through(config)
    monkeypatch.setattr(captured, "CudaGraph", Eager)
    theirs, their_epochs = gone_through(config)
    assert numbers(our_epochs) == numbers(their_epochs)
    assert state_of(ours) == state_of(theirs)


@pytest.mark.parametrize("values", one_in(3, OPTIONS.values()), ids=OPTIONS)
def test_a_captured_run_is_the_textbooks(values: dict[str, Any]) -> None:
    """But for the learning rate, which a GPU takes as float32."""
    config = digits_config(**({"epochs": 4, "hidden": (32,)} | values))
    ours, our_epochs = gone_through(config)
    theirs, their_epochs = gone_through(config, capturing=False)
    for one, other in zip(our_epochs, their_epochs, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-4)
        assert one.val_loss == pytest.approx(other.val_loss, rel=1e-4)
        assert one.lr == other.lr
    for name, weights in theirs.weights.items():
        torch.testing.assert_close(ours.weights[name], weights, rtol=1e-4, atol=1e-5)
    assert ours.state_dict()["optimizer"]["steps"] == theirs.optimizer.steps
    assert torch.equal(ours.noise.get_state(), theirs.noise.get_state())


@pytest.mark.parametrize(
    "values",
    [
        {"optimizer": "adam", "lr": 0.002, "dropout": 0.2, "schedule": "cosine"},
        {"optimizer": "sgd", "lr": 0.03, "shift": 1, "adversarial_epsilon": 0.1},
        {"optimizer": "rmsprop", "lr": 0.001, "weight_decay": 0.01},
        {"batch_size": 7},
    ],
    ids=str,
)
def test_a_captured_run_goes_on_from_a_checkpoint_to_the_same_bits(values: dict[str, Any]) -> None:
    config = digits_config(**values)
    expected, _ = gone_through(config)
    for stop_after in (1, 10, 14):
        first, *images = fresh(config)
        listener = Listener(stop_after)
        train(first, *images, listener, listener)
        second, *images = fresh(config)
        second.load_state_dict(from_bytes(listener.saved[-1]))
        train(second, *images, QuietListener(), QuietListener())
        assert state_of(second) == state_of(expected)


def test_a_run_on_a_gpu_goes_on_without_one() -> None:
    config = digits_config(optimizer="adam", lr=0.002)
    expected, _ = gone_through(config)
    first, *images = fresh(config)
    listener = Listener(stop_after=14)
    train(first, *images, listener, listener)
    second, *images = prepared(config)
    second.load_state_dict(from_bytes(listener.saved[-1]))
    train(second, *images, QuietListener(), QuietListener())
    for name, weights in expected.weights.items():
        torch.testing.assert_close(second.weights[name], weights, rtol=1e-3, atol=1e-4)


def test_logits_of_a_step_stay_when_the_next_one_is_made() -> None:
    training, images, _ = fresh(digits_config())
    step = CudaGraphStep(
        training, lambda rows, lr: step_by_autograd(training, images, rows, lr)
    ).step
    first = step(torch.arange(32))
    before = first.clone()
    second = step(torch.arange(32, 64))
    assert torch.equal(first, before)
    assert not torch.equal(first, second)


def test_each_size_of_batch_is_captured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    captures = []

    class Counted(Recording):
        def __init__(self, work: Callable[[], Tensor], generator: torch.Generator) -> None:
            super().__init__(work, generator)
            captures.append(len(self._result))

    monkeypatch.setattr(captured, "CudaGraph", Counted)
    gone_through(digits_config(samples=397, schedule="cosine"))
    assert captures == [32, 397 - 80 - 9 * 32]


# On a GPU.

with_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")


def on_gpu(config: RunConfig, capturing: bool) -> tuple[TrainState, Labelled, Labelled]:
    on_processor, *images = prepared(config)
    gpu = torch.device("cuda")
    counts = torch.bincount(images[0].labels, minlength=on_processor.model.sizes[-1]).tolist()
    training = TrainState(config, on_processor.image_shape, counts, gpu)
    assert training.captured
    training.captured = capturing
    first, second = (Labelled(each.pixels.to(gpu), each.labels.to(gpu)) for each in images)
    return training, first, second


@with_gpu
@pytest.mark.parametrize("values", one_in(3, OPTIONS.values()), ids=OPTIONS)
def test_on_a_gpu_a_graph_makes_the_textbooks_steps(
    values: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    config = digits_config(**({"epochs": 4, "hidden": (32,), "device": "cuda"} | values))
    both = []
    for capturing in (True, False):
        training, *images = on_gpu(config, capturing)
        listener = QuietListener()
        train(training, *images, listener, listener)
        both.append((training, listener.epochs))
    (ours, our_epochs), (theirs, their_epochs) = both
    for one, other in zip(our_epochs, their_epochs, strict=True):
        assert one.train_loss == pytest.approx(other.train_loss, rel=1e-3)
    for name, weights in theirs.weights.items():
        torch.testing.assert_close(ours.weights[name], weights, rtol=1e-3, atol=1e-4)
    assert torch.equal(ours.noise.get_state(), theirs.noise.get_state())


@with_gpu
def test_on_a_gpu_nothing_waits_within_an_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    values = {"optimizer": "adam", "lr": 0.002, "shift": 1, "dropout": 0.2, "device": "cuda"}
    training, images, _ = on_gpu(digits_config(adversarial_epsilon=0.1, **values), True)
    step = CudaGraphStep(
        training, lambda rows, lr: step_by_autograd(training, images, rows, lr)
    ).step
    training.begin_epoch(images.labels)
    batches = training.batches()
    step(batches[0])
    torch.cuda.set_sync_debug_mode("error")
    try:
        for rows in batches[1:-1]:
            training.record_logits(step(rows))
    finally:
        torch.cuda.set_sync_debug_mode("default")


@with_gpu
def test_on_a_gpu_a_run_goes_on_to_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    values = {"optimizer": "adam", "lr": 0.002, "dropout": 0.2, "device": "cuda"}
    config = digits_config(**values)
    expected, *images = on_gpu(config, True)
    train(expected, *images, QuietListener(), QuietListener())
    first, *images = on_gpu(config, True)
    listener = Listener(stop_after=14)
    train(first, *images, listener, listener)
    second, *images = on_gpu(config, True)
    second.load_state_dict(from_bytes(listener.saved[-1]))
    train(second, *images, QuietListener(), QuietListener())
    for name, weights in expected.weights.items():
        assert torch.equal(second.weights[name], weights)
