"""The course screen with a course of two steps, as tests open it and answer it."""

from __future__ import annotations

from typing import Any

from mnistop.engine.config import RunConfig
from mnistop.engine.lessons.answers import AnswerBook
from mnistop.engine.lessons.course import Course
from mnistop.engine.lessons.parser import parse
from mnistop.tui.features.course.answer import AnswerBox
from mnistop.tui.session.run_screen import ScreenWanted
from mnistop.tui.toolkit.bars import PANES
from tests.helpers import made_up
from tests.helpers.dashboard import Dashboard, Workers

TEXT = """\
# Two questions
id: two

## Pixels
id: pixels
screen: data
form: lr=0.5
check: number
answer: 784

Think of `28 × 28`.

### Question
How many pixels?

### Hints
- 28: That is one side.

### Answer
28 × 28 = 784.

## Why
id: why
screen: train
run: notebook
epoch: start
pane: log

### Question
Why is that so?

### Answer
Because of the model answer.
"""


def course() -> Course:
    return parse(TEXT, "two.md", PANES)


async def open_course(shown: Dashboard, about: Course | None = None) -> None:
    shown.app.post_message(ScreenWanted("course", about or course()))
    await shown.settle()


async def type_in(shown: Dashboard, text: str) -> None:
    for char in text:
        await shown.burst({" ": "space", "\n": "enter"}.get(char, char))


def box(shown: Dashboard) -> AnswerBox:
    return shown.app.screen.query_one(AnswerBox)


def kept(id: str = "two") -> Any:
    return AnswerBook(id).read()


def write_notebooks_run(workers: Workers) -> None:
    told = [*made_up.story(100), made_up.finished(100)]
    made_up.write_run(workers.folder, told, RunConfig(), "20261124-100001-calm-otter")
