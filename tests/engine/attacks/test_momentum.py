"""MI-FGSM beside the paper's algorithm, written down with autograd and cross-entropy."""

import copy

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from mnistop.engine.attacks import FGSM, Norm
from mnistop.engine.attacks.gradient import MomentumFGSM
from mnistop.engine.model import MLP
from tests.engine.attacks.attacked import some_right


def by_the_paper(
    model: MLP, images: Tensor, labels: Tensor, epsilon: float, sign: int, norm: Norm
) -> Tensor:
    """Algorithm 1 of Dong et al. 2018 with μ = 1 and ten steps, in float64."""
    moved, momentum = images.clone(), torch.zeros_like(images)
    for _ in range(10):
        moved.requires_grad_()
        loss = sign * functional.cross_entropy(model(moved), labels, reduction="sum")
        (gradient,) = torch.autograd.grad(loss, moved)
        momentum = momentum + gradient / gradient.abs().sum(1, keepdim=True)
        step = momentum.sign() if norm == "linf" else momentum / momentum.norm(dim=1, keepdim=True)
        change = moved.detach() + epsilon / 10 * step - images
        if norm == "linf":
            change = change.clamp(-epsilon, epsilon)
        else:
            change = change * (epsilon / change.norm(dim=1, keepdim=True)).clamp(max=1)
        moved = (images + change).clamp(0, 1)
    return moved.detach()


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("targeted", [False, True])
def test_it_is_the_algorithm_of_the_paper(norm: Norm, targeted: bool) -> None:
    model, images, labels = some_right("plain", 100)
    model, images = copy.deepcopy(model).double(), images.double()  # the trained one is shared
    targets = (labels + 1) % 10 if targeted else None
    epsilon = 0.1 if norm == "linf" else 1.5
    ours = MomentumFGSM(norm)(model, images, labels, epsilon, targets).images
    aim, sign = (labels, 1) if targets is None else (targets, -1)
    theirs = by_the_paper(model, images, aim, epsilon, sign, norm)
    same = (ours - theirs).abs().amax(1) < 1e-6
    assert same.float().mean() > 0.97  # a gradient near 0 may round to the other sign


def test_it_fools_more_images_than_one_step_and_stays_within_its_budget() -> None:
    model, images, labels = some_right("robust", 600)
    many = MomentumFGSM()(model, images, labels, 0.15)
    assert many.success.sum() > FGSM()(model, images, labels, 0.15).success.sum()
    assert many.linf.max() <= 0.15 + 1e-6
    assert many.images.min() >= 0
    assert many.images.max() <= 1
