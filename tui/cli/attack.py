"""`mnistop attack`: how little it takes to fool a run's model."""

from __future__ import annotations

import math
from typing import Any

import click

from mnistop.engine.analysis.loading import answer_here
from mnistop.engine.methods import METHODS
from mnistop.engine.runs.lookup import find_run
from mnistop.tui.cli.arguments import run_argument
from mnistop.tui.cli.attacked import Attacked, tell_image, tell_table
from mnistop.tui.cli.output import Output, with_output
from mnistop.tui.cli.printer import waiting
from mnistop.tui.cli.saved_images import SavedImages, tell_saved

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
        answer_here()
    result = (
        tell_table(out, attacked, rows, as_json)
        if index is None
        else tell_image(out, attacked, index, as_json)
    )
    if destination:
        result["saved"] = tell_saved(out, attacked, index, destination, as_json)
    if as_json:
        out.say_json(result)
    return 0


def _check(
    epsilons: tuple[float, ...],
    method: str,
    index: int | None,
    target: str | None,
    save: str | None,
    force: bool,
) -> None:
    """Whether what was asked for goes together.

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
