"""The table of runs, and that of a run's epochs: the same columns on screens and as plain text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from mnistop.engine.events import EpochFinished
from mnistop.engine.files import one_line
from mnistop.engine.formatting import accuracy, duration, loss, percent, size
from mnistop.engine.runs.entry import RunEntry
from mnistop.tui.text.table import Column, Table

EPOCHS: Sequence[Column[EpochFinished]] = (
    Column("epoch", lambda epoch: str(epoch.epoch), 5),
    Column("train loss", lambda epoch: loss(epoch.train_loss), 10),
    Column("val loss", lambda epoch: loss(epoch.val_loss), 8),
    Column("train acc", lambda epoch: percent(epoch.train_acc), 9),
    Column("val acc", lambda epoch: percent(epoch.val_acc), 7),
)
"""The columns of the epoch table."""

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


def either_accuracy(run: RunEntry) -> str:
    """Return the test accuracy; without a test the validation accuracy, marked as such."""
    tested, validated = test_accuracy(run), validation_accuracy(run)
    return f"val {validated}" if tested == "-" != validated else tested


def best_epoch(run: RunEntry) -> str:
    """Return the epoch of the highest validation accuracy."""
    best = run.overview.best_epoch
    return "-" if best is None else str(best)


def _best_loss(run: RunEntry) -> str:
    value = run.overview.best_val_loss
    return "-" if value is None else loss(value)


def _epochs(run: RunEntry) -> str:
    """Return finished and planned epochs, as in `34/100` or `34/100k`."""
    planned = run.overview.planned
    short = f"{planned // 1000}k" if planned >= 10_000 and planned % 1000 == 0 else str(planned)
    return f"{run.overview.epochs}/{short}" if planned else str(run.overview.epochs)


def state_of(run: RunEntry) -> str:
    """Return the state of a run, or `suspended` if its process is."""
    return "suspended" if run.is_suspended else run.state


RESULTS: Sequence[Column[RunEntry]] = (
    Column("epochs", _epochs, 9, rank=3),
    Column(TEST_ACC, test_accuracy, 19, rank=1),
    Column(VAL_ACC, validation_accuracy, 19, rank=4),
    Column("best epoch", best_epoch, 10, rank=5),
    Column("val loss at best", _best_loss, 16, rank=6),
    Column("time", lambda run: duration(run.overview.seconds), 9, rank=7),
    Column("size", lambda run: "-" if run.bytes is None else size(run.bytes), 7, rank=8),
)
"""The columns of numbers."""
DIFFERENCES = 2
"""The rank of the column of settings."""
_EITHER = Column(TEST_ACC, either_accuracy, 23, rank=1)
"""The column where there is room for one accuracy only."""


def fitted(
    columns: Sequence[Column[RunEntry]],
    has_tests: bool,
    width: int | None = None,
    runs: Sequence[RunEntry] = (),
    clean: Callable[[str], str] = one_line,
) -> Table[RunEntry]:
    """Return a table of runs with both accuracies, or the one of them that there is room for.

    Args:
        columns: the columns, with both accuracies.
        has_tests: True if any of the runs was tested.
        width: cells of a line; None for no limit.
        runs: those by which the columns without a width are measured.
        clean: prepares a text for where it is shown.
    """
    if not has_tests:
        tested = next(column.rank for column in columns if column.head == TEST_ACC)
        columns = [
            replace(column, rank=min(column.rank, tested)) if column.head == VAL_ACC else column
            for column in columns
            if column.head != TEST_ACC
        ]
    table = Table(columns, width, runs, clean)
    if VAL_ACC in table:
        return table
    columns = [
        replace(_EITHER, width=column.width and _EITHER.width, style=column.style)
        if column.head == TEST_ACC
        else column
        for column in columns
        if column.head != VAL_ACC
    ]
    return Table(columns, width, runs, clean)


def table(runs: Sequence[RunEntry], width: int | None = None) -> list[str]:
    """Return the lines of a table of runs, below a header.

    Args:
        runs: at least one.
        width: cells of a line; the settings take what is left, or are left out. None for no limit.
    """
    columns = [
        Column[RunEntry]("run", lambda run: run.run.name, left=True),
        Column("state", state_of, left=True),
        *(replace(column, width=0) for column in RESULTS),
        Column("name", lambda run: run.overview.about.name, left=True),
        Column("note", lambda run: run.overview.about.note, left=True, rank=3),
        Column("settings", RunEntry.differences, left=True, rank=DIFFERENCES, least=14),
    ]
    columns = [column for column in columns if any(map(column.text, runs))]
    has_tests = any(run.overview.test_acc is not None for run in runs)
    return fitted(columns, has_tests, width, runs).lines(runs)
