"""The smallest ε fools the model, nothing smaller does, and no image is too odd for it."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mnistop.engine.attacks import FGSM, PGD
from mnistop.engine.attacks.base import Goal
from mnistop.engine.attacks.crown import certified_radius
from mnistop.engine.attacks.exact_fgsm import fooled_levels, is_exact, smallest_epsilon
from mnistop.engine.attacks.piecewise import Path, optimal_path, smallest_epsilon_linear
from mnistop.engine.model import MLP
from tests.engine.attacks.attacked import any_model, some_batch, some_right
from tests.engine.attacks.bracketed import (
    PIECEWISE,
    SMOOTH,
    any_deep_model,
    blind_model,
    path_of,
    some_unseen,
    tried,
)
from tests.helpers.selection import one_in

DENSE = torch.linspace(0, 1, 10_001)
ROUNDING = 1e-6


def assert_first(
    found: Tensor,
    model: MLP,
    images: Tensor,
    labels: Tensor,
    targets: Tensor | None = None,
) -> None:
    """Assert that the found ε fools, and none on a grid of 10,001 points below it or up to 1."""
    path, goal = path_of(model, images, labels, targets)
    for row, epsilon in enumerate(found):
        assert not tried(model, path, goal, row, DENSE[epsilon - ROUNDING > DENSE]).any()
    assert_fools(found, model, path, goal)


def assert_fools(found: Tensor, model: MLP, path: Path, goal: Goal) -> None:
    """Assert that the found ε fools, up to rounding, which differs in a batch of another size."""
    finite = found.isfinite()
    with torch.no_grad():
        logits = model(path.at(found.clamp(max=1)))
    assert (goal.margins(logits) > -1e-5 * logits.abs().amax(1))[finite].all()
    assert not goal.clearly_reached(logits)[~finite].any()


@pytest.mark.parametrize("name", one_in(6, [*PIECEWISE, *SMOOTH]))
def test_nothing_below_the_smallest_epsilon_fools_on_a_grid_of_10_001(name: str) -> None:
    model, images, labels = some_unseen(name, 40)
    found = smallest_epsilon(model, images, labels)
    assert is_exact(model) == (name in PIECEWISE)
    assert (found.isfinite() & (found > 0)).sum() > 20
    assert_first(found, model, images, labels)


@pytest.mark.parametrize(
    "name", one_in(5, ["plain", "robust", "two hidden layers", "single layer", "gelu"])
)
def test_towards_a_target_nothing_below_fools_either(name: str) -> None:
    model, images, labels = some_unseen(name, 40)
    targets = (labels + 1 + torch.arange(40) % 9) % 10
    found = smallest_epsilon(model, images, labels, targets)
    assert found.isfinite().any()
    assert_first(found, model, images, labels, targets)


@pytest.mark.slow
def test_of_images_that_come_back_it_is_the_first_time() -> None:
    """A bisection between 0 and 1 ends at any of the times."""
    model, images, labels = some_unseen("robust in vain", 400)
    fooled = fooled_levels(model, images, labels)
    back = (fooled[:, :-1] & ~fooled[:, 1:]).any(1)
    assert back.sum() >= 20
    images, labels = images[back][:60], labels[back][:60]
    found = smallest_epsilon(model, images, labels)
    assert_first(found, model, images, labels)
    lower, upper = torch.zeros(len(images)), torch.ones(len(images))
    for _ in range(20):
        middle = (lower + upper) / 2
        success = FGSM()(model, images, labels, middle).success
        lower, upper = torch.where(success, lower, middle), torch.where(success, middle, upper)
    assert (upper > found + 0.01).any()


@pytest.mark.slow
def test_fgsm_with_the_level_succeeds_and_with_the_one_before_it_fails() -> None:
    model, images, labels = some_right("plain", 300)
    levels = fooled_levels(model, images, labels).int().argmax(1)
    for image, label, level in zip(images[:, None], labels[:, None], levels.tolist(), strict=True):
        assert FGSM()(model, image, label, level / 255).success
        assert not FGSM()(model, image, label, (level - 1) / 255).success


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", one_in(4, ["plain", "confident", "single layer", "three hidden layers"])
)
def test_fgsm_on_one_image_succeeds_with_the_epsilon_and_fails_just_below(name: str) -> None:
    """Alone, though all were searched at once and float32 sums in another order then."""
    model, images, labels = some_unseen(name, 200)
    right = ~fooled_levels(model, images, labels)[:, 0]
    images, labels = images[right], labels[right]
    epsilon = smallest_epsilon(model, images, labels)
    assert epsilon.isfinite().all()
    for image, label, smallest in zip(images[:, None], labels[:, None], epsilon, strict=True):
        assert FGSM()(model, image, label, smallest.item()).success
        assert not FGSM()(model, image, label, smallest.item() - 2e-6).success


@pytest.mark.slow
@settings(max_examples=75, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.booleans())
def test_any_model(seed: int, deep: bool, targeted: bool) -> None:
    model, images, labels = (any_deep_model if deep else any_model)(seed)
    classes = model.sizes[-1]
    targets = (labels + 1) % classes if targeted else None
    model.train(seed % 2 == 0)
    found = smallest_epsilon(model, images, labels, targets)
    assert model.training == (seed % 2 == 0)
    path, goal = path_of(model, images, labels, targets)
    with torch.no_grad():
        clean = goal.reached(model(images))
    assert torch.equal(found == 0, clean)
    assert_fools(found, model, path, goal)
    levels = (torch.arange(256).double() / 255).float()
    with torch.no_grad():
        said = torch.stack([model(path.at(level.expand(len(images)))) for level in levels], 1)
    clearly = torch.stack([goal.clearly_reached(logits) for logits in said.unbind(1)], 1)
    below = levels < found[:, None]
    assert not (clearly & below).any()


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_an_image_fares_the_same_alone_and_anywhere_in_a_batch(seed: int) -> None:
    model, images, labels = any_model(seed)
    found = smallest_epsilon(model, images, labels)
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    turned = smallest_epsilon(model, images[order], labels[order])
    alone = [smallest_epsilon(model, images[i : i + 1], labels[i : i + 1]) for i in range(5)]
    for other in (turned.gather(0, order.argsort()), torch.cat(alone)):
        torch.testing.assert_close(other, found, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_a_model_that_looks_at_nothing_is_never_fooled(activation: str) -> None:
    """Its gradient is exactly 0."""
    model = blind_model(activation)
    found = smallest_epsilon(model, torch.rand(3, 20), torch.tensor([1, 1, 2]))
    assert found.tolist() == [torch.inf, torch.inf, 0]


@pytest.mark.parametrize("hidden", [(), (8,), (8, 8)])
def test_a_model_of_zeros_is_right_about_the_first_class_for_ever(hidden: tuple[int, ...]) -> None:
    model = MLP((20, *hidden, 4))
    for parameter in model.parameters():
        parameter.data.zero_()
    found = smallest_epsilon(model, torch.rand(2, 20), torch.tensor([0, 1]))
    assert found.tolist() == [torch.inf, 0]


def test_a_single_layer_of_zeros_has_no_smallest_epsilon() -> None:
    model = MLP((20, 4))
    for parameter in model.parameters():
        parameter.data.zero_()
    found = smallest_epsilon_linear(model, torch.rand(2, 20), torch.tensor([0, 1]))
    assert found.tolist() == [torch.inf, 0]


@pytest.mark.parametrize("value", [torch.nan, torch.inf, 1e30])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_diverged_model_ends_the_search_too(activation: str, value: float) -> None:
    model, images, labels = some_batch(3)
    model.activation = activation
    model.layers[0].weight.data[2] = value
    smallest_epsilon(model, images, labels)
    single = MLP((20, 4))
    single.layers[0].weight.data[2] = value
    smallest_epsilon_linear(single, images, labels)


def test_no_images_are_no_trouble() -> None:
    model, images, labels = some_batch(1)
    found = smallest_epsilon(model, images[:0], labels[:0])
    assert found.shape == (0,)


# Without a hidden layer nothing can be smaller.


def test_a_single_layers_smallest_epsilon_succeeds_and_is_never_above_fgsms() -> None:
    model, images, labels = some_right("single layer", 500)
    best = smallest_epsilon_linear(model, images, labels)
    assert (best <= smallest_epsilon(model, images, labels) + ROUNDING).all()
    with torch.no_grad():
        predicted = model(optimal_path(model, images, labels).at(best)).argmax(1)
    assert (predicted != labels).all()


@pytest.mark.slow
def test_no_attack_beats_a_single_layers_smallest_epsilon() -> None:
    model, images, labels = some_right("single layer", 500)
    below = smallest_epsilon_linear(model, images, labels) * (1 - 1e-5)
    for attack in (FGSM(), PGD(steps=30, starts=3)):
        assert not attack(model, images, labels, below).success.any()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_a_single_layers_smallest_epsilon_is_what_is_proven(seed: int) -> None:
    random = torch.Generator().manual_seed(seed)
    classes = 2 + seed % 9
    model = MLP((12, classes), generator=random)
    images = torch.rand(6, 12, generator=random).round(decimals=1)
    labels = torch.randint(0, classes, (6,), generator=random)
    best = smallest_epsilon_linear(model, images, labels)
    proven = certified_radius(model, images, labels)
    torch.testing.assert_close(proven, best.clamp(max=1), atol=1e-5, rtol=1e-4)
    assert (proven <= best).all()
    assert (best <= smallest_epsilon(model, images, labels) + ROUNDING).all()


def test_a_model_with_a_hidden_layer_has_no_closed_form() -> None:
    with pytest.raises(ValueError, match="without a hidden layer"):
        smallest_epsilon_linear(*some_batch(1))
