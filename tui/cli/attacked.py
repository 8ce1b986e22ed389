"""The results of `mnistop attack` in words, pictures and JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click

from mnistop.engine.analysis.attack_set import attack_all
from mnistop.engine.analysis.fragility import AttackedImage, Bracket, attack_image, bracket
from mnistop.engine.analysis.methods import METHODS
from mnistop.engine.analysis.robustness import Robustness, plain, robustness
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
    """With the weights after at most so many epochs; None for the newest."""
    method: str
    epsilon: float | None
    """None for no limit of a method that looks for the smallest perturbation."""
    target: int | None

    @classmethod
    def of(
        cls, run: Run, epoch: int | None, method: str, epsilon: float | None, target: str | None
    ) -> Attacked:
        """Check what a person asked for.

        Raises:
            RunError: the run has not started to train.
            UsageError: there is no such epoch or class.
        """
        summary = Summary.of(run)
        started, finished = summary.history.started, len(summary.history.epochs)
        if started is None:
            raise RunError(f"Run {run.name} has not begun to train: there is nothing to attack.")
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
    """The robustness of all validation images.

    Args:
        out: standard output.
        attacked: which run.
        epsilons: the rows of the table.
        quiet: whether to tell nothing, and only return it for JSON.
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
        f"{accuracy(known.clean, known.total)} right without an attack"
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
            f"(the median smallest ε found), and half are proven safe below {at_least(proven)}."
        )
    elif known.clean:
        out.paragraph("Most of the correctly classified images were not fooled at any ε.")
    out.paragraph(
        "PGD is the share whose smallest ε, found by PGD, FGSM, DeepFool and FAB together, is "
        "larger; certified is the share for which no perturbation of that size can change the "
        "prediction (CROWN's bounds)."
    )


def print_image(out: Output, attacked: Attacked, index: int, quiet: bool) -> dict[str, Any]:
    """One validation image: the attack drawn, and its smallest ε.

    Args:
        out: standard output.
        attacked: which run, and how it is attacked.
        index: which validation image.
        quiet: whether to tell nothing, and only return it for JSON.
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
            f"Validation image {image.subject} is a {names[image.label]} itself: the target has "
            "to be another class."
        )


def _draw_image(
    out: Output, image: AttackedImage, known: Bracket, names: Sequence[str], epsilon: float | None
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
    """For JSON, which knows no infinity."""
    return plain(value) if math.isfinite(value) else None
