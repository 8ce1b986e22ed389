"""Standard output and stderr of the commands: lines, drawings, JSON, and a line of progress."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mnistop.engine.errors import MnistopError
from mnistop.tui.draw.capabilities import Terminal, columns_of, inherited_environ, takes_unicode

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.live import Live

    from mnistop.tui.draw.cells import Strip


Command = TypeVar("Command", bound=Callable[..., Any])

PIPE_WIDTH = 80
"""Cells a line where there is no terminal to ask."""


class OutputClosedError(Exception):
    """Nobody reads the output any more, as after `| head`."""


class OutputError(MnistopError):
    """The output cannot be written, as to a full disk."""


@dataclass(frozen=True)
class Output:
    """Standard output, as it was found when the command began."""

    terminal: Terminal
    is_terminal: bool
    width: int
    """Cells a line."""

    @classmethod
    def detect(cls, force_ascii: bool = False) -> Output:
        """Find out where standard output leads to.

        Args:
            force_ascii: whether to print ASCII even where more can be shown.
        """
        encoding = getattr(sys.stdout, "encoding", None) or "ascii"
        if sys.stdout and sys.stdout.isatty():
            terminal = Terminal.detect(inherited_environ(), encoding, force_ascii)
            return cls(terminal, True, shutil.get_terminal_size().columns)
        unicode = takes_unicode(inherited_environ(), encoding) and not force_ascii
        return cls(Terminal(colors=0, unicode=unicode), False, PIPE_WIDTH)

    @property
    def can_redraw(self) -> bool:
        """True if a line on the screen can be replaced, as a progress bar needs."""
        return self.is_terminal and os.environ.get("TERM", "dumb") not in ("", "dumb")

    def print(self, text: str = "") -> None:
        """Print lines at once.

        Raises:
            OutputClosedError: nobody reads them.
            OutputError: they cannot be written.
        """
        with _output_errors():
            if sys.stdout:
                sys.stdout.write(self.clean(text) + "\n")
                sys.stdout.flush()

    def paragraph(self, text: str) -> None:
        """Print a sentence, broken between words where the line ends."""
        self.print(textwrap.fill(text, self.width, break_long_words=False, break_on_hyphens=False))

    def write(self, content: bytes) -> None:
        """Pass on a file's content as it is.

        Raises:
            OutputClosedError: nobody reads it.
            OutputError: it cannot be written.
        """
        with _output_errors():
            if sys.stdout:
                sys.stdout.buffer.write(content)
                sys.stdout.flush()

    def print_json(self, value: Any) -> None:
        """Print a value as JSON, indented."""
        self.print(json.dumps(value, indent=1))

    def clean(self, text: str) -> str:
        """The lines without control characters, and in ASCII where only that is shown."""
        shown = self.terminal.unicode or text.isascii()
        if shown and text.replace("\n", "").isprintable():
            return text
        from mnistop.tui.draw import cells

        return "\n".join(cells.clean(line, self.terminal) for line in text.split("\n"))

    def draw(self, strips: Sequence[Strip], indent: int = 0) -> None:
        """Print what a renderer made, in colour where that is possible."""
        from mnistop.tui.draw.cells import Strip, plain, printable

        if self.terminal.colors and strips:
            moved = [Strip.join([Strip.blank(indent), strip]) for strip in strips]
            with _output_errors():
                self.console().print(printable(moved), end="")
        elif strips:
            for line in plain(strips).split("\n"):
                self.print((" " * indent + line).rstrip())

    def heading(self, text: str) -> None:
        """Print an empty line and a line that stands out."""
        self.print()
        if not self.terminal.colors:
            self.print(text.upper())
            return
        with _output_errors():
            self.console().print(self.clean(text), style="bold")

    def console(self) -> Console:
        """A Rich console for this output."""
        from rich.console import Console

        unicode = self.terminal.unicode

        class _Console(Console):
            @property
            def encoding(self) -> str:
                return "utf-8" if unicode else "ascii"

        return _Console(
            file=sys.stdout,
            force_terminal=self.is_terminal,
            color_system=self.terminal.color_system,
            width=None if self.is_terminal else self.width,
            highlight=False,
            markup=False,
            emoji=False,
            soft_wrap=True,
        )


@contextmanager
def _output_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.EPIPE, errno.EIO):
            raise OutputClosedError from None
        raise OutputError(f"The output cannot be written: {error.strerror}.") from None


def print_error(text: str) -> None:
    """Print a sentence on stderr, after the name of the program."""
    print_note(f"mnistop: {text}")


def print_note(text: str) -> None:
    """Print a line on stderr, for what does not belong to the result."""
    stream = sys.stderr
    if not stream:
        return
    text = text.replace("\n", " ")  # as in the name of a stranger's folder
    if stream.isatty():
        columns = columns_of(stream) or shutil.get_terminal_size().columns
        text = textwrap.fill(text, columns, break_on_hyphens=False)
    try:
        stream.write(Output.detect().clean(text) + "\n")
        stream.flush()
    except OSError:
        return


def discard_output() -> None:
    """Send what is still buffered nowhere, so that the process can end in peace."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)


def with_output(command: Command) -> Command:
    """Add `--ascii` to a command, and hand it the `Output` as its first argument."""

    def detect(context: click.Context, parameter: click.Parameter, force_ascii: bool) -> Output:
        return Output.detect(force_ascii or bool(context.find_root().params.get("ascii")))

    return click.option(
        "--ascii",
        "out",
        is_flag=True,
        callback=detect,
        help="Print plain ASCII only.",
    )(command)


STOPPING = "stopping and saving; Ctrl+C again leaves at once"

_SPINNER = "|/-\\"
_TURNS = 8
"""Drawings a second, in each of which the spinner turns."""
_NOTICE_SECONDS = 5.0
"""In a pipe, the time from one message on stderr to the next."""
_NARROWEST_BAR, _WIDEST_BAR = 5, 60
_MARGIN = 3
"""Room for the ^C that terminals print: it must not break the line."""


class Printer:
    """Lines of a command; on a terminal above one that shows progress, or what it waits for.

    In a pipe there is no such line: what is waited for goes to stderr, where a person may see it.
    With JSON nothing but the result is printed.

    Args:
        out: standard output.
        as_json: whether programs read it.
        progress: draws how far the work is, in so many cells; None before that is known.
    """

    def __init__(
        self,
        out: Output,
        as_json: bool = False,
        progress: Callable[[int], RenderableType | None] = lambda width: None,
    ) -> None:
        self.out = out
        self.as_json = as_json
        self.message = ""
        """The present reason to wait; empty for none."""
        self._progress = progress
        self._stopping = False
        self._next_notice = 0.0
        self._live: Live | None = None
        if out.can_redraw and not as_json:
            from rich.live import Live

            self._live = Live(
                console=out.console(),
                get_renderable=self._draw,
                refresh_per_second=_TURNS,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )

    @property
    def is_live(self) -> bool:
        """True if there is a line of progress."""
        return self._live is not None

    def wait(self, message: str, at_once: bool = True) -> None:
        """Show what is waited for.

        Args:
            message: in some words.
            at_once: whether a pipe gets it even if it had another one just before.
        """
        self.message = message
        if self._live:
            self._live.start(refresh=True)
        elif not self.as_json and (at_once or time.monotonic() >= self._next_notice):
            print_note(f"{message} ...")
            if not at_once:
                self._next_notice = time.monotonic() + _NOTICE_SECONDS

    def stopping(self) -> None:
        """Show from now on that the work has been asked to stop, however far it is."""
        self._stopping = True
        if self._live:
            self._live.start(refresh=True)
            self._live.refresh()
        elif not self.as_json:
            print_note(f"{STOPPING} ...")

    def print(self, *lines: str, crop: bool = False) -> None:
        """Print lines that stay.

        Args:
            lines: one or more; with none nothing is printed.
            crop: whether a terminal cuts off what is too long for it, and does not break it.
        """
        if not lines:
            return
        text = "\n".join(lines)
        if self._live is None:
            self.out.print(text)
            return
        self._live.start(refresh=True)
        how = {"no_wrap": True, "overflow": "crop"} if crop else {}
        self._live.console.print(self.out.clean(text), **how)  # type: ignore[arg-type]

    def close(self) -> None:
        """Leave the terminal as it was, with the lines."""
        if self._live:
            self._live.stop()

    def _draw(self) -> RenderableType:
        from rich.text import Text

        message = STOPPING if self._stopping else self.message
        width = self._live.console.width if self._live else self.out.width
        drawn = None if message else self._progress(width)
        if drawn is not None:
            return drawn
        turning = _SPINNER[int(time.monotonic() * _TURNS) % len(_SPINNER)]
        return Text(self.out.clean(f"{turning} {message}"), no_wrap=True, overflow="crop")


@contextmanager
def waiting(out: Output) -> Iterator[Callable[[str], None]]:
    """Show what is waited for meanwhile; in a pipe now and then, from the second second on."""
    printer = Printer(out)
    printer._next_notice = time.monotonic() + 1
    if printer.is_live:
        printer.wait("working")
    try:
        yield lambda message: printer.wait(message, at_once=False)
    finally:
        printer.close()


def bar_line(left: str, fraction: float, right: str, out: Output, width: int) -> RenderableType:
    """A bar between two texts; without room for it, the texts alone.

    Args:
        left: what stands before the bar.
        fraction: what is done, in [0, 1].
        right: what stands behind it.
        out: where it is shown.
        width: cells that the line may take now.
    """
    from rich.segment import Segment
    from rich.text import Text

    from mnistop.tui.draw.bars import progress
    from mnistop.tui.draw.cells import Strip, printable

    left, right = out.clean(left), out.clean(right)
    room = width - len(left) - len(right) - _MARGIN
    if room < _NARROWEST_BAR:
        return Text(left + right, no_wrap=True, overflow="crop")
    bar = progress(fraction, min(room, _WIDEST_BAR), out.terminal)
    before, after = (Strip([Segment(text)], len(text)) for text in (left, right))
    return printable([Strip.join([before, *bar, after])])
