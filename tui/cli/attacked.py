"""The results of `mnistop attack` in words, pictures and JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from mnistop.engine.analysis.attack_set import attack_all
from mnistop.engine.analysis.fragility import (
    AttackedImage,
    PerturbationBounds,
    attack_image,
    bracket,
)
from mnistop.engine.analysis.methods import METHODS
from mnistop.engine.analysis.robustness import Robustness, robustness, shortest_float32
from mnistop.engine.errors import RunError
from mnistop.engine.events import RunStarted
from mnistop.engine.formatting import accuracy, count, percent
from mnistop.engine.runs.entry import Summary
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.cli.output import Output, waiting
from mnistop.tui.text import attack_outcome
from mnistop.tui.text.attack_outcome import at_least, at_most
from mnistop.tui.text.portrait import attacked as drawn
from mnistop.tui.text.run_lines import epoch_name


@dataclass(frozen=True)
class Attacked:
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
    ) -> Attacked:
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


def print_table(
    out: Output, attacked: Attacked, epsilons: Sequence[float], quiet: bool
) -> dict[str, Any]:
    """Measure the robustness of all validation images; print the table, and return it for JSON.

    Args:
        out: standard output.
        attacked: the run.
        epsilons: the rows of the table.
        quiet: True to print nothing.
    """
    known = _measured(out, attacked)
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
    median, proven = known.medians
    if not quiet:
        _print_rows(out, attacked, known, rows)
    return {
        "run": attacked.run.name,
        "epochs": known.epochs,
        "table": rows,
        "median_smallest_epsilon": _number(median),
        "median_certified_epsilon": _number(proven),
        "images": [
            {
                "index": row,
                "smallest_epsilon": _number(found),
                "certified_epsilon": _number(certified),
            }
            for row, (found, certified) in enumerate(
                zip(known.found.tolist(), known.certified.tolist(), strict=True)
            )
        ],
    }


def _measured(out: Output, attacked: Attacked) -> Robustness:
    with waiting(out) as progress:
        known = robustness(attacked.run, attacked.epochs)
        while not known.is_complete:
            progress(f"attacking: {known.done:,} of {count(known.total, 'validation image')}")
            known = robustness(attacked.run, attacked.epochs)
    return known


def _print_rows(
    out: Output, attacked: Attacked, known: Robustness, rows: list[dict[str, float]]
) -> None:
    out.paragraph(
        f"run {attacked.run.name}, {epoch_name(known.epochs - 1)}: "
        f"{count(known.total, 'validation image')}, "
        f"{accuracy(known.clean, known.total)} correct without an attack"
    )
    out.print()
    out.print(f"{'ε':>6}  {'clean':>7}  {'FGSM':>7}  {'PGD':>7}  certified")
    for row in rows:
        shares = [percent(row[name]) for name in ("clean", "fgsm", "pgd", "certified")]
        cells = "  ".join(f"{share:>7}" for share in shares[:3])
        out.print(f"{row['epsilon']:>6g}  {cells}  {shares[3]:>9}")
    out.print()
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


def print_image(out: Output, attacked: Attacked, index: int, quiet: bool) -> dict[str, Any]:
    """Attack one validation image and bound its smallest ε; draw it, and return it for JSON.

    Args:
        out: standard output.
        attacked: the run and the attack.
        index: of the validation image.
        quiet: True to print nothing.
    """
    how = (attacked.epochs, attacked.method, attacked.target)
    with waiting(out) as progress:
        image = attack_image(attacked.run, index, attacked.epsilon, *how)
        _refuse_own_class(image, attacked.started.class_names)
        progress("searching for the smallest ε")
        known = bracket(attacked.run, index, attacked.epochs, attacked.target, attacked.method)
    names = attacked.started.class_names
    if not quiet:
        _draw_image(out, image, known, names, attacked.epsilon)
    return {
        "run": attacked.run.name,
        "epochs": image.epochs,
        "index": index,
        "label": names[image.label],
        "prediction": names[image.clean_prediction],
        "method": image.method,
        "norm": METHODS[image.method].norm,
        "epsilon": _number(image.epsilon),
        "target": None if image.target is None else names[image.target],
        "adversarial_prediction": names[image.prediction],
        "success": image.success,
        "linf": image.linf,
        "l2": image.l2,
        "l0": image.l0,
        "smallest_epsilon": _number(known.found),
        "smallest_epsilon_by": known.found_by or None,
        "certified_epsilon": known.certified,
        "fgsm_epsilon": _number(known.path),
        "fgsm_level": known.level if known.level >= 0 else None,
        "fgsm_exact": known.exact,
        "smallest_by_method": {name: _number(size) for name, size in known.smallest.items()},
    }


def _refuse_own_class(image: AttackedImage, names: Sequence[str]) -> None:
    if image.target == image.label:
        raise click.UsageError(
            f"Validation image {image.subject} is a {names[image.label]}: the target must be "
            "another class."
        )


def _draw_image(
    out: Output,
    image: AttackedImage,
    known: PerturbationBounds,
    names: Sequence[str],
    epsilon: float | None,
) -> None:
    method = METHODS[image.method]
    within = "within" if method.seeks else "with"
    strength = "" if epsilon is None else f" {within} ε {epsilon:g}"
    out.paragraph(
        f"validation image {image.subject}, a {names[image.label]}, attacked by {method.title} "
        f"({method.norm_name}){strength}, {epoch_name(image.epochs - 1)}"
    )
    out.print()
    out.draw(drawn(image, names, out.terminal, min(out.width, 100), 30))
    out.print()
    phrases = [*attack_outcome.outcome(image, names), *attack_outcome.epsilon_bounds(image, known)]
    for text in (phrases[0].text, attack_outcome.norms(image), *(one.text for one in phrases[1:])):
        out.paragraph(text)


def _number(value: float) -> float | None:
    """Return a finite number, else None: JSON has no infinity."""
    return shortest_float32(value) if math.isfinite(value) else None
