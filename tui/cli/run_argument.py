"""`RUN` on the command line: a name, the beginning of one, its two words, `last`, or a path."""

from collections.abc import Callable
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

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
