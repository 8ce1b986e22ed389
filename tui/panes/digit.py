"""A validation image, its perturbation and its adversarial version, with what the model says."""

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from engine.questions import AttackedImage, FloatArray
from tui.panes.lines import LinesPane
from tui.render import bars, image
from tui.render.cells import beside, line, shorten

EPSILONS = (0.0, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
"""The strengths that + and - step through; the notebook's is 0.125."""

_USUAL_EPSILON = 0.125
_BARS_WIDTH = 24
_WIDEST_BARS = 43


class Digit(LinesPane, can_focus=True):
    """The digit strip."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "n,right,l",
            "step(1)",
            "Digit",
            key_display="n/p",
            id="digit.next",
            tooltip="The next validation image that is predicted rightly",
        ),
        Binding(
            "p,left,h",
            "step(-1)",
            "Previous",
            show=False,
            id="digit.previous",
            tooltip="The previous validation image that is predicted rightly",
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
    ]

    EXPLANATION = (
        "FGSM moves every pixel by at most ε, all in the direction in which the loss rises: a "
        "change that an eye hardly sees and the model may not withstand."
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
    mode: image.Mode = "auto"
    answer: AttackedImage | None = None
    names: tuple[str, ...] = ()
    notice = ""

    def show(self, answer: AttackedImage | None, names: tuple[str, ...], notice: str = "") -> None:
        """Draws an attacked image.

        Args:
            answer: the image and what the model says, or None to show only the notice.
            names: of the classes.
            notice: what is being waited for or went wrong.
        """
        self.answer, self.names, self.notice = answer, names, notice
        self.redraw()

    def wait(self, hint: str) -> None:
        """Shows that there is no image.

        Args:
            hint: when there will be one.
        """
        self.show(None, (), f"An image, and how little it takes to fool the model: {hint}")

    def title(self) -> str:
        """Which image, how strong the attack, and whose weights."""
        answer = self.answer
        if answer is None:
            return "A digit and its adversarial version"
        weights = f"weights after {answer.epochs} epochs" if answer.epochs else "untrained weights"
        title = f"Validation image {answer.row}, FGSM ε {answer.epsilon:g}, {weights}"
        return f"{title}, {self.notice}" if self.notice else title

    def lines(self, width: int, height: int) -> list[Strip]:
        """As many of the three pictures as fit, then the probabilities if there is room."""
        answer = self.answer
        if answer is None:
            return self.say(self.notice, width)
        mode = self._mode(answer, width, height)
        rows, columns = answer.image.shape
        columns, _ = image.size(rows, columns, self.terminal, mode)
        cell = max(columns, 24)
        blocks = [self._original(answer, mode, cell), self._adversarial(answer, mode, cell)]
        if width >= 3 * cell + 2:
            blocks.insert(1, self._perturbation(answer, mode, cell))
        elif width < 2 * cell + 1:
            del blocks[0]
        left = width - len(blocks) * (cell + 1)
        if left >= 2 * (_BARS_WIDTH + 1):
            blocks += self._probabilities(answer, (left - 1) // 2, height)
            return beside(blocks, gap=1)[:height]
        drawn = beside(blocks, gap=1)[:height]
        below = height - len(drawn) - 1
        if below > 1:
            wide = min((width - 2) // 2, _WIDEST_BARS)
            drawn.append(Strip.blank(width))
            drawn += beside(self._probabilities(answer, wide, below))
        return drawn

    def _mode(self, answer: AttackedImage, width: int, height: int) -> image.Mode:
        rows, columns = answer.image.shape
        if self.mode == "auto" and height > rows and width >= 3 * (2 * columns + 1):
            return "large"
        return self.mode

    def _original(self, answer: AttackedImage, mode: image.Mode, width: int) -> list[Strip]:
        said = self._said("original", answer.clean_probabilities, answer.label, width)
        return [said, *_padded(image.gray(answer.image, self.terminal, mode), width)]

    def _adversarial(self, answer: AttackedImage, mode: image.Mode, width: int) -> list[Strip]:
        said = self._said("adversarial", answer.adversarial_probabilities, answer.label, width)
        return [said, *_padded(image.gray(answer.adversarial, self.terminal, mode), width)]

    def _perturbation(self, answer: AttackedImage, mode: image.Mode, width: int) -> list[Strip]:
        difference = answer.adversarial - answer.image
        drawn = image.diverging(difference, answer.epsilon, self.terminal, mode)
        sign = "±" if self.terminal.unicode else "+-"
        caption = f"perturbation {sign}{answer.epsilon:g}"
        return [line([(caption, self.palette.muted)], width), *_padded(drawn, width)]

    def _said(self, what: str, probabilities: FloatArray, label: int, width: int) -> Strip:
        predicted = int(probabilities.argmax())
        right = predicted == label
        marks = ("✓", "✗") if self.terminal.unicode else ("right", "WRONG")
        share = f" {probabilities[predicted]:.0%} {marks[not right]}"
        name = shorten(self.names[predicted], width - len(what) - len(share) - 2, self.terminal)
        style = self.palette.good if right else self.palette.bad
        return line([(f"{what}: ", self.palette.muted), (name + share, style)], width)

    def _probabilities(self, answer: AttackedImage, width: int, height: int) -> list[list[Strip]]:
        blocks = []
        for what, probabilities in (
            ("original", answer.clean_probabilities),
            ("adversarial", answer.adversarial_probabilities),
        ):
            drawn = bars.probabilities(
                probabilities.tolist(),
                self.names,
                self.terminal,
                width,
                answer.label,
                int(probabilities.argmax()),
                height - 1,
            )
            blocks.append([line([(f"says to the {what}", self.palette.muted)], width), *drawn])
        return blocks

    def next_mode(self) -> None:
        """Takes the next way of drawing."""
        modes: tuple[image.Mode, ...] = ("auto", "ascii") if self.terminal.unicode else ("auto",)
        self.mode = modes[(modes.index(self.mode) + 1) % len(modes)]
        self.redraw()

    def action_step(self, by: int) -> None:
        """Asks for another image."""
        self.post_message(self.ImageStepped(by))

    def action_strength(self, by: int) -> None:
        """Asks for a stronger or weaker attack, or the notebook's."""
        place = EPSILONS.index(self.epsilon) + by
        last = len(EPSILONS) - 1
        self.epsilon = EPSILONS[max(0, min(last, place))] if by else _USUAL_EPSILON
        self.post_message(self.EpsilonChosen(self.epsilon))


def _padded(strips: list[Strip], width: int) -> list[Strip]:
    return [strip.adjust_cell_length(width) for strip in strips]
