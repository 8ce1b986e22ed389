"""Which digit is shown, and asking the pool process for it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mnistop.tui.features.train.digit import Digit
from mnistop.tui.session.state import State, weights_name
from mnistop.tui.toolkit.latest_answer import LatestAnswer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistop.engine.analysis.fragility import AttackedImage

_ASKED = "in a moment; just after the start PyTorch has to load first"


class DigitQuestions:
    """Keeps a `Digit` pane up to date.

    Args:
        pane: shows the answers.
    """

    def __init__(self, pane: Digit) -> None:
        self._pane = pane
        self._row: int | None = None
        self._stays = False
        """Whether the image was chosen by the user, and so stays if it comes to be wrong."""
        self._state = State()

    @cached_property
    def _answers(self) -> LatestAnswer[AttackedImage]:
        from mnistop.engine.analysis.fragility import attack_image

        return LatestAnswer(self._pane, attack_image, self._on_answer)

    def forget(self) -> None:
        """Starts anew for another run."""
        self._answers.forget()
        self._row = None
        self._stays = False
        self._pane.wait(_ASKED)

    def step(self, by: int, right: NDArray[np.intp] | None) -> None:
        """Goes to the next or previous image.

        Args:
            by: 1 or -1.
            right: the validation images to choose from, rising; None if they are not known.
        """
        if right is None or not len(right):
            return
        self._stays = True
        row = -1 if self._row is None else self._row
        place = (right <= row).sum() if by > 0 else (right < row).sum() - 1
        self._row = int(right[place % len(right)])

    def want(self, state: State, right: NDArray[np.intp] | None) -> None:
        """Asks for what the state is to show, if that is not what the pane shows already.

        Args:
            state: the run, and the epoch that is looked at.
            right: the validation images that are predicted rightly there, if that is known.
        """
        started = state.history.started
        if state.run is None or started is None or not state.saved:
            self._pane.wait(state.hint)
            return
        self._state = state
        if self._row is None or (state.cursor is None and not self._stays):
            self._row = self._first(right)
        question = (state.run, self._row, self._pane.epsilon, state.weights_wanted)
        self._answers.want(*question, key=(*question, state.weights_age))
        if self._answers.waiting and self._pane.answer is None:
            self._pane.wait(_ASKED)

    def _first(self, right: NDArray[np.intp] | None) -> int:
        """The shown image while it is right, else the first that is."""
        row = self._row or 0
        return row if right is None or row in right or not len(right) else int(right[0])

    def _on_answer(self, answer: AttackedImage | None, trouble: str) -> None:
        state, waiting = self._state, self._answers.waiting
        weights = weights_name(answer.epochs, state, waiting) if answer else ""
        self._pane.show(answer, state.class_names, weights, trouble)
