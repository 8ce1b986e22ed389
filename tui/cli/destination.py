"""The destinations of a command: a file, standard output, or images in a folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from mnistop.engine.files import expanded
from mnistop.engine.safe_write import check_file, check_folder, write_out
from mnistop.tui.cli.options import Command
from mnistop.tui.cli.output import Printer

STDOUT = "-"


def with_destination(help: str) -> Callable[[Command], Command]:
    """Add `--output`, described by `help`, and `--force` to a command."""

    def add(command: Command) -> Command:
        output = click.option("--output", "-o", metavar="FILE", help=help)
        force = click.option("--force", is_flag=True, help="Overwrite an existing file.")
        return output(force(command))

    return add


def format_of(output: str, formats: Mapping[str, str]) -> str:
    """Return the format for the extension of a file's name.

    Raises:
        UsageError: the extension is not among the formats.
    """
    ending = Path(output).suffix.lower()
    if ending not in formats:
        known = ", ".join(formats)
        raise click.UsageError(
            f"The extension of {output} names no format: use --format, or one of {known}."
        )
    return formats[ending]


def check_destination(output: str, force: bool) -> None:
    """Check early that `deliver` will be able to write there.

    Raises:
        MnistopError: it cannot be written, or the file exists.
    """
    if output != STDOUT:
        check_file(expanded(output).absolute(), force)


def deliver(out: Printer, content: bytes, output: str, force: bool) -> None:
    """Write a file, and print its path; `-` is standard output.

    Raises:
        MnistopError: it cannot be written, or the file exists.
    """
    if output != STDOUT:
        path = expanded(output).absolute()
        write_out(path, content, force)
        out.print(f"Written to {path}")
    elif out.is_terminal:
        out.print(content.decode().rstrip("\n"))
    else:
        out.write(content)


def images_destination(save: str, force: bool) -> Path:
    """Check early that images can be saved to an `.npz` file or as PNG files in a folder.

    Raises:
        UsageError: the extension is neither `.npz` nor that of a folder.
        MnistopError: it cannot be written, or exists.
    """
    path = expanded(save)
    ending = path.suffix.lower()
    if ending == ".npz":
        check_file(path, force)
        return path
    if any(map(str.isalpha, ending)) and not (save.endswith("/") or os.path.isdir(path)):
        raise click.UsageError(
            f"{save}: images are saved to an .npz file, or as PNG files in a folder."
        )
    check_folder(path, force)
    return path
