"""The attacked image: original, perturbation, adversarial, and both probability charts."""

from __future__ import annotations

from textual.strip import Strip

from engine.fragility import AttackedImage, OwnImage
from engine.methods import METHODS
from tui.panes.lines import LinesPane
from tui.render import image
from tui.render.attacked import attacked


class AttackView(LinesPane, can_focus=True):
    """What the model says to an image and to its adversarial version."""

    EXPLANATION = (
        "The perturbation is drawn on a scale of its own: one colour adds light to a pixel, the "
        "other takes some away. What the model says is computed anew from the very pixels shown."
    )

    mode: image.Mode = "auto"
    answer: AttackedImage | None = None
    names: tuple[str, ...] = ()
    notice = ""
    place = ""

    def show(
        self, answer: AttackedImage | None, names: tuple[str, ...], place: str, notice: str
    ) -> None:
        """Draws an attacked image.

        Args:
            answer: the image and what the model says; None to show only the notice.
            names: of the classes.
            place: where the image stands among those that are gone through, in words.
            notice: what is being waited for or went wrong.
        """
        self.answer, self.names, self.place, self.notice = answer, names, place, notice
        self.redraw()

    def title(self) -> str:
        """Which image, how it is attacked, and whose weights."""
        answer = self.answer
        if answer is None:
            return "An image and its adversarial version"
        if self.notice:
            return self.notice
        whose = f"epoch {answer.epochs - 1}" if answer.epochs else "untrained"
        what = (
            "Your drawing"
            if isinstance(answer.subject, OwnImage)
            else f"Image {answer.subject} ({self.place})"
        )
        method = METHODS[answer.method]
        return f"{what}, {method.title} {method.norm_name}{self._strength(answer)}, {whose}"

    def _strength(self, answer: AttackedImage) -> str:
        towards = f" towards {self.names[answer.target]}" if answer.target is not None else ""
        if METHODS[answer.method].seeks:
            return towards
        return f" ε {answer.epsilon:.4g}{towards}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The pictures and the probabilities."""
        if self.answer is None:
            drawn = self.say(self.notice, width)
        else:
            drawn = attacked(self.answer, self.names, self.terminal, width, height, self.mode)
        return drawn + [Strip.blank(width)] * (height - len(drawn))
