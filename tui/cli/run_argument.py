"""`RUN` on the command line: a name, the beginning of one, its two words, or `last`."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

Command = TypeVar("Command", bound=Callable[..., Any])


def _complete(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    from engine import runs

    names = ["last", *(run.name for run in runs.list_runs())]
    return [CompletionItem(name) for name in names if name.startswith(start)]


def run_argument(command: Command) -> Command:
    """Adds the argument `RUN`, handed over as `run`."""
    return click.argument("run", metavar="RUN", shell_complete=_complete)(command)


def _complete_several(
    context: click.Context, parameter: click.Parameter, start: str
) -> list[CompletionItem]:
    from engine.selection.run_filters import complete

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
