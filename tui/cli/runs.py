"""`mnistop runs`, `stop` and `delete`: what has been trained, and what becomes of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

import click

from engine import runs as engine_runs
from engine.errors import RunError
from tui.cli.output import Output, complain, with_output
from tui.cli.run_argument import run_argument
from tui.cli.summary import Summary
from tui.cli.words import accuracy, count, what_next

_POLL_SECONDS = 0.05
_NARROWEST_COLUMN = 8


@click.command()
@with_output
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, newest first.")
def runs(out: Output, as_json: bool) -> int:
    """List all runs, newest first, with their best epoch.

    The accuracy is that on the validation images, with its 95% interval. Each run in the JSON
    list has name, state, epoch, epochs, pid, config, val_acc, best_val_acc, best_epoch, started
    and ended: epoch is the newest finished one, from 0; times are seconds since 1970; what is
    not known yet is null.
    """
    found = []
    for run in engine_runs.list_runs():
        try:
            found.append(Summary.of(run))
        except RunError as error:
            complain(f"{error} mnistop delete {run.name} removes it.")
    if as_json:
        out.say_json([summary.as_json() for summary in found])
    elif found:
        rows = [_HEADER, *map(_row, found)]
        out.say("\n".join(_table(rows, out.width if out.is_terminal else None)))
    else:
        out.say("There are no runs yet: mnistop opens the app, and mnistop train makes one here.")
    return 0


@click.command()
@with_output
@run_argument
def stop(out: Output, run: str) -> int:
    """Stop RUN after its present step, and wait until it is saved.

    mnistop resume goes on with it.
    """
    from engine import worker

    found = engine_runs.find(run)
    worker.stop(found)
    while found.is_running():
        time.sleep(_POLL_SECONDS)
    summary = Summary.of(found)
    trained = count(len(summary.history.epochs), "epoch")
    if summary.state != "stopped":
        out.say(f"run {found.name} {summary.state} after {trained}, before it could stop")
        return 0 if summary.state == "finished" else 1
    out.say(f"run {found.name} stopped and saved after {trained} of {summary.config.epochs:,}")
    out.say(what_next({f"mnistop resume {found.name}": "go on with it"}))
    return 0


@click.command()
@with_output
@click.option("--yes", is_flag=True, help="Do not ask.")
@run_argument
def delete(out: Output, yes: bool, run: str) -> int:
    """Delete RUN: its log, its weights, everything.

    Asks before it does so; a run in training must be stopped first.
    """
    found = engine_runs.find(run)
    if found.is_running():
        raise RunError(f"Run {found.name} is being trained: mnistop stop {found.name} first.")
    if not yes:
        if not (sys.stdin and sys.stdin.isatty() and out.is_terminal):
            raise click.UsageError(
                f"Nobody can be asked without a terminal: mnistop delete {found.name} --yes "
                "deletes it."
            )
        if not click.confirm(out.clean(f"Delete run {found.name}{_worth(found)}?")):
            out.say("nothing was deleted")
            return 0
    engine_runs.delete(found)
    out.say(f"run {found.name} is deleted")
    return 0


_HEADER = ("run", "state", "epochs", "best val acc", "settings")


def _row(summary: Summary) -> tuple[str, ...]:
    return (
        summary.run.name,
        summary.state,
        f"{len(summary.history.epochs)}/{summary.config.epochs}",
        _best(summary),
        summary.differences(),
    )


def _best(summary: Summary) -> str:
    history = summary.history
    if not (history.best and history.started):
        return "-"
    return accuracy(history.best.val_acc, history.started.validation_images)


def _worth(run: engine_runs.Run) -> str:
    """What would be lost, as in ` (finished, 100 epochs, best 89.5% (84.5–93.0))`."""
    try:
        summary = Summary.of(run)
    except RunError:
        return ""
    trained = count(len(summary.history.epochs), "epoch")
    return f" ({summary.state}, {trained}, best {_best(summary)})"


def _table(rows: Sequence[tuple[str, ...]], width: int | None) -> list[str]:
    """The rows in columns; the last column takes what is left of the width, or is left out."""
    *columns, last = zip(*rows, strict=True)
    widths = [max(map(len, column)) for column in columns]
    room = max(map(len, last)) if width is None else width - sum(widths) - 2 * len(widths)
    lines = []
    for row in rows:
        cells = [f"{text:<{wide}}" for text, wide in zip(row[:-1], widths, strict=True)]
        if room >= _NARROWEST_COLUMN:
            text = row[-1]
            cells.append(text if len(text) <= room else text[: room - 1] + "…")
        lines.append("  ".join(cells).rstrip())
    return lines
