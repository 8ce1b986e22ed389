"""An attack keeps to its budget, tells the truth about its success, and leaves no trace."""

import contextlib
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from mnistop.engine.attacks import FGSM, PGD, Attack, FastGradient, Goal, Norm
from mnistop.engine.attacks.base import evaluating, logits_and_gradient
from mnistop.engine.attacks.norms import size
from mnistop.engine.model import MLP
from mnistop.engine.training.state import Labelled
from tests.engine.attacks.attacked import any_model, some_batch, some_right
from tests.helpers.selection import one_in
from tests.helpers.small_runs import digits_config, prepared, trained

SEEDS = st.integers(0, 2**32)


class Wild(Attack):
    """An attack that goes far beyond its budget, in all directions."""

    def __init__(self, norm: Norm, seed: int = 0) -> None:
        self.norm = norm
        self.seed = seed

    def run(self, model: nn.Module, images: Tensor, goal: Goal, epsilons: Tensor) -> Tensor:
        random = torch.Generator().manual_seed(self.seed)
        return images + 10 * torch.randn(images.shape, generator=random)


class Broken(Attack):
    def run(self, model: nn.Module, images: Tensor, goal: Goal, epsilons: Tensor) -> Tensor:
        raise ArithmeticError


REAL: list[Attack] = [FGSM(), FastGradient(), PGD(steps=4), PGD("l2", steps=4, starts=3)]
ATTACKS = [*REAL, Wild("linf"), Wild("l2")]
each_attack = pytest.mark.parametrize("attack", one_in(2, ATTACKS), ids=repr)
each_real_attack = pytest.mark.parametrize("attack", one_in(2, REAL), ids=repr)


def targets_for(labels: Tensor, model: MLP) -> Tensor:
    """Return for each image the class after its label's."""
    return (labels + 1) % model.sizes[-1]


@each_attack
@settings(max_examples=40, deadline=None)
@given(share=st.floats(0, 1), seed=SEEDS, targeted=st.booleans())
def test_no_perturbation_is_larger_than_epsilon_and_no_pixel_leaves_0_to_1(
    attack: Attack, share: float, seed: int, targeted: bool
) -> None:
    model, images, labels = any_model(seed)
    epsilon = share if attack.norm == "linf" else share * 9
    targets = targets_for(labels, model) if targeted else None
    moved = attack(model, images, labels, epsilon, targets).images
    assert moved.shape == images.shape
    assert moved.min() >= 0
    assert moved.max() <= 1
    assert size(moved.double() - images.double(), attack.norm).max() <= epsilon + 1e-6


@each_attack
@given(seed=SEEDS, targeted=st.booleans())
@settings(max_examples=30, deadline=None)
def test_success_is_what_the_model_says_to_the_final_pixels(
    attack: Attack, seed: int, targeted: bool
) -> None:
    model, images, labels = any_model(seed)
    targets = targets_for(labels, model) if targeted else None
    outcome = attack(model, images, labels, 0.3, targets)
    with torch.no_grad():
        logits = model.eval()(outcome.images)
    assert torch.equal(outcome.logits, logits)
    predicted = logits.argmax(1)
    expected = predicted == targets if targeted else predicted != labels
    assert torch.equal(outcome.success, expected)


@each_attack
def test_the_norms_are_those_of_what_was_added(attack: Attack) -> None:
    model, images, labels = some_batch(3)
    outcome = attack(model, images, labels, 0.2)
    added = outcome.images - images
    torch.testing.assert_close(outcome.perturbations, added)
    torch.testing.assert_close(outcome.linf, added.abs().max(1).values)
    torch.testing.assert_close(outcome.l2, (added**2).sum(1).sqrt())
    assert torch.equal(outcome.l0, (outcome.images != images).sum(1))
    smallest = outcome.smallest(attack.norm)
    assert torch.equal(smallest.isinf(), ~outcome.success)


@each_attack
def test_epsilon_0_changes_nothing(attack: Attack) -> None:
    model, images, labels = some_batch(1)
    outcome = attack(model, images, labels, 0)
    assert torch.equal(outcome.images, images)
    assert not outcome.l0.any()


@each_real_attack
@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_each_image_may_have_an_epsilon_of_its_own(attack: Attack, seed: int) -> None:
    model, images, labels = any_model(seed)
    epsilons = torch.tensor([0.0, 0.05, 0.1, 0.5, 1.0])
    together = attack(model, images, labels, epsilons).images
    for row, epsilon in enumerate(epsilons):
        alone = attack(model, images, labels, epsilon.item()).images[row]
        torch.testing.assert_close(together[row], alone, atol=1e-5, rtol=0)


@pytest.mark.parametrize("attack", [FGSM(), FastGradient()], ids=repr)
@pytest.mark.parametrize("epsilon", [-0.01, float("nan"), float("inf"), torch.tensor([0, -0.1])])
def test_an_epsilon_out_of_range_is_refused(attack: Attack, epsilon: float | Tensor) -> None:
    model, images, labels = some_batch(1, batch=2)
    with pytest.raises(ValueError, match="epsilon must"):
        attack(model, images, labels, epsilon)


def test_epsilon_ends_at_1_in_linf_only() -> None:
    model, images, labels = some_batch(1)
    with pytest.raises(ValueError, match=r"epsilon must lie in \[0, 1\], not 1.01"):
        FGSM()(model, images, labels, 1.01)
    assert FastGradient()(model, images, labels, 1.01).l2.max() > 0.9


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("attack", [*REAL, Broken()], ids=repr)
def test_the_model_is_left_in_its_mode_even_if_the_attack_breaks(
    attack: Attack, training: bool
) -> None:
    model, images, labels = some_batch(1)
    model.train(training)
    with contextlib.suppress(ArithmeticError):
        attack(model, images, labels, 0.1)
    assert model.training == training


@each_real_attack
def test_the_attack_meets_the_model_without_dropout_and_comes_out_the_same_again(
    attack: Attack,
) -> None:
    model, images, labels = some_batch(1)
    with evaluating(model):
        assert not model.training
    first, second = (attack(model.train(), images, labels, 0.1) for _ in range(2))
    assert torch.equal(first.images, second.images)


@each_real_attack
def test_an_attack_leaves_gradients_and_images_alone(attack: Attack) -> None:
    model, images, labels = some_batch(1)
    before = images.clone()
    attack(model, images, labels, 0.1)
    assert torch.equal(images, before)
    assert not images.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())


@each_real_attack
@given(seed=SEEDS, targeted=st.booleans())
@settings(max_examples=15, deadline=None)
def test_an_image_fares_alone_as_among_others(attack: Attack, seed: int, targeted: bool) -> None:
    model, images, labels = any_model(seed)
    goal = Goal(labels, targets_for(labels, model) if targeted else None)
    together = goal.margins(attack(model, images, labels, 0.2, goal.targets).logits)
    for row in range(len(images)):
        one = goal.of(torch.tensor([row]))
        alone = attack(model, images[row : row + 1], one.labels, 0.2, one.targets).logits
        torch.testing.assert_close(one.margins(alone)[0], together[row], atol=1e-3, rtol=1e-3)


@each_real_attack
def test_no_images_are_no_trouble(attack: Attack) -> None:
    model, images, labels = some_batch(1)
    outcome = attack(model, images[:0], labels[:0], 0.1)
    assert outcome.images.shape == (0, 20)
    assert outcome.success.shape == outcome.linf.shape == (0,)


@each_real_attack
def test_where_the_gradient_is_0_the_image_stays_and_the_attack_fails(attack: Attack) -> None:
    model, images, _ = some_batch(1)
    model.layers[0].bias.data.fill_(-100)
    with torch.no_grad():
        labels = model.eval()(images).argmax(1)
    outcome = attack(model, images, labels, 0.5)
    assert not outcome.success.any()
    assert torch.equal(outcome.images, images)


@each_real_attack
def test_a_target_is_reached_on_a_trained_model(attack: Attack) -> None:
    model, images, labels = some_right("plain", 100)
    targets = targets_for(labels, model)
    epsilon = 0.3 if attack.norm == "linf" else 5
    outcome = attack(model, images, labels, epsilon, targets)
    assert outcome.success.float().mean() > 0.5
    assert torch.equal(outcome.logits.argmax(1)[outcome.success], targets[outcome.success])


# FGSM, and the same along the raw gradient.


@pytest.mark.parametrize("targeted", [False, True])
def test_a_fast_gradient_step_is_one_along_the_losss_gradient(targeted: bool) -> None:
    model, images, labels = some_batch(2)
    model.eval()
    targets = targets_for(labels, model) if targeted else None
    pixels = images.clone().requires_grad_()
    if targets is None:
        loss = functional.cross_entropy(model(pixels), labels, reduction="sum")
    else:
        loss = -functional.cross_entropy(model(pixels), targets, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, pixels)

    signs = (images + 0.125 * gradient.sign()).clamp(0, 1)
    torch.testing.assert_close(FGSM()(model, images, labels, 0.125, targets).images, signs)
    unit = gradient / gradient.norm(dim=1, keepdim=True)
    raw = (images + 0.5 * unit).clamp(0, 1)
    torch.testing.assert_close(FastGradient()(model, images, labels, 0.5, targets).images, raw)


@each_real_attack
def test_more_images_are_fooled_the_larger_epsilon_is(attack: Attack) -> None:
    model, images, labels = some_right("plain", 200)
    epsilons = (0.0, 0.03, 0.1) if attack.norm == "linf" else (0.0, 0.5, 2.0)
    fooled = [attack(model, images, labels, epsilon).success.sum() for epsilon in epsilons]
    assert fooled[0] == 0
    assert fooled[0] < fooled[1] < fooled[2]


# PGD.


@given(seed=SEEDS, epsilon=st.floats(0, 0.5), targeted=st.booleans())
@settings(max_examples=60, deadline=None)
def test_pgd_is_never_weaker_than_fgsm(seed: int, epsilon: float, targeted: bool) -> None:
    model, images, labels = any_model(seed)
    goal = Goal(labels, targets_for(labels, model) if targeted else None)
    by_fgsm, by_pgd = (
        attack(model, images, labels, epsilon, goal.targets)
        for attack in (FGSM(), PGD(steps=3, starts=1))
    )
    assert (by_pgd.success >= by_fgsm.success).all()
    not_there = ~by_pgd.success
    margins = [goal.margins(outcome.logits)[not_there] for outcome in (by_fgsm, by_pgd)]
    assert (margins[1] >= margins[0] - 1e-5).all()


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_pgd_leaves_an_already_wrong_image_as_it_is(seed: int) -> None:
    model, images, labels = any_model(seed)
    goal = Goal(labels)
    with torch.no_grad():
        wrong = goal.clearly_reached(model.eval()(images))
    outcome = PGD(steps=3)(model, images, labels, 0.3)
    assert outcome.success[wrong].all()
    assert torch.equal(outcome.images[wrong], images[wrong])


@pytest.mark.slow
def test_more_steps_and_starts_fool_no_fewer() -> None:
    model, images, labels = some_right("robust", 300)
    fooled = [
        PGD(steps=steps, starts=starts)(model, images, labels, 0.12).success.sum()
        for steps, starts in [(1, 1), (3, 1), (20, 1), (20, 3)]
    ]
    assert fooled == sorted(fooled)
    assert fooled[0] < fooled[2]


@pytest.mark.slow
def test_another_seed_starts_elsewhere_and_the_same_seed_at_the_same_place() -> None:
    model, images, labels = some_right("robust", 20)
    first, again, other = (
        PGD("l2", steps=2, starts=2, seed=seed)(model, images, labels, 0.5).images
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


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
    goal = Goal(sure_images.labels)
    assert_same_direction(logits_and_gradient(model, sure_images.pixels, goal)[1], exact)


def test_the_direction_is_known_where_the_cross_entropys_gradient_is_0() -> None:
    model, images, _ = confident(hidden=(), lr=3.0, epochs=30)
    lost = (gradient_of_cross_entropy(model, images, torch.float32) == 0).all(1)
    assert lost.sum() >= 30
    pixels, labels = images.pixels[lost], images.labels[lost]

    weights, biases = (value.double() for value in model.state_dict().values())
    logits = pixels.double() @ weights.T + biases
    of_others = logits.scatter(1, labels[:, None], -torch.inf).softmax(1)
    assert_same_direction(
        logits_and_gradient(model, pixels, Goal(labels))[1], of_others @ weights - weights[labels]
    )

    attacked = FGSM()(model, pixels, labels, 0.3)
    assert ((attacked.images - pixels).abs().amax(1) > 0.29).all()
    assert attacked.success.any()
