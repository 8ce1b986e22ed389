"""The answer to a step: where it is typed, and the result of its check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from mnistop.engine.lessons.checks import LONGEST, Verdict
from mnistop.engine.lessons.course import Step
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import Strip
from mnistop.tui.features.course.model import CourseModel
from mnistop.tui.features.course.panes import MARKS
from mnistop.tui.terminal.faults import FaultTolerant
from mnistop.tui.toolkit.bindings import GivesReasons, bindings, key
from mnistop.tui.toolkit.pane import LinesPane, OfModel

_OWN = {"ctrl+c", "ctrl+z"}
"""Keys of `TextArea` that mean something else here, where a terminal has the clipboard."""


def _edits() -> list[BindingType]:
    """Return the keys of `TextArea` alone, but for those that the app needs."""
    kept: list[BindingType] = []
    for binding in TextArea.BINDINGS:
        if isinstance(binding, Binding) and not _OWN & set(binding.key.split(",")):
            kept.append(binding)
    return kept


class AnswerBox(GivesReasons, FaultTolerant, TextArea, inherit_bindings=False):
    """Several lines in which an answer is typed.

    Args:
        terminal: what the terminal can show.
        id: the widget's id.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        *_edits(),
        *bindings(
            "answer",
            key("enter", "enter", "check_short", "Check", "Check it; in your own words a new line"),
            key("check", "ctrl+s,f2", "check", "Done", "Check this answer, or keep your words"),
            key("leave", "escape", "leave", "Leave", "Back to the step; what is typed is kept"),
        ),
    ]

    DEFAULT_CSS = """
    AnswerBox {
        height: 4;
        border: none;
        padding: 0;
        background: $surface;
        &:focus { border: none; }
        &:ansi .text-area--cursor, &:nocolor .text-area--cursor {
            color: ansi_default; background: ansi_default; text-style: reverse;
        }
    }
    """

    EXPLANATION = (
        "Type your answer here. If a number, shape or letter is asked for, Enter checks it; for "
        "an answer in your own words Enter begins a new line, and Ctrl+S or F2 is done. What you "
        "type is kept at once, whatever happens."
    )

    class Done(Message):
        """The answer is to be checked and kept."""

    class Left(Message):
        """The keys go back."""

    def __init__(self, terminal: Terminal, *, id: str | None = None) -> None:
        super().__init__(
            soft_wrap=True,
            tab_behavior="focus",
            show_line_numbers=False,
            compact=True,
            highlight_cursor_line=False,
            id=id,
        )
        self.cursor_blink = False
        self.enter_checks = True
        """Whether Enter checks the answer; else it begins a new line."""

    def show(self, text: str, step: Step) -> None:
        """Show the answer to a step, in as many lines as such an answer takes."""
        self.enter_checks = step.kind in ("number", "shape", "choice")
        self.styles.height = 2 if self.enter_checks else 5
        self.show_text(text)

    def show_text(self, text: str) -> None:
        """Show another text, with the cursor at its end, unless it is there already."""
        if text != self.text:
            self.load_text(text)
            self.move_cursor(self.document.end)

    async def on_key(self, event: events.Key) -> None:
        """Check the answer at Enter where it is short, and refuse what is too long."""
        if event.key == "enter" and self.enter_checks:
            event.prevent_default()  # it is a binding then
        elif event.is_printable and len(self.text) >= LONGEST:
            event.prevent_default()
            event.stop()
            self.notify(f"An answer has {LONGEST:,} characters at most.")

    def action_check_short(self) -> None:
        """Check an answer of one line."""
        self.post_message(self.Done())

    def action_check(self) -> None:
        """Check the answer."""
        self.post_message(self.Done())

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        if action == "check_short" and not self.enter_checks:
            return "Enter begins a new line here; Ctrl+S or F2 is done."
        return ""

    def action_leave(self) -> None:
        """Leave the box."""
        self.post_message(self.Left())


class AnswerHead(OfModel[CourseModel], LinesPane):
    """The line above the answer, and the result of its last check."""

    DEFAULT_CSS = "AnswerHead { height: 4; }"

    is_checking = False
    """True while an answer is being checked."""

    def show_checking(self, is_checking: bool) -> None:
        """Show that an answer is being checked, or that it is no more."""
        self.is_checking = is_checking
        self.redraw()

    def title(self) -> str:
        """The title."""
        return "Your answer"

    def lines(self, width: int, height: int) -> Sequence[Strip]:
        """Draw the result, in as many lines as there are."""
        if not self._model.course.steps:
            return []
        words, style = self._words()
        return self.say(words, width, style, most=height)

    def _words(self) -> tuple[str, Style | None]:
        model, palette = self._model, self.palette
        if self.is_checking:
            return "Checking your answer", palette.muted
        if model.error:
            return model.error, palette.bad
        verdict: Verdict | None = model.verdict(model.step)
        if verdict is None:
            progress = model.progress.get(model.step.id, "")
            return f"{progress} {_INVITATIONS[model.step.kind]}".strip(), palette.muted
        if verdict.right is None:
            return verdict.message, palette.good
        mark = MARKS["right" if verdict.right else "wrong"]
        style = palette.good if verdict.right else palette.bad
        return f"{mark} {verdict.message}", style


_INVITATIONS: Mapping[str, str] = {
    "number": "Enter, type a number, Enter.",
    "shape": "Enter, type a shape as in (3, 5), Enter.",
    "choice": "Enter, type the letter, Enter.",
    "text": "Enter, type an answer in your own words, Ctrl+S.",
    "run": "Enter, type your words, Ctrl+S.",
}
