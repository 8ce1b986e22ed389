"""`mnistop runs`, `stop` and `delete`: what has been trained, and what becomes of it."""

from __future__ import annotations

import sys
import time

import click

from engine import runs as engine_runs
from engine import sweeps
from engine.errors import RunError
from engine.finding import find_run_or_sweep, typed, why_no_runs
from engine.selection.run_filters import parse
from engine.selection.words import FilterError
from engine.storage.index import list_all
from engine.summary import Summary
from engine.sweeps import Sweep
from tui.cli.output import Output, complain, remark, with_output
from tui.cli.run_argument import complete_filter, run_argument
from tui.cli.run_lines import table
from tui.cli.words import accuracy, count, unseen_accuracy, what_next

_POLL_SECONDS = 0.05


@click.command()
@with_output
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list, newest first.")
@click.argument("words", metavar="[FILTER]...", nargs=-1, shell_complete=complete_filter)
def runs(out: Output, as_json: bool, words: tuple[str, ...]) -> int:
    """List all runs, newest first, each as it was at its best epoch.

    FILTER leaves out those that do not fit, as in: mnistop runs "lr>0.1" "val_acc>0.9" hidden:128
    state:stopped.

    The best epoch is that of the highest validation accuracy, which flatters it; the test
    accuracy is that of its weights on images that the run has not seen. Both have their 95%
    intervals. Each run in the JSON list has name, state, epoch, epochs, pid, config, threads,
    val_acc, val_loss, best_val_acc, best_val_loss, best_epoch, test_images, test_acc, started,
    ended, sweep, title and note: epoch is the newest finished one, from 0, and val_acc and
    val_loss are its; threads is how many train where config says auto; test_acc is of the best
    epoch; times are seconds since 1970; sweep is the sweep that it belongs to; what is unknown
    or does not apply is null.
    """
    try:
        wanted = parse(" ".join(words))
    except FilterError as error:
        raise click.UsageError(str(error)) from None
    index = list_all()
    for run, problem in index.problems.items():
        complain(problem + f" mnistop delete {run.name} removes it." * run.is_ours)
    found = [run for run in index.runs if wanted.passes(run)]
    why_none = (
        ""
        if index.runs
        else why_no_runs("mnistop opens the app, and mnistop train makes one here.")
    )
    if as_json:
        out.say_json([run.as_json() for run in found])
    elif found:
        out.say("\n".join(table(found, out.width if out.is_terminal else None)))
    elif index.runs:
        out.say(f"None of the {count(len(index.runs), 'run')} passes this filter.")
    else:
        out.say(why_none)
    return 0


@click.command()
@with_output
@run_argument
def stop(out: Output, run: str) -> int:
    """Stop RUN after its present step, and wait until it is saved.

    mnistop resume continues it. A stopped sweep starts no other run, and saves those in training.
    """
    from engine import worker

    found = find_run_or_sweep(run)
    if isinstance(found, Sweep):
        return _stop_sweep(out, found)
    if worker.is_suspended(found):
        remark(f"The process of run {found.name} is suspended (SIGSTOP): it is continued to save.")
    worker.stop(found)
    while found.is_running():
        time.sleep(_POLL_SECONDS)
    summary = Summary.of(found)
    trained = count(len(summary.history.epochs), "epoch")
    if summary.state != "stopped":
        out.say(f"run {found.name} {summary.state} after {trained}, before it could stop")
        return 0 if summary.state == "finished" else 1
    out.say(f"run {found.name} stopped and saved after {trained} of {summary.config.epochs:,}")
    out.say(what_next({f"mnistop resume {typed(found)}": "go on with it"}))
    return 0


@click.command()
@with_output
@click.option("--yes", is_flag=True, help="Do not ask.")
@run_argument
def delete(out: Output, yes: bool, run: str) -> int:
    """Delete RUN: its log, its weights, everything.

    Asks before it does so; a run in training must be stopped first.
    """
    found = find_run_or_sweep(run)
    kind = "sweep" if isinstance(found, Sweep) else "run"
    found.check_ours()
    if found.is_running():
        raise RunError(f"{found.full_name} is being trained: mnistop stop {typed(found)} first.")
    if not yes:
        if not (sys.stdin and sys.stdin.isatty() and out.is_terminal):
            raise click.UsageError(
                f"Without a terminal there is nobody to ask: mnistop delete {typed(found)} --yes "
                "deletes it."
            )
        if not click.confirm(out.clean(f"Delete {kind} {found.name}{_worth(found)}?")):
            out.say("nothing was deleted")
            return 0
    if isinstance(found, Sweep):
        sweeps.delete(found)
    else:
        engine_runs.delete(found)
    out.say(f"{kind} {found.name} is deleted")
    return 0


def _stop_sweep(out: Output, sweep: Sweep) -> int:
    from engine import worker
    from engine.sweep.reader import SweepReader

    if worker.is_suspended(sweep):
        remark(f"The process of sweep {sweep.name} is suspended (SIGSTOP): it is continued.")
    worker.stop_sweep(sweep)
    while sweep.is_running():
        time.sleep(_POLL_SECONDS)
    reader = SweepReader(sweep)
    reader.read()
    done = f"{reader.done:,} of {count(len(reader.outcomes), 'run')} done"
    if reader.state == "finished":
        out.say(f"sweep {sweep.name} finished, {done}, before it could stop")
        return 0
    out.say(f"sweep {sweep.name} stopped and saved, {done}")
    out.say(what_next({f"mnistop resume {typed(sweep)}": "go on with it"}))
    return 0


def _result(summary: Summary) -> str:
    history = summary.history
    if tested := unseen_accuracy(history):
        return f"test accuracy {tested}"
    if not (history.best and history.started):
        return "no accuracy yet"
    found = accuracy(history.best.val_acc, history.started.validation_images)
    return f"best validation accuracy {found}"


def _worth(run: engine_runs.Run | Sweep) -> str:
    """What would be lost: state, epochs and accuracy in brackets."""
    if isinstance(run, Sweep):
        return f" with its {count(len(run.members()), 'run')}"
    try:
        summary = Summary.of(run)
    except RunError:
        return ""
    trained = count(len(summary.history.epochs), "epoch")
    return f" ({summary.state}, {trained}, {_result(summary)})"
