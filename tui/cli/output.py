"""Standard output of the commands: plain lines for pipes, all that it can show for a terminal."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mnistop.engine.errors import MnistopError
from mnistop.tui.draw.capabilities import Terminal, columns_of, inherited_environ, takes_unicode

if TYPE_CHECKING:
    from rich.console import Console

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


def complain(text: str) -> None:
    """Print a sentence on stderr, after the name of the program."""
    remark(f"mnistop: {text}")


def remark(text: str) -> None:
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


def silence() -> None:
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
