"""The terminal as the app uses it: one frame at a time, and only while somebody is there."""

import asyncio
import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass

from textual import events
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Size
from textual.message import Message

from engine.process.stdio import leave_terminal
from tui.terminal.signals import end_on_signals, end_soon

_CLEAR = "\x1b[0m\x1b[H\x1b[2J"
_PATIENCE = 1.0
"""Seconds that the last words may take when the app ends and nobody reads them."""


@dataclass
class Written(Message):
    """All that was to be written has been taken by the terminal."""


@dataclass
class EndRequested(Message):
    """A signal asks the app to end, or its terminal is gone."""

    code: int
    """The exit code: 128 + the signal's number."""


class CalmDriver(LinuxDriver):
    """Textual's driver for Linux and macOS, with a writer of its own.

    Textual's keeps 30 frames for a terminal that nobody reads, and then lets the app stand still.
    This one says what is still to be written, and afterwards sends `Written`: so the app can draw
    the newest state instead of a backlog. On a signal to end, and when the terminal is gone without
    one, it sends `EndRequested`.

    While the app draws, standard error is the null device: helping processes inherit it, and the
    one that counts semaphores prints a traceback when it takes the place of one that was killed.
    """

    _writer: "Writer | None" = None
    _terminal: int | None = None
    """What is drawn to, while standard error is elsewhere."""
    _watched = False
    is_stalled = False
    """Whether the terminal did not take the last words."""

    def start_application_mode(self) -> None:
        """Takes over the terminal, for the first time or after a suspension."""
        if self._writer:  # continued by SIGCONT, but stopped by a SIGSTOP that nobody can hear
            self.suspend_application_mode()
            self._must_signal_resume = True
        if not self._watched:
            self._watched = True
            end_on_signals(self._request_end)
            threading.Thread(target=self._watch_for_hang_up, daemon=True).start()
        stream = sys.__stderr__
        assert stream
        self._terminal = _take(stream.fileno())
        self._writer = Writer(
            self._terminal,
            stream.encoding or "ascii",
            lambda: self.send_message(Written()),
            self._hang_up,
        )
        super().start_application_mode()  # type: ignore[no-untyped-call]
        asyncio.get_running_loop().add_signal_handler(signal.SIGWINCH, self._tell_size)

    def _tell_size(self) -> None:
        """Tells the terminal's size, in a turn of the event loop.

        Textual reads it wherever a signal interrupts the app, even within the same for the signal
        before: then the newer size was told first, and what is drawn fitted the older.
        """
        if not self._in_band_window_resize:
            size = Size(*self._get_terminal_size())
            self.send_message(events.Resize(size, size))

    def stop_application_mode(self) -> None:
        """Gives the terminal back, with nothing of the app on it.

        GNU screen and the Linux console have no second screen that could be left: there the
        shell would go on in the middle of the last frame.
        """
        self.write(_CLEAR)
        super().stop_application_mode()

    def write(self, data: str) -> None:
        """Hands text to the terminal without waiting for it."""
        if self._writer:
            self._writer.write(data)

    @property
    def is_behind(self) -> bool:
        """Whether the terminal has not taken all yet."""
        return bool(self._writer and self._writer.is_behind)

    def close(self) -> None:
        """Lets go of the terminal once it has got the last words, or does not take them."""
        super().close()
        if self._writer:
            self.is_stalled = not self._writer.close()
            self._writer = None
            self._give_back()

    def _give_back(self) -> None:
        """Makes what was drawn to the standard error again."""
        assert self._terminal is not None
        assert sys.__stderr__
        os.dup2(self._terminal, sys.__stderr__.fileno())
        if not self.is_stalled:  # else the writer still waits for it
            os.close(self._terminal)
        self._terminal = None

    def send_message(self, message: Message) -> None:
        """Sends a message to the app, if it is still there."""
        if self._loop.is_running():
            with contextlib.suppress(RuntimeError):
                super().send_message(message)

    def _watch_for_hang_up(self) -> None:
        poll = select.poll()
        poll.register(self.fileno, 0)
        if any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll()):
            self._hang_up()

    def _hang_up(self) -> None:
        leave_terminal()
        if self._terminal is not None:
            os.dup2(0, self._terminal)
        end_soon(128 + signal.SIGHUP)
        self._request_end(128 + signal.SIGHUP)

    def _request_end(self, code: int) -> None:
        self.send_message(EndRequested(code))


def _take(descriptor: int) -> int:
    """Puts the null device in the place of a descriptor, and returns a new one for what it was."""
    taken = os.dup(descriptor)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)
    os.close(null)
    return taken


class Writer:
    """Writes to a terminal in a thread of its own, in order.

    Args:
        descriptor: what to write to.
        encoding: how.
        when_written: called in that thread whenever nothing is left to write.
        when_gone: called in that thread if the terminal cannot be written to.
    """

    def __init__(
        self,
        descriptor: int,
        encoding: str,
        when_written: Callable[[], object],
        when_gone: Callable[[], object],
    ) -> None:
        self._descriptor = descriptor
        self._encoding = encoding
        self._when_written = when_written
        self._when_gone = when_gone
        self._unwritten: list[str] = []
        self._writing = False
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="terminal-output", daemon=True)
        self._thread.start()

    @property
    def is_behind(self) -> bool:
        """Whether something is still to be written."""
        return self._writing or bool(self._unwritten)

    def write(self, text: str) -> None:
        """Appends to what is to be written."""
        if text:
            with self._changed:
                self._unwritten.append(text)
                self._changed.notify()

    def close(self) -> bool:
        """Ends the thread, or leaves it behind if the terminal takes nothing.

        Returns:
            Whether all has been written.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(_PATIENCE)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while text := self._next():
            rest = memoryview(text.encode(self._encoding, "replace"))
            try:
                while rest:
                    rest = rest[os.write(self._descriptor, rest) :]
            except OSError:
                self._when_gone()
                return
            self._writing = False
            if not self._unwritten:
                self._when_written()

    def _next(self) -> str:
        with self._changed:
            while not self._unwritten and not self._closing:
                self._changed.wait()
            text = "".join(self._unwritten)
            self._unwritten.clear()
            self._writing = bool(text)
            return text
