"""The result of checking a student's loop, blank by blank."""

from __future__ import annotations

from dataclasses import asdict, dataclass
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


def right(blank: str, note: str = "") -> Finding:
    """Return the finding that a blank is right."""
    return Finding(blank, RIGHT, note)


def wrong(blank: str, line: int | None, message: str) -> Finding:
    """Return the finding that a blank is wrong, with the line in front of the message."""
    return Finding(blank, WRONG, at_line(line, message), line)


def at_line(line: int | None, message: str) -> str:
    """Prefix a message with its line."""
    return f"Line {line}: {message}" if line else message


def are_right(findings: list[Finding]) -> bool:
    """Return True if there are findings and all are right."""
    return bool(findings) and all(finding.state == RIGHT for finding in findings)
