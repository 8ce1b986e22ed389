"""An attack without a budget finds a small perturbation, the smallest where that is known."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from mnistop.engine.attacks import FAB, PGD, DeepFool, Goal, MinimalAttack, Norm
from mnistop.engine.attacks.norms import project_to_boundary, size
from mnistop.engine.model import MLP
from tests.engine.attacks.attacked import any_model, some_batch, some_right
from tests.helpers.selection import one_in

SEEDS = st.integers(0, 2**32)
ATTACKS: list[MinimalAttack] = [DeepFool("linf"), DeepFool(), FAB(), FAB("l2")]
each_attack = pytest.mark.parametrize("attack", one_in(2, ATTACKS), ids=repr)
each_norm = pytest.mark.parametrize("norm", ["linf", "l2"])


def goal_for(labels: Tensor, model: MLP, targeted: bool) -> Goal:
    """Any wrong class, or the one after the label's."""
    return Goal(labels, (labels + 1) % model.sizes[-1] if targeted else None)


@pytest.mark.slow
@each_attack
@given(seed=SEEDS, targeted=st.booleans())
@settings(max_examples=40, deadline=None)
def test_success_is_what_the_model_says_and_all_else_stays_as_it_was(
    attack: MinimalAttack, seed: int, targeted: bool
) -> None:
    model, images, labels = any_model(seed)
    goal = goal_for(labels, model, targeted)
    outcome = attack(model, images, labels, goal.targets)
    with torch.no_grad():
        before, after = model.eval()(images), model(outcome.images)
    assert torch.equal(outcome.logits, after)
    assert torch.equal(outcome.success, goal.reached(after))
    assert outcome.images.min() >= 0
    assert outcome.images.max() <= 1
    unchanged = goal.reached(before) | ~outcome.success
    assert torch.equal(outcome.images[unchanged], images[unchanged])


@each_attack
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_an_already_wrong_image_is_a_success_of_size_0(attack: MinimalAttack, seed: int) -> None:
    model, images, labels = any_model(seed)
    once = attack(model, images, labels)
    twice = attack(model, once.images, labels)
    assert torch.equal(twice.success, once.success)
    assert torch.equal(twice.images[once.success], once.images[once.success])
    assert not twice.l0[once.success].any()


@each_attack
@pytest.mark.parametrize("targeted", [False, True])
def test_half_of_what_was_found_does_not_suffice(attack: MinimalAttack, targeted: bool) -> None:
    model, images, labels = some_right("robust", 100)
    goal = goal_for(labels, model, targeted)
    outcome = attack(model, images, labels, goal.targets)
    assert outcome.success.float().mean() > 0.97
    with torch.no_grad():
        logits = model(images + 0.5 * outcome.perturbations)
        nearly = model(images + 0.99 * outcome.perturbations)
    assert goal.reached(logits).float().mean() < 0.02
    assert goal.reached(nearly).float().mean() < 0.2


@pytest.mark.slow
@each_attack
@given(seed=SEEDS, targeted=st.booleans())
@settings(max_examples=15, deadline=None)
def test_an_image_fares_alone_as_among_others(
    attack: MinimalAttack, seed: int, targeted: bool
) -> None:
    model, images, labels = some_batch(seed)
    goal = goal_for(labels, model, targeted)
    together = attack(model, images, labels, goal.targets).smallest(attack.norm)
    for row in range(len(images)):
        one = goal.of(torch.tensor([row]))
        alone = attack(model, images[row : row + 1], one.labels, one.targets)
        torch.testing.assert_close(
            alone.smallest(attack.norm)[0], together[row], atol=1e-3, rtol=1e-2
        )


@each_attack
def test_an_image_that_cannot_be_fooled_comes_back_as_it_was(attack: MinimalAttack) -> None:
    model, images, _ = some_batch(1)
    model.layers[0].bias.data.fill_(-100)
    with torch.no_grad():
        labels = model.eval()(images).argmax(1)
    outcome = attack(model, images, labels)
    assert not outcome.success.any()
    assert torch.equal(outcome.images, images)
    assert outcome.smallest(attack.norm).isinf().all()


@pytest.mark.slow
@each_attack
def test_a_batch_larger_than_what_is_attacked_at_a_time_keeps_its_order(
    attack: MinimalAttack,
) -> None:
    model, images, labels = some_right("single layer", 300)
    found = attack(model, images, labels).smallest(attack.norm)
    reverse = attack(model, images.flip(0), labels.flip(0)).smallest(attack.norm).flip(0)
    torch.testing.assert_close(found, reverse, atol=1e-4, rtol=1e-3)


@each_attack
@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_left_in_its_mode_and_images_and_gradients_alone(
    attack: MinimalAttack, training: bool
) -> None:
    model, images, labels = some_batch(1)
    before = images.clone()
    attack(model.train(training), images, labels)
    assert model.training == training
    assert torch.equal(images, before)
    assert not images.requires_grad
    assert all(parameter.grad is None for parameter in model.parameters())


@each_attack
def test_no_images_are_no_trouble(attack: MinimalAttack) -> None:
    model, images, labels = some_batch(1)
    assert attack(model, images[:0], labels[:0]).smallest(attack.norm).shape == (0,)


# How small.


def smallest_rise(images: Tensor, slopes: Tensor, rises: Tensor, norm: Norm) -> Tensor:
    """The norm that a linear function needs to rise within [0, 1], by bisection in float64."""
    images, slopes, rises = images.double(), slopes.double(), rises.double()
    room = torch.where(slopes > 0, 1 - images, images) * (slopes != 0)
    speeds = torch.ones_like(slopes) if norm == "linf" else slopes.abs()

    def moved(time: Tensor) -> Tensor:
        return torch.minimum(time[:, None] * speeds, room)

    low, high = torch.zeros_like(rises), torch.full_like(rises, 1e9)
    for _ in range(200):
        middle = (low + high) / 2
        enough = (moved(middle) * slopes.abs()).sum(1) >= rises
        low, high = torch.where(enough, low, middle), torch.where(enough, middle, high)
    out_of_reach = (room * slopes.abs()).sum(1) < rises
    return torch.where(out_of_reach, torch.inf, size(moved(high), norm)).float()


@pytest.mark.slow
@each_norm
@given(seed=SEEDS, share=st.floats(0.01, 0.95))
@settings(max_examples=80, deadline=None)
def test_the_cheapest_change_of_a_linear_function_is_the_smallest_there_is(
    norm: Norm, seed: int, share: float
) -> None:
    random = torch.Generator().manual_seed(seed)
    images = torch.rand(8, 30, generator=random).round(decimals=1)
    slopes = torch.randn(8, 30, generator=random)
    most = (slopes.abs() * torch.where(slopes > 0, 1 - images, images)).sum(1)
    found = project_to_boundary(images, slopes, share * most, norm)
    assert (images + found).min() >= -1e-6
    assert (images + found).max() <= 1 + 1e-6
    torch.testing.assert_close((found * slopes).sum(1), share * most, rtol=2e-3, atol=1e-6)
    smallest = smallest_rise(images, slopes, share * most, norm)
    assert (size(found, norm) <= smallest * 1.0001).all()

    fall = project_to_boundary(images, -slopes, -share * most, norm)
    torch.testing.assert_close(fall, found)


@each_norm
def test_a_change_that_is_out_of_reach_leads_to_the_farthest_corner(norm: Norm) -> None:
    images = torch.tensor([[0.0, 0.25, 1.0, 0.5], [0.5, 0.5, 0.5, 0.5]])
    slopes = torch.tensor([[1.0, -2.0, 3.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    found = project_to_boundary(images, slopes, torch.tensor([9.0, 0.0]), norm)
    torch.testing.assert_close(found, torch.tensor([[1.0, -0.25, 0.0, 0.0], [0.0] * 4]))


@pytest.mark.slow
@each_norm
def test_on_a_single_layer_fab_finds_the_closed_form_and_deepfool_comes_near(norm: Norm) -> None:
    model, images, labels = some_right("single layer", 200)
    with torch.no_grad():
        logits = model(images)
    weight = model.layers[0].weight.detach()
    exact = torch.stack(
        [
            smallest_rise(
                images,
                weight[other] - weight[labels],
                logits.gather(1, labels[:, None])[:, 0] - logits[:, other],
                norm,
            ).where(labels != other, torch.inf)
            for other in range(10)
        ]
    ).amin(0)
    by_fab = FAB(norm)(model, images, labels).smallest(norm)
    by_deepfool = DeepFool(norm)(model, images, labels).smallest(norm)
    assert (by_fab >= exact * (1 - 1e-4)).all()
    assert (by_fab <= exact * 1.002 + 1e-5).all()
    assert (by_deepfool >= exact * (1 - 1e-4)).all()
    assert by_deepfool.median() <= exact.median() * 1.03


@pytest.mark.slow
@each_norm
@pytest.mark.parametrize("name", ["plain", "robust"])
def test_pgd_agrees_with_fab_on_how_much_it_takes(name: str, norm: Norm) -> None:
    model, images, labels = some_right(name, 200)
    found = FAB(norm)(model, images, labels).smallest(norm)
    below, above = (
        PGD(norm)(model, images, labels, found * share).success.float().mean()
        for share in (0.95, 1.05)
    )
    assert below < 0.05
    assert above > 0.95


@pytest.mark.slow
def test_more_steps_and_classes_find_nothing_larger_and_deepfool_nothing_smaller() -> None:
    model, images, labels = some_right("robust", 200)
    means = [
        attack(model, images, labels).linf.mean()
        for attack in (FAB(steps=20, classes=9), FAB(), FAB(steps=5), DeepFool("linf"))
    ]
    assert means == sorted(means)
