"""The text of a course cut at its headings: headers, lines, and the mistakes found in them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass, field

from mnistop.engine.lessons.course import Block

PARTS = ("question", "choices", "hints", "answer")
"""The parts of a step with a heading of their own."""

_HEADING = re.compile(r"(#{1,6})\s*(.*)")
_HEADER = re.compile(r"([A-Za-z][\w-]*)\s*:(?!//)\s*(.*)")
_ITEM = re.compile(r"[-*]\s+(.*)")
_NOTE = re.compile(r"[-*]\s+(.+?):\s+(.*)")

Problem = tuple[int, str]
"""The line of a mistake and a sentence on it."""


@dataclass
class Section:
    """A heading, the header below it, and the lines up to the next heading of its kind."""

    title: str
    line: int
    problems: list[Problem]
    """The mistakes of the whole file."""
    may_have_header: bool = True
    """True below titles; the parts of a step have no header."""
    header: dict[str, tuple[str, int]] = field(default_factory=dict)
    """The value and the line of each key."""
    lines: list[tuple[int, str]] = field(default_factory=list)
    parts: dict[str, Section] = field(default_factory=dict)

    def __contains__(self, key: str) -> bool:
        return key in self.header

    def value(self, key: str, otherwise: str = "") -> str:
        """Return the value of a key."""
        return self.header[key][0] if key in self.header else otherwise

    def add_problem(self, sentence: str, key: str = "") -> None:
        """Add a mistake in the line of a key, else in that of the heading."""
        self.problems.append((self.header.get(key, ("", self.line))[1], sentence))

    @property
    def blocks(self) -> tuple[Block, ...]:
        """The paragraphs, items and code."""
        blocks: list[Block] = []
        code: list[str] | None = None
        is_open = False
        for _, line in self.lines:
            if line.startswith("```"):
                if code is not None:
                    blocks.append(Block("code", "\n".join(code)))
                code, is_open = ([] if code is None else None), False
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

    def notes(self, part: str) -> dict[str, tuple[str, int]]:
        """Return the lines `- key: text` of a part: the text and the line of each key."""
        if part not in self.parts:
            return {}
        found: dict[str, tuple[str, int]] = {}
        last = ""
        for number, line in self.parts[part].lines:
            if note := _NOTE.fullmatch(line.strip()):
                last = note[1].strip()
                if last in found:
                    self.problems.append((number, f"{last!r} appears twice."))
                found[last] = note[2].strip(), number
            elif line.strip() and last and line.startswith(" "):
                text, at = found[last]
                found[last] = f"{text} {line.strip()}", at
            elif line.strip():
                sentence = "A line here is - KEY: text, or goes on with two spaces."
                self.problems.append((number, sentence))
        if not found:
            self.parts[part].add_problem(f"The part {part.capitalize()} is empty.")
        return found


@dataclass
class Cut:
    """A course cut at its headings."""

    head: Section
    """The title of the course."""
    steps: list[Section] = field(default_factory=list)


def cut(text: str, problems: list[Problem]) -> Cut:
    """Cut the text of a course at its headings; those in code are none.

    Args:
        text: all of it.
        problems: mistakes are added to it.
    """
    cut = Cut(Section("", 1, problems))
    section: Section | None = None
    in_header = in_code = False
    fence = 0
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("```"):
            in_code, fence = not in_code, number
        heading = None if in_code else _HEADING.match(line)
        if heading:
            if section is None and len(heading[1]) > 1:
                cut.head.add_problem("The first line must be the title of the course: # Title.")
            section = _begin(heading, number, cut, is_first=section is None)
            in_header = section.may_have_header
        elif section is None:
            if line.strip():
                cut.head.add_problem("The first line must be the title of the course: # Title.")
                section = cut.head
        elif in_header and (found := _HEADER.fullmatch(line)):
            key = found[1].lower()
            if key in section:
                problems.append((number, f"The key {key} appears twice."))
            section.header[key] = found[2].strip(), number
        else:
            in_header = False
            section.lines.append((number, line))
    if section is None:
        cut.head.add_problem("The first line must be the title of the course: # Title.")
    if in_code:
        problems.append((fence, "This code has no end: close it with a line of ```."))
    return cut


def _begin(heading: re.Match[str], line: int, cut: Cut, is_first: bool) -> Section:
    level, title = len(heading[1]), heading[2].strip()
    section = Section(title, line, cut.head.problems)
    name = title.lower()
    if level == 1:
        if is_first:
            cut.head = section
        else:
            section.add_problem("There is a title already: a step begins with ##.")
    elif level == 2:
        if not title:
            section.add_problem("The step has no title: write it behind the ##.")
        cut.steps.append(section)
    elif level > 3:
        section.add_problem("Headings have one to three #: title, step, part of a step.")
    elif not cut.steps:
        section.add_problem("A part with ### belongs to a step: begin one with ## first.")
    elif name not in PARTS:
        known = ", ".join(part.capitalize() for part in PARTS)
        section.add_problem(f"There is no part {title!r}: use one of {known}.")
    elif name in cut.steps[-1].parts:
        section.add_problem(f"The step has a part {title.capitalize()} already.")
    else:
        cut.steps[-1].parts[name] = section
        section.may_have_header = False
    return section


def near(word: str, known: Collection[str]) -> str:
    """Return the end of a sentence on an unknown word, with the nearest known one."""
    found = difflib.get_close_matches(word, known, n=1)
    return f": did you mean {found[0]}?" if found else "."
