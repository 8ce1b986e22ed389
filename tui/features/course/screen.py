"""The course screen: the steps, one step's text and question, and the answer to it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from textual import on
from textual.widget import Widget

from mnistop.engine import worker
from mnistop.engine.errors import MnistopError
from mnistop.engine.lessons.answers import LONGEST_NAME
from mnistop.engine.lessons.checks import Verdict
from mnistop.engine.lessons.course import Course
from mnistop.engine.lessons.parser import bundled_course
from mnistop.engine.safe_write import numbered
from mnistop.tui.draw.capabilities import Terminal
from mnistop.tui.features.course.answer import AnswerBox
from mnistop.tui.features.course.answering import Answering
from mnistop.tui.features.course.arrangement import CoursePanes
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

_LOOK_SECONDS = 3.0
"""So often the runs that a step asks for are looked for."""


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

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._model = CourseModel()
        self._panes = CoursePanes(terminal, self._model, self._show_verdict, self.changed)
        self._list, self._lesson = self._panes.list, self._panes.lesson
        self._answering, self._box = self._panes.answering, self._panes.box
        self._course: Course | None = None

    def panes(self) -> Iterable[Widget]:
        """The list, the text and the answer."""
        yield self._panes

    def enter(self, about: Course) -> None:
        """Show another course."""
        self._course = about
        if self.is_mounted:
            self._take(about)

    def on_mount(self) -> None:
        """Read the course and the answers."""
        self._take(self._course or bundled_course(PANES))
        self.set_focus(self._lesson)

    def _take(self, course: Course) -> None:
        self._model.open(course)
        self._show_step()
        if self._model.notice:
            self.notify(self._model.notice, severity="warning", markup=False, timeout=15)

    # The step

    def redraw(self) -> None:
        """Draw all panes."""
        self._panes.redraw()

    def action_next_pane(self, by: int) -> None:
        """Go to the next or previous pane."""
        self._panes.go_to_next(by)

    def _show_step(self) -> None:
        """Show the present step from its beginning, with what was typed."""
        model = self._model
        self._list.position = model.position
        self._answering.show_step()
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
        self._panes.go_to(self._box)

    def action_back(self) -> None:
        """Back from the list to the text where only one of them has room, else leave."""
        if self._panes.is_list_alone:
            self._panes.go_to(self._lesson)
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
            case "model_answer" if model.course.steps and not model.may_reveal(model.step):
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
        if model.done == len(model.course.steps):
            return "All steps are done. H writes a page with all answers, to hand in"
        if model.wants_words(model.step):
            return "You have the run: Enter, and answer in your own words"
        on = [] if model.step is model.course.steps[-1] else ["n goes to the next step"]
        if model.is_done(model.step):
            return "; ".join([*on, "Enter changes the answer"])
        place = model.step.place.screen
        where = [f"o opens {SCREENS[place].name or 'the comparison'}"] if place else []
        return ", ".join(["Enter answers", *where, *on])

    # Answers

    @property
    def is_reading(self) -> bool:
        """True while an answer is checked: the next keys are for what comes after it."""
        return self._answering.is_checking

    @on(Answering.Saved)
    def _on_saved(self) -> None:
        self._list.redraw()

    def _show_verdict(self, verdict: Verdict) -> None:
        if verdict.right is not False:
            self._panes.go_to(self._lesson)
            self._lesson.show_model_answer()
        elif self._box.enter_checks:
            self._box.select_all()
        self.changed()

    @on(AnswerBox.Left)
    def _on_box_left(self) -> None:
        self._panes.go_to(self._lesson)
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
        self._answering.show_draft()
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
                    self._answering.show_draft()
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
            self.notify(await asyncio.to_thread(model.why_no_run, step), markup=False)
            return
        asked = QuestionElsewhere(self, model, step, self._answering)
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
        from mnistop.engine.lessons.hand_in import hand_in_page

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
