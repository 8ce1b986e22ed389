"""The robustness of a model on one image: an attack, and the bounds of its smallest ε.

For `worker.ask`: as in `mnistop.engine.analysis.loading`, PyTorch is imported in functions only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.attack_set import attack_batch
from mnistop.engine.analysis.batch import AttackTarget, Batch, OwnImage
from mnistop.engine.analysis.loading import load_model
from mnistop.engine.analysis.methods import METHODS, Method
from mnistop.engine.analysis.robustness import bounds_of, shortest_float32
from mnistop.engine.runs.run_folder import Run

__all__ = [
    "AttackTarget",
    "AttackedImage",
    "OwnImage",
    "PerturbationBounds",
    "attack_image",
    "bracket",
]

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mnistop.engine.attacks import Adversarial

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class AttackedImage:
    """An image, its adversarial version, and a model's probabilities for both."""

    subject: AttackTarget
    label: int
    method: str
    """A name in `mnistop.engine.analysis.methods.METHODS`."""
    epsilon: float
    """The budget: the largest norm of the perturbation, in the method's norm. For a method that
    searches for the smallest perturbation, the norm of that one; infinite if it found none."""
    target: int | None
    """The class to reach; None for any but the label."""
    epochs: int
    """The number of epochs the weights were trained for."""
    image: FloatArray
    """`(height, width)` or `(height, width, 3)` in [0, 1]."""
    adversarial: FloatArray
    """In the same shape and range."""
    clean_probabilities: FloatArray
    """`(classes,)`"""
    adversarial_probabilities: FloatArray
    """`(classes,)`"""

    @property
    def perturbation(self) -> FloatArray:
        """The adversarial version minus the image, in their shape."""
        return self.adversarial - self.image

    @property
    def linf(self) -> float:
        """The largest change of any pixel, in colour of any of its channels."""
        return float(np.abs(self.perturbation).max())

    @property
    def l2(self) -> float:
        """The Euclidean length of the perturbation."""
        return float(np.linalg.norm(self.perturbation))

    @property
    def l0(self) -> int:
        """The number of changed pixels."""
        changed = self.perturbation != 0
        return int(np.count_nonzero(changed.any(-1) if changed.ndim == 3 else changed))

    @property
    def clean_prediction(self) -> int:
        """The predicted class of the image."""
        return int(self.clean_probabilities.argmax())

    @property
    def prediction(self) -> int:
        """The predicted class of the adversarial version."""
        return int(self.adversarial_probabilities.argmax())

    @property
    def is_wrong(self) -> bool:
        """True if the image is misclassified without an attack."""
        return self.clean_prediction != self.label

    @property
    def success(self) -> bool:
        """True if the prediction is the target or, without one, any class but the label."""
        wrong = self.prediction != self.label
        return wrong if self.target is None else self.prediction == self.target


def attack_image(
    run: Run,
    subject: AttackTarget,
    epsilon: float | None,
    epochs: int | None = None,
    method: str = "fgsm",
    target: int | None = None,
) -> AttackedImage:
    """Attack one image.

    Args:
        run: the run.
        subject: the image to attack.
        epsilon: the largest perturbation in the method's norm; for L∞ in [0, 1]. If a method that
            searches for the smallest perturbation finds none within it, the image stays as it is.
            None, for such a method only, for no limit.
        epochs: use the newest weights saved after at most this many epochs; None for the newest of
            all.
        method: a name in `mnistop.engine.analysis.methods.METHODS`.
        target: the class to reach; None for any but the label.

    Raises:
        MnistopError: no weights are saved yet, or there is no such image or class.
    """
    import torch

    model, trained = load_model(run, epochs)
    batch = Batch.with_(run, model, trained, subject, target)
    images, labels, shape = batch.content
    place = batch.place(subject)
    wanted = slice(place, place + 1)
    attacked = attack_batch(batch, METHODS[method], epsilon, wanted)
    with torch.no_grad():
        clean = model(images)[place].softmax(0)
    if METHODS[method].seeks:
        epsilon = shortest_float32(attacked.smallest(METHODS[method].norm)[place].item())
    assert epsilon is not None
    return AttackedImage(
        subject=subject,
        label=int(labels[place]),
        method=method,
        epsilon=epsilon,
        target=target,
        epochs=trained,
        image=images[place].reshape(shape).numpy(),
        adversarial=attacked.images[place].reshape(shape).numpy(),
        clean_probabilities=clean.numpy(),
        adversarial_probabilities=attacked.logits[place].softmax(0).numpy(),
    )


@dataclass(frozen=True)
class PerturbationBounds:
    """Bounds on the smallest L∞ perturbation that fools a model on one image.

    Up to `certified` nothing fools it (proven), from `found` something does (shown); the smallest
    perturbation lies in between.
    """

    subject: AttackTarget
    target: int | None
    """The class to reach; None for any but the label."""
    epochs: int
    """The number of epochs the weights were trained for."""
    certified: float
    """No perturbation below this changes the prediction: by CROWN, exact for a single-layer model.
    0 if the image is misclassified as it is."""
    found: float
    """The smallest ε at which any of the attacks fooled the model; infinite if none did."""
    found_by: str
    """That attack, from `mnistop.engine.attacks.FINDERS`; empty if none."""
    level: int
    """The smallest k such that FGSM with ε = k/255 fools it; -1 if there is none."""
    exact: bool
    """True if `path` is exact; otherwise it was found on a fine grid."""
    returns: bool
    """True if FGSM's image is classified correctly again at some larger ε."""
    optimal: bool
    """True if `found` is the exact minimum, which can be computed for a single-layer model."""
    smallest: Mapping[str, float]
    """The smallest ε at which each method that was tried fooled it, in its own norm; infinite if it
    did not."""

    @property
    def path(self) -> float:
        """The smallest ε at which FGSM fools it; infinite if there is none up to 1."""
        return self.smallest["fgsm"]


def bracket(
    run: Run,
    subject: AttackTarget,
    epochs: int | None = None,
    target: int | None = None,
    method: str = "fgsm",
) -> PerturbationBounds:
    """Bound the smallest perturbation that fools a model on one image.

    Args:
        run: the run.
        subject: the image to attack.
        epochs: use the newest weights saved after at most this many epochs; None for the newest of
            all.
        target: the class to reach; None for any but the label.
        method: one whose smallest ε to find besides those of the search for the bounds.

    Raises:
        MnistopError: no weights are saved yet, or there is no such image or class.
    """
    from mnistop.engine import attacks
    from mnistop.engine.attacks.exact_fgsm import is_exact

    model, trained = load_model(run, epochs)
    batch = Batch.with_(run, model, trained, subject, target)
    place = batch.place(subject)
    known = bounds_of(batch)
    found, certified = (
        shortest_float32(known.found[place].item()),
        shortest_float32(known.certified[place].item()),
    )
    smallest = {
        name: shortest_float32(getattr(known, each.bound)[place].item())
        for name, each in METHODS.items()
        if each.bound
    }
    if method not in smallest:
        smallest[method] = _smallest(METHODS[method], batch, subject)
    level, returns = _levels(batch, subject, smallest["fgsm"])
    return PerturbationBounds(
        subject=subject,
        target=target,
        epochs=trained,
        certified=certified,
        found=found,
        found_by=attacks.FINDERS[int(known.found_by[place])] if found < math.inf else "",
        level=level,
        exact=is_exact(model),
        returns=returns,
        optimal=len(model.layers) == 1 and target is None,
        smallest=smallest,
    )


def _levels(batch: Batch, subject: AttackTarget, smallest: float) -> tuple[int, bool]:
    """Return the first k such that FGSM with ε = k/255 fools the model on one image, -1 if there is
    none, and whether a later one does not."""
    from mnistop.engine.attacks import fooled_levels

    fooled = fooled_levels(batch.model, *batch.single(subject))[0].numpy()
    levels = (np.arange(len(fooled)) / (len(fooled) - 1)).astype(np.float32)
    fooled &= levels >= np.float32(smallest)
    if not fooled.any():
        return -1, False
    level = int(fooled.argmax())
    return level, not fooled[level:].all()


def _smallest(method: Method, batch: Batch, subject: AttackTarget) -> float:
    """Return the smallest ε at which a method fools the model on one image, not below `found`."""
    from mnistop.engine.attacks import Attack, smallest_budget

    place = batch.place(subject)
    if method.seeks:
        attacked = attack_batch(batch, method, None)
        return float(attacked.smallest(method.norm)[place])
    attack = method.make()
    assert isinstance(attack, Attack)
    found = bounds_of(batch).found[place] if method.norm == "linf" else 0.0

    def from_found(
        model: nn.Module, images: Tensor, labels: Tensor, epsilons: Tensor, targets: Tensor | None
    ) -> Adversarial:
        outcome = attack(model, images, labels, epsilons, targets)
        return replace(outcome, success=outcome.success & (epsilons >= found))

    return float(
        smallest_budget(from_found, batch.model, *batch.single(subject), method.most, 63, 2)
    )
