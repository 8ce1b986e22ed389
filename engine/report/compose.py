"""From runs to the text of a report: a document, or their epochs as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

from mnistop.engine.analysis.comparison import differing
from mnistop.engine.events import EpochFinished
from mnistop.engine.report.facts import Facts
from mnistop.engine.report.html import as_html
from mnistop.engine.report.markdown import as_markdown
from mnistop.engine.report.of_run import report_of_run
from mnistop.engine.report.of_runs import duel_of, report_of_runs
from mnistop.engine.runs.history import History
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.safe_write import numbered, write_under_free_name

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


def report(runs: Sequence[Run], format: str, epoch: int | None = None) -> str:
    """A report of one run, or of several compared.

    Args:
        runs: one or more.
        format: `markdown`, `html`, `csv` or `json`.
        epoch: which epoch's confusion matrix and mistakes to tell; None for the newest.

    Raises:
        RunError: a run cannot be read or has no such epoch, or there are too many of them.
    """
    facts = [Facts.of(run, epoch) for run in runs]
    if format == "csv":
        return as_csv(facts)
    if format == "json":
        values = facts[0].as_json() if len(facts) == 1 else _all_as_json(facts)
        return json.dumps(values, indent=1) + "\n"
    document = report_of_run(facts[0]) if len(facts) == 1 else report_of_runs(facts)
    return as_html(document) if format == "html" else as_markdown(document)


def write_report(runs: Sequence[Run], folder: Path) -> Path:
    """Write one run, or several compared, as HTML under a name that is free in a folder.

    Returns:
        The file.

    Raises:
        MnistopError: a run cannot be read, or the file cannot be written.
    """
    what = runs[0].name if len(runs) == 1 else f"{len(runs)}-runs"
    content = report(runs, "html").encode("utf-8", "backslashreplace")
    return write_under_free_name(numbered(folder / f"mnistop-{what}.html"), content)


def _all_as_json(facts: Sequence[Facts]) -> dict[str, object]:
    found = duel_of(facts)
    return {
        "runs": [one.as_json() for one in facts],
        "differing": differing([one.config for one in facts]),
        "comparison": found
        and {
            "epochs": [len(one.history.epochs) - 1 for one in facts],
            "images": len(found.labels),
            "only_first": len(found.only_first),
            "only_second": len(found.only_second),
            "mcnemar_p": found.chance,
        },
    }
