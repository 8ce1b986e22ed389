"""Follows what goes on in other processes, and answers Ctrl+C and the other signals meanwhile."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import ClassVar, Generic, NoReturn, Protocol, TypeVar

from mnistop.engine import worker
from mnistop.engine.errors import RunError
from mnistop.engine.formatting import count
from mnistop.engine.process.fork_server import remove_temporary_folder
from mnistop.engine.runs.lookup import typed
from mnistop.engine.runs.run_folder import Run
from mnistop.engine.runs.sweep_folder import Sweep
from mnistop.tui.cli.arguments import EndNotice
from mnistop.tui.cli.output import OutputClosedError, Printer, print_note

T = TypeVar("T", Run, Sweep)
Shown = TypeVar("Shown", Run, Sweep, contravariant=True)

_ENDING = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGXCPU,
)
"""The signals that ask for the end; batch systems warn of that of a job by the last three."""


class View(Protocol[Shown]):
    """A view of a run or a sweep until its end."""

    kind: ClassVar[str]
    """`run` or `sweep`."""
    printer: Printer
    state: str
    """Its last state, once `print_end` has been called."""
    went_well: bool
    """True if nothing is wrong with that end."""

    def stop(self, going: Shown) -> None:
        """Ask it to stop and save."""

    async def follow(self, going: Shown) -> None:
        """Print how it goes, until its end."""

    def print_end(self, going: Shown) -> None:
        """Print how it has ended."""


class Watch(Generic[T]):
    """The way of a run or a sweep from its start to its end, before a person's eyes.

    Args:
        view: what shows it.
        ending: what is to be done at its end; if its terminal or its output goes away before, or
            a signal leaves what it was to stop, by a process of its own.
        stops: whether Ctrl+C, SIGTERM and the warnings of batch systems stop it and wait until it
            has saved, and only when they come again leave at once; otherwise they leave at once and
            it goes on.
    """

    def __init__(self, view: View[T], ending: EndNotice, stops: bool) -> None:
        self._view: View[T] = view
        self._ending = ending
        self._stops = stops
        self._going: T | None = None
        self.asked: signal.Signals | None = None
        """The signal that asked for the stop, if any."""

    async def launch(self, start: Callable[[], tuple[T, str]], message: str) -> T:
        """Start it, which takes a moment.

        Args:
            start: returns it once it is there, with a warning or nothing; or raises.
            message: what is waited for meanwhile.

        Raises:
            MnistopError: what `start` raises.
        """
        warm_up()
        with self._signals():
            try:
                self._view.printer.wait(message)
                going, warning = await asyncio.to_thread(start)
                self._going = going
                self._stop_if_asked()
            except BaseException as error:
                self._view.printer.close()
                if self.asked and isinstance(error, RunError):  # what was to start it has ended too
                    leave(self.asked)
                raise
        if warning:
            self._view.printer.close()
            print_note(warning)
        return going

    async def follow(self, going: T) -> None:
        """Show it to its end; answer signals meanwhile, and leave the terminal as it was."""
        self._going = going
        with self._signals():
            try:
                await self._view.follow(going)
            except OutputClosedError:
                self._ending.left(going)
                if going.is_running():
                    stops = f"; this stops it: mnistop stop {typed(going)}"
                    print_note(f"{self._view.kind} {going.name} goes on{stops * going.is_ours}")
                raise
            finally:
                self._view.printer.close()

    def print_end(self, going: T) -> int:
        """Print how it has ended, and do what is to be done then; return the exit code."""
        try:
            self._view.print_end(going)
        finally:
            self._ending.reached(going)
        if self._stops and self._view.state == "stopped":
            return 128 + self.asked if self.asked else 1
        return 0 if self._view.went_well else 1

    def detach(self, going: T) -> None:
        """Leave it to itself, and print its name."""
        printer, name = self._view.printer, going.name
        printer.close()
        self._ending.left(going)
        printer.out.print(json.dumps({self._view.kind: name}) if printer.as_json else name)
        words, them = "It trains by itself", "it"
        if isinstance(going, Sweep):
            words, them = f"{count(len(going.plan().configs), 'run')} train by themselves", "them"
        print_note(
            f"{words}: mnistop follow {name} watches {them}, mnistop stop {name} stops {them}."
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
            self._leave(number, "goes on; this watches it again:", "follow")
        elif not self._stops:
            self._leave(number, "goes on; this stops it:", "stop")
        elif self.asked:
            self._leave(number, "stops and saves by itself; this goes on with it:", "resume")
        else:
            self.asked = number
            with suppress(OutputClosedError):
                self._view.printer.stopping()
            self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self._going and self.asked:
            with suppress(RunError):
                self._view.stop(self._going)

    def _leave(self, number: signal.Signals, fate: str = "", command: str = "") -> None:
        if self._going and (self._stops or number == signal.SIGHUP):
            self._ending.left(self._going)
        with suppress(OutputClosedError, OSError):
            self._view.printer.close()
        if self._going and command:
            name = self._going.name
            print_note(f"{self._view.kind} {name} {fate} mnistop {command} {typed(self._going)}")
        leave(number)


def train(
    view: View[T],
    ending: EndNotice,
    start: Callable[[], tuple[T, str]],
    message: str,
    detach: bool = False,
) -> int:
    """Start a run or a sweep, or resume one, and show it to its end.

    Args:
        view: what shows it.
        ending: what is to be done at its end.
        start: returns it once it is there, with a warning or nothing; or raises.
        message: what is waited for meanwhile.
        detach: whether to leave it at once.

    Returns:
        The exit code.
    """
    if detach:
        ending.refuse_bell()
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
    """Show a run or a sweep until its end; Ctrl+C leaves it going on. Return the exit code."""
    watch = Watch(view, ending, stops=False)
    asyncio.run(watch.follow(going))
    return watch.print_end(going)


def warm_up() -> None:
    """Start the fork server, out of reach of a Ctrl+C that is meant for this process."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker.warm_up()
    finally:
        signal.signal(signal.SIGINT, before)


def leave(number: int) -> NoReturn:
    """End this process at once, as by a signal; what it started for itself ends with it."""
    for helper in multiprocessing.active_children():
        helper.terminate()
    remove_temporary_folder()
    os._exit(128 + number)
