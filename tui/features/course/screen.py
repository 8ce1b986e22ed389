"""The course screen: the steps, one step's text and question, and the answer to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from textual import events, on
from textual.containers import Container, Vertical
from textual.widget import Widget
from textual.widgets import TextArea

from mnistop.engine import worker
from mnistop.engine.errors import MnistopError
from mnistop.engine.lessons.answers import LONGEST_NAME
from mnistop.engine.lessons.checks import Verdict
from mnistop.engine.lessons.course import Course, Step
from mnistop.engine.lessons.hand_in import hand_in_page
from mnistop.engine.lessons.parser import bundled_course
from mnistop.engine.safe_write import numbered
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.course.answer import AnswerBox, AnswerHead
from mnistop.tui.features.course.elsewhere import QuestionElsewhere
from mnistop.tui.features.course.model import CourseModel
from mnistop.tui.features.course.panes import Lesson, StepList
from mnistop.tui.session.question import PlaceWanted
from mnistop.tui.session.view import SeveralPanes
from mnistop.tui.toolkit.background import write_file
from mnistop.tui.toolkit.bars import PANES, SCREENS
from mnistop.tui.toolkit.bindings import bindings, declared, hidden, key, steps
from mnistop.tui.toolkit.dialogs import AskTextScreen, Section
from mnistop.tui.toolkit.list_pane import ListPane

_WIDE = 100
"""Columns from which on the list stands beside the text."""
_LOOK_SECONDS = 3.0
"""So often the runs that a step asks for are looked for."""
_RETRY_SECONDS = 2.0
"""After so long an answer that could not be saved is saved again."""


class CourseScreen(SeveralPanes):
    """A course with its steps, and the answers of this user.

    Args:
        terminal: what the terminal can show.
    """

    NAME = "course"

    BINDINGS = bindings(
        "course",
        key("answer", "enter,A", "answer", "Answer", "Type the answer to the question"),
        key("screen", "o", "open_screen", "Open its screen", "Open the screen it is about"),
        *steps("step", "Step", "n,right,l", "p,left,h"),
        key("model", "m", "model_answer", "Model answer", "Show the model answer"),
        hidden("hand_in", "H", "hand_in", "Hand in", "Write all answers as a page to hand in"),
    )

    DEFAULT_CSS = """
    CourseScreen #course-body { height: 1fr; }
    CourseScreen #course-text { height: 1fr; }
    CourseScreen #course-body.wide { layout: horizontal; }
    CourseScreen #course-body.wide StepList { width: 36; margin-right: 1; }
    CourseScreen #course-body StepList { display: none; }
    CourseScreen #course-body.wide StepList, CourseScreen #course-body.list StepList
        { display: block; }
    CourseScreen #course-body.list #course-text { display: none; }
    """

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._model = CourseModel()
        self._list = StepList(terminal, self._model)
        self._lesson = Lesson(terminal, self._model)
        self._head = AnswerHead(terminal, self._model)
        self._box = AnswerBox(terminal)
        self._body = Container(id="course-body")
        self._course: Course | None = None
        self._wake = asyncio.Event()
        """Set when something has been typed."""

    def panes(self) -> Iterable[Widget]:
        """The list, the text and the answer."""
        with self._body:
            yield self._list
            with Vertical(id="course-text"):
                yield self._lesson
                yield self._head
                yield self._box

    def enter(self, about: Course) -> None:
        """Show another course."""
        self._course = about
        if self.is_mounted:
            self._take(about)

    def on_mount(self) -> None:
        """Read the course and the answers."""
        self._take(self._course or bundled_course(PANES))
        self.set_focus(self._lesson)
        self.run_worker(self._save(), group="save", exit_on_error=False)

    def on_unmount(self) -> None:
        """Keep what was typed last."""
        self._model.save()

    def _take(self, course: Course) -> None:
        self._model.open(course)
        self._show_step()
        if self._model.book.notice:
            self.notify(self._model.book.notice, severity="warning", markup=False, timeout=15)

    # Layout

    @property
    def _is_wide(self) -> bool:
        return self.app.size.width >= _WIDE

    def on_resize(self, event: events.Resize) -> None:
        """Find the arrangement that fits."""
        self._arrange()

    def on_descendant_focus(self) -> None:
        """Show the list alone while it has the keys and there is no room beside it."""
        self._arrange()
        self._head.has_focus = self.focused is self._box

    def on_descendant_blur(self) -> None:
        """Show who has the keys."""
        self._head.has_focus = self.focused is self._box

    def _arrange(self) -> None:
        self._body.set_class(self._is_wide, "wide")
        self._body.set_class(not self._is_wide and self.focused is self._list, "list")

    def action_next_pane(self, by: int) -> None:
        """Go to the next or previous pane: the text, the answer, the list."""
        panes: list[Widget] = [self._lesson, self._box, self._list]
        place = panes.index(self.focused) if self.focused in panes else 0
        self._go_to(panes[(place + by) % len(panes)])

    def _go_to(self, pane: Widget) -> None:
        if pane is self._list and not self._is_wide:
            self._body.set_class(True, "list")  # what is not displayed cannot have the keys
        elif pane is not self._list:
            self._body.set_class(False, "list")
        self.set_focus(pane)
        self.changed()

    # The step

    def redraw(self) -> None:
        """Draw all panes."""
        self._list.redraw()
        self._lesson.redraw()
        self._head.redraw()

    def _show_step(self) -> None:
        """Show the present step from its beginning, with what was typed."""
        model = self._model
        self._list.position = model.position
        self._box.show(model.draft(model.step), model.step)
        self._lesson.show_start()
        self.changed()
        self.refresh_bindings()

    def action_step(self, by: int) -> None:
        """Go to another step."""
        self._model.go(self._model.position + by)
        self._show_step()

    @on(ListPane.Moved)
    def _on_moved(self, message: ListPane.Moved) -> None:
        self._model.go(message.position)
        self._show_step()

    @on(ListPane.Opened)
    def action_answer(self) -> None:
        """Go to the answer."""
        self._go_to(self._box)

    def action_back(self) -> None:
        """Back from the list to the text where only one of them has room, else leave."""
        if self.focused is self._list and not self._is_wide:
            self._go_to(self._lesson)
        else:
            super().action_back()

    def why_not(self, action: str, parameters: tuple[object, ...]) -> str:
        """Return the reason why an action is impossible now."""
        model = self._model
        match action:
            case "answer" if self.focused is self._box:
                return "The answer is active already: type it."
            case "open_screen" if model.course.steps and not model.step.place.screen:
                return "This step needs no screen: think, and answer."
            case "model_answer" if model.course.steps and not model.of(model.step).attempts:
                return "Answer the question first: Enter goes to the answer."
        return super().why_not(action, parameters)

    def hint(self) -> str:
        """Return what can be done next."""
        model = self._model
        if self.focused is self._box:
            enter = "Enter checks it" if self._box.enter_checks else "Ctrl+S or F2: done"
            return f"{enter}; Esc leaves the answer, which is kept"
        if not model.course.steps:
            return ""
        if model.is_finished:
            return "All steps are done. H writes a page with all answers, to hand in"
        if model.wants_words(model.step):
            return "You have the run: Enter, and answer in your own words; n goes on"
        if model.of(model.step).state in ("right", "answered"):
            return "n goes to the next step; Enter changes the answer"
        place = model.step.place.screen
        where = f"o opens {SCREENS[place].name or 'the comparison'}, " if place else ""
        return f"Enter answers, {where}n goes to the next step"

    # Answers

    @on(TextArea.Changed)
    def _on_changed(self) -> None:
        if self._model.course.steps:
            self._model.note_draft(self._model.step, self._box.text)
            self._wake.set()

    async def _save(self) -> None:
        """Keep what is typed, as it is typed."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            before = self._model.error
            await asyncio.to_thread(self._model.save)
            self._list.redraw()
            if self._model.error != before:
                self._head.redraw()
            if self._model.error:
                await asyncio.sleep(_RETRY_SECONDS)
                self._wake.set()

    @property
    def is_reading(self) -> bool:
        """True while an answer is checked: the next keys are for what comes after it."""
        return self._head.is_checking

    @on(AnswerBox.Done)
    def _on_done(self) -> None:
        self._head.show_checking(True)
        self.run_worker(self._check(), group="check", exit_on_error=False)

    async def _check(self) -> None:
        model, step = self._model, self._model.step
        before = model.verdict(step)
        try:
            verdict = await self.check(step, self._box.text)
            if verdict and verdict == before:
                self.notify(f"As before: {verdict.message}", markup=False)
            if verdict and step is model.step:
                if verdict.right is not False:
                    self._go_to(self._lesson)
                    self._lesson.show_model_answer()
                elif self._box.enter_checks:
                    self._box.select_all()
        finally:
            self._head.show_checking(False)
            self.changed()

    async def check(self, step: Step, text: str) -> Verdict | None:
        """Check an answer and keep it; show why that is not possible."""
        try:
            return await self._model.hand_in(step, text)
        except MnistopError as error:
            self.notify(str(error), severity="error", markup=False, timeout=15)
            return None
        finally:
            self.refresh_bindings()

    @on(AnswerBox.Left)
    def _on_box_left(self) -> None:
        self._go_to(self._lesson)
        self.changed()

    def action_model_answer(self) -> None:
        """Show the model answer."""
        model = self._model
        if not model.shows_model_answer(model.step):
            try:
                model.reveal(model.step)
            except MnistopError as error:
                self.notify(str(error), severity="error", markup=False)
                return
        self._lesson.show_model_answer()
        self.changed()

    def on_screen_resume(self) -> None:
        """Follow the runs and the answers until another screen is shown."""
        if self._model.course.steps:
            self._box.show_text(self._model.draft(self._model.step))
        self.keep_going(self._follow, "course")

    async def _follow(self) -> None:
        """Look for the runs that steps ask for, and for answers of another instance."""
        while self.is_current:
            try:
                found = await self._model.find_runs()
                is_new = await asyncio.to_thread(self._model.read_again)
            except MnistopError as error:
                self._model.error = str(error)
            else:
                if is_new and self.focused is not self._box:
                    self._box.show_text(self._model.draft(self._model.step))
                if found or is_new:
                    self.changed()
                    self.refresh_bindings()
            await asyncio.sleep(_LOOK_SECONDS)

    # The screen that a step is about

    def action_open_screen(self) -> None:
        """Open the screen that the step is about, with its question in sight."""
        self.run_worker(self._open_screen(), group="open", exclusive=True, exit_on_error=False)

    async def _open_screen(self) -> None:
        model, step = self._model, self._model.step
        runs = await asyncio.to_thread(model.runs_for, step) if step.place.runs else []
        needs_run = bool(step.place.runs) and step.place.form is None
        if needs_run and len(runs) < len(step.place.runs):
            self.notify(
                "The run that this step is about does not exist yet: train it first, as an earlier "
                "step says.",
                markup=False,
            )
            return
        asked = QuestionElsewhere(self, model, step, self.check, self._wake.set)
        self.post_message(PlaceWanted(step.place, runs, asked.question))

    # The page

    def action_hand_in(self) -> None:
        """Ask for the student's name, and write all answers as a page in the current folder."""

        def answer(name: str | None) -> None:
            if name is not None:
                self.run_worker(self._hand_in(name), group="hand-in", exit_on_error=False)

        name = self._model.answers.name
        self.app.push_screen(
            AskTextScreen(self.terminal, "Your name:", name, LONGEST_NAME, "write the page"), answer
        )

    async def _hand_in(self, name: str) -> None:
        model = self._model
        self.notify("Drawing the figures of your run")
        try:
            await asyncio.to_thread(model.keep_name, name.strip())
            page = await worker.ask(hand_in_page, model.course, model.answers)
        except MnistopError as error:
            self.notify(str(error), severity="error", markup=False, timeout=15)
            return
        names = numbered(Path.cwd() / f"mnistop-course-{model.course.id}.html")
        write_file(self, names, page.encode("utf-8", "backslashreplace"), "Your page to hand in:")

    def sections(self) -> Sequence[Section]:
        """Return each pane's purpose and keys, for the help; the focused pane first."""
        panes: list[tuple[Widget, Section]] = [
            (self._lesson, Section("A step of the course", Lesson.EXPLANATION, declared(Lesson))),
            (self._box, Section("Your answer", AnswerBox.EXPLANATION, declared(AnswerBox))),
            (self._list, Section("The steps", StepList.EXPLANATION, declared(StepList))),
        ]
        panes.sort(key=lambda pane: pane[0] is not self.focused)
        return [
            *(section for _, section in panes),
            Section("On the course screen", "", declared(CourseScreen)),
        ]
