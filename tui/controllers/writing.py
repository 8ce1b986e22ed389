"""Text files that are written from a screen, each under a name that is still free."""

from __future__ import annotations

import re
from pathlib import Path

from textual.screen import Screen

from engine.errors import MnistopError
from engine.outgoing import free_path, write_out
from engine.runs import Run
from tui.panes.lines import LinesPane


def write_text(screen: Screen[None], name: str, text: str, what: str = "Written") -> None:
    """Writes a file in the current folder, and says where it is or what hinders it.

    Args:
        screen: says so.
        name: of the file; where there is one of that name already, a number is added.
        text: all its lines, but for the end of the last.
        what: what is said to have been done, before the words "to" and where.
    """
    try:
        path = free_path(Path.cwd() / name)
        write_out(path, f"{text}\n".encode())
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
