"""The outcome of an attack and the bounds of an image's smallest ε, in words and as a bar."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal, NamedTuple

import numpy as np

from mnistop.engine.analysis.fragility import AttackedImage, Bracket, OwnImage
from mnistop.engine.axis import ceiling
from mnistop.engine.methods import METHODS
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Grid, clean, line
from mnistop.tui.draw.palette import Palette
from mnistop.tui.draw.strip import Strip
from mnistop.tui.text.run_lines import epoch_name

SEARCHED_BY = "PGD, FGSM, DeepFool or FAB"
"""The attacks that search for the smallest perturbation of an image."""


class Phrase(NamedTuple):
    """A sentence or a note."""

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
        phrases.append(Phrase(f"{label} counts as right, since the model predicts it", "muted"))
    if attacked.target == attacked.label:
        return [*phrases, Phrase(f"the target {label} is its own class: nothing to reach", "muted")]
    if attacked.target is not None:
        reached = "reached" if attacked.success else "not reached"
        phrases.append(Phrase(f"target {names[attacked.target]} {reached}"))
    if METHODS[attacked.method].seeks:
        if not attacked.success:
            phrases.append(Phrase("the search found no way there", "muted"))
    elif not attacked.l0 and attacked.epsilon and not _is_done(attacked):
        phrases.append(Phrase("nothing changed: the gradient is exactly 0 here", "muted"))
    return phrases


def _is_done(attacked: AttackedImage) -> bool:
    """Return whether the model predicts what the attack aims at without any attack."""
    if attacked.target is None:
        return attacked.is_wrong
    return attacked.clean_prediction == attacked.target


def norms(attacked: AttackedImage) -> str:
    """The norms of the perturbation."""
    linf = at_most(round(attacked.linf, 6))  # as an ε that fools, but for the rounding of pixels
    return f"L∞ {linf}  L2 {attacked.l2:.2f}  L0 {attacked.l0}"


def epsilon_bounds(attacked: AttackedImage, known: Bracket) -> list[Phrase]:
    """Between which ε the smallest one that fools the model lies.

    Args:
        attacked: the image.
        known: what is known of the same image.
    """
    if attacked.target == attacked.label:
        return []
    if _is_done(attacked):
        return [Phrase("It is misclassified without any perturbation: there is nothing to fool.")]
    if attacked.is_wrong:
        phrases = [Phrase("misclassified already: no ε is safe", "muted")]
    else:
        phrases = [Phrase(f"safe below ε {at_least(known.certified)}: proven", "good")]
    what = "fooled" if known.target is None else "target reached"
    if math.isinf(known.found):
        phrases.append(Phrase("no attack succeeds up to ε 1", "good"))
    elif known.optimal:
        phrases.append(Phrase(f"fooled from ε {at_most(known.found)}: the true minimum", "bad"))
    else:
        by = METHODS[known.found_by].title if known.found_by in METHODS else "FAB"
        phrases.append(Phrase(f"{what} from ε {at_most(known.found)}: shown by {by}", "bad"))
    phrases += _path(known)
    if known.epochs != attacked.epochs:
        phrases.append(Phrase(f"as of {epoch_name(known.epochs - 1)}", "muted"))
    return phrases


def _path(known: Bracket) -> list[Phrase]:
    """Describe the smallest ε at which FGSM succeeds."""
    if math.isinf(known.path):
        return [Phrase("FGSM does not succeed at any ε up to 1", "muted")]
    how = "exact" if known.exact else "by a fine grid"
    level = f" ({known.level}/255)" if known.level >= 0 else ""
    phrases = [Phrase(f"FGSM succeeds from ε {at_most(known.path)}{level}, {how}", "muted")]
    if known.returns:
        phrases.append(Phrase("but fails at some larger ε", "muted"))
    return phrases


def at_least(epsilon: float | np.float32, digits: int = 4) -> str:
    """The lower end of a bracket: never more than the float32 number that an ε is."""
    return _rounded(epsilon, digits, ROUND_FLOOR)


def at_most(epsilon: float | np.float32, digits: int = 4) -> str:
    """The upper end of a bracket: never less than the float32 number that an ε is."""
    return _rounded(epsilon, digits, ROUND_CEILING)


def _rounded(number: float | np.float32, digits: int, rounding: str) -> str:
    return str(Decimal(str(np.float32(number))).quantize(Decimal(1).scaleb(-digits), rounding))


_WIDEST_BAR = 100


@dataclass(frozen=True)
class Shown:
    """An attacked image and what is known of its smallest ε."""

    attacked: AttackedImage
    bracket: Bracket | None
    """Of the same image and target; None while it is computed."""
    names: Sequence[str]
    """Of the classes."""
    status: str
    """The words for it while there is no bracket."""
    weights: str
    """Whose weights these are, as in `epoch 5`."""


def full(shown: Shown, terminal: Terminal, width: int) -> list[Strip]:
    """All of it, in a narrow column: the outcome, the norms, the bar, and what bounds the ε."""
    writer = _Writer(terminal, width)
    attacked = shown.attacked
    first, *others = outcome(attacked, shown.names)
    drawn = [
        *writer.say([_marked(first, attacked, terminal), *others]),
        *writer.say([Phrase(norms(attacked))]),
        writer.blank,
    ]
    if shown.bracket is None:
        drawn += writer.say([Phrase(shown.status, "muted")])
    else:
        if bar := writer.bar(attacked, shown.bracket):
            drawn += [*writer.say([Phrase("Smallest ε of this image, L∞:")]), *bar]
        drawn += writer.say(epsilon_bounds(attacked, shown.bracket))
    return [*drawn, writer.blank, *writer.say([Phrase(_method(attacked), "muted")])]


def short(shown: Shown, terminal: Terminal, width: int) -> list[Strip]:
    """The same on four lines at most: the outcome with the norms, the bar, the bounds."""
    writer = _Writer(terminal, width)
    attacked = shown.attacked
    first, *others = outcome(attacked, shown.names)
    size = Phrase(norms(attacked), "muted")
    drawn = [writer.in_a_row([_marked(first, attacked, terminal), size, *others])]
    if shown.bracket is None:
        return [*drawn, writer.in_a_row([Phrase(shown.status, "muted")])]
    bar = writer.bar(attacked, shown.bracket)
    bounds = epsilon_bounds(attacked, shown.bracket)
    return [*drawn, *bar, *([writer.in_a_row(bounds)] if bounds else [])]


def _marked(phrase: Phrase, attacked: AttackedImage, terminal: Terminal) -> Phrase:
    marks = ("✓", "✗") if terminal.unicode else ("right:", "WRONG:")
    return phrase._replace(text=f"{marks[attacked.prediction != attacked.label]} {phrase.text}")


def _method(attacked: AttackedImage) -> str:
    method = METHODS[attacked.method]
    return f"{method.title}, {method.norm_name}: {method.explanation}"


class _Writer:
    def __init__(self, terminal: Terminal, width: int) -> None:
        palette = Palette.of(terminal)
        self._styles = {"good": palette.good, "bad": palette.bad, "muted": palette.muted}
        self._terminal = terminal
        self._width = width
        self.blank = Strip.blank(width)

    def say(self, phrases: Iterable[Phrase]) -> list[Strip]:
        """Each on lines of its own."""
        return [
            line([(part, self._styles.get(tone))], self._width)
            for text, tone in phrases
            for part in textwrap.wrap(
                clean(text, self._terminal), max(self._width, 8), subsequent_indent="  "
            )
        ]

    def in_a_row(self, phrases: Iterable[Phrase]) -> Strip:
        """As much as fits one line, the last without what stands behind its colon."""
        pieces = []
        room = self._width
        for text, tone in phrases:
            cleaned = clean(text, self._terminal)
            if len(cleaned) > room:
                cleaned = cleaned.partition(":")[0]
            if len(cleaned) > room:
                break
            pieces += [(cleaned, self._styles.get(tone)), ("   ", None)]
            room -= len(cleaned) + 3
        return line(pieces, self._width)

    def bar(self, attacked: AttackedImage, known: Bracket) -> list[Strip]:
        """The bracket, where there is something to bracket."""
        if attacked.is_wrong or attacked.target == attacked.label:
            return []
        in_linf = METHODS[attacked.method].norm == "linf" and math.isfinite(attacked.epsilon)
        epsilon = attacked.epsilon if in_linf else None
        width = min(self._width, _WIDEST_BAR)
        return bracket(known.certified, known.found, epsilon, width, self._terminal)


def bracket(
    certified: float, found: float, epsilon: float | None, width: int, terminal: Terminal
) -> list[Strip]:
    """A bar over ε from 0, with the ends of its scale and a mark at the present ε below it.

    Three glyphs tell the parts apart without colour: what is proven safe, what is unknown, and
    where the model is fooled.

    Args:
        certified: the end of the safe part, from 0 up.
        found: where the fooled part begins; infinite where nothing fooled the model.
        epsilon: the present ε, or None to leave it out.
        width: cells to fit in.
        terminal: the terminal.

    Returns:
        Two lines of `width` cells.
    """
    palette = Palette.of(terminal)
    top = _top(certified, found, epsilon)

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


def _top(certified: float, found: float, epsilon: float | None) -> float:
    """The end of the scale: a round number behind all that is marked."""
    shown = [certified, epsilon or 0, 1.5 * found if math.isfinite(found) else 1.0]
    return min(1.0, ceiling(max(0.02, *shown)))
