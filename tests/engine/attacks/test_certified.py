"""No attack succeeds within a certified radius, and none of the bounds it rests on is crossed."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mnistop.engine.activations import ACTIVATIONS
from mnistop.engine.attacks import FGSM, PGD
from mnistop.engine.attacks.crown import Box, certified_radius, enclosing_lines, margin_bounds
from mnistop.engine.attacks.exact_fgsm import smallest_epsilon
from mnistop.engine.attacks.piecewise import layer_inputs, layers_of
from mnistop.engine.model import MLP
from tests.engine.attacks.attacked import any_model, some_batch
from tests.engine.attacks.bracketed import (
    PIECEWISE,
    SMOOTH,
    any_deep_model,
    blind_model,
    interval_radius,
    path_of,
    some_unseen,
)
from tests.helpers.selection import one_in


def corners(images: Tensor, radius: Tensor, seed: int) -> Tensor:
    """Images with every pixel as far away as it may go, up or down at random."""
    random = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, images.shape, generator=random) * 2 - 1
    return (images + radius[:, None] * signs).clamp(0, 1)


def assert_safe(model: MLP, images: Tensor, labels: Tensor, inside: Tensor) -> None:
    """No attack within these radii changes the prediction."""
    attacks = [FGSM(), PGD(steps=15, starts=3), PGD(steps=8, starts=1, seed=1)]
    for attack in attacks:
        assert not attack(model, images, labels, inside).success.any()
    path, _ = path_of(model, images, labels)
    with torch.no_grad():
        for share in torch.linspace(0, 1, 20):
            assert torch.equal(model(path.at(share * inside)).argmax(1), labels)
        for seed in range(5):
            assert torch.equal(model(corners(images, inside, seed)).argmax(1), labels)


@pytest.mark.slow
@pytest.mark.parametrize("name", one_in(4, [*PIECEWISE, *SMOOTH]))
def test_no_attack_succeeds_within_the_radius(name: str) -> None:
    model, images, labels = some_unseen(name, 350)
    radius = certified_radius(model, images, labels)
    with torch.no_grad():
        right = model(images).argmax(1) == labels
    assert torch.equal(radius > 0, right)
    assert radius.max() < 1
    assert_safe(model, images[right], labels[right], radius[right] * (1 - 1e-6))
    assert (radius <= smallest_epsilon(model, images, labels)).all()


@pytest.mark.slow
@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.booleans())
def test_any_models_radius_is_safe_and_below_the_smallest_epsilon(seed: int, deep: bool) -> None:
    model, images, labels = (any_deep_model if deep else any_model)(seed)
    radius = certified_radius(model, images, labels)
    assert (radius >= 0).all()
    assert (radius <= 1).all()
    assert (radius <= smallest_epsilon(model, images, labels)).all()
    with torch.no_grad():
        assert (radius[model.eval()(images).argmax(1) != labels] == 0).all()
    some = radius > 0
    if some.any():
        assert_safe(model, images[some], labels[some], radius[some] * (1 - 1e-6))


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.floats(0, 1), st.booleans())
def test_no_image_in_a_box_has_a_smaller_margin_than_the_bound(
    seed: int, epsilon: float, deep: bool
) -> None:
    """Boxes of all sizes, also those that prove nothing."""
    model, images, labels = (any_deep_model if deep else any_model)(seed)
    layers = layers_of(model)
    reach = torch.full((len(images),), epsilon, dtype=torch.float64)
    box = Box.around(images.double(), reach)
    bounds, _ = margin_bounds(layers, model.activation, box, labels)
    random = torch.Generator().manual_seed(seed)
    for _ in range(20):
        within = torch.lerp(box.low, box.high, torch.rand(images.shape, generator=random).double())
        for inside in (within, corners(images.double(), reach, seed)):
            logits = layer_inputs(layers, model.activation, inside)[-1]
            logit_margins = logits.gather(1, labels[:, None]) - logits
            assert (bounds <= logit_margins.scatter(1, labels[:, None], torch.inf)).all()


@pytest.mark.slow
@pytest.mark.parametrize("activation", ACTIVATIONS)
@settings(max_examples=200, deadline=None)
@given(st.floats(-30, 30), st.floats(0, 40) | st.floats(0, 1e-3))
def test_an_activation_stays_between_its_lines(activation: str, low: float, width: float) -> None:
    points = torch.linspace(low, low + width, 4001, dtype=torch.float64)
    below, above = enclosing_lines(activation, points[:1, None], points[-1:, None])
    values = ACTIVATIONS[activation].function()(points)
    assert (below.slope * points + below.offset <= values + 1e-12).all()
    assert (above.slope * points + above.offset >= values - 1e-12).all()


@pytest.mark.parametrize("name", one_in(4, ["plain", "confident", "robust", "two hidden layers"]))
def test_the_radius_is_at_least_twice_that_of_interval_bounds(name: str) -> None:
    model, images, labels = some_unseen(name, 100)
    radius = certified_radius(model, images, labels).double()
    plain = interval_radius(model, images, labels)
    assert (radius >= plain * 0.998).all()
    assert radius.median() >= 2 * plain.median()


@pytest.mark.parametrize("name", one_in(4, ["plain", "confident", "two hidden layers", "sigmoid"]))
def test_the_radius_reaches_most_of_the_way_to_the_smallest_epsilon(name: str) -> None:
    model, images, labels = some_unseen(name, 100)
    fooled = smallest_epsilon(model, images, labels)
    share = certified_radius(model, images, labels) / fooled
    assert share[fooled > 0].median() > 0.6


@pytest.mark.slow
def test_an_image_has_the_same_radius_alone_and_anywhere_in_a_batch() -> None:
    model, images, labels = some_unseen("plain", 40)
    radius = certified_radius(model, images, labels)
    turned = certified_radius(model, images.flip(0), labels.flip(0)).flip(0)
    alone = [certified_radius(model, images[i : i + 1], labels[i : i + 1]) for i in range(40)]
    torch.testing.assert_close(turned, radius, rtol=1e-5, atol=0)
    torch.testing.assert_close(torch.cat(alone), radius, rtol=1e-5, atol=0)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_nothing_changes_the_mind_of_a_model_that_looks_at_nothing(activation: str) -> None:
    model = blind_model(activation)
    assert certified_radius(model, torch.rand(2, 20), torch.tensor([1, 2])).tolist() == [1, 0]


def test_of_a_tie_nothing_is_proven() -> None:
    model = MLP((20, 8, 4))
    for parameter in model.parameters():
        parameter.data.zero_()
    assert certified_radius(model, torch.rand(2, 20), torch.tensor([0, 1])).tolist() == [0, 0]


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
@pytest.mark.parametrize("hidden", [0, 1])
def test_of_a_diverged_model_nothing_is_proven(activation: str, value: float, hidden: int) -> None:
    model = MLP((20, *[8] * hidden, 4), activation)
    model.layers[0].weight.data[2] = value
    radius = certified_radius(model, torch.rand(6, 20), torch.arange(6) % 4)
    assert (radius == 0).all()


def test_no_images_are_no_trouble() -> None:
    model, images, labels = some_batch(1)
    assert certified_radius(model, images[:0], labels[:0]).shape == (0,)


def test_it_leaves_the_model_in_its_mode() -> None:
    model, images, labels = some_unseen("plain", 3)
    model.train()
    try:
        certified_radius(model, images, labels)
        assert model.training
    finally:
        model.eval()
