"""Beside foolbox (Rauber et al. 2020), on the same trained models and images."""

from typing import Any

import pytest
import torch
from torch import Tensor

from mnistop.engine.attacks import FAB, FGSM, PGD, DeepFool, FastGradient, Norm
from mnistop.engine.attacks.norms import size
from mnistop.engine.model import MLP
from tests.engine.attacks.attacked import some_right
from tests.helpers.selection import one_in

foolbox = pytest.importorskip("foolbox")
each_model = pytest.mark.parametrize("name", one_in(3, ["plain", "confident", "robust"]))
each_norm = pytest.mark.parametrize("norm", ["linf", "l2"])
EPSILONS = {"linf": {"robust": 0.1}, "l2": {"robust": 1.3}}
USUAL = {"linf": 0.05, "l2": 0.9}
"""Where about half of the images can be fooled, for the robust model and the others."""


def epsilon_for(name: str, norm: Norm) -> float:
    return EPSILONS[norm].get(name, USUAL[norm])


def theirs(
    attack: Any, model: MLP, images: Tensor, criterion: Any, epsilon: float | None
) -> tuple[Tensor, Tensor]:
    """The images that foolbox makes, and for which of them it succeeds."""
    torch.manual_seed(0)
    wrapped = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    _, moved, success = attack(wrapped, images, criterion, epsilons=epsilon)
    return moved, success


def doubts(model: MLP, images: Tensor, labels: Tensor) -> Tensor:
    """1 minus the probability of the label, which scales the gradient of the cross-entropy."""
    with torch.no_grad():
        return 1 - model(images).softmax(1).gather(1, labels[:, None])[:, 0]


@each_model
@pytest.mark.parametrize("targeted", [False, True])
def test_fgsm_makes_the_same_images_where_float32_leaves_the_gradient_clear(
    name: str, targeted: bool
) -> None:
    model, images, labels = some_right(name, 400)
    targets = (labels + 1) % 10 if targeted else None
    criterion = foolbox.criteria.TargetedMisclassification(targets) if targeted else labels
    one_step = foolbox.attacks.LinfBasicIterativeAttack(rel_stepsize=1.0, steps=1)
    moved, _ = theirs(one_step, model, images, criterion, 0.08)
    ours = FGSM()(model, images, labels, 0.08, targets).images
    clear = doubts(model, images, labels if targets is None else targets) > 1e-3
    assert clear.sum() > 50
    same = ((ours - moved).abs() < 1e-6)[clear]
    assert same.float().mean() > 0.9999


@pytest.mark.slow
@each_norm
def test_where_float32_loses_the_gradient_ours_is_the_stronger(norm: Norm) -> None:
    model, images, labels = some_right("confident", 2000)
    lost = doubts(model, images, labels) < 1e-6
    assert lost.sum() > 100
    images, labels = images[lost], labels[lost]
    attack = foolbox.attacks.FGSM() if norm == "linf" else foolbox.attacks.FGM()
    epsilon = 3 * epsilon_for("confident", norm)
    _, success = theirs(attack, model, images, labels, epsilon)
    ours = (FGSM() if norm == "linf" else FastGradient())(model, images, labels, epsilon)
    assert ours.success.sum() > success.sum()


@pytest.mark.slow
@each_model
@each_norm
def test_pgd_fools_no_fewer_in_as_many_steps(name: str, norm: Norm) -> None:
    model, images, labels = some_right(name, 200)
    epsilon = epsilon_for(name, norm)
    attack = (foolbox.attacks.LinfPGD if norm == "linf" else foolbox.attacks.L2PGD)(steps=40)
    _, success = theirs(attack, model, images, labels, epsilon)
    ours = PGD(norm, steps=20, starts=2)(model, images, labels, epsilon)
    assert success.float().mean() > 0.2
    assert ours.success.sum() >= success.sum()


@pytest.mark.slow
@each_model
@each_norm
def test_what_deepfool_and_fab_find_is_no_larger(name: str, norm: Norm) -> None:
    model, images, labels = some_right(name, 100)
    attacks = foolbox.attacks
    by_deepfool, by_fmn = (
        size(moved - images, norm).where(success, torch.inf)
        for moved, success in (
            theirs(attack, model, images, labels, None)
            for attack in (
                (attacks.LinfDeepFoolAttack if norm == "linf" else attacks.L2DeepFoolAttack)(),
                (attacks.LInfFMNAttack if norm == "linf" else attacks.L2FMNAttack)(steps=30),
            )
        )
    )
    deepfool, fab = (
        attack(model, images, labels).smallest(norm) for attack in (DeepFool(norm), FAB(norm))
    )
    assert deepfool.median() <= by_deepfool.median() * 1.001
    assert deepfool.mean() <= by_deepfool.mean() * 1.001
    assert fab.mean() <= by_deepfool.mean()
    assert fab.mean() <= by_fmn.mean()
