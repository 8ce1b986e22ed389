"""What came of a sweep: its table, what stands out, and how to go on."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from mnistop.engine import events
from mnistop.engine.analysis.robustness import robustness
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.runs.lookup import typed
from mnistop.engine.sweep.outcomes import ATTACK, Group, Value, best_acc, grouped, unseen_acc
from mnistop.engine.sweep.reader import SweepReader
from mnistop.tui.cli.output import Output, complain
from mnistop.tui.cli.sweep_view import outcome_as_json
from mnistop.tui.cli.waiting import waiting
from mnistop.tui.text.runs import count, what_next
from mnistop.tui.text.sweep_table import (
    attacked_acc,
    conclusion,
    final_acc,
    notes,
    settings_of,
    table,
)

_MOST_FAILURES = 3


def tell_end(out: Output, reader: SweepReader, as_json: bool, attack: float | None = None) -> None:
    """The lines that stay in the scrollback when a sweep has come to its end.

    Args:
        out: where they go.
        reader: the sweep, read to its end.
        as_json: whether to print one line of JSON instead.
        attack: the ε of the attack to compare under, None for the usual.
    """
    epsilon = measure(out, reader, attack)
    if as_json:
        out.say(json.dumps(as_summary(reader, epsilon)))
    else:
        out.say()
        tell_state(out, reader)
        tell_results(out, reader, epsilon)
    tell_failures(reader)


def tell_story(out: Output, reader: SweepReader) -> None:
    """All that there is to tell of a sweep, for `mnistop show`."""
    epsilon = measure(out, reader, None)
    tell_state(out, reader)
    out.heading("Results")
    tell_results(out, reader, epsilon)
    tell_failures(reader)


def measure(out: Output, reader: SweepReader, attack: float | None) -> float | None:
    """Measures accuracy under attack where that is of interest.

    Args:
        out: where it is shown how far this is.
        reader: whose outcomes get the accuracies.
        attack: the ε; None for the usual one where the adversarial ε varies, else for no attack.

    Returns:
        The ε of the attack, None if there was none.
    """
    groups = grouped(reader.outcomes)
    if attack is None and "adversarial_epsilon" not in settings_of(groups):
        return None
    epsilon = ATTACK if attack is None else attack
    from mnistop.engine.analysis.loading import answer_here

    with waiting(out) as progress:
        progress("loading PyTorch")
        answer_here()
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


def tell_state(out: Output, reader: SweepReader) -> None:
    """How far the sweep is, and how to go on."""
    name, runs = typed(reader.sweep), len(reader.outcomes)
    title = f" ({reader.sweep.title})" if reader.sweep.title else ""
    done = f"{reader.done:,} of {count(runs, 'run')} done"
    out.tell(f"sweep {reader.sweep.name}{title}: {reader.state}, {done}")
    commands = {}
    if reader.state in ("starting", "running"):
        commands[f"mnistop follow {name}"] = "watch it"
        if reader.sweep.is_ours:
            commands[f"mnistop stop {name}"] = "stop and save it"
    elif reader.state != "finished" and reader.sweep.is_ours:
        commands[f"mnistop resume {name}"] = "go on with it"
    if name == reader.sweep.name:
        commands[f"mnistop runs sweep:{reader.sweep.words}"] = "list its runs"
    out.say(what_next(commands))


def tell_results(out: Output, reader: SweepReader, epsilon: float | None) -> None:
    """The table, on a terminal with the accuracies on one scale, and which is best."""
    groups = grouped(reader.outcomes)
    if out.is_terminal:
        from mnistop.tui.text.sweep_rows import SweepRows

        rows = SweepRows.fit(groups, out.width, out.terminal, epsilon)
        drawn = [rows.row(index, out.width) for index in range(len(groups))]
        out.draw([rows.header(out.width), *drawn])
    else:
        out.say("\n".join(table(groups, epsilon, out.clean)))
    out.say()
    out.tell(" ".join(notes(groups, epsilon)))
    if words := conclusion(groups, epsilon):
        out.say()
        out.tell(words)


def tell_failures(reader: SweepReader) -> None:
    """What could not be trained, and why; on stderr."""
    if reader.trouble:
        complain(f"the sweep stopped: {reader.trouble}")
    failed = {
        event.member: event.message
        for event in reader.sweep.events()
        if isinstance(event, events.MemberFailed)
    }
    for one in reader.outcomes:
        if one.is_done:
            failed.pop(one.name, None)
    for member, message in list(failed.items())[:_MOST_FAILURES]:
        complain(f"run {member}: {message}")
    if len(failed) > _MOST_FAILURES:
        complain(f"and {count(len(failed) - _MOST_FAILURES, 'run')} more failed")


def as_summary(reader: SweepReader, epsilon: float | None) -> dict[str, Any]:
    """The whole sweep as one JSON object."""
    groups = grouped(reader.outcomes)
    settings = settings_of(groups)
    return {
        "sweep": reader.sweep.name,
        "title": reader.sweep.title,
        "state": reader.state,
        "runs": len(reader.outcomes),
        "done": reader.done,
        "message": reader.trouble or None,
        "epsilon": epsilon,
        "groups": [
            {
                "settings": {name: getattr(group.config, name) for name in settings},
                "test_images": max(one.test_images for one in group.outcomes) or None,
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
    told: dict[str, Any] = {"mean": found.mean, "spread": found.spread, "runs": found.count}
    if interval:
        told["interval"] = wilson_interval(found.mean, group.images_of(value))
    return told
