"""The shown sweep: its runs, their accuracy under attack, and the sweeps around it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from textual.screen import Screen

from mnistop.engine import worker
from mnistop.engine.analysis.robustness import Robustness, robustness
from mnistop.engine.errors import RunError
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep, list_sweeps
from mnistop.engine.sweep.outcomes import ATTACK, Group, SweepReader, Value, comparable, grouped
from mnistop.tui.session.compared import ComparedRun, Comparison
from mnistop.tui.session.run_list import MOST_MARKED
from mnistop.tui.text.sweep_table import attacked_acc, group_name, settings_of

_SHORT = 9
"""Characters that the name of a hyperparameter may have next to a curve."""


def _falling(groups: Sequence[Group], value: Value) -> list[Group]:
    def key(group: Group) -> float:
        found = group.measured(value)
        return -found.mean if found else 2.0

    return sorted(groups, key=key)


Order = Callable[[Sequence[Group]], Sequence[Group]]

ORDERS: tuple[tuple[str, Order], ...] = (
    ("as planned", lambda groups: groups),
    ("best accuracy first", lambda groups: _falling(groups, comparable(groups))),
    ("hardest to fool first", lambda groups: _falling(groups, attacked_acc)),
)
"""The orders of the rows, each with its words."""


class SweepModel:
    """The shown sweep among all, and the chosen row in it."""

    def __init__(self) -> None:
        self.sweep: Sweep | None = None
        """The shown sweep."""
        self.reader: SweepReader | None = None
        """Its reader; None while there is no sweep that can be read."""
        self.groups: Sequence[Group] = ()
        """Its rows, in order."""
        self.epsilon: float | None = None
        """The ε of the attack under which runs are compared; None where none was measured."""
        self.wants_attack = False
        """True if the sweep varies adversarial training."""
        self.position = 0
        """The row at the cursor."""
        self.curves = Comparison()
        """The first run of each row, where there are few enough to be distinguished."""
        self.others: Sequence[Sweep] = ()
        """All sweeps, newest first."""
        self.problem = ""
        """The reason why it cannot be shown; empty if it can."""
        self._order = 0

    @property
    def order(self) -> str:
        """The order of the rows, in words."""
        return ORDERS[self._order][0]

    @property
    def chosen(self) -> Group | None:
        """The row at the cursor."""
        return self.groups[self.position] if self.position < len(self.groups) else None

    def look(self, wanted: Sweep | None = None) -> None:
        """List the sweeps, and show another one if the shown one is gone.

        Args:
            wanted: the one to show; None for the same, or the newest if that is gone.
        """
        self.others = list_sweeps()
        if self.sweep not in self.others:
            self.sweep, self.reader, self.groups, self.problem = None, None, (), ""
            wanted = wanted or next(iter(self.others), None)
        if wanted and wanted != self.sweep:
            self._open(wanted)

    def _open(self, sweep: Sweep) -> None:
        self.sweep, self.groups, self.position, self.problem = sweep, (), 0, ""
        self.wants_attack = False
        self.curves = Comparison()
        try:
            self.reader = SweepReader(sweep)
        except RunError as error:
            self.reader, self.problem = None, str(error)
        else:
            planned = grouped(self.reader.outcomes)
            self.wants_attack = "adversarial_epsilon" in settings_of(planned)
            self.read()

    def neighbour(self, by: int) -> Sweep | None:
        """Return the sweep that comes `by` after this one in time; None if there is none."""
        if self.sweep is None or self.sweep not in self.others:
            return None
        at = self.others.index(self.sweep) - by
        return self.others[at] if 0 <= at < len(self.others) else None

    def read(self) -> bool:
        """Read the runs' new events; return whether there were any."""
        if not (self.reader and self.reader.read()):
            return False
        self.arrange()
        self._read_curves(self.reader.sweep)
        return True

    def _read_curves(self, sweep: Sweep) -> None:
        planned = grouped(self.reader.outcomes) if self.reader else []
        if len(planned) > MOST_MARKED:
            return
        settings, known = settings_of(planned), {one.run.name for one in self.curves.runs}
        if len(settings) == 1 and len(next(iter(settings))) > _SHORT:
            settings = {"": next(iter(settings.values()))}
        for row, group in enumerate(planned):
            name = group.outcomes[0].name
            if name and name not in known:
                run, title = (Run(sweep.path.with_name(name)), group_name(settings, row).strip())
                self.curves.add(ComparedRun(run, title, run.config()))
        self.curves.read()

    def curve_of(self, group: Group) -> int | None:
        """Return the index of a row's curve; None if it has none yet."""
        name = group.outcomes[0].name
        places = (place for place, one in enumerate(self.curves.runs) if one.run.name == name)
        return next(places, None)

    @property
    def begun(self) -> Sequence[Run]:
        """The runs that have begun, in the order of the rows."""
        names = [one.name for group in self.groups for one in group.outcomes if one.name]
        return [Run(self.sweep.path.with_name(name)) for name in names] if self.sweep else []

    def run_of(self, group: Group) -> Run | None:
        """Return the first run of a row that has begun; None if none has."""
        name = next((one.name for one in group.outcomes if one.name), "")
        return Run(self.sweep.path.with_name(name)) if self.sweep and name else None

    def to_compare(self) -> Sequence[Run]:
        """Return all runs if they are few; else one of each row, of those around the cursor."""
        if len(self.begun) <= MOST_MARKED:
            return self.begun
        first = max(0, min(self.position - MOST_MARKED // 2, len(self.groups) - MOST_MARKED))
        near = self.groups[first : first + MOST_MARKED]
        return [run for group in near if (run := self.run_of(group))]

    def arrange(self) -> None:
        """Sort the rows; the cursor stays on its row."""
        before = self.chosen
        if self.reader:
            outcomes = self.reader.outcomes
            attacked = any(one.attacked is not None for one in outcomes)
            self.epsilon = ATTACK if attacked else None
            self.groups = ORDERS[self._order][1](grouped(outcomes))
        if before:
            same = (at for at, group in enumerate(self.groups) if group.config == before.config)
            self.position = next(same, 0)

    def next_order(self) -> None:
        """Choose the next order that makes a difference."""
        count = len(ORDERS) if self.epsilon is not None else len(ORDERS) - 1
        self._order = (self._order + 1) % count
        self.arrange()

    # Accuracy under attack

    def to_attack(self) -> Sequence[tuple[int, Run]]:
        """Return the trained runs that are not measured yet, with their places in the plan."""
        if not self.reader:
            return ()
        sweep = self.reader.sweep
        return [
            (place, sweep.member(place + 1))
            for place, one in enumerate(self.reader.outcomes)
            if one.is_done and one.epochs and one.attacked is None
        ]

    def take(self, reader: SweepReader, place: int, known: Robustness) -> None:
        """Receive the accuracy of a run under attack.

        Args:
            reader: the sweep.
            place: the run's place in its plan.
            known: the robustness of all its validation images.
        """
        attacked = known.under_attack(ATTACK)
        reader.outcomes[place] = dataclasses.replace(reader.outcomes[place], attacked=attacked)
        if reader is self.reader:
            self.arrange()


class SweepAttack:
    """Measure the accuracy of the shown sweep's runs under attack.

    Args:
        screen: runs the work.
        model: has the sweep, and takes the results.
        changed: called when the status has changed.
    """

    def __init__(
        self, screen: Screen[None], model: SweepModel, changed: Callable[[], None]
    ) -> None:
        self.status = ""
        """The progress, in words; empty while nothing is measured."""
        self._screen = screen
        self._model = model
        self._changed = changed
        self._is_going = False

    @property
    def is_possible(self) -> bool:
        """True if there is something to measure, and nothing is being measured."""
        return not self._is_going and bool(self._model.to_attack())

    def start(self) -> None:
        """Measure the runs that are not measured yet."""
        reader = self._model.reader
        if reader and self.is_possible:
            self._is_going = True
            self._screen.run_worker(self._measure(reader), group="attack", exit_on_error=False)

    async def _measure(self, reader: SweepReader) -> None:
        try:
            for place, run in self._model.to_attack():
                known = None
                while known is None or not known.is_complete:
                    if self._model.reader is not reader or not self._screen.is_current:
                        return
                    known = await worker.ask_at_low_priority(robustness, run)
                    self.status = (
                        f"Attacking run {place + 1}: {known.done:,} of {known.total:,} images."
                    )
                    self._changed()
                self._model.take(reader, place, known)
        finally:
            self._is_going, self.status = False, ""
            self._changed()
