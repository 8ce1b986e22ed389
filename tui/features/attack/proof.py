"""What an attack achieved, and how little it takes: safe, unknown, fooled."""

from __future__ import annotations

from mnistop.tui.draw.strip import Strip
from mnistop.tui.text.proof import Shown, whole
from mnistop.tui.toolkit.lines import LinesPane


class Proof(LinesPane, can_focus=True):
    """The outcome in words, the norms, and the bracket of the smallest ε."""

    EXPLANATION = (
        "Below the certified ε no perturbation can change the prediction; CROWN's bounds prove "
        "it. At the smallest ε that fooled the model, one does. The model's true robustness lies "
        "between the two."
    )

    shown: Shown | None = None
    notice = ""

    def show(self, shown: Shown | None, notice: str) -> None:
        """Draws what is known.

        Args:
            shown: the attack and its bracket; None if there is none yet.
            notice: what is said where there is nothing.
        """
        if (shown, notice) != (self.shown, self.notice):
            self.shown, self.notice = shown, notice
            self.redraw()

    def title(self) -> str:
        """What the pane shows."""
        return "How little it takes"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The outcome, then the bracket."""
        if self.shown is None:
            return self.say(self.notice, width)
        return whole(self.shown, self.terminal, width)
