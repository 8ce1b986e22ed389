"""`mnistop attack`: attack a run's model, and print, draw or save what comes of it."""

from __future__ import annotations

import math
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
from mnistop.engine.analysis.robustness import robustness
from mnistop.engine.analysis.robustness import shortest_float32 as shortest
from mnistop.engine.errors import RunError
from mnistop.engine.formatting import accuracy, count, name_list, percent
from mnistop.engine.images import to_png
from mnistop.engine.runs.entry import Summary
from mnistop.engine.runs.lookup import find_run
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.safe_write import write_folder, write_out
from mnistop.tui.cli.destination import images_destination
from mnistop.tui.cli.options import run_argument, with_output
from mnistop.tui.cli.output import Printer, fields, waiting
from mnistop.tui.text import attack_outcome
from mnistop.tui.text.attack_outcome import at_least, at_most
from mnistop.tui.text.portrait import attacked as drawn
from mnistop.tui.text.run_lines import epoch_name
from mnistop.tui.text.table import Column, Table

_USUAL_EPSILONS = (0.025, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3)
"""The default rows of the table."""


def _parse_epsilons(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[float, ...]:
    if text is None:
        return ()
    try:
        numbers = tuple(float(word) for word in text.replace(",", " ").split())
    except ValueError:
        numbers = ()
    if not numbers or not all(0 <= number < math.inf for number in numbers):
        raise click.BadParameter(f"{text!r} is not one or more numbers from 0 up, as in 0.05,0.1.")
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
    callback=_parse_epsilons,
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
    epsilons: tuple[float, ...],
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
    if is_linf and max(epsilons, default=0) > 1:
        raise click.UsageError("ε must be between 0 and 1: no pixel can change by more.")
    if force and save is None:
        raise click.UsageError("--force needs --save: nothing else is written.")
    if index is None and save is None:
        if target is not None:
            raise click.UsageError("--target needs --index or --save: the table has no target.")
        if method != "fgsm":
            raise click.UsageError("--method needs --index or --save: the table has FGSM and PGD.")
    elif len(epsilons) > 1:
        raise click.UsageError("--index and --save take a single ε; several are for the table.")
    path = None if save is None else images_destination(save, force)
    usual = None if METHODS[method].seeks else METHODS[method].usual
    epsilon = epsilons[0] if epsilons else usual
    chosen = _Attack.choose(find_run(run), epoch, method, epsilon, target)
    with waiting(out) as progress:
        progress("loading PyTorch")
        use_one_thread()
    if index is None:
        result = _print_table(out, chosen, epsilons if epsilons and is_linf else _USUAL_EPSILONS)
    else:
        result = _print_image(out, chosen, index)
    if path:
        _save(out, chosen, index, path, force)
        result["saved"] = str(path)
    out.print_json(result)
    return 0


@dataclass(frozen=True)
class _Attack:
    """An attack on the model of a run."""

    run: Run
    names: Sequence[str]
    """The classes."""
    epochs: int | None
    """The number of epochs the weights were trained for; None for the newest."""
    method: str
    epsilon: float | None
    """None for no limit, with a method that searches for the smallest perturbation."""
    target: int | None

    @classmethod
    def choose(
        cls, run: Run, epoch: int | None, method: str, epsilon: float | None, target: str | None
    ) -> _Attack:
        """Look up the epoch and the class of the options.

        Raises:
            RunError: the run has not started training.
            UsageError: there is no such epoch or class.
        """
        history = Summary.of(run).history
        if history.started is None:
            raise RunError(f"Run {run.name} has not started training: there is no model to attack.")
        names, finished = history.started.class_names, len(history.epochs)
        if epoch is not None and not 0 <= epoch < finished:
            there = f"epochs 0 to {finished - 1}" if finished else "no epochs yet"
            raise click.UsageError(f"Run {run.name} has {there}, not {epoch}.")
        if target is not None and target not in names:
            raise click.UsageError(f"There is no class {target}: {name_list(names)}.")
        epochs = None if epoch is None else epoch + 1
        place = None if target is None else names.index(target)
        return cls(run, names, epochs, method, epsilon, place)


def _print_table(out: Printer, chosen: _Attack, epsilons: Sequence[float]) -> dict[str, Any]:
    """Measure the robustness of all validation images; print the table, and return it for JSON."""
    with waiting(out) as progress:
        known = robustness(chosen.run, chosen.epochs)
        while not known.is_complete:
            progress(f"attacking: {known.done:,} of {count(known.total, 'validation image')}")
            known = robustness(chosen.run, chosen.epochs)
    rows = [
        {
            "epsilon": epsilon,
            "clean": known.clean,
            "fgsm": attack_all(chosen.run, "fgsm", epsilon, chosen.epochs).accuracy,
            "pgd": known.under_attack(epsilon),
            "certified": known.proven(epsilon),
        }
        for epsilon in epsilons
    ]
    out.paragraph(
        f"run {chosen.run.name}, {epoch_name(known.epochs - 1)}: "
        f"{count(known.total, 'validation image')}, "
        f"{accuracy(known.clean, known.total)} correct without an attack"
    )

    def share(head: str) -> Column[dict[str, float]]:
        return Column(head, lambda row: percent(row[head.lower()]))

    columns = [
        Column("ε", lambda row: f"{row['epsilon']:g}", 6),
        *map(share, ("clean", "FGSM", "PGD", "certified")),
    ]
    out.print("", *Table(columns, items=rows).lines(rows), "")
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
        "run": chosen.run.name,
        "epochs": known.epochs,
        "table": rows,
        "median_smallest_epsilon": shortest(median),
        "median_certified_epsilon": shortest(proven),
        "images": [
            {"index": row, "smallest_epsilon": shortest(found), "certified_epsilon": shortest(safe)}
            for row, (found, safe) in enumerate(images)
        ],
    }


def _print_image(out: Printer, chosen: _Attack, index: int) -> dict[str, Any]:
    """Attack one validation image and bound its smallest ε; draw it, and return it for JSON.

    Raises:
        UsageError: it is of the target class.
    """
    epochs, method, target = chosen.epochs, METHODS[chosen.method], chosen.target
    names, epsilon = chosen.names, chosen.epsilon
    with waiting(out) as progress:
        image = attack_image(chosen.run, index, epsilon, epochs, chosen.method, target)
        label = names[image.label]
        if target == image.label:
            raise click.UsageError(
                f"Validation image {index} is a {label}: the target must be another class."
            )
        progress("searching for the smallest ε")
        known = bracket(chosen.run, index, epochs, target, chosen.method)
    strength = "" if epsilon is None else f" {'within' if method.seeks else 'with'} ε {epsilon:g}"
    out.paragraph(
        f"validation image {index}, a {label}, attacked by {method.title} "
        f"({method.norm_name}){strength}, {epoch_name(image.epochs - 1)}"
    )
    out.print("")
    out.draw(drawn(image, names, out.terminal, min(out.width, 100), 30))
    out.print("")
    phrases = [*attack_outcome.outcome(image, names), *attack_outcome.epsilon_bounds(image, known)]
    for text in (phrases[0].text, attack_outcome.norms(image), *(one.text for one in phrases[1:])):
        out.paragraph(text)
    return {
        "run": chosen.run.name,
        "index": index,
        "label": label,
        "prediction": names[image.clean_prediction],
        "norm": method.norm,
        "epsilon": shortest(image.epsilon),
        "target": None if image.target is None else names[image.target],
        "adversarial_prediction": names[image.prediction],
        **fields(image, "epochs", "method", "success", "linf", "l2", "l0"),
        "smallest_epsilon": shortest(known.found),
        "smallest_epsilon_by": known.found_by or None,
        "certified_epsilon": known.certified,
        "fgsm_epsilon": shortest(known.path),
        "fgsm_level": known.level if known.level >= 0 else None,
        "fgsm_exact": known.exact,
        "smallest_by_method": {name: shortest(size) for name, size in known.smallest.items()},
    }


def _save(out: Printer, chosen: _Attack, index: int | None, path: Path, force: bool) -> None:
    """Save one adversarial image or, without an index, all; print how many fool the model.

    Raises:
        MnistopError: they cannot be written, or the path exists by now.
    """
    is_file, names = path.suffix.lower() == ".npz", chosen.names
    levels = None if is_file else 255
    options = (chosen.method, chosen.epsilon, chosen.epochs, chosen.target, index, levels)
    found = attack_all(chosen.run, *options)
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
