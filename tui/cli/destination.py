"""`--output` and `--force`: where a command's file goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from mnistop.engine.files import expanded
from mnistop.tui.cli.output import Output

Command = TypeVar("Command", bound=Callable[..., Any])

STDOUT = "-"


def with_destination(help: str) -> Callable[[Command], Command]:
    """Adds `--output`, described by `help`, and `--force` to a command."""

    def add(command: Command) -> Command:
        output = click.option("--output", "-o", metavar="FILE", help=help)
        force = click.option("--force", is_flag=True, help="Replace a file that is there already.")
        return output(force(command))

    return add


def format_of(output: str, formats: Mapping[str, str]) -> str:
    """The format that the ending of a file's name stands for.

    Args:
        output: the file's name.
        formats: the formats by ending.

    Raises:
        UsageError: the ending stands for none.
    """
    ending = Path(output).suffix.lower()
    if ending not in formats:
        known = ", ".join(formats)
        raise click.UsageError(
            f"The extension of {output} does not say its format: give --format, or use {known}."
        )
    return formats[ending]


def check_destination(output: str, force: bool) -> None:
    """Checks, before the work, that `deliver` can write there.

    Raises:
        MnistopError: it cannot, or there is such a file already.
    """
    if output != STDOUT:
        from mnistop.engine.safe_write import check_file

        check_file(_path_of(output), force)


def _path_of(output: str) -> Path:
    return expanded(output).absolute()


def deliver(out: Output, content: bytes, output: str, force: bool) -> None:
    """Writes a file where it is wanted, and says where; `-` is standard output.

    Raises:
        MnistopError: it cannot be written, or there is such a file already.
    """
    if output != STDOUT:
        from mnistop.engine.safe_write import write_out

        path = _path_of(output)
        write_out(path, content, force)
        out.say(f"Written to {path}")
    elif out.is_terminal:
        out.say(content.decode().rstrip("\n"))
    else:
        out.send(content)
