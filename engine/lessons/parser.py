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

import difflib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from mnistop.engine.config import PRESETS, RunConfig
from mnistop.engine.errors import ConfigError, MnistopError
from mnistop.engine.files import open_regular
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.lessons import own_runs
from mnistop.engine.lessons.checks import Choice, Number, Shape, Words, read_number, read_shape
from mnistop.engine.lessons.course import KINDS, Block, Check, Course, Place, Step
from mnistop.engine.lessons.own_runs import EPSILON, FACTS, VERDICTS, OwnNumber, RunWanted

_LARGEST = 1 << 20
_HEADER = re.compile(r"([A-Za-z][\w-]*)\s*:(?:\s+|$)(.*)")
_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_ITEM = re.compile(r"[-*]\s+(.*)")
_NOTE = re.compile(r"[-*]\s+(.+?):\s+(.*)")

KEYS = {
    "id": "",
    "screen": "",
    "run": "",
    "epoch": "",
    "image": "",
    "images": "",
    "pane": "",
    "form": "",
    "check": "",
    "answer": "number, shape or choice",
    "tolerance": "number",
    "unit": "number",
    "verdict": "run",
}
"""The keys of a step's header, and the kinds of check that those of one kind only belong to."""
_ONLY_ON = {"image": ("attack", "weights", "data"), "images": ("mistakes",)}
"""The screens that some keys are for."""
_PARTS = ("question", "choices", "hints", "answer")

Screens = Mapping[str, Collection[str]]
"""The names of the screens that a step can open, and of the panes of each."""


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
    return _Parser(name, screens).parse(text)


@dataclass
class _Section:
    """A heading, the header below it, and the lines up to the next heading of its kind."""

    title: str
    line: int
    header: dict[str, tuple[str, int]] = field(default_factory=dict)
    lines: list[tuple[int, str]] = field(default_factory=list)
    parts: dict[str, _Section] = field(default_factory=dict)


class _Parser:
    """A reader of one file, and a collector of its mistakes.

    Args:
        name: the name of the file.
        screens: the screens that a step can open, with their panes.
    """

    def __init__(self, name: str, screens: Screens) -> None:
        self._name = name
        self._screens = screens
        self._problems: list[tuple[int, str]] = []

    def parse(self, text: str) -> Course:
        head, sections = self._sections(text)
        if head is None:
            self._problem(1, "The first line must be the title of the course: # Title.")
            head = _Section("", 1)
        id = self._id(head, "course", "answers are kept under it")
        for key, (_, line) in head.header.items():
            if key != "id":
                self._problem(line, f"The header of a course has only an id, no {key}.")
        for number, text_line in head.lines:
            if text_line.strip():
                self._problem(
                    number, "Text before the first step would never be shown: begin it with ##."
                )
                break
        if not sections:
            self._problem(head.line, "The course has no step: begin one with ## Title.")
        steps = [self._step(section) for section in sections]
        lines: dict[str, int] = {}
        for step in steps:
            if step.id and step.id in lines:
                self._problem(
                    step.line, f"The id {step.id} is taken by the step in line {lines[step.id]}."
                )
            lines.setdefault(step.id, step.line)
        if self._problems:
            raise CourseError(self._name, sorted(self._problems))
        return Course(id, head.title, tuple(steps))

    def _problem(self, line: int, sentence: str) -> None:
        self._problems.append((line, sentence))

    # Lines

    def _sections(self, text: str) -> tuple[_Section | None, list[_Section]]:
        """Cut the text at its headings; those in code are none."""
        head: _Section | None = None
        steps: list[_Section] = []
        section: _Section | None = None
        in_header = in_code = False
        fence = 0
        for number, line in enumerate(text.splitlines(), 1):
            if line.startswith("```"):
                in_code, fence = not in_code, number
            heading = None if in_code else re.match(r"(#{1,6})\s*(.*)", line)
            if heading:
                section, in_header = self._begin(heading, number, head, steps), True
                if len(heading[1]) == 1 and head is None:
                    head = section
            elif section is None:
                if line.strip():
                    self._problem(number, "The first line must be the title: # Title.")
                    section = head = _Section("", number)
            elif in_header and (found := _HEADER.fullmatch(line)) and _has_header(section):
                self._take_header(section, found[1].lower(), found[2].strip(), number)
            else:
                in_header = False
                section.lines.append((number, line))
        if in_code:
            self._problem(fence, "This code has no end: close it with a line of ```.")
        return head, steps

    def _begin(
        self, heading: re.Match[str], line: int, head: _Section | None, steps: list[_Section]
    ) -> _Section:
        level, title = len(heading[1]), heading[2].strip()
        section = _Section(title, line)
        if level == 1:
            if head is not None:
                self._problem(line, "There is a title already: a step begins with ##.")
        elif level == 2:
            if not title:
                self._problem(line, "The step has no title: write it behind the ##.")
            steps.append(section)
        elif level > 3:
            self._problem(line, "Headings have one to three #: title, step, part of a step.")
        elif not steps:
            self._problem(line, "A part with ### belongs to a step: begin one with ## first.")
        elif title.lower() not in _PARTS:
            known = ", ".join(part.capitalize() for part in _PARTS)
            self._problem(line, f"There is no part {title!r}: use one of {known}.")
        elif title.lower() in steps[-1].parts:
            self._problem(line, f"The step has a part {title.capitalize()} already.")
        else:
            steps[-1].parts[title.lower()] = section
            section.header = {"": ("", line)}  # no header may follow
        return section

    def _take_header(self, section: _Section, key: str, value: str, line: int) -> None:
        if key in section.header:
            self._problem(line, f"The key {key} appears twice.")
        section.header[key] = (value, line)

    # A step

    def _id(self, section: _Section, what: str, why: str) -> str:
        id, line = section.header.get("id", ("", section.line))
        if not id:
            self._problem(
                line, f"The {what} has no id: write id: some-name below its title; {why}."
            )
        elif not _ID.fullmatch(id):
            self._problem(
                line,
                f"The id {id!r} must be lower-case letters, digits and hyphens, 40 at most.",
            )
            return ""
        return id

    def _step(self, section: _Section) -> Step:
        id = self._id(section, "step", "answers are kept under it")
        self._check_keys(section)
        for part in ("question", "answer"):
            if part not in section.parts:
                self._problem(
                    section.line,
                    f"The step has no {part}: write ### {part.capitalize()} and a text below it.",
                )
        texts = {part: self._blocks(found) for part, found in section.parts.items()}
        for part in ("question", "answer"):
            if part in section.parts and not texts[part]:
                self._problem(section.parts[part].line, f"The {part} is empty.")
        return Step(
            id=id,
            title=section.title,
            line=section.line,
            text=self._blocks(section),
            question=texts.get("question", ()),
            check=self._check(section),
            model_answer=texts.get("answer", ()),
            place=self._place(section),
        )

    def _check_keys(self, section: _Section) -> None:
        kind = section.header.get("check", ("text", 0))[0]
        for key, (_, line) in section.header.items():
            if key not in KEYS:
                self._problem(line, f"There is no key {key}{_near(key, KEYS)}")
            elif KEYS[key] and kind in KINDS and kind not in re.split(", | or ", KEYS[key]):
                self._problem(line, f"The key {key} is for check: {KEYS[key]}, not {kind}.")

    def _blocks(self, section: _Section) -> tuple[Block, ...]:
        """Return the paragraphs, items and code of some lines."""
        blocks: list[Block] = []
        code: list[str] | None = None
        is_open = False
        for _, line in section.lines:
            if line.startswith("```"):
                if code is None:
                    code = []
                else:
                    blocks.append(Block("code", "\n".join(code)))
                    code = None
                is_open = False
            elif code is not None:
                code.append(line)
            elif not line.strip():
                is_open = False
            elif item := _ITEM.fullmatch(line.strip()):
                blocks.append(Block("item", item[1]))
                is_open = True
            elif is_open:
                blocks[-1] = Block(blocks[-1].kind, f"{blocks[-1].text} {line.strip()}")
            else:
                blocks.append(Block("paragraph", line.strip()))
                is_open = True
        return tuple(blocks)

    # The check

    def _check(self, section: _Section) -> Check:
        kind, line = section.header.get("check", ("text", section.line))
        hints = self._notes(section, "hints")
        answer, answer_line = section.header.get("answer", ("", section.line))
        if kind in ("number", "shape", "choice") and not answer:
            self._problem(answer_line, f"A check of kind {kind} needs a key answer.")
        if "choices" in section.parts and kind != "choice":
            self._problem(section.parts["choices"].line, "Choices are for check: choice only.")
        if "hints" in section.parts and kind in ("text", "run"):
            self._problem(
                section.parts["hints"].line,
                f"Hints are for answers that are checked, which those of kind {kind} are not.",
            )
        match kind:
            case "number":
                return self._number(section, answer, answer_line, hints)
            case "shape":
                for key, hint_line in self._hint_lines(section):
                    if not read_shape(key):
                        self._problem(hint_line, f"The hint {key!r} is for no shape.")
                if answer and not read_shape(answer):
                    self._problem(answer_line, f"The answer {answer!r} is no shape like (64, 784).")
                return Shape(read_shape(answer), hints)
            case "choice":
                return self._choice(section, answer, answer_line, hints)
            case "run":
                return self._run(section)
            case "text":
                return Words()
        self._problem(line, f"There is no check {kind!r}: use one of {', '.join(KINDS)}.")
        return Words()

    def _number(
        self, section: _Section, answer: str, line: int, hints: dict[str, str]
    ) -> Number | OwnNumber:
        units = tuple(
            unit.strip() for unit in self._value(section, "unit").split(",") if unit.strip()
        )
        tolerance = self._tolerance(section)
        for key, hint_line in self._hint_lines(section):
            if read_number(key) is None:
                self._problem(hint_line, f"The hint {key!r} is for no number.")
        if answer.startswith("run."):
            fact = answer.removeprefix("run.")
            known = (*FACTS, EPSILON)
            if fact not in known:
                self._problem(
                    line, f"A run has no {fact!r}{_near(fact, known)} Known: {', '.join(known)}."
                )
            if fact == EPSILON and "image" not in section.header:
                self._problem(line, f"The answer run.{EPSILON} needs a key image.")
            return OwnNumber(fact, tolerance, units, hints)
        typed = read_number(answer)
        if answer and typed is None:
            self._problem(line, f"The answer {answer!r} is neither one number nor run. and a name.")
        value = typed.values[0] if typed else 0.0
        if typed and typed.is_percent and not units:
            units = ("%",)
        return Number(value, tolerance, units, hints)

    def _tolerance(self, section: _Section) -> float:
        text, line = section.header.get("tolerance", ("", 0))
        if not text:
            return 1e-9
        typed = read_number(text)
        if typed is None or typed.values[0] < 0:
            self._problem(line, f"The tolerance {text!r} is not a number like 0.01 or 0.5%.")
            return 1e-9
        return typed.values[0]

    def _choice(self, section: _Section, answer: str, line: int, hints: dict[str, str]) -> Choice:
        choices = self._notes(section, "choices")
        where = section.parts.get("choices", section).line
        if len(choices) < 2:
            self._problem(where, "A choice needs a part Choices with two lines or more: - a: text.")
        elif any(not re.fullmatch("[a-z]", letter) for letter in choices):
            self._problem(where, "Each choice has a small letter: - a: text.")
        elif answer and answer not in choices:
            self._problem(
                line, f"The answer {answer!r} is none of the choices {', '.join(choices)}."
            )
        for key, hint_line in self._hint_lines(section):
            if key not in choices:
                self._problem(hint_line, f"The hint {key!r} is for none of the choices.")
        return Choice(answer, choices, hints)

    def _run(self, section: _Section) -> RunWanted:
        filter, line = section.header.get("run", ("", section.line))
        if not filter:
            self._problem(line, "A check of kind run needs a key run: a filter, as lr>0.1.")
        verdicts = [one.strip() for one in self._value(section, "verdict").split(",")]
        for one in verdicts:
            if one and one not in VERDICTS:
                self._problem(
                    section.header["verdict"][1],
                    f"There is no verdict {one!r}: use {', '.join(VERDICTS)}.",
                )
        return RunWanted(filter.split("|")[0].strip(), tuple(one for one in verdicts if one))

    def _value(self, section: _Section, key: str) -> str:
        return section.header.get(key, ("", 0))[0]

    def _notes(self, section: _Section, part: str) -> dict[str, str]:
        """Return the lines `- key: text` of a part."""
        if part not in section.parts:
            return {}
        found: dict[str, str] = {}
        last = ""
        for number, line in section.parts[part].lines:
            if note := _NOTE.fullmatch(line.strip()):
                last = note[1].strip()
                if last in found:
                    self._problem(number, f"{last!r} appears twice.")
                found[last] = note[2].strip()
            elif line.strip() and last and line.startswith(" "):
                found[last] += f" {line.strip()}"
            elif line.strip():
                self._problem(number, "A line here is - KEY: text, or goes on with two spaces.")
        if not found:
            self._problem(section.parts[part].line, f"The part {part.capitalize()} is empty.")
        return found

    def _hint_lines(self, section: _Section) -> Iterator[tuple[str, int]]:
        for number, line in section.parts["hints"].lines if "hints" in section.parts else ():
            if note := _NOTE.fullmatch(line.strip()):
                yield note[1].strip(), number

    # The place

    def _place(self, section: _Section) -> Place:
        screen, line = section.header.get("screen", ("", section.line))
        if screen and screen not in self._screens:
            known = ", ".join(self._screens)
            self._problem(
                line, f"There is no screen {screen!r}{_near(screen, self._screens)} Known: {known}."
            )
        if not screen:
            for key in ("epoch", "image", "images", "pane", "form"):
                if key in section.header:
                    self._problem(section.header[key][1], f"The key {key} needs a key screen.")
        for key, others in _ONLY_ON.items():
            if key in section.header and screen in self._screens and screen not in others:
                at = section.header[key][1]
                self._problem(at, f"The key {key} is for screen: {' or '.join(others)}.")
        filters = self._filters(section, own_runs.parse, "run", "|")
        if screen == "compare" and len(filters) < 2:
            self._problem(line, "The screen compare needs a key run: two filters with | between.")
        return Place(
            screen,
            filters,
            self._whole(section, "epoch"),
            self._whole(section, "image"),
            " ".join(self._filters(section, _image_filter, "images", None)),
            self._pane(section, screen),
            self._form(section),
        )

    def _pane(self, section: _Section, screen: str) -> str:
        name, line = section.header.get("pane", ("", 0))
        panes = self._screens.get(screen, ())
        for pane in panes:
            if pane.casefold() == name.casefold():
                return pane
        if name and screen in self._screens:
            known = f"use one of {', '.join(panes)}." if panes else "it has none to choose."
            self._problem(line, f"The screen {screen} has no pane {name!r}: {known}")
        return ""

    def _filters(
        self, section: _Section, read: Callable[[str], Any], key: str, between: str | None
    ) -> tuple[str, ...]:
        text, line = section.header.get(key, ("", 0))
        found = [one.strip() for one in (text.split(between) if between else [text]) if one.strip()]
        for one in found:
            try:
                read(one)
            except MnistopError as error:
                self._problem(line, f"The key {key} is no filter: {error}")
        return tuple(found)

    def _whole(self, section: _Section, key: Literal["epoch", "image"]) -> int | None:
        text, line = section.header.get(key, ("", 0))
        if key == "epoch" and text in ("", "newest", "start"):
            return -1 if text == "start" else None
        if not text:
            return None
        if not (text.isascii() and text.isdecimal() and len(text) < 8):
            words = ", start or newest" if key == "epoch" else ""
            self._problem(line, f"The {key} {text!r} is not a whole number from 0 up{words}.")
            return None
        return int(text)

    def _form(self, section: _Section) -> Mapping[str, str] | None:
        text, line = section.header.get("form", ("", 0))
        if not text:
            return None
        if text in PRESETS:
            return {name: as_text(value) for name, value in PRESETS[text].items()}
        values = {}
        for word in re.split(r",\s+", text):
            name, between, value = word.partition("=")
            if not between:
                self._problem(
                    line,
                    f"The form has no {word!r}: write a preset ({', '.join(PRESETS)}), or values "
                    "as in lr=0.5, epochs=20.",
                )
                return None
            values[name.strip()] = value.strip()
        try:
            RunConfig.from_values(values)
        except ConfigError as error:
            self._problem(line, f"The key form is wrong: {error}")
        return values


def _has_header(section: _Section) -> bool:
    """Return whether lines `key: value` may follow: below titles, but not below parts."""
    return "" not in section.header


def _image_filter(text: str) -> object:
    from mnistop.engine.analysis.image_filters import parse  # which needs NumPy

    return parse(text, tuple(map(str, range(10))))


def _near(word: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f": did you mean {near[0]}?" if near else "."
