"""A validation image and its adversarial version on the dashboard, with what the model predicts."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from mnistop.tui.draw.cells import Strip
from mnistop.tui.session.state import State, weights_name
from mnistop.tui.session.view import ScreenWanted
from mnistop.tui.toolkit.background import LatestAnswer
from mnistop.tui.toolkit.bindings import ATTACK, bindings, hidden, key, steps
from mnistop.tui.toolkit.pane import LinesPane

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mnistop.engine.analysis.fragility import AttackedImage
    from mnistop.tui.draw.image import Mode


EPSILONS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""The strengths that + and - step through; the notebook's is 0.125."""

_USUAL_EPSILON = 0.125
_ASKED = "in a moment; just after the start PyTorch has to load first"


class Digit(LinesPane, can_focus=True):
    """The digit strip."""

    BINDINGS = bindings(
        "digit",
        *steps("correctly classified validation image", "Digit", "n,right,l", "p,left,h"),
        key("stronger", "+,=", "strength(1)", "ε", "Every pixel may change by more", "+-0"),
        hidden("weaker", "-", "strength(-1)", "Weaker", "A weaker attack"),
        hidden("usual", "0", "strength(0)", "0.125", "The notebook's strength, 0.125"),
        ATTACK,
    )

    EXPLANATION = (
        "FGSM moves every pixel by at most ε, all in the direction in which the loss rises: a "
        "change that is hard to see and may still fool the model."
    )

    epsilon = _USUAL_EPSILON
    mode: Mode = "auto"
    answer: AttackedImage | None = None
    names: tuple[str, ...] = ()
    weights = ""
    status = ""
    state = State()
    _row: int | None = None
    """The shown image; None before there is one."""
    _stays = False
    """True if the user chose the image, which then stays even if it comes to be misclassified."""
    _right: NDArray[np.intp] | None = None
    """The images to choose from: those classified correctly at the shown epoch, rising."""

    def show(
        self,
        answer: AttackedImage | None,
        names: tuple[str, ...],
        weights: str = "",
        status: str = "",
    ) -> None:
        """Draw an attacked image.

        Args:
            answer: the image and what the model says, or None to show only the status.
            names: of the classes.
            weights: whose weights were attacked, as in `epoch 5`.
            status: what is being waited for or went wrong.
        """
        self.answer, self.names, self.weights, self.status = answer, names, weights, status
        self.redraw()

    def wait(self, hint: str) -> None:
        """Show that there is no image.

        Args:
            hint: when there will be one.
        """
        self.show(None, (), status=f"An image, and how little it takes to fool the model: {hint}")

    def title(self) -> str:
        """The image, the strength of the attack, and the epoch of the weights."""
        answer = self.answer
        if answer is None:
            return "A digit and its adversarial version"
        title = f"Validation image {answer.subject}, FGSM ε {answer.epsilon:g}, {self.weights}"
        return f"{title}, {self.status}" if self.status else title

    def lines(self, width: int, height: int) -> list[Strip]:
        """The pictures and the probabilities."""
        answer = self.answer
        if answer is None:
            return self.say(self.status, width)
        from mnistop.tui.text.portrait import attacked

        return attacked(answer, self.names, self.terminal, width, height, self.mode)

    def next_mode(self) -> None:
        """Take the next way of drawing."""
        from mnistop.tui.draw.image import next_mode

        self.mode = next_mode(self.mode, self.terminal)
        self.redraw()

    def action_step(self, by: int) -> None:
        """Go to the next image that is classified correctly, or to the one before."""
        right = self._right
        if right is None or not len(right):
            self.notify("No validation image is classified correctly here.")
            return
        self._stays = True
        row = -1 if self._row is None else self._row
        place = (right <= row).sum() if by > 0 else (right < row).sum() - 1
        self._row = int(right[place % len(right)])
        self.follow(self.state, right)

    def action_strength(self, by: int) -> None:
        """Ask for a stronger or weaker attack, or the notebook's."""
        before = self.epsilon
        place = EPSILONS.index(before) + by
        last = len(EPSILONS) - 1
        self.epsilon = EPSILONS[max(0, min(last, place))] if by else _USUAL_EPSILON
        if self.answer is None:
            self.notify(f"The attack will have ε {self.epsilon:g}.")
        elif self.epsilon == before:
            self.notify(f"ε is {before:g} already.")
        self.follow(self.state, self._right)

    def action_attack(self) -> None:
        """Ask for the attack screen, with the image that is shown."""
        if self.answer and isinstance(self.answer.subject, int):
            self.post_message(ScreenWanted("attack", self.answer.subject))
        else:
            self.notify(f"There is nothing to attack yet. {self.status}.", markup=False)

    # Asking the model

    @cached_property
    def _answers(self) -> LatestAnswer[AttackedImage]:
        from mnistop.engine.analysis.fragility import attack_image

        return LatestAnswer(self, attack_image, self._on_answer)

    def forget(self) -> None:
        """Start anew for another run."""
        self._answers.forget()
        self._row = None
        self._stays = False
        self.wait(_ASKED)

    def follow(self, state: State, right: NDArray[np.intp] | None) -> None:
        """Ask for what is to be shown, if that is not what is shown already.

        Args:
            state: the run and the shown epoch.
            right: the validation images classified correctly there, rising, if that is known.
        """
        self.state, self._right = state, right
        started = state.history.started
        if state.run is None or started is None or not state.saved:
            self.wait(state.hint)
            return
        if self._row is None or (state.cursor is None and not self._stays):
            self._row = self._first(right)
        question = (state.run, self._row, self.epsilon, state.weights_wanted)
        self._answers.want(*question, key=(*question, state.weights_age))
        if self._answers.waiting and self.answer is None:
            self.wait(_ASKED)

    def _first(self, right: NDArray[np.intp] | None) -> int:
        """The shown image while it is right, else the first that is."""
        row = self._row or 0
        return row if right is None or row in right or not len(right) else int(right[0])

    def _on_answer(self, answer: AttackedImage | None, error: str) -> None:
        state, waiting = self.state, self._answers.waiting
        weights = weights_name(answer.epochs, state, waiting) if answer else ""
        self.show(answer, state.class_names, weights, error)
