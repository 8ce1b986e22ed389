"""`mnistop data`: describe a data source, and check that it can be trained on."""

from __future__ import annotations

import shlex

import click
import numpy as np

from mnistop.engine.config import RunConfig
from mnistop.engine.data.notes import data_notes
from mnistop.engine.data.sources import Dataset, Description, class_counts, describe, load, split
from mnistop.engine.formatting import count
from mnistop.engine.hyperparameters import as_text
from mnistop.engine.report.document import Picture
from mnistop.tui.cli.options import given_settings
from mnistop.tui.cli.output import Output, waiting, with_output
from mnistop.tui.cli.show import print_gallery
from mnistop.tui.draw.bars import counts
from mnistop.tui.text.run_lines import command_hints

_PICTURES = 10
_WIDEST_HISTOGRAM = 60


@click.command(
    epilog="""
\b
Examples:
  mnistop data                     the first 4,502 images of MNIST, built in
  mnistop data openml              all 70,000, downloaded once
  mnistop data ~/fashion-mnist     a folder of IDX files
  mnistop data digits.npz          a file with images and labels
  mnistop data a.npz --pixel-range "0 16"      with 16 as white
"""
)
@with_output
@click.option("--samples", metavar="N", default="all", help="Use only the first N images.")
@click.option(
    "--pixel-range",
    metavar="RANGE",
    default="auto",
    help="The stored values of black and white, as in '0 16'; auto detects them.",
)
@click.argument("source", default="bundled")
def data(out: Output, samples: str, pixel_range: str, source: str) -> int:
    """Describe SOURCE and draw some of its images; openml is downloaded first.

    SOURCE is bundled, digits, openml, or the path of an .npz file or of a folder or pair of IDX
    files. If it cannot be trained on, the error says why.
    """
    config, _ = given_settings(None, None, {"samples": samples, "pixel_range": pixel_range})
    with waiting(out) as progress:
        dataset = load(source, config.samples, progress, config.pixel_range)
    facts = describe(dataset)
    _print_facts(out, facts)
    if len(dataset) > 1:
        _print_sides(out, dataset, facts)
    _print_unseen(out, facts, config.samples)
    out.heading("The first of each class")
    print_gallery(out, _pictures(dataset))
    out.print()
    out.print(command_hints({_command(source, config): "train on it"}))
    return 0


def _print_facts(out: Output, facts: Description) -> None:
    height, width = facts.image_shape
    known = facts.provenance == facts.source
    out.paragraph(facts.source if known else f"{facts.source}: {facts.provenance}")
    out.paragraph(
        f"{count(facts.count, 'image')} of {height}×{width} pixels, "
        f"{len(facts.class_names)} classes"
    )
    out.paragraph(
        f"pixels: {facts.pixels}, scaled to 0 to 1: "
        f"mean {facts.mean:.3f}, standard deviation {facts.std:.3f}"
    )


def _print_sides(out: Output, dataset: Dataset, facts: Description) -> None:
    """Print the split into training and validation images, with warnings about it."""
    share = RunConfig().val_fraction
    train, val = split(dataset, share, RunConfig().split_seed)
    sides = class_counts(dataset, train, val)
    out.paragraph(
        f"default split ({share:.0%} for validation): {len(train):,} training images, "
        f"{len(val):,} validation images"
    )
    for note in data_notes(sides, facts.pixels.clipping, facts.contrast):
        out.paragraph(note)
    width = min(out.width, _WIDEST_HISTOGRAM)
    for name, of_class in (("training", sides.training), ("validation", sides.validation)):
        out.heading(f"{name} images of each class".capitalize())
        out.draw(counts(of_class, facts.class_names, out.terminal, width))


def _print_unseen(out: Output, facts: Description, samples: int | None) -> None:
    """Print how many images remain to test a trained model on."""
    default = RunConfig().samples
    if facts.unseen:
        more = "" if samples else f", unless --samples is more than {facts.count:,}"
        out.paragraph(f"{count(facts.unseen, 'more image')} left to test a trained model on{more}")
    elif default and facts.count > default:
        out.paragraph(
            f"none are left to test a trained model on; with --samples {default} "
            f"{facts.count - default:,} would"
        )
    else:
        out.paragraph("none are left to test a trained model on; with fewer samples some would")


def _pictures(dataset: Dataset) -> list[Picture]:
    """Return the first image of each class that occurs, at most `_PICTURES`."""
    _, rows = np.unique(dataset.labels, return_index=True)
    return [
        Picture(dataset.images[row], (f"{dataset.class_names[dataset.labels[row]]}, image {row}",))
        for row in rows[:_PICTURES].tolist()
    ]


def _command(source: str, config: RunConfig) -> str:
    flags = [] if source == RunConfig().source else ["--source", shlex.quote(source)]
    flags += ["--samples", as_text(config.samples)]
    if config.pixel_range != "auto":
        flags += ["--pixel-range", shlex.quote(as_text(config.pixel_range))]
    return " ".join(["mnistop train", *flags])
