"""What a person has to say of a run: a name and a note, in a file of their own in its folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from mnistop.engine.errors import RunError
from mnistop.engine.files import from_json, open_regular, write_atomically
from mnistop.engine.runs.run_folder import Run

FILE = "about.json"
LONGEST_NAME = 40
LONGEST_NOTE = 400


@dataclass(frozen=True)
class About:
    """The user's words on a run; empty where there are none."""

    name: Annotated[str, Meta(max_length=LONGEST_NAME)] = ""
    note: Annotated[str, Meta(max_length=LONGEST_NOTE)] = ""


_LARGEST = 1 << 14


def read_about(run: Run) -> About:
    """The user's words on a run; a file that is missing or damaged says nothing."""
    try:
        with open_regular(run.path / FILE) as file:
            found = from_json(About, file.read(_LARGEST))
            return About(_one_line(found.name), _one_line(found.note))
    except (OSError, ValueError):
        return About()


def write_about(run: Run, about: About) -> None:
    """Keeps the user's words on a run, on one line each and not longer than they may be.

    Raises:
        RunError: the run's folder cannot be written.
    """
    kept = About(_one_line(about.name)[:LONGEST_NAME], _one_line(about.note)[:LONGEST_NOTE])
    try:
        write_atomically(run.path / FILE, json.dumps(vars(kept)).encode())
    except OSError as error:
        raise RunError(f"Run {run.name} cannot be annotated: {run.hindrance(error)}.") from None


def _one_line(text: str) -> str:
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
