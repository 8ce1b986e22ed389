"""What an attack achieved, and how little it takes: safe, unknown, fooled."""

from __future__ import annotations

import math
import textwrap

from rich.style import Style
from textual.strip import Strip

from engine.fragility import AttackedImage, Bracket, OwnImage
from engine.methods import METHODS
from tui.panes.lines import LinesPane
from tui.render.bracket import bracket
from tui.render.cells import clean, line

Said = list[tuple[str, Style | None]]


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
        """The outcome, then the bracket, as much of the words as there is room for."""
        if self.attacked is None:
            return self._filled(self.say(self.notice, width), width, height)
        said = [*self._outcome(self.attacked), *self._norms(self.attacked)]
        drawn = self._wrapped(said, width)
        drawn.append(Strip.blank(width))
        known = self.bracket
        if known is None:
            drawn += self.say(self.notice or "Searching for the smallest ε.", width)
        elif self.attacked.clean_prediction != self.attacked.label:
            drawn += self.say(
                "It is predicted wrongly as it is: the smallest ε that fools the model is 0.", width
            )
        else:
            epsilon = (
                self.attacked.epsilon if METHODS[self.attacked.method].norm == "linf" else None
            )
            drawn.append(line([("The smallest ε of this image, L∞:", self.palette.strong)], width))
            shown = None if epsilon is None or not math.isfinite(epsilon) else epsilon
            drawn += bracket(known.certified, known.found, shown, width, self.terminal)
            drawn += self._wrapped(self._bounds(known), width)
        return self._filled(drawn, width, height)

    def _outcome(self, attacked: AttackedImage) -> list[Said]:
        marks = ("✓", "✗") if self.terminal.unicode else ("right:", "WRONG:")
        label, now = self.names[attacked.label], self.names[attacked.prediction]
        fooled = attacked.prediction != attacked.label
        style = (self.palette.bad if fooled else self.palette.good) + self.palette.strong
        what = f"{marks[fooled]} {label} taken for {now}" if fooled else f"{marks[0]} still {now}"
        if attacked.target is not None:
            reached = "reached" if attacked.success else "not reached"
            what = f"{what}; target {self.names[attacked.target]} {reached}"
        said: list[Said] = [[(what, style)]]
        if isinstance(attacked.subject, OwnImage):
            said.append([(f"What it takes for {label} is held to be one.", self.palette.muted)])
        if METHODS[attacked.method].seeks and not attacked.success:
            said.append([("The walk found no way there.", self.palette.muted)])
        elif not attacked.l0 and attacked.epsilon and attacked.clean_prediction == attacked.label:
            said.append([("Nothing changed: the gradient is exactly 0 here.", self.palette.muted)])
        return said

    def _norms(self, attacked: AttackedImage) -> list[Said]:
        sizes = f"L∞ {attacked.linf:.3f}  L2 {attacked.l2:.2f}  L0 {attacked.l0}"
        return [[("size  ", self.palette.muted), (clean(sizes, self.terminal), None)]]

    def _bounds(self, known: Bracket) -> list[Said]:
        good, bad, muted = self.palette.good, self.palette.bad, self.palette.muted
        said: list[Said] = [[(f"safe below {known.certified:.4f}", good), (", proven", muted)]]
        if math.isfinite(known.found):
            by = METHODS[known.found_by].title
            shown = ", the true minimum" if known.optimal else f", shown by {by}"
            said.append([(f"fooled from {known.found:.4f}", bad), (shown, muted)])
        else:
            said.append([("no attack fools it up to ε 1", good)])
        if known.optimal:
            said.append([("One layer: the bracket closes.", muted)])
        elif math.isfinite(known.found):
            share = known.certified / known.found if known.found else 1.0
            said.append([(f"proven up to {share:.0%} of what fools", muted)])
        said += self._path(known)
        return said

    def _path(self, known: Bracket) -> list[Said]:
        muted = self.palette.muted
        if not math.isfinite(known.path):
            return [[("FGSM's own path never fools it.", muted)]]
        how = "" if known.exact else ", on a fine grid"
        level = f", {known.level}/255" if known.level >= 0 else ""
        said: list[Said] = [[(f"FGSM: from {known.path:.4f}{level}{how}", None)]]
        if known.returns:
            said.append([("further on it comes back to the right class", muted)])
        return said

    def _wrapped(self, said: list[Said], width: int) -> list[Strip]:
        """Each said piece on lines of its own where it is too long."""
        strips = []
        for pieces in said:
            whole = "".join(text for text, _ in pieces)
            if len(whole) <= width:
                strips.append(
                    line([(clean(text, self.terminal), st) for text, st in pieces], width)
                )
                continue
            for text, style in pieces:
                parts = textwrap.wrap(clean(text, self.terminal).strip(" ,"), max(width, 8))
                strips += [line([(part, style)], width) for part in parts]
        return strips

    @staticmethod
    def _filled(drawn: list[Strip], width: int, height: int) -> list[Strip]:
        return drawn[:height] + [Strip.blank(width)] * (height - len(drawn))
