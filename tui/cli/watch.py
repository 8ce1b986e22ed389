"""Follows what goes on in other processes, and answers Ctrl+C and the other signals meanwhile."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Generic, NoReturn, Protocol, TypeVar

from mnistop.engine import worker
from mnistop.engine.errors import RunError
from mnistop.engine.process.temporary import remove_temporary_folder
from mnistop.engine.runs.folder import Folder
from mnistop.engine.runs.history import History, reduce
from mnistop.engine.runs.lookup import typed
from mnistop.engine.runs.run_folder import Run
from mnistop.tui.cli.output import OutputClosedError, remark
from mnistop.tui.cli.run_view import View


class Waiting(Protocol):
    """Shows what is waited for."""

    def wait(self, message: str) -> None:
        """Something takes its time."""

    def stopping(self) -> None:
        """It has been asked to stop and save."""

    def close(self) -> None:
        """Leaves the terminal as it was."""


_ENDING = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGXCPU,
)
"""What asks for the end; batch systems warn of that of a job by the last three."""

T = TypeVar("T", bound=Folder)


class Watch(Generic[T]):
    """The way of a run or a sweep from its start to its end, before a person's eyes.

    Args:
        kind: what it is, in a word.
        view: what shows it.
        stop: asks it to stop and save.
        stops: whether Ctrl+C, SIGTERM and the warnings of batch systems stop it and wait until it
            has saved, and only when they come again leave at once; otherwise they leave at once and
            it goes on.
        leave: is told of what goes on when its terminal has gone away, or its output; and by a
            signal to leave what it was to stop.
    """

    def __init__(
        self,
        kind: str,
        view: Waiting,
        stop: Callable[[T], None],
        stops: bool,
        leave: Callable[[T], None] = lambda going: None,
    ) -> None:
        self._kind = kind
        self._view = view
        self._stop = stop
        self._stops = stops
        self._leaving = leave
        self._going: T | None = None
        self.asked: signal.Signals | None = None
        """The signal that asked for the stop, if any."""

    async def launch(self, start: Callable[[], T], message: str) -> T:
        """Starts it, which takes a moment.

        Args:
            start: returns once it is there, or raises.
            message: what is waited for meanwhile.

        Raises:
            MnistopError: what `start` raises.
        """
        warm_up()
        with self._signals():
            try:
                self._view.wait(message)
                self._going = await asyncio.to_thread(start)
                self._stop_if_asked()
            except BaseException as error:
                self._view.close()
                if self.asked and isinstance(error, RunError):  # what was to start it has ended too
                    leave(self.asked)
                raise
        return self._going

    def warn(self, warnings: Iterable[str]) -> None:
        """Print warnings on stderr, where they stay; empty ones are none."""
        for warning in filter(None, warnings):
            self._view.close()
            remark(warning)

    def close(self) -> None:
        """Shows nothing more of it."""
        self._view.close()

    @contextmanager
    def following(self, going: T) -> Iterator[None]:
        """Answers signals while something is followed, and leaves the terminal as it was."""
        self._going = going
        with self._signals():
            try:
                yield
            except OutputClosedError:
                self._leaving(going)
                if going.is_running():
                    stops = f"; this stops it: mnistop stop {typed(going)}"
                    remark(f"{self._kind} {going.name} goes on{stops * going.is_ours}")
                raise
            finally:
                self._view.close()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        handled = [one for one in _ENDING if signal.getsignal(one) is not signal.SIG_IGN]
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
        elif not self._stops and self._going and not self._going.is_ours:
            self._leave(number, "goes on; this watches it again:", "follow")
        elif not self._stops:
            self._leave(number, "goes on; this stops it:", "stop")
        elif self.asked:
            self._leave(number, "stops and saves by itself; this goes on with it:", "resume")
        else:
            self.asked = number
            with suppress(OutputClosedError):
                self._view.stopping()
            self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self._going and self.asked:
            with suppress(RunError):
                self._stop(self._going)

    def _leave(self, number: signal.Signals, fate: str = "", command: str = "") -> None:
        if self._going and (self._stops or number == signal.SIGHUP):
            self._leaving(self._going)
        with suppress(OutputClosedError, OSError):
            self._view.close()
        if self._going and command:
            name = self._going.name
            remark(f"{self._kind} {name} {fate} mnistop {command} {typed(self._going)}")
        leave(number)


class RunWatch(Watch[Run]):
    """Watches one run.

    Args:
        view: what shows it.
        stops: as for `Watch`, and so the next.
        leave: what is to be done with a run that goes on.
    """

    def __init__(
        self, view: View, stops: bool, leave: Callable[[Run], None] = lambda going: None
    ) -> None:
        super().__init__("run", view, worker.stop, stops, leave)
        self._events = view

    async def follow(self, run: Run) -> History:
        """Shows all that the run says, until its last event."""
        history = History()
        with self.following(run):
            self._events.begin(run, run.config())
            async for batch in worker.follow(run):
                history = reduce(history, batch)
                self._events.update(batch, history)
        return history


def warm_up() -> None:
    """Starts the fork server, out of reach of a Ctrl+C that is meant for this process."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker.warm_up()
    finally:
        signal.signal(signal.SIGINT, before)


def leave(number: int) -> NoReturn:
    """Ends this process at once, as by a signal; what it started for itself ends with it."""
    for helper in multiprocessing.active_children():
        helper.terminate()
    remove_temporary_folder()
    os._exit(128 + number)
