"""A student's answers to a course, kept in one private JSON file.

Each change is read, made and written under a lock, so that two instances lose none of each other's
answers, and a reader never sees a part of the file. Handed-in answers are only ever added.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Literal

import platformdirs
from msgspec import Meta

from mnistop.engine.errors import MnistopError
from mnistop.engine.files import from_json, open_regular, reason, user_folder, write_atomically
from mnistop.engine.lessons.checks import LONGEST, Verdict
from mnistop.engine.lessons.course import Course
from mnistop.engine.safe_write import numbered

_LARGEST = 1 << 26
LONGEST_NAME = 80
"""Characters of a student's name."""

State = Literal["open", "answered", "wrong", "right"]


@dataclass(frozen=True)
class Attempt:
    """An answer as it was handed in."""

    text: Annotated[str, Meta(max_length=LONGEST)]
    right: bool | None
    """None for words of one's own."""
    message: str
    """The sentence that the student was shown."""
    time: float
    """Seconds since 1970."""


@dataclass(frozen=True)
class StepAnswers:
    """The stored answers of a step."""

    attempts: tuple[Attempt, ...] = ()
    """In the order in which they were handed in."""
    draft: Annotated[str, Meta(max_length=LONGEST)] = ""
    """What is typed, and not handed in."""
    revealed: bool = False
    """True if the model answer was shown before the right answer was found."""

    @property
    def state(self) -> State:
        """`right` once an attempt was, `answered` for words of one's own."""
        if any(attempt.right for attempt in self.attempts):
            return "right"
        if not self.attempts:
            return "open"
        return "wrong" if self.attempts[-1].right is False else "answered"

    @property
    def best(self) -> Attempt | None:
        """The last right attempt, else the last of one's own words, else the last one."""
        for kind in (True, None):
            for attempt in reversed(self.attempts):
                if attempt.right is kind:
                    return attempt
        return self.attempts[-1] if self.attempts else None


@dataclass(frozen=True)
class Answers:
    """All that is kept of a course."""

    format: int = 1
    title: str = ""
    """Of the course."""
    name: Annotated[str, Meta(max_length=LONGEST_NAME)] = ""
    """The student's."""
    steps: dict[str, StepAnswers] = field(default_factory=dict)
    """By the ids of the steps."""

    def of(self, step: str) -> StepAnswers:
        """Return what is kept of a step."""
        return self.steps.get(step, StepAnswers())


def course_folder() -> Path:
    """Return the folder of all answers: `mnistop/course` in the user's data folder.

    Raises:
        RunError: this user has no home folder.
    """
    return user_folder(lambda: platformdirs.user_data_path("mnistop"), "XDG_DATA_HOME") / "course"


class AnswerBook:
    """The file of the answers to one course.

    Args:
        course: the id of the course.
        title: its title.
    """

    def __init__(self, course: str, title: str = "") -> None:
        self._course = course
        self._title = title
        self.notice = ""
        """A sentence on a damaged file that was set aside; empty for none."""

    @property
    def path(self) -> Path:
        """The file.

        Raises:
            RunError: this user has no home folder.
        """
        return course_folder() / f"{self._course}.json"

    def read(self) -> Answers:
        """Return the answers; none if there is no file.

        A damaged file is set aside, not overwritten.

        Raises:
            MnistopError: the file cannot be read.
        """
        found = self._read()
        if found is None:
            with self._locked():
                found = self._read() or self._set_aside()
        return found

    def add(self, step: str, text: str, verdict: Verdict, *, keep_draft: bool = False) -> Answers:
        """Keep an answer that is handed in.

        Args:
            step: the id of the step.
            text: the answer.
            verdict: the result of its check.
            keep_draft: whether the draft stays; else it is done.

        Raises:
            MnistopError: it cannot be written.
        """
        attempt = Attempt(text[:LONGEST], verdict.right, verdict.message, round(time.time(), 1))

        def change(kept: StepAnswers) -> StepAnswers:
            is_new = not (kept.attempts and _is_same(kept.attempts[-1], attempt))
            attempts = (*kept.attempts, attempt) if is_new else kept.attempts
            return replace(kept, attempts=attempts, draft=kept.draft if keep_draft else "")

        return self._change(step, change)

    def keep_draft(self, step: str, text: str) -> Answers:
        """Keep what is typed so far.

        Raises:
            MnistopError: it cannot be written.
        """
        return self._change(step, lambda kept: replace(kept, draft=text[:LONGEST]))

    def reveal(self, step: str) -> Answers:
        """Note that the model answer was shown.

        Raises:
            MnistopError: it cannot be written.
        """
        return self._change(step, lambda kept: replace(kept, revealed=True))

    def keep_name(self, name: str) -> Answers:
        """Keep the student's name.

        Raises:
            MnistopError: it cannot be written.
        """
        return self._write(lambda answers: replace(answers, name=name[:LONGEST_NAME]))

    def _change(self, step: str, change: Callable[[StepAnswers], StepAnswers]) -> Answers:
        return self._write(
            lambda answers: replace(answers, steps=answers.steps | {step: change(answers.of(step))})
        )

    def _write(self, change: Callable[[Answers], Answers]) -> Answers:
        with self._locked():
            before = self._read() or self._set_aside()
            after = replace(change(before), title=self._title or before.title)
            if after != before:
                content = json.dumps(asdict(after), ensure_ascii=False, indent=1)
                try:
                    write_atomically(self.path, content.encode("utf-8", "replace"))
                except OSError as error:
                    raise self._unwritable(error) from None
        return after

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock of the file, which is another file: this one is replaced."""
        folder = self.path.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            lock = os.open(self.path.with_suffix(".lock"), flags, 0o600)
        except OSError as error:
            raise self._unwritable(error) from None
        try:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _read(self) -> Answers | None:
        """Return the answers, or None for a damaged file."""
        try:
            with open_regular(self.path) as file:
                return from_json(Answers, file.read(_LARGEST))
        except FileNotFoundError:
            return Answers(title=self._title)
        except OSError as error:
            raise MnistopError(
                f"Your answers in {self.path} cannot be read: {error.strerror}."
            ) from None
        except ValueError:
            return None

    def _set_aside(self) -> Answers:
        aside = next(
            path for path in numbered(self.path.with_suffix(".damaged")) if not path.exists()
        )
        try:
            self.path.rename(aside)
        except OSError as error:
            raise self._unwritable(error) from None
        self.notice = f"The file of your answers was damaged. It is kept as {aside}."
        return Answers(title=self._title)

    def _unwritable(self, error: OSError) -> MnistopError:
        why = reason(error, self.path.parent)
        return MnistopError(f"Your answer is not saved in {self.path.parent}: {why}.")


def note_on(answers: Answers, course: Course) -> str:
    """Return a sentence if the answers were begun in another course of the same id; else nothing.

    A teacher may change the title or take steps away; it is another course if both differ.
    """
    is_other = bool(answers.title) and answers.title != course.title
    if not is_other or answers.steps.keys() <= {step.id for step in course.steps}:
        return ""
    return (
        f'The answers of the course "{answers.title}" are kept under the same id, {course.id}, so '
        "the two courses share them: give one of them another id."
    )


def _is_same(one: Attempt, other: Attempt) -> bool:
    return (one.text, one.right, one.message) == (other.text, other.right, other.message)


def count_states(answers: Answers, steps: Sequence[str]) -> dict[State, int]:
    """Count the steps in each state."""
    states: list[State] = ["right", "answered", "wrong", "open"]
    found = [answers.of(step).state for step in steps]
    return {state: found.count(state) for state in states}
