"""The report that compares several runs, and reports in each format."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mnistop.engine.analysis.comparison import Duel, differing_settings, duel
from mnistop.engine.config import HYPERPARAMETERS, label_of
from mnistop.engine.errors import RunError
from mnistop.engine.events import EpochFinished
from mnistop.engine.formatting import accuracy, count, loss
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.report.document import (
    Chart,
    Curve,
    Document,
    Entry,
    Listing,
    Paragraph,
    Part,
    Section,
    Table,
    as_markdown,
    letter,
)
from mnistop.engine.report.facts import Facts
from mnistop.engine.report.html import as_html
from mnistop.engine.report.of_run import progress_line, report_of_run
from mnistop.engine.runs.history import History, or_nan
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.safe_write import numbered, write_under_free_name

MOST = 26
"""Runs in one report: each curve has a letter."""


def report_of_runs(runs: Sequence[Facts]) -> Document:
    """Return a report with the curves of several runs, and the settings that differ.

    Raises:
        RunError: there are more runs than letters.
    """
    if len(runs) > MOST:
        raise RunError(
            f"{len(runs)} runs are too many for one report, whose curves have the letters a to "
            f"{letter(MOST - 1)}: choose {MOST} at most, or take --format csv for all."
        )
    apart = differing_settings([one.config for one in runs])
    parts: list[Part] = [_table(runs, apart)]
    if not apart:
        parts.append(Paragraph("Their settings are all the same."))
    parts += _duel(runs)
    sections = [Section("Curves", tuple(_charts(runs))), Section("Coach", (_advice(runs),))]
    alike = [
        Entry(label_of(n), as_text(v)) for n, v in runs[0].config if _is_shared(runs, n, apart)
    ]
    sections.append(Section("What they have in common", (Listing(alike),)))
    sections.append(Section("Runs", (Listing(tuple(_names(runs))),)))
    return Document(f"{count(len(runs), 'run')} compared", parts, sections)


def _is_shared(runs: Sequence[Facts], name: str, apart: dict[str, list[str]]) -> bool:
    return name not in apart and not all(name in one.config.without_effect() for one in runs)


def _table(runs: Sequence[Facts], apart: dict[str, list[str]]) -> Table:
    with_tests = any(one.history.test_acc is not None for one in runs)
    heads = _HEADS if with_tests else _HEADS[1:]
    head = ["", "run", *(label_of(name) for name in apart), *heads]
    rows = [
        (
            letter(place),
            one.title,
            *(texts[place] for texts in apart.values()),
            *_results(one)[-len(heads) :],
        )
        for place, one in enumerate(runs)
    ]
    numbers = {name for name, known in HYPERPARAMETERS.items() if known.is_number}
    words = {label_of(name) for name in apart if name not in numbers}
    return Table(head, rows, frozenset({"", "run"} | words), lines=True)


_HEADS = ("test acc at best (95%)", "best epoch", "val acc at best (95%)", "val loss at best")


def _results(one: Facts) -> tuple[str, str, str, str]:
    """Return the values for `_HEADS`, all of the best epoch."""
    started, best, tested = one.history.started, one.history.best, one.history.tested
    if not (started and best):
        return "-", "-", "-", "-"
    found = accuracy(best.val_acc, started.validation_images)
    unseen = "-"
    if tested and one.history.test_acc is not None:
        unseen = accuracy(one.history.test_acc, tested.images)
    return unseen, str(best.epoch), found, loss(best.val_loss)


def duel_of(runs: Sequence[Facts]) -> Duel | None:
    """Compare the predictions of two runs for the same images; None if there are none."""
    started = runs[0].history.started
    if len(runs) != 2 or not started or not all(one.history.epochs for one in runs):
        return None
    first, second = runs
    after = (len(first.history.epochs), len(second.history.epochs))
    return duel(first.run, second.run, after, len(started.class_names))


def _duel(runs: Sequence[Facts]) -> Iterator[Paragraph]:
    """Yield a sentence on the difference of two runs' results on the same images."""
    if found := duel_of(runs):
        one, other = len(found.only_first), len(found.only_second)
        yield Paragraph(
            f"At the end a alone gets {count(one, 'validation image')} right, b alone {other:,}: "
            f"if both were equally good, a difference like this or a larger one would come up "
            f"with probability {found.p_value:.2g} (McNemar's exact test)."
        )


def _charts(runs: Sequence[Facts]) -> Iterator[Chart]:
    known = [one.history.started for one in runs if one.history.started]
    classes = {len(started.class_names) for started in known}
    guess = classes.pop() if len(classes) == 1 else 0
    reference = (f"ln {guess}", math.log(guess)) if guess > 1 else None

    def curves(value: Callable[[EpochFinished], float | None]) -> tuple[Curve, ...]:
        return tuple(
            Curve(f"{letter(place)} ({one.title})", [or_nan(value(e)) for e in one.history.epochs])
            for place, one in enumerate(runs)
        )

    yield Chart("Validation loss", curves(lambda e: e.val_loss), lettered=True, reference=reference)
    yield Chart("Validation accuracy", curves(lambda e: e.val_acc), lettered=True, fractions=True)
    yield Chart("Training loss", curves(lambda e: e.train_loss), lettered=True, reference=reference)
    yield Chart("Training accuracy", curves(lambda e: e.train_acc), lettered=True, fractions=True)


def _advice(runs: Sequence[Facts]) -> Listing:
    return Listing(
        tuple(
            Entry(f"{letter(place)} {one.title}", f"{one.advice.sentence} {one.advice.remedy}")
            for place, one in enumerate(runs)
        )
    )


def _names(runs: Sequence[Facts]) -> Iterator[Entry]:
    for place, one in enumerate(runs):
        yield Entry(f"{letter(place)} {one.run.name}", progress_line(one), one.about.note)


COLUMNS = (
    *("epoch", "train_loss", "val_loss", "train_acc", "val_acc"),
    *("lr", "seconds", "dead", "time"),
)
"""The columns after `run`, named as the fields of `EpochFinished`."""

TEST_COLUMNS = ("test_images", "test_acc", "test_loss")
"""The columns after them, with the weights after the epoch: of the best and the last one only."""


def as_csv(runs: Sequence[Facts]) -> str:
    """Return all epochs of runs as CSV, with the settings that differ as `config.…`."""
    apart = differing_settings([one.config for one in runs])
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
    """Return a report of one run, or of several compared.

    Args:
        runs: one or more.
        format: `markdown`, `html`, `csv` or `json`.
        epoch: that of the confusion matrix and the mistakes; None for the newest.

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
    """Write a report of one run, or of several compared, as HTML under an unused name in a folder.

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
        "differing": differing_settings([one.config for one in facts]),
        "comparison": found
        and {
            "epochs": [len(one.history.epochs) - 1 for one in facts],
            "images": len(found.labels),
            "only_first": len(found.only_first),
            "only_second": len(found.only_second),
            "mcnemar_p": found.p_value,
        },
    }
