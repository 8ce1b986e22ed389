"""`mnistop runs`, `share` and `unshare`: the list of all runs, and who may read them."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mnistop.engine.files import one_line, owner_of
from mnistop.engine.filter_grammar import FilterError
from mnistop.engine.formatting import count, size
from mnistop.engine.runs import sharing
from mnistop.engine.runs.filters import parse
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.lookup import find_run_or_sweep, quoted, typed, why_no_runs
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.completion import complete_filter
from mnistop.tui.cli.options import named, run_argument, with_output
from mnistop.tui.cli.output import Printer, print_error, print_note
from mnistop.tui.text.run_lines import command_hints, overload_warning, table


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
        conditions = parse(" ".join(words))
    except FilterError as error:
        raise click.UsageError(str(error)) from None
    index = list_all()
    for run, problem in index.problems.items():
        print_error(problem + f" mnistop delete {run.name} removes it." * run.is_ours)
    found = [run for run in index.runs if conditions.passes(run)]
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
