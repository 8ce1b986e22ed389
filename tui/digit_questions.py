"""Which digit is shown, and asking the pool process for it without ever queueing up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine import worker
from engine.errors import MnistopError
from engine.questions import attack_image
from engine.runs import Run
from tui.panes.digit import Digit
from tui.state import State


class _Question(NamedTuple):
    run: Run
    row: int
    epsilon: float
    epochs: int | None
    """Weights after so many epochs, None for the newest."""
    saved: int
    """How often the newest weights have been saved, for the answer is old after the next time."""


class DigitQuestions:
    """Keeps a `Digit` pane up to date: only the newest question is ever put.

    Args:
        pane: shows the answers.
    """

    def __init__(self, pane: Digit) -> None:
        self._pane = pane
        self._row: int | None = None
        self._stays = False
        """Whether the image was chosen by the user, and so stays if it comes to be wrong."""
        self._names: tuple[str, ...] = ()
        self._wanted: _Question | None = None
        self._answered: _Question | None = None
        self._asking = False

    def forget(self) -> None:
        """Starts anew for another run."""
        self._row = self._wanted = self._answered = None
        self._stays = False
        self._pane.wait("in a moment")

    def step(self, by: int, right: NDArray[np.intp]) -> None:
        """Goes to the next or previous image.

        Args:
            by: 1 or -1.
            right: the validation images to choose from, rising.
        """
        if not len(right):
            return
        self._stays = True
        row = -1 if self._row is None else self._row
        place = (right <= row).sum() if by > 0 else (right < row).sum() - 1
        self._row = int(right[place % len(right)])

    def want(self, state: State, right: NDArray[np.intp]) -> None:
        """Asks for what the state is to show, if that is not what the pane shows already.

        Args:
            state: the run, and the epoch that is looked at.
            right: the validation images that are predicted rightly there.
        """
        started = state.history.started
        saved = [event for event in state.history.saved if event.file == "checkpoint.pt"]
        if state.run is None or started is None or not saved:
            self._pane.wait(state.hint)
            return
        self._names = tuple(started.class_names)
        if self._row is None or (state.cursor is None and not self._stays):
            self._row = self._first(right)
        newest = state.shown_epoch + 1 == len(state.history.epochs)
        epochs = None if newest else state.shown_epoch + 1
        age = len(saved) if epochs is None else 0
        self._wanted = _Question(state.run, self._row, self._pane.epsilon, epochs, age)
        if self._wanted != self._answered and not self._asking:
            self._asking = True
            self._pane.screen.run_worker(self._ask(), group="digit", exit_on_error=False)

    def _first(self, right: NDArray[np.intp]) -> int:
        """The shown image while it is right, else the first that is."""
        row = self._row or 0
        return row if row in right or not len(right) else int(right[0])

    async def _ask(self) -> None:
        try:
            while self._wanted and self._wanted != self._answered:
                question = self._wanted
                run, row, epsilon, epochs, _ = question
                try:
                    answer = await worker.ask(attack_image, run, row, epsilon, epochs)
                    notice = ""
                except MnistopError as error:
                    answer, notice = None, str(error)
                except Exception as error:
                    fault = f"{type(error).__name__}: {error}"
                    answer, notice = None, f"This is a fault of the program, {fault}"
                self._answered = question
                if self._wanted and self._wanted.run == question.run:
                    self._pane.show(answer, self._names, notice)
        finally:
            self._asking = False
