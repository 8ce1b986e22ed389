"""How little it takes to fool a model on one image: questions for `worker.ask`.

As in `engine.questions`, PyTorch is imported inside the questions only.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.errors import RunError
from engine.methods import METHODS, Method
from engine.questions import load_model, validation
from engine.runs import Run

if TYPE_CHECKING:
    from torch import Tensor

    from engine.attacks import Adversarial, Attack
    from engine.model import MLP

FloatArray = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class OwnImage:
    """An image that is in no data set; what the model takes it for counts as its class."""

    image: FloatArray
    """`(height, width)` in [0, 1]."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OwnImage) and np.array_equal(self.image, other.image)

    def __hash__(self) -> int:
        return hash(self.image.tobytes())


Subject = int | OwnImage
"""What is attacked: a row of the validation images, or an image of one's own."""


@dataclass(frozen=True, eq=False)
class AttackedImage:
    """An image, its adversarial version, and what a model says to both."""

    subject: Subject
    label: int
    method: str
    """A name in `engine.methods.METHODS`."""
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
    subject: Subject,
    epsilon: float,
    epochs: int | None = None,
    method: str = "fgsm",
    target: int | None = None,
) -> AttackedImage:
    """One image attacked.

    Args:
        run: the run.
        subject: what to attack.
        epsilon: the largest perturbation in the method's norm: in L∞ in [0, 1]. A method that
            seeks the smallest takes no notice of it.
        epochs: with the weights after at most so many epochs, the nearest that are kept; None for
            the newest.
        method: a name in `engine.methods.METHODS`.
        target: the class to be reached; None where any but the label will do.

    Raises:
        MnistopError: no weights are saved yet, or there is no such image or class.
    """
    import torch

    model, trained = load_model(run, epochs)
    image, label, shape = _image(run, model, subject)
    attacked = attack_with(
        METHODS[method], model, image, label, epsilon, targets_of(run, model, target)
    )
    with torch.no_grad():
        logits = torch.cat([model(image), attacked.logits])
    clean, adversarial = logits.softmax(1).numpy()
    if METHODS[method].seeks:
        epsilon = float(attacked.smallest(METHODS[method].norm))
    return AttackedImage(
        subject=subject,
        label=int(label),
        method=method,
        epsilon=epsilon,
        target=target,
        epochs=trained,
        image=image.reshape(shape).numpy(),
        adversarial=attacked.images.reshape(shape).numpy(),
        clean_probabilities=clean,
        adversarial_probabilities=adversarial,
    )


@dataclass(frozen=True)
class Bracket:
    """What is known of the smallest L∞ perturbation that fools a model on one image.

    From 0 to `certified` nothing fools it (proven), from `found` on something does (shown), and
    between the two lies the truth.
    """

    subject: Subject
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
    """Which of the attacks that was, as a name in `engine.methods.METHODS`; empty if none."""
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
    subject: Subject,
    epochs: int | None = None,
    target: int | None = None,
    method: str = "fgsm",
) -> Bracket:
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
    from engine import attacks

    model, trained = load_model(run, epochs)
    image, label, _ = _image(run, model, subject)
    targets = targets_of(run, model, target)
    path = attacks.smallest_epsilon(model, image, label, targets)
    smallest = {"fgsm": float(path.epsilon)}
    for one in sorted(METHODS.values(), key=lambda one: not one.seeks):
        if one.name != "fgsm" and (one.norm == "linf" or one.name == method):
            smallest[one.name] = _smallest(one, model, image, label, targets, smallest)
    linf = {name: size for name, size in smallest.items() if METHODS[name].norm == "linf"}
    best = min(linf, key=lambda name: linf[name])
    optimal = len(model.layers) == 1 and targets is None
    if optimal:
        linf[best] = float(attacks.smallest_epsilon_linear(model, image, label))
    level = int(path.levels)
    fooled = attacks.fooled_levels(model, image, label, targets)[0]
    return Bracket(
        subject=subject,
        target=target,
        epochs=trained,
        certified=float(attacks.certified_radius(model, image, label)),
        found=linf[best],
        found_by=best if linf[best] < math.inf else "",
        level=level,
        exact=path.exact,
        returns=level >= 0 and not bool(fooled[level:].all()),
        optimal=optimal,
        smallest=smallest,
    )


def attack_with(
    method: Method,
    model: MLP,
    images: Tensor,
    labels: Tensor,
    epsilon: float,
    targets: Tensor | None,
) -> Adversarial:
    """Attacks a batch, `(batch, pixels)`, by the method of that name."""
    if method.seeks:
        from engine.attacks import DeepFool

        return DeepFool(method.norm)(model, images, labels, targets)
    return attack_of(method)(model, images, labels, epsilon, targets)


def attack_of(method: Method) -> Attack:
    """The attack of a method that takes an ε."""
    from engine.attacks import FGSM, PGD, FastGradient

    attacks = {"fgsm": FGSM, "gradient": FastGradient}
    return attacks[method.name]() if method.name in attacks else PGD(method.norm)


def _smallest(
    method: Method,
    model: MLP,
    image: Tensor,
    label: Tensor,
    targets: Tensor | None,
    known: Mapping[str, float],
) -> float:
    """The smallest ε with which a method fools the model on one image, in its norm.

    What others have found already tells where many steps are worth their while.
    """
    from engine.attacks import smallest_budget

    if method.seeks:
        return float(attack_with(method, model, image, label, 0, targets).smallest(method.norm))
    attack, most = attack_of(method), method.most
    if method.name.startswith("pgd"):
        found = [size for name, size in known.items() if METHODS[name].norm == method.norm]
        nearest = float(
            smallest_budget(attack, model, image, label, targets, min([*found, most]), 15, 2)
        )
        if math.isfinite(nearest):
            return nearest
    return float(smallest_budget(attack, model, image, label, targets, most, 63, 2))


def _image(run: Run, model: MLP, subject: Subject) -> tuple[Tensor, Tensor, tuple[int, int]]:
    """What is attacked as `(1, pixels)`, its class, `(1,)`, and its height and width."""
    import torch

    if isinstance(subject, OwnImage):
        if subject.image.size != model.sizes[0]:
            raise RunError(
                f"Run {run.name} takes images of {model.sizes[0]} pixels, not of "
                f"{subject.image.size}."
            )
        image = torch.from_numpy(subject.image.astype(np.float32).reshape(1, -1))
        with torch.no_grad():
            height, width = subject.image.shape
            return image, model(image).argmax(1), (height, width)
    return validation(run, subject)


def targets_of(run: Run, model: MLP, target: int | None, count: int = 1) -> Tensor | None:
    """The class to be reached for so many images, `(count,)`; None where any will do.

    Raises:
        RunError: there is no such class.
    """
    import torch

    if target is None:
        return None
    classes = model.sizes[-1]
    if not 0 <= target < classes:
        raise RunError(f"Run {run.name} has classes 0 to {classes - 1}, not {target}.")
    return torch.full((count,), target)
