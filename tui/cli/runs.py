"""`mnistop runs`, `delete`, `share` and `unshare`: the list of all runs, and who may read them."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import click

from mnistop.engine.errors import RunError
from mnistop.engine.files import one_line, owner_of
from mnistop.engine.filter_grammar import FilterError
from mnistop.engine.formatting import count, size
from mnistop.engine.runs import sharing
from mnistop.engine.runs.entry import RunEntry, Summary
from mnistop.engine.runs.filters import parse
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.lookup import find_run_or_sweep, quoted, typed, why_no_runs
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.selection import TO_DELETE
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.completion import complete_filter
from mnistop.tui.cli.options import named, run_argument, several_argument, with_output
from mnistop.tui.cli.output import Printer, print_error, print_note
from mnistop.tui.cli.stop import Selection
from mnistop.tui.text.run_lines import command_hints, overload_warning
from mnistop.tui.text.run_table import either_accuracy, table

_MOST_LISTED = 30  # runs and sweeps, before a deletion


@click.command()
@with_output(json="Print a JSON list, newest first.")
@click.argument("words", metavar="[FILTER]...", nargs=-1, shell_complete=complete_filter)
def runs(out: Printer, words: tuple[str, ...]) -> int:
    """List all runs, newest first, each as it was at its best epoch.

    FILTER selects runs: mnistop runs "lr>0.1" "val_acc>0.9" hidden:128 state:stopped.

    The best epoch is the one with the highest validation accuracy, which is an optimistic estimate;
    the test accuracy is that of its weights on images that the run has never seen. Both have 95%
    intervals. Newest means started last.

    Each run in the JSON list has name, state, epoch, epochs, pid, config, threads, val_acc,
    val_loss, best_val_acc, best_val_loss, best_epoch, test_images, test_acc, started, ended,
    sweep, title, note and bytes: epoch is the newest finished epoch, from 0, and val_acc and
    val_loss belong to it; threads is the number in use where config says auto; test_acc is that of
    the best epoch; times are in seconds since 1970; sweep is the sweep the run belongs to; bytes is
    its size on disk; what is unknown or does not apply is null.
    """
    try:
        passes = parse(" ".join(words))
    except FilterError as error:
        raise click.UsageError(str(error)) from None
    index = list_all()
    for run, problem in index.problems.items():
        print_error(problem + f" mnistop delete {run.name} removes it." * run.is_ours)
    found = [run for run in index.runs if passes(run)]
    if out.as_json:
        out.print_json([run.as_json() for run in found])
    elif found:
        out.print(*table(found, out.width if out.is_terminal else None))
        if out.is_terminal:
            taken = sum(run.bytes or 0 for run in found)
            print_note(f"{count(len(found), 'run')}, {size(taken)} on disk")
    elif index.runs:
        out.print(f"None of the {count(len(index.runs), 'run')} matches this filter.")
    else:
        out.print(why_no_runs("mnistop opens the app, mnistop train makes one."))
    if warning := overload_warning(index.runs):
        print_note(warning)
    return 0


@click.command()
@with_output()
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--all", "every", is_flag=True, help="Delete all runs and sweeps.")
@several_argument
def delete(out: Printer, yes: bool, every: bool, words: tuple[str, ...]) -> int:
    """Delete runs and sweeps: their logs, their weights, everything.

    RUN names a run; FILTER selects the runs that match all filters: mnistop delete calm-otter
    "val_acc<0.5" deletes calm-otter and those with a lower accuracy. A sweep is deleted with its
    runs; a finished sweep whose runs all match is deleted, too.

    You see a list and are asked before anything is deleted. A run in training has to be stopped
    first. If some cannot be deleted, the others are, and the exit code is 1.
    """
    chosen = Selection(words, every, TO_DELETE)
    if chosen.is_empty:
        out.print("There are no runs." if every else "No run matches this filter.")
        return 0
    doomed = chosen.try_each(chosen.found, _check_idle)
    if doomed and not (yes or _is_confirmed(out, chosen.listed, doomed)):
        out.print("nothing was deleted")
        return 0
    deleted = chosen.try_each(doomed, lambda found: found.delete())
    out.print(*(f"{named(one)} deleted" for one in deleted))
    return chosen.exit_code(deleted)


def _check_idle(found: Run | Sweep) -> None:
    found.check_ours()
    if found.is_running():
        raise RunError(f"{found.full_name} is training: mnistop stop {typed(found)} first.")
    members = found.members() if isinstance(found, Sweep) else []
    if busy := [run.name for run in members if run.is_running()]:
        raise RunError(
            f"{found.full_name} has a run that is training: mnistop stop {busy[0]} first."
        )


def _is_confirmed(
    out: Printer, listed: Mapping[Run, RunEntry], doomed: Sequence[Run | Sweep]
) -> bool:
    """List what would be deleted, and ask.

    Raises:
        UsageError: there is no terminal.
    """
    numbers = Counter(type(one).__name__.lower() for one in doomed)
    what = " and ".join(count(numbers[kind], kind) for kind in sorted(numbers))
    sizes = [_size(one) for one in doomed]
    contents = [
        _contents(one, listed) + size(taken) for one, taken in zip(doomed, sizes, strict=True)
    ]
    single = doomed[0] if len(doomed) == 1 else None
    if not (sys.stdin and sys.stdin.isatty() and out.is_terminal):
        command = f"mnistop delete {typed(single)} --yes" if single else "--yes"
        raise click.UsageError(
            f"Without a terminal there is nobody to ask: {command} deletes "
            f"{'it' if single else f'these {what}'} ({size(sum(sizes))})."
        )
    if single:
        question = f"Delete {named(single)} ({contents[0]})?"
    else:
        for one, text in list(zip(doomed, contents, strict=True))[:_MOST_LISTED]:
            out.print(f"{type(one).__name__.lower():<5}  {one.name}  {text}")
        if (more := len(doomed) - _MOST_LISTED) > 0:
            out.print(f"... and {more:,} more")
        question = f"Delete {what}, {size(sum(sizes))}?"
    return click.confirm(out.clean(question))


def _contents(found: Run | Sweep, listed: Mapping[Run, RunEntry]) -> str:
    """Return what would be lost: state, epochs and accuracy, each before a comma."""
    if isinstance(found, Sweep):
        title = ""
        with suppress(RunError):
            title = found.title
        return f"{title + ', ' if title else ''}with its {count(len(found.members()), 'run')}, "
    try:
        run = listed.get(found) or Summary.of(found).listed
    except RunError:
        return "damaged, "
    best = either_accuracy(run)
    accuracy = "no accuracy yet" if best == "-" else f"accuracy {best}"
    name = f"named {run.overview.about.name}, " if run.overview.about.name else ""
    return f"{name}{run.state}, {count(run.overview.epochs, 'epoch')}, {accuracy}, "


def _size(found: Run | Sweep) -> int:
    members = found.members() if isinstance(found, Sweep) else []
    return sum(one.size() for one in [found, *members])


@click.command()
@with_output()
@click.option(
    "--to",
    metavar="FOLDER",
    help="Share a copy in this folder instead: a snapshot, which no longer changes.",
)
@run_argument
def share(out: Printer, to: str | None, run: str) -> int:
    """Let the other users of this machine read RUN, even while it trains.

    Makes the folder of the run (or of a sweep and its runs) readable, including what it writes
    later, and lets others pass through the runs folder without listing it. Prints the command for
    them to type. Only you can stop, resume, name and delete the run.

    Permissions of your home folder or other folders above are never changed: if one is closed, the
    command that opens it is printed, and the exit code is 1.
    """
    found = find_run_or_sweep(run)
    if to is None:
        shared = sharing.share(found)
        out.print(f"{named(found)} can be read by all users of this machine")
    else:
        shared = sharing.copy_to(found, Path(os.path.abspath(os.path.expanduser(to))))
        state = " in its current state" * found.is_running()
        out.print(
            f"{named(found)} was copied{state}; the copy can be read by all users of this machine"
        )
    if shared.left_out:
        names = ", ".join(map(one_line, shared.left_out))
        print_note(f"Files that do not belong to a run stay private: {names}")
    if shared.closed:
        _print_closed(out, shared.closed)
    opens = "follow" if found.is_running() and to is None else "show"
    line = f"{opens} " if isinstance(found, Sweep) else "--run "
    undo = f"unshare {typed(found)}" if to is None else f"delete {quoted(shared.path)}"
    commands = {
        f"mnistop {line}{quoted(shared.path)}": "for the others to type",
        f"mnistop {undo}": "undo",
    }
    out.print("", command_hints(commands))
    return 1 if shared.closed else 0


@click.command()
@with_output()
@run_argument
def unshare(out: Printer, run: str) -> int:
    """Undo share: nobody else can read RUN from now on.

    Others keep what they have copied or hold open. When no shared run is left, the runs folder is
    closed again.
    """
    found = find_run_or_sweep(run)
    state = "is private again" if sharing.unshare(found) else "was not shared: it is private"
    out.print(f"{named(found)} {state}")
    return 0


def _print_closed(out: Printer, closed: tuple[Path, ...]) -> None:
    """Print which folders above keep others out, and the commands that let them pass."""
    user = os.geteuid()
    out.print("")
    out.paragraph(
        "Others cannot reach it yet: folders above it are closed to them, and mnistop does not "
        "change those. These commands let others pass through without listing them; anything "
        "readable inside can then be reached too. --to FOLDER shares a copy elsewhere instead."
    )
    for folder in closed:
        owner = folder.stat().st_uid
        theirs = "" if owner == user or not user else f"   # by {owner_of(folder)}, its owner"
        out.print(f"  chmod a+x {quoted(folder)}{theirs}")
