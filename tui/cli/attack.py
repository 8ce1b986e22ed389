"""`mnistop attack`: how little it takes to fool a run's model, and the adversarial images as
files."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mnistop.engine.analysis.attack_set import AttackedSet, attack_all
from mnistop.engine.analysis.loading import use_one_thread
from mnistop.engine.analysis.methods import METHODS
from mnistop.engine.files import expanded
from mnistop.engine.formatting import count
from mnistop.engine.images import to_png
from mnistop.engine.runs.lookup import find_run
from mnistop.engine.safe_write import check_file, check_folder, write_folder, write_out
from mnistop.tui.cli.arguments import run_argument
from mnistop.tui.cli.attacked import Attacked, print_image, print_table
from mnistop.tui.cli.output import Output, waiting, with_output

USUAL_EPSILONS = (0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3)
"""The rows of the table."""


class _Epsilons(click.ParamType[tuple[float, ...]]):
    name = "ε"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, ...]:
        """Numbers from 0 up, with commas between."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(float(word) for word in str(value).replace(",", " ").split())
        except ValueError:
            numbers = ()
        if not numbers or not all(0 <= number < math.inf for number in numbers):
            self.fail(f"{value!r} is not a number from 0 up, or several separated by commas.")
        return numbers


@click.command(
    epilog="""
\b
Examples:
  mnistop attack last                               the robustness table
  mnistop attack last --epsilon 0.05,0.1            the table at these ε
  mnistop attack last --index 17 --epsilon 0.1      one validation image
  mnistop attack last --index 17 --method pgd --target 8
  mnistop attack last --epsilon 0.1 --save fooled.npz
"""
)
@with_output
@click.option(
    "--epsilon",
    "epsilons",
    type=_Epsilons(),
    metavar="E",
    help="The largest change of a pixel, from 0 to 1, or several separated by commas; with L2 "
    "methods the length of the perturbation. DeepFool, which looks for the smallest change itself, "
    "leaves alone what takes more.  [default for one image: 0.125; DeepFool: no limit]",
)
@click.option(
    "--method",
    type=click.Choice(list(METHODS)),
    default="fgsm",
    show_default=True,
    help="How to attack the image of --index and those of --save.",
)
@click.option("--index", type=int, metavar="I", help="Attack this validation image only.")
@click.option(
    "--target", metavar="CLASS", help="The class that the attack should make the model predict."
)
@click.option("--epoch", type=int, metavar="N", help="Attack the weights saved for this epoch.")
@click.option(
    "--save",
    metavar="PATH",
    help="Save the adversarial images: in a file that ends in .npz, else as PNG in a folder.",
)
@click.option(
    "--force",
    is_flag=True,
    help="With --save: replace a file that is there already, write into a folder that is not "
    "empty.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON object.")
@run_argument
def attack(
    out: Output,
    epsilons: tuple[float, ...] | None,
    method: str,
    index: int | None,
    target: str | None,
    epoch: int | None,
    save: str | None,
    force: bool,
    as_json: bool,
    run: str,
) -> int:
    """Show how little it takes to fool the model of RUN.

    Without --index all validation images are attacked: the table tells how many are still
    classified correctly under FGSM and under the stronger PGD, and for how many it is proven that
    no perturbation of that size can fool the model. With --index one image is attacked and drawn,
    and its smallest ε is searched.
    """
    _check(epsilons or (), method, index, target, save, force)
    usual = None if METHODS[method].seeks else METHODS[method].usual
    epsilon = epsilons[0] if epsilons else usual
    rows = epsilons if epsilons and METHODS[method].norm == "linf" else USUAL_EPSILONS
    destination = SavedImages.at(save, force) if save is not None else None
    attacked = Attacked.of(find_run(run), epoch, method, epsilon, target)
    with waiting(out) as progress:
        progress("loading PyTorch")
        use_one_thread()
    result = (
        print_table(out, attacked, rows, as_json)
        if index is None
        else print_image(out, attacked, index, as_json)
    )
    if destination:
        result["saved"] = print_saved(out, attacked, index, destination, as_json)
    if as_json:
        out.print_json(result)
    return 0


def _check(
    epsilons: tuple[float, ...],
    method: str,
    index: int | None,
    target: str | None,
    save: str | None,
    force: bool,
) -> None:
    """Check that the options go together.

    Raises:
        UsageError: it does not.
    """
    one = index is not None or save is not None
    if METHODS[method].norm == "linf" and max(epsilons, default=0) > 1:
        raise click.UsageError("ε lies between 0 and 1: no pixel can change by more.")
    if target is not None and not one:
        raise click.UsageError(
            "--target goes with --index or --save; the table is without targets."
        )
    if method != "fgsm" and not one:
        raise click.UsageError(
            "--method goes with --index or --save; the table shows FGSM and PGD anyway."
        )
    if force and save is None:
        raise click.UsageError("--force goes with --save: nothing else is written.")
    if len(epsilons) > 1 and one:
        raise click.UsageError("Several ε are for the table; --index and --save take one.")


@dataclass(frozen=True)
class SavedImages:
    """Where adversarial images go: an `.npz` file, or a folder of PNG files."""

    path: Path
    is_file: bool
    force: bool
    """Whether a file may be replaced, and a folder written into that is not empty."""

    @classmethod
    def at(cls, save: str, force: bool) -> SavedImages:
        """Check, before the work, that they can be written there.

        Raises:
            UsageError: the ending stands for neither.
            MnistopError: it cannot be written, or there is something already.
        """
        path = expanded(save)
        ending = path.suffix.lower()
        is_file = ending == ".npz"
        is_folder = save.endswith("/") or os.path.isdir(path)
        if any(map(str.isalpha, ending)) and not (is_file or is_folder):
            raise click.UsageError(
                f"{save}: images are saved in a file that ends in .npz, or as PNG in a folder, "
                "whose name has no ending."
            )
        if is_file:
            check_file(path, force)
        else:
            check_folder(path, force)
        return cls(path, is_file, force)

    def write(self, found: AttackedSet, first: int, names: Sequence[str]) -> None:
        """Write them.

        Args:
            found: the images.
            first: the number of the first of them.
            names: of the classes.

        Raises:
            MnistopError: they cannot be written, or there is something by now.
        """
        if self.is_file:
            write_out(self.path, found.to_npz(), self.force)
        else:
            write_folder(self.path, _pngs(found, first, names), self.force)


def print_saved(
    out: Output, attacked: Attacked, index: int | None, destination: SavedImages, quiet: bool
) -> str:
    """Save adversarial images, and print where.

    Args:
        out: standard output.
        attacked: which run, and how it is attacked.
        index: the only image to save, or None for all.
        destination: where they go.
        quiet: whether to tell nothing.

    Raises:
        MnistopError: they cannot be written.
    """
    found = attack_all(
        attacked.run,
        attacked.method,
        attacked.epsilon,
        attacked.epochs,
        attacked.target,
        index,
        levels=None if destination.is_file else 255,
    )
    destination.write(found, index or 0, attacked.started.class_names)
    if not quiet:
        out.print()
        fooled = int((found.predictions != found.labels).sum())
        out.paragraph(
            f"{count(len(found.labels), 'adversarial image')} saved in {destination.path}; the "
            f"model takes {fooled:,} of them for another class."
        )
    return str(destination.path)


def _pngs(found: AttackedSet, first: int, names: Sequence[str]) -> dict[str, bytes]:
    files = {}
    for place, image in enumerate(found.images):
        label, taken = (names[classes[place]] for classes in (found.labels, found.predictions))
        name = f"{first + place:05d}-{_in_a_name(label)}-taken-for-{_in_a_name(taken)}.png"
        files[name] = to_png(image)
    return files


def _in_a_name(text: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in text)
