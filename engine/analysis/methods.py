"""The attacks that a person can choose, by name; PyTorch is needed only to make one.

To add one, write it in a file of `mnistop.engine.attacks` and add its row here. It can then be
chosen on the screen and the command line, for one image and for all, with its smallest ε.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mnistop.engine.attacks.base import Attack, MinimalAttack

Norm = Literal["linf", "l2"]


@dataclass(frozen=True)
class Method:
    """A way to attack."""

    name: str
    """The name to type: `pgd-l2`."""
    title: str
    """The name to show: `PGD`."""
    norm: Norm
    """The norm of its ε."""
    explanation: str
    """An explanation in one line."""
    attack: str
    """Its module in `mnistop.engine.attacks` and its class there."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Arguments of the class."""
    seeks: bool = False
    """True if it searches for the smallest perturbation, and needs no ε."""

    bound: Literal["", "fgsm", "found", "deepfool"] = ""
    """The field of `EpsilonBounds` that holds its smallest ε, if the search for the bounds includes
    this attack. `found` is that of all attacks together, which is what the strongest one gets."""

    def make(self) -> Attack | MinimalAttack:
        """Return the attack: a `MinimalAttack` if `seeks`."""
        module, _, name = self.attack.partition(".")
        kind = getattr(import_module(f"mnistop.engine.attacks.{module}"), name)
        attack: Attack | MinimalAttack = kind(**self.options)
        return attack

    @property
    def norm_name(self) -> str:
        """The name of the norm to show: `L∞` or `L2`."""
        return "L∞" if self.norm == "linf" else "L2"

    @property
    def usual(self) -> float:
        """The ε to start with: the notebook's 0.125, or a length about as conspicuous."""
        return 0.125 if self.norm == "linf" else 1.5

    @property
    def step(self) -> float:
        """The change of ε by one key press."""
        return 0.005 if self.norm == "linf" else 0.05

    @property
    def most(self) -> float:
        """The largest ε offered."""
        return 1.0 if self.norm == "linf" else 20.0


_ROWS = (
    Method(
        "fgsm",
        "FGSM",
        "linf",
        "One step of ε along the sign of the loss's gradient.",
        "gradient.FGSM",
        bound="fgsm",
    ),
    Method(
        "pgd",
        "PGD",
        "linf",
        "Many small steps of FGSM from random starts, within ε of the image: finds more.",
        "gradient.PGD",
        {"norm": "linf"},
        bound="found",
    ),
    Method(
        "mi-fgsm",
        "MI-FGSM",
        "linf",
        "Ten steps of FGSM with momentum: what fools this model fools others more often.",
        "gradient.MomentumFGSM",
    ),
    Method(
        "deepfool",
        "DeepFool",
        "linf",
        "Walks to the nearest border between two classes and stops behind it.",
        "deepfool.DeepFool",
        {"norm": "linf"},
        seeks=True,
        bound="deepfool",
    ),
    Method(
        "gradient",
        "Gradient",
        "l2",
        "One step of length ε along the gradient itself.",
        "gradient.FastGradient",
    ),
    Method(
        "pgd-l2",
        "PGD",
        "l2",
        "Many small steps along the gradient from random starts, within a length of ε.",
        "gradient.PGD",
        {"norm": "l2"},
    ),
    Method(
        "deepfool-l2",
        "DeepFool",
        "l2",
        "Walks the shortest way to the nearest border between two classes.",
        "deepfool.DeepFool",
        {"norm": "l2"},
        seeks=True,
    ),
)
METHODS = {row.name: row for row in _ROWS}
"""By name, in the order in which a screen steps through them."""
