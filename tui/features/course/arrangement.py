"""The arrangement of the course screen: the list of steps, a step's text, and its answer."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.widget import Widget

from mnistop.engine.lessons.checks import Verdict
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.course.answering import Answering
from mnistop.tui.features.course.model import CourseModel
from mnistop.tui.features.course.panes import Lesson, StepList
from mnistop.tui.terminal.faults import FaultTolerant

_WIDE = 100
"""Columns from which on the list stands beside the text."""


class CoursePanes(FaultTolerant, Container):
    """The panes; where there is no room for the list, it is alone in sight while it has the keys.

    Args:
        terminal: what the terminal can show.
        model: the course.
        checked: called with the result once an answer is checked.
        changed: called when another pane has the keys.
    """

    DEFAULT_CSS = """
    CoursePanes {
        height: 1fr;
        & > Vertical { height: 1fr; }
        & > StepList { display: none; }
        &.wide { layout: horizontal; }
        &.wide > StepList { display: block; width: 36; margin-right: 1; }
        &.list > StepList { display: block; }
        &.list > Vertical { display: none; }
    }
    """

    def __init__(
        self,
        terminal: Terminal,
        model: CourseModel,
        checked: Callable[[Verdict], object],
        changed: Callable[[], object],
    ) -> None:
        super().__init__()
        self.list = StepList(terminal, model)
        self.lesson = Lesson(terminal, model)
        self.answering = Answering(terminal, model, checked)
        self.box = self.answering.box
        self._changed = changed

    def compose(self) -> ComposeResult:
        """Yield the list, the text and the answer."""
        yield self.list
        with Vertical():
            yield self.lesson
            yield self.answering

    def redraw(self) -> None:
        """Draw all panes."""
        self.list.redraw()
        self.lesson.redraw()
        self.answering.head.redraw()

    @property
    def focused(self) -> Widget | None:
        """The pane that has the keys."""
        return self.screen.focused

    @property
    def is_list_alone(self) -> bool:
        """True while the list has the keys and there is no room beside it."""
        return self.focused is self.list and not self._is_wide

    def go_to_next(self, by: int) -> None:
        """Go to the next or previous pane: the text, the answer, the list."""
        panes: list[Widget] = [self.lesson, self.box, self.list]
        place = panes.index(self.focused) if self.focused in panes else 0
        self.go_to(panes[(place + by) % len(panes)])

    def go_to(self, pane: Widget) -> None:
        """Give the keys to a pane."""
        # what is not displayed cannot have the keys
        self.set_class(pane is self.list and not self._is_wide, "list")
        self.screen.set_focus(pane)
        self._changed()

    @property
    def _is_wide(self) -> bool:
        return self.app.size.width >= _WIDE

    def on_resize(self, event: events.Resize) -> None:
        """Find the arrangement that fits."""
        self._arrange()

    def on_descendant_focus(self) -> None:
        """Show the list alone if there is no room beside it, and who has the keys."""
        self._arrange()

    def on_descendant_blur(self) -> None:
        """Show who has the keys."""
        self.answering.head.has_focus = self.focused is self.box

    def _arrange(self) -> None:
        self.set_class(self._is_wide, "wide")
        self.set_class(self.is_list_alone, "list")
        self.answering.head.has_focus = self.focused is self.box
