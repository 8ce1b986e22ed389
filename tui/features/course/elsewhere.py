"""The question of a step, and its answer, on the screen that the step is about."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from mnistop.engine.lessons.checks import Verdict
from mnistop.engine.lessons.course import Step, plain
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.draw.cells import clean
from mnistop.tui.draw.palette import Palette
from mnistop.tui.features.course.answer import AnswerBox
from mnistop.tui.features.course.answering import Answering
from mnistop.tui.features.course.model import CourseModel
from mnistop.tui.features.course.panes import MARKS
from mnistop.tui.session.question import Question, QuestionChanged
from mnistop.tui.session.run_screen import RunScreen
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
        & .result { display: none; }
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
        self._result, self._keys = Static(classes="result"), Static(markup=False)
        self._is_checking = False

    def compose(self) -> ComposeResult:
        """Yield the question, the answer, its result, and the line of its keys."""
        with Vertical():
            yield self._static(self._step.question_line, "question")
            for letter, text in self._step.choices.items():
                yield self._static(f"  {letter}  {plain(text)}")
            yield self._box
            yield self._result
            yield self._keys

    def _static(self, text: str, classes: str = "") -> Static:
        return Static(clean(text, self._terminal), classes=classes, markup=False)

    def on_mount(self) -> None:
        """Show the keys."""
        done = "Enter check" if self._box.enter_checks else "Ctrl+S done"
        self._keys.update(clean(f"{done}   Esc leave; what is typed is kept", self._terminal))

    def _show(self, result: str, is_wrong: bool = False) -> None:
        palette = Palette.of(self._terminal)
        style = palette.bad if is_wrong else palette.muted
        text = f"{MARKS['wrong']} {result}" if is_wrong else result
        self._result.update(Text(clean(text, self._terminal), style))
        self._result.display = bool(result)

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
            self._show(verdict.message, is_wrong=True)
            if self._box.enter_checks:
                self._box.select_all()
        else:
            self.dismiss()

    @on(AnswerBox.Left)
    def _on_left(self) -> None:
        self.dismiss()


class QuestionElsewhere:
    """A question that stays in sight on other screens, and is answered there.

    Args:
        screen: the course screen.
        model: the course.
        step: whose question.
        answering: checks answers and saves what is typed.
    """

    def __init__(
        self, screen: RunScreen, model: CourseModel, step: Step, answering: Answering
    ) -> None:
        self._screen, self._model, self._step = screen, model, step
        self._answering = answering
        self.question = Question(step.question_line, self._answer, self._look)
        self._show_result()

    def _answer(self) -> None:
        """Ask for the answer on the screen in sight."""
        model, step = self._model, self._step

        async def check(text: str) -> Verdict | None:
            verdict = await self._answering.check(step, text)
            self._show_result()
            return verdict

        def typed(text: str) -> None:
            self._answering.note_typed(step, text)

        terminal = self._screen.terminal
        self._screen.app.push_screen(AnswerScreen(terminal, step, model.draft(step), check, typed))

    def _look(self) -> None:
        self._screen.run_worker(self._find_runs(), exit_on_error=False)

    async def _find_runs(self) -> None:
        await self._model.find_runs()
        self._show_result()

    def _show_result(self) -> None:
        """Show the result of the last check beside the question."""
        model, step, verdict = self._model, self._step, self._model.verdict(self._step)
        self.question.is_done = model.is_done(step)
        self.question.result = verdict.message if verdict else model.progress.get(step.id, "")
        self._screen.post_message(QuestionChanged())
