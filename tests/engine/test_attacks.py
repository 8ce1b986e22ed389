"""An attack keeps to its budget, tells the truth about its success, and leaves no trace."""

import contextlib
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from engine.attacks import FGSM, Attack
from engine.attacks.base import evaluating, input_gradient
from engine.model import MLP
from engine.training import Labelled
from tests.engine.small_runs import digits_config, prepared, trained


class Wild(Attack):
    """Goes far beyond its budget, in all directions."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed

    def run(self, model: nn.Module, images: Tensor, labels: Tensor, epsilon: float) -> Tensor:
        random = torch.Generator().manual_seed(self.seed)
        return images + 10 * torch.randn(images.shape, generator=random)


class Broken(Attack):
    def run(self, model: nn.Module, images: Tensor, labels: Tensor, epsilon: float) -> Tensor:
        raise ArithmeticError


ATTACKS: list[Attack] = [FGSM(), Wild()]


def some_batch(seed: int, batch: int = 6) -> tuple[MLP, Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    model = MLP((20, 8, 4), dropout=0.5, generator=random)
    model.dropout_generator = random
    images = torch.rand(batch, 20, generator=random)
    images[0, :10] = torch.tensor([0.0, 1.0]).repeat(5)
    return model, images, torch.randint(0, 4, (batch,), generator=random)


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
@settings(max_examples=60, deadline=None)
@given(epsilon=st.floats(0, 1), seed=st.integers(0, 2**32))
def test_no_pixel_changes_by_more_than_epsilon_or_leaves_0_to_1(
    attack: Attack, epsilon: float, seed: int
) -> None:
    model, images, labels = some_batch(seed)
    moved = attack(model, images, labels, epsilon).images
    assert moved.shape == images.shape
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert (moved.double() - images.double()).abs().max() <= epsilon + 1e-7


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_success_is_what_the_model_says_to_the_final_pixels(attack: Attack, seed: int) -> None:
    model, images, labels = some_batch(seed)
    outcome = attack(model, images, labels, 0.3)
    with torch.no_grad():
        logits = model.eval()(outcome.images)
    assert torch.equal(outcome.logits, logits)
    assert torch.equal(outcome.success, logits.argmax(1) != labels)


@pytest.mark.parametrize("attack", ATTACKS, ids=repr)
def test_epsilon_0_changes_nothing(attack: Attack) -> None:
    model, images, labels = some_batch(1)
    assert torch.equal(attack(model, images, labels, 0).images, images)


@pytest.mark.parametrize("epsilon", [-0.01, 1.01, float("nan"), float("inf")])
def test_an_epsilon_outside_0_to_1_is_refused(epsilon: float) -> None:
    model, images, labels = some_batch(1)
    with pytest.raises(ValueError, match="epsilon must lie in"):
        FGSM()(model, images, labels, epsilon)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("attack", [FGSM(), Broken()], ids=repr)
def test_the_model_is_left_in_its_mode_even_if_the_attack_breaks(
    attack: Attack, training: bool
) -> None:
    model, images, labels = some_batch(1)
    model.train(training)
    with contextlib.suppress(ArithmeticError):
        attack(model, images, labels, 0.1)
    assert model.training == training


def test_the_attack_meets_the_model_without_dropout() -> None:
    model, images, labels = some_batch(1)
    with evaluating(model):
        assert not model.training
    first, second = (FGSM()(model.train(), images, labels, 0.1) for _ in range(2))
    assert torch.equal(first.images, second.images)


def test_an_attack_leaves_gradients_and_images_alone() -> None:
    model, images, labels = some_batch(1)
    before = images.clone()
    FGSM()(model, images, labels, 0.1)
    assert torch.equal(images, before)
    assert not images.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())


def test_fgsm_is_one_step_along_the_sign_of_the_losss_gradient() -> None:
    model, images, labels = some_batch(2)
    model.eval()
    images.requires_grad_()
    loss = functional.cross_entropy(model(images), labels)
    (gradient,) = torch.autograd.grad(loss, images)
    images = images.detach()
    expected = (images + 0.125 * gradient.sign()).clamp(0, 1)
    torch.testing.assert_close(FGSM()(model, images, labels, 0.125).images, expected)


def test_fgsm_fools_a_trained_model_more_often_the_larger_epsilon_is() -> None:
    training, _ = trained(digits_config(epochs=20))
    _, _, validation = prepared(training.config)
    fooled = [
        FGSM()(training.model, validation.pixels, validation.labels, epsilon).success.sum().item()
        for epsilon in (0.0, 0.1, 0.3)
    ]
    assert fooled[0] < fooled[1] < fooled[2]


# Where the cross-entropy's gradient underflows: p rounds to 1 from a margin of some 17 in float32
# and of 37 in float64, which loses the label's part of the gradient; in float32 all is 0 from 104.


def confident(**values: Any) -> tuple[MLP, Labelled, Tensor]:
    """A model that Adam has made very sure, its training images, and by how much each is right."""
    training, _ = trained(digits_config(optimizer="adam", **values))
    model = training.model.eval()
    _, images, _ = prepared(training.config)
    with torch.no_grad():
        logits = model(images.pixels)
    of_label = logits.gather(1, images.labels[:, None])
    others = logits.scatter(1, images.labels[:, None], -torch.inf)
    return model, images, of_label[:, 0] - others.amax(1)


def gradient_of_cross_entropy(model: MLP, images: Labelled, dtype: torch.dtype) -> Tensor:
    pixels = images.pixels.to(dtype).requires_grad_()
    loss = functional.cross_entropy(model.to(dtype)(pixels), images.labels, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, pixels)
    model.to(torch.float32)
    return gradient


def assert_same_direction(ours: Tensor, exact: Tensor) -> None:
    clear = exact.abs() > 1e-3 * exact.abs().amax(1, keepdim=True)
    assert clear.float().mean() > 0.7
    assert torch.equal(ours.sign()[clear], exact.sign()[clear].float())


def test_the_direction_is_exact_where_float32_rounds_the_probability_to_1() -> None:
    model, images, margins = confident(hidden=(64,), lr=0.03, epochs=100)
    sure = (margins > 17.5) & (margins < 34)
    assert sure.sum() >= 30
    sure_images = Labelled(images.pixels[sure], images.labels[sure])
    exact = gradient_of_cross_entropy(model, sure_images, torch.float64)
    assert_same_direction(input_gradient(model, sure_images.pixels, sure_images.labels), exact)


def test_the_direction_is_known_where_the_cross_entropys_gradient_is_0() -> None:
    model, images, _ = confident(hidden=(), lr=3.0, epochs=30)
    lost = (gradient_of_cross_entropy(model, images, torch.float32) == 0).all(1)
    assert lost.sum() >= 30
    pixels, labels = images.pixels[lost], images.labels[lost]

    weights, biases = (value.double() for value in model.state_dict().values())
    logits = pixels.double() @ weights.T + biases
    of_others = logits.scatter(1, labels[:, None], -torch.inf).softmax(1)
    assert_same_direction(
        input_gradient(model, pixels, labels), of_others @ weights - weights[labels]
    )

    attacked = FGSM()(model, pixels, labels, 0.3)
    assert ((attacked.images - pixels).abs().amax(1) > 0.29).all()
    assert attacked.success.any()
