"""Training in this process, interrupted after every single step: it goes on with the same bits."""

import os
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from mnistop.engine.config import RunConfig
from mnistop.engine.errors import RunError
from mnistop.engine.runs import checkpoint
from mnistop.engine.training.loop import train
from mnistop.engine.training.state import Epoch, TrainState
from tests.faults.kills import settings
from tests.helpers.selection import one_in
from tests.helpers.small_runs import (
    KINDS,
    Listener,
    digits_config,
    from_bytes,
    numbers,
    prepared,
    to_bytes,
    trained,
)

kinds = pytest.mark.parametrize("values", one_in(3, KINDS.values()), ids=KINDS)


def gone_on(config: RunConfig, saved: bytes) -> tuple[TrainState, list[Epoch]]:
    """A training taken up from a checkpoint and gone to its end."""
    training, *images = prepared(config)
    training.load_state_dict(from_bytes(saved))
    listener = Listener()
    train(training, *images, listener, listener)
    return training, listener.epochs


def bits(training: TrainState) -> bytes:
    """The weights and all that decides what would come next."""
    state = training.state_dict()
    return b"".join(
        [
            *(weight.numpy().tobytes() for weight in state["model"].values()),
            state["shuffle"].numpy().tobytes(),
            state["noise"].numpy().tobytes(),
            repr(state["optimizer"]).encode(),
            repr((state["best"], state["best_epochs"], state["epochs_since_lowest"])).encode(),
        ]
    )


@kinds
def test_stopped_before_any_step_it_goes_on_with_the_same_bits(values: dict[str, Any]) -> None:
    config = digits_config(samples=200, **values)
    expected, expected_epochs = trained(config)
    for steps in range(3 * 5):
        training, *images = prepared(config)
        listener = Listener(stop_after=steps)
        train(training, *images, listener, listener)
        resumed, later = gone_on(config, to_bytes(training.state_dict()))
        assert bits(resumed) == bits(expected), f"stopped after {steps} steps"
        assert numbers(listener.epochs + later) == numbers(expected_epochs)


@kinds
def test_killed_after_a_checkpoint_of_any_step_it_goes_on_with_the_same_bits(
    values: dict[str, Any],
) -> None:
    config = digits_config(samples=200, **values)
    training, *images = prepared(config)
    listener = Listener()
    train(training, *images, listener, listener)
    assert len(listener.saved) == 3 * 5
    for step, saved in enumerate(listener.saved, start=1):
        resumed, later = gone_on(config, saved)
        assert bits(resumed) == bits(training), f"checkpoint of step {step}"
        assert numbers(later) == numbers(listener.epochs[-len(later) :])


@pytest.mark.parametrize(
    "values", one_in(6, settings()), ids=lambda values: " ".join(map(str, values.values()))
)
def test_every_optimizer_schedule_shift_and_dropout_goes_on_with_the_same_bits(
    values: dict[str, Any],
) -> None:
    config = digits_config(samples=200, **values)
    training, *images = prepared(config)
    listener = Listener()
    train(training, *images, listener, listener)
    for saved in random.Random(repr(values)).sample(listener.saved, 2):
        resumed, later = gone_on(config, saved)
        assert bits(resumed) == bits(training)
        assert numbers(later) == numbers(listener.epochs[-len(later) :])


def test_early_stopping_counts_on_over_a_stop() -> None:
    config = digits_config(early_stopping=3, lr=1.0, epochs=500)
    _, expected = trained(config)
    stopped_at = 10 * (len(expected) - 2) + 4
    training, *images = prepared(config)
    listener = Listener(stop_after=stopped_at)
    train(training, *images, listener, listener)
    _, later = gone_on(config, to_bytes(training.state_dict()))
    assert numbers(listener.epochs + later) == numbers(expected)


def test_nothing_in_a_checkpoint_is_executed(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "sprung"),)

    torch.save({"model": Trap()}, tmp_path / "checkpoint.pt")
    with pytest.raises(RunError, match="is damaged and cannot be loaded"):
        checkpoint.load(tmp_path / "checkpoint.pt")
    assert not (tmp_path / "sprung").exists()
    torch.save([1, 2], tmp_path / "checkpoint.pt")
    with pytest.raises(RunError, match="it holds no checkpoint"):
        checkpoint.load(tmp_path / "checkpoint.pt")
    with pytest.raises(RunError, match=r"has no nothing\.pt yet"):
        checkpoint.load(tmp_path / "nothing.pt")


def test_a_checkpoint_in_an_epoch_holds_the_model_of_the_last_whole_one_too() -> None:
    training, images, validation = prepared(digits_config(epochs=3))
    listener = Listener(stop_after=13)
    train(training, images, validation, listener, listener)
    states = [from_bytes(content) for content in listener.saved]
    assert [states[place]["step"] for place in (9, 12)] == [10, 3]
    whole = states[9]["model"]  # after the last step of the first epoch
    shown = checkpoint.weights_of(states[12])
    assert all(torch.equal(shown[name], whole[name]) for name in whole)
    assert not all(torch.equal(states[12]["model"][name], whole[name]) for name in whole)
    again, *_ = prepared(digits_config(epochs=3))
    again.load_state_dict(states[12])
    assert to_bytes(again.state_dict()["epoch_model"]) == to_bytes(states[12]["epoch_model"])
