"""`mnistop data`: a data source as text and drawings."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import click
import numpy as np

from mnistop.engine.config import RunConfig
from mnistop.engine.formatting import count
from mnistop.engine.report.document import (
    Picture,
)
from mnistop.engine.report.facts import train_command
from mnistop.tui.cli.options import given_settings, setting_flag, with_output
from mnistop.tui.cli.output import Printer, waiting
from mnistop.tui.cli.show import print_gallery
from mnistop.tui.text.run_lines import command_hints

if TYPE_CHECKING:
    from mnistop.engine.data.sources import Description


_SAMPLES = 10
"""Classes of a data source of which an image is drawn."""


_WIDEST_HISTOGRAM = 60


@click.command(
    epilog="""
\b
Examples:
  mnistop data                     the first 4,502 images of MNIST, built in
  mnistop data openml              all of MNIST, downloaded once
  mnistop data ~/fashion-mnist     a folder of IDX files
  mnistop data digits.npz          a file with images and labels
  mnistop data a.npz --pixel-range "0 16"      with 16 as white
"""
)
@with_output()
@click.option("--samples", metavar="N", default="all", help="Use only the first N images.")
@setting_flag("pixel_range")
@setting_flag("resize")
@setting_flag("split")
@setting_flag("stratify")
@click.argument("source", default="bundled")
def data(out: Printer, source: str, **flags: str | None) -> int:
    """Describe SOURCE and draw some of its images; openml is downloaded first.

    SOURCE is bundled, digits, openml, or the path of an .npz file or of a folder or pair of IDX
    files. If it cannot be trained on, the error says why.
    """
    from mnistop.engine.data.notes import data_notes
    from mnistop.engine.data.sources import class_counts, describe, load_data, split_by
    from mnistop.tui.draw.bars import counts as histogram

    settings, _ = given_settings(None, None, flags)
    config = replace(settings, source=source)
    with waiting(out) as progress:
        dataset = load_data(config, progress)
    facts, names = describe(dataset), dataset.class_names
    known = facts.provenance == facts.source
    out.paragraph(facts.source if known else f"{facts.source}: {facts.provenance}")
    size = "×".join(map(str, facts.image_shape))
    out.paragraph(f"{count(facts.count, 'image')} of {size} pixels, {len(names)} classes")
    out.paragraph(
        f"pixels: {facts.pixels}, scaled to 0 to 1: "
        f"mean {facts.mean:.3f}, standard deviation {facts.std:.3f}"
    )
    if len(dataset) > 1:
        train, val = split_by(dataset, config)
        sides = class_counts(dataset, train, val)
        share = f"default split ({config.val_fraction:.0%} for validation)"
        own = "the source's own split"
        out.paragraph(
            f"{own if facts.given_validation else share}: {len(train):,} training images, "
            f"{len(val):,} validation images"
        )
        for note in (*facts.notes, *data_notes(sides, facts.pixels.clipping, facts.contrast)):
            out.paragraph(note)
        for name, of_class in (("Training", sides.training), ("Validation", sides.validation)):
            out.heading(f"{name} images of each class")
            out.draw(histogram(of_class, names, out.terminal, min(out.width, _WIDEST_HISTOGRAM)))
    out.paragraph(_about_unseen(facts, config.samples))
    out.heading("The first of each class")
    _, rows = np.unique(dataset.labels, return_index=True)
    shown = rows[:_SAMPLES].tolist()
    captions = [f"{names[dataset.labels[row]]}, image {row}" for row in shown]
    pairs = zip(shown, captions, strict=True)
    print_gallery(out, [Picture(dataset.images[row], (text,)) for row, text in pairs])
    out.print("", command_hints({train_command(config): "train on it"}))
    return 0


def _about_unseen(facts: Description, samples: int | None) -> str:
    """Return how many images remain to test a trained model on."""
    default = RunConfig().samples
    if facts.unseen:
        return f"{count(facts.unseen, 'more image')} left to test a trained model on"
    spare = facts.count - default if default else 0
    fewer = f"--samples {default} {spare:,}" if spare > 0 else "fewer samples some"
    return f"none are left to test a trained model on; with {fewer} would"
