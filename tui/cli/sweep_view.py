"""A sweep as the commands show it: while it goes on, when it has ended, and ever after."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from mnistop.engine import events
from mnistop.engine.evaluate import wilson_interval
from mnistop.engine.formatting import count, duration, percent
from mnistop.engine.runs.lookup import typed
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.engine.sweep.outcomes import (
    ATTACK,
    Group,
    Outcome,
    SweepReader,
    Value,
    best_acc,
    best_of,
    comparable,
    grouped,
    unseen_acc,
)
from mnistop.engine.sweep.presets import effort
from mnistop.tui.cli.output import Output, complain
from mnistop.tui.cli.printer import Printer, bar_line, waiting
from mnistop.tui.text.runs import what_next
from mnistop.tui.text.sweep_table import (
    accuracy_of,
    attacked_acc,
    conclusion,
    final_acc,
    group_name,
    notes,
    settings_of,
    table,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

_POLL_SECONDS = 0.1
_MOST_FAILURES = 3


class SweepView:
    """A view of one sweep until its end: a line for each run that has ended, or its result as JSON.

    Args:
        out: standard output.
        as_json: whether to print JSON lines.
        attack: the ε of the attack to compare under at the end, None for the usual.
    """

    kind: ClassVar[str] = "sweep"

    def __init__(self, out: Output, as_json: bool, attack: float | None = None) -> None:
        self.state = ""
        """The sweep's last state, once `print_end` has been called."""
        self.went_well = False
        self._attack = attack
        self._reader: SweepReader | None = None
        self._printed: set[int] = set()
        """The runs that have been printed, by their place in the plan."""
        self._since = time.monotonic()
        self._done_before = 0.0
        """The share that was done when this began."""
        self.printer = Printer(out, as_json, self._progress)

    def stop(self, sweep: Sweep) -> None:
        """Ask the sweep to stop and save."""
        from mnistop.engine import worker

        worker.stop_sweep(sweep)

    async def follow(self, sweep: Sweep) -> None:
        """Print the runs that have ended, and those that do, until all have."""
        import asyncio

        reader = SweepReader(sweep)
        reader.read()
        self._since, self._done_before = time.monotonic(), _share_done(reader)
        self._reader, self.printer.message = reader, ""
        if not self.printer.as_json:
            self.printer.print(f"sweep {sweep.name}: {count(len(reader.outcomes), 'run')}")
        self._update(reader)
        while reader.state in ("starting", "running"):
            await asyncio.sleep(_POLL_SECONDS)
            if reader.read():
                self._update(reader)
        sweep.check_readable()  # where its owner has closed it, its end is not known

    def _update(self, reader: SweepReader) -> None:
        ended = {place for place, one in enumerate(reader.outcomes) if one.is_done}
        new = sorted(ended - self._printed)
        self._printed |= ended
        if self.printer.as_json:
            self.printer.print(*(json.dumps(outcome_as_json(reader.outcomes[i])) for i in new))
        else:
            self.printer.print(*_lines(reader, new), crop=True)

    def print_end(self, sweep: Sweep) -> None:
        """Print what came of it, and what could not be trained."""
        out, reader = self.printer.out, self._reader
        if reader is None:
            return
        self.state, self.went_well = reader.state, reader.state == "finished"
        epsilon = measure(out, reader, self._attack)
        if self.printer.as_json:
            out.print(json.dumps(as_summary(reader, epsilon)))
        else:
            out.print()
            _print_state(out, reader)
            _print_results(out, reader, epsilon)
        _print_failures(reader)

    def _progress(self, width: int) -> RenderableType | None:
        """A bar with the time left and the best run so far."""
        reader, seconds = self._reader, time.monotonic() - self._since
        if reader is None:
            return None
        share = _share_done(reader)
        pace = (share - self._done_before) / seconds if seconds else 0.0
        left = f"{duration((1 - share) / pace)} left" if pace > 0 else "starting"
        right = f" {share:4.0%}  {left}"
        groups = grouped(reader.outcomes)
        if found := best_of(groups):
            words = group_name(settings_of(groups), groups.index(found[0]))
            if measured := found[0].measured(comparable(groups)):
                right += f"  best {percent(measured.mean)} {words}".rstrip()
        done = f"{reader.done:,} of {count(len(reader.outcomes), 'run')} "
        return bar_line(done, share, right, self.printer.out, width)


def _lines(reader: SweepReader, places: list[int]) -> Iterator[str]:
    """A line for each run at these places of the plan."""
    groups = [Group((one,)) for one in reader.outcomes]
    settings = settings_of(groups)
    if len({one.config.seed for one in reader.outcomes}) > 1:
        settings["seed"] = [str(one.config.seed) for one in reader.outcomes]
    width = max(len(group_name(settings, place)) for place in range(len(groups)))
    digits = len(str(len(groups)))
    for place in places:
        one, words = reader.outcomes[place], group_name(settings, place)
        tested = one.test_acc is not None
        test = f"test {accuracy_of(groups[place], unseen_acc)}  " if tested else ""
        best = f"  at epoch {one.best_epoch}" if one.best_epoch is not None else ""
        yield (
            f"{place + 1:>{digits}}/{len(groups)}  {words:<{width}}  {test}"
            f"val {accuracy_of(groups[place], best_acc)}{best}  {one.verdict}"
        ).rstrip()


def _share_done(reader: SweepReader) -> float:
    """The share of the work that is done, by what each run takes."""
    done = whole = 0.0
    for one in reader.outcomes:
        cost = effort(one.config)
        done += cost * (1.0 if one.is_done else one.epochs / one.config.epochs)
        whole += cost
    return done / whole


def print_story(out: Output, reader: SweepReader) -> None:
    """All that there is to tell of a sweep, for `mnistop show`."""
    epsilon = measure(out, reader, None)
    _print_state(out, reader)
    out.heading("Results")
    _print_results(out, reader, epsilon)
    _print_failures(reader)


def measure(out: Output, reader: SweepReader, attack: float | None) -> float | None:
    """Measure accuracy under attack where that is of interest.

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
    from mnistop.engine.analysis.robustness import robustness

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


def _print_state(out: Output, reader: SweepReader) -> None:
    """Print how far the sweep is, and how to go on."""
    name, runs = typed(reader.sweep), len(reader.outcomes)
    title = f" ({reader.sweep.title})" if reader.sweep.title else ""
    done = f"{reader.done:,} of {count(runs, 'run')} done"
    out.paragraph(f"sweep {reader.sweep.name}{title}: {reader.state}, {done}")
    commands = {}
    if reader.state in ("starting", "running"):
        commands[f"mnistop follow {name}"] = "watch it"
        if reader.sweep.is_ours:
            commands[f"mnistop stop {name}"] = "stop and save it"
    elif reader.state != "finished" and reader.sweep.is_ours:
        commands[f"mnistop resume {name}"] = "go on with it"
    if name == reader.sweep.name:
        commands[f"mnistop runs sweep:{reader.sweep.words}"] = "list its runs"
    out.print(what_next(commands))


def _print_results(out: Output, reader: SweepReader, epsilon: float | None) -> None:
    """The table, on a terminal with the accuracies on one scale, and which is best."""
    groups = grouped(reader.outcomes)
    if out.is_terminal:
        from mnistop.tui.text.sweep_rows import SweepRows

        rows = SweepRows.fit(groups, out.width, out.terminal, epsilon)
        drawn = [rows.row(index, out.width) for index in range(len(groups))]
        out.draw([rows.header(out.width), *drawn])
    else:
        out.print("\n".join(table(groups, epsilon, out.clean)))
    out.print()
    out.paragraph(" ".join(notes(groups, epsilon)))
    if words := conclusion(groups, epsilon):
        out.print()
        out.paragraph(words)


def _print_failures(reader: SweepReader) -> None:
    """Print on stderr what could not be trained, and why."""
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
    values: dict[str, Any] = {"mean": found.mean, "spread": found.spread, "runs": found.count}
    if interval:
        values["interval"] = wilson_interval(found.mean, group.images_of(value))
    return values


def outcome_as_json(one: Outcome) -> dict[str, Any]:
    """One run of a sweep; None for what is not known."""
    interval = None if one.best_val_acc is None else wilson_interval(one.best_val_acc, one.images)
    tested = None if one.test_acc is None else wilson_interval(one.test_acc, one.test_images)
    return {
        "run": one.name or None,
        "state": one.state,
        "config": dict(one.config),
        "epochs": one.epochs,
        "test_images": one.test_images or None,
        "test_acc": one.test_acc,
        "test_interval": tested,
        "best_epoch": one.best_epoch,
        "best_val_acc": one.best_val_acc,
        "interval": interval,
        "val_acc": one.val_acc,
        "val_loss": one.val_loss,
        "learning_rate": one.verdict or None,
        "attacked_acc": one.attacked,
    }
