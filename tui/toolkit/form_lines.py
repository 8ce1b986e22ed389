"""How the hyperparameters form looks: what is shown, and the strips that it becomes."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from textual.geometry import Region, Size

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import PLAIN, clean, shorten, strip
from mnistop.tui.draw.palette import Palette
from mnistop.tui.draw.strip import Strip

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

_LOOKS = {
    "": (" ", ""),
    "changed": ("*", "changed"),
    "no effect": ("-", "faint"),
    "problem": ("!", "problem"),
}
"""For each state of a row, its sign and its style: colour is never the only one."""


@dataclass(frozen=True)
class Row:
    """One row of the form."""

    label: str
    value: str
    state: str
    """``changed``, ``without effect``, ``problem``, or nothing of these."""
    selected: bool
    steps: bool
    """Whether the arrows that step the value are shown."""


@dataclass(frozen=True)
class View:
    """All that is in view."""

    rows: Sequence[Row]
    words: Sequence[str]
    """Sentences on the selected row."""
    part: str
    """The style of the words."""
    hints: Sequence[str]
    """What else is to know, as in ``9 below``."""


@dataclass(frozen=True)
class Layout:
    """Where the parts of the form are: by the size of its content, and the rows that it has."""

    size: Size
    count: int
    wanted: int = 0
    """Lines that the explanation takes below the rows, which give way to it."""

    @property
    def beside(self) -> bool:
        """Whether the explanation stands beside the rows."""
        return self.size.width >= _BESIDE

    @property
    def rows(self) -> Region:
        """The rows that are in view."""
        width, height = self.size
        if self.beside:
            return Region(0, 0, min(width // 2, 44), min(self.count, height))
        words = max(_WORDS, min(self.wanted, height - 1 - _ROWS))
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
        """The place of the editor in line `y`: at the right, as wide as the text needs."""
        room = max(self.rows.width - _MARKS - len(label) - 1, 1)
        width = min(max(cell_len(text) + 1, _EDITOR), room)
        return Region(self.rows.width - width, y, width, 1)


@dataclass(frozen=True)
class Painter:
    """Draws a form for one terminal."""

    palette: Palette
    """The terminal's styles."""
    terminal: Terminal
    """What it can show."""
    has_keys: bool
    """Whether keys go to the form: the selected row stands out more then."""

    def paint(self, view: View, layout: Layout) -> list[Strip]:
        """Draw all lines from top to bottom."""
        width, height = layout.size
        rows = [self._row(row, layout.rows.width) for row in view.rows]
        words = self._words(view, layout)
        margin = Strip.blank(1, PLAIN)
        if not layout.beside:
            rule = self._rule(view.hints, width)
            return [*rows, rule, *(Strip.join([margin, line, margin]) for line in words)]
        empty = [Strip.blank(layout.rows.width, PLAIN)]
        rows += empty * (height - len(rows))
        words.append(self._line(", ".join(view.hints), layout.words.width, "faint"))
        wall = self._line(" │ " if self.terminal.unicode else " | ", 3, "faint")
        pairs = zip(rows, words, strict=True)
        return [Strip.join([row, wall, line, margin]) for row, line in pairs]

    def _row(self, row: Row, width: int) -> Strip:
        pointer, before, after = "›‹›" if self.terminal.unicode else "><>"
        room = width - _MARKS - len(row.label)
        value = shorten(row.value, max(room - 3, 0), self.terminal)
        sign, part = _LOOKS[row.state]
        of_value, of_label = self._style_of(part), self.palette.muted
        if row.selected and self.has_keys:
            of_label = self.palette.cursor
            of_value = of_label + Style(bold=of_value.bold)
        elif row.selected:
            of_label = self.palette.strong
        cells = [
            ((pointer if row.selected else " ") + sign, of_value),
            (row.label + " " * max(room - 2 - cell_len(value), 0), of_label),
            (before if row.steps else " ", of_label),
            (value, of_value),
            (after if row.steps else " ", of_label),
        ]
        drawn = sum(cell_len(text) for text, _ in cells)
        return strip(cells, drawn).adjust_cell_length(width, of_label)

    def _rule(self, hints: Sequence[str], width: int) -> Strip:
        dash = "─" if self.terminal.unicode else "-"
        text = dash + "".join(f" {hint} {dash}" for hint in hints)
        return self._line(text.ljust(width, dash), width, "faint")

    def _words(self, view: View, layout: Layout) -> list[Strip]:
        _, _, width, height = layout.words
        texts = [clean(text, self.terminal) for text in view.words]
        if layout.beside:
            lines = [line for text in texts for line in (*textwrap.wrap(text, width), "")]
        else:
            cut = " …" if self.terminal.unicode else " ~"
            lines = textwrap.wrap(" ".join(texts), width, max_lines=height, placeholder=cut)
        lines = [*lines, *[""] * height][:height]
        return [self._line(line, width, view.part) for line in lines]

    def _line(self, text: str, width: int, part: str) -> Strip:
        text = shorten(text, width, self.terminal)
        return strip([(text + " " * (width - cell_len(text)), self._style_of(part))], width)

    def _style_of(self, part: str) -> Style:
        match part:
            case "changed":
                return self.palette.train + self.palette.strong
            case "problem":
                return self.palette.bad + self.palette.strong
            case "faint":
                return self.palette.muted
        return PLAIN


def lines_of(words: Sequence[str], width: int, terminal: Terminal) -> int:
    """Count the lines that an explanation takes below the rows."""
    return len(textwrap.wrap(clean(" ".join(words), terminal), max(width, 1)))
