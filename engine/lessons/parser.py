"""The text file of a course, read with all its mistakes at once.

    # Title of the course
    id: my-course

    ## Title of a step
    id: pixels
    screen: data
    check: number
    answer: 784

    A text of some paragraphs.

    ### Question
    How many pixels has an image?

    ### Hints
    - 28: That is one side of it.

    ### Answer
    28 × 28 = 784.

[The teacher's guide](docs/course.md) explains every key.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from mnistop.engine.errors import MnistopError
from mnistop.engine.files import open_regular
from mnistop.engine.lessons.course import KINDS, Course, Step
from mnistop.engine.lessons.sections import Problem, Section, cut, near
from mnistop.engine.lessons.step_file import KEYS, Screens, read_check, read_place

_LARGEST = 1 << 20
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class CourseError(MnistopError):
    """A course that has mistakes.

    Args:
        name: the file.
        problems: the line of each mistake and a sentence on it, in their order.
    """

    def __init__(self, name: str, problems: list[tuple[int, str]]) -> None:
        self.name = name
        self.problems = problems
        super().__init__("\n".join(self.sentences))

    @property
    def sentences(self) -> list[str]:
        """A sentence for each mistake, with its line."""
        return [f"{self.name}, line {line}: {text}" for line, text in self.problems]

    def __reduce__(self) -> tuple[type[CourseError], tuple[str, list[tuple[int, str]]]]:
        return type(self), (self.name, self.problems)


def bundled_course(screens: Screens) -> Course:
    """Return the course that comes with this program."""
    file = resources.files("mnistop.engine.lessons").joinpath("notebook.md")
    return parse(file.read_text("utf-8"), "notebook.md", screens)


def load_course(path: Path, screens: Screens) -> Course:
    """Read the file of a course.

    Args:
        path: the file.
        screens: the screens that a step can open, with their panes.

    Raises:
        CourseError: it has mistakes.
        MnistopError: it cannot be read.
    """
    try:
        with open_regular(path) as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", "") or str(error)
        raise MnistopError(f"{path} cannot be read: {why}.") from None
    if len(content) > _LARGEST:
        raise MnistopError(f"{path} is larger than a megabyte: it is no course.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise CourseError(path.name, [(line, "This is not UTF-8 text.")]) from None
    return parse(text, path.name, screens)


def parse(text: str, name: str, screens: Screens) -> Course:
    """Read the text of a course.

    Args:
        text: the content of the file.
        name: the name of the file, for mistakes.
        screens: the screens that a step can open, with their panes.

    Raises:
        CourseError: it has mistakes.
    """
    problems: list[Problem] = []
    parts = cut(text, problems)
    id = _id(parts.head, "course")
    for key in parts.head.header.keys() - {"id"}:
        parts.head.add_problem(f"The header of a course has only an id, no {key}.", key)
    if lost := [number for number, line in parts.head.lines if line.strip()]:
        sentence = "Text before the first step would never be shown: begin it with ##."
        problems.append((lost[0], sentence))
    if not parts.steps:
        parts.head.add_problem("The course has no step: begin one with ## Title.")
    steps = [_step(section, screens) for section in parts.steps]
    lines: dict[str, int] = {}
    for section, step in zip(parts.steps, steps, strict=True):
        if step.id and step.id in lines:
            section.add_problem(f"The id {step.id} is taken by the step in line {lines[step.id]}.")
        lines.setdefault(step.id, step.line)
    if problems:
        raise CourseError(name, sorted(problems))
    return Course(id, parts.head.title, tuple(steps))


def _id(section: Section, what: str) -> str:
    id = section.value("id")
    if not id:
        section.add_problem(
            f"The {what} has no id: write id: some-name below its title; answers are kept under "
            "it.",
            "id",
        )
    elif not _ID.fullmatch(id):
        section.add_problem(
            f"The id {id!r} must be lower-case letters, digits and hyphens, 40 at most.", "id"
        )
        return ""
    return id


def _step(section: Section, screens: Screens) -> Step:
    kind = section.value("check", "text")
    for key in section.header:
        if key not in KEYS:
            section.add_problem(f"There is no key {key}{near(key, KEYS)}", key)
        elif KEYS[key] and kind in KINDS and kind not in re.split(", | or ", KEYS[key]):
            section.add_problem(f"The key {key} is for check: {KEYS[key]}, not {kind}.", key)
    texts = {name: part.blocks for name, part in section.parts.items()}
    for name in ("question", "answer"):
        if name not in section.parts:
            title = name.capitalize()
            section.add_problem(f"The step has no {name}: write ### {title} and a text below it.")
        elif not texts[name]:
            section.parts[name].add_problem(f"The {name} is empty.")
    return Step(
        id=_id(section, "step"),
        title=section.title,
        line=section.line,
        text=section.blocks,
        question=texts.get("question", ()),
        check=read_check(section),
        model_answer=texts.get("answer", ()),
        place=read_place(section, screens),
    )
