"""The output of a command: lines that stay, drawings, JSON, and a live line of progress."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mnistop.engine.errors import MnistopError
from mnistop.tui.draw.capabilities import Terminal, columns_of, inherited_environ, takes_unicode
from mnistop.tui.draw.wrapping import wrap

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

    from mnistop.tui.draw.cells import Strip

PIPE_WIDTH = 80
"""The cells per line where there is no terminal to ask."""

_WIDEST, _FEWEST_COLUMNS = 105, 60
"""Cells of a line of text at most, and those from which on there is room beside a head."""
_SPINNER, _TURNS = "|/-\\", 8
"""The spinner, and its steps per second."""
_NOTICE_SECONDS = 5.0
"""The least time between two messages on stderr, in a pipe."""


class OutputClosedError(Exception):
    """The end of output that nobody reads any more, as after `| head`."""


class OutputError(MnistopError):
    """The output cannot be written, as to a full disk."""


@dataclass
class Printer:
    """Standard output, as it was found when the command began.

    The same calls serve a person and a program: with `as_json` text and drawings are left out,
    without it JSON is. On a terminal the lines stand above a live one, which shows the progress or
    the reason to wait; in a pipe, that reason goes to stderr, where a person may see it.
    """

    terminal: Terminal
    is_terminal: bool
    width: int
    """Cells per line."""
    as_json: bool = False
    _message: str = ""
    """The current reason to wait; empty for none."""
    _live: Live | None = None
    _is_stopping: bool = False
    _next_notice: float = 0.0

    @classmethod
    def detect(cls, force_ascii: bool = False, as_json: bool = False) -> Printer:
        """Examine standard output.

        Args:
            force_ascii: True to print ASCII even if more can be shown.
            as_json: True to print for a program.
        """
        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        if sys.stdout and sys.stdout.isatty():
            terminal = Terminal.detect(inherited_environ(), encoding, force_ascii)
            return cls(terminal, True, shutil.get_terminal_size().columns, as_json)
        unicode = takes_unicode(inherited_environ(), encoding) and not force_ascii
        return cls(Terminal(colors=0, unicode=unicode), False, PIPE_WIDTH, as_json)

    @property
    def can_redraw(self) -> bool:
        """True if a line on the screen can be replaced, as a progress bar needs."""
        return self.is_terminal and os.environ.get("TERM", "dumb") not in ("", "dumb")

    # Lines that stay

    def print(self, *lines: str, crop: bool = False) -> None:
        """Print lines of text; nothing for none.

        Args:
            lines: the lines.
            crop: True to cut off what is too long for a live terminal, instead of breaking it.

        Raises:
            OutputClosedError: nobody reads them.
            OutputError: they cannot be written.
        """
        if self.as_json or not lines:
            return
        text = "\n".join(lines)
        if self._live is None:
            self._write(text)
            return
        self._live.start(refresh=True)
        self._live.console.print(self.clean(text), overflow="crop" if crop else None)

    def paragraph(self, text: str) -> None:
        """Print a sentence, broken between words where the line ends."""
        self.print(*wrap(text, self.width, break_long_words=False, break_on_hyphens=False) or [""])

    def beside(self, head: str, text: str) -> None:
        """Print a paragraph beside a head, or beneath it where there is little room."""
        width, indent = min(self.width, _WIDEST), " " * len(head)
        if width < _FEWEST_COLUMNS:
            self.print(head.rstrip(), *wrap(text, width, break_on_hyphens=False))
            return
        lines = wrap(
            text, width, initial_indent=head, subsequent_indent=indent, break_on_hyphens=False
        )
        self.print(*(lines or [head.rstrip()]))

    def heading(self, text: str) -> None:
        """Print an empty line and a line that stands out."""
        self.print("")
        if not self.terminal.colors or self.as_json:
            self.print(text.upper())
            return
        with _output_errors():
            self.console().print(self.clean(text), style="bold")

    def draw(self, strips: Sequence[Strip]) -> None:
        """Print a drawing, in colour if possible."""
        from mnistop.tui.draw.cells import plain, printable

        if self.as_json or not strips:
            return
        if self.terminal.colors:
            with _output_errors():
                self.console().print(printable(strips), end="")
        else:
            self.print(*(line.rstrip() for line in plain(strips).split("\n")))

    def print_json(self, *values: Any, indent: int | None = 1) -> None:
        """Print values as JSON, numbers that are not finite as null.

        Args:
            values: dictionaries, lists and the like; a string is JSON already.
            indent: None for one line each.

        Raises:
            OutputClosedError: nobody reads them.
            OutputError: they cannot be written.
        """
        if self.as_json:
            for value in values:
                is_ready = isinstance(value, str)
                self._write(value if is_ready else json.dumps(_finite(value), indent=indent))

    def write(self, content: bytes) -> None:
        """Pass on the content of a file as it is.

        Raises:
            OutputClosedError: nobody reads it.
            OutputError: it cannot be written.
        """
        with _output_errors():
            if sys.stdout:
                sys.stdout.buffer.write(content)
                sys.stdout.flush()

    def _write(self, text: str) -> None:
        with _output_errors():
            if sys.stdout:
                sys.stdout.write(self.clean(text) + "\n")
                sys.stdout.flush()

    def clean(self, text: str) -> str:
        """Return lines without control characters, in ASCII if nothing else can be shown."""
        shown = self.terminal.unicode or text.isascii()
        if shown and text.replace("\n", "").isprintable():
            return text
        from mnistop.tui.draw import cells

        return "\n".join(cells.clean(line, self.terminal) for line in text.split("\n"))

    def console(self) -> Console:
        """Return a Rich console for this output."""
        from rich.console import Console

        return Console(
            file=sys.stdout,
            force_terminal=self.is_terminal,
            color_system=self.terminal.color_system,
            width=None if self.is_terminal else self.width,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
        )

    # The live line

    @property
    def is_live(self) -> bool:
        """True if there is a live line."""
        return self._live is not None

    def go_live(self, progress: Callable[[int], RenderableType | None]) -> None:
        """Show a live line from the next line or message on, if the terminal can.

        Args:
            progress: draws the progress at a width in cells; returns None before it is known.
        """
        if self.as_json or not self.can_redraw:
            return
        from rich.live import Live
        from rich.text import Text

        console = self.console()

        def draw() -> RenderableType:
            drawn = None if self._message else progress(console.width)
            if drawn is not None:
                return drawn
            spinner = _SPINNER[int(time.monotonic() * _TURNS) % len(_SPINNER)]
            return Text(self.clean(f"{spinner} {self._message}"), no_wrap=True, overflow="crop")

        self._live = Live(
            console=console,
            get_renderable=draw,
            refresh_per_second=_TURNS,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def wait(self, message: str, at_once: bool = True) -> None:
        """Show a reason to wait instead of the progress; after `stopping`, nothing changes.

        Args:
            message: the reason in a few words; empty to go back to the progress.
            at_once: False to leave it out in a pipe soon after another one.
        """
        if self._is_stopping:
            return
        self._message = message
        if self._live and message:
            self._live.start()
            self._live.refresh()
        elif message and not self.as_json and (at_once or time.monotonic() >= self._next_notice):
            print_note(f"{message} ...")
            if not at_once:
                self._next_notice = time.monotonic() + _NOTICE_SECONDS

    def stopping(self) -> None:
        """Show from now on that the work is being stopped."""
        self.wait("stopping and saving; Ctrl+C again exits at once")
        self._is_stopping = True

    def close(self) -> None:
        """Remove the live line; later lines are printed without one."""
        live, self._live = self._live, None
        if live:
            live.stop()


@contextmanager
def waiting(out: Printer) -> Iterator[Callable[[str], None]]:
    """Show the reasons to wait that the block passes; in a pipe, from its second second on."""
    out._next_notice = time.monotonic() + 1
    out.go_live(lambda width: None)
    if out.is_live:
        out.wait("working")
    try:
        yield lambda message: out.wait(message, at_once=False)
    finally:
        out.close()


@contextmanager
def _output_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EPIPE, errno.EIO):
            raise OutputClosedError from None
        raise OutputError(f"The output cannot be written: {error.strerror}.") from None


def _finite(value: Any) -> Any:
    """Return a value with None in place of numbers that are not finite: JSON has none."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def fields(value: object, *names: str) -> dict[str, Any]:
    """Return some attributes of a value by name, for JSON."""
    return {name: getattr(value, name) for name in names}


def print_error(text: str) -> None:
    """Print a sentence on stderr, after the name of the program."""
    print_note(f"mnistop: {text}")


def print_note(text: str) -> None:
    """Print on stderr a line that does not belong to the result."""
    stream = sys.stderr
    if not stream:
        return
    text = text.replace("\n", " ")  # as in the name of another user's folder
    if stream.isatty():
        columns = columns_of(stream) or shutil.get_terminal_size().columns
        text = textwrap.fill(text, columns, break_on_hyphens=False)
    try:
        stream.write(Printer.detect().clean(text) + "\n")
        stream.flush()
    except OSError:
        return
