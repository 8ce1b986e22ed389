"""`mnistop attack`: attack a run's model, and print, draw or save what comes of it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from mnistop.engine.analysis.attack_set import attack_all
from mnistop.engine.analysis.fragility import attack_image, bracket
from mnistop.engine.analysis.loading import use_one_thread
from mnistop.engine.analysis.methods import METHODS
from mnistop.engine.analysis.robustness import robustness, shortest_float32
from mnistop.engine.errors import RunError
from mnistop.engine.events import RunStarted
from mnistop.engine.files import expanded
from mnistop.engine.formatting import accuracy, count, percent
from mnistop.engine.images import to_png
from mnistop.engine.runs.entry import Summary
from mnistop.engine.runs.lookup import find_run
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.safe_write import check_file, check_folder, write_folder, write_out
from mnistop.tui.cli.options import run_argument, with_output
from mnistop.tui.cli.output import Printer, waiting
from mnistop.tui.text import attack_outcome
from mnistop.tui.text.attack_outcome import at_least, at_most
from mnistop.tui.text.portrait import attacked as drawn
from mnistop.tui.text.run_lines import epoch_name

_USUAL_EPSILONS = (0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3)
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
@with_output(json="Print the result as one JSON object.")
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
@run_argument
def attack(
    out: Printer,
    epsilons: tuple[float, ...] | None,
    method: str,
    index: int | None,
    target: str | None,
    epoch: int | None,
    save: str | None,
    force: bool,
    run: str,
) -> int:
    """Measure how robust the model of RUN is to adversarial images.

    Without --index, all validation images are attacked: the table shows the accuracy under FGSM and
    under the stronger PGD, and the share for which no perturbation of that size can fool the model,
    which is proven. With --index, one image is attacked and drawn, and its smallest ε is searched.
    """
    is_linf = METHODS[method].norm == "linf"
    if is_linf and max(epsilons or (), default=0) > 1:
        raise click.UsageError("ε must be between 0 and 1: no pixel can change by more.")
    if force and save is None:
        raise click.UsageError("--force needs --save: nothing else is written.")
    if index is None and save is None:
        if target is not None:
            raise click.UsageError(
                "--target needs --index or --save: the table is for untargeted attacks."
            )
        if method != "fgsm":
            raise click.UsageError(
                "--method needs --index or --save: the table always shows FGSM and PGD."
            )
    elif epsilons and len(epsilons) > 1:
        raise click.UsageError("--index and --save take a single ε; several are for the table.")
    path = None if save is None else _destination(save, force)
    usual = None if METHODS[method].seeks else METHODS[method].usual
    epsilon = epsilons[0] if epsilons else usual
    attacked = _Attacked.of(find_run(run), epoch, method, epsilon, target)
    with waiting(out) as progress:
        progress("loading PyTorch")
        use_one_thread()
    if index is None:
        result = _print_table(out, attacked, epsilons if epsilons and is_linf else _USUAL_EPSILONS)
    else:
        result = _print_image(out, attacked, index)
    if path:
        _save(out, attacked, index, path, force)
        result["saved"] = str(path)
    out.print_json(result)
    return 0


@dataclass(frozen=True)
class _Attacked:
    """A run's model, and the attack on it."""

    run: Run
    started: RunStarted
    epochs: int | None
    """The number of epochs the weights were trained for; None for the newest."""
    method: str
    epsilon: float | None
    """None for no limit, with a method that searches for the smallest perturbation."""
    target: int | None

    @classmethod
    def of(
        cls, run: Run, epoch: int | None, method: str, epsilon: float | None, target: str | None
    ) -> _Attacked:
        """Look up the epoch and the class of the options.

        Raises:
            RunError: the run has not started training.
            UsageError: there is no such epoch or class.
        """
        summary = Summary.of(run)
        started, finished = summary.history.started, len(summary.history.epochs)
        if started is None:
            raise RunError(f"Run {run.name} has not started training: there is no model to attack.")
        if epoch is not None and not 0 <= epoch < finished:
            there = f"epochs 0 to {finished - 1}" if finished else "no epochs yet"
            raise click.UsageError(f"Run {run.name} has {there}, not {epoch}.")
        names = started.class_names
        if target is not None and target not in names:
            raise click.UsageError(f"There is no class {target}: {', '.join(names)}.")
        epochs = None if epoch is None else epoch + 1
        return cls(
            run, started, epochs, method, epsilon, None if target is None else names.index(target)
        )


def _print_table(out: Printer, attacked: _Attacked, epsilons: Sequence[float]) -> dict[str, Any]:
    """Measure the robustness of all validation images; print the table, and return it for JSON."""
    with waiting(out) as progress:
        known = robustness(attacked.run, attacked.epochs)
        while not known.is_complete:
            progress(f"attacking: {known.done:,} of {count(known.total, 'validation image')}")
            known = robustness(attacked.run, attacked.epochs)
    rows = [
        {
            "epsilon": epsilon,
            "clean": known.clean,
            "fgsm": attack_all(attacked.run, "fgsm", epsilon, attacked.epochs).accuracy,
            "pgd": known.under_attack(epsilon),
            "certified": known.proven(epsilon),
        }
        for epsilon in epsilons
    ]
    out.paragraph(
        f"run {attacked.run.name}, {epoch_name(known.epochs - 1)}: "
        f"{count(known.total, 'validation image')}, "
        f"{accuracy(known.clean, known.total)} correct without an attack"
    )
    out.print("", f"{'ε':>6}  {'clean':>7}  {'FGSM':>7}  {'PGD':>7}  certified")
    for row in rows:
        shares = [percent(row[name]) for name in ("clean", "fgsm", "pgd", "certified")]
        cells = "  ".join(f"{share:>7}" for share in shares[:3])
        out.print(f"{row['epsilon']:>6g}  {cells}  {shares[3]:>9}")
    out.print("")
    median, proven = known.medians
    if math.isfinite(median):
        out.paragraph(
            f"Half of the correctly classified images are fooled by ε {at_most(median)} or less "
            f"(the median of the smallest ε found); half are proven safe below {at_least(proven)}."
        )
    elif known.clean:
        out.paragraph("Most of the correctly classified images were not fooled at any ε.")
    out.paragraph(
        "PGD: the share that PGD, FGSM, DeepFool and FAB together do not fool at this ε. "
        "Certified: the share whose prediction provably no perturbation of that size can change "
        "(CROWN bounds)."
    )
    images = zip(known.found.tolist(), known.certified.tolist(), strict=True)
    return {
        "run": attacked.run.name,
        "epochs": known.epochs,
        "table": rows,
        "median_smallest_epsilon": shortest_float32(median),
        "median_certified_epsilon": shortest_float32(proven),
        "images": [
            {
                "index": row,
                "smallest_epsilon": shortest_float32(found),
                "certified_epsilon": shortest_float32(certified),
            }
            for row, (found, certified) in enumerate(images)
        ],
    }


def _print_image(out: Printer, attacked: _Attacked, index: int) -> dict[str, Any]:
    """Attack one validation image and bound its smallest ε; draw it, and return it for JSON.

    Raises:
        UsageError: it is of the target class.
    """
    epochs, method, target = attacked.epochs, METHODS[attacked.method], attacked.target
    names, epsilon = attacked.started.class_names, attacked.epsilon
    with waiting(out) as progress:
        image = attack_image(attacked.run, index, epsilon, epochs, attacked.method, target)
        if target == image.label:
            raise click.UsageError(
                f"Validation image {index} is a {names[image.label]}: the target must be another "
                "class."
            )
        progress("searching for the smallest ε")
        known = bracket(attacked.run, index, epochs, target, attacked.method)
    strength = "" if epsilon is None else f" {'within' if method.seeks else 'with'} ε {epsilon:g}"
    out.paragraph(
        f"validation image {index}, a {names[image.label]}, attacked by {method.title} "
        f"({method.norm_name}){strength}, {epoch_name(image.epochs - 1)}"
    )
    out.print("")
    out.draw(drawn(image, names, out.terminal, min(out.width, 100), 30))
    out.print("")
    phrases = [*attack_outcome.outcome(image, names), *attack_outcome.epsilon_bounds(image, known)]
    for text in (phrases[0].text, attack_outcome.norms(image), *(one.text for one in phrases[1:])):
        out.paragraph(text)
    return {
        "run": attacked.run.name,
        "epochs": image.epochs,
        "index": index,
        "label": names[image.label],
        "prediction": names[image.clean_prediction],
        "method": image.method,
        "norm": method.norm,
        "epsilon": shortest_float32(image.epsilon),
        "target": None if image.target is None else names[image.target],
        "adversarial_prediction": names[image.prediction],
        "success": image.success,
        "linf": image.linf,
        "l2": image.l2,
        "l0": image.l0,
        "smallest_epsilon": shortest_float32(known.found),
        "smallest_epsilon_by": known.found_by or None,
        "certified_epsilon": known.certified,
        "fgsm_epsilon": shortest_float32(known.path),
        "fgsm_level": known.level if known.level >= 0 else None,
        "fgsm_exact": known.exact,
        "smallest_by_method": {
            name: shortest_float32(size) for name, size in known.smallest.items()
        },
    }


def _destination(save: str, force: bool) -> Path:
    """Check early that images can be saved to an `.npz` file or as PNG files in a folder.

    Raises:
        UsageError: the extension is neither `.npz` nor that of a folder.
        MnistopError: it cannot be written, or exists.
    """
    path = expanded(save)
    ending = path.suffix.lower()
    if ending == ".npz":
        check_file(path, force)
        return path
    if any(map(str.isalpha, ending)) and not (save.endswith("/") or os.path.isdir(path)):
        raise click.UsageError(
            f"{save}: images are saved to an .npz file, or as PNG files in a folder, whose name "
            "has no extension."
        )
    check_folder(path, force)
    return path


def _save(out: Printer, attacked: _Attacked, index: int | None, path: Path, force: bool) -> None:
    """Save one adversarial image or, without an index, all; print how many fool the model.

    Raises:
        MnistopError: they cannot be written, or the path exists by now.
    """
    is_file, names = path.suffix.lower() == ".npz", attacked.started.class_names
    found = attack_all(
        attacked.run,
        attacked.method,
        attacked.epsilon,
        attacked.epochs,
        attacked.target,
        index,
        levels=None if is_file else 255,
    )
    if is_file:
        write_out(path, found.to_npz(), force)
    else:
        files, pairs = {}, zip(found.labels, found.predictions, strict=True)
        for place, (image, classes) in enumerate(zip(found.images, pairs, strict=True)):
            label, taken = (re.sub(r"\W", "_", names[each]) for each in classes)
            files[f"{(index or 0) + place:05d}-{label}-taken-for-{taken}.png"] = to_png(image)
        write_folder(path, files, force)
    fooled = int((found.predictions != found.labels).sum())
    out.print("")
    out.paragraph(
        f"{count(len(found.labels), 'adversarial image')} saved in {path}; the model misclassifies "
        f"{fooled:,} of them."
    )
