"""What is being attacked, how and how strongly, on the attack screen."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.fragility import OwnImage, Subject
from mnistop.engine.analysis.robustness import Robustness
from mnistop.engine.methods import METHODS, Method, Norm
from mnistop.engine.runs.run_folder import Run

Order = Literal["right", "fragile", "all"]

ORDERS: dict[Order, str] = {
    "right": "correctly classified",
    "fragile": "most fragile first",
    "all": "all",
}
"""Which images are gone through, and in which order, in words."""


class Attacking:
    """The choices of a person who attacks a model."""

    def __init__(self) -> None:
        self.subject: Subject | None = None
        """What is attacked; None before the first image is known."""
        self.target: int | None = None
        """The class to be reached; None where any but the label would do."""
        self.order: Order = "right"
        self.jumps = False
        """Whether to go to the smallest ε as soon as it is known."""
        self.other: Run | None = None
        """A run to compare with."""
        self._method = 0
        self._epsilons: dict[Norm, float] = {
            method.norm: method.usual for method in reversed(METHODS.values())
        }

    def take(self, subject: Subject) -> None:
        """Attacks another image."""
        self.subject, self.target, self.jumps = subject, None, False

    def forget_run(self) -> None:
        """Starts anew for another run; an image of one's own stays."""
        self.target, self.other, self.jumps = None, None, False
        if not isinstance(self.subject, OwnImage):
            self.subject = None

    @property
    def method(self) -> Method:
        """How is attacked."""
        return list(METHODS.values())[self._method]

    @property
    def epsilon(self) -> float:
        """How strongly, in the norm of the method."""
        return self._epsilons[self.method.norm]

    @epsilon.setter
    def epsilon(self, epsilon: float) -> None:
        self._epsilons[self.method.norm] = min(max(epsilon, 0.0), self.method.most)

    def next_method(self, by: int) -> None:
        """Takes another method."""
        self._method = (self._method + by) % len(METHODS)

    def strengthen(self, by: int) -> None:
        """Goes to the next or previous ε on the grid of the method's steps."""
        step = self.method.step
        place = self.epsilon / step
        near = round(place)
        if abs(place - near) < 1e-6:
            place = near
        self.epsilon = step * (math.floor(place) + by if by > 0 else math.ceil(place) + by)

    def next_target(self, by: int, classes: int, label: int) -> None:
        """Takes another target: any class but the label, then each of them, round and round."""
        choices = [None, *(number for number in range(classes) if number != label)]
        place = choices.index(self.target) if self.target in choices else 0
        self.target = choices[(place + by) % len(choices)]

    def next_order(self) -> None:
        """Takes another order of the images."""
        orders = list(ORDERS)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]

    def rows(
        self, right: NDArray[np.intp], count: int, known: Robustness | None
    ) -> NDArray[np.intp]:
        """The validation images to go through, in order.

        Args:
            right: those that are predicted rightly without an attack, rising.
            count: how many there are in all.
            known: what is known of their robustness, to go by fragility as far as it reaches.
        """
        if self.order == "all":
            return np.arange(count)
        if self.order == "fragile" and known is not None:
            smallest = np.full(count, np.inf)
            smallest[: known.done] = known.found[:count]
            return right[np.argsort(smallest[right], kind="stable")]
        return right

    def step(self, by: int, rows: NDArray[np.intp]) -> None:
        """Goes to the next or previous image of `rows`, round and round."""
        if not len(rows):
            return
        if self.subject is None or isinstance(self.subject, OwnImage):
            self.subject = int(rows[0])
            return
        found = np.flatnonzero(rows == self.subject)
        before = int((rows < self.subject).sum()) - (by < 0)
        place = int(found[0]) + by if len(found) else before
        self.subject = int(rows[place % len(rows)])
