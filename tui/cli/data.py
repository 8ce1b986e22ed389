"""`mnistop data`: what a source holds, and whether it can be trained on."""

from __future__ import annotations

import math
import shlex

import click
import numpy as np

from engine.config import RunConfig
from engine.data import Dataset, Description, describe, load
from tui.cli.gallery import Picture, draw_gallery
from tui.cli.options import given_settings
from tui.cli.output import Output, with_output
from tui.cli.waiting import waiting
from tui.cli.words import count, what_next
from tui.render.bars import counts

_PICTURES = 10
_WIDEST_HISTOGRAM = 60


@click.command(
    epilog="""
\b
Examples:
  mnistop data                     the first 4,502 images of MNIST, built in
  mnistop data openml              fetches all 70,000, once
  mnistop data ~/fashion-mnist     checks a folder of IDX files
  mnistop data digits.npz          checks a file with images and labels
"""
)
@with_output
@click.option("--samples", metavar="N", default="all", help="Look at the first N images only.")
@click.argument("source", default="bundled")
def data(out: Output, samples: str, source: str) -> int:
    """Describe SOURCE and draw some of its images; openml is fetched first.

    SOURCE is bundled, digits, openml, or the path of an .npz file, of a folder or pair of IDX
    files. What cannot be trained on is told in one sentence.
    """
    config, _ = given_settings(None, None, {"samples": samples})
    with waiting(out) as progress:
        dataset = load(source, config.samples, progress)
    facts = describe(dataset)
    _tell(out, facts)
    _tell_split(out, facts)
    _tell_unseen(out, facts, config.samples)
    if facts.gaps:
        out.tell(facts.gaps)
    out.heading("Images of each class")
    width = min(out.width, _WIDEST_HISTOGRAM)
    out.draw(counts(facts.class_counts, facts.class_names, out.terminal, width))
    out.heading("The first of each class")
    draw_gallery(out, _pictures(dataset))
    out.say()
    out.say(what_next({_command(source, samples): "train on it"}))
    return 0


def _tell(out: Output, facts: Description) -> None:
    height, width = facts.image_shape
    low, high = facts.stored_range
    known = facts.provenance == facts.source
    out.tell(facts.source if known else f"{facts.source}: {facts.provenance}")
    out.tell(
        f"{count(facts.count, 'image')} of {height}×{width} pixels, "
        f"{len(facts.class_names)} classes"
    )
    out.tell(
        f"pixels stored from {low:g} to {high:g}, scaled to 0 to 1: "
        f"mean {facts.mean:.3f}, standard deviation {facts.std:.3f}"
    )


def _tell_split(out: Output, facts: Description) -> None:
    share = RunConfig().val_fraction
    kept = math.ceil(share * facts.count)
    out.tell(
        f"split by the usual share of {share:.0%}: {facts.count - kept:,} to train on, "
        f"{kept:,} to validate"
    )


def _tell_unseen(out: Output, facts: Description, samples: int | None) -> None:
    """Which images a trained model is tested on."""
    default = RunConfig().samples
    if facts.unseen:
        stay = "stays" if facts.unseen == 1 else "stay"
        more = "" if samples else f", unless --samples asks for more than {facts.count:,}"
        out.tell(
            f"{count(facts.unseen, 'more image')} {stay} unseen: a trained model is tested on "
            f"them{more}"
        )
    elif default and facts.count > default:
        out.tell(
            f"nothing stays unseen to test a trained model on; with --samples {default} "
            f"{facts.count - default:,} images would"
        )
    else:
        out.tell("nothing stays unseen to test a trained model on; with fewer samples some would")


def _pictures(dataset: Dataset) -> list[Picture]:
    """The first image of each class that is there, up to as many as are drawn."""
    _, rows = np.unique(dataset.labels, return_index=True)
    return [
        Picture(dataset.images[row], (f"{dataset.class_names[dataset.labels[row]]}, image {row}",))
        for row in rows[:_PICTURES].tolist()
    ]


def _command(source: str, samples: str) -> str:
    flags = [] if source == RunConfig().source else ["--source", shlex.quote(source)]
    return " ".join(["mnistop train", *flags, "--samples", samples])
