"""`mnistop data`: a data source as text and drawings, and what is odd about it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click
import numpy as np

from mnistop.engine.config import LOADED_BY, NAMES, SPLIT_BY, RunConfig
from mnistop.engine.formatting import count, percent
from mnistop.engine.report.document import Picture
from mnistop.engine.report.facts import train_command
from mnistop.engine.runs.lookup import quoted
from mnistop.tui.cli.checked_data import CheckedData
from mnistop.tui.cli.options import Command, given_settings, setting_flag, with_output
from mnistop.tui.cli.output import Printer, waiting
from mnistop.tui.cli.show import print_gallery
from mnistop.tui.cli.watch import warm_up
from mnistop.tui.text.run_lines import command_hints

if TYPE_CHECKING:
    from mnistop.engine.analysis.label_doubts import Doubts
    from mnistop.engine.data.dataset import Description


_SAMPLES = 10
"""Classes of a data source of which an image is drawn, and doubted labels that are."""
_NAMED = 5
"""Images of a finding that are named."""
_WIDEST_HISTOGRAM = 60


def _settings(command: Command) -> Command:
    """Add the flags of the data, and those of the models for `--doubts`, hidden."""
    for name in reversed(NAMES):
        if name not in ("source", "samples"):
            command = setting_flag(name, hidden=name not in LOADED_BY + SPLIT_BY)(command)
    return command


@click.command(
    epilog="""
\b
Examples:
  mnistop data                     the first 4,502 images of MNIST, built in
  mnistop data openml              all of MNIST, downloaded once
  mnistop data ~/fashion-mnist     a folder of IDX files
  mnistop data train.csv           a line an image: its label and its pixels
  mnistop data ~/pictures          a folder of pictures for each class
  mnistop data ~/photos --resize 32            if they have many sizes
  mnistop data digits.npz          a file with images and labels
  mnistop data a.npz --pixel-range "0 16"      with 16 as white
  mnistop data --doubts --shift 2  labels that models doubt, trained so

\b
Exit codes: 0 done, whatever was found; 2 wrong usage, bad data, or models
that cannot be trained; 130 stopped by Ctrl+C.
"""
)
@with_output(json="Print facts, findings and doubted labels as one JSON object.")
@click.option("--samples", metavar="N", default="all", help="Use only the first N images.")
@_settings
@click.option(
    "--doubts",
    is_flag=True,
    help="Train models, with the flags of mnistop train, and list the labels that they doubt.",
)
@click.option(
    "--folds",
    type=click.IntRange(2, 20),
    default=5,
    metavar="K",
    help="Models of --doubts; each classifies its share of the images.  [default: 5]",
)
@click.argument("source", default="bundled")
def data(out: Printer, source: str, doubts: bool, folds: int, **flags: str | None) -> int:
    """Describe SOURCE, draw some of its images, and name what is odd about them.

    SOURCE is bundled, digits, openml (downloaded first), or the path of a file or folder: CSV,
    pictures by class, NumPy, IDX and more. If it cannot be trained on, the error says why. Odd are
    images that repeat others, also across the split or in the test, blank and unusual ones, and
    rare classes.
    """
    settings, _ = given_settings(None, None, flags)
    config = replace(settings, source=source)
    with waiting(out) as progress:
        checked = CheckedData.of(config, progress)
    _print_facts(out, checked, config)
    _print_findings(out, checked)
    result = checked.as_json()
    if doubts:
        found = _search(out, config, folds)
        _print_doubts(out, checked, found, folds)
        result["doubts"] = checked.doubts_as_json(found, folds)
    out.print_json(result)
    commands = {train_command(config): "train on it"}
    if not doubts:
        commands[f"mnistop data {quoted(source)} --doubts"] = "look for doubted labels"
    out.print("", command_hints(commands))
    return 0


def _print_facts(out: Printer, checked: CheckedData, config: RunConfig) -> None:
    from mnistop.tui.draw.bars import counts as histogram

    dataset, facts, names = checked.dataset, checked.facts, checked.dataset.class_names
    known = facts.provenance == facts.source
    out.paragraph(facts.source if known else f"{facts.source}: {facts.provenance}")
    size = "×".join(map(str, facts.image_shape))
    out.paragraph(f"{count(facts.count, 'image')} of {size} pixels, {len(names)} classes")
    out.paragraph(
        f"pixels: {facts.pixels}, scaled to 0 to 1: "
        f"mean {facts.mean:.3f}, standard deviation {facts.std:.3f}"
    )
    training, validation = checked.counts.training, checked.counts.validation
    if len(dataset) > 1:
        share = f"default split ({config.val_fraction:.0%} for validation)"
        own = "the source's own split"
        out.paragraph(
            f"{own if facts.given_validation else share}: "
            f"{count(sum(training), 'training image')}, "
            f"{count(sum(validation), 'validation image')}"
        )
        for note in checked.notes:
            out.paragraph(note)
        for name, of_class in (("Training", training), ("Validation", validation)):
            out.heading(f"{name} images of each class")
            out.draw(histogram(of_class, names, out.terminal, min(out.width, _WIDEST_HISTOGRAM)))
    out.paragraph(_about_unseen(facts, config.samples))
    out.heading("The first of each class")
    _, rows = np.unique(dataset.labels, return_index=True)
    shown = rows[:_SAMPLES].tolist()
    captions = [f"{names[dataset.labels[row]]}, image {row}" for row in shown]
    pairs = zip(shown, captions, strict=True)
    print_gallery(out, [Picture(dataset.images[row], (text,)) for row, text in pairs])


def _about_unseen(facts: Description, samples: int | None) -> str:
    """Return how many images remain to test a trained model on."""
    default = RunConfig().samples
    if facts.unseen:
        return f"{count(facts.unseen, 'more image')} left to test a trained model on"
    spare = facts.count - default if default else 0
    fewer = f"--samples {default} leaves {spare:,}" if spare > 0 else "fewer samples leave some"
    return f"none are left to test a trained model on; {fewer}"


def _print_findings(out: Printer, checked: CheckedData) -> None:
    """Print a sentence on each finding, with its first images."""
    out.heading("What is odd")
    for finding in checked.findings:
        names = map(checked.dataset.name_of, finding.images[:_NAMED].tolist())
        remarks = finding.remarks or [""] * _NAMED
        named = ", ".join(
            f"{name} ({remark})" if remark else name
            for name, remark in zip(names, remarks, strict=False)
        )
        more = ", …" if len(finding.images) > _NAMED else ""
        images = "Images" if len(finding.images) > 1 else "Image"
        out.beside(f"{finding.severity + ':':<9}", f"{finding.sentence} {images} {named}{more}")
    if not checked.findings:
        images = count(len(checked.sides), "image")
        out.paragraph(f"Nothing odd was found in {images}.")


def _search(out: Printer, config: RunConfig, folds: int) -> Doubts:
    """Look for doubted labels.

    Raises:
        RunError: a model cannot be trained.
    """
    from mnistop.engine.data.sources import absolute
    from mnistop.engine.errors import RunError
    from mnistop.engine.process.doubt_search import DoubtSearch

    warm_up()
    with waiting(out) as progress:
        progress("loading PyTorch")
        search = DoubtSearch(replace(config, source=absolute(config.source)), folds)
        try:
            while not search.is_over:
                if search.read(seconds=1):
                    progress(search.progress)
        finally:
            search.stop()
    if search.doubts is None:
        raise RunError(search.error)
    return search.doubts


def _print_doubts(out: Printer, checked: CheckedData, found: Doubts, folds: int) -> None:
    from mnistop.engine.analysis.label_doubts import as_finding

    names = checked.dataset.class_names
    out.heading("Doubted labels")
    out.paragraph(as_finding(found, folds, names).sentence)
    first = range(min(_SAMPLES, len(found.images)))
    if first:
        print_gallery(
            out,
            [
                Picture(
                    checked.dataset.images[found.images[row]],
                    (
                        f"image {found.images[row]}, labelled {names[found.given[row]]}",
                        f"{names[found.believed[row]]}? {percent(float(found.confidence[row]), 0)}",
                    ),
                )
                for row in first
            ],
        )
    if len(found.images) > len(first):
        out.paragraph(f"These are the first {len(first)}; --json lists all.")
