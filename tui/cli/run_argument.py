"""`RUN` on the command line: a name, the beginning of one, its two words, `last`, or a path."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

Command = TypeVar("Command", bound=Callable[..., Any])


def _complete(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    from engine import runs
    from engine.finding import is_path

    if is_path(start):
        return [CompletionItem(start, type="dir")]
    names = ["last", *(run.name for run in runs.list_runs())]
    return [CompletionItem(name) for name in names if name.startswith(start)]


def run_argument(command: Command) -> Command:
    """Adds the argument `RUN`, handed over as `run`."""
    return click.argument("run", metavar="RUN", shell_complete=_complete)(command)


def runs_argument(command: Command) -> Command:
    """Adds the argument `RUN…`, one or more, handed over as `names`."""
    return click.argument(
        "names", metavar="RUN...", nargs=-1, required=True, shell_complete=_complete
    )(command)
