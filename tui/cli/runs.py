"""`mnistop runs`, `stop` and `delete`: what has been trained, and what becomes of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import click

from mnistop.engine.errors import RunError
from mnistop.engine.filter_grammar import FilterError
from mnistop.engine.formatting import count, size
from mnistop.engine.runs import run_folder as engine_runs
from mnistop.engine.runs import sweep_folder
from mnistop.engine.runs.entry import Listed, Summary
from mnistop.engine.runs.filters import parse
from mnistop.engine.runs.index import list_all
from mnistop.engine.runs.lookup import typed, why_no_runs
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.several import (
    IN_TRAINING,
    TO_DELETE,
    Chosen,
    Purpose,
    choose,
    choose_all,
)
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.arguments import complete_filter, several_argument
from mnistop.tui.cli.output import Output, complain, remark, with_output
from mnistop.tui.text.run_table import crowding, either_accuracy, table
from mnistop.tui.text.runs import what_next

_POLL_SECONDS = 0.05
_MOST_LISTED = 30
"""Rows of a list of what would be deleted."""


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
    intervals. Newest is what was started last, whatever its name says.

    Each run in the JSON list has name, state, epoch, epochs, pid, config, threads, val_acc,
    val_loss, best_val_acc, best_val_loss, best_epoch, test_images, test_acc, started, ended,
    sweep, title, note and bytes: epoch is the newest finished one, from 0, and val_acc and
    val_loss are its; threads is how many train where config says auto; test_acc is of the best
    epoch; times are seconds since 1970; sweep is the sweep that it belongs to; bytes is what it
    takes on the disk; what is unknown or does not apply is null.
    """
    try:
        conditions = parse(" ".join(words))
    except FilterError as error:
        raise click.UsageError(str(error)) from None
    index = list_all()
    for run, problem in index.problems.items():
        complain(problem + f" mnistop delete {run.name} removes it." * run.is_ours)
    found = [run for run in index.runs if conditions.passes(run)]
    why_none = (
        ""
        if index.runs
        else why_no_runs("mnistop opens the app, and mnistop train makes one here.")
    )
    if as_json:
        out.print_json([run.as_json() for run in found])
    elif found:
        out.print("\n".join(table(found, out.width if out.is_terminal else None)))
    elif index.runs:
        out.print(f"None of the {count(len(index.runs), 'run')} passes this filter.")
    else:
        out.print(why_none)
    if found and out.is_terminal and not as_json:
        taken = sum(run.bytes or 0 for run in found)
        remark(f"{count(len(found), 'run')} on the disk: {size(taken)}")
    if warning := crowding(index.runs):
        remark(warning)
    return 0


@click.command()
@with_output
@click.option("--all", "every", is_flag=True, help="Stop all that is in training.")
@several_argument
def stop(out: Output, every: bool, words: tuple[str, ...]) -> int:
    """Stop runs and sweeps after their present step, and wait until they are saved.

    RUN names one, FILTER takes all in training that pass it: mnistop stop state:running, mnistop
    stop calm-otter "lr>0.1". What is named is stopped beside what passes; several filters must
    all hold, as in mnistop runs. mnistop resume continues a run.

    A stopped sweep starts no other run, and saves those in training; so does one whose runs in
    training all pass the filter. Each is tried: the exit code is 1 if one of several could not
    be stopped.
    """
    chosen = chosen_by(words, every, IN_TRAINING)
    if not (chosen.found or chosen.unknown):
        out.print("Nothing is in training." if every else "No run in training passes this filter.")
        return 0
    asked, failures = _try_each(chosen.found, _ask_to_stop)
    failures = [*chosen.unknown, *failures]
    for sentence in failures:
        complain(sentence)
    resumable, went_wrong = [], False
    for one in asked:
        _wait_for_end(one)
        sentence, state = _end_of(one)
        out.print(sentence)
        if state == "stopped":
            resumable.append(typed(one))
        went_wrong |= state not in ("stopped", "finished")
    if resumable:
        name = resumable[0] if len(resumable) == 1 else "RUN"
        out.print(what_next({f"mnistop resume {name}": "go on with it"}))
    return _exit_code(chosen, words, failures, asked) or int(went_wrong)


def _ask_to_stop(one: Run | Sweep) -> None:
    from mnistop.engine import worker

    if worker.is_suspended(one):
        remark(f"The process of {one.full_name} is suspended (SIGSTOP): it is continued to save.")
    if isinstance(one, Sweep):
        worker.stop_sweep(one)
    else:
        worker.stop(one)


def _wait_for_end(one: Run | Sweep) -> None:
    while one.is_running():
        time.sleep(_POLL_SECONDS)


def _end_of(one: Run | Sweep) -> tuple[str, str]:
    """Return a sentence on how a run or a sweep has stopped, and its state."""
    if isinstance(one, Sweep):
        from mnistop.engine.sweep.outcomes import SweepReader

        reader = SweepReader(one)
        reader.read()
        done = f"{reader.done:,} of {count(len(reader.outcomes), 'run')} done"
        if reader.state == "finished":
            return f"sweep {one.name} finished, {done}, before it could stop", "finished"
        return f"sweep {one.name} stopped and saved, {done}", "stopped"
    try:
        summary = Summary.of(one)
    except RunError:
        return f"run {one.name} is gone: somebody deleted or moved its folder", "gone"
    trained = count(len(summary.history.epochs), "epoch")
    if summary.state == "stopped":
        planned = f"{summary.config.epochs:,}"
        return f"run {one.name} stopped and saved after {trained} of {planned}", "stopped"
    return f"run {one.name} {summary.state} after {trained}, before it could stop", summary.state


@click.command()
@with_output
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.option("--all", "every", is_flag=True, help="Delete all runs and sweeps.")
@several_argument
def delete(out: Output, yes: bool, every: bool, words: tuple[str, ...]) -> int:
    """Delete runs and sweeps: their logs, their weights, everything.

    RUN names one, FILTER takes all that pass it: mnistop delete state:failed, mnistop delete
    calm-otter "val_acc<0.5". What is named is deleted beside what passes; several filters must
    all hold, as in mnistop runs. A sweep is deleted with its runs; so is a finished one whose
    runs all pass the filter.

    Lists what would go and asks before it does so. A run in training is not deleted: stop it
    first. Each is tried: the exit code is 1 if one of several could not be deleted.
    """
    chosen = chosen_by(words, every, TO_DELETE)
    if not (chosen.found or chosen.unknown):
        out.print("There are no runs." if every else "No run passes this filter.")
        return 0
    doomed, failures = _try_each(chosen.found, _check_idle)
    failures = [*chosen.unknown, *failures]
    for sentence in failures:
        complain(sentence)
    if not doomed:
        return _exit_code(chosen, words, failures, doomed)
    if not (yes or _is_agreed(out, chosen, doomed)):
        out.print("nothing was deleted")
        return 0
    deleted, undeleted = _try_each(doomed, _delete)
    for one in deleted:
        out.print(f"{_kind(one)} {one.name} is deleted")
    for sentence in undeleted:
        complain(sentence)
    return _exit_code(chosen, words, [*failures, *undeleted], deleted)


def _check_idle(one: Run | Sweep) -> None:
    one.check_ours()
    if one.is_running():
        raise RunError(f"{one.full_name} is being trained: mnistop stop {typed(one)} first.")
    members = one.members() if isinstance(one, Sweep) else []
    if busy := [run.name for run in members if run.is_running()]:
        raise RunError(
            f"{one.full_name} has a run that is being trained: mnistop stop {busy[0]} first."
        )


def _delete(one: Run | Sweep) -> None:
    if isinstance(one, Sweep):
        sweep_folder.delete(one)
    else:
        engine_runs.delete(one)


def _is_agreed(out: Output, chosen: Chosen, doomed: Sequence[Run | Sweep]) -> bool:
    """Ask a person, who is shown what it is, whether to delete."""
    what, taken = _sum(doomed), sum(map(_size_of, doomed))
    single = doomed[0] if len(doomed) == 1 else None
    if not (sys.stdin and sys.stdin.isatty() and out.is_terminal):
        how = f"mnistop delete {typed(single)} --yes" if single else "--yes"
        raise click.UsageError(
            f"Without a terminal there is nobody to ask: {how} deletes "
            f"{'it' if single else f'these {what}'} ({size(taken)})."
        )
    if single:
        worth = _worth(single, chosen.listed)
        question = f"Delete {_kind(single)} {single.name} ({worth}{size(taken)})?"
    else:
        for one in doomed[:_MOST_LISTED]:
            worth = _worth(one, chosen.listed)
            out.print(f"{_kind(one):<5}  {one.name}  {worth}{size(_size_of(one))}")
        if (more := len(doomed) - _MOST_LISTED) > 0:
            out.print(f"... and {more:,} more")
        question = f"Delete {what}, {size(taken)}?"
    return click.confirm(out.clean(question))


def _worth(one: Run | Sweep, known: Mapping[Run, Listed]) -> str:
    """Return what would be lost: state, epochs and accuracy, each before a comma."""
    if isinstance(one, Sweep):
        try:
            title = one.title
        except RunError:
            title = ""
        return f"{title + ', ' if title else ''}with its {count(len(one.members()), 'run')}, "
    try:
        run = known.get(one) or Summary.of(one).listed
    except RunError:
        return "damaged, "
    found = either_accuracy(run)
    accuracy = "no accuracy yet" if found == "-" else f"accuracy {found}"
    name = f"named {run.overview.about.name}, " if run.overview.about.name else ""
    return f"{name}{run.state}, {count(run.overview.epochs, 'epoch')}, {accuracy}, "


def _size_of(one: Run | Sweep) -> int:
    members = one.members() if isinstance(one, Sweep) else []
    return sum(each.size() for each in [one, *members])


def _kind(one: Run | Sweep) -> str:
    return "sweep" if isinstance(one, Sweep) else "run"


def _sum(found: Sequence[Run | Sweep]) -> str:
    """As in `3 runs and 1 sweep`."""
    numbers = {kind: sum(_kind(one) == kind for one in found) for kind in ("run", "sweep")}
    return " and ".join(count(number, kind) for kind, number in numbers.items() if number)


def chosen_by(words: Sequence[str], every: bool, purpose: Purpose) -> Chosen:
    """Find the runs and sweeps that a command is about.

    Raises:
        UsageError: nothing is named, or something beside `--all`, or a filter makes no sense.
    """
    if every and words:
        raise click.UsageError("--all leaves nothing to name: leave it out, or all else.")
    if not (every or words):
        raise click.UsageError(
            "Name a run or several, or say which by a filter as in state:running, or --all."
        )
    try:
        return choose_all(purpose) if every else choose(words, purpose)
    except FilterError as error:
        raise click.UsageError(str(error)) from None


def _try_each(
    found: Iterable[Run | Sweep], what: Callable[[Run | Sweep], None]
) -> tuple[list[Run | Sweep], list[str]]:
    """Do something with each; return those with which it went well, and why not with others."""
    done, failures = [], []
    for one in found:
        try:
            what(one)
        except RunError as error:
            failures.append(str(error))
        else:
            done.append(one)
    return done, failures


def _exit_code(
    chosen: Chosen, words: Sequence[str], failures: Sequence[str], done: Sequence[Run | Sweep]
) -> int:
    """0 if all went well, 2 if what was asked for makes no sense as a whole, else 1."""
    if not failures:
        return 0
    is_senseless = not done and (len(words) == 1 or len(chosen.unknown) == len(words))
    return 2 if is_senseless and not chosen.listed else 1
