"""Texts and reports that are written from a screen, each under a name that is still free."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path

from textual.screen import Screen

from mnistop.engine.errors import MnistopError
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.safe_write import numbered, write_under_free_name
from mnistop.tui.toolkit.pane import LinesPane


def write_text(screen: Screen[None], name: str, text: str, what: str = "Written") -> None:
    """Writes a file in the current folder, and says where it is or what hinders it.

    Args:
        screen: says so.
        name: of the file; a number is added where there is one of that name.
        text: all its lines, but for the end of the last.
        what: what is said to have been done, before the words "to" and where.
    """
    content = (text + "\n").encode("utf-8", "backslashreplace")
    try:
        path = write_under_free_name(numbered(Path.cwd() / name), content)
    except FileNotFoundError:
        screen.notify(
            "The folder that mnistop was started in is gone: start it in another one to write.",
            severity="error",
            markup=False,
        )
    except MnistopError as error:
        screen.notify(str(error), severity="error", markup=False)
    else:
        screen.notify(f"{what} to {path}", markup=False)


def write_pane(screen: Screen[None], run: Run | None, pane: LinesPane) -> None:
    """Writes what a pane shows.

    Args:
        screen: says where it is.
        run: what it is about, or None.
        pane: the pane, after whose kind the file is named.
    """
    about = run.name if run else "no-run"
    kind = re.sub("(?<=[a-z])(?=[A-Z])", "-", type(pane).__name__).lower()
    write_text(screen, f"mnistop-{about}-{kind}.txt", pane.text())


async def write_report(screen: Screen[None], runs: Sequence[Run]) -> None:
    """Writes a run, or several compared, as an HTML file in the current folder and says where."""
    try:
        path = await asyncio.to_thread(_write, runs)
    except MnistopError as error:
        screen.notify(str(error), severity="error", markup=False)
    else:
        screen.notify(f"Report written to {path}", markup=False)


def _write(runs: Sequence[Run]) -> Path:
    from mnistop.engine.report.of_runs import write_report

    return write_report(runs, Path.cwd())
