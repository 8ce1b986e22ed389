"""A lesson's question, in sight on the screen that it is about."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.style import Style
from textual.message import Message

from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, clean, line, shorten
from mnistop.tui.toolkit.pane import DrawnWidget

if TYPE_CHECKING:
    from mnistop.engine.lessons.course import Place
    from mnistop.engine.runs.entry import RunEntry


@dataclass
class Question:
    """A question that is open while its screen is looked at."""

    text: str
    answer: Callable[[], object]
    """Ask for the answer, on the screen in sight."""
    run_ended: Callable[[], object]
    """Is called when a run has ended, which may be the answer."""
    result: str = ""
    """The result of the last check; empty before the first."""
    is_done: bool = False
    """Whether nothing more is asked."""


class QuestionChanged(Message):
    """The result of the question in sight is another one."""


@dataclass
class PlaceWanted(Message):
    """The screen that a lesson is about is to be opened, with its question in sight."""

    place: Place
    runs: Sequence[RunEntry]
    question: Question


class QuestionBar(DrawnWidget):
    """Two lines with the question, the keys that answer it and lead back, and the last result.

    Args:
        terminal: what the terminal can show.
    """

    DEFAULT_CSS = "QuestionBar { height: 2; display: none; background: $surface; }"

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal, id="question-bar")
        self._question: Question | None = None

    def show(self, question: Question | None) -> None:
        """Show a question, or none."""
        self._question = question
        self.display = question is not None
        self.redraw()

    def _draw(self) -> list[Strip]:
        question, width = self._question, self.size.width
        if question is None:
            return []
        keys = "  ".join(self._keys(question))
        room = width - len(keys) - 3
        text = clean(f"? {question.text}", self.terminal)
        if question.result:
            style = self.palette.good if question.is_done else self.palette.val
            lines = [(shorten(text, width - 1, self.terminal), self.palette.strong)]
            mark = ("✓ " if self.terminal.unicode else "+ ") if question.is_done else ""
            lines.append((shorten(mark + question.result, room, self.terminal), style))
        else:
            lines = [(part, self.palette.strong) for part in self._two_lines(text, width, room)]
        first, second = (*lines, ("", self.palette.strong))[:2]
        return self._based([self._line(first, width), self._last_line(second, keys, width)])

    def _two_lines(self, text: str, width: int, room: int) -> list[str]:
        """Break a question so that the keys have room behind its second line."""
        first, *rest = textwrap.wrap(text, width - 2) or [""]
        return [first, shorten(" ".join(rest), room - 2, self.terminal)] if rest else [first]

    def _line(self, piece: tuple[str, Style], width: int) -> Strip:
        return line([(f" {piece[0]}", piece[1])], width)

    def _last_line(self, piece: tuple[str, Style], keys: str, width: int) -> Strip:
        left = line([(f" {piece[0]}", piece[1])], width - len(keys) - 1)
        return Strip.join([left, line([(f"{keys} ", self.palette.train)], len(keys) + 1)])

    def _keys(self, question: Question) -> list[str]:
        keys = {
            active.binding.action: self.app.get_key_display(active.binding)
            for active in self.screen.active_bindings.values()
        }
        words = {"answer": "answer", "go('course')": "go on" if question.is_done else "course"}
        found = [(keys.get(action, ""), word) for action, word in words.items()]
        if question.is_done:
            found = found[1:]
        return [clean(f"{key} {word}", self.terminal) for key, word in found if key]
