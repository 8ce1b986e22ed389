"""`--notify` and `--bell`: how a command tells that a run or a sweep has come to its end."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import click

from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.output import Output, complain

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Ending:
    """What is to be done when a run or a sweep has come to its end."""

    command: str = ""
    """For the shell; empty for none."""
    bell: bool = False

    def refuse_bell(self) -> None:
        """Refuse a bell where nobody stays to ring it.

        Raises:
            UsageError: one is wanted.
        """
        if self.bell:
            raise click.UsageError(
                "--bell rings here at the end, and --detach does not stay for that: leave one of "
                "them out, or use --notify."
            )

    def reached(self, found: Run | Sweep) -> None:
        """Do it now. What goes wrong is a sentence on standard error, and no more."""
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
                complain(problem)

    def left(self, found: Run | Sweep) -> None:
        """See to it that the command is run at the end, although this process does not stay."""
        if self.command:
            from mnistop.tui.session.notification import leave_watcher

            try:
                leave_watcher(found, self.command)
            except OSError as error:
                complain(f"--notify cannot be run at the end: {error.strerror}.")


def with_ending(command: Command) -> Command:
    """Adds `--notify` and `--bell` to a command, handed over as `ending`."""

    @functools.wraps(command)
    def wrapped(*args: Any, notify: str | None, bell: bool, **options: Any) -> Any:
        return command(*args, ending=Ending(notify or "", bell), **options)

    notify = click.option(
        "--notify",
        metavar="COMMAND",
        help="Run this in the shell at the end, with MNISTOP_RUN, MNISTOP_STATE, "
        "MNISTOP_ACCURACY and MNISTOP_MESSAGE set.",
    )
    bell = click.option(
        "--bell", is_flag=True, help="Ring the terminal's bell at the end, or notify if it can."
    )
    return notify(bell(wrapped))  # type: ignore[return-value]


def _ring(sequence: str) -> None:
    for stream in filter(None, (sys.stderr, sys.stdout)):
        with suppress(OSError, ValueError):
            if stream.isatty():
                stream.write(sequence)
                stream.flush()
                return
