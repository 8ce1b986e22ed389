"""The attacked image: original, perturbation, adversarial, and both probability charts."""

from __future__ import annotations

from rich.cells import cell_len

from mnistop.engine.analysis.fragility import AttackedImage, OwnImage
from mnistop.engine.methods import METHODS
from mnistop.tui.draw import image
from mnistop.tui.draw.strip import Strip
from mnistop.tui.text import proof
from mnistop.tui.text.attacked_image import attacked
from mnistop.tui.text.proof import Shown
from mnistop.tui.toolkit.lines import LinesPane

_MARK = 4
"""Cells of the title line around the title."""


class AttackView(LinesPane, can_focus=True):
    """What the model says to an image and to its adversarial version."""

    EXPLANATION = (
        "The perturbation is drawn on a scale of its own: one colour brightens a pixel, the "
        "other darkens it. The predictions are computed from exactly the pixels shown."
    )

    mode: image.Mode = "auto"
    is_alone = False
    """Whether the pane of the bracket is out of sight, so that it is shown here in short."""
    shown: Shown | None = None
    notice = ""
    place = ""

    def show(self, shown: Shown | None, place: str, notice: str) -> None:
        """Draws an attacked image.

        Args:
            shown: the image and what the model says; None to show only the notice.
            place: where the image stands among those that are gone through, in words.
            notice: what is being waited for or went wrong.
        """
        if (shown, place, notice) != (self.shown, self.place, self.notice):
            self.shown, self.place, self.notice = shown, place, notice
            self.redraw()

    def title(self) -> str:
        """Which image, how it is attacked, and whose weights.

        Where that does not fit, the image's place gives way: the list shows it too.
        """
        if self.shown is None:
            return "An image and its adversarial version"
        answer = self.shown.attacked
        method = METHODS[answer.method]
        how = f"{method.title} {method.norm_name}{self._strength(answer)}"
        if isinstance(answer.subject, OwnImage):
            whats = ["Your drawing"]
        else:
            name = f"Image {answer.subject}"
            whats = [f"{name} ({self.place})", f"{name} ({self.place.split()[0]})", name]
        titles = [
            ", ".join(filter(None, (self.notice, what, how, self.shown.weights))) for what in whats
        ]
        room = self.size.width - _MARK
        return next((title for title in titles if cell_len(title) <= room), titles[-1])

    def _strength(self, answer: AttackedImage) -> str:
        names = self.shown.names if self.shown else ()
        towards = f" towards {names[answer.target]}" if answer.target is not None else ""
        if METHODS[answer.method].seeks:
            return towards
        return f" ε {answer.epsilon:.4g}{towards}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The pictures and the probabilities, and the bracket if it is not shown elsewhere."""
        shown = self.shown
        if shown is None:
            return self.say(self.notice, width)
        below = proof.short(shown, self.terminal, width) if self.is_alone else []
        room = height - len(below)
        drawn = attacked(shown.attacked, shown.names, self.terminal, width, room, self.mode)
        return [*drawn, *below]
