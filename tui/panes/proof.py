"""What an attack achieved, and how little it takes: safe, unknown, fooled."""

from __future__ import annotations

import math
import textwrap

from textual.strip import Strip

from engine.fragility import AttackedImage, Bracket
from engine.methods import METHODS
from tui import attack_words
from tui.attack_words import Said
from tui.panes.lines import LinesPane
from tui.render.bracket import bracket
from tui.render.cells import clean, line


class Proof(LinesPane, can_focus=True):
    """The outcome in words, the norms, and the bracket of the smallest ε."""

    EXPLANATION = (
        "Below the certified ε no perturbation whatever changes the prediction: that is proven, "
        "by CROWN's bounds. From the smallest ε that fooled the model on, one does: that is "
        "shown. The truth about the model's robustness lies between the two."
    )

    attacked: AttackedImage | None = None
    bracket: Bracket | None = None
    names: tuple[str, ...] = ()
    notice = ""

    def show(
        self,
        attacked: AttackedImage | None,
        bracket: Bracket | None,
        names: tuple[str, ...],
        notice: str,
    ) -> None:
        """Draws what is known.

        Args:
            attacked: the attack that is shown; None if there is none yet.
            bracket: of the same image; None while it is computed.
            names: of the classes.
            notice: what is said instead of the bracket.
        """
        self.attacked, self.bracket, self.names, self.notice = attacked, bracket, names, notice
        self.redraw()

    def title(self) -> str:
        """What the pane shows."""
        return "How little it takes"

    def lines(self, width: int, height: int) -> list[Strip]:
        """The outcome, then the bracket."""
        attacked = self.attacked
        if attacked is None:
            return self._filled(self.say(self.notice, width), width, height)
        mark = self._mark(attacked)
        first, *others = attack_words.outcome(attacked, self.names)
        drawn = [
            *self._said([first._replace(text=f"{mark} {first.text}"), *others], width),
            *self._said([Said(attack_words.sizes(attacked))], width),
            Strip.blank(width),
        ]
        if self.bracket is None:
            drawn += self.say(self.notice or "Searching for the smallest ε.", width)
        else:
            if not attacked.is_wrong:
                drawn += self._bar(attacked, self.bracket, width)
            drawn += self._said(attack_words.bounds(attacked, self.bracket), width)
        return self._filled(drawn, width, height)

    def _mark(self, attacked: AttackedImage) -> str:
        marks = ("✓", "✗") if self.terminal.unicode else ("right:", "WRONG:")
        return marks[attacked.prediction != attacked.label]

    def _bar(self, attacked: AttackedImage, known: Bracket, width: int) -> list[Strip]:
        in_linf = METHODS[attacked.method].norm == "linf" and math.isfinite(attacked.epsilon)
        epsilon = attacked.epsilon if in_linf else None
        heading = Said("Smallest ε of this image, L∞:")
        bar = bracket(known.certified, known.found, epsilon, width, self.terminal)
        return [*self._said([heading], width), *bar]

    def _said(self, said: list[Said], width: int) -> list[Strip]:
        styles = {"good": self.palette.good, "bad": self.palette.bad, "muted": self.palette.muted}
        return [
            line([(part, styles.get(tone))], width)
            for text, tone in said
            for part in textwrap.wrap(
                clean(text, self.terminal), max(width, 8), subsequent_indent="  "
            )
        ]

    @staticmethod
    def _filled(drawn: list[Strip], width: int, height: int) -> list[Strip]:
        return drawn[:height] + [Strip.blank(width)] * (height - len(drawn))
