"""How little it takes to fool a model on one image: questions for `worker.ask`.

As in `mnistop.engine.analysis.loading`, PyTorch is imported inside the questions only.
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
    """An image, its adversarial version, and what a model says to both."""

    subject: AttackTarget
    label: int
    method: str
    """A name in `mnistop.engine.analysis.methods.METHODS`."""
    epsilon: float
    """The budget: what the perturbation may measure in the method's norm, at most. Of a method
    that seeks the smallest perturbation, what that measures; infinite where it found none."""
    target: int | None
    """The class to be reached; None where any but the label would do."""
    epochs: int
    """Epochs that the weights had been trained for."""
    image: FloatArray
    """`(height, width)` in [0, 1]."""
    adversarial: FloatArray
    """`(height, width)` in [0, 1]."""
    clean_probabilities: FloatArray
    """`(classes,)`"""
    adversarial_probabilities: FloatArray
    """`(classes,)`"""

    @property
    def perturbation(self) -> FloatArray:
        """What was added to the image, `(height, width)`."""
        return self.adversarial - self.image

    @property
    def linf(self) -> float:
        """The most that a pixel has changed."""
        return float(np.abs(self.perturbation).max())

    @property
    def l2(self) -> float:
        """The Euclidean length of the perturbation."""
        return float(np.linalg.norm(self.perturbation))

    @property
    def l0(self) -> int:
        """How many pixels have changed."""
        return int(np.count_nonzero(self.perturbation))

    @property
    def clean_prediction(self) -> int:
        """What the image is taken for."""
        return int(self.clean_probabilities.argmax())

    @property
    def prediction(self) -> int:
        """What the adversarial version is taken for."""
        return int(self.adversarial_probabilities.argmax())

    @property
    def is_wrong(self) -> bool:
        """Whether the image is predicted wrongly without any attack."""
        return self.clean_prediction != self.label

    @property
    def success(self) -> bool:
        """Whether the model says what the attack wants it to."""
        if self.target is not None:
            return self.prediction == self.target
        return self.prediction != self.label


def attack_image(
    run: Run,
    subject: AttackTarget,
    epsilon: float | None,
    epochs: int | None = None,
    method: str = "fgsm",
    target: int | None = None,
) -> AttackedImage:
    """One image attacked.

    Args:
        run: the run.
        subject: what to attack.
        epsilon: the largest perturbation in the method's norm: in L∞ in [0, 1]. Where a method that
            looks for the smallest perturbation finds none within it, the image stays as it is;
            None, for such a method only, for no limit.
        epochs: with the weights after at most so many epochs, the nearest that are kept; None for
            the newest.
        method: a name in `mnistop.engine.analysis.methods.METHODS`.
        target: the class to be reached; None where any but the label will do.

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
    """What is known of the smallest L∞ perturbation that fools a model on one image.

    From 0 to `certified` nothing fools it (proven), from `found` on something does (shown), and
    between the two lies the truth.
    """

    subject: AttackTarget
    target: int | None
    """The class to be reached; None where any but the label would do."""
    epochs: int
    """Epochs that the weights had been trained for."""
    certified: float
    """No perturbation below this changes the prediction: by CROWN, of a single-layer model
    exactly. 0 where the image is predicted wrongly as it is."""
    found: float
    """The smallest ε at which any of the attacks fooled the model; infinite if none did."""
    found_by: str
    """Which of `mnistop.engine.attacks.FINDERS` that was; empty if none."""
    level: int
    """The smallest k of k/255 at which FGSM's image fools it; -1 if none does."""
    exact: bool
    """Whether `path` is the exact end of a walk; else it is that of a fine search on a grid."""
    returns: bool
    """Whether FGSM's image comes to be predicted rightly again at some larger ε."""
    optimal: bool
    """Whether `found` is the true minimum, as a single-layer model allows to compute."""
    smallest: Mapping[str, float]
    """The smallest ε with which each method that was tried fooled it, in its own norm; infinite
    if it did not."""

    @property
    def path(self) -> float:
        """The smallest ε at which FGSM's image fools it; infinite if none up to 1 does."""
        return self.smallest["fgsm"]


def bracket(
    run: Run,
    subject: AttackTarget,
    epochs: int | None = None,
    target: int | None = None,
    method: str = "fgsm",
) -> PerturbationBounds:
    """How large a perturbation has to be to fool a model on one image.

    Args:
        run: the run.
        subject: what to attack.
        epochs: with the weights after at most so many epochs, the nearest that are kept; None for
            the newest.
        target: the class to be reached; None where any but the label will do.
        method: one whose smallest ε is wanted beside those of the L∞ methods.

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
        smallest[method] = _smallest(METHODS[method], batch, place)
    level, returns = _levels(batch, place, smallest["fgsm"])
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


def _levels(batch: Batch, place: int, smallest: float) -> tuple[int, bool]:
    """The first k of k/255 at which FGSM fools one image, -1 if none does, and whether a later one
    does not.
    """
    from mnistop.engine.attacks import fooled_levels

    images, labels, _ = batch.content
    one, targets = slice(place, place + 1), batch.targets
    fooled = fooled_levels(
        batch.model, images[one], labels[one], None if targets is None else targets[one]
    )[0].numpy()
    levels = (np.arange(len(fooled)) / (len(fooled) - 1)).astype(np.float32)
    fooled &= levels >= np.float32(smallest)
    if not fooled.any():
        return -1, False
    level = int(fooled.argmax())
    return level, not fooled[level:].all()


def _smallest(method: Method, batch: Batch, place: int) -> float:
    """The smallest ε with which a method fools the model on one image; none below any attack's."""
    from mnistop.engine.attacks import Attack, smallest_budget

    if method.seeks:
        attacked = attack_batch(batch, method, None)
        return float(attacked.smallest(method.norm)[place])
    images, labels, _ = batch.content
    one, targets = slice(place, place + 1), batch.targets
    attack = method.make()
    assert isinstance(attack, Attack)
    found = bounds_of(batch).found[place] if method.norm == "linf" else 0.0

    def from_found(
        model: nn.Module, images: Tensor, labels: Tensor, epsilons: Tensor, targets: Tensor | None
    ) -> Adversarial:
        outcome = attack(model, images, labels, epsilons, targets)
        return replace(outcome, success=outcome.success & (epsilons >= found))

    return float(
        smallest_budget(
            from_found,
            batch.model,
            images[one],
            labels[one],
            None if targets is None else targets[one],
            method.most,
            63,
            2,
        )
    )
