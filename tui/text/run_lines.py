"""A run in words: its epochs, its end, the commands that come next, and the table of all runs."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence

from mnistop.engine import events
from mnistop.engine.cores import usable_cores
from mnistop.engine.events import EpochFinished
from mnistop.engine.formatting import accuracy, count, duration, loss, percent, size
from mnistop.engine.runs.entry import Listed
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.folder import one_line
from mnistop.engine.runs.glance import trained_here
from mnistop.engine.runs.history import History, best_of, reduce, unseen_accuracy
from mnistop.engine.runs.lookup import typed
from mnistop.engine.runs.run_folder import Run


def closing_words(run: Run, history: History, epochs: int) -> list[str]:
    """The lines that stay in the scrollback: how it ended, how good it is, and what is next.

    Args:
        run: the run.
        history: its history, complete.
        epochs: how many epochs it was to have.
    """
    state = history.state(running=False)
    trained = count(len(history.epochs), "epoch")
    took = duration(sum(epoch.seconds for epoch in history.epochs))
    lines = [""]
    match history.ended:
        case events.RunFinished(message=message) if message:
            lines.append(f"run {run.name} was not trained on: as before, {trained}")
        case events.RunFinished(reason="early stopping"):
            lines.append(f"run {run.name} finished early: {trained} of {epochs} in {took}")
        case events.RunFinished():
            lines.append(f"run {run.name} finished: {trained} in {took}")
        case events.RunStopped(message=message) if message:
            lines.append(f"run {run.name} was not resumed: as before, {trained} of {epochs}")
        case events.RunStopped():
            lines.append(f"run {run.name} stopped and saved after {trained} of {epochs}")
        case _ if run.is_gone():
            return [*lines, f"run {run.name}: its folder {run.path} is gone"]
        case _:
            lines.append(f"run {run.name} {state} after {trained} of {epochs}")
    if tested := unseen_accuracy(history):
        lines.append(f"test: accuracy {tested}, a 95% interval")
    if best := best_of(history):
        lines.append(f"best: {best}")
    commands = _next_commands(run, state, bool(history.epochs))
    return [*lines, "", what_next(commands)] if commands else lines


def complaint(run: Run, history: History) -> str:
    """The sentence on a run that failed, was interrupted or not resumed; empty for the others."""
    match history.state(running=False):
        case "failed" | "stopped" | "finished":
            return getattr(history.ended, "message", "")
        case "interrupted" if history.vanished:
            return (
                f"The folder {run.path} is gone, and with it all that run {run.name} had saved: "
                "somebody deleted or moved it."
            )
        case "interrupted":
            return (
                f"The training process of run {run.name} ended without a message: it was "
                "killed, for example because memory was full, or the machine went down. "
                f"{_what_is_safe(run, history)}"
            )
    return ""


def _what_is_safe(run: Run, history: History) -> str:
    if not history.checkpoints:
        return f"It had no checkpoint yet: mnistop resume {typed(run)} starts it again."
    return (
        f"Its log and its weights after {count(history.checkpoints[-1], 'epoch')} are safe: "
        f"mnistop resume {typed(run)} goes on from there."
    )


def _next_commands(run: Run, state: str, has_epochs: bool) -> dict[str, str]:
    commands = {}
    name = typed(run)
    if state in ("stopped", "interrupted") and run.is_ours:
        commands[f"mnistop resume {name}"] = "go on with it"
    if has_epochs:
        commands[f"mnistop show {name}"] = "see its log, charts and mistakes"
        commands[f"mnistop --run {name}"] = "open it in the app"
    return commands


def farewell(run: Run, epochs: int) -> str:
    """Describe the state of a run, how good it is, and how to come back to it.

    Args:
        run: the run that was shown last.
        epochs: how many epochs it is to have.
    """
    history = reduce(History(), read_events(run))
    if history.ended or not run.is_running():
        return "\n".join(closing_words(run, history, epochs))
    trained = count(len(history.epochs), "epoch")
    state = "is paused" if history.paused else "goes on training"
    best, name = best_of(history), typed(run)
    return "\n".join(
        [
            "",
            f"run {run.name} {state}: {trained} of {epochs:,} so far",
            *([f"best: {best}"] if best else []),
            "",
            what_next(
                {
                    f"mnistop --run {name}": "open it in the app",
                    f"mnistop follow {name}": "watch it here",
                    **({f"mnistop stop {name}": "stop it and save"} if run.is_ours else {}),
                }
            ),
        ]
    )


UNTRAINED = "untrained"
"""The model before its first epoch."""


def epoch_name(epoch: int) -> str:
    """Return the name of an epoch, as in `epoch 5`; -1 is the untrained model.

    Args:
        epoch: from 0, as the log counts.
    """
    return f"epoch {epoch}" if epoch >= 0 else UNTRAINED


def what_next(commands: Mapping[str, str]) -> str:
    """Lines of commands, each after what it does.

    Args:
        commands: purposes by command.
    """
    width = max(map(len, commands.values()), default=0)
    return "\n".join(f"{purpose:<{width}}  {command}" for command, purpose in commands.items())


EPOCH_HEADER = "epoch  train loss  val loss  train acc  val acc"


def epoch_row(epoch: EpochFinished) -> str:
    """A line of the epoch table, under `EPOCH_HEADER`."""
    return (
        f"{epoch.epoch:>5}  {loss(epoch.train_loss):>10}  {loss(epoch.val_loss):>8}  "
        f"{percent(epoch.train_acc):>9}  {percent(epoch.val_acc):>7}"
    )


_LEAST_SETTINGS = 20
"""Cells that the settings are to have before other columns have room."""
_NARROWEST_SETTINGS = 8


TEST_ACC, VAL_ACC = "test acc at best", "val acc at best"
"""The heads of the columns of accuracies, both of the best epoch's weights."""


def test_accuracy(run: Listed) -> str:
    """The best epoch's accuracy on unseen images with its 95% interval; a dash without a test."""
    seen = run.overview
    if seen.test_acc is None or not seen.test_images:
        return "-"
    return accuracy(seen.test_acc, seen.test_images)


def validation_accuracy(run: Listed) -> str:
    """The best epoch's validation accuracy with its 95% interval; a dash before there is one."""
    seen = run.overview
    if seen.best_val_acc is None or not seen.validation_images:
        return "-"
    return accuracy(seen.best_val_acc, seen.validation_images)


def best_epoch(run: Listed) -> str:
    """The epoch of the highest validation accuracy."""
    best = run.overview.best_epoch
    return "-" if best is None else str(best)


def either_accuracy(run: Listed) -> str:
    """That on unseen images; without a test that of validation, marked as such."""
    tested, validated = test_accuracy(run), validation_accuracy(run)
    return f"val {validated}" if tested == "-" != validated else tested


def best_loss(run: Listed) -> str:
    """The best epoch's validation loss."""
    value = run.overview.best_val_loss
    return "-" if value is None else loss(value)


def epochs(run: Listed) -> str:
    """Finished and planned epochs, as in `34/100` or `34/100k`."""
    planned = run.overview.planned
    short = f"{planned // 1000}k" if planned >= 10_000 and planned % 1000 == 0 else str(planned)
    return f"{run.overview.epochs}/{short}"


def time_taken(run: Listed) -> str:
    """Training and judging, without pauses."""
    return duration(run.overview.seconds)


def on_disk(run: Listed) -> str:
    """Return its size on the disk."""
    return "-" if run.bytes is None else size(run.bytes)


def crowding(runs: Sequence[Listed]) -> str:
    """A sentence where more runs train here than there are cores for; else empty."""
    cores = usable_cores()
    busy = [run for run in runs if run.state in ("starting", "running")]
    training = sum(map(trained_here, busy)) if len(busy) > cores else 0
    if training <= cores:
        return ""
    return (
        f"{training} runs train at once on {count(cores, 'core')}, which slows each of them down: "
        "mnistop stop makes room, mnistop resume goes on later."
    )


_COLUMNS: dict[str, Callable[[Listed], str]] = {
    "run": lambda run: run.run.name,
    "state": lambda run: run.state,
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
"""Columns that give way, the first ones first."""


def table(runs: Sequence[Listed], width: int | None = None) -> list[str]:
    """The runs in columns below a header.

    Args:
        runs: at least one.
        width: cells of a line; the settings take what is left of them, or are left out. None for
            as many as it takes.
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
