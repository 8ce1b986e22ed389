"""The outcome of an attack and the bounds of an image's smallest ε, in words and as a bar."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal, NamedTuple

import numpy as np
from rich.style import Style

from mnistop.engine.analysis.fragility import AttackedImage, OwnImage, PerturbationBounds
from mnistop.engine.analysis.methods import METHODS
from mnistop.engine.axis import ceiling
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Grid, Strip, clean, line
from mnistop.tui.draw.palette import Palette
from mnistop.tui.draw.wrapping import wrap
from mnistop.tui.text.run_lines import epoch_name

SEARCHED_BY = "PGD, FGSM, DeepFool or FAB"
"""The attacks that search for the smallest perturbation of an image."""


class Phrase(NamedTuple):
    """A sentence or a part of one."""

    text: str
    tone: Literal["good", "bad", "plain", "muted"] = "plain"


def outcome(attacked: AttackedImage, names: Sequence[str]) -> list[Phrase]:
    """Describe the prediction for the adversarial image.

    Args:
        attacked: the image.
        names: of the classes.
    """
    label, now = names[attacked.label], names[attacked.prediction]
    fooled = attacked.prediction != attacked.label
    what = f"{label} is taken for {now}" if fooled else f"still {now}"
    phrases = [Phrase(what, "bad" if fooled else "good")]
    if isinstance(attacked.subject, OwnImage):
        phrases.append(Phrase(f"{label} counts as correct, since the model predicts it", "muted"))
    if attacked.target == attacked.label:
        return [*phrases, Phrase(f"the target {label} is its own class: nothing to do", "muted")]
    if attacked.target is not None:
        reached = "reached" if attacked.success else "not reached"
        phrases.append(Phrase(f"target {names[attacked.target]} {reached}"))
    if METHODS[attacked.method].seeks:
        if not attacked.success:
            phrases.append(Phrase("the search found no adversarial image", "muted"))
    elif not attacked.l0 and attacked.epsilon and not _is_done(attacked):
        phrases.append(Phrase("no change: the gradient is exactly 0 here", "muted"))
    return phrases


def _is_done(attacked: AttackedImage) -> bool:
    """Return whether the attack's goal is reached without any perturbation."""
    if attacked.target is None:
        return attacked.is_wrong
    return attacked.clean_prediction == attacked.target


def norms(attacked: AttackedImage) -> str:
    """Return the L∞, L2 and L0 norm of the perturbation."""
    linf = at_most(round(attacked.linf, 6))  # rounded up like an ε that fools
    return f"L∞ {linf}  L2 {attacked.l2:.2f}  L0 {attacked.l0}"


def epsilon_bounds(attacked: AttackedImage, known: PerturbationBounds) -> list[Phrase]:
    """Describe the bounds between which the smallest ε that fools the model lies.

    Args:
        attacked: the image.
        known: the bounds of the same image.
    """
    if attacked.target == attacked.label:
        return []
    if _is_done(attacked):
        return [Phrase("It is misclassified without any perturbation: there is nothing to fool.")]
    if attacked.is_wrong:
        phrases = [Phrase("misclassified without an attack: no ε is safe", "muted")]
    else:
        phrases = [Phrase(f"safe below ε {at_least(known.certified)}: proven", "good")]
    what = "fooled" if known.target is None else "target reached"
    if math.isinf(known.found):
        phrases.append(Phrase("no attack succeeds up to ε 1", "good"))
    elif known.optimal:
        phrases.append(Phrase(f"fooled from ε {at_most(known.found)}: the exact minimum", "bad"))
    else:
        by = METHODS[known.found_by].title if known.found_by in METHODS else "FAB"
        phrases.append(Phrase(f"{what} from ε {at_most(known.found)}: found by {by}", "bad"))
    phrases += _path(known)
    if known.epochs != attacked.epochs:
        phrases.append(Phrase(f"as of {epoch_name(known.epochs - 1)}", "muted"))
    return phrases


def _path(known: PerturbationBounds) -> list[Phrase]:
    """Describe the smallest ε at which FGSM succeeds."""
    if math.isinf(known.path):
        return [Phrase("FGSM does not succeed at any ε up to 1", "muted")]
    how = "exact" if known.exact else "on a fine grid"
    level = f" ({known.level}/255)" if known.level >= 0 else ""
    phrases = [Phrase(f"FGSM succeeds from ε {at_most(known.path)}{level}, {how}", "muted")]
    if known.returns:
        phrases.append(Phrase("but fails at some larger ε", "muted"))
    return phrases


def at_least(epsilon: float | np.float32, digits: int = 4) -> str:
    """Return an ε rounded down, as the lower end of a bracket: never above its float32 value."""
    return _rounded(epsilon, digits, ROUND_FLOOR)


def at_most(epsilon: float | np.float32, digits: int = 4) -> str:
    """Return an ε rounded up, as the upper end of a bracket: never below its float32 value."""
    return _rounded(epsilon, digits, ROUND_CEILING)


def _rounded(number: float | np.float32, digits: int, rounding: str) -> str:
    return str(Decimal(str(np.float32(number))).quantize(Decimal(1).scaleb(-digits), rounding))


_WIDEST_BAR = 100


@dataclass(frozen=True)
class AttackOutcome:
    """An attacked image and the bounds of its smallest ε."""

    attacked: AttackedImage
    bracket: PerturbationBounds | None
    """Of the same image and target; None while it is computed."""
    names: Sequence[str]
    """Of the classes."""
    status: str
    """Shown while there is no bracket."""
    weights: str
    """The source of the weights, as in `epoch 5`."""

    def in_full(self, terminal: Terminal, width: int) -> list[Strip]:
        """Draw a narrow column: the outcome, the norms, the bar, the bounds and the method."""
        first, *others = self._phrases(terminal)
        phrases = [first, *others, Phrase(norms(self.attacked))]
        drawn = [*_paragraphs(phrases, terminal, width), Strip.blank(width)]
        if self.bracket is None:
            drawn += _paragraphs([Phrase(self.status, "muted")], terminal, width)
        else:
            if bar := self._bar(self.bracket, terminal, width):
                title = Phrase("Smallest ε of this image, L∞:")
                drawn += [*_paragraphs([title], terminal, width), *bar]
            drawn += _paragraphs(epsilon_bounds(self.attacked, self.bracket), terminal, width)
        method = METHODS[self.attacked.method]
        words = f"{method.title}, {method.norm_name}: {method.explanation}"
        last = _paragraphs([Phrase(words, "muted")], terminal, width)
        return [*drawn, Strip.blank(width), *last]

    def in_four_lines(self, terminal: Terminal, width: int) -> list[Strip]:
        """Draw at most four lines: the outcome with the norms, the bar, the bounds."""
        first, *others = self._phrases(terminal)
        size = Phrase(norms(self.attacked), "muted")
        drawn = [_one_line([first, size, *others], terminal, width)]
        if self.bracket is None:
            return [*drawn, _one_line([Phrase(self.status, "muted")], terminal, width)]
        drawn += self._bar(self.bracket, terminal, width)
        bounds = epsilon_bounds(self.attacked, self.bracket)
        return [*drawn, *([_one_line(bounds, terminal, width)] if bounds else [])]

    def _phrases(self, terminal: Terminal) -> list[Phrase]:
        """Return the phrases of the prediction, the first with a check mark or a cross."""
        first, *others = outcome(self.attacked, self.names)
        marks = ("✓", "✗") if terminal.unicode else ("right:", "WRONG:")
        mark = marks[self.attacked.prediction != self.attacked.label]
        return [first._replace(text=f"{mark} {first.text}"), *others]

    def _bar(self, known: PerturbationBounds, terminal: Terminal, width: int) -> list[Strip]:
        """Draw the bracket; nothing for an image that is misclassified already."""
        attacked = self.attacked
        if attacked.is_wrong or attacked.target == attacked.label:
            return []
        in_linf = METHODS[attacked.method].norm == "linf" and math.isfinite(attacked.epsilon)
        epsilon = attacked.epsilon if in_linf else None
        return bracket(known.certified, known.found, epsilon, min(width, _WIDEST_BAR), terminal)


def _styles(terminal: Terminal) -> dict[str, Style]:
    palette = Palette.of(terminal)
    return {"good": palette.good, "bad": palette.bad, "muted": palette.muted}


def _paragraphs(phrases: Iterable[Phrase], terminal: Terminal, width: int) -> list[Strip]:
    """Draw each phrase on lines of its own."""
    styles = _styles(terminal)
    return [
        line([(part, styles.get(tone))], width)
        for text, tone in phrases
        for part in wrap(clean(text, terminal), max(width, 8), subsequent_indent="  ")
    ]


def _one_line(phrases: Iterable[Phrase], terminal: Terminal, width: int) -> Strip:
    """Draw the phrases that fit on one line, the last one cut at its colon if need be."""
    styles, pieces, room = _styles(terminal), [], width
    for text, tone in phrases:
        cleaned = clean(text, terminal)
        if len(cleaned) > room:
            cleaned = cleaned.partition(":")[0]
        if len(cleaned) > room:
            break
        pieces += [(cleaned, styles.get(tone)), ("   ", None)]
        room -= len(cleaned) + 3
    return line(pieces, width)


def bracket(
    certified: float, found: float, epsilon: float | None, width: int, terminal: Terminal
) -> list[Strip]:
    """Draw a bar over ε from 0, with the ends of its scale and a mark at the current ε below it.

    Three glyphs distinguish the parts without colour: proven safe, unknown, and fooled.

    Args:
        certified: the end of the safe part, which begins at 0.
        found: the start of the fooled part; infinite if no attack succeeded.
        epsilon: the current ε, or None to leave it out.
        width: cells to fit in.
        terminal: the terminal.

    Returns:
        Two lines of `width` cells.
    """
    palette = Palette.of(terminal)
    shown = [certified, epsilon or 0, 1.5 * found if math.isfinite(found) else 1.0]
    top = min(1.0, ceiling(max(0.02, *shown)))  # a round number beyond all that is marked

    def cells(value: float) -> float:
        return round(value / top * width, 6) if value < math.inf else math.inf

    grid = Grid(width, 2)
    ends = math.floor(cells(certified)), math.ceil(min(cells(found), width))
    safe, unknown, fooled = "█░▓" if terminal.unicode else "=.#"
    grid.put(0, 0, fooled * width, palette.bad)
    grid.put(0, 0, unknown * ends[1], palette.muted)
    grid.put(0, 0, safe * ends[0], palette.good)
    scale = f"{top:g}"
    grid.put(0, 1, "0", palette.muted)
    grid.put(width - len(scale), 1, scale, palette.muted)
    if epsilon is not None:
        mark = "▲" if terminal.unicode else "^"
        at = math.floor(cells(epsilon))
        at = max(at, ends[1]) if epsilon >= found else min(at, ends[1] - 1)
        grid.put(min(max(at, 0), width - 1), 1, mark, palette.strong)
    return grid.strips()
