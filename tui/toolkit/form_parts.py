"""The parts of a form: the texts of its rows, their places on the screen, and their lines."""

from __future__ import annotations

import textwrap
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len
from rich.style import Style
from textual.geometry import Region, Size

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import PLAIN, Strip, clean, shorten, strip
from mnistop.tui.draw.palette import Palette

PRESET = "preset"
"""The name of the row where a preset is chosen."""

CUSTOM = "custom"
"""The preset of values that are no preset's."""


class FormValues(ABC):
    """The texts of a form by the names of its rows, right or wrong.

    Texts that were typed are kept while a person looks at the presets.
    """

    without_effect: frozenset[str] = frozenset()
    """Names of the rows that change nothing."""

    def __init__(self) -> None:
        self.problems: dict[str, str] = {}
        """A sentence for each row that is wrong, by name."""
        self.preset = CUSTOM
        self.typed: Mapping[str, str] = {}
        """What differs from the texts that the rows start with."""
        self.by_hand: Mapping[str, str] = {}
        """The same when it was last no preset's."""

    @abstractmethod
    def evaluate(self) -> None:
        """Evaluate `typed`: the value that the texts make, or the problems."""

    @abstractmethod
    def label(self, name: str) -> str:
        """Return the label of a row."""

    @abstractmethod
    def start(self, name: str) -> str:
        """Return the text of a row before anything is typed."""

    @abstractmethod
    def is_changed(self, name: str) -> bool:
        """Return whether a row is marked as changed."""

    @abstractmethod
    def about(self, name: str, editing: bool = False) -> Sequence[str]:
        """Return sentences on a row."""

    @abstractmethod
    def stepped(self, name: str, by: int) -> str:
        """Return the next usual text (`by` = 1) or the one before it (`by` = -1)."""

    @abstractmethod
    def tidied(self, name: str) -> str:
        """Return a correct text as the program writes it."""

    @abstractmethod
    def presets(self) -> Sequence[str]:
        """Return the presets to step through; a reset takes the first."""

    def texts_of(self, preset: str) -> Mapping[str, str]:
        """Return what a preset changes of the texts that the rows start with."""
        return {}

    def is_typed(self, name: str) -> bool:
        """Return whether a text can be typed, not only stepped through."""
        return name != PRESET

    def is_wrong(self, name: str) -> bool:
        """Return whether a text makes no sense in itself."""
        return name in self.problems

    def text(self, name: str) -> str:
        """Return the text of a row."""
        return self.preset if name == PRESET else self.typed.get(name, self.start(name))

    def state(self, name: str) -> str:
        """Return ``problem``, ``no effect``, ``changed`` or an empty text."""
        if name in self.problems:
            return "problem"
        if name in self.without_effect:
            return "no effect"
        return "changed" if self.is_changed(name) else ""

    def update(self, texts: Mapping[str, str]) -> None:
        """Replace some or all texts, right or wrong."""
        typed = {**self.typed, **texts}
        self.typed = {name: text for name, text in typed.items() if text != self.start(name)}
        self.evaluate()

    def tidy(self, name: str) -> None:
        """Write a text as the program does, as in 0.001 for 1e-3, unless it is wrong."""
        if not self.is_wrong(name):
            self.update({name: self.tidied(name)})

    def reset(self, name: str) -> None:
        """Go back to the text that a row started with."""
        if name == PRESET:
            self._take_preset(self.presets()[0])
        else:
            self.update({name: self.start(name)})

    def step(self, name: str, by: int) -> None:
        """Go to the next usual text (`by` = 1) or the one before it (`by` = -1)."""
        if name == PRESET:
            self._take_preset(next_round(self.presets(), self.preset, by))
        else:
            self.update({name: self.stepped(name, by)})

    def _take_preset(self, preset: str) -> None:
        if self.preset == CUSTOM:
            self.by_hand = self.typed
        self.preset = preset
        self.typed = self.by_hand if preset == CUSTOM else self.texts_of(preset)
        self.evaluate()


def next_round(stops: Sequence[Any], stop: Any, by: int) -> Any:
    """Return the next stop of a round; from outside, the first or the last one."""
    outside = -1 if by > 0 else len(stops)
    at = stops.index(stop) if stop in stops else outside
    return stops[(at + by) % len(stops)]


_BESIDE = 64
"""From this width on, the explanation stands beside the rows instead of below them."""

_MARKS = 2
"""Columns before a label: the cursor's mark and the state's."""

_WORDS = 3
"""Lines below the rows that an explanation has at least."""

_ROWS = 8
"""Rows that do not give way to an explanation."""

_EDITOR = 12
"""Columns that an editor has at least."""

_SIGNS = {"": " ", "changed": "*", "no effect": "-", "problem": "!"}
"""For each state of a row its sign: colour is never the only one."""


@dataclass(frozen=True)
class FormLines:
    """The places and lines of a form's parts, for one terminal."""

    palette: Palette
    terminal: Terminal
    size: Size
    count: int
    """Rows that there are."""
    explained: int
    """Lines that the explanation takes below the rows, which give way to it."""

    @property
    def beside(self) -> bool:
        """True if the explanation stands beside the rows."""
        return self.size.width >= _BESIDE

    @property
    def rows(self) -> Region:
        """The rows that are in view."""
        width, height = self.size
        if self.beside:
            return Region(0, 0, min(width // 2, 44), min(self.count, height))
        words = max(_WORDS, min(self.explained, height - 1 - _ROWS))
        return Region(0, 0, width, min(self.count, max(height - 1 - words, 1)))

    @property
    def words(self) -> Region:
        """The lines on the selected row."""
        width, height = self.size
        rows = self.rows
        if self.beside:
            return Region(rows.right + 3, 0, width - rows.right - 4, max(height - 1, 1))
        return Region(1, rows.bottom + 1, max(width - 2, 1), max(height - rows.bottom - 1, 1))

    def editor(self, label: str, text: str, y: int) -> Region:
        """Return the place of the editor in line `y`: at the right, as wide as the text needs."""
        room = max(self.rows.width - _MARKS - len(label) - 1, 1)
        width = min(max(cell_len(text) + 1, _EDITOR), room)
        return Region(self.rows.width - width, y, width, 1)

    def paint(
        self, rows: Sequence[Strip], words: Sequence[str], style: str, hints: Sequence[str]
    ) -> list[Strip]:
        """Return all lines from top to bottom.

        Args:
            rows: those in view.
            words: sentences on the selected row.
            style: of the words: ``problem``, ``changed`` or none.
            hints: what else is to know, as in ``9 below``.
        """
        width, height = self.size
        explained = self._explanation(words, style)
        margin = Strip.blank(1, PLAIN)
        if not self.beside:
            dash = "─" if self.terminal.unicode else "-"
            text = dash + "".join(f" {hint} {dash}" for hint in hints)
            rule = self._line(text.ljust(width, dash), width, "no effect")
            return [*rows, rule, *(Strip.join([margin, line, margin]) for line in explained)]
        empty = [Strip.blank(self.rows.width, PLAIN)]
        explained.append(self._line(", ".join(hints), self.words.width, "no effect"))
        wall = self._line(" │ " if self.terminal.unicode else " | ", 3, "no effect")
        pairs = zip([*rows, *empty * (height - len(rows))], explained, strict=True)
        return [Strip.join([row, wall, line, margin]) for row, line in pairs]

    def row(
        self, label: str, value: str, state: str, selected: bool, has_keys: bool, steps: bool
    ) -> Strip:
        """Draw one row.

        Args:
            label: what it is called.
            value: its text.
            state: as `FormValues.state` has it.
            selected: whether the cursor is on it.
            has_keys: whether keys go to the form: the selected row stands out more then.
            steps: whether it has the arrows that step the value.
        """
        pointer, before, after = "›‹›" if self.terminal.unicode else "><>"
        room = self.rows.width - _MARKS - len(label)
        value = shorten(value, max(room - 3, 0), self.terminal)
        of_value, of_label = self._style_of(state), self.palette.muted
        if selected and has_keys:
            of_label = self.palette.cursor
            of_value = of_label + Style(bold=of_value.bold)
        elif selected:
            of_label = self.palette.strong
        cells = [
            ((pointer if selected else " ") + _SIGNS[state], of_value),
            (label + " " * max(room - 2 - cell_len(value), 0), of_label),
            (before if steps else " ", of_label),
            (value, of_value),
            (after if steps else " ", of_label),
        ]
        drawn = sum(cell_len(text) for text, _ in cells)
        return strip(cells, drawn).adjust_cell_length(self.rows.width, of_label)

    def lines_of(self, words: Sequence[str]) -> int:
        """Count the lines that an explanation takes below the rows."""
        return len(textwrap.wrap(clean(" ".join(words), self.terminal), self.words.width))

    def _explanation(self, words: Sequence[str], style: str) -> list[Strip]:
        _, _, width, height = self.words
        texts = [clean(text, self.terminal) for text in words]
        if self.beside:
            lines = [line for text in texts for line in (*textwrap.wrap(text, width), "")]
        else:
            cut = " …" if self.terminal.unicode else " ~"
            lines = textwrap.wrap(" ".join(texts), width, max_lines=height, placeholder=cut)
        lines = [*lines, *[""] * height][:height]
        return [self._line(line, width, style) for line in lines]

    def _line(self, text: str, width: int, state: str) -> Strip:
        text = shorten(text, width, self.terminal)
        return strip([(text + " " * (width - cell_len(text)), self._style_of(state))], width)

    def _style_of(self, state: str) -> Style:
        match state:
            case "changed":
                return self.palette.train + self.palette.strong
            case "problem":
                return self.palette.bad + self.palette.strong
            case "no effect":
                return self.palette.muted
        return PLAIN
