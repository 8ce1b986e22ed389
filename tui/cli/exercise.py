"""`mnistop exercise`: write the training loop yourself, and have it checked."""

from __future__ import annotations

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from mnistop.engine.course.checker import Checker, FileError, read
from mnistop.engine.course.findings import BLANK, ERROR, RIGHT, Finding, are_right
from mnistop.engine.course.template import write_exercise
from mnistop.engine.errors import MnistopError
from mnistop.engine.formatting import count
from mnistop.tui.cli.options import with_output
from mnistop.tui.cli.output import Printer, waiting
from mnistop.tui.cli.watch import warm_up
from mnistop.tui.text.table import Column, Table

_POLL_SECONDS = 0.1
_SHORT = {"right": "right", "blank": "blank", "wrong": "WRONG", "error": "ERROR"}
_MARKS = {"right": "✓", "blank": "○", "wrong": "✗", "error": "✗"}
_ORDER = ("error", "wrong", "blank", "right")
"""The states, the worst first."""

Checked = dict[Path, list[Finding]]


@click.group(
    epilog="""
\b
Examples:
  mnistop exercise new loop.py             write the script with its blanks
  mnistop exercise check loop.py --watch   check it at every save
  mnistop exercise check class/ --json     check a folder of files
""",
)
def exercise() -> None:
    """Write the training loop of the notebook yourself, and have it checked."""


@exercise.command()
@with_output()
@click.option("--force", is_flag=True, help="Replace an existing file.")
@click.argument("file", type=click.Path(path_type=Path))
def new(out: Printer, force: bool, file: Path) -> int:
    """Write FILE: a training script in plain PyTorch with blanks to fill in."""
    write_exercise(file, force)
    out.paragraph(
        f"{file} is written. Replace every ... in it with code of your own, and check it:"
    )
    out.print(f"  mnistop exercise check {file} --watch")
    return 0


@exercise.command(
    epilog="""
\b
Exit codes: 0 all right, 1 something is not, 2 wrong usage, or no such file,
130 ended by Ctrl+C.
"""
)
@with_output(json="Print a list of blank, state, message and line; for a folder with file.")
@click.option("--watch", is_flag=True, help="Check again whenever a file is saved.")
@click.option("-y", "--yes", is_flag=True, help="Run files of other users without asking.")
@click.argument("path", metavar="FILE|FOLDER", type=click.Path(path_type=Path))
def check(out: Printer, watch: bool, yes: bool, path: Path) -> int:
    """Check the blanks of FILE, or of all Python files of FOLDER.

    Each function is called on images and compared with the truth, in a process of its own that may
    take ten seconds. A training loop in one piece, as the notebook's cell, runs for a few epochs
    and is watched. The files are executed: one of another user only after asking.
    """
    files = _files(path)
    owners = {file: _owner(file) for file in files}
    if not (yes or _may_run(out, files)):
        out.print("nothing was checked")
        return 1
    warm_up()
    is_folder = path.is_dir()
    with Checker() as checker:
        stamps = {file: _stamp(file) for file in files}
        checked = _check_all(out, checker, files, is_folder)
        _print(out, checked, is_folder)
        while watch:
            for file in _wait_for_change(path, stamps, checked, owners, yes):
                checked |= _check_all(out, checker, [file], goes_on=True)
                changed = {file: checked[file]}
                out.print("", f"{time.strftime('%H:%M:%S')}  {file.name} was saved")
                _print(out, changed, is_folder)
    return 0 if all(are_right(found) for found in checked.values()) else 1


# The files


def _files(path: Path) -> list[Path]:
    """Return a file, or the Python files of a folder in the order of their names.

    Raises:
        MnistopError: there is none, or it cannot be read.
    """
    if not path.is_dir():
        read(path)
        return [path]
    try:
        found = sorted(one for one in path.iterdir() if one.suffix == ".py" and one.is_file())
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}.") from None
    if not found:
        raise FileError(f"There is no Python file in {path}: the names of those end with .py.")
    return found


def _may_run(out: Printer, files: Sequence[Path]) -> bool:
    """Ask before files of other users are executed.

    Raises:
        UsageError: there is nobody to ask.
    """
    foreign = [file for file in files if not _is_ours(file)]
    if not foreign:
        return True
    names = ", ".join(file.name for file in foreign[:5])
    more = f" and {len(foreign) - 5} more" if len(foreign) > 5 else ""
    those = f"{count(len(foreign), 'file')} of other users ({names}{more})"
    if not (sys.stdin and sys.stdin.isatty() and out.is_terminal):
        raise click.UsageError(
            f"Checking would execute {those}. Without a terminal there is nobody to ask: --yes "
            "allows it."
        )
    return click.confirm(out.clean(f"Execute {those}, with all your rights?"))


def _is_ours(file: Path) -> bool:
    return _owner(file) == os.getuid()


def _owner(file: Path) -> int:
    """Return the user id of a file's owner; -1 if there is no such file."""
    with suppress(OSError):
        return file.stat().st_uid
    return -1


def _stamp(file: Path) -> tuple[int, int, int] | None:
    with suppress(OSError):
        found = file.stat()
        return found.st_mtime_ns, found.st_size, found.st_ino
    return None


def _wait_for_change(
    path: Path, stamps: dict[Path, Any], checked: Checked, owners: dict[Path, int], yes: bool
) -> Iterator[Path]:
    """Wait until files are saved, and yield them; a new file of a folder is one, too.

    A file counts as saved when two polls find it the same: an editor may still be writing. One
    that another user has put in its place is passed over.

    Args:
        path: the file or folder.
        stamps: each file's stamp at its last check; changed in place.
        checked: the files that have been checked.
        owners: the owner whom each file had when it was allowed to run.
        yes: True if files of any owner may run.
    """
    changed: list[Path] = []
    last: dict[Path, Any] = {}
    while not changed:
        time.sleep(_POLL_SECONDS)
        files = list(checked)
        with suppress(MnistopError):
            files = _files(path)
        for file in files:
            stamp = _stamp(file)
            may_run = yes or _owner(file) in (os.getuid(), owners.get(file))
            if not stamp or stamp == stamps.get(file) or not may_run:
                continue
            if last.get(file) == stamp:
                stamps[file] = stamp
                changed.append(file)
            last[file] = stamp
    yield from changed


def _check_all(out: Printer, checker: Checker, files: Sequence[Path], goes_on: bool) -> Checked:
    """Check files; if it goes on, one that cannot be read has an error like the others."""
    found: Checked = {}
    with waiting(out) as progress:
        for place, file in enumerate(files, 1):
            number = f" ({place} of {len(files)})" if len(files) > 1 else ""
            progress(f"checking {file.name}{number}")
            try:
                found[file] = checker.check(file)
            except FileError as error:
                if not goes_on:
                    raise
                found[file] = [Finding("file", ERROR, str(error))]
    return found


# The results


def _print(out: Printer, checked: Checked, is_folder: bool) -> None:
    out.print_json(
        [
            ({"file": file.name} if is_folder else {}) | finding.as_json()
            for file, found in checked.items()
            for finding in found
        ]
    )
    if is_folder:
        _print_folder(out, checked)
        return
    for found in checked.values():
        _print_file(out, found)


def _print_file(out: Printer, found: Sequence[Finding]) -> None:
    """Print a line for each blank, with its message beside it, and a summary."""
    widest = max(len(one.blank) for one in found)
    for one in found:
        head = f"{_MARKS[one.state]} {one.blank:<{widest}}  {_SHORT[one.state]:<5}  "
        out.beside(head, one.message)
    wanting = [one for one in found if one.state != RIGHT]
    right = len(found) - len(wanting)
    out.print("")
    if not wanting:
        out.print("All right: run the file to train your model.")
    else:
        out.print(f"{right} of {len(found)} right; go on with {wanting[0].blank}.")


def _short(finding: Finding) -> str:
    """Return the first sentence of a message, with the next one that explains an exception."""
    sentences = re.split(r"(?<=\.) (?=[A-Z`])", finding.message)
    return " ".join(sentences[: 2 if finding.state == ERROR else 1])


def _print_folder(out: Printer, checked: Checked) -> None:
    """Print a row for each file, and below it the messages of what is not right."""
    numbers = {file: Counter(one.state for one in found) for file, found in checked.items()}

    def mark(file: Path) -> str:
        return _MARKS[next((state for state in _ORDER if numbers[file][state]), "blank")]

    def number(state: str) -> Column[Path]:
        return Column(state, lambda file: str(numbers[file][state]))

    columns = [
        Column("", mark),
        Column("file", lambda file: file.name, left=True, gap=1),
        *map(number, reversed(_ORDER)),
    ]
    out.print(*Table(columns, items=list(checked)).lines(checked))
    for file, found in checked.items():
        wanting = [one for one in found if one.state != RIGHT]
        if not wanting:
            continue
        out.print("", file.name)
        if empty := [one.blank for one in wanting if one.state == BLANK]:
            out.beside("  not filled in:  ", ", ".join(empty))
        for one in wanting:
            if one.state != BLANK:
                out.beside(f"  {one.blank:<13} {_SHORT[one.state]:<5}  ", _short(one))
    done = sum(are_right(found) for found in checked.values())
    out.print("", f"{done} of {count(len(checked), 'file')} all right")
