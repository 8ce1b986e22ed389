"""Arguments and options of several commands: RUN, FILTER, --output, --notify and --bell."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from mnistop.engine.files import expanded
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.output import Output, print_error

Command = TypeVar("Command", bound=Callable[..., Any])


def _complete(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    from mnistop.engine.runs.lookup import is_path
    from mnistop.engine.runs.run_folder import list_runs
    from mnistop.engine.runs.sweep_folder import list_sweeps

    if is_path(start):
        return [CompletionItem(start, type="dir")]
    found = [one for one in (*list_sweeps(), *list_runs()) if one.name == one.path.name]
    names = ["last", *(one.name for one in found)]
    if start:  # or each would be there twice
        names += [one.words for one in found]
    return [CompletionItem(name) for name in names if name.startswith(start)]


def complete_filter(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    """Complete a condition of a run filter."""
    from mnistop.engine.runs.filters import complete

    return [CompletionItem(line) for line in complete(start)]


def kind_of(found: Run | Sweep) -> str:
    """Return `run` or `sweep`."""
    return "sweep" if isinstance(found, Sweep) else "run"


def run_argument(command: Command) -> Command:
    """Add the argument `RUN`, passed as `run`."""
    return click.argument("run", metavar="RUN", shell_complete=_complete)(command)


def _complete_several(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    from mnistop.engine.runs.filters import complete

    filters = [CompletionItem(line) for line in complete(start)]
    return [*_complete(context, parameter, start), *filters]


def several_argument(command: Command) -> Command:
    """Add any number of arguments `RUN` and `FILTER`, passed as `words`."""
    return click.argument(
        "words", metavar="[RUN|FILTER]...", nargs=-1, shell_complete=_complete_several
    )(command)


def runs_argument(command: Command) -> Command:
    """Add one or more arguments `RUN`, passed as `names`."""
    return click.argument(
        "names", metavar="RUN...", nargs=-1, required=True, shell_complete=_complete
    )(command)


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

    Args:
        output: the file's name.
        formats: the formats by extension.

    Raises:
        UsageError: the extension is not among them.
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
        from mnistop.engine.safe_write import check_file

        check_file(_path_of(output), force)


def _path_of(output: str) -> Path:
    return expanded(output).absolute()


def deliver(out: Output, content: bytes, output: str, force: bool) -> None:
    """Write a file, and print its path; `-` is standard output.

    Raises:
        MnistopError: it cannot be written, or the file exists.
    """
    if output != STDOUT:
        from mnistop.engine.safe_write import write_out

        path = _path_of(output)
        write_out(path, content, force)
        out.print(f"Written to {path}")
    elif out.is_terminal:
        out.print(content.decode().rstrip("\n"))
    else:
        out.write(content)


@dataclass(frozen=True)
class EndNotice:
    """The command and the bell for the end of a run or a sweep."""

    command: str = ""
    """For the shell; empty for none."""
    bell: bool = False

    def refuse_bell(self) -> None:
        """Refuse a bell for a command that exits before the end.

        Raises:
            UsageError: `--bell` was given.
        """
        if self.bell:
            raise click.UsageError(
                "--bell cannot ring at the end, as --detach returns at once: leave one of them "
                "out, or use --notify."
            )

    def send(self, found: Run | Sweep) -> None:
        """Ring and run the command now; a failure is only printed on stderr."""
        if not (self.command or self.bell):
            return
        from mnistop.tui.session.notification import Outcome, attention, run_command

        outcome = Outcome.of(found)
        if self.bell:
            _ring(attention(Output.detect().clean(outcome.sentence), os.environ))
        if self.command:
            try:
                problem = run_command(self.command, outcome)
            except KeyboardInterrupt:
                problem = f"--notify was interrupted: {self.command}"
            if problem:
                print_error(problem)

    def leave_watcher(self, found: Run | Sweep) -> None:
        """Start a process that runs the command at the end, as this one exits before."""
        if self.command:
            from mnistop.tui.session import notification

            try:
                notification.leave_watcher(found, self.command)
            except OSError as error:
                print_error(f"--notify cannot be run at the end: {error.strerror}.")


def with_ending(command: Command) -> Command:
    """Add `--notify` and `--bell` to a command, passed as `ending`."""

    @functools.wraps(command)
    def wrapped(*args: Any, notify: str | None, bell: bool, **options: Any) -> Any:
        return command(*args, ending=EndNotice(notify or "", bell), **options)

    notify = click.option(
        "--notify",
        metavar="COMMAND",
        help="Run this shell command at the end, with MNISTOP_RUN, MNISTOP_STATE, "
        "MNISTOP_ACCURACY and MNISTOP_MESSAGE set.",
    )
    bell = click.option(
        "--bell",
        is_flag=True,
        help="Ring the bell at the end, or show a notification if the terminal can.",
    )
    return notify(bell(wrapped))  # type: ignore[return-value]


def _ring(sequence: str) -> None:
    for stream in filter(None, (sys.stderr, sys.stdout)):
        with suppress(OSError, ValueError):
            if stream.isatty():
                stream.write(sequence)
                stream.flush()
                return
