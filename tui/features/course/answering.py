"""Answering a step: what is typed is saved at once, and checked and kept when it is done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import TextArea

from mnistop.engine.errors import MnistopError
from mnistop.engine.lessons.checks import Verdict
from mnistop.engine.lessons.course import Step
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.course.answer import AnswerBox, AnswerHead
from mnistop.tui.features.course.model import CourseModel
from mnistop.tui.terminal.faults import FaultTolerant

_RETRY_SECONDS = 2.0
"""After so long an answer that could not be saved is saved again."""
_NOTICE_SECONDS = 15
"""An error stays in sight for so long."""


class Answering(FaultTolerant, Vertical):
    """The box in which an answer is typed, below its last result.

    Args:
        terminal: what the terminal can show.
        model: the course.
        checked: called with the result once an answer to the present step is checked, before the
            next key.
    """

    DEFAULT_CSS = "Answering { height: auto; }"

    class Saved(Message):
        """What was typed is saved, or could not be."""

    def __init__(
        self, terminal: Terminal, model: CourseModel, checked: Callable[[Verdict], object]
    ) -> None:
        super().__init__()
        self._model = model
        self._checked = checked
        self.head = AnswerHead(terminal, model)
        self.box = AnswerBox(terminal)
        self._typed = asyncio.Event()
        """Set when something has been typed."""

    def compose(self) -> ComposeResult:
        """Yield the result and the box."""
        yield self.head
        yield self.box

    def on_mount(self) -> None:
        """Save from now on."""
        self.run_worker(self._save(), group="save", exit_on_error=False)

    def on_unmount(self) -> None:
        """Keep what was typed last."""
        self._model.save()

    def show_step(self) -> None:
        """Show what was typed in the present step."""
        self.box.show(self._model.draft(self._model.step), self._model.step)

    def show_draft(self) -> None:
        """Show what was typed elsewhere meanwhile."""
        if self._model.course.steps:
            self.box.show_text(self._model.draft(self._model.step))

    # What is typed

    @on(TextArea.Changed)
    def _on_changed(self) -> None:
        if self._model.course.steps:
            self.note_typed(self._model.step, self.box.text)

    def note_typed(self, step: Step, text: str) -> None:
        """Save what is typed, here or on the screen that the step is about."""
        self._model.note_draft(step, text)
        self._typed.set()

    async def _save(self) -> None:
        while True:
            await self._typed.wait()
            self._typed.clear()
            before = self._model.error
            await asyncio.to_thread(self._model.save)
            self.post_message(self.Saved())
            if self._model.error != before:
                self.head.redraw()
            if self._model.error:
                await asyncio.sleep(_RETRY_SECONDS)
                self._typed.set()

    # What is done

    @property
    def is_checking(self) -> bool:
        """True while an answer is checked: the next keys are for what comes after it."""
        return self.head.is_checking

    @on(AnswerBox.Done)
    def _on_done(self) -> None:
        self.head.show_checking(True)
        self.run_worker(self._check_typed(), group="check", exit_on_error=False)

    async def _check_typed(self) -> None:
        model, step = self._model, self._model.step
        before = model.verdict(step)
        try:
            verdict = await self.check(step, self.box.text)
            if verdict and verdict == before and verdict.right is False:
                self.notify(f"As before: {verdict.message}", markup=False)
            if verdict and step is model.step:
                self._checked(verdict)
        finally:
            self.head.show_checking(False)

    async def check(self, step: Step, text: str) -> Verdict | None:
        """Check an answer and keep it; show why that is not possible."""
        try:
            return await self._model.hand_in(step, text)
        except MnistopError as error:
            self.notify(str(error), severity="error", markup=False, timeout=_NOTICE_SECONDS)
            return None
        finally:
            self.screen.refresh_bindings()
