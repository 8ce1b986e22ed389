"""Faults of the program, which need not end it, and signals of the system, which do."""

import asyncio
import contextlib
import os
import select
import signal
import threading
import time
import traceback
from collections.abc import Callable
from functools import wraps

import platformdirs
from textual import events, on
from textual.app import App
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.worker import Worker, WorkerState

from mnistop.engine.errors import host_error
from mnistop.engine.process.child import detach_from_terminal
from mnistop.tui.terminal.textual_hooks import DispatchHook

_said: dict[tuple[str, str, int | None], str] = {}
"""What was said of faults of one kind at one place; their tracebacks are written once."""


def in_words(error: Exception) -> str:
    """Return a sentence on an error, with the path of its traceback."""
    if lack := host_error(error):
        return str(lack)
    name = type(error).__name__
    what = f"{name}: {error}" if str(error) else name
    place = traceback.extract_tb(error.__traceback__)[-1]
    kind = (name, place.filename, place.lineno)
    if kind not in _said:
        where = _write(error)
        hint = f" Its traceback is in {where}." if where else ""
        _said[kind] = f"This is a fault of the program, {what}.{hint} Training is not affected."
    return _said[kind]


def _write(error: Exception) -> str:
    """Append a traceback; return the file, or nothing if it cannot be written."""
    with contextlib.suppress(OSError, RuntimeError):  # the latter of a user without a home
        path = platformdirs.user_log_path("mnistop") / "faults.txt"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with open(descriptor, "a", encoding="utf-8") as file:
            file.write(f"{time.strftime('%F %T')}\n{''.join(traceback.format_exception(error))}\n")
        return str(path)
    return ""


class FaultTolerant(DispatchHook):
    """A part of the app that reports failed handlers, timers and workers and goes on.

    Composing has to succeed, and what the app does before it has a screen: there is nothing to go
    on with otherwise.
    """

    def survive(self, error: Exception, message: Message) -> bool:
        """Report an exception in a handler, but for the app's `Mount`: raise that."""
        if isinstance(self, App) and isinstance(message, events.Mount):
            return False
        self.say_fault(error)
        return True

    @on(Worker.StateChanged)
    def _on_worker_state_changed(self, message: Worker.StateChanged) -> None:
        """Report a failed worker."""
        error = message.worker.error
        if message.state == WorkerState.ERROR and isinstance(error, Exception):
            self.say_fault(error)

    def every(self, seconds: float, act: Callable[[], object]) -> Timer:
        """Call something again and again, and report a fault in it once."""
        return self.set_interval(seconds, self._tolerant(act))

    def after_refresh(self, act: Callable[[], object]) -> None:
        """Call something after the next frame."""
        self.call_after_refresh(self._tolerant(act))

    def _tolerant(self, act: Callable[[], object]) -> Callable[[], None]:
        said: set[str] = set()

        @wraps(act)
        def tolerant() -> None:
            try:
                act()
            except Exception as error:
                if (fault := in_words(error)) not in said:
                    said.add(fault)
                    self.say_fault(error)

        return tolerant

    def say_fault(self, error: Exception) -> None:
        """Report an error."""
        self.app.notify(in_words(error), severity="error", markup=False, timeout=15)


class FaultTolerantWidget(FaultTolerant, Widget):
    """A widget in whose place nothing is drawn where it cannot be drawn."""

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines for Textual's compositor."""
        try:
            return super().render_lines(crop)
        except Exception as error:
            self.say_fault(error)
            return [Strip.blank(crop.width)] * crop.height


_ENDING = (
    signal.SIGTERM,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGHUP,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGXCPU,
)
_AT_MOST = 1.8
"""Seconds from the signal to the end of the process, whatever it is busy with."""


def end_on_signals(end: Callable[[int], object], is_gone: Callable[[], bool]) -> None:
    """End the app in good order on the signals that ask for it.

    Batch systems warn of the end of a job by SIGUSR1, SIGUSR2 or SIGXCPU.

    Args:
        end: called with the exit code, 128 + the signal's number.
        is_gone: whether there is no terminal any more; SIGHUP may also come from `kill -HUP`.
    """
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        if number == signal.SIGHUP and is_gone():
            detach_from_terminal()
        end_soon(128 + number)
        end(128 + number)

    for number in _ENDING:
        loop.add_signal_handler(number, on_signal, number)


def end_soon(code: int) -> None:
    """End the process before long, even while a thread of it waits for something.

    Args:
        code: the exit code.
    """
    timer = threading.Timer(_AT_MOST, os._exit, [code])
    timer.daemon = True
    timer.start()


def has_hung_up(descriptor: int, seconds: float | None = 0) -> bool:
    """Return whether the terminal behind a descriptor is gone.

    Args:
        descriptor: of the terminal.
        seconds: how long to wait for that; None for as long as it takes.
    """
    poll = select.poll()
    poll.register(descriptor, 0)
    gone = select.POLLHUP | select.POLLERR | select.POLLNVAL
    found = poll.poll(None if seconds is None else seconds * 1000)
    return any(event & gone for _, event in found)


def can_be_continued() -> bool:
    """Return whether a shell with job control seems to wait for this process group.

    It has put the group into being and leads the session from another one. A command of
    `ssh -tt HOST`, of `sh -c`, or of a terminal's own is in the group that the leader is in, or its
    parent is in another session: whatever stops it, nobody will continue it.
    """
    session = os.getsid(0)
    if os.getpgrp() == session:
        return False
    try:
        return os.getsid(os.getppid()) == session
    except OSError:
        return False


def stop_job() -> None:
    """Stop this process as a shell expects it: with those that started it from a script.

    The system lets a process group be that no shell could continue.
    """
    is_leader = os.getpgrp() == os.getpid()
    before = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid() if is_leader else 0, signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, before)
