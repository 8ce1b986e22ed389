"""What the attack screen knows of a run's model, and what it asks to know more."""

from __future__ import annotations

from collections.abc import Callable

from textual.dom import DOMNode

from mnistop.engine.analysis.fragility import AttackedImage, Bracket, attack_image, bracket
from mnistop.engine.analysis.robustness import Robustness
from mnistop.engine.runs import snapshots
from mnistop.tui.features.attack.model import Attacking
from mnistop.tui.features.attack.robustness import RobustnessFeed
from mnistop.tui.session.state import State
from mnistop.tui.toolkit.latest_answer import LatestAnswer


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
