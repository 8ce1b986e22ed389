"""The epochs of runs as CSV, one row each: what a data frame or a spreadsheet reads."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from mnistop.engine.comparison import differing
from mnistop.engine.events import EpochFinished
from mnistop.engine.history import History
from mnistop.engine.report.facts import Facts

COLUMNS = (
    *("epoch", "train_loss", "val_loss", "train_acc", "val_acc"),
    *("lr", "seconds", "dead", "time"),
)
"""The columns after `run`, named as the fields of `EpochFinished`."""

TEST_COLUMNS = ("test_images", "test_acc", "test_loss")
"""Those after them, of the weights after the epoch: known of the best and of the last one."""


def as_csv(runs: Sequence[Facts]) -> str:
    """All epochs of some runs, and the settings in which these differ as `config.…`."""
    apart = differing([one.config for one in runs])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", *COLUMNS, *TEST_COLUMNS, *(f"config.{name}" for name in apart)])
    for place, one in enumerate(runs):
        settings = [texts[place] for texts in apart.values()]
        for epoch in one.history.epochs:
            values = [getattr(epoch, name) for name in COLUMNS]
            writer.writerow([one.run.name, *values, *_test(one.history, epoch), *settings])
    return text.getvalue()


def _test(history: History, epoch: EpochFinished) -> tuple[float | None, ...]:
    tested = history.tested
    if tested and epoch is history.epochs[-1]:
        return tested.images, tested.acc, tested.loss
    if tested and epoch is history.best:
        return tested.images, tested.best_acc, tested.best_loss
    return None, None, None
