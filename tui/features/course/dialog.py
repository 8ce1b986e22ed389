"""The answer to a step's question, typed on the screen that the step is about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from mnistop.engine.lessons.checks import Verdict
from mnistop.engine.lessons.course import Step, plain
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean
from mnistop.tui.features.course.panes import AnswerBox
from mnistop.tui.terminal.faults import FaultTolerant


class AnswerScreen(FaultTolerant, ModalScreen[None]):
    """The question, the answer, and the result of its check.

    Args:
        terminal: what the terminal can show.
        step: whose question.
        text: what is typed already.
        check: checks an answer and keeps it.
        typed: is called with what is typed.
    """

    DEFAULT_CSS = """
    AnswerScreen {
        & > Vertical { height: auto; background: $surface; padding: 0 1; }
        & Static { height: auto; }
        & .question { text-style: bold; }
    }
    """

    def __init__(
        self,
        terminal: Terminal,
        step: Step,
        text: str,
        check: Callable[[str], Awaitable[Verdict | None]],
        typed: Callable[[str], object],
    ) -> None:
        super().__init__()
        self._terminal = terminal
        self._step = step
        self._check, self._typed = check, typed
        self._box = AnswerBox(terminal)
        self._box.show(text, step)
        self._result = Static(markup=False)
        self._is_checking = False

    def compose(self) -> ComposeResult:
        """Yield the question, the answer, and the line of its keys or its result."""
        with Vertical():
            yield self._static(self._step.question_line, "question")
            for letter, text in self._step.choices.items():
                yield self._static(f"  {letter}  {plain(text)}")
            yield self._box
            yield self._result

    def _static(self, text: str, classes: str = "") -> Static:
        return Static(clean(text, self._terminal), classes=classes, markup=False)

    def on_mount(self) -> None:
        """Show the keys."""
        self._show("")

    def _show(self, result: str) -> None:
        done = "Enter check" if self._box.enter_checks else "Ctrl+S done"
        keys = f"{done}   Esc leave; what is typed is kept"
        self._result.update(clean(f"{result}   {keys}" if result else keys, self._terminal))

    @on(TextArea.Changed)
    def _on_changed(self) -> None:
        self._typed(self._box.text)

    @property
    def is_reading(self) -> bool:
        """True while an answer is checked: the next keys are for what comes after it."""
        return self._is_checking

    @on(AnswerBox.Done)
    def _on_done(self) -> None:
        self._is_checking = True
        self._show("Checking")
        self.run_worker(self._hand_in(), group="check", exit_on_error=False)

    async def _hand_in(self) -> None:
        try:
            verdict = await self._check(self._box.text)
        finally:
            self._is_checking = False
        if verdict is None:
            self._show("")
        elif verdict.right is False:
            self._show(verdict.message)
            if self._box.enter_checks:
                self._box.select_all()
        else:
            self.dismiss()

    @on(AnswerBox.Left)
    def _on_left(self) -> None:
        self.dismiss()
