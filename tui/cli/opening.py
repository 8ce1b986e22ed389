"""Opening the app: its options, and what it needs of the terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mnistop.tui.draw.capabilities import Terminal, inherited_environ

if TYPE_CHECKING:
    from mnistop.engine.lessons.course import Course

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--ascii", is_flag=True, help="Draw in plain ASCII."),
    click.option("--slow", is_flag=True, help="Redraw less often, for a slow connection."),
    click.option(
        "--mouse/--no-mouse",
        default=None,
        help="Use the mouse, or leave it to the terminal for selecting text.",
    ),
    click.option(
        "--light/--dark",
        default=None,
        help="The terminal's background, if COLORFGBG does not give it.",
    ),
)


def app_options(command: Command) -> Command:
    """Add the options of the app, which `open_app` takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def open_app(
    texts: dict[str, str],
    run: str | None = None,
    course: Course | None = None,
    *,
    ascii: bool,
    slow: bool,
    mouse: bool | None,
    light: bool | None,
) -> int:
    """Open the app, and return the exit code of the command.

    Args:
        texts: hyperparameters to start the form with.
        run: which run to open, or None.
        course: a course to open instead of the dashboard.
        ascii: whether to draw in ASCII only.
        slow: whether the line is slow.
        mouse: whether to take the mouse; None for what the configuration file says.
        light: whether the ground is light; None if that is not known.

    Raises:
        UsageError: there is no terminal, or it cannot move the cursor.
    """
    _check_terminal()
    encoding = sys.__stderr__.encoding if sys.__stderr__ else None
    terminal = Terminal.detect(inherited_environ(), encoding, ascii, light)
    if slow:  # 24-bit colours take nearly twice the bytes
        terminal = replace(terminal, colors=min(terminal.colors, 256))
    os.environ["TEXTUAL_COLOR_SYSTEM"] = terminal.color_system or "standard"  # read on import
    os.environ.setdefault("TEXTUAL_FPS", "1000")  # a key's change waits 1 ms for its frame
    from mnistop.tui.app import run_app

    return run_app(terminal, texts, run, slow, mouse, course)


def _check_terminal() -> None:
    """Refuse to open the app without a terminal that can move the cursor."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if not all(stream and stream.isatty() for stream in streams):
        raise click.UsageError(
            "The app needs a terminal. Without one, use mnistop train to train, and mnistop show "
            "last to see the result."
        )
    if os.environ.get("TERM", "dumb").lower() in ("", "dumb", "unknown"):
        raise click.UsageError(
            f"The app cannot draw on this terminal (TERM={os.environ.get('TERM', '')}), which "
            "cannot move the cursor. Use mnistop train and mnistop show last here; if the terminal "
            "can do more than TERM says, set TERM=vt100."
        )
