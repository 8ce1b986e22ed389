"""Watch a run or a sweep until its end, and handle Ctrl+C and other signals."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

import click

from mnistop.engine import worker
from mnistop.engine.errors import RunError
from mnistop.engine.formatting import count
from mnistop.engine.process.fork_server import remove_temporary_folder
from mnistop.engine.runs.lookup import typed
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.options import EndNotice, named
from mnistop.tui.cli.output import OutputClosedError, Printer, print_note

if TYPE_CHECKING:
    from rich.console import RenderableType

T = TypeVar("T", Run, Sweep)

_ENDING = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGXCPU,
)
"""Signals that ask to stop; batch systems send the last three before they end a job."""

_NARROWEST_BAR, _WIDEST_BAR = 5, 60
_MARGIN = 3
"""Room for the ^C that terminals print, which must not break the line."""


class View(ABC, Generic[T]):
    """A view of a run or a sweep until its end.

    Args:
        out: prints it.
    """

    def __init__(self, out: Printer) -> None:
        self.out = out
        out.go_live(self.progress)

    @abstractmethod
    async def follow(self, going: T) -> None:
        """Print how it goes, until its end."""

    @abstractmethod
    def progress(self, width: int) -> RenderableType | None:
        """Draw the progress at a width in cells; return None before it is known."""

    @abstractmethod
    def print_end(self, going: T) -> tuple[str, bool]:
        """Print how it has ended; return its last state, and True if it ended as planned."""

    def bar(self, left: str, fraction: float, right: str, width: int) -> RenderableType:
        """Draw a progress bar between two texts; the texts alone if there is no room for it.

        Args:
            left: the text before the bar.
            fraction: the progress, in [0, 1].
            right: the text after the bar.
            width: cells of the line.
        """
        from rich.segment import Segment
        from rich.text import Text

        from mnistop.tui.draw.bars import progress
        from mnistop.tui.draw.cells import Strip, printable

        left, right = self.out.clean(left), self.out.clean(right)
        room = width - len(left) - len(right) - _MARGIN
        if room < _NARROWEST_BAR:
            return Text(left + right, no_wrap=True, overflow="crop")
        before, after = (Strip([Segment(text)], len(text)) for text in (left, right))
        [bar] = progress(fraction, min(room, _WIDEST_BAR), self.out.terminal)
        return printable([Strip.join([before, bar, after])])


class Watch(Generic[T]):
    """The watch over a run or a sweep: starts it, shows it until its end, and handles signals.

    Args:
        view: prints it.
        ending: notifies at the end; if this process exits earlier, a separate process does.
        stops: True if Ctrl+C, SIGTERM and the warnings of batch systems stop it and wait until it
            is saved, and a second one exits at once; False if they exit at once and it continues.
    """

    def __init__(self, view: View[T], ending: EndNotice, stops: bool) -> None:
        self._view: View[T] = view
        self._out = view.out
        self._ending = ending
        self._stops = stops
        self._going: T | None = None
        self.asked: signal.Signals | None = None
        """The signal that requested the stop, if any."""

    async def launch(self, start: Callable[[], tuple[T, str]], message: str) -> T:
        """Start it.

        Args:
            start: blocks until it has started, and returns it with a warning, which may be empty.
            message: shown meanwhile.

        Raises:
            MnistopError: raised by `start`.
        """
        warm_up()
        with self._signals():
            try:
                self._out.wait(message)
                going, warning = await asyncio.to_thread(start)
                self._going = going
                self._stop_if_asked()
            except BaseException as error:
                self._out.close()
                if self.asked and isinstance(error, RunError):  # the fork server got the signal too
                    leave(self.asked)
                raise
        if warning:
            self._out.close()
            print_note(warning)
        return going

    async def follow(self, going: T) -> None:
        """Show it until its end and handle signals; restore the terminal."""
        self._going = going
        with self._signals():
            try:
                await self._view.follow(going)
            except OutputClosedError:
                self._ending.leave_watcher(going)
                if going.is_running():
                    stops = f"; to stop it: mnistop stop {typed(going)}"
                    print_note(f"{named(going)} continues{stops * going.is_ours}")
                raise
            finally:
                self._out.close()

    def print_end(self, going: T) -> int:
        """Print how it has ended, notify, and return the exit code."""
        try:
            state, went_well = self._view.print_end(going)
        finally:
            self._ending.send(going)
        if self._stops and state == "stopped":
            return 128 + self.asked if self.asked else 1
        return 0 if went_well else 1

    def detach(self, going: T) -> None:
        """Print its name and leave it in the background."""
        self._out.close()
        self._ending.leave_watcher(going)
        self._out.print(going.name)
        self._out.print_json({type(going).__name__.lower(): going.name}, indent=None)
        what, them = "Training", "it"
        if isinstance(going, Sweep):
            what, them = f"Training {count(len(going.plan().configs), 'run')}", "them"
        print_note(
            f"{what} in the background: mnistop follow {going.name} shows {them}, "
            f"mnistop stop {going.name} stops {them}."
        )

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
            self._leave(number, "continues; to watch it again:", "follow")
        elif not self._stops:
            self._leave(number, "continues; to stop it:", "stop")
        elif self.asked:
            self._leave(number, "is stopping and saving; to resume it:", "resume")
        else:
            self.asked = number
            with suppress(OutputClosedError):
                self._out.stopping()
            self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self._going and self.asked:
            with suppress(RunError):
                worker.stop(self._going)

    def _leave(self, number: signal.Signals, fate: str = "", command: str = "") -> None:
        if self._going and (self._stops or number == signal.SIGHUP):
            self._ending.leave_watcher(self._going)
        with suppress(OutputClosedError, OSError):
            self._out.close()
        if self._going and command:
            print_note(f"{named(self._going)} {fate} mnistop {command} {typed(self._going)}")
        leave(number)


def train(
    view: View[T],
    ending: EndNotice,
    start: Callable[[], tuple[T, str]],
    message: str,
    detach: bool = False,
) -> int:
    """Start a run or a sweep, or resume one, and show it until its end.

    Args:
        view: prints it.
        ending: notifies at its end.
        start: as for `Watch.launch`.
        message: shown while it starts.
        detach: True to leave it in the background.

    Returns:
        The exit code.
    """
    if detach and ending.bell:
        raise click.UsageError(
            "--bell cannot ring at the end, as --detach returns at once: leave one of them out, or "
            "use --notify."
        )
    watch = Watch(view, ending, stops=True)

    async def launch_and_follow() -> tuple[T, bool]:
        going = await watch.launch(start, message)
        is_followed = not detach or bool(watch.asked)
        if is_followed:
            await watch.follow(going)
        return going, is_followed

    going, is_followed = asyncio.run(launch_and_follow())
    if is_followed:
        return watch.print_end(going)
    watch.detach(going)
    return 0


def follow(view: View[T], ending: EndNotice, going: T) -> int:
    """Show a run or a sweep until its end, and return the exit code; Ctrl+C only exits."""
    watch = Watch(view, ending, stops=False)
    asyncio.run(watch.follow(going))
    return watch.print_end(going)


def warm_up() -> None:
    """Start the fork server, shielded from a Ctrl+C meant for this process."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker.warm_up()
    finally:
        signal.signal(signal.SIGINT, before)


def leave(number: int) -> NoReturn:
    """Exit at once, as if killed by a signal, together with the processes that help this one."""
    for helper in multiprocessing.active_children():
        helper.terminate()
    remove_temporary_folder()
    os._exit(128 + number)
