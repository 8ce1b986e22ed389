"""Follows a run and shows it, and answers Ctrl+C and the other signals meanwhile."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from engine import worker
from engine.errors import RunError
from engine.history import History, reduce
from engine.runs import Run
from tui.cli.output import OutputClosedError, remark
from tui.cli.processes import leave, warm_up
from tui.cli.views import View


class Watch:
    """The way of one run from its start to its end, before a person's eyes.

    Args:
        view: what shows it.
        stops: whether Ctrl+C and SIGTERM stop the run and wait until it has saved, and only when
            they come again leave at once; otherwise they leave at once and the run goes on.
    """

    def __init__(self, view: View, stops: bool) -> None:
        self._view = view
        self._stops = stops
        self._run: Run | None = None
        self.asked: signal.Signals | None = None
        """The signal that asked for the stop, if any."""

    async def launch(self, start: Callable[[], Run], message: str) -> Run:
        """Starts a run, which takes a moment.

        Args:
            start: returns once there is a run, or raises.
            message: what is waited for meanwhile.

        Raises:
            MnistopError: what `start` raises.
        """
        warm_up()
        with self._signals():
            try:
                self._view.wait(message)
                self._run = await asyncio.to_thread(start)
                self._stop_if_asked()
            except BaseException:
                self._view.close()
                raise
        return self._run

    def close(self) -> None:
        """Shows nothing more of the run."""
        self._view.close()

    async def follow(self, run: Run) -> History:
        """Shows all that the run says, until its last event."""
        self._run = run
        history = History()
        with self._signals():
            try:
                self._view.begin(run, run.config())
                async for batch in worker.follow(run):
                    history = reduce(history, batch)
                    self._view.update(batch, history)
            except OutputClosedError:
                if run.is_running():
                    remark(f"run {run.name} goes on; this stops it: mnistop stop {run.name}")
                raise
            finally:
                self._view.close()
        return history

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        handled = [one for one in numbers if signal.getsignal(one) is not signal.SIG_IGN]
        for number in handled:
            loop.add_signal_handler(number, self._answer, number)
        try:
            yield
        finally:
            for number in handled:
                loop.remove_signal_handler(number)

    def _answer(self, number: signal.Signals) -> None:
        if number == signal.SIGHUP:
            self._leave(number)
        elif not self._stops:
            self._leave(number, "goes on; this stops it:", "stop")
        elif self.asked:
            self._leave(number, "stops and saves by itself; this goes on with it:", "resume")
        else:
            self.asked = number
            with suppress(OutputClosedError):
                self._view.wait("stopping and saving; Ctrl+C again leaves at once")
            self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self._run and self.asked:
            with suppress(RunError):
                worker.stop(self._run)

    def _leave(self, number: signal.Signals, fate: str = "", command: str = "") -> None:
        with suppress(OutputClosedError, OSError):
            self._view.close()
        if self._run and command:
            remark(f"run {self._run.name} {fate} mnistop {command} {self._run.name}")
        leave(number)
