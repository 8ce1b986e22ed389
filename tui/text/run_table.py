"""The table of runs as lines of text: printed by `mnistop runs`, and written by the runs screen."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence

from mnistop.engine.cores import usable_cores
from mnistop.engine.formatting import accuracy, count, duration, loss, size
from mnistop.engine.runs.entry import Listed
from mnistop.engine.runs.folder import one_line
from mnistop.engine.runs.glance import trained_here

_LEAST_SETTINGS = 20
"""Cells that the settings are to have before other columns have room."""
_NARROWEST_SETTINGS = 8


TEST_ACC, VAL_ACC = "test acc at best", "val acc at best"
"""The heads of the columns of accuracies, both of the best epoch's weights."""


def unseen_accuracy(run: Listed) -> str:
    """The best epoch's accuracy on unseen images with its 95% interval; a dash without a test."""
    seen = run.overview
    if seen.test_acc is None or not seen.test_images:
        return "-"
    return accuracy(seen.test_acc, seen.test_images)


def best_accuracy(run: Listed) -> str:
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
    tested, validated = unseen_accuracy(run), best_accuracy(run)
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
    TEST_ACC: unseen_accuracy,
    VAL_ACC: best_accuracy,
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
