"""RUN, FILTER and --output on the command line: what several commands take."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from mnistop.engine.files import expanded
from mnistop.tui.cli.output import Output

Command = TypeVar("Command", bound=Callable[..., Any])


def _complete(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    from mnistop.engine.runs.lookup import is_path
    from mnistop.engine.runs.run_folder import list_runs
    from mnistop.engine.runs.sweep_folder import list_sweeps

    if is_path(start):
        return [CompletionItem(start, type="dir")]
    found = [*list_sweeps(), *list_runs()]
    names = ["last", *(one.name for one in found)]
    if start:  # or each would be there twice
        names += [one.words for one in found]
    return [CompletionItem(name) for name in names if name.startswith(start)]


def complete_filter(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    """What a word of a filter of runs may become."""
    from mnistop.engine.runs.filters import complete

    return [CompletionItem(line) for line in complete(start)]


def run_argument(command: Command) -> Command:
    """Adds the argument `RUN`, handed over as `run`."""
    return click.argument("run", metavar="RUN", shell_complete=_complete)(command)


def _complete_several(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    from mnistop.engine.runs.filters import complete

    filters = [CompletionItem(line) for line in complete(start)]
    return [*_complete(context, parameter, start), *filters]


def several_argument(command: Command) -> Command:
    """Adds the arguments `RUN` and `FILTER`, as many as one likes, handed over as `words`."""
    return click.argument(
        "words", metavar="[RUN|FILTER]...", nargs=-1, shell_complete=_complete_several
    )(command)


def runs_argument(command: Command) -> Command:
    """Adds the argument `RUN…`, one or more, handed over as `names`."""
    return click.argument(
        "names", metavar="RUN...", nargs=-1, required=True, shell_complete=_complete
    )(command)


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
