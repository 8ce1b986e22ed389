"""The verdict on a blank of a student's file, and the search for the cause of a wrong number.

A wrong number is compared with what it would be under each of a table of mistakes: the first that
gives the same number is the cause.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

RIGHT, BLANK, WRONG, ERROR = "right", "blank", "wrong", "error"
"""The states of a blank: right, not filled in, wrong, or ended by an exception."""
_CLOSE = 2e-3
"""Differences below this, relative to numbers above 1, are those of rounding."""

Cases = Iterable[tuple[Sequence[float], str]]
"""For each mistake the numbers that it would give, and its message."""


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
    """A mistake that a check has found; who asked for the check knows the blank."""

    line: int | None
    """The line of the file, from 1; None if there is none."""
    message: str
    """The symptom and the cause."""


def verdict(blank: str, problem: Problem | None, note: str = "") -> Finding:
    """Return the finding for a problem, or that there is none.

    Args:
        blank: the name of the blank.
        problem: its mistake; None if it is right.
        note: the message if it is right.
    """
    if problem is None:
        return Finding(blank, RIGHT, note)
    return Finding(blank, WRONG, at_line(problem.line, problem.message), problem.line)


def at_line(line: int | None, message: str) -> str:
    """Prefix a message with its line."""
    return f"Line {line}: {message}" if line else message


def are_right(findings: list[Finding]) -> bool:
    """Return True if there are findings and all are right."""
    return bool(findings) and all(finding.state == RIGHT for finding in findings)


def near(value: float, *expected: float) -> bool:
    """Return True if a number is one of some others, but for rounding."""
    return any(abs(value - one) <= _CLOSE * max(1.0, abs(one)) for one in expected)


def is_close(value: float, expected: float) -> bool:
    """Return True if two factors are the same but for rounding, however small they are."""
    return abs(value - expected) <= 5 * _CLOSE * max(abs(expected), 1e-9)


def cause_of(numbers: Sequence[float], cases: Cases, same: Any = near) -> str | None:
    """Return the message of the first mistake that gives some numbers; None if none does.

    Args:
        numbers: what the student's code has returned, call by call.
        cases: the mistakes.
        same: compares two numbers.
    """
    for expected, message in cases:
        if all(same(one, other) for one, other in zip(numbers, expected, strict=True)):
            return message
    return None
