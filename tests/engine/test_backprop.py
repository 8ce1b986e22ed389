"""The gradients that are written out by hand are autograd's."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from engine import backprop
from engine.model import MLP
from engine.train import train
from engine.training import Epoch
from tests.engine.small_runs import QuietListener, digits_config, prepared

ACTIVATIONS = ("relu", "tanh", "sigmoid")


@settings(max_examples=60, deadline=None)
@given(
    activation=st.sampled_from(ACTIVATIONS),
    hidden=st.lists(st.integers(1, 12), max_size=3),
    inputs=st.integers(1, 20),
    classes=st.integers(2, 6),
    batch=st.integers(1, 9),
    scale=st.sampled_from([0.1, 1.0, 10.0]),
    seed=st.integers(0, 2**32),
)
def test_gradients_by_hand_are_those_of_autograd(
    activation: str,
    hidden: list[int],
    inputs: int,
    classes: int,
    batch: int,
    scale: float,
    seed: int,
) -> None:
    random = torch.Generator().manual_seed(seed)
    model = MLP((inputs, *hidden, classes), activation, generator=random)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    images = torch.rand(batch, inputs, generator=random)
    labels = torch.randint(0, classes, (batch,), generator=random)

    expected_logits = model(images)
    loss = functional.cross_entropy(expected_logits, labels)
    expected = torch.autograd.grad(loss, list(model.parameters()))

    assert backprop.derives(model)
    for parameter in model.parameters():
        parameter.grad = torch.full_like(parameter, torch.nan)
    logits = backprop.forward_backward(model, images, labels)
    torch.testing.assert_close(logits, expected_logits.detach(), rtol=1e-4, atol=1e-5)
    for parameter, gradient in zip(model.parameters(), expected, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, rtol=1e-4, atol=1e-5)


def test_what_is_not_written_out_is_left_to_autograd() -> None:
    assert not backprop.derives(MLP((4, 3, 2), "gelu"))
    assert not backprop.derives(MLP((4, 3, 2), "relu", dropout=0.1))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_run_by_hand_goes_as_one_by_autograd(activation: str) -> None:
    def epochs(by_hand: bool) -> list[Epoch]:
        training, *images = prepared(
            digits_config(activation=activation, epochs=8, hidden=(32, 16), lr=0.3)
        )
        assert training.by_hand
        training.by_hand = by_hand
        listener = QuietListener()
        train(training, *images, listener, listener)
        return listener.epochs

    for ours, theirs in zip(epochs(True), epochs(False), strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, rel=1e-3)
        assert ours.val_loss == pytest.approx(theirs.val_loss, rel=1e-3)
