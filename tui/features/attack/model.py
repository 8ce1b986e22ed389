"""The model of the attack screen: the attack that is chosen, and its results."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.fragility import (
    AttackedImage,
    AttackTarget,
    OwnImage,
    PerturbationBounds,
    attack_image,
    bracket,
)
from mnistop.engine.analysis.methods import METHODS, Method, Norm
from mnistop.engine.errors import RunError
from mnistop.engine.runs.predictions import SNAPSHOT_EPOCHS, PredictionReader
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.features.attack.accuracy import Measured, ValidationRobustness
from mnistop.tui.session.compared import differences
from mnistop.tui.session.state import State, weights_name
from mnistop.tui.text.attack_outcome import AttackOutcome
from mnistop.tui.toolkit.background import LatestAnswer

if TYPE_CHECKING:
    from textual.dom import DOMNode

Order = Literal["right", "fragile", "all"]

ORDERS: dict[Order, str] = {
    "right": "correctly classified",
    "fragile": "most fragile first",
    "all": "all",
}
"""The selections and orders of the images, in words."""

_NONE: NDArray[np.intp] = np.empty(0, np.intp)


class AttackModel:
    """The choices of a person who attacks a model, and the answers to what they ask.

    Args:
        node: a part of the app, in whose name questions are put.
        changed: called when something else is known, or went wrong.
    """

    def __init__(self, node: DOMNode, changed: Callable[[], None]) -> None:
        self.state = State()
        """The shown run and epoch."""
        self.predictions: PredictionReader | None = None
        """Those of the run's models; None before it has started."""
        self.subject: AttackTarget | None = None
        """The attacked image; None before the first one is known."""
        self.target: int | None = None
        """The class to be reached; None where any but the label would do."""
        self.order: Order = "right"
        self.jumps = False
        """True if ε is to become the smallest one as soon as that is known."""
        self.other: Run | None = None
        """The run to compare with; None for none."""
        self.robustness = ValidationRobustness(node, changed)
        """That of the run's validation images."""
        self._others = ValidationRobustness(node, changed)
        self._method = 0
        self._epsilons: dict[Norm, float] = {
            method.norm: method.usual for method in reversed(METHODS.values())
        }
        self._attacks = LatestAnswer(node, attack_image, changed)
        self._brackets = LatestAnswer(node, bracket, changed, at_leisure=True)

    # What is attacked, and how

    def follow(self, state: State) -> None:
        """Follow the shown run and epoch; start afresh for another run.

        An image that is not from the run stays.
        """
        if state.run != self.state.run:
            self.predictions = self.target = None
            self.jumps = False
            if not isinstance(self.subject, OwnImage):
                self.subject = None
            self.forget()
            self.compare(None)
        self.state = state
        if state.run and self.predictions is None and state.class_names:
            self.predictions = PredictionReader(state.run, len(state.class_names))

    def take(self, subject: AttackTarget) -> None:
        """Attack another image."""
        self.subject, self.target, self.jumps = subject, None, False

    def compare(self, other: Run | None) -> None:
        """Compare with another run, or with none."""
        self._others.forget()
        self.other = other

    @property
    def method(self) -> Method:
        """The attack and its norm."""
        return list(METHODS.values())[self._method]

    @property
    def epsilon(self) -> float:
        """The size of the perturbation, in the norm of the method."""
        return self._epsilons[self.method.norm]

    @epsilon.setter
    def epsilon(self, epsilon: float) -> None:
        self._epsilons[self.method.norm] = min(max(epsilon, 0.0), self.method.most)

    def next_method(self, by: int) -> None:
        """Choose the next method."""
        self._method = (self._method + by) % len(METHODS)

    def strengthen(self, by: int) -> None:
        """Go to the next or previous ε on the grid of the method's steps."""
        step = self.method.step
        place = self.epsilon / step
        near = round(place)
        if abs(place - near) < 1e-6:
            place = near
        self.epsilon = step * (math.floor(place) + by if by > 0 else math.ceil(place) + by)

    def next_target(self, by: int) -> None:
        """Choose the next target: any class but the label, then each of them, round and round."""
        if self.attacked:
            classes, label = len(self.state.class_names), self.attacked.label
            choices = [None, *(number for number in range(classes) if number != label)]
            place = choices.index(self.target) if self.target in choices else 0
            self.target = choices[(place + by) % len(choices)]

    def next_order(self) -> None:
        """Choose the next order of the images."""
        orders = list(ORDERS)
        self.order = orders[(orders.index(self.order) + 1) % len(orders)]

    @property
    def labels(self) -> NDArray[np.uint8]:
        """The true classes of the validation images, `(n,)`; none before they are known."""
        return self.predictions.labels if self.predictions else np.empty(0, np.uint8)

    @property
    def rows(self) -> NDArray[np.intp]:
        """The validation images to go through, in order: by fragility as far as it is known."""
        if self.predictions is None:
            return _NONE
        count, known = len(self.labels), self.robustness.answer
        if self.order == "all":
            return np.arange(count)
        right = self.predictions.correct(self.state.shown_epoch + 1)
        if self.order == "fragile" and known is not None:
            smallest = np.full(count, np.inf)
            smallest[: known.done] = known.found[:count]
            return right[np.argsort(smallest[right], kind="stable")]
        return right

    def step(self, by: int) -> None:
        """Go to the next or previous image of `rows`, round and round."""
        rows = self.rows
        if not len(rows):
            return
        if self.subject is None or isinstance(self.subject, OwnImage):
            self.subject = int(rows[0])
            return
        found = np.flatnonzero(rows == self.subject)
        before = int((rows < self.subject).sum()) - (by < 0)
        place = int(found[0]) + by if len(found) else before
        self.subject = int(rows[place % len(rows)])

    # What is known

    @property
    def attacked(self) -> AttackedImage | None:
        """The newest result, perhaps still of another attack than the chosen one."""
        return self._attacks.answer

    @property
    def error(self) -> str:
        """The error of the last attack; empty for none."""
        return self._attacks.error

    @property
    def is_attacking(self) -> bool:
        """True while the newest attack goes on."""
        return self._attacks.waiting

    @property
    def is_searching(self) -> bool:
        """True while the smallest ε is searched for."""
        return self._brackets.waiting

    @property
    def bracket(self) -> PerturbationBounds | None:
        """The bounds for the attacked image and target, perhaps with weights before the newest."""
        known = self._brackets.answer
        if known is None or (known.subject, known.target) != (self.subject, self.target):
            return None
        return known

    def ask(self) -> None:
        """Ask for what is not known yet; there has to be a run and an image."""
        state, method = self.state, self.method
        run, weights, age = state.run, state.weights_wanted, state.weights_age
        assert run
        epsilon = None if method.seeks else self.epsilon
        how = (run, self.subject, epsilon, weights, method.name, self.target)
        self._attacks.want(*how, key=(*how, age))
        what = (run, self.subject, weights, self.target, method.name)
        self._brackets.want(*what, key=(*what, age))
        self.robustness.measure(run, _measured_weights(state), age)
        if self.other:
            self._others.measure(self.other, None, None)

    def forget(self) -> None:
        """Drop all questions about the run."""
        for answers in (self._attacks, self._brackets, self.robustness):
            answers.forget()

    # What is shown

    @property
    def shown(self) -> AttackOutcome | None:
        """The attacked image and its bracket; None before there is one."""
        if not (attacked := self.attacked):
            return None
        then = "; then ε goes there" if self.jumps else ""
        status = self._brackets.error or f"Searching for the smallest ε{then}."
        weights = weights_name(attacked.epochs, self.state, self.is_attacking)
        return AttackOutcome(attacked, self.bracket, self.state.class_names, status, weights)

    @property
    def place(self) -> str:
        """The attacked image's position, as in `3/179 most fragile first`."""
        if not self.attacked:
            return ""
        rows, order = self.rows, ORDERS[self.order]
        found = np.flatnonzero(rows == self.attacked.subject)
        return f"{found[0] + 1}/{len(rows)} {order}" if len(found) else f"none of those {order}"

    @property
    def shown_epsilon(self) -> float | None:
        """The ε of the attack that is shown; None where its norm is not L∞."""
        if not self.attacked:
            return None
        method = METHODS[self.attacked.method]
        return None if method.norm != "linf" or method.seeks else self.attacked.epsilon

    @property
    def measured(self) -> tuple[Measured, ...]:
        """The robustness of the run, and of the one that it is compared with."""
        known, other, run = self.robustness.answer, self.other, self.state.run
        if run is None or other is None:
            waiting = self.robustness.is_waiting
            weights = weights_name(known.epochs, self.state, waiting) if known else ""
            return (Measured("", known, weights=weights),)
        try:
            own, others = differences(run.config(), other.config())
        except RunError as error:
            own = others = str(error)
        return (Measured(run.words, known, own), Measured(other.words, self._others.answer, others))

    @property
    def measuring_error(self) -> str:
        """The error on the validation images of either run; empty for none."""
        return self.robustness.error or self._others.error


def _measured_weights(state: State) -> int | None:
    """Weights whose robustness is measured: while the newest still change, kept ones."""
    if state.weights_wanted is not None or state.phase != "running":
        return state.weights_wanted
    return max(epochs for epochs in SNAPSHOT_EPOCHS if epochs <= len(state.history.epochs))
