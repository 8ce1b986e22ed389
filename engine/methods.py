"""The attacks by their names, for screens and command line; PyTorch is not needed to name them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Norm = Literal["linf", "l2"]


@dataclass(frozen=True)
class Method:
    """A way to attack."""

    name: str
    """As it is typed: `pgd-l2`."""
    title: str
    """As it is shown: `PGD`."""
    norm: Norm
    """How its ε is measured."""
    explanation: str
    """What it does, in one line."""
    seeks: bool = False
    """Whether it looks for the smallest perturbation itself, and takes no ε."""

    @property
    def norm_name(self) -> str:
        """The norm as it is shown: `L∞` or `L2`."""
        return "L∞" if self.norm == "linf" else "L2"

    @property
    def usual(self) -> float:
        """The ε to start with: the notebook's 0.125, or a length about as conspicuous."""
        return 0.125 if self.norm == "linf" else 1.5

    @property
    def step(self) -> float:
        """What one press of a key adds to ε."""
        return 0.005 if self.norm == "linf" else 0.05

    @property
    def most(self) -> float:
        """The largest ε that is offered."""
        return 1.0 if self.norm == "linf" else 20.0


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("fgsm", "FGSM", "linf", "One step of ε along the sign of the loss's gradient."),
        Method(
            "pgd",
            "PGD",
            "linf",
            "Many small steps of FGSM from random starts, within ε of the image: finds more.",
        ),
        Method(
            "deepfool",
            "DeepFool",
            "linf",
            "Walks to the nearest border between two classes and stops behind it.",
            seeks=True,
        ),
        Method("gradient", "Gradient", "l2", "One step of length ε along the gradient itself."),
        Method(
            "pgd-l2",
            "PGD",
            "l2",
            "Many small steps along the gradient from random starts, within a length of ε.",
        ),
        Method(
            "deepfool-l2",
            "DeepFool",
            "l2",
            "Walks the shortest way to the nearest border between two classes.",
            seeks=True,
        ),
    )
}
"""In the order in which a screen steps through them."""
