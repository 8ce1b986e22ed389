"""The panes of the course: the list of its steps, and a step's text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rich.style import Style

from mnistop.engine.lessons.course import Block
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip, clean, flow, line, shorten, unbroken
from mnistop.tui.draw.palette import Palette
from mnistop.tui.features.course.model import CourseModel
from mnistop.tui.text.table import Column
from mnistop.tui.toolkit.bindings import bindings, hidden
from mnistop.tui.toolkit.list_pane import ListPane
from mnistop.tui.toolkit.pane import OfModel
from mnistop.tui.toolkit.scrolled_pane import ScrolledPane

MARKS = {
    "right": "✓",
    "answered": "•",
    "wrong": "✗",
    "open": "○",
    "begun": "…",
}
"""The mark of each state."""


class StepList(OfModel[CourseModel], ListPane[int]):
    """The steps of the course with their states."""

    BINDINGS = bindings(
        "course",
        hidden("open", "enter", "open", "Answer", "Answer the question of this step"),
    )

    EXPLANATION = (
        "The steps of the course. A mark says how far you are: a step is right, answered in your "
        "own words, not right yet, begun, or open."
    )

    def title(self) -> str:
        """The title of the course."""
        return self._model.course.title

    @property
    def items(self) -> Sequence[int]:
        """The places of the steps."""
        return range(len(self._model.course.steps))

    def columns(self, width: int) -> Sequence[Column[int]]:
        """Return the mark of the state, the number and the title."""
        model = self._model
        return (
            Column("", self._mark, 1, style=self._style),
            Column("", lambda place: str(place + 1), 2, gap=1),
            Column(
                f"{model.done} of {self.count} done",
                lambda place: model.course.steps[place].title,
                max(width - 5, 1),
                left=True,
                gap=1,
            ),
        )

    def _mark(self, place: int) -> str:
        return MARKS[self._state(place)]

    def _style(self, place: int) -> Style | None:
        styles = {"right": self.palette.good, "wrong": self.palette.bad}
        return styles.get(self._state(place))

    def _state(self, place: int) -> str:
        model, step = self._model, self._model.course.steps[place]
        state = model.of(step).state
        is_begun = model.wants_words(step) or (state == "open" and model.is_begun(step))
        return "begun" if is_begun else state

    def empty(self) -> str:
        """Return nothing: a course has a step at least."""
        return ""


# Text

_INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*")


def styled(text: str, palette: Palette, base: Style | None) -> Iterator[tuple[str, Style | None]]:
    """Yield a text in pieces, `code` and **strong** words in other styles."""
    end = 0
    strong = (base or Style.null()) + palette.strong
    for match in _INLINE.finditer(text):
        yield text[end : match.start()], base
        yield (match[1], palette.val) if match[1] else (match[2], strong)
        end = match.end()
    yield text[end:], base


def wrapped(
    text: str, width: int, terminal: Terminal, base: Style | None = None, indent: str = ""
) -> list[Strip]:
    """Return a text with styled words, broken between words.

    Args:
        text: one line, as in a `Block`.
        width: cells of a line.
        terminal: what it can show.
        base: the style of all but marked words.
        indent: what stands before the first line, and as blanks before the others.
    """
    pieces = styled(clean(text, terminal), Palette.of(terminal), base)
    lines = flow(unbroken(pieces), width - len(indent), " ")
    starts = [indent, *[" " * len(indent)] * len(lines)]
    return [line([(start, base), *row], width) for start, row in zip(starts, lines, strict=False)]


def drawn(
    blocks: Sequence[Block], width: int, terminal: Terminal, base: Style | None = None
) -> list[Strip]:
    """Draw paragraphs, items and code, an empty line between paragraphs."""
    palette = Palette.of(terminal)
    lines: list[Strip] = []
    before = ""
    for block in blocks:
        if lines and not (block.kind == before == "item"):
            lines.append(line([], width))
        before = block.kind
        if block.kind == "code":
            for text in block.text.split("\n"):
                lines.append(
                    line([("  " + shorten(text, width - 2, terminal), palette.val)], width)
                )
        else:
            indent = ("• " if terminal.unicode else "- ") if block.kind == "item" else ""
            lines += wrapped(block.text, width, terminal, base, indent)
    return lines


_WIDEST = 88
"""Cells of a line of text; longer ones are hard to read."""


class Lesson(OfModel[CourseModel], ScrolledPane, can_focus=True):
    """A step's text and question, and its model answer once that may be seen."""

    BINDINGS = bindings(
        "course",
        hidden("line_up", "up,k", "scroll_lines(-1)", "Up", "Scroll up by a line"),
        hidden("line_down", "down,j", "scroll_lines(1)", "Down", "Scroll down by a line"),
    )

    EXPLANATION = (
        "What the step is about, and its question. Once you have answered it, a model answer "
        "stands below."
    )

    def title(self) -> str:
        """The number and title of the step."""
        model = self._model
        if not model.course.steps:
            return ""
        return f"{model.position + 1} of {len(model.course.steps)}: {model.step.title}"

    def lines(self, width: int, height: int) -> list[Strip]:
        """Draw the lines in sight."""
        if not self._model.course.steps:
            return []
        return self.in_sight(self._all(min(width, _WIDEST)), width, height)

    def _all(self, width: int) -> list[Strip]:
        step, empty = self._model.step, line([], width)
        lines = drawn(step.text, width, self.terminal)
        lines += [empty] * bool(lines)
        lines += drawn(step.question, width, self.terminal, self.palette.strong)
        for letter, text in step.choices.items():
            lines += wrapped(text, width, self.terminal, None, f"  {letter}  ")
        self._model_answer_from = len(lines) + 1
        if self._model.shows_model_answer(step):
            lines += [empty, line([("Model answer", self.palette.good)], width)]
            lines += drawn(step.model_answer, width, self.terminal)
        return lines

    _model_answer_from = 0
    """The line of the model answer, where there is one."""

    def show_start(self) -> None:
        """Show the step from its first line."""
        self._first = 0
        self.redraw()

    def show_model_answer(self) -> None:
        """Scroll as far down as shows the model answer."""
        width, height = self.size
        total = len(self._all(min(width, _WIDEST)))
        if total > height - 1:
            self._first = min(self._model_answer_from, total - height + 2)
        self.redraw()
