"""Text files that are written from a screen."""

from __future__ import annotations

from pathlib import Path

from textual.screen import Screen

from engine.runs import Run
from tui.panes.lines import LinesPane


def write_text(screen: Screen[None], name: str, text: str, what: str = "Written") -> None:
    """Writes a file in the current folder, and says where it is or what hinders it.

    Args:
        screen: says so.
        name: of the file.
        text: all its lines, but for the end of the last.
        what: what is said to have been done, before the words "to" and where.
    """
    path = Path(name).absolute()
    try:
        path.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        screen.notify(f"{path}: {error.strerror}.", severity="error", markup=False)
    else:
        screen.notify(f"{what} to {path}", markup=False)


def write_pane(screen: Screen[None], run: Run | None, name: str, pane: LinesPane) -> None:
    """Writes what a pane shows.

    Args:
        screen: says where it is.
        run: what it is about, or None.
        name: the pane's.
        pane: the pane.
    """
    about = run.name if run else "no-run"
    write_text(screen, f"mnistop-{about}-{name.lower().replace(' ', '-')}.txt", pane.text())
