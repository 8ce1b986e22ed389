"""The result of checking a student's loop, blank by blank."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

RIGHT, BLANK, WRONG, ERROR = "right", "blank", "wrong", "error"
"""The states of a blank: right, not filled in, wrong, or ended by an exception."""


@dataclass(frozen=True)
class Finding:
    """The verdict on one blank of a student's file."""

    blank: str
    """The name of the value, the method or the function."""
    state: str
    """`right`, `blank`, `wrong` or `error`."""
    message: str
    """Sentences that name the line, the symptom and the cause; may be empty if right."""
    line: int | None = None
    """The line of the file, from 1; None if there is none."""

    def as_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


@dataclass(frozen=True)
class Problem:
    """A symptom of a blank that is wrong, and its cause."""

    message: str
    line: int | None = None
    """The line of the cause; None if it is not known."""

    def at(self, line: int | None) -> Problem:
        """Return it with a line, unless it has one."""
        return replace(self, line=self.line or line)


def verdict(blank: str, problem: Problem | None, line: int | None = None) -> Finding:
    """Return the finding that a blank is right, or that it has a problem.

    Args:
        blank: the name of the blank.
        problem: None if there is none.
        line: that of the blank.
    """
    if problem is None:
        return Finding(blank, RIGHT, "")
    line = problem.at(line).line
    return Finding(blank, WRONG, at_line(line, problem.message), line)


def at_line(line: int | None, message: str) -> str:
    """Prefix a message with its line."""
    return f"Line {line}: {message}" if line else message


def are_right(findings: list[Finding]) -> bool:
    """Return True if there are findings and all are right."""
    return bool(findings) and all(finding.state == RIGHT for finding in findings)
