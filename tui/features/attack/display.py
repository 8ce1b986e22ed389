"""What is attacked and what is known of it, on the panes of the attack screen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mnistop.engine.analysis.fragility import Subject
from mnistop.engine.errors import RunError
from mnistop.engine.methods import METHODS
from mnistop.tui.features.attack.accuracy_chart import Measured
from mnistop.tui.features.attack.model import ORDERS, AttackAnswers, Attacking
from mnistop.tui.features.attack.panes import AttackPanes
from mnistop.tui.session.comparing import differences
from mnistop.tui.session.predictions import Predictions
from mnistop.tui.session.state import State, weights_name
from mnistop.tui.text.proof import Shown

_NONE: NDArray[np.intp] = np.empty(0, np.intp)


class AttackDisplay:
    """Draws the panes.

    Args:
        panes: where.
        attacking: what is attacked and how.
        answers: what is known.
    """

    def __init__(self, panes: AttackPanes, attacking: Attacking, answers: AttackAnswers) -> None:
        self._panes = panes
        self._attacking = attacking
        self._answers = answers

    def show(
        self,
        state: State,
        predictions: Predictions | None,
        rows: NDArray[np.intp],
        waiting: str = "",
    ) -> None:
        """Draws all but the chart.

        Args:
            state: the run and the epoch that are looked at.
            predictions: those of the run, or None.
            rows: the validation images to go through, in order.
            waiting: what is waited for; empty for nothing.
        """
        answers, attacking, panes = self._answers, self._attacking, self._panes
        shown, place = None, ""
        if attacked := answers.attacked:
            bracket = answers.bracket(attacking)
            weights = weights_name(attacked.epochs, state, answers.is_attacking)
            shown = Shown(attacked, bracket, state.class_names, self._about_bracket, weights)
            place = self._place(rows, attacked.subject)
        elsewise = answers.trouble or (
            "Asking the model. The first answer takes some seconds: PyTorch is being loaded."
        )
        panes.view.show(shown, place, waiting if shown else elsewise)
        panes.proof.show(shown, elsewise)
        panes.list.show(
            rows,
            predictions.labels if predictions else _NONE,
            state.class_names,
            answers.robustness,
            attacking.subject if isinstance(attacking.subject, int) else None,
            ORDERS[attacking.order],
            "No validation image is classified correctly here.",
        )

    def show_chart(self, state: State) -> None:
        """Draws the accuracies of a run, with the ε of the attack that is shown marked.

        Args:
            state: the run and the epoch that are looked at.
        """
        if self._attacking.subject is None:
            return
        attacked, epsilon = self._answers.attacked, None
        if attacked:
            method = METHODS[attacked.method]
            epsilon = None if method.norm != "linf" or method.seeks else attacked.epsilon
        self._panes.chart.show(self._measured(state), epsilon, self._answers.trouble_of_all)

    def show_nothing(self, notice: str) -> None:
        """Says why there is nothing to attack, and what will be in the panes."""
        panes = self._panes
        panes.view.show(None, "", notice)
        panes.proof.show(None, "The smallest ε that fools the model, and what is proven.")
        panes.chart.show((), None, "Accuracy on the validation set against ε.")
        panes.list.show(
            _NONE, _NONE, (), None, None, "", "The validation images, and what fools each."
        )

    @property
    def _about_bracket(self) -> str:
        """What is said where the bracket will be."""
        if self._answers.trouble_of_bracket:
            return self._answers.trouble_of_bracket
        then = "; then ε goes there" if self._attacking.jumps else ""
        return f"Searching for the smallest ε{then}."

    def _place(self, rows: NDArray[np.intp], subject: Subject) -> str:
        """Where an image stands, as in `3/179 most fragile first`."""
        found = np.flatnonzero(rows == subject)
        order = ORDERS[self._attacking.order]
        return f"{found[0] + 1}/{len(rows)} {order}" if len(found) else f"none of those {order}"

    def _measured(self, state: State) -> tuple[Measured, ...]:
        known, other, run = self._answers.robustness, self._attacking.other, state.run
        if run is None or other is None:
            waiting = self._answers.is_measuring
            weights = weights_name(known.epochs, state, waiting) if known else ""
            return (Measured("", known, weights=weights),)
        try:
            own, others = differences(run.config(), other.config())
        except RunError as error:
            own = others = str(error)
        return (
            Measured(run.words, known, own),
            Measured(other.words, self._answers.other_robustness, others),
        )
