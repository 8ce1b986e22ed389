"""The accuracy under attack of the runs of a sweep, measured one after the other."""

from __future__ import annotations

from collections.abc import Callable

from textual.screen import Screen

from mnistop.engine import worker
from mnistop.engine.analysis.robustness import robustness
from mnistop.engine.sweep.reader import SweepReader
from mnistop.tui.features.sweep.model import Sweeping


class SweepAttack:
    """Measures the runs of the sweep that is looked at, while it is.

    Args:
        screen: does the work beside its own.
        sweeping: knows the sweep, and takes what is found.
        changed: called when something else is to be said.
    """

    def __init__(
        self, screen: Screen[None], sweeping: Sweeping, changed: Callable[[], None]
    ) -> None:
        self.notice = ""
        """How far it is; empty while nothing is measured."""
        self._screen = screen
        self._sweeping = sweeping
        self._changed = changed
        self._is_going = False

    @property
    def is_possible(self) -> bool:
        """Whether there is something to be measured, and nothing is."""
        return not self._is_going and bool(self._sweeping.to_attack())

    def start(self) -> None:
        """Measures what is not measured yet."""
        reader = self._sweeping.reader
        if reader and self.is_possible:
            self._is_going = True
            self._screen.run_worker(self._measure(reader), group="attack", exit_on_error=False)

    async def _measure(self, reader: SweepReader) -> None:
        try:
            for place, run in self._sweeping.to_attack():
                known = None
                while known is None or not known.is_complete:
                    if self._sweeping.reader is not reader or not self._screen.is_current:
                        return
                    known = await worker.ask_at_leisure(robustness, run)
                    self.notice = (
                        f"Attacking run {place + 1}: {known.done:,} of {known.total:,} images."
                    )
                    self._changed()
                self._sweeping.take(reader, place, known)
        finally:
            self._is_going, self.notice = False, ""
            self._changed()
