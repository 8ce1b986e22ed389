"""A course: steps with texts, questions and checks, and the screens that they are about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mnistop.engine.lessons.checks import Choice, Number, Shape, Words
from mnistop.engine.lessons.own_runs import OwnNumber, RunWanted

Check = Number | Shape | Choice | Words | OwnNumber | RunWanted


@dataclass(frozen=True)
class Block:
    """A part of a text."""

    kind: Literal["paragraph", "item", "code"]
    text: str
    """One line with `code` and **strong** words; of code, all lines as they are."""


@dataclass(frozen=True)
class Place:
    """The screen that a step is about, and what it shows there."""

    screen: str = ""
    """As the app names it; empty for none."""
    runs: tuple[str, ...] = ()
    """Filters: the newest run that passes the first one is opened, and the newest of each are
    compared on the screen `compare`."""
    epoch: int | None = None
    """-1 for the untrained model, None for the newest."""
    image: int | None = None
    """A validation image; on the data screen, one of all."""
    images: str = ""
    """A filter of the mistakes screen."""
    pane: str = ""
    """The pane that has the keys; empty for the usual one."""
    form: Mapping[str, str] | None = None
    """The values in the form, all others as in the notebook; None to leave it as it is."""


@dataclass(frozen=True)
class Step:
    """A step of a course."""

    id: str
    title: str
    line: int
    """The line of the file in which it begins."""
    text: Sequence[Block]
    question: Sequence[Block]
    check: Check
    model_answer: Sequence[Block]
    place: Place = field(default_factory=Place)

    @property
    def kind(self) -> str:
        """The kind of check, as the file names it."""
        return next(name for name, kinds in KINDS.items() if isinstance(self.check, kinds))

    @property
    def question_line(self) -> str:
        """The question as one line of plain text."""
        return " ".join(plain(block.text) for block in self.question)

    @property
    def choices(self) -> Mapping[str, str]:
        """The choices by their letters; none for other kinds of check."""
        return self.check.choices if isinstance(self.check, Choice) else {}


KINDS: dict[str, type[Check] | tuple[type[Check], ...]] = {
    "number": (Number, OwnNumber),
    "shape": Shape,
    "choice": Choice,
    "text": Words,
    "run": RunWanted,
}


@dataclass(frozen=True)
class Course:
    """A course."""

    id: str
    """Answers are kept under it."""
    title: str
    steps: Sequence[Step]

    def step(self, id: str) -> Step:
        """Return the step of an id."""
        return next(step for step in self.steps if step.id == id)


def plain(text: str) -> str:
    """Return a text without its marks for code and strong words."""
    return text.replace("**", "").replace("`", "")
