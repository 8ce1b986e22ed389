"""The outcome of an attack, and the bracket of the smallest ε, in words and a bar."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mnistop.engine.analysis.fragility import AttackedImage, Bracket
from mnistop.engine.analysis.methods import METHODS
from mnistop.engine.axis import ceiling
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Grid, Strip, clean, line
from mnistop.tui.draw.palette import Palette
from mnistop.tui.text import attack_words
from mnistop.tui.text.attack_words import Phrase

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


def whole(shown: Shown, terminal: Terminal, width: int) -> list[Strip]:
    """All of it, in a narrow column: the outcome, the norms, the bar, and what bounds the ε."""
    writer = _Writer(terminal, width)
    attacked = shown.attacked
    first, *others = attack_words.outcome(attacked, shown.names)
    drawn = [
        *writer.say([_marked(first, attacked, terminal), *others]),
        *writer.say([Phrase(attack_words.sizes(attacked))]),
        writer.blank,
    ]
    if shown.bracket is None:
        drawn += writer.say([Phrase(shown.status, "muted")])
    else:
        if bar := writer.bar(attacked, shown.bracket):
            drawn += [*writer.say([Phrase("Smallest ε of this image, L∞:")]), *bar]
        drawn += writer.say(attack_words.bounds(attacked, shown.bracket))
    return [*drawn, writer.blank, *writer.say([Phrase(_method(attacked), "muted")])]


def short(shown: Shown, terminal: Terminal, width: int) -> list[Strip]:
    """The same on four lines at most: the outcome with the norms, the bar, the bounds."""
    writer = _Writer(terminal, width)
    attacked = shown.attacked
    first, *others = attack_words.outcome(attacked, shown.names)
    sizes = Phrase(attack_words.sizes(attacked), "muted")
    drawn = [writer.in_a_row([_marked(first, attacked, terminal), sizes, *others])]
    if shown.bracket is None:
        return [*drawn, writer.in_a_row([Phrase(shown.status, "muted")])]
    bar = writer.bar(attacked, shown.bracket)
    bounds = attack_words.bounds(attacked, shown.bracket)
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
