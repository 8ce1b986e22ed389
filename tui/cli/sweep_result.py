"""The results of a sweep, printed as a table or as JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

from mnistop.engine import events
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.formatting import count
from mnistop.engine.runs.event_log import read_events
from mnistop.engine.runs.lookup import typed
from mnistop.engine.sweep.outcomes import (
    ATTACK,
    Group,
    Outcome,
    SweepReader,
    Value,
    best_acc,
    grouped,
    unseen_acc,
)
from mnistop.tui.cli.output import Printer, fields, print_error, waiting
from mnistop.tui.draw.cells import line
from mnistop.tui.draw.palette import Palette
from mnistop.tui.text.run_lines import command_hints, control_commands
from mnistop.tui.text.sweep_table import (
    attacked_acc,
    conclusion,
    final_acc,
    notes,
    settings_of,
    table,
    with_scale,
)

_MOST_FAILURES = 3


def print_result(
    out: Printer,
    reader: SweepReader,
    attack: float | None = None,
    heading: str = "",
    indent: int | None = 1,
) -> None:
    """Print a sweep's state, its commands and its results, or all as JSON; failures on stderr.

    Args:
        out: standard output.
        reader: the sweep; its outcomes get the accuracies under attack.
        attack: the ε of the attack to compare under, None for the default.
        heading: the heading of the results.
        indent: that of the JSON object, None for a line.
    """
    epsilon = _measure(out, reader, attack)
    _print_state(out, reader)
    if heading:
        out.heading(heading)
    _print_table(out, reader, epsilon)
    out.print_json(_as_json(reader, epsilon), indent=indent)
    _print_failures(reader)


def _measure(out: Printer, reader: SweepReader, attack: float | None) -> float | None:
    """Measure accuracy under attack for all runs with epochs; return the ε, None for no attack.

    Without a given ε, there is an attack only where the adversarial ε varies.
    """
    groups = grouped(reader.outcomes)
    if attack is None and "adversarial_epsilon" not in settings_of(groups):
        return None
    epsilon = ATTACK if attack is None else attack
    from mnistop.engine.analysis.loading import use_one_thread
    from mnistop.engine.analysis.robustness import robustness

    with waiting(out) as progress:
        progress("loading PyTorch")
        use_one_thread()
        for place, one in enumerate(reader.outcomes):
            if not one.epochs:
                continue
            run = reader.sweep.member(place + 1)
            known = robustness(run)
            while not known.is_complete:
                progress(f"attacking run {place + 1} of {len(reader.outcomes)}")
                known = robustness(run)
            attacked = known.under_attack(epsilon)
            reader.outcomes[place] = dataclasses.replace(one, attacked=attacked)
    return epsilon


def _print_state(out: Printer, reader: SweepReader) -> None:
    """Print the progress of the sweep, and the commands for it."""
    name, runs = typed(reader.sweep), len(reader.outcomes)
    title = f" ({reader.sweep.title})" if reader.sweep.title else ""
    done = f"{reader.done:,} of {count(runs, 'run')} done"
    out.paragraph(f"sweep {reader.sweep.name}{title}: {reader.state}, {done}")
    commands = control_commands(reader.sweep, reader.state)
    if name == reader.sweep.name:
        commands[f"mnistop runs sweep:{reader.sweep.words}"] = "list its runs"
    out.print(command_hints(commands))


def _print_table(out: Printer, reader: SweepReader, epsilon: float | None) -> None:
    """Print the table, on a terminal with a plot of the accuracies, and the conclusion."""
    groups = grouped(reader.outcomes)
    if out.is_terminal:
        drawn = with_scale(groups, out.width, out.terminal, epsilon)
        rows = [drawn.header(lambda _: Palette.of(out.terminal).muted)]
        rows += map(drawn.row, range(len(groups)))
        out.draw([line(row, out.width) for row in rows])
    else:
        out.print(*table(groups, epsilon, out.clean))
    out.print("")
    out.paragraph(" ".join(notes(groups, epsilon)))
    if words := conclusion(groups, epsilon):
        out.print("")
        out.paragraph(words)


def _print_failures(reader: SweepReader) -> None:
    """Print on stderr which runs failed, and why."""
    if reader.problem:
        print_error(f"the sweep stopped: {reader.problem}")
    failed = {
        event.member: event.message
        for event in read_events(reader.sweep)
        if isinstance(event, events.MemberFailed)
    }
    for one in reader.outcomes:
        if one.is_done:
            failed.pop(one.name, None)
    for member, message in list(failed.items())[:_MOST_FAILURES]:
        print_error(f"run {member}: {message}")
    if len(failed) > _MOST_FAILURES:
        print_error(f"and {count(len(failed) - _MOST_FAILURES, 'run')} more failed")


def _as_json(reader: SweepReader, epsilon: float | None) -> dict[str, Any]:
    """Return the whole sweep as one JSON object."""
    groups = grouped(reader.outcomes)
    settings = settings_of(groups)
    return {
        "sweep": reader.sweep.name,
        "title": reader.sweep.title,
        "state": reader.state,
        "runs": len(reader.outcomes),
        "done": reader.done,
        "message": reader.problem or None,
        "epsilon": epsilon,
        "groups": [
            {
                "settings": {name: getattr(group.config, name) for name in settings},
                "test_images": max(one.test_images or 0 for one in group.outcomes) or None,
                "test_acc": _measured(group, unseen_acc),
                "best_val_acc": _measured(group, best_acc),
                "val_acc": _measured(group, final_acc),
                "val_loss": _measured(group, lambda one: one.val_loss, interval=False),
                "attacked_acc": _measured(group, attacked_acc),
                "learning_rate": group.verdict or None,
                "runs": [outcome_as_json(one) for one in group.outcomes],
            }
            for group in groups
        ],
        "conclusion": conclusion(groups, epsilon) or None,
    }


def _measured(group: Group, value: Value, interval: bool = True) -> dict[str, Any] | None:
    found = group.measured(value)
    if found is None:
        return None
    values: dict[str, Any] = {"mean": found.mean, "spread": found.spread, "runs": found.count}
    if interval:
        values["interval"] = wilson_interval(found.mean, group.images_of(value))
    return values


def _interval(accuracy: float | None, images: int | None) -> tuple[float, float] | None:
    return None if accuracy is None or images is None else wilson_interval(accuracy, images)


def outcome_as_json(one: Outcome) -> dict[str, Any]:
    """Return one run of a sweep as a JSON object; None for what is unknown."""
    return {
        "run": one.name or None,
        "config": dict(one.config),
        **fields(one, "state", "epochs", "test_acc", "best_epoch", "best_val_acc"),
        **fields(one, "val_acc", "val_loss"),
        "test_images": one.test_images,
        "test_interval": _interval(one.test_acc, one.test_images),
        "interval": _interval(one.best_val_acc, one.validation_images),
        "learning_rate": one.verdict or None,
        "attacked_acc": one.attacked,
    }
