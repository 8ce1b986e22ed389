"""A validation image, its perturbation and its adversarial version, with what the model says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.message import Message

from mnistop.tui.draw.strip import Strip
from mnistop.tui.toolkit.bindings import ATTACK, bindings, hidden, key, steps
from mnistop.tui.toolkit.lines import LinesPane

if TYPE_CHECKING:
    from mnistop.engine.analysis.fragility import AttackedImage
    from mnistop.tui.draw.image import Mode

EPSILONS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""The strengths that + and - step through; the notebook's is 0.125."""

_USUAL_EPSILON = 0.125


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

    @dataclass
    class ImageStepped(Message):
        """The next or previous image shall be shown."""

        by: int

    @dataclass
    class EpsilonChosen(Message):
        """The attack shall be of another strength."""

        epsilon: float

    @dataclass
    class AttackWanted(Message):
        """The image shall be attacked on a screen of its own."""

        row: int

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
            self.post_message(self.AttackWanted(self.answer.subject))
        else:
            self.notify(f"There is nothing to attack yet. {self.notice}.", markup=False)
