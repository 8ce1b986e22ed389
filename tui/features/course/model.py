"""The steps of a course, the answers to them, and how these are checked and kept."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence

from mnistop.engine import worker
from mnistop.engine.analysis.fragility import PerturbationBounds, bracket
from mnistop.engine.errors import MnistopError
from mnistop.engine.lessons import own_runs
from mnistop.engine.lessons.answers import (
    AnswerBook,
    Answers,
    StepAnswers,
    note_on,
)
from mnistop.engine.lessons.checks import Verdict
from mnistop.engine.lessons.course import Course, Step
from mnistop.engine.lessons.own_runs import EPSILON, OwnNumber, RunWanted
from mnistop.engine.runs.entry import RunEntry
from mnistop.engine.runs.index import list_all

_NONE = Course("", "Course", ())
"""Stands for the course until one is opened."""


class CourseModel:
    """A course, its present step, and the answers of this user."""

    def __init__(self) -> None:
        self.course = _NONE
        self.book = AnswerBook(_NONE.id)
        self.answers = Answers()
        self.position = 0
        self.messages: dict[str, Verdict] = {}
        """The results of the last checks by the ids of the steps, since the course was opened."""
        self.progress: dict[str, str] = {}
        """What is still missing, by the ids of the steps that wait for runs."""
        self.notice = ""
        """A sentence on answers that were damaged, or belong to another course; empty for none."""
        self.error = ""
        """Why the answers cannot be read, or the last one is not saved; empty if they are."""
        self._one_at_a_time = threading.Lock()
        """Held while a thread changes the answers."""
        self._drafts: dict[str, str] = {}
        """What is typed and not saved yet, by the ids of the steps."""

    def open(self, course: Course) -> None:
        """Take up a course, at its first open step."""
        self.course = course
        self.messages.clear()
        self.progress.clear()
        self._drafts.clear()
        self.book = AnswerBook(course.id, course.title)
        self.answers, self.error = Answers(), ""
        try:
            self.answers = self.book.read()
        except MnistopError as error:
            self.error = str(error)
        self.notice = self.book.notice or note_on(self.answers, course)
        self.position = self._first_open()

    def _first_open(self) -> int:
        """Return the place of the first step that is not done, else of the last."""
        undone = (place for place, step in enumerate(self.course.steps) if not self.is_done(step))
        return next(undone, len(self.course.steps) - 1)

    @property
    def step(self) -> Step:
        """The present step."""
        return self.course.steps[self.position]

    def go(self, position: int) -> None:
        """Go to another step, the nearest that there is."""
        self.position = max(0, min(len(self.course.steps) - 1, position))

    # Answers

    def of(self, step: Step) -> StepAnswers:
        """Return what is kept of a step."""
        return self.answers.of(step.id)

    def draft(self, step: Step) -> str:
        """Return what is typed, else the answer that was handed in last."""
        kept = self.of(step)
        last = kept.attempts[-1].text if kept.attempts else ""
        return self._drafts.get(step.id, kept.draft or last)

    def is_begun(self, step: Step) -> bool:
        """Return whether something is typed that is not handed in."""
        return bool(self._drafts.get(step.id, self.of(step).draft).strip())

    def verdict(self, step: Step) -> Verdict | None:
        """Return the result of the last check; None before the first."""
        if step.id in self.messages:
            return self.messages[step.id]
        attempts = self.of(step).attempts
        return Verdict(attempts[-1].right, attempts[-1].message) if attempts else None

    def shows_model_answer(self, step: Step) -> bool:
        """Return whether the model answer may be seen: once the student has written one."""
        kept = self.of(step)
        if isinstance(step.check, RunWanted):
            return any(attempt.text.strip() for attempt in kept.attempts)
        return kept.revealed or kept.state in ("right", "answered")

    def may_reveal(self, step: Step) -> bool:
        """Return whether the model answer may be shown: once an answer was tried."""
        return bool(self.of(step).attempts) and not self.wants_words(step)

    def wants_words(self, step: Step) -> bool:
        """Return whether a run was found, and the student's words on it are missing."""
        return self.of(step).state == "right" and not self.shows_model_answer(step)

    def is_done(self, step: Step) -> bool:
        """Return whether nothing more is asked in a step."""
        return self.of(step).state in ("right", "answered") and not self.wants_words(step)

    @property
    def done(self) -> int:
        """The number of steps that are done."""
        return sum(map(self.is_done, self.course.steps))

    def note_draft(self, step: Step, text: str) -> None:
        """Note what is typed, until `save` keeps it."""
        if text != self.draft(step):
            self._drafts[step.id] = text

    def save(self) -> None:
        """Keep all that is typed; the error says why that was not possible."""
        for id, text in list(self._drafts.items()):
            try:
                with self._one_at_a_time:
                    if self._drafts.get(id) == text:  # it has not been handed in meanwhile
                        self.answers = self.book.keep_draft(id, text)
            except MnistopError as error:
                self.error = str(error)
                return
            if self._drafts.get(id) == text:
                del self._drafts[id]
        self.error = ""

    def read_again(self) -> bool:
        """Read the answers, and return whether another instance has changed them.

        Raises:
            MnistopError: they cannot be read.
        """
        with self._one_at_a_time:
            before, self.answers = self.answers, self.book.read()
        return before != self.answers

    def reveal(self, step: Step) -> None:
        """Show the model answer of a step.

        Raises:
            MnistopError: that cannot be noted.
        """
        with self._one_at_a_time:
            self.answers = self.book.reveal(step.id)

    def keep_name(self, name: str) -> None:
        """Keep the student's name.

        Raises:
            MnistopError: it cannot be written.
        """
        with self._one_at_a_time:
            self.answers = self.book.keep_name(name)

    # Checks

    async def hand_in(self, step: Step, text: str) -> Verdict:
        """Check an answer and keep it.

        Raises:
            MnistopError: it cannot be checked or kept; it stays as a draft.
        """
        verdict = await self._check(step, text)
        if verdict.counts:
            await asyncio.to_thread(self._keep, step, text, verdict)
        self.messages[step.id] = verdict
        return verdict

    def _keep(self, step: Step, text: str, verdict: Verdict) -> None:
        with self._one_at_a_time:
            self.answers = self.book.add(step.id, text, verdict)
            self._drafts.pop(step.id, None)

    async def _check(self, step: Step, text: str) -> Verdict:
        if isinstance(step.check, RunWanted):
            return await asyncio.to_thread(self._check_run, step.check)
        if isinstance(step.check, OwnNumber):
            return await self._check_own(step, step.check, text)
        return step.check.check(text)

    def _check_run(self, check: RunWanted) -> Verdict:
        return check.check(list_all().runs)

    async def _check_own(self, step: Step, check: OwnNumber, text: str) -> Verdict:
        own = (await asyncio.to_thread(self.runs_for, step))[:1]
        if not own:
            return Verdict(False, await asyncio.to_thread(self.why_no_run, step), False)
        run = own[0].run
        if check.fact == EPSILON:
            return self._check_epsilon(
                check, text, await worker.ask(bracket, run, step.place.image or 0)
            )
        return check.check(text, await asyncio.to_thread(own_runs.fact_of, run, check.fact))

    def _check_epsilon(self, check: OwnNumber, text: str, known: PerturbationBounds) -> Verdict:
        verdict = check.check(text, known.smallest["fgsm"])
        if verdict.right or not check.check(text, known.found).right:
            return verdict
        return Verdict(
            False,
            "That is where the best of all attacks begins. Asked is FGSM alone: m jumps to its "
            "smallest ε.",
        )

    def runs_for(self, step: Step) -> Sequence[RunEntry]:
        """Return the newest run for each filter of a step, as far as there are such runs.

        A step without a filter that is about a run of one's own has the newest one.
        """
        runs = list_all().runs
        filters = step.place.runs or ("",)
        found = (next(iter(own_runs.matching(runs, each)), None) for each in filters)
        return [one for one in found if one]

    def why_no_run(self, step: Step) -> str:
        """Return why a step that needs runs cannot be shown yet."""
        runs = list_all().runs
        if own_runs.RECORDED in step.place.runs and not own_runs.matching(runs, own_runs.RECORDED):
            return own_runs.NOT_RECORDED
        return (
            "This step is about a run that you do not have yet: train it first, as an earlier step "
            "says."
        )

    async def find_runs(self) -> bool:
        """Look for the runs that steps ask for; return whether there is more or less of them."""
        waiting = [
            step
            for step in self.course.steps
            if isinstance(step.check, RunWanted) and self.of(step).state != "right"
        ]
        if not waiting:
            return False
        return await asyncio.to_thread(self._find_runs, waiting)

    def _find_runs(self, waiting: Sequence[Step]) -> bool:
        runs, before = list_all().runs, dict(self.progress)
        for step in waiting:
            assert isinstance(step.check, RunWanted)
            verdict = step.check.check(runs)
            self.progress[step.id] = verdict.message
            if verdict.right:
                last = self.of(step).attempts[-1].text if self.of(step).attempts else ""
                with self._one_at_a_time:
                    self.answers = self.book.add(step.id, last, verdict, keep_draft=True)
                self.messages.pop(step.id, None)
        return self.progress != before
