"""A run in words: its epochs, its end, the commands that come next, and the table of all runs."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence

from mnistop.engine import events
from mnistop.engine.cores import usable_cores
from mnistop.engine.events import EpochFinished
from mnistop.engine.files import one_line
from mnistop.engine.formatting import accuracy, count, duration, epochs_of, loss, percent, size
from mnistop.engine.runs.entry import RunEntry
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.history import History, best_of, reduce, unseen_accuracy
from mnistop.engine.runs.lookup import typed
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep


def closing_lines(run: Run, history: History, epochs: int) -> list[str]:
    """Return the lines that stay in the scrollback: the end, the accuracy, and the next commands.

    Args:
        run: the run.
        history: its complete history.
        epochs: the planned number of epochs.
    """
    state = history.state(running=False)
    took = duration(history.seconds)
    lines = [""]
    trained = count(len(history.epochs), "epoch")
    of_planned = epochs_of(len(history.epochs), epochs)
    match history.ended:
        case events.RunFinished(message=message) if message:
            lines.append(f"run {run.name} was not trained further: still {trained}")
        case events.RunFinished(reason="early stopping"):
            lines.append(f"run {run.name} finished early: {of_planned} in {took}")
        case events.RunFinished():
            lines.append(f"run {run.name} finished: {trained} in {took}")
        case events.RunStopped(message=message) if message:
            lines.append(f"run {run.name} was not resumed: still {of_planned}")
        case events.RunStopped():
            lines.append(f"run {run.name} stopped and saved after {of_planned}")
        case _ if run.is_gone():
            return [*lines, f"run {run.name}: its folder {run.path} is gone"]
        case _:
            lines.append(f"run {run.name} {state} after {of_planned}")
    if tested := unseen_accuracy(history):
        lines.append(f"test: accuracy {tested}, 95% interval")
    if best := best_of(history):
        lines.append(f"best: {best}")
    commands = control_commands(run, state)
    if history.epochs:
        name = typed(run)
        commands[f"mnistop show {name}"] = "see its log, charts and mistakes"
        commands[f"mnistop --run {name}"] = "open it in the app"
    return [*lines, "", command_hints(commands)] if commands else lines


def failure_sentence(run: Run, history: History) -> str:
    """Return why a run failed, was interrupted or not resumed; empty for the others."""
    match history.state(running=False):
        case "failed" | "stopped" | "finished":
            return getattr(history.ended, "message", "")
        case "interrupted" if history.vanished:
            return (
                f"The folder {run.path} is gone, with everything that run {run.name} had saved: "
                "it was deleted or moved."
            )
        case "interrupted":
            return (
                f"The training process of run {run.name} ended without a message: it was "
                "killed, perhaps because memory ran out, or the machine went down. "
                f"{_saved(run, history)}"
            )
    return ""


def _saved(run: Run, history: History) -> str:
    if run.is_recorded():
        return f"What it recorded is there; mnistop.init(resume={run.name!r}) continues it."
    if not history.checkpoints:
        return f"It had no checkpoint yet: mnistop resume {typed(run)} restarts it."
    return (
        f"Its log and its weights after {count(history.checkpoints[-1], 'epoch')} are saved: "
        f"mnistop resume {typed(run)} continues from there."
    )


def control_commands(found: Run | Sweep, state: str) -> dict[str, str]:
    """Return the commands to watch, stop or resume a run or a sweep, with their purposes."""
    name = typed(found)
    if state in ("starting", "running", "paused"):
        stop = {f"mnistop stop {name}": "stop and save it"} if found.is_ours else {}
        return {f"mnistop follow {name}": "watch it"} | stop
    is_recorded = isinstance(found, Run) and found.is_recorded()
    if state in ("stopped", "interrupted") and found.is_ours and not is_recorded:
        return {f"mnistop resume {name}": "resume it"}
    return {}


def farewell(run: Run, epochs: int) -> str:
    """Describe the state of the run shown last, its accuracy, and the commands to return to it.

    Args:
        run: the run.
        epochs: the planned number of epochs.
    """
    history = reduce(History(), read_events(run))
    if history.ended or not run.is_running():
        return "\n".join(closing_lines(run, history, epochs))
    state = "is paused" if history.paused else "is still training"
    lines = ["", f"run {run.name} {state}: {epochs_of(len(history.epochs), epochs)} so far"]
    if best := best_of(history):
        lines.append(f"best: {best}")
    commands = {f"mnistop --run {typed(run)}": "open it in the app"}
    commands |= control_commands(run, "running")
    return "\n".join([*lines, "", command_hints(commands)])


def suspension(found: Run | Sweep) -> str:
    """Return the sentence on a run or a sweep whose process is suspended."""
    resumes = f": mnistop resume {typed(found)} continues it" if found.is_ours else ""
    return f"{found.full_name} is suspended (SIGSTOP){resumes}."


UNTRAINED = "untrained"
"""The name of the model before its first epoch."""


def epoch_name(epoch: int) -> str:
    """Return the name of an epoch, as in `epoch 5`; -1 is the untrained model.

    Args:
        epoch: from 0, as the log counts.
    """
    return f"epoch {epoch}" if epoch >= 0 else UNTRAINED


def command_hints(commands: Mapping[str, str]) -> str:
    """Return a line for each command, after its purpose.

    Args:
        commands: the purposes by command.
    """
    width = max(map(len, commands.values()), default=0)
    return "\n".join(f"{purpose:<{width}}  {command}" for command, purpose in commands.items())


EPOCH_HEADER = "epoch  train loss  val loss  train acc  val acc"


def epoch_row(epoch: EpochFinished) -> str:
    """Return a line of the epoch table, under `EPOCH_HEADER`."""
    return (
        f"{epoch.epoch:>5}  {loss(epoch.train_loss):>10}  {loss(epoch.val_loss):>8}  "
        f"{percent(epoch.train_acc):>9}  {percent(epoch.val_acc):>7}"
    )


_LEAST_SETTINGS = 20
"""Cells of the settings that other columns must leave free."""
_NARROWEST_SETTINGS = 8


TEST_ACC, VAL_ACC = "test acc at best", "val acc at best"
"""The heads of the columns of accuracies, both of the best epoch's weights."""


def test_accuracy(run: RunEntry) -> str:
    """Return the best epoch's test accuracy with its 95% interval; a dash without a test."""
    seen = run.overview
    if seen.test_acc is None or not seen.test_images:
        return "-"
    return accuracy(seen.test_acc, seen.test_images)


def validation_accuracy(run: RunEntry) -> str:
    """Return the best epoch's validation accuracy with its 95% interval; a dash without one."""
    seen = run.overview
    if seen.best_val_acc is None or not seen.validation_images:
        return "-"
    return accuracy(seen.best_val_acc, seen.validation_images)


def best_epoch(run: RunEntry) -> str:
    """Return the epoch of the highest validation accuracy."""
    best = run.overview.best_epoch
    return "-" if best is None else str(best)


def either_accuracy(run: RunEntry) -> str:
    """Return the test accuracy; without a test the validation accuracy, marked as such."""
    tested, validated = test_accuracy(run), validation_accuracy(run)
    return f"val {validated}" if tested == "-" != validated else tested


def best_loss(run: RunEntry) -> str:
    """Return the best epoch's validation loss."""
    value = run.overview.best_val_loss
    return "-" if value is None else loss(value)


def epochs(run: RunEntry) -> str:
    """Return finished and planned epochs, as in `34/100` or `34/100k`."""
    planned = run.overview.planned
    short = f"{planned // 1000}k" if planned >= 10_000 and planned % 1000 == 0 else str(planned)
    return f"{run.overview.epochs}/{short}" if planned else str(run.overview.epochs)


def time_taken(run: RunEntry) -> str:
    """Return the time of training and evaluation, without pauses."""
    return duration(run.overview.seconds)


def on_disk(run: RunEntry) -> str:
    """Return its size on disk."""
    return "-" if run.bytes is None else size(run.bytes)


def overload_warning(runs: Sequence[RunEntry]) -> str:
    """Return a warning if more runs train here than there are cores; else empty."""
    cores = usable_cores()
    busy = [run for run in runs if run.state in ("starting", "running")]
    training = sum(run.is_here() for run in busy) if len(busy) > cores else 0
    if training <= cores:
        return ""
    return (
        f"{training} runs are training on {count(cores, 'core')}, which slows them all down: "
        "mnistop stop makes room, mnistop resume continues later."
    )


def state_of(run: RunEntry) -> str:
    """Return the state of a run, or `suspended` if its process is."""
    return "suspended" if run.is_suspended else run.state


_COLUMNS: dict[str, Callable[[RunEntry], str]] = {
    "run": lambda run: run.run.name,
    "state": state_of,
    "epochs": epochs,
    "best epoch": best_epoch,
    TEST_ACC: test_accuracy,
    VAL_ACC: validation_accuracy,
    "val loss at best": best_loss,
    "time": time_taken,
    "size": on_disk,
    "name": lambda run: run.overview.about.name,
    "note": lambda run: run.overview.about.note,
    "settings": lambda run: run.differences(),
}
_DISPENSABLE = ("size", "time", "val loss at best", "best epoch", VAL_ACC, "note")
"""Columns that are dropped for lack of room, the first ones first."""


def table(runs: Sequence[RunEntry], width: int | None = None) -> list[str]:
    """Return the lines of a table of runs, below a header.

    Args:
        runs: at least one.
        width: cells of a line; the settings take what is left, or are left out. None for no limit.
    """
    columns = {
        head: [head, *(one_line(text(run)) for run in runs)] for head, text in _COLUMNS.items()
    }
    columns = {head: cells for head, cells in columns.items() if any(cells[1:])}
    if all(run.overview.test_acc is None for run in runs):
        columns.pop(TEST_ACC)
    settings = columns.pop("settings")
    widths = {head: max(map(_cells, cells)) for head, cells in columns.items()}
    room = max(map(_cells, settings))
    if width is not None:
        least = min(room, _LEAST_SETTINGS)
        for head in _DISPENSABLE:
            is_needed = head == VAL_ACC and TEST_ACC not in columns
            if _left(width, widths) < least and not is_needed:
                widths.pop(head, None)
        if VAL_ACC not in widths:
            columns[TEST_ACC] = [TEST_ACC, *map(either_accuracy, runs)]
            widths[TEST_ACC] = max(map(_cells, columns[TEST_ACC]))
        room = _left(width, widths)
    lines = []
    for row, differences in enumerate(settings):
        cells = [columns[head][row] for head in widths]
        padded = [
            text + " " * (wide - _cells(text))
            for text, wide in zip(cells, widths.values(), strict=True)
        ]
        if room >= _NARROWEST_SETTINGS:
            fits = len(differences) <= room
            padded.append(differences if fits else differences[: room - 1] + "…")
        lines.append("  ".join(padded).rstrip())
    return lines


def _cells(text: str) -> int:
    """Return the width of a text on the screen."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(bool(unicodedata.combining(char)) for char in text)


def _left(width: int, widths: dict[str, int]) -> int:
    return width - sum(widths.values()) - 2 * len(widths)
