"""The model of the attack screen: what is attacked and how, and what is known of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from textual.dom import DOMNode

from mnistop.engine.analysis.fragility import (
    AttackedImage,
    Bracket,
    OwnImage,
    Subject,
    attack_image,
    bracket,
)
from mnistop.engine.analysis.robustness import Robustness, robustness
from mnistop.engine.methods import METHODS, Method, Norm
from mnistop.engine.runs import snapshots
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.session.state import State
from mnistop.tui.toolkit.questions import LatestAnswer


class RobustnessFeed:
    """Asks for part after part until all validation images are known.

    Args:
        node: a part of the app, in whose name is asked.
        changed: called when more is known, or something went wrong.
    """

    def __init__(self, node: DOMNode, changed: Callable[[], None]) -> None:
        self._answers = LatestAnswer(node, robustness, self._on_answer, at_leisure=True)
        self._changed = changed
        self._about: tuple[object, ...] = ()
        self._parts = 0
        """How many answers about the same there have been."""
        self.known: Robustness | None = None
        """What is known by now."""
        self.trouble = ""
        """What went wrong."""

    @property
    def is_waiting(self) -> bool:
        """Whether nothing is known yet of the weights that are asked about."""
        return self._answers.waiting and not self._parts

    def forget(self) -> None:
        """Nothing is wanted any more."""
        self._answers.forget()
        self._about = ()
        self.known, self.trouble = None, ""

    def want(self, run: Run, epochs: int | None, age: Hashable) -> None:
        """Goes on measuring until all is known of these weights.

        Args:
            run: about which run.
            epochs: with the weights after at most so many epochs; None for the newest.
            age: differs where `epochs` stands for other weights than before.
        """
        about = (run, epochs, age)
        if about != self._about:
            self._about, self._parts = about, 0
        self._answers.want(run, epochs, key=(about, self._parts))

    def _on_answer(self, answer: Robustness | None, trouble: str) -> None:
        self.trouble = trouble
        if answer is not None:
            self.known = answer
            self._parts += not answer.is_complete
        self._changed()


class AttackAnswers:
    """The attacked image, the bracket of its smallest ε, and the robustness of one run or two.

    Args:
        node: a part of the app, in whose name is asked.
        changed: called when something else is known, or went wrong.
    """

    def __init__(self, node: DOMNode, changed: Callable[[], None]) -> None:
        self.attacked: AttackedImage | None = None
        """The newest answer, perhaps still to another question than the one asked now."""
        self.trouble = ""
        """What went wrong with the attack."""
        self.trouble_of_bracket = ""
        self._bracket: Bracket | None = None
        self._changed = changed
        self._attacks = LatestAnswer(node, attack_image, self._on_attacked)
        self._brackets = LatestAnswer(node, bracket, self._on_bracket, at_leisure=True)
        self._robustness = RobustnessFeed(node, changed)
        self._others = RobustnessFeed(node, changed)

    @property
    def robustness(self) -> Robustness | None:
        """What is known of the run's validation images."""
        return self._robustness.known

    @property
    def other_robustness(self) -> Robustness | None:
        """What is known of the run that it is compared with."""
        return self._others.known

    @property
    def trouble_of_all(self) -> str:
        """What went wrong with the validation images of either run."""
        return self._robustness.trouble or self._others.trouble

    @property
    def is_attacking(self) -> bool:
        """Whether the newest attack is still to be answered."""
        return self._attacks.waiting

    @property
    def is_measuring(self) -> bool:
        """Whether something is still to come of the run's validation images."""
        return self._robustness.is_waiting

    @property
    def is_searching(self) -> bool:
        """Whether the newest bracket is still to come."""
        return self._brackets.waiting

    def bracket(self, attacking: Attacking) -> Bracket | None:
        """What is known of the attacked image and target, perhaps of weights before the newest."""
        known = self._bracket
        if known is None:
            return None
        same = known.subject == attacking.subject and known.target == attacking.target
        return known if same else None

    def want(self, state: State, attacking: Attacking) -> None:
        """Asks for what is not known yet.

        Args:
            state: the run and the epoch that are looked at; there is a run.
            attacking: what is attacked and how; there is something.
        """
        run, weights, age = state.run, state.weights_wanted, state.weights_age
        assert run
        image = (run, attacking.subject)
        epsilon = None if attacking.method.seeks else attacking.epsilon
        how = (epsilon, weights, attacking.method.name, attacking.target)
        self._attacks.want(*image, *how, key=(*image, *how, age))
        what = (*image, weights, attacking.target, attacking.method.name)
        self._brackets.want(*what, key=(*what, age))
        self._robustness.want(run, _measured_weights(state), age)
        if attacking.other:
            self._others.want(attacking.other, None, None)

    def forget(self) -> None:
        """Nothing of the run is wanted any more."""
        for answers in (self._attacks, self._brackets, self._robustness):
            answers.forget()
        self.attacked = self._bracket = None
        self.trouble = self.trouble_of_bracket = ""

    def forget_other(self) -> None:
        """Nothing of the other run is wanted any more."""
        self._others.forget()

    def _on_attacked(self, answer: AttackedImage | None, trouble: str) -> None:
        self.attacked, self.trouble = answer, trouble
        self._changed()

    def _on_bracket(self, answer: Bracket | None, trouble: str) -> None:
        self._bracket, self.trouble_of_bracket = answer, trouble
        self._changed()


def _measured_weights(state: State) -> int | None:
    """Weights whose robustness is measured: while the newest still change, kept ones."""
    if state.weights_wanted is not None or state.phase != "running":
        return state.weights_wanted
    return max(epochs for epochs in snapshots.EPOCHS if epochs <= len(state.history.epochs))


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
