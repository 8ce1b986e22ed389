"""`mnistop attack`: attack a run's model, and save the adversarial images."""

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
"""The default rows of the table."""


class _Epsilons(click.ParamType[tuple[float, ...]]):
    name = "ε"

    def convert(
        self, value: Any, parameter: click.Parameter | None, context: click.Context | None
    ) -> tuple[float, ...]:
        """Parse non-negative numbers separated by commas."""
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(float(word) for word in str(value).replace(",", " ").split())
        except ValueError:
            numbers = ()
        if not numbers or not all(0 <= number < math.inf for number in numbers):
            self.fail(f"{value!r} is not a non-negative number, or several separated by commas.")
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
    help="The largest change of a pixel, from 0 to 1, or several separated by commas; for L2 "
    "methods, the norm of the perturbation; for DeepFool, which searches for the smallest one, an "
    "upper limit.  [default for one image: 0.125; DeepFool: no limit]",
)
@click.option(
    "--method",
    type=click.Choice(list(METHODS)),
    default="fgsm",
    show_default=True,
    help="The attack for --index and --save.",
)
@click.option("--index", type=int, metavar="I", help="Attack this validation image only.")
@click.option("--target", metavar="CLASS", help="Make the model predict this class.")
@click.option("--epoch", type=int, metavar="N", help="Attack the weights saved for this epoch.")
@click.option(
    "--save",
    metavar="PATH",
    help="Save the adversarial images to an .npz file, or as PNG files in a folder.",
)
@click.option(
    "--force",
    is_flag=True,
    help="With --save: overwrite an existing file, or write into a folder that is not empty.",
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
    """Measure how robust the model of RUN is to adversarial images.

    Without --index, all validation images are attacked: the table shows the accuracy under FGSM and
    under the stronger PGD, and the share for which no perturbation of that size can fool the model,
    which is proven. With --index, one image is attacked and drawn, and its smallest ε is searched.
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
    """Check the combination of options.

    Raises:
        UsageError: it makes no sense.
    """
    one = index is not None or save is not None
    if METHODS[method].norm == "linf" and max(epsilons, default=0) > 1:
        raise click.UsageError("ε must be between 0 and 1: no pixel can change by more.")
    if target is not None and not one:
        raise click.UsageError(
            "--target needs --index or --save: the table is for untargeted attacks."
        )
    if method != "fgsm" and not one:
        raise click.UsageError(
            "--method needs --index or --save: the table always shows FGSM and PGD."
        )
    if force and save is None:
        raise click.UsageError("--force needs --save: nothing else is written.")
    if len(epsilons) > 1 and one:
        raise click.UsageError("--index and --save take a single ε; several are for the table.")


@dataclass(frozen=True)
class SavedImages:
    """Where adversarial images go: an `.npz` file, or a folder of PNG files."""

    path: Path
    is_file: bool
    force: bool
    """True to overwrite a file, or to write into a folder that is not empty."""

    @classmethod
    def at(cls, save: str, force: bool) -> SavedImages:
        """Check early that they can be written there.

        Raises:
            UsageError: the extension is neither `.npz` nor that of a folder.
            MnistopError: it cannot be written, or exists.
        """
        path = expanded(save)
        ending = path.suffix.lower()
        is_file = ending == ".npz"
        is_folder = save.endswith("/") or os.path.isdir(path)
        if any(map(str.isalpha, ending)) and not (is_file or is_folder):
            raise click.UsageError(
                f"{save}: images are saved to an .npz file, or as PNG files in a folder, whose "
                "name has no extension."
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
            first: the index of the first image.
            names: of the classes.

        Raises:
            MnistopError: they cannot be written, or the path exists by now.
        """
        if self.is_file:
            write_out(self.path, found.to_npz(), self.force)
        else:
            write_folder(self.path, _pngs(found, first, names), self.force)


def print_saved(
    out: Output, attacked: Attacked, index: int | None, destination: SavedImages, quiet: bool
) -> str:
    """Save adversarial images, and print their path.

    Args:
        out: standard output.
        attacked: the run and the attack.
        index: the only image to save, or None for all.
        destination: the file or the folder.
        quiet: True to print nothing.

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
            f"model misclassifies {fooled:,} of them."
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
