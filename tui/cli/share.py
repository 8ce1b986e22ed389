"""`mnistop share` and `unshare`: other users of the machine may read a run."""

from __future__ import annotations

import os
from pathlib import Path

import click

from mnistop.engine.runs import sharing
from mnistop.engine.runs.folder import one_line, owner_of
from mnistop.engine.runs.lookup import find_run_or_sweep, quoted, typed
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.arguments import run_argument
from mnistop.tui.cli.output import Output, remark, with_output
from mnistop.tui.text.run_lines import what_next


@click.command()
@with_output
@click.option(
    "--to",
    metavar="FOLDER",
    help="Share a copy, made in this folder; it stays as it is now.",
)
@run_argument
def share(out: Output, to: str | None, run: str) -> int:
    """Let the other users of this machine read RUN, also while it trains.

    Opens the folder of the run (or of a sweep and its runs) for reading, with what it writes later,
    and lets others pass through the folder of the runs, where they see nothing else. Prints the
    line that they type. Only you can stop, resume, name and delete it.

    A home folder is never opened: where one is closed, or another folder above, the command that
    opens it is printed, and the exit code is 1.
    """
    found = find_run_or_sweep(run)
    kind = "sweep" if isinstance(found, Sweep) else "run"
    if to is None:
        shared = sharing.share(found)
        out.print(f"{kind} {found.name} is open to all users of this machine, for reading")
    else:
        shared = sharing.copy_to(found, Path(os.path.abspath(os.path.expanduser(to))))
        what = "copied as it is now" if found.is_running() else "copied"
        out.print(f"{kind} {found.name} is {what}; the copy is open to all users of this machine")
    if shared.left_out:
        names = ", ".join(map(one_line, shared.left_out))
        remark(f"What is no file of a run stays private: {names}")
    if shared.closed:
        _print_closed(out, shared.closed)
    opens = "follow" if found.is_running() and to is None else "show"
    line = f"{opens} " if isinstance(found, Sweep) else "--run "
    taken_back = typed(found) if to is None else quoted(shared.path)
    undo = "unshare" if to is None else "delete"
    out.print()
    out.print(
        what_next(
            {
                f"mnistop {line}{quoted(shared.path)}": "the others type",
                f"mnistop {undo} {taken_back}": "take it back",
            }
        )
    )
    return 1 if shared.closed else 0


@click.command()
@with_output
@run_argument
def unshare(out: Output, run: str) -> int:
    """Take back what share has done: nobody else can read RUN from now on.

    What others have copied or hold open, they keep. With the last run that was shared, the folder
    of the runs is closed again.
    """
    found = find_run_or_sweep(run)
    kind = "sweep" if isinstance(found, Sweep) else "run"
    if sharing.unshare(found):
        out.print(f"{kind} {found.name} is private again")
    else:
        out.print(f"{kind} {found.name} was not shared: it is private")
    return 0


def _print_closed(out: Output, closed: tuple[Path, ...]) -> None:
    """Say which folders above keep the others out, and the commands that let them pass."""
    user = os.geteuid()
    out.print()
    out.paragraph(
        "Others cannot reach it yet: folders above it let nobody else pass, and mnistop changes "
        "nothing there. These commands let them pass, without seeing what the folders hold; what "
        "is open in there can then be reached too. With --to FOLDER a copy is shared instead."
    )
    for folder in closed:
        owner = folder.stat().st_uid
        theirs = "" if owner == user or not user else f"   # by {owner_of(folder)}, whose it is"
        out.print(f"  chmod a+x {quoted(folder)}{theirs}")
