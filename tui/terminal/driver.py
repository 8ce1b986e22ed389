"""The terminal as the app uses it: as much as the line takes, and only while somebody is there."""

import asyncio
import codecs
import contextlib
import os
import select
import signal
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any

from textual import events
from textual.message import Message

from mnistop.engine.process.child import detach_from_terminal
from mnistop.tui.draw.capabilities import fills_erased_cells
from mnistop.tui.terminal.cell_diff import CellDiff
from mnistop.tui.terminal.faults import (
    can_be_continued,
    end_on_signals,
    end_soon,
    has_hung_up,
    stop_job,
)
from mnistop.tui.terminal.flow import PATIENCE, FlowControl, Writer
from mnistop.tui.terminal.replies import STATUS, Replies
from mnistop.tui.terminal.textual_hooks import DriverHooks, KeyParser

_CLEAR = "\x1b[0m\x1b[H\x1b[2J"
_ANSWER_SECONDS = 0.3
"""What is sent within this time of a key answers it."""
_STOP_SECONDS = 0.5
"""From asking to be stopped to finding that this has not happened, at least."""
_LOOK_SECONDS = 0.1
"""How long reading waits for more, before it looks whether the app ends."""


@dataclass
class EndRequested(Message):
    """A signal asks the app to end, or its terminal is gone."""

    code: int
    """The exit code: 128 + the signal's number."""


@dataclass
class NotSuspended(Message):
    """The app was to be suspended where no shell could continue it."""


class TerminalDriver(DriverHooks):
    """Textual's driver for Linux and macOS, which sends what the line takes and no more.

    Textual's queues every frame for a terminal that nobody reads, and then lets the app stand
    still. Here what is drawn is kept as a grid of cells (`CellDiff`); what differs from what was
    sent goes out in pieces, as fast as the terminal answers (`FlowControl`), newest first. On a
    signal to end, and when the terminal is gone without one, it sends `EndRequested`.

    While the app draws, standard error is the null device: helping processes inherit it, and the
    one that counts semaphores prints a traceback when it takes the place of one that was killed.
    """

    mouse_modes = (1000, 1002, 1006)
    """Buttons, moves with a button down, and both without a limit to columns (xterm's ctlseqs)."""
    is_stalled = False
    """Whether the terminal did not take the last words."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._writer: Writer | None = None
        self._terminal: int | None = None
        """What is drawn to, while standard error is elsewhere."""
        self._watched = False
        self._diff = CellDiff(fills_erased_cells(os.environ))
        self._flow = FlowControl()
        self._timer: asyncio.TimerHandle | None = None
        self._key_at = 0.0
        self.unsolicited_bytes = 0
        """Bytes so far, without those that answer a key or the mouse."""

    def start_application_mode(self) -> None:
        """Take over the terminal, for the first time or after a suspension."""
        if self._writer:  # continued by SIGCONT, but stopped by a SIGSTOP that nobody can hear
            self.suspend_application_mode()
            self.mark_resumption()
        if not self._watched:
            self._watched = True
            end_on_signals(self._request_end, lambda: has_hung_up(self.fileno))
            threading.Thread(target=self._watch_for_hang_up, daemon=True).start()
        stream = sys.__stderr__
        assert stream
        self._diff.forget()
        self._flow = FlowControl()
        self._terminal = _take(stream.fileno())
        self._writer = Writer(
            self._terminal, stream.encoding or "ascii", self._send_soon, self._hang_up
        )
        super().start_application_mode()  # type: ignore[no-untyped-call]
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGWINCH, self.report_size)
        if self.input_tty:
            self._writer.write(self._flow.begin())
            self._send_now_and_then()

    def suspend_job(self) -> None:
        """Stop as a job of the shell, with the terminal given back; go on if nobody stopped it."""
        if not can_be_continued():
            self.send_message(NotSuspended())
            return
        self.suspend_application_mode()
        self.mark_resumption()
        stop_job()
        self.loop.call_later(_STOP_SECONDS, self._go_on_unless_stopped)

    def _go_on_unless_stopped(self) -> None:
        """Take the terminal back if the system has found no shell to continue the job."""
        if not self._writer:
            self.resume_application_mode()
            self.send_message(NotSuspended())

    def disable_input(self) -> None:
        """Stop reading, once no answer is under way that the shell would take for typed keys."""
        self._flow.wait_until_answered(PATIENCE)
        super().disable_input()

    def stop_application_mode(self) -> None:
        """Restore the terminal, with nothing of the app on it.

        GNU screen and the Linux console have no second screen that could be left: there the
        shell would go on in the middle of the last frame.
        """
        self.write(_CLEAR)
        super().stop_application_mode()

    # What goes out

    def write(self, data: str) -> None:
        """Draw; controls are sent at once, cells once the frame is complete."""
        self._diff.draw(data)
        if self._writer and (controls := self._diff.take_controls()):
            self._writer.write(controls)

    def flush(self) -> None:
        """Send as much of a frame as the line takes; the rest follows as the terminal answers."""
        self._send()

    @property
    def line_is_free(self) -> bool:
        """True if what is drawn now would be sent at once."""
        return bool(
            self._writer
            and not self._writer.is_behind
            and self._diff.is_complete
            and self._flow.allowance()
        )

    def forget(self) -> None:
        """Forget the contents of the terminal, so that the next frame is sent whole."""
        self._diff.forget()

    def _send_soon(self) -> None:
        """Send the rest in a turn of the event loop, from any thread."""
        if self.loop.is_running():
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self._send)

    def _send_now_and_then(self) -> None:
        """Find out every second that the terminal does not answer, or that an answer was lost."""
        if self._timer:
            self._timer.cancel()
        if self._writer:
            self._send()
            self._timer = self.loop.call_later(1, self._send_now_and_then)

    def _send(self) -> None:
        if not self._writer or self._writer.is_behind:
            return
        answers_a_key = time.monotonic() < self._key_at + _ANSWER_SECONDS
        while allowance := self._flow.allowance(windows=2 if answers_a_key else 1):
            piece = self._diff.take(min(allowance, self._flow.piece))
            if not piece:
                break
            size = len(piece.encode())
            if not answers_a_key:
                self.unsolicited_bytes += size
            self._writer.write(piece + self._flow.sent(size))
        if request := self._flow.overdue():
            self._writer.write(request)

    # What comes in

    @property
    def quiet_seconds(self) -> float:
        """The seconds since the last key."""
        return time.monotonic() - self._key_at

    def process_message(self, message: Message) -> None:
        """Process a message from the terminal."""
        if isinstance(message, events.InputEvent):
            self._key_at = time.monotonic()
        super().process_message(message)

    def run_input_thread(self) -> None:
        """Read keys and answers until the app ends or the terminal is given back.

        What is no text in UTF-8 is left out, and so is what Textual cannot read.
        """
        poll = select.poll()
        poll.register(self.fileno, select.POLLIN)
        decode = codecs.getincrementaldecoder("utf-8")("ignore").decode
        parser, replies = KeyParser(), Replies()
        while not self.exit_event.is_set():
            read = poll.poll(_LOOK_SECONDS * 1000)
            data = os.read(self.fileno, 4096) if read else b""
            if read and not data:  # the terminal is gone
                return
            for piece in replies.pieces(decode(data)):
                if piece == STATUS:
                    self._flow.answered()
                    self._send_soon()
                elif isinstance(piece, events.Event):
                    self.process_message(piece)
                else:
                    parser.feed(piece, self.process_message)

    def close(self) -> None:
        """Release the terminal once it has the last output, or does not accept it."""
        super().close()
        if self._writer:
            self.is_stalled = not self._writer.close()
            self._writer = None
            self._give_back()

    def _give_back(self) -> None:
        """Restore standard error, to which the app drew."""
        assert self._terminal is not None
        assert sys.__stderr__
        os.dup2(self._terminal, sys.__stderr__.fileno())
        if not self.is_stalled:  # else the writer still waits for it
            os.close(self._terminal)
        self._terminal = None

    def send_message(self, message: Message) -> None:
        """Send a message to the app, if it still runs."""
        if self.loop.is_running():
            with contextlib.suppress(RuntimeError):
                super().send_message(message)

    def _watch_for_hang_up(self) -> None:
        if has_hung_up(self.fileno, None):
            self._hang_up()

    def _hang_up(self) -> None:
        detach_from_terminal()
        if self._terminal is not None:
            os.dup2(0, self._terminal)
        end_soon(128 + signal.SIGHUP)
        self._request_end(128 + signal.SIGHUP)

    def _request_end(self, code: int) -> None:
        self.send_message(EndRequested(code))


def _take(descriptor: int) -> int:
    """Replace a descriptor by the null device, and return a new one for the old file."""
    taken = os.dup(descriptor)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, descriptor)
    os.close(null)
    return taken
