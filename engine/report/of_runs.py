"""The report that lays several runs over each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from mnistop.engine.analysis.comparison import Duel, differing, duel
from mnistop.engine.config import HYPERPARAMETERS
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
    letter,
)
from mnistop.engine.report.facts import Facts
from mnistop.engine.report.of_run import how_far

MOST = 26
"""Runs in one report: each curve has a letter."""


def report_of_runs(runs: Sequence[Facts]) -> Document:
    """The curves of several runs over each other, and the settings in which they differ.

    Raises:
        RunError: there are more runs than letters.
    """
    if len(runs) > MOST:
        raise RunError(
            f"{len(runs)} runs are too many for one report, whose curves have the letters a to "
            f"{letter(MOST - 1)}: choose {MOST} at most, or take --format csv for all."
        )
    apart = differing([one.config for one in runs])
    parts: list[Part] = [_table(runs, apart)]
    if not apart:
        parts.append(Paragraph("Their settings are all the same."))
    parts += _duel(runs)
    sections = [Section("Curves", tuple(_charts(runs))), Section("Coach", (_advice(runs),))]
    alike = [
        Entry(HYPERPARAMETERS[n].label, as_text(v))
        for n, v in runs[0].config
        if _is_shared(runs, n, apart)
    ]
    sections.append(Section("What they have in common", (Listing(alike),)))
    sections.append(Section("Runs", (Listing(tuple(_names(runs))),)))
    return Document(f"{count(len(runs), 'run')} compared", parts, sections)


def _is_shared(runs: Sequence[Facts], name: str, apart: dict[str, list[str]]) -> bool:
    return name not in apart and not all(name in one.config.without_effect() for one in runs)


def _table(runs: Sequence[Facts], apart: dict[str, list[str]]) -> Table:
    with_tests = any(one.history.test_acc is not None for one in runs)
    heads = _HEADS if with_tests else _HEADS[1:]
    head = ["", "run", *(HYPERPARAMETERS[name].label for name in apart), *heads]
    rows = [
        (
            letter(place),
            one.title,
            *(texts[place] for texts in apart.values()),
            *_results(one)[-len(heads) :],
        )
        for place, one in enumerate(runs)
    ]
    words = {HYPERPARAMETERS[name].label for name in apart if not HYPERPARAMETERS[name].is_number}
    return Table(head, rows, frozenset({"", "run"} | words), lines=True)


_HEADS = ("test acc at best (95%)", "best epoch", "val acc at best (95%)", "val loss at best")


def _results(one: Facts) -> tuple[str, str, str, str]:
    """What stands under `_HEADS`, all of the best epoch."""
    started, best, tested = one.history.started, one.history.best, one.history.tested
    if not (started and best):
        return "-", "-", "-", "-"
    found = accuracy(best.val_acc, started.validation_images)
    unseen = "-"
    if tested and tested.best_acc is not None:
        unseen = accuracy(tested.best_acc, tested.images)
    return unseen, str(best.epoch), found, loss(best.val_loss)


def duel_of(runs: Sequence[Facts]) -> Duel | None:
    """Compare the predictions of two runs for the same images; None where there are no such."""
    started = runs[0].history.started
    if len(runs) != 2 or not started or not all(one.history.epochs for one in runs):
        return None
    first, second = runs
    after = (len(first.history.epochs), len(second.history.epochs))
    return duel(first.run, second.run, after, len(started.class_names))


def _duel(runs: Sequence[Facts]) -> Iterator[Paragraph]:
    """Say whether two runs' results on the same images differ."""
    if found := duel_of(runs):
        one, other = len(found.only_first), len(found.only_second)
        yield Paragraph(
            f"At the end a alone gets {count(one, 'validation image')} right, b alone {other:,}: "
            f"if both were equally good, a difference like this or a larger one would come up "
            f"with probability {found.chance:.2g} (McNemar's exact test)."
        )


def _charts(runs: Sequence[Facts]) -> Iterator[Chart]:
    known = [one.history.started for one in runs if one.history.started]
    classes = {len(started.class_names) for started in known}
    guess = classes.pop() if len(classes) == 1 else 0
    reference = (f"ln {guess}", math.log(guess)) if guess > 1 else None

    def curves(value: Callable[[EpochFinished], float]) -> tuple[Curve, ...]:
        return tuple(
            Curve(f"{letter(place)} ({one.title})", [value(e) for e in one.history.epochs])
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
        yield Entry(f"{letter(place)} {one.run.name}", how_far(one), one.about.note)
