"""A validation image and its adversarial version on the dashboard, with what the model predicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from mnistop.tui.draw.strip import Strip
from mnistop.tui.toolkit.pane import LinesPane

if TYPE_CHECKING:
    from mnistop.engine.analysis.fragility import AttackedImage
    from mnistop.tui.draw.image import Mode
from functools import cached_property
from typing import TYPE_CHECKING

from mnistop.tui.session.state import State, weights_name
from mnistop.tui.session.view import ScreenWanted
from mnistop.tui.toolkit.questions import LatestAnswer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistop.engine.analysis.fragility import AttackedImage


EPSILONS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""The strengths that + and - step through; the notebook's is 0.125."""

_USUAL_EPSILON = 0.125


class Digit(LinesPane, can_focus=True):
    """The digit strip."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "n,right,l",
            "step(1)",
            "Digit",
            key_display="n/p",
            id="digit.next",
            tooltip="The next correctly classified validation image",
        ),
        Binding(
            "p,left,h",
            "step(-1)",
            "Previous",
            show=False,
            id="digit.previous",
            tooltip="The previous correctly classified validation image",
        ),
        Binding(
            "plus,equals_sign",
            "strength(1)",
            "ε",
            key_display="+-0",
            id="digit.stronger",
            tooltip="A stronger attack: every pixel may change by more",
        ),
        Binding(
            "minus",
            "strength(-1)",
            "Weaker",
            show=False,
            id="digit.weaker",
            tooltip="A weaker attack",
        ),
        Binding(
            "0",
            "strength(0)",
            "0.125",
            show=False,
            id="digit.usual",
            tooltip="The notebook's strength, 0.125",
        ),
        Binding(
            "a",
            "attack",
            "Attack",
            id="digit.attack",
            tooltip="Take this image to the attack screen; Esc returns here",
        ),
    ]

    EXPLANATION = (
        "FGSM moves every pixel by at most ε, all in the direction in which the loss rises: a "
        "change that is hard to see and may still fool the model."
    )

    @dataclass
    class ImageStepped(Message):
        """The next or previous image shall be shown."""

        by: int

    @dataclass
    class EpsilonChosen(Message):
        """The attack shall be of another strength."""

        epsilon: float

    epsilon = _USUAL_EPSILON
    mode: Mode = "auto"
    answer: AttackedImage | None = None
    names: tuple[str, ...] = ()
    weights = ""
    notice = ""

    def show(
        self,
        answer: AttackedImage | None,
        names: tuple[str, ...],
        weights: str = "",
        notice: str = "",
    ) -> None:
        """Draws an attacked image.

        Args:
            answer: the image and what the model says, or None to show only the notice.
            names: of the classes.
            weights: whose weights were attacked, as in `epoch 5`.
            notice: what is being waited for or went wrong.
        """
        self.answer, self.names, self.weights, self.notice = answer, names, weights, notice
        self.redraw()

    def wait(self, hint: str) -> None:
        """Shows that there is no image.

        Args:
            hint: when there will be one.
        """
        self.show(None, (), notice=f"An image, and how little it takes to fool the model: {hint}")

    def title(self) -> str:
        """Which image, how strong the attack, and whose weights."""
        answer = self.answer
        if answer is None:
            return "A digit and its adversarial version"
        title = f"Validation image {answer.subject}, FGSM ε {answer.epsilon:g}, {self.weights}"
        return f"{title}, {self.notice}" if self.notice else title

    def lines(self, width: int, height: int) -> list[Strip]:
        """The pictures and the probabilities."""
        answer = self.answer
        if answer is None:
            return self.say(self.notice, width)
        from mnistop.tui.text.attacked_image import attacked

        return attacked(answer, self.names, self.terminal, width, height, self.mode)

    def next_mode(self) -> None:
        """Takes the next way of drawing."""
        from mnistop.tui.draw.image import next_mode

        self.mode = next_mode(self.mode, self.terminal)
        self.redraw()

    def action_step(self, by: int) -> None:
        """Asks for another image."""
        self.post_message(self.ImageStepped(by))

    def action_strength(self, by: int) -> None:
        """Asks for a stronger or weaker attack, or the notebook's."""
        before = self.epsilon
        place = EPSILONS.index(before) + by
        last = len(EPSILONS) - 1
        self.epsilon = EPSILONS[max(0, min(last, place))] if by else _USUAL_EPSILON
        if self.answer is None:
            self.notify(f"The attack will have ε {self.epsilon:g}.")
        elif self.epsilon == before:
            self.notify(f"ε is {before:g} already.")
        self.post_message(self.EpsilonChosen(self.epsilon))

    def action_attack(self) -> None:
        """Asks for the attack screen, with the image that is shown."""
        if self.answer and isinstance(self.answer.subject, int):
            self.post_message(ScreenWanted("attack", self.answer.subject))
        else:
            self.notify(f"There is nothing to attack yet. {self.notice}.", markup=False)


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
