"""`mnistop show`: a run or a sweep as text and drawings."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import click

from mnistop.engine.files import one_line
from mnistop.engine.report.document import (
    Chart,
    Code,
    Listing,
    Matrix,
    Paragraph,
    Part,
    Picture,
    Pictures,
    Table,
)
from mnistop.engine.report.facts import Facts, train_command
from mnistop.engine.report.of_run import AGAIN, report_of_run
from mnistop.engine.runs.lookup import find_run_or_sweep, typed
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.options import run_argument, with_output
from mnistop.tui.cli.output import Printer
from mnistop.tui.draw.cells import Strip, beside, line, shorten
from mnistop.tui.draw.chart import chart
from mnistop.tui.draw.image import draw
from mnistop.tui.draw.matrix import confusion
from mnistop.tui.draw.series import Series
from mnistop.tui.text.run_lines import command_hints, control_commands

if TYPE_CHECKING:
    pass


_GAP = 2
_MOST_ABREAST = 5
"""Pictures side by side."""
_WIDEST_CHART, _CHART_HEIGHT = 72, 15
_NARROWEST_PAIR = 100
"""The least width at which two charts stand side by side."""
_MISTAKES = 8
"""Images of the most confident mistakes."""


@click.command()
@with_output(json="Print everything as one JSON object.")
@click.option(
    "--epoch",
    type=int,
    metavar="N",
    help="Show the confusion matrix after this epoch.  [default: the last]",
)
@run_argument
def show(out: Printer, epoch: int | None, run: str) -> int:
    """Show RUN, finished or in training: settings, epoch log, charts, mistakes.

    Also its state, the best epoch with its interval, and the confusion matrix. For a sweep, the
    results of all combinations are compared.
    """
    found = find_run_or_sweep(run)
    if isinstance(found, Sweep):
        from mnistop.engine.sweep.outcomes import SweepReader
        from mnistop.tui.cli.sweep_result import print_result

        reader = SweepReader(found)
        reader.read()
        print_result(out, reader, heading="Results")
        return 0
    facts = Facts.of(found, epoch)
    if out.as_json:
        out.print_json(facts.as_json())
    else:
        _print_run(out, facts)
    return 0


def _print_run(out: Printer, facts: Facts) -> None:
    document = report_of_run(facts, _MISTAKES)
    state, *others = document.parts
    _print_parts(out, [state])
    if facts.about.name:
        out.paragraph(one_line(f"named {facts.about.name}"))
    _print_parts(out, others)
    out.print("", command_hints(_commands(facts)))
    for section in document.sections:
        if section.title != AGAIN:  # the commands above say so
            out.heading(section.title)
            _print_parts(out, section.parts)


def _commands(facts: Facts) -> dict[str, str]:
    """Return the commands for the run, with their purposes."""
    run, name = facts.run, typed(facts.run)
    commands = {f"mnistop --run {name}": "open it in the app"}
    commands |= control_commands(run, facts.state)
    if not run.is_recorded():
        commands[train_command(facts.config)] = "train the same again"
    if facts.can_be_longer and run.is_ours:
        epochs = 2 * len(facts.history.epochs)
        commands[f"mnistop resume {name} --epochs {epochs}"] = f"train it to {epochs:,} epochs"
    commands[f"mnistop report {name} -o run.html"] = "write a report"
    return commands


def _print_parts(out: Printer, parts: Iterable[Part]) -> None:
    """Print the parts of a document or a section one after the other; charts in pairs."""
    for kind, group in groupby(parts, type):
        if kind is Chart:
            _print_charts(out, [part for part in group if isinstance(part, Chart)])
            continue
        for part in group:
            _print_part(out, part)


def _print_part(out: Printer, part: Part) -> None:
    match part:
        case Paragraph(text):
            out.paragraph(one_line(text))
        case Code(text):
            out.print(text)
        case Listing():
            _print_listing(out, part)
        case Table():
            _print_table(out, part)
        case Matrix(counts, names):
            out.draw(confusion(counts, names, out.terminal, out.width, len(names) + 2))
        case Pictures(pictures):
            print_gallery(out, pictures)


def _print_listing(out: Printer, listing: Listing) -> None:
    """Print entries with a remark on lines of their own, and the others in a row if short."""
    remarked = [entry for entry in listing.entries if entry.remark]
    for entry in remarked:
        out.print(one_line(f"{entry.name}: {entry.value} ({entry.remark})"))
    if any("," in entry.value for entry in listing.entries):
        for entry in listing.entries:
            if not entry.remark:
                words = one_line(f"{entry.name}: {entry.value}")
                out.print(textwrap.fill(words, out.width, subsequent_indent="  "))
        return
    items = [one_line(f"{entry.name} {entry.value}") for entry in listing.entries]
    lines = [""]
    for number, item in enumerate(items):
        text = item + "," * (number < len(items) - 1)
        if lines[-1] and len(lines[-1]) + 1 + len(text) > out.width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {text}".lstrip()
    out.print("\n" * bool(remarked) + "\n".join(lines))


def _print_table(out: Printer, table: Table) -> None:
    """Print columns below their heads, which take two lines if one is too narrow."""
    head, columns = [table.head], zip(table.head, *table.rows, strict=True)
    if sum(max(map(len, cells)) + _GAP for cells in columns) - _GAP > out.width:
        words = [name.rpartition(" ") for name in table.head]
        head = [[first for first, _, _ in words], [last for _, _, last in words]]
    lines = [*head, *table.rows]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    pads = [str.ljust if name in table.texts else str.rjust for name in table.head]
    for cells in lines:
        padded = (pad(text, wide) for pad, text, wide in zip(pads, cells, widths, strict=True))
        out.print((" " * _GAP).join(padded).rstrip())


def _print_charts(out: Printer, charts: Sequence[Chart]) -> None:
    is_pair = out.width >= _NARROWEST_PAIR
    width = min((out.width - _GAP) // 2 if is_pair else out.width, _WIDEST_CHART)
    drawn = [_drawn(one, out, width) for one in charts]
    abreast = 2 if is_pair else 1
    for start in range(0, len(drawn), abreast):
        if start:
            out.print("")
        out.draw(beside(drawn[start : start + abreast]))


def _drawn(shown: Chart, out: Printer, width: int) -> list[Strip]:
    names = {"training": "train", "validation": "val"}
    return chart(
        [
            Series(
                names.get(curve.name, curve.name),
                curve.values,
                place if shown.lettered else ("val" if curve.name == "validation" else "train"),
            )
            for place, curve in enumerate(shown.curves)
        ],
        width,
        _CHART_HEIGHT,
        out.terminal,
        best=shown.best,
        reference=shown.reference,
        percent=shown.fractions,
        title=shown.title.lower(),
    )


def print_gallery(out: Printer, pictures: Sequence[Picture]) -> None:
    """Print pictures in rows, as many side by side as there is room for, with a line between."""
    blocks = [_block(picture, out) for picture in pictures]
    width = max(block[0].cell_length for block in blocks)
    abreast = min(max(1, (out.width + _GAP) // (width + _GAP)), _MOST_ABREAST)
    for start in range(0, len(blocks), abreast):
        if start:
            out.print("")
        row = [
            [strip.adjust_cell_length(width) for strip in block]
            for block in blocks[start : start + abreast]
        ]
        out.draw(beside(row, _GAP))


def _block(picture: Picture, out: Printer) -> list[Strip]:
    drawing = draw(picture.image, out.terminal)
    width = min(max(drawing[0].cell_length, *map(len, picture.caption)), out.width)
    captions = [
        line([(shorten(text, width, out.terminal), None)], width) for text in picture.caption
    ]
    return [strip.adjust_cell_length(width) for strip in drawing] + captions
