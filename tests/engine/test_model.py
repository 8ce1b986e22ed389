"""The model: what it computes, and its dropout."""

import numpy as np
import pytest
import torch
from scipy import special

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.model import MLP
from mnistop.engine.training.state import evaluate
from tests.helpers.small_runs import digits_config, prepared, trained

FUNCTIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "sigmoid": special.expit,
    "gelu": lambda x: x * special.ndtr(x),
    "silu": lambda x: x * special.expit(x),
}


@pytest.mark.parametrize("hidden", [(), (6,), (6, 5), (6, 5, 4)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_model_is_its_matrices_with_the_activation_between(
    activation: str, hidden: tuple[int, ...]
) -> None:
    model = MLP((7, *hidden, 3), activation, generator=torch.Generator().manual_seed(1))
    names = [name for name, _ in model.named_children()]
    assert names == [f"linear_{number}" for number in range(1, len(hidden) + 2)]

    images = np.random.default_rng(2).random((5, 7), np.float32)
    values = images.astype(np.float64)
    for number, layer in enumerate(model.layers):
        values = values if number == 0 else FUNCTIONS[activation](values)
        values = values @ layer.weight.detach().double().numpy().T + layer.bias.detach().numpy()
    logits = model(torch.from_numpy(images)).detach().numpy()
    np.testing.assert_allclose(logits, values, rtol=1e-4, atol=1e-5)


def test_shapes_are_those_that_a_batch_takes() -> None:
    assert MLP((784, 128, 10)).shapes(32) == [
        ("input", (32, 784)),
        ("linear_1", (32, 128)),
        ("relu", (32, 128)),
        ("linear_2", (32, 10)),
    ]
    assert MLP((64, 10)).shapes(1) == [("input", (1, 64)), ("linear_1", (1, 10))]


def test_dropout_switches_off_its_share_and_scales_the_rest_in_training_only() -> None:
    model = MLP((1, 400, 400), dropout=0.3)
    model.dropout_generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        model.linear_1.weight.zero_()
        model.linear_1.bias.fill_(1.0)
        model.linear_2.weight.copy_(torch.eye(400))
        model.linear_2.bias.zero_()
        hidden = model(torch.zeros(100, 1))
        values = hidden.unique()
        assert (values - torch.tensor([0, 1 / 0.7])).abs().max() < 1e-6
        assert (hidden == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
        assert hidden.mean().item() == pytest.approx(1.0, abs=0.015)
        assert torch.equal(model.eval()(torch.zeros(2, 1)), torch.ones(2, 400))


def test_dropout_is_off_when_the_model_is_judged() -> None:
    training, _, validation = prepared(digits_config(dropout=0.5))
    first, second = evaluate(training.model, validation), evaluate(training.model, validation)
    assert first[1] == second[1]
    assert torch.equal(first[0], second[0])


def test_dropout_makes_training_harder() -> None:
    loss = {p: trained(digits_config(dropout=p, epochs=30))[1][-1].train_loss for p in (0, 0.5)}
    assert loss[0.5] > 1.1 * loss[0]
